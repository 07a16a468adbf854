// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * write.bpf.c - what traced processes write to logs, pipes and terminals: text
 * for user space to find units of work in, and the boundaries of epochs.
 *
 * It is looked at when the system call returns: then it is known how much was
 * written, the memory it came from was just read, and the time of the write
 * belongs to the work that the line is about.
 */
#include "charge.bpf.h"
#include "epoch.bpf.h"
#include "record.bpf.h"

#define O_APPEND 02000
#define AF_UNIX 1
#define SOCK_STREAM 1
#define NAME_LEN 64

/*
 * The parts of a write: one, or those of a vector.  In a map, for the verifier:
 * what it does not know the value of, it need not follow through every turn.
 */
struct wt_parts {
	__u64 vec;			/* struct iovec *, 0: none */
	__u64 base, len;		/* of the part at hand */
	__u64 left;			/* bytes of the whole */
	__u64 n_vec;			/* parts behind this one */
	__u64 cut;			/* bytes that were to be written, too, and found no room */
};

/* A record and the text behind it, as it goes into the ring. */
struct wt_write_buf {
	struct wt_ev_write e;
	char text[WT_WRITE_CHUNK];
	char name[NAME_LEN];		/* of the file */
	struct wt_parts parts;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_write_buf);
} write_buf SEC(".maps");

struct wt_writes_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 2048 * 1024);
} writes SEC(".maps");

const volatile __u64 cfg_epoch_gap_ns = 500000;		/* boundaries of one process are so far apart */
const volatile __u64 cfg_binary_gap_ns = 500000;	/* … and those that no text was written at */

volatile __u32 run_epoch = 0;				/* last one given out */

struct wt_iovec {
	__u64 base, len;
};

enum wt_write_call { WT_NO_WRITE = 0, WT_WRITE_PLAIN, WT_WRITE_VECTOR };

/* arch/x86/entry/syscalls/syscall_64.tbl and syscall_32.tbl; asm-generic/unistd.h */
static __always_inline enum wt_write_call wt_write_call(__u64 nr, bool compat)
{
#if defined(__TARGET_ARCH_x86)
	if (compat)
		return nr == 4 || nr == 181 || nr == 369 ? WT_WRITE_PLAIN :
		       nr == 146 || nr == 334 ? WT_WRITE_VECTOR : WT_NO_WRITE;
	return nr == 1 || nr == 18 || nr == 44 ? WT_WRITE_PLAIN :
	       nr == 20 || nr == 296 ? WT_WRITE_VECTOR : WT_NO_WRITE;
#elif defined(__TARGET_ARCH_arm64)
	if (compat)
		return nr == 4 || nr == 181 || nr == 290 ? WT_WRITE_PLAIN :
		       nr == 146 || nr == 362 ? WT_WRITE_VECTOR : WT_NO_WRITE;
	return nr == 64 || nr == 68 || nr == 206 ? WT_WRITE_PLAIN :
	       nr == 66 || nr == 70 ? WT_WRITE_VECTOR : WT_NO_WRITE;
#endif
}

/* The name says that it is a log: it has ".log" in it. */
static __always_inline bool wt_log_name(struct wt_write_buf *b, struct file *f)
{
	bpf_probe_read_kernel_str(b->name, sizeof(b->name), BPF_CORE_READ(f, f_path.dentry, d_name.name));
	for (int i = 0; i < NAME_LEN - 4; i++) {
		if (!b->name[i])
			break;
		if (b->name[i] == '.' && b->name[i + 1] == 'l' && b->name[i + 2] == 'o' &&
		    b->name[i + 3] == 'g')
			return true;
	}
	return false;
}

/* A socket: whether it is a local one, and of messages. */
static __always_inline void wt_judge_socket(struct wt_sink *k, struct file *f)
{
	struct socket *sock = BPF_CORE_READ(f, private_data);

	k->stream = BPF_CORE_READ(sock, type) == SOCK_STREAM ? WT_STREAM_SOCKET : WT_STREAM_DATAGRAM;
	k->takes = BPF_CORE_READ(sock, sk, __sk_common.skc_family) == AF_UNIX;
}

/*
 * Whether lines may go there: to a pipe, a terminal, a local socket, a file that is
 * standard output or error, opened to append, or called a log.
 */
static __noinline int wt_judge_file(struct wt_write_buf *b, struct wt_sink *k, __u32 fd)
{
	struct file *f = (void *)k->file;
	struct inode *ino = (void *)k->inode;
	__u32 mode, major;

	k->takes = 0;
	k->ino = BPF_CORE_READ(ino, i_ino);
	k->dev = BPF_CORE_READ(ino, i_sb, s_dev);
	mode = BPF_CORE_READ(ino, i_mode) & S_IFMT;
	if (mode == S_IFIFO) {
		k->stream = WT_STREAM_PIPE;
		k->takes = 1;
	} else if (mode == S_IFCHR) {
		k->stream = WT_STREAM_TTY;
		major = BPF_CORE_READ(ino, i_rdev) >> 20;
		/* a terminal; or /dev/null, where a daemon's output may go */
		k->takes = fd == 1 || fd == 2 || major == 4 || major == 5 ||
			   (major >= 136 && major <= 143);
	} else if (mode == S_IFSOCK) {
		wt_judge_socket(k, f);
	} else if (mode == S_IFREG) {
		k->stream = WT_STREAM_FILE;
		k->takes = fd == 1 || fd == 2 || (BPF_CORE_READ(f, f_flags) & O_APPEND) ||
			   wt_log_name(b, f);
	}
	return 0;
}

/*
 * Where the descriptor leads, NULL: nowhere.  A thread writes to the same few files
 * again and again: what was found out of them is kept with it, as long as the
 * descriptor leads to the same file and that to the same inode.
 */
static __always_inline struct wt_sink *wt_sink_of(struct wt_write_buf *b, struct wt_task *w,
						  struct task_struct *t, __u32 fd)
{
	struct wt_sink *k = &w->sinks[fd & (WT_SINKS - 1)];
	__u64 file = 0, inode = 0;
	struct file **files;
	struct fdtable *fdt;

	fdt = t->files ? t->files->fdt : NULL;
	if (!fdt || fd >= fdt->max_fds)
		return NULL;
	files = fdt->fd;
	if (wt_read_kernel(&file, sizeof(file), files + fd) || !file)
		return NULL;
	bpf_core_read(&inode, sizeof(inode), &((struct file *)file)->f_inode);
	if (k->file != file || k->inode != inode || k->fd != fd) {
		k->file = file;
		k->inode = inode;
		k->fd = fd;
		k->goes_on = 0;
		wt_judge_file(b, k, fd);
	}
	return k->takes ? k : NULL;
}

#define BYTES(n) (0x0101010101010101ULL * (n))

/*
 * Whether one of the eight bytes is a character that no text has: of the control characters all
 * but the bell and what moves the cursor or the head (7 to 15), and escape.
 */
static __always_inline __u64 wt_no_text(__u64 v)
{
	__u64 low = v & BYTES(0x7f), less, from16, from28;

	less = (v - BYTES(7)) & ~v;
	from16 = (BYTES(127 + 0x1b) - low) & (low + BYTES(127 - 0x0f));
	from28 = (BYTES(127 + 0x20) - low) & (low + BYTES(127 - 0x1b));
	return (less | ((from16 | from28) & ~v)) & BYTES(0x80);
}

#define HEAD_LEN 64

/*
 * One among the first bytes: it is no text.  What is pickled or compressed has one there with
 * a likelihood of 99 %; user space looks at the rest.
 */
static __always_inline bool wt_is_binary(struct wt_write_buf *b, __u64 len)
{
	__u64 *head = (__u64 *)b->text, *behind, no = 0;

	/* a message to a log may end with a zero; that alone wakes a thread that waits at the other end */
	if (len > 1 && len <= HEAD_LEN && !b->text[(len - 1) & (HEAD_LEN - 1)])
		len--;
	if (len < HEAD_LEN) {		/* behind it may be what an older one left */
		barrier_var(len);
		behind = (__u64 *)(b->text + (len & (HEAD_LEN - 1)));
#pragma unroll
		for (int i = 0; i < HEAD_LEN / 8; i++)
			behind[i] = BYTES(' ');
	}
#pragma unroll
	for (int i = 0; i < HEAD_LEN / 8; i++)
		no |= wt_no_text(head[i]);
	return no != 0;
}

/*
 * The rest of a message that found no room in a pipe or a socket.  It may look like text, the
 * length and the kind of it were at its beginning.
 */
static __always_inline bool wt_goes_on(struct wt_sink *k, struct wt_parts *p)
{
	if (!k->goes_on)
		return false;
	k->goes_on = p->cut != 0;
	return true;
}

/* What the hypervisor took since the thread came to the CPU; the switch program finds the rest. */
static __always_inline void wt_bound_steal(struct wt_task *w, __u64 ran)
{
	struct task_struct *t = bpf_get_current_task_btf();
	__u64 steal = wt_steal(t->se.cfs_rq->rq), since = w->steal_since;

	if (!since || steal <= since)
		return;
	w->steal_ns += steal - since < ran ? steal - since : ran;
	w->steal_since = steal;
}

/*
 * The boundary of an epoch, now: what the thread ran so far belongs to the last
 * one.  Its number is in the record, which user space has by now.
 */
static __always_inline void wt_bound(struct wt_task *w, struct wt_task *owner, __u64 now, __u32 next)
{
	__u64 ran = now - w->since;

	/*
	 * Its last switch was missed: what it was at is found out at the next one, as an
	 * interval that reaches over this boundary, like those of other threads.
	 */
	if (w->state != WT_CPU) {
		if (owner->proc_epoch < next)
			owner->proc_epoch = next;
		owner->epoch_ns = now;
		return;
	}
	w->epoch_next = owner->proc_epoch;
	wt_charge_cpu(w, now);
	wt_bound_steal(w, ran);
	w->epoch = w->epoch_next;
	wt_epoch_flush(w);
	/* the switch program finds the rest of the stay on the CPU, and this sum */
	w->bound_ns += ran;
	w->exec_last += ran;
	if (w->clock_task_since)
		w->clock_task_since += ran;
	if (owner->proc_epoch < next)
		owner->proc_epoch = next;
	owner->epoch_ns = now;
	w->epoch = next;
	w->epoch_next = next;
}

static __always_inline long wt_output(struct wt_write_buf *b, __u32 size)
{
	__u64 flags = BPF_RB_NO_WAKEUP, whole;

	if (size > WT_WRITE_CHUNK)
		size = WT_WRITE_CHUNK;
	b->e.size = size;
	/* now and then: is user space to come before its time? */
	if ((size > 1024 || b->e.epoch_after != b->e.epoch_before) &&
	    bpf_ringbuf_query(&writes, BPF_RB_AVAIL_DATA) >
	    bpf_ringbuf_query(&writes, BPF_RB_RING_SIZE) / 2)
		flags = BPF_RB_FORCE_WAKEUP;
	/* once more, here: 6.1 forgets the bounds of what it keeps on the stack meanwhile */
	whole = sizeof(b->e) + size;
	asm volatile("" : "+r"(whole));
	if (whole > sizeof(b->e) + WT_WRITE_CHUNK)
		return -1;
	return bpf_ringbuf_output(&writes, &b->e, whole, flags);
}

static __always_inline bool wt_next_part(struct wt_parts *p)
{
	struct wt_iovec v = {};

	if (!p->n_vec || bpf_probe_read_user(&v, sizeof(v), (void *)p->vec))
		return false;
	p->vec += sizeof(v);
	p->n_vec--;
	p->base = v.base;
	p->len = v.len;
	return true;
}

/* Copies so much of the part at hand as fits; its bytes, 0: it cannot be read. */
static __always_inline __u64 wt_copy_part(struct wt_write_buf *b)
{
	struct wt_parts *p = &b->parts;
	__u64 n = p->len < p->left ? p->len : p->left;

	if (n > WT_WRITE_CHUNK)
		n = WT_WRITE_CHUNK;
	if (bpf_probe_read_user(b->text, n, (void *)p->base)) {
		wt_lost(WT_LOSS_WRITE);
		return 0;
	}
	p->base += n;
	p->len -= n;
	p->left -= n;
	return n;
}

static __always_inline int wt_send_copied(struct wt_write_buf *b, __u64 n, bool last)
{
	b->e.flags &= ~(WT_WRITE_MORE | WT_WRITE_CUT);
	if (b->parts.left)
		b->e.flags |= last ? WT_WRITE_CUT : WT_WRITE_MORE;
	if (wt_output(b, n)) {
		wt_lost(WT_LOSS_WRITE);
		return -1;
	}
	b->e.epoch_before = b->e.epoch_after;
	return 0;
}

/* One more record. */
static long wt_send_part(__u32 i, struct wt_write_buf **buf)
{
	struct wt_write_buf *b = *buf;
	struct wt_parts *p = &b->parts;
	__u64 n;

	if (!p->left)
		return 1;
	if (!p->len)
		return !wt_next_part(p);
	n = wt_copy_part(b);
	return !n || wt_send_copied(b, n, i == WT_WRITE_CHUNKS - 1);
}

static __always_inline void wt_fill_write(struct wt_write_buf *b, struct wt_task *w,
					  struct wt_task *owner, __u64 now)
{
	b->e.h.type = WT_EV_WRITE;
	b->e.h.ts_ns = now;
	b->e.image = w->image;
	b->e.job = w->job;
	b->e.cgroup = w->cgroup;
	b->e.tgid = w->tgid;
	b->e.tid = w->tid;
	b->e.task = w->task;
	b->e.serial = w->serial;
	b->e.flags = owner->epoch_ns ? 0 : WT_WRITE_NEW;
	if ((owner->flags & WT_F_SEEDED) || owner->birth_ns < run_start_ns)
		b->e.flags |= WT_WRITE_SEEDED;
	b->e.epoch_before = owner->proc_epoch;
	b->e.epoch_after = owner->proc_epoch;
	__builtin_memcpy(b->e.comm, w->pcomm, WT_COMM_LEN);
}

/* Sends the text, of which n bytes have been copied; 0: user space will know of it. */
static __always_inline int wt_send_text(struct wt_write_buf *b, __u64 n)
{
	struct wt_write_buf *buf = b;

	if (wt_send_copied(b, n, false))
		return -1;
	if (b->parts.left)
		bpf_loop(WT_WRITE_CHUNKS, wt_send_part, &buf, 0);
	return 0;
}

/* Once, of a process that was there before the recording: whose worker it is, if it was forked for one. */
static __always_inline void wt_tell_forked(struct wt_write_buf *b, struct task_struct *t)
{
	__u64 inode = b->e.inode, id = BPF_CORE_READ(t, parent_exec_id);
	__u32 flags = b->e.flags;

	if (id != BPF_CORE_READ(t, self_exec_id))
		return;			/* it is another program since */
	b->e.inode = wt_image_as(BPF_CORE_READ(t, real_parent), id);
	b->e.flags = WT_WRITE_SEEDED | WT_WRITE_FORK;
	if (wt_output(b, 0))
		wt_lost(WT_LOSS_WRITE);
	b->e.inode = inode;
	b->e.flags = flags;
}

static __always_inline int wt_written(struct wt_task *w, struct task_struct *t, __u32 fd,
				      struct wt_write_buf *b)
{
	__u64 now = bpf_ktime_get_ns(), n;
	struct wt_parts *p = &b->parts;
	struct wt_task *owner;
	struct wt_sink *k;
	__u32 next = 0;
	bool binary;
	int err;

	if (!wt_recording(now))
		return 0;
	k = wt_sink_of(b, w, t, fd);
	if (!k || wt_goes_on(k, p) || (!p->len && !wt_next_part(p)))
		return 0;
	n = wt_copy_part(b);
	if (!n)
		return 0;
	b->e.fd = fd;
	b->e.inode = k->ino;
	b->e.dev = k->dev;
	b->e.stream = k->stream;
	owner = wt_epoch_owner(w, t);
	wt_fill_write(b, w, owner, now);
	binary = wt_is_binary(b, n);
	k->goes_on = binary && p->cut;
	if (binary && (!(cfg_opts & WT_OPT_BINARY) || b->e.stream == WT_STREAM_FILE ||
		       now - owner->epoch_ns < cfg_binary_gap_ns))
		return 0;
	if ((b->e.flags & WT_WRITE_NEW) && (b->e.flags & WT_WRITE_SEEDED))
		wt_tell_forked(b, t);
	if (!w->exec_ns && now >= w->since && now - owner->epoch_ns >= cfg_epoch_gap_ns) {
		next = __sync_fetch_and_add(&run_epoch, 1) + 1;
		b->e.epoch_after = next;
	}
	if (binary) {
		b->e.flags |= WT_WRITE_BINARY;
		err = wt_output(b, 0);
		if (err)
			wt_lost(WT_LOSS_WRITE);
	} else {
		err = wt_send_text(b, n);
	}
	wt_counted(WT_CNT_WRITE);
	if (!err && next)
		wt_bound(w, owner, now, next);
	return 0;
}

/* A process, or a program, begins: w's process is in another epoch from here on.  0, or -1: user space does not know. */
static __always_inline int wt_begin_bound(struct wt_task *w, __u64 now, __u64 image, __u32 flags)
{
	struct wt_write_buf *b;
	__u32 zero = 0, next;

	if (!wt_recording(now))
		return -1;
	b = bpf_map_lookup_elem(&write_buf, &zero);
	if (!b)
		return -1;
	wt_fill_write(b, w, w, now);
	next = __sync_fetch_and_add(&run_epoch, 1) + 1;
	b->e.image = image;
	b->e.epoch_after = next;
	b->e.flags = flags;
	b->e.inode = 0;
	b->e.dev = 0;
	b->e.fd = w->parent;
	b->e.stream = 0;
	if (wt_output(b, 0)) {
		wt_lost(WT_LOSS_WRITE);
		return -1;
	}
	w->proc_epoch = next;
	w->epoch_ns = now;
	return 0;
}

int wt_exec_bound(struct wt_task *w, __u64 now)
{
	return w ? wt_begin_bound(w, now, w->exec_image, WT_WRITE_EXEC) : -1;
}

int wt_fork_bound(struct wt_task *w, __u64 now)
{
	if (!w || wt_begin_bound(w, now, w->image, WT_WRITE_FORK))
		return -1;
	w->epoch = w->proc_epoch;
	w->epoch_next = w->proc_epoch;
	return 0;
}

/* Every boundary counts here: a thread begins and ends no unit within the gap, or hardly one. */
int wt_told_bound(struct wt_task *w, struct wt_told *m)
{
	struct task_struct *t = bpf_get_current_task_btf();
	__u64 now = bpf_ktime_get_ns();
	struct wt_write_buf *b;
	struct wt_task *owner;
	__u32 zero = 0, next;

	b = bpf_map_lookup_elem(&write_buf, &zero);
	if (!b || !w || !m || w->exec_ns || now < w->since)
		return -1;
	owner = wt_epoch_owner(w, t);
	wt_fill_write(b, w, owner, now);
	b->e.flags |= m->flags;
	b->e.inode = 0;
	b->e.dev = 0;
	b->e.fd = 0;
	b->e.stream = 0;
	next = __sync_fetch_and_add(&run_epoch, 1) + 1;
	b->e.epoch_after = next;
	__builtin_memcpy(b->text, m->text, sizeof(m->text));
	if (wt_output(b, m->n)) {
		wt_lost(WT_LOSS_WRITE);
		return -1;
	}
	wt_bound(w, owner, now, next);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(wt_sys_exit, struct pt_regs *regs, long ret)
{
	struct task_struct *t = bpf_get_current_task_btf();
	enum wt_write_call call;
	struct wt_write_buf *b;
	struct wt_call c = {};
	struct wt_task *w;
	__u32 zero = 0;

	if (ret <= 0)
		return 0;
	wt_read_call(t, &c);
	call = wt_write_call(c.nr, c.compat);
	if (call == WT_NO_WRITE || (call == WT_WRITE_VECTOR && c.compat))
		return 0;	/* the vectors of 32-bit calls are of another shape */
	w = wt_task_of(t);
	if (!w || w->done || (w->flags & WT_F_SELF))
		return 0;
	b = bpf_map_lookup_elem(&write_buf, &zero);
	if (!b)
		return 0;
	__builtin_memset(&b->parts, 0, sizeof(b->parts));
	b->parts.left = ret;
	if (call == WT_WRITE_VECTOR) {
		b->parts.vec = c.arg[1];
		b->parts.n_vec = c.arg[2];
	} else {
		b->parts.base = c.arg[1];
		b->parts.len = ret;
		b->parts.cut = c.arg[2] > (__u64)ret ? c.arg[2] - ret : 0;
	}
	return wt_written(w, t, c.arg[0], b);
}
