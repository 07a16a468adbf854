// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * samecall.bpf.c - a call blocks again: on the file that it began with, whatever has become of the
 * descriptor since.  Another thread may have closed it, and the number may be another file's.
 *
 * Whether it is still that call, or the next one on the new file, the kernel's stack tells: a call
 * has its own file in it, and not the one that it never looked up.
 */
#include "calls.bpf.h"

#define WT_CALL_WORDS 255		/* of the stack below the registers that were saved at its entry, at a time */
#define WT_CALL_PARTS 2

static __always_inline void wt_call_mark(struct wt_call_marks *m, __u64 file)
{
	struct file *f = (void *)file;
	struct socket *sock;

	m->file = file;
	m->socket = m->sk = 0;
	if (!file || (BPF_CORE_READ(f, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return;
	sock = BPF_CORE_READ(f, private_data);
	m->socket = (__u64)sock;
	m->sk = (__u64)BPF_CORE_READ(sock, sk);
}

static __always_inline bool wt_is_mark(const struct wt_call_marks *m, __u64 v)
{
	return v && m->file && ((v & ~3ULL) == m->file || v == m->socket || v == m->sk);
}

static long wt_call_step(__u32 i, struct wt_scratch **slot)
{
	struct wt_scratch *s = *slot;
	struct wt_call_scan *x = &s->call_scan;
	__u64 v;

	if (i >= WT_CALL_WORDS)
		return 1;
	if (i < x->skip)
		return 0;
	v = s->ip[i & 255];
	if (wt_is_mark(&x->new, v)) {
		x->new_found = 1;
		return 1;
	}
	x->old_found |= wt_is_mark(&x->old, v);
	return 0;
}

/*
 * The kernel moves the frames of a call by up to a kilobyte, at random.  They end where this
 * program's own begin; those of its callers may have either file in them, too: that of the new
 * one only makes it the next call, which is what it is mostly.
 */
static __noinline bool wt_is_same_call(struct wt_scratch *s, __u64 old, __u64 new)
{
	volatile __u64 *number = &s->ip[WT_CALL_WORDS];	/* through memory pointers become numbers */
	struct wt_call_scan *x = &s->call_scan;
	__u64 at, end;

	*number = (__u64)bpf_task_pt_regs(bpf_get_current_task_btf());
	at = *number;
	*number = (__u64)&at;
	end = *number;
	__builtin_memset(x, 0, sizeof(*x));
	wt_call_mark(&x->old, old);
	wt_call_mark(&x->new, new);
	for (__u32 i = 0; i < WT_CALL_PARTS; i++) {
		at -= WT_CALL_WORDS * 8;
		if (bpf_probe_read_kernel(s->ip, WT_CALL_WORDS * 8, (void *)at))
			return false;
		x->skip = at < end ? (end - at) / 8 : 0;
		bpf_loop(WT_CALL_WORDS, wt_call_step, &s, 0);
		if (x->skip || x->new_found)
			break;
	}
	return x->old_found && !x->new_found;
}

static __always_inline __u64 wt_call_file(struct wt_scratch *s, struct wt_task *w, __u32 fd)
{
	__u64 f = (__u64)wt_file((void *)w->address, fd);

	if (w->call_fd == fd + 1 && w->call_file && w->call_file != f && wt_is_same_call(s, w->call_file, f))
		f = w->call_file;
	w->call_fd = fd + 1;
	w->call_file = f;
	w->call_switch = w->switches;
	return f;
}

int wt_waits_on(struct wt_scratch *s, struct wt_task *w, __u32 fd, bool user)
{
	__s64 sock;

	if (!s || !w)
		return -1;
	sock = wt_on_file(&s->reason.reason, user ? wt_call_file(s, w, fd) : (__u64)wt_file((void *)w->address, fd),
			  w->tgid);
	w->sock = sock > 0 ? sock : 0;
	w->udp = sock < -1 ? sock : 0;
	return sock == -1;
}
