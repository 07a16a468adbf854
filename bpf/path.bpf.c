// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * path.bpf.c - what files are called.
 *
 * A name is put together from the directory entries above the file, up to the process's
 * root, hashed, and sent once; the reason of a wait has the hash.  A thread remembers
 * the last files that it waited for: their names are looked at again only when
 * the entry has changed.
 */
#include "calls.bpf.h"

#define PATH_STEPS 24		/* directories and mounts on the way up */

/* Names that user space has been sent; there is room for so many files, and no more. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u8);
} paths SEC(".maps");

struct wt_path_ctx {
	struct wt_scratch *s;
};

/* One step up: a name is noted, or a mount is crossed.  1: at the top. */
static long wt_path_step(__u32 i, struct wt_path_ctx *c)
{
	struct wt_path_walk *p = &c->s->path;
	struct dentry *d = (void *)p->dentry, *parent;
	struct vfsmount *mnt = (void *)p->mnt;
	struct mount *m, *up;
	__u32 n = p->ev.n;

	if (p->dentry == p->root_dentry && p->mnt == p->root_mnt)
		return 1;
	parent = BPF_CORE_READ(d, d_parent);
	if (d == parent || (mnt && BPF_CORE_READ(mnt, mnt_root) == d)) {
		if (!mnt)
			return 1;
		m = (void *)mnt - bpf_core_field_offset(struct mount, mnt);
		up = BPF_CORE_READ(m, mnt_parent);
		if (!up || up == m)
			return 1;
		p->dentry = (__u64)BPF_CORE_READ(m, mnt_mountpoint);
		p->mnt = (__u64)up + bpf_core_field_offset(struct mount, mnt);
		return 0;
	}
	if (n >= WT_PATH_PARTS) {
		p->ev.flags |= WT_PATH_CUT;
		return 1;
	}
	bpf_probe_read_kernel_str(p->ev.part[n & (WT_PATH_PARTS - 1)], WT_PATH_PART,
				  BPF_CORE_READ(d, d_name.name));
	p->ev.n = n + 1;
	p->dentry = (__u64)parent;
	return 0;
}

static __always_inline void wt_path_clear(struct wt_path_walk *p)
{
	__builtin_memset(&p->ev, 0, sizeof(p->ev));
	p->ev.h.type = WT_EV_PATH;
}

/* Sends what p->ev holds unless it is known; its id.  Global, and so proved once for all who call it. */
__noinline __u64 wt_path_send(struct wt_scratch *s)
{
	struct wt_ev_path *e;
	__u64 *word, id;
	__u8 one = 1;

	if (!s)
		return 0;
	e = &s->path.ev;
	word = (__u64 *)e->part;
	id = wt_hash_add(e->flags, e->n);
	for (__u32 i = 0; i < sizeof(e->part) / 8; i++)
		id = wt_hash_add(id, word[i]);
	id = wt_mix(id) | 1ULL << 63;
	if (bpf_map_lookup_elem(&paths, &id))
		return id;
	if (bpf_map_update_elem(&paths, &id, &one, BPF_NOEXIST)) {
		wt_lost(WT_LOSS_PATHS);
		return WT_PATH_OTHER;
	}
	e->id = id;
	e->h.ts_ns = bpf_ktime_get_ns();
	if (bpf_ringbuf_output(&ring, e, sizeof(*e), BPF_RB_NO_WAKEUP)) {
		wt_lost(WT_LOSS_PATH_RING);
		bpf_map_delete_elem(&paths, &id);
	}
	return id;
}

/* From an entry up to the root of that task. */
static __always_inline __u64 wt_path_walk_up(struct wt_scratch *s, struct task_struct *t,
					     struct dentry *d, __u64 mnt, bool unhashed)
{
	struct wt_path_ctx c = { s };
	struct wt_path_walk *p = &s->path;

	wt_path_clear(p);
	p->dentry = (__u64)d;
	p->mnt = mnt;
	p->root_dentry = (__u64)BPF_CORE_READ(t, fs, root.dentry);
	p->root_mnt = mnt ? (__u64)BPF_CORE_READ(t, fs, root.mnt) : 0;
	if (unhashed)
		p->ev.flags = WT_PATH_DELETED;
	bpf_loop(PATH_STEPS, wt_path_step, &c, 0);
	return wt_path_send(s);
}

/* which: of the names that the thread remembers, the one to look at. */
static __always_inline __u64 wt_path_of_file(struct wt_scratch *s, struct wt_task *w, struct file *f,
					     __u32 which)
{
	struct task_struct *t = (void *)w->address;
	struct dentry *d, *parent;
	struct wt_memo *m;
	__u64 name, id;
	bool unhashed;

	d = BPF_CORE_READ(f, f_path.dentry);
	/* its hash and length change with the name, its parent with the directory */
	name = BPF_CORE_READ(d, d_name.hash_len);
	parent = BPF_CORE_READ(d, d_parent);
	unhashed = !BPF_CORE_READ(d, d_hash.pprev) && d != parent;
	m = &w->memo[which & (WT_MEMOS - 1)];
	if (m->dentry == (__u64)d && m->name == name && m->id &&
	    m->parent == ((__u64)parent | unhashed))
		return m->id;
	id = wt_path_walk_up(s, t, d, (__u64)BPF_CORE_READ(f, f_path.mnt), unhashed);
	m->dentry = (__u64)d;
	m->name = name;
	m->parent = (__u64)parent | unhashed;
	m->id = id;
	return id;
}

__u64 wt_path_of_fd(struct wt_scratch *s, struct wt_task *w, __u32 fd)
{
	struct file *f;

	if (!s || !w || !(cfg_opts & WT_OPT_PATHS))
		return 0;
	f = w->call_fd == fd + 1 && w->call_switch == w->switches ? (void *)w->call_file :
		wt_file((void *)w->address, fd);
	return f ? wt_path_of_file(s, w, f, fd) : 0;
}

static long wt_mapped_found(struct task_struct *t, struct vm_area_struct *vma, __u64 *file)
{
	*file = (__u64)BPF_CORE_READ(vma, vm_file);
	return 0;
}

int wt_on_mapping(struct wt_scratch *s, struct wt_task *w, __u64 at)
{
	struct wt_reason *r;
	__u64 mapped = 0, id = 0;
	struct file *f;

	if (!s || !w)
		return 0;
	/* it fails where somebody changes the address space at this moment */
	bpf_find_vma(bpf_get_current_task_btf(), at, wt_mapped_found, &mapped, 0);
	if (!mapped)
		return 0;
	f = (void *)mapped;
	r = &s->reason.reason;
	wt_on_inode(r, (__u64)BPF_CORE_READ(f, f_inode));
	if (cfg_opts & WT_OPT_PATHS)
		id = wt_path_of_file(s, w, f, at >> 12);
	__builtin_memcpy(r->addr, &id, sizeof(id));
	return 1;
}

/* Of the node that links an inode's entries. */
static __always_inline __u64 wt_alias_offset(void)
{
	if (bpf_core_field_exists(struct dentry, d_u))
		return bpf_core_field_offset(struct dentry, d_u);
	return bpf_core_field_offset(struct dentry___flat, d_alias);
}

/* Of a mapping only the inode is known: any name that it has, and not where it is mounted. */
__u64 wt_path_of_inode(struct wt_scratch *s, struct wt_task *w, __u64 inode)
{
	struct inode *ino = (void *)inode;
	struct super_block *sb;
	struct hlist_node *first;
	struct task_struct *t;
	struct dentry *d;
	__u64 mnt = 0;

	if (!s || !w || !inode || !(cfg_opts & WT_OPT_PATHS))
		return 0;
	first = BPF_CORE_READ(ino, i_dentry.first);
	if (!first)
		return 0;
	t = (void *)w->address;
	sb = BPF_CORE_READ(ino, i_sb);
	if (BPF_CORE_READ(t, fs, root.mnt, mnt_sb) == sb)
		mnt = (__u64)BPF_CORE_READ(t, fs, root.mnt);
	d = (void *)first - wt_alias_offset();
	return wt_path_walk_up(s, t, d, mnt, !BPF_CORE_READ(d, d_hash.pprev));
}

__u64 wt_path_of_argument(struct wt_scratch *s, __u64 at)
{
	long n;

	if (!s || !(cfg_opts & WT_OPT_PATHS))
		return 0;
	wt_path_clear(&s->path);
	n = bpf_probe_read_user_str(s->path.ev.part, sizeof(s->path.ev.part), (void *)at);
	if (n <= 1)
		return 0;
	s->path.ev.flags = WT_PATH_ARGUMENT;
	return wt_path_send(s);
}

/*
 * A page of a file has to be read, or made ready, for a fault: if that blocks, this is
 * the file.  The instruction tells whether it still is this fault.
 */
SEC("?tp_btf/mm_filemap_fault")
int BPF_PROG(wt_filemap_fault, struct address_space *mapping, unsigned long index)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct wt_task *w = wt_task_of(t);

	if (!w)
		return 0;
	w->fault_inode = (__u64)BPF_CORE_READ(mapping, host);
	w->fault_ip = wt_user_ip(t);
	return 0;
}
