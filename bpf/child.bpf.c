// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * child.bpf.c - which child a parent waited for.  Asked when the wait is over:
 * then the child has its last name, and the one that ended is a zombie that has
 * not been reaped yet.
 */
#include "calls.bpf.h"

#define WT_CHILDREN 64

static long wt_child_step(__u32 i, struct wt_child_walk **walk)
{
	struct wt_child_walk *x = *walk;
	struct list_head *at = (void *)x->at;
	__u32 level = x->level & 31, nr = 0;
	struct task_struct *c;
	struct pid *pid;

	if (!at || x->at == x->head)
		return 1;
	c = (void *)at - bpf_core_field_offset(struct task_struct, sibling);
	pid = BPF_CORE_READ(c, thread_pid);
	bpf_core_read(&nr, sizeof(nr), &pid->numbers[level].nr);
	x->last = (__u64)c;
	x->seen++;
	if (x->want && nr == x->want)
		x->match = (__u64)c;
	if ((BPF_CORE_READ(c, exit_state) & EXIT_ZOMBIE) && !x->zombie)
		x->zombie = (__u64)c;
	x->at = (__u64)BPF_CORE_READ(at, next);
	return 0;
}

static __always_inline void wt_child_scan(struct task_struct *t, struct wt_child_walk *x)
{
	struct list_head *head = (void *)t + bpf_core_field_offset(struct task_struct, children);

	x->head = (__u64)head;
	x->at = (__u64)BPF_CORE_READ(head, next);
	bpf_loop(WT_CHILDREN, wt_child_step, &x, 0);
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
	wt_child_scan(t, x);
	if (!x->match && !x->zombie && !(w->flags & WT_F_LEADER))
		wt_child_scan(BPF_CORE_READ(t, group_leader), x);
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
