// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * child.bpf.c - which child a parent waited for.  Asked when the wait is over:
 * then the child has its last name, and the one that ended is a zombie that has
 * not been reaped yet.
 */
#include "calls.bpf.h"

/* Children and threads looked at: a wait's end must not take long. */
#define WT_CHILD_STEPS 256

static __always_inline void wt_child_look(struct wt_child_walk *x, struct task_struct *c)
{
	__u32 level = x->level & 31, nr = 0;
	struct pid *pid = BPF_CORE_READ(c, thread_pid);

	bpf_core_read(&nr, sizeof(nr), &pid->numbers[level].nr);
	x->last = (__u64)c;
	x->seen++;
	if (x->want && nr == x->want)
		x->match = (__u64)c;
	if ((BPF_CORE_READ(c, exit_state) & EXIT_ZOMBIE) && !x->zombie)
		x->zombie = (__u64)c;
}

static __always_inline void wt_children_of(struct wt_child_walk *x, __u64 thread)
{
	struct list_head *head = (void *)thread + bpf_core_field_offset(struct task_struct, children);

	x->head = (__u64)head;
	x->at = (__u64)BPF_CORE_READ(head, next);
}

/*
 * A child hangs on the thread that forked it, but any thread may wait for it: a
 * JVM's reaper does, and so does a Go program.
 */
static long wt_child_step(__u32 i, struct wt_child_walk **walk)
{
	struct wt_child_walk *x = *walk;
	struct list_head *at = (void *)x->at;
	__u64 thread;

	if (at && x->at != x->head) {
		wt_child_look(x, (void *)at - bpf_core_field_offset(struct task_struct, sibling));
		x->at = (__u64)BPF_CORE_READ(at, next);
		return x->match || (x->zombie && !x->want);
	}
	at = (void *)x->thread_at;
	if (!at || x->thread_at == x->thread_head)
		return 1;
	thread = x->thread_at - bpf_core_field_offset(struct task_struct, thread_node);
	x->thread_at = (__u64)BPF_CORE_READ(at, next);
	if (thread != x->self)
		wt_children_of(x, thread);
	return 0;
}

static __always_inline void wt_child_scan(struct task_struct *t, struct wt_child_walk *x, bool all)
{
	struct signal_struct *sig = BPF_CORE_READ(t, signal);

	x->self = (__u64)t;
	if (all) {
		x->thread_head = (__u64)sig + bpf_core_field_offset(struct signal_struct, thread_head);
		x->thread_at = (__u64)BPF_CORE_READ(sig, thread_head.next);
	}
	wt_children_of(x, x->self);
	bpf_loop(WT_CHILD_STEPS, wt_child_step, &x, 0);
}

__u64 wt_child_reason(struct wt_scratch *s, struct wt_task *w)
{
	struct task_struct *t, *c;
	struct wt_child_walk *x;
	struct wt_reason *r;
	__u8 kind;

	if (!s || !w)
		return 0;
	t = (void *)w->address;
	kind = WT_REASON_KIND(w->reason);
	r = &s->reason.reason;
	x = &s->child;
	if (w->reason & WT_REASON_INTERNED)
		return w->reason;
	__builtin_memset(x, 0, sizeof(*x));
	x->want = w->child_pid;
	x->level = BPF_CORE_READ(t, thread_pid, level);
	wt_child_scan(t, x, kind != WT_K_VFORK);
	/* a vfork parent waits for the youngest; a wait for any is ended by the zombie */
	if (kind == WT_K_VFORK)
		c = (void *)x->last;
	else if (x->want)
		c = (void *)x->match;
	else
		c = (void *)(x->zombie ? x->zombie : x->seen == 1 ? x->last : 0);
	if (!c)
		return w->reason;
	__builtin_memset(r, 0, sizeof(*r));
	r->state = WT_CHILD;
	r->kind = kind;
	r->nr = WT_REASON_NR(w->reason);
	bpf_core_read_str(r->name, WT_COMM_LEN, &c->comm);
	return wt_intern_reason(s, w);
}
