// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * futex.bpf.c - a thread blocks in a futex: does it want a lock that another thread has, or
 * does it wait to be told something, as idle threads of a pool do on a condition variable?
 *
 * The call tells most of it. glibc's mutexes wait for the word to be no longer 2 (locked,
 * with waiters) by FUTEX_WAIT, as Go's do, Rust's by FUTEX_WAIT_BITSET; a word with its
 * highest bit set has its owner's number (glibc's robust mutexes, musl's); the kernel's own
 * with priority inheritance has it always.  A condition variable of glibc waits by
 * FUTEX_WAIT_BITSET on the realtime clock, or until a time.
 */
#include "calls.bpf.h"

#define FUTEX_WAIT 0
#define FUTEX_LOCK_PI 6
#define FUTEX_WAIT_BITSET 9
#define FUTEX_LOCK_PI2 13
#define FUTEX_CMD_MASK 0x7f
#define FUTEX_CLOCK_REALTIME 256
#define FUTEX_WAITERS 0x80000000
#define FUTEX_TID_MASK 0x3fffffff

#define WT_CONTENDED 2			/* the word of a mutex that is locked and waited for */
#define WT_OWNER_AT 8			/* glibc's pthread_mutex_t: __lock, __count, __owner */
#define WT_NEAR_STACK 4096
#define WT_MUSL_DETACH_STATE 56		/* in struct pthread, x86-64 */

/*
 * What threads that wanted a mutex are called, by process and number in its namespace:
 * who wants one has had it before, or will.  A word that is no owner's finds nobody here.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 2048);
	__type(key, __u64);
	__type(value, char[WT_COMM_LEN]);
} lock_names SEC(".maps");

/*
 * The word is 2 in musl, too, of what is no mutex: of a condition, whose word lies on its
 * waiter's stack, and of a thread that is joined, whose structure begins with its own address.
 */
static __always_inline bool wt_by_value(struct wt_scratch *s, __u32 cmd, __u32 owner)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	__u64 thread = s->call.arg[0] - WT_MUSL_DETACH_STATE, self = 0;

	if (cmd != FUTEX_WAIT)
		return !((__u32)s->call.arg[1] & FUTEX_CLOCK_REALTIME) && !s->call.arg[3];
	if (!owner && s->call.arg[0] - PT_REGS_SP(regs) <= WT_NEAR_STACK)
		return false;
	bpf_probe_read_user(&self, sizeof(self), (void *)thread);
	return self != thread;
}

/* Whose mutex it is that is waited for, 0: not told; −1: it is none. */
static __always_inline __s64 wt_mutex_owner(struct wt_scratch *s)
{
	__u32 cmd = (__u32)s->call.arg[1] & FUTEX_CMD_MASK, val = s->call.arg[2], word = 0;

	if (cmd == FUTEX_LOCK_PI || cmd == FUTEX_LOCK_PI2) {
		bpf_probe_read_user(&word, sizeof(word), (void *)s->call.arg[0]);
		return word & FUTEX_TID_MASK;
	}
	if (cmd != FUTEX_WAIT && cmd != FUTEX_WAIT_BITSET)
		return -1;
	if ((val & FUTEX_WAITERS) && val != ~0U)
		return val & FUTEX_TID_MASK;
	if (val != WT_CONTENDED)
		return -1;
	bpf_probe_read_user(&word, sizeof(word), (void *)(s->call.arg[0] + WT_OWNER_AT));
	if (!wt_by_value(s, cmd, word))
		return -1;
	return word;
}

/* The current thread's name, for those who will find that it has the mutex. */
static __always_inline void wt_note_name(struct wt_task *w)
{
	struct task_struct *t = (void *)w->address;
	struct pid *pid = BPF_CORE_READ(t, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level) & 31, nr = 0;
	__u64 key, *known, name[2] = {};	/* 6.1 takes a value from the stack only, too */

	bpf_core_read(&nr, sizeof(nr), &pid->numbers[level].nr);
	bpf_core_read(name, sizeof(name), &t->comm);
	key = (__u64)w->tgid << 32 | nr;
	known = bpf_map_lookup_elem(&lock_names, &key);
	if (!known || known[0] != name[0] || known[1] != name[1])
		bpf_map_update_elem(&lock_names, &key, name, BPF_ANY);
}

int wt_mutex(struct wt_scratch *s, struct wt_task *w)
{
	struct wt_reason *r;
	__u64 key, *name;
	__s64 owner;

	if (!s || !w)
		return 0;
	owner = wt_mutex_owner(s);
	if (owner < 0)
		return 0;
	wt_note_name(w);
	key = (__u64)w->tgid << 32 | (__u32)owner;
	name = owner ? bpf_map_lookup_elem(&lock_names, &key) : NULL;
	if (!name)
		return 1;
	r = &s->reason.reason;
	__builtin_memset(r, 0, sizeof(*r));
	r->state = WT_LOCK;
	r->kind = WT_K_MUTEX;
	/* up to its end: the bytes are the reason's identity */
	bpf_probe_read_kernel_str(r->name, WT_COMM_LEN, name);
	return 2;
}
