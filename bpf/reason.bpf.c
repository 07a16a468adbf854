// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reason.bpf.c - why a task blocks, read from its saved registers and its
 * descriptors at the moment it leaves the CPU.
 *
 * The order matters.  A task state that says stopped, a kernel thread, reclaim
 * and in_iowait come before the system call, because registers show the call
 * even when a page fault inside it is what blocks.
 */
#include "why_disk.bpf.h"

#define AF_INET6 10
#define P_PID 1
#define P_PIDFD 3
#define F_SETLKW 7
#define F_SETLKW64 14
#define F_OFD_SETLKW 38

/*
 * The user has said that reading from this peer is waiting for work (--idle-peer).
 * Addresses are compared as those of IPv6.
 */
static __noinline bool wt_idle_peer(struct wt_reason *r)
{
	__u64 a[2] = {};

	if (r->family == AF_INET6) {
		__builtin_memcpy(a, r->addr, 16);
	} else {
		((__u16 *)a)[5] = 0xffff;
		__builtin_memcpy((char *)a + 12, r->addr, 4);
	}
	for (__u32 i = 0; i < WT_MAX_IDLE_PEERS; i++) {
		if (i >= cfg_n_idle_peers)
			break;
		if (cfg_idle_peers[i].port && cfg_idle_peers[i].port != r->port)
			continue;
		if (cfg_idle_peers[i].any_addr ||
		    (a[0] == cfg_idle_peers[i].addr[0] && a[1] == cfg_idle_peers[i].addr[1]))
			return true;
	}
	return false;
}

int wt_set_object(struct wt_scratch *s, struct wt_task *w, bool write)
{
	struct wt_reason *r;

	if (!s || !w)
		return -1;
	r = &s->reason.reason;

	if (cfg_n_idle_peers && r->kind == WT_K_SOCKET && r->n == WT_SOCK_PEER && !write &&
	    wt_idle_peer(r))
		r->state = WT_IDLE;
	if (r->state == WT_DISK && r->proto)
		wt_lower_disk(r, w);
	r->nr = s->call.nr >= 0 ? s->call.nr : 0xffff;
	r->compat = s->call.compat;
	r->write = write;
	/* the call adds nothing to who the peer is: one reason for recv, read and poll */
	if (r->kind == WT_K_SOCKET || r->kind == WT_K_UNIX || r->kind == WT_K_ACCEPT) {
		r->nr = 0;
		r->write = 0;
	}
	w->state = r->state;
	w->reason = wt_intern_reason(s, w);
	return 0;
}

static __always_inline void wt_why_connect(struct wt_why *y, __u32 fd)
{
	struct wt_reason *r = wt_clear_reason(y->s);

	if (wt_why_on(y, fd)) {
		wt_plain(y, WT_OTHER, WT_K_SYSCALL, 0);
		return;
	}
	if (r->kind == WT_K_SOCKET)
		r->kind = WT_K_CONNECT;
	wt_with_object(y, false);
}

/* One descriptor in the set: what it leads to is what is waited for. */
static __always_inline void wt_why_one(struct wt_why *y, __u32 fd)
{
	struct wt_reason *r = wt_clear_reason(y->s);

	if (!wt_why_on(y, fd) &&
	    (r->kind == WT_K_SOCKET || r->kind == WT_K_UNIX || r->kind == WT_K_ACCEPT)) {
		wt_with_object(y, false);
		return;
	}
	if (r->kind == WT_K_PIPE || r->kind == WT_K_EVENTFD || r->kind == WT_K_WAIT ||
	    r->kind == WT_K_TTY || r->kind == WT_K_TIMERFD || r->kind == WT_K_SIGNAL)
		wt_plain(y, r->state, r->kind, 0);
	else
		wt_plain(y, WT_IDLE, WT_K_POLL, 1);
}

/* The i-th descriptor of a small set; −1: there is none, or it cannot be read. */
static __always_inline __s32 wt_polled(struct wt_why *y, __u32 i)
{
	struct wt_pollfd p = { .fd = -1 };

	if (y->copied)
		__builtin_memcpy(&p, &y->s->set[0][i], sizeof(p));
	else if (y->user && bpf_probe_read_user(&p, sizeof(p), (void *)(y->call->arg[0] + i * sizeof(p))))
		p.fd = -1;
	return p.fd;
}

enum wt_polled_kind { WT_POLLED_CONN, WT_POLLED_WAKES, WT_POLLED_OTHER };

/* A connection; something by which the program wakes itself, as libcurl does; or neither. */
static __noinline int wt_polled_kind(struct wt_why *y, __u32 fd)
{
	struct wt_reason *r = wt_clear_reason(y->s);

	if (wt_on_fd(r, y->task, fd) == -1)
		return WT_POLLED_OTHER;
	if (r->kind == WT_K_SOCKET && r->n != WT_SOCK_OWN)
		return WT_POLLED_CONN;
	/* a pair that it made for itself has neither another process at its end nor a name */
	if (r->kind == WT_K_EVENTFD || (r->kind == WT_K_UNIX && !r->n && !r->name[0]))
		return WT_POLLED_WAKES;
	return WT_POLLED_OTHER;
}

/* Of a small set the one that is waited for: the only one, or the only connection; −1: several. */
static __always_inline __s32 wt_poll_for(struct wt_why *y, __u32 n)
{
	__s32 fd, only = -1;

	if (n == 1)
		return wt_polled(y, 0);
	for (__u32 i = 0; i < WT_SMALL_SET && i < n; i++) {
		fd = wt_polled(y, i);
		if (fd < 0)
			continue;
		switch (wt_polled_kind(y, fd)) {
		case WT_POLLED_WAKES:
			continue;
		case WT_POLLED_CONN:
			if (only < 0) {
				only = fd;
				continue;
			}
		}
		return -1;
	}
	return only;
}

static __noinline int wt_why_poll(struct wt_why *y)
{
	__u32 n = y->call->arg[1];
	__s32 fd = n && n <= WT_SMALL_SET ? wt_poll_for(y, n) : -1;

	if (!n)
		wt_plain(y, WT_SLEEP, WT_K_POLL_TIMER, 0);
	else if (fd >= 0)
		wt_why_one(y, fd);
	else
		wt_plain(y, WT_IDLE, WT_K_POLL, n);
	return 0;
}

static __always_inline __u32 wt_popcount(__u64 v)
{
	v -= (v >> 1) & 0x5555555555555555ULL;
	v = (v & 0x3333333333333333ULL) + ((v >> 2) & 0x3333333333333333ULL);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return (v * 0x0101010101010101ULL) >> 56;
}

struct wt_fdset_walk {
	__u64 at;		/* user address of the set */
	__u64 *copy;		/* … or a copy of it */
	__u32 words, n, only;
};

static long wt_fdset_step(__u32 i, struct wt_fdset_walk *x)
{
	__u64 v = 0;

	if (i >= x->words)
		return 1;
	if (x->copy)
		v = x->copy[i & (WT_FDSET_WORDS - 1)];
	else if (bpf_probe_read_user(&v, sizeof(v), (void *)(x->at + i * 8)))
		return 1;
	if (v) {
		x->n += wt_popcount(v);
		x->only = i * 64 + wt_popcount((v & -v) - 1);
	}
	return 0;
}

static __always_inline void wt_fdset_scan(struct wt_fdset_walk *x, __u64 at, __u64 *copy)
{
	x->at = at;
	x->copy = copy;
	if (at)
		bpf_loop(WT_FDSET_WORDS, wt_fdset_step, x, 0);
}

static __noinline int wt_why_select(struct wt_why *y)
{
	struct wt_fdset_walk x = { .words = ((__u32)y->call->arg[0] + 63) / 64 };

	if (!(__u32)y->call->arg[0] || !(y->call->arg[1] | y->call->arg[2] | y->call->arg[3])) {
		wt_plain(y, WT_SLEEP, WT_K_POLL_TIMER, 0);
		return 0;
	}
	if (y->copied || y->user) {
		wt_fdset_scan(&x, y->call->arg[1], y->copied ? y->s->set[0] : NULL);
		wt_fdset_scan(&x, y->call->arg[2], y->copied ? y->s->set[1] : NULL);
	}
	if (x.n == 1)
		wt_why_one(y, x.only);
	else
		wt_plain(y, WT_IDLE, WT_K_POLL, x.n);
	return 0;
}

/* The 32-bit multiplexers: argument 0 says which call, argument 1 where its arguments are. */
static __always_inline void wt_why_socketcall(struct wt_why *y)
{
	__u32 fd = 0, which = y->call->arg[0];

	if (!y->user || bpf_probe_read_user(&fd, sizeof(fd), (void *)y->call->arg[1])) {
		wt_plain(y, WT_OTHER, WT_K_SYSCALL, 0);
		return;
	}
	if (which == 3)			/* SYS_CONNECT */
		wt_why_connect(y, fd);
	else
		wt_why_fd(y, fd, which == 9 || which == 11 || which == 16);	/* SEND, SENDTO, SENDMSG */
}

static __always_inline void wt_why_child(struct wt_why *y, bool any, __u32 pid)
{
	y->w->child_pid = any ? 0 : pid;
	wt_plain(y, WT_CHILD, WT_K_WAIT, 0);
}

static __noinline int wt_why_splice(struct wt_why *y, __u32 in, __u32 out)
{
	wt_why_fd(y, out, true);
	if (y->w->state == WT_NET || y->w->state == WT_IPC)
		return 0;
	return wt_why_fd(y, in, false);
}

/* By class, part one: calls with a descriptor or a set of them. */
static __noinline int wt_why_call_fd(struct wt_why *y, __u32 class)
{
	switch (class) {
	case WT_C_READ:
	case WT_C_ACCEPT:
	case WT_C_IOCTL:
		wt_why_fd(y, y->call->arg[0], false);
		return 1;
	case WT_C_WRITE:
		wt_why_fd(y, y->call->arg[0], true);
		return 1;
	case WT_C_SYNC:
		wt_why_sync(y, y->call->arg[0]);
		return 1;
	case WT_C_CONNECT:
		wt_why_connect(y, y->call->arg[0]);
		return 1;
	case WT_C_POLL:
		wt_why_poll(y);
		return 1;
	case WT_C_SELECT:
		wt_why_select(y);
		return 1;
	case WT_C_SENDFILE:
		wt_why_splice(y, y->call->arg[1], y->call->arg[0]);
		return 1;
	case WT_C_SPLICE:
		wt_why_splice(y, y->call->arg[0], y->call->arg[2]);
		return 1;
	case WT_C_SOCKETCALL:
		wt_why_socketcall(y);
		return 1;
	}
	return 0;
}

/* A lock, if the call tells; else a thread that waits to be told something. */
static __noinline int wt_why_futex(struct wt_why *y)
{
	int what = WT_FUTEX_TOLD;

	if (y->user && !wt_python_gil(y->s, y->w->tgid))
		what = WT_FUTEX_NAMED;
	else if (y->user || y->copied)
		what = wt_futex(y->s, y->w, y->user);
	if (what == WT_FUTEX_NAMED)
		wt_with_object(y, false);
	else if (what == WT_FUTEX_MUTEX || what == WT_FUTEX_RWLOCK)
		wt_plain(y, WT_LOCK, WT_K_MUTEX, what == WT_FUTEX_RWLOCK ? WT_MUTEX_RW : 0);
	else
		wt_plain(y, WT_LOCK, WT_K_FUTEX, what == WT_FUTEX_SHARED ? WT_TOLD_SHARED : 0);
	return 0;
}

/* By class, part two: everything else. */
static __noinline int wt_why_call(struct wt_why *y, __u32 class, bool deep)
{
	__u32 cmd = y->call->arg[1];

	switch (class) {
	case WT_C_EPOLL:
		wt_plain(y, WT_IDLE, WT_K_EPOLL, 0);
		break;
	case WT_C_FUTEX:
		wt_why_futex(y);
		break;
	case WT_C_SLEEP:
		wt_plain(y, WT_SLEEP, WT_K_SLEEP, 0);
		break;
	case WT_C_WAIT4:
		wt_why_child(y, (__s32)y->call->arg[0] <= 0, y->call->arg[0]);
		break;
	case WT_C_WAITID:
		wt_why_child(y, (__u32)y->call->arg[0] != P_PID, y->call->arg[1]);
		break;
	case WT_C_FORK:
		y->w->child_pid = 0;
		wt_plain(y, WT_CHILD, WT_K_VFORK, 0);
		break;
	case WT_C_SIGNAL:
		wt_plain(y, WT_IDLE, WT_K_SIGNAL, 0);
		break;
	case WT_C_SEM:
		wt_plain(y, WT_LOCK, WT_K_SEM, 0);
		break;
	case WT_C_IPCCALL:
		if ((y->call->arg[0] & 0xffff) == 11 || (y->call->arg[0] & 0xffff) == 12)
			wt_plain(y, WT_IPC, WT_K_MQ, 0);	/* MSGSND, MSGRCV */
		else
			wt_plain(y, WT_LOCK, WT_K_SEM, 0);
		break;
	case WT_C_MSG:
	case WT_C_MQ:
		wt_plain(y, WT_IPC, WT_K_MQ, 0);
		break;
	case WT_C_FLOCK:
		wt_plain(y, WT_LOCK, WT_K_FLOCK, 0);
		break;
	case WT_C_FCNTL:
		if (cmd == F_SETLKW || cmd == F_SETLKW64 || cmd == F_OFD_SETLKW)
			wt_plain(y, WT_LOCK, WT_K_FLOCK, 0);
		else
			wt_plain(y, WT_OTHER, WT_K_SYSCALL, 0);
		break;
	case WT_C_MSYNC:		/* for the journal */
		wt_why_range(y, WT_K_SYNC);
		break;
	case WT_C_RANGE:
	case WT_C_MM:
		wt_plain(y, deep ? WT_LOCK : WT_OTHER, deep ? WT_K_MMAP_LOCK : WT_K_SYSCALL, 0);
		break;
	case WT_C_URING:
		wt_why_uring(y);
		break;
	case WT_C_AIO:
		wt_why_aio(y);
		break;
	case WT_C_PATH:
		if (deep)
			wt_why_path(y);
		else
			wt_why_shallow_path(y);
		break;
	case WT_C_EXIT:
		wt_plain(y, WT_OTHER, WT_K_EXITING, 0);
		break;
	default:
		wt_plain(y, WT_OTHER, WT_K_SYSCALL, 0);
	}
	return 0;
}

/* Task states and flags that outrank the system call.  1: decided. */
static __always_inline int wt_why_task(struct wt_why *y, __u32 state, __u32 bits, __u32 class)
{
	if (state & TASK_STOPPED_BIT) {
		wt_plain(y, WT_STOPPED, WT_K_SIGSTOP, 0);
		return 1;
	}
	if (state & TASK_TRACED_BIT) {
		wt_plain(y, WT_STOPPED, WT_K_TRACED, 0);
		return 1;
	}
	/* a vfork parent counts as frozen for its cgroup while it waits (kernel/fork.c) */
	if ((state & TASK_FROZEN) || ((bits & WT_B_FROZEN) && class != WT_C_FORK)) {
		wt_plain(y, WT_STOPPED, WT_K_FROZEN, 0);
		return 1;
	}
	if (bits & (WT_B_KTHREAD | WT_B_IOWORKER)) {
		y->call->nr = -1;
		if (bits & WT_B_IOWAIT)
			wt_plain(y, WT_DISK, WT_K_IOWAIT, 0);
		else if (bits & WT_B_IOWORKER)
			wt_plain(y, WT_IDLE, WT_K_URING, 0);
		else
			wt_plain(y, WT_IDLE, WT_K_KTHREAD, 0);
		return 1;
	}
	if (bits & WT_B_OOM) {
		wt_plain(y, WT_MEM, WT_K_OOM, 0);
		return 1;
	}
	if (bits & WT_B_MEMSTALL) {
		wt_plain(y, WT_MEM, WT_K_RECLAIM, 0);
		return 1;
	}
	return 0;
}

/* A call that a signal interrupted goes on as another number: it is still the same wait. */
static __always_inline __u32 wt_class_of(struct wt_why *y)
{
	__u32 nr = y->call->nr, class = WT_C_OTHER;

	if (nr < WT_NR_SYSCALLS)
		class = y->call->compat ? cfg_class_compat[nr] : cfg_class[nr];
	if (class == WT_C_RESTART && y->w->last_nr) {
		y->call->nr = y->w->last_nr;
		return y->w->last_class;
	}
	y->w->last_nr = nr;
	y->w->last_class = class;
	return class;
}

int wt_classify(struct wt_scratch *s, struct wt_task *w, __u32 state, __u32 bits)
{
	struct wt_why y = { .s = s, .w = w, .user = bits & WT_B_USER, .copied = bits & WT_B_COPIED };
	__u32 class = WT_C_OTHER;
	/* TASK_NOLOAD with it is TASK_IDLE: a wait that is no load */
	bool deep = (state & (TASK_UNINTERRUPTIBLE | TASK_NOLOAD)) == TASK_UNINTERRUPTIBLE;

	if (!s || !w)
		return -1;
	y.call = &s->call;
	y.task = w->address;
	if (bits & WT_B_EXITING)	/* the registers are of a call that is long over */
		y.call->nr = -1;
	if (y.call->nr >= 0)
		class = wt_class_of(&y);
	if (wt_why_task(&y, state, bits, class))
		return 0;
	if (bits & WT_B_EXITING)
		wt_plain(&y, bits & WT_B_IOWAIT ? WT_DISK : WT_OTHER, WT_K_EXITING, 0);
	else if (class != WT_C_URING && (bits & WT_B_IOWAIT))
		wt_why_iowait(&y, class);
	else if (y.call->nr < 0)
		wt_plain(&y, deep ? WT_LOCK : WT_OTHER, deep ? WT_K_MMAP_LOCK : WT_K_FAULT, 0);
	else if (!wt_why_call_fd(&y, class))
		wt_why_call(&y, class, deep);
	if (w->state >= WT_STATES)
		w->state = WT_OTHER;
	return 0;
}
