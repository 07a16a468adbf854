/* SPDX-License-Identifier: GPL-2.0-or-later */
/* why.bpf.h - what one classification of a wait works on, and how it says what it found. */
#ifndef WT_WHY_BPF_H
#define WT_WHY_BPF_H

#include "calls.bpf.h"

/* The sixth argument of a system call. */
#if defined(__TARGET_ARCH_x86)
#define WT_PARM6(regs) ((regs)->r9)
#else
#define WT_PARM6(regs) ((regs)->regs[5])
#endif

/* What one classification works on. */
struct wt_why {
	struct wt_scratch *s;
	struct wt_task *w;
	struct wt_call *call;	/* in s */
	__u64 task;		/* its address */
	bool user;		/* the task is current: its memory can be read */
	bool copied;		/* it is not, but s->set holds what it polls */
};

static __always_inline void wt_plain(struct wt_why *y, __u8 state, __u8 kind, __u32 n)
{
	__u64 r = kind;

	if (y->call->nr >= 0) {
		r |= (__u64)(y->call->nr & 0xffff) << 8;
		if (y->call->compat)
			r |= WT_REASON_COMPAT;
	}
	y->w->state = state;
	y->w->reason = r | (__u64)(n & 0x7fffffff) << 32;
}

static __always_inline void wt_with_object(struct wt_why *y, bool write)
{
	wt_set_object(y->s, y->w, write);
}

static __always_inline struct wt_reason *wt_clear_reason(struct wt_scratch *s)
{
	__builtin_memset(&s->reason.reason, 0, sizeof(s->reason.reason));
	return &s->reason.reason;
}

/* What the descriptor leads to; not 0: there is no such one. */
static __always_inline int wt_why_on(struct wt_why *y, __u32 fd)
{
	return wt_waits_on(y->s, y->w, fd, y->user);
}

/* The name of the file, of which the wait has the device. */
static __always_inline void wt_add_path(struct wt_reason *r, __u64 id)
{
	__builtin_memcpy(r->addr, &id, sizeof(id));
}

/* The thread has made a request of a disk since it was given the CPU. */
static __always_inline bool wt_made_request(struct wt_task *w)
{
	return w->io_dev && w->io_switch + 1 == w->switches;
}

/* It sends to nobody that it is joined with: the address is an argument, or where a struct msghdr says. */
static __noinline int wt_why_sent(struct wt_why *y, struct wt_reason *r)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	__u64 to[2] = {};		/* the address, its length in the lower half */
	__u32 nr = y->call->nr;

	if (!y->user || y->call->compat || nr >= WT_NR_SYSCALLS)
		return 0;
	if (cfg_path_arg[nr] == WT_PATH_SENDMSG) {
		bpf_probe_read_user(to, sizeof(to), (void *)y->call->arg[1]);
	} else if (cfg_path_arg[nr] == WT_PATH_SENDTO) {
		bpf_probe_read_kernel(&to[0], sizeof(to[0]), &PT_REGS_PARM5(regs));
		bpf_probe_read_kernel(&to[1], sizeof(to[1]), &WT_PARM6(regs));
	}
	wt_unix_to(r, to[0], to[1]);
	return 0;
}

static __noinline int wt_why_fd(struct wt_why *y, __u32 fd, bool write)
{
	struct wt_reason *r = wt_clear_reason(y->s);

	if (wt_why_on(y, fd)) {
		wt_plain(y, WT_OTHER, WT_K_SYSCALL, 0);
		return -1;
	}
	if (r->kind == WT_K_TTY && write) {
		r->state = WT_OTHER;
		r->kind = WT_K_DEVICE;
	}
	if (r->kind == WT_K_UNIX && write && !r->n)
		wt_why_sent(y, r);
	/* kinds without an object stay inline */
	switch (r->kind) {
	case WT_K_FILE:
		wt_add_path(r, wt_path_of_fd(y->s, y->w, fd));
		wt_with_object(y, write);
		break;
	case WT_K_SOCKET:
	case WT_K_UNIX:
	case WT_K_ACCEPT:
	case WT_K_BLOCKDEV:
	case WT_K_OTHERSOCK:
	case WT_K_DEVICE:
	case WT_K_ANONFD:
		wt_with_object(y, write);
		break;
	default:
		wt_plain(y, r->state, r->kind, 0);
		if (write)
			y->w->reason |= WT_REASON_WRITE;
	}
	return 0;
}

#endif /* WT_WHY_BPF_H */
