// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * futex.bpf.c - a thread blocks in a futex: does it want a lock that another thread has, or
 * does it wait to be told something, as idle threads of a pool do on a condition variable?
 *
 * The call tells most of it. glibc's mutexes wait for the word to be no longer 2 (locked,
 * with waiters) by FUTEX_WAIT, as Go's do, Rust's by FUTEX_WAIT_BITSET; a word with its
 * highest bit set has its owner's number (glibc's robust mutexes, musl's); the kernel's own
 * with priority inheritance has it always.  A condition variable of glibc waits by
 * FUTEX_WAIT_BITSET on the realtime clock, or until a time; so do its rwlocks, for values that
 * no condition has.
 */
#include "calls.bpf.h"

#define FUTEX_WAIT 0
#define FUTEX_LOCK_PI 6
#define FUTEX_WAIT_BITSET 9
#define FUTEX_LOCK_PI2 13
#define FUTEX_CMD_MASK 0x7f
#define FUTEX_PRIVATE_FLAG 128
#define FUTEX_CLOCK_REALTIME 256
#define FUTEX_WAITERS 0x80000000
#define FUTEX_TID_MASK 0x3fffffff

#define WT_CONTENDED 2			/* the word of a mutex that is locked and waited for */
#define WT_OWNER_AT 8			/* glibc's pthread_mutex_t: __lock, __count, __owner */
#define WT_NEAR_STACK 4096
#define WT_RWLOCK_WRITER 2		/* in its readers: the next turn is a writer's */
#define WT_RWLOCK_USED 2		/* somebody waits for this word of a pthread_rwlock_t … */
#define WT_RWLOCK_TAKEN 3		/* … and it is 1: a writer is there */

#define WT_HOLDER_STEPS 1024		/* threads of a process that are looked through for a holder */

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
 * What lies around the word, of a task that is current, else from a copy (wt_futex_copy).
 * from: −8 … 23; all of it is zero where it cannot be read.
 */
static __always_inline void wt_words(struct wt_scratch *s, bool user, __s32 from, void *to, __u32 size)
{
	if (user)
		bpf_probe_read_user(to, size, (void *)(s->call.arg[0] + from));
	else
		__builtin_memcpy(to, (char *)s->futex.words + WT_FUTEX_BEFORE + from, size);
}

/*
 * The word is 2 in musl, too, of what is no mutex: of a condition, whose word lies on its
 * waiter's stack, and of a thread that is joined, whose structure begins with its own address.
 */
static __always_inline bool wt_by_value(struct wt_scratch *s, bool user, __u32 cmd, __u32 owner)
{
	__u64 thread = s->call.arg[0] - WT_MUSL_DETACH_STATE, self = 0;

	if (cmd != FUTEX_WAIT)
		return !((__u32)s->call.arg[1] & FUTEX_CLOCK_REALTIME) && !s->call.arg[3];
	/* through memory: one load of either is none that the verifier allows */
	if (user)
		s->futex.sp = PT_REGS_SP((struct pt_regs *)bpf_task_pt_regs(bpf_get_current_task_btf()));
	if (!owner && s->call.arg[0] - s->futex.sp <= WT_NEAR_STACK)
		return false;
	if (user)
		bpf_probe_read_user(&self, sizeof(self), (void *)thread);
	else
		self = s->futex.musl;
	return self != thread;
}

/* Whose mutex it is that is waited for, 0: not told; −1: it is none. */
static __always_inline __s64 wt_mutex_owner(struct wt_scratch *s, bool user)
{
	__u32 cmd = (__u32)s->call.arg[1] & FUTEX_CMD_MASK, val = s->call.arg[2], word = 0;

	if (cmd == FUTEX_LOCK_PI || cmd == FUTEX_LOCK_PI2) {
		wt_words(s, user, 0, &word, sizeof(word));
		return word & FUTEX_TID_MASK;
	}
	if (cmd != FUTEX_WAIT && cmd != FUTEX_WAIT_BITSET)
		return -1;
	if ((val & FUTEX_WAITERS) && val != ~0U)
		return val & FUTEX_TID_MASK;
	if (val != WT_CONTENDED)
		return -1;
	wt_words(s, user, WT_OWNER_AT, &word, sizeof(word));
	if (!wt_by_value(s, user, cmd, word))
		return -1;
	return word;
}

/*
 * glibc's pthread_rwlock_t: readers × 8 and flags, writers, the word of the phase, the word of the writers,
 * 8 bytes, the writer's number.  Readers wait for the phase to change from 3, and writers for that
 * of the writers; the first of these waits for the phase to change from 2, for readers to leave.  Whose
 * it is, 0: readers', or it is not told; −1: it is none.
 */
static __always_inline __s64 wt_rwlock_owner(struct wt_scratch *s, bool user)
{
	__u32 op = s->call.arg[1], val = s->call.arg[2], w[4] = {};

	if ((op & FUTEX_CMD_MASK) != FUTEX_WAIT_BITSET || (val != WT_RWLOCK_TAKEN && val != WT_RWLOCK_USED))
		return -1;
	if (val == WT_RWLOCK_USED) {
		wt_words(s, user, -8, w, sizeof(w));
		return w[0] >= 8 && (w[0] & WT_RWLOCK_WRITER) && (w[3] | WT_RWLOCK_USED) == WT_RWLOCK_TAKEN ? 0 : -1;
	}
	wt_words(s, user, 8, w, sizeof(w));
	/* from the phase on: nothing, then the writer; from the writers' on: the writer, then a flag */
	return w[1] ? w[1] : w[2];
}

/* Is it the end of one of glibc's threads that is waited for?  The kernel tells that, as of a shared word. */
static __always_inline bool wt_joins(struct wt_scratch *s, bool user)
{
	__u64 thread = s->call.arg[0] - WT_GLIBC_TID, self = 0;

	if (!(__u32)s->call.arg[2])
		return false;
	if (user)
		bpf_probe_read_user(&self, sizeof(self), (void *)(thread + WT_GLIBC_SELF));
	else
		self = s->futex.glibc;
	return self == thread;
}

/* What kind of lock is waited for, and whose it is; see wt_mutex_owner(). */
static __always_inline __u32 wt_futex_kind(struct wt_scratch *s, bool user, __s64 *owner)
{
	*owner = wt_mutex_owner(s, user);
	if (*owner >= 0)
		return WT_FUTEX_MUTEX;
	*owner = wt_rwlock_owner(s, user);
	if (*owner >= 0)
		return WT_FUTEX_RWLOCK;
	return (s->call.arg[1] & FUTEX_PRIVATE_FLAG) || wt_joins(s, user) ? WT_FUTEX_TOLD : WT_FUTEX_SHARED;
}

/* A thread's number in its namespace, beside its process. */
static __always_inline __u64 wt_name_key(struct wt_task *w)
{
	struct task_struct *t = (void *)w->address;
	struct pid *pid = BPF_CORE_READ(t, thread_pid);
	__u32 level = BPF_CORE_READ(pid, level) & 31, nr = 0;

	bpf_core_read(&nr, sizeof(nr), &pid->numbers[level].nr);
	return (__u64)w->tgid << 32 | nr;
}

/* The current thread's name, for those who will find that it has the mutex. */
static __always_inline void wt_note_name(struct wt_task *w)
{
	struct task_struct *t = (void *)w->address;
	__u64 key = wt_name_key(w), *known, name[2] = {};	/* 6.1 takes a value from the stack only, too */

	bpf_core_read(name, sizeof(name), &t->comm);
	known = bpf_map_lookup_elem(&lock_names, &key);
	if (!known || known[0] != name[0] || known[1] != name[1])
		bpf_map_update_elem(&lock_names, &key, name, BPF_ANY);
}

static __always_inline void wt_held_by(struct wt_scratch *s, __u32 what, const void *name)
{
	struct wt_reason *r = &s->reason.reason;

	__builtin_memset(r, 0, sizeof(*r));
	r->state = WT_LOCK;
	r->kind = WT_K_MUTEX;
	r->n = what == WT_FUTEX_RWLOCK ? WT_MUTEX_RW : 0;
	/* up to its end: the bytes are the reason's identity */
	bpf_probe_read_kernel_str(r->name, WT_COMM_LEN, name);
}

int wt_futex(struct wt_scratch *s, struct wt_task *w, bool user)
{
	__u64 key, *name;
	__s64 owner;
	__u32 what;

	if (!s || !w)
		return WT_FUTEX_TOLD;
	what = wt_futex_kind(s, user, &owner);
	if (owner < 0)
		return what;
	if (user)
		wt_note_name(w);
	key = (__u64)w->tgid << 32 | (__u32)owner;
	name = owner ? bpf_map_lookup_elem(&lock_names, &key) : NULL;
	if (!name)
		return what;
	wt_held_by(s, what, name);
	return WT_FUTEX_NAMED;
}

int wt_futex_exec(struct wt_task *w)
{
	__u64 key;

	if (!w)
		return 0;
	key = wt_name_key(w);
	bpf_map_delete_elem(&lock_names, &key);
	return 0;
}

/* ---- of a thread that sleeps as the recording begins; asked by the iterator ---- */

static long wt_holder_step(__u32 i, struct wt_child_walk **walk)
{
	struct wt_child_walk *x = *walk;
	struct list_head *at = (void *)x->thread_at;
	struct task_struct *t;
	struct pid *pid;
	__u32 level = x->level & 31, nr = 0;

	if (!at || x->thread_at == x->thread_head)
		return 1;
	t = (void *)at - bpf_core_field_offset(struct task_struct, thread_node);
	x->thread_at = (__u64)BPF_CORE_READ(at, next);
	pid = BPF_CORE_READ(t, thread_pid);
	bpf_core_read(&nr, sizeof(nr), &pid->numbers[level].nr);
	if (nr != x->want)
		return 0;
	x->match = (__u64)t;
	return 1;
}

/* The holder has not wanted a mutex since the recording began: it is looked for among the threads. */
int wt_futex_holder(struct wt_scratch *s, struct wt_task *w)
{
	struct task_struct *t, *holder;
	struct signal_struct *sig;
	struct wt_child_walk *x;
	__s64 owner;
	__u32 what;

	if (!s || !w)
		return 0;
	what = wt_futex_kind(s, false, &owner);
	if (owner <= 0)
		return 0;
	t = (void *)w->address;
	sig = BPF_CORE_READ(t, signal);
	x = &s->child;
	__builtin_memset(x, 0, sizeof(*x));
	x->want = owner;
	x->level = BPF_CORE_READ(t, thread_pid, level);
	x->thread_head = (__u64)sig + bpf_core_field_offset(struct signal_struct, thread_head);
	x->thread_at = (__u64)BPF_CORE_READ(sig, thread_head.next);
	bpf_loop(WT_HOLDER_STEPS, wt_holder_step, &x, 0);
	if (!x->match)
		return 0;
	holder = (void *)x->match;
	wt_held_by(s, what, &holder->comm);
	s->reason.reason.nr = s->call.nr;
	s->reason.reason.compat = s->call.compat;
	w->reason = wt_intern_reason(s, w);
	return 1;
}
