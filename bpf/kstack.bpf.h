/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kstack.bpf.h - the kernel stack of a task that is not running: remembered, or
 * unwound by the kernel.  Inline, as the helper wants the task itself.
 */
#ifndef WT_KSTACK_BPF_H
#define WT_KSTACK_BPF_H

#include "calls.bpf.h"

/* Slots count for as long as the unwinder has agreed with them; now and then it is asked again. */
#define WT_CONFIRM 2
#define WT_RECHECK 255

static __always_inline bool wt_trusted(struct wt_kcache *c)
{
	return c->confirmed >= WT_CONFIRM && (++c->hits & WT_RECHECK);
}

static __always_inline __u64 wt_recall_way(struct wt_scratch *s, struct wt_kcache *c, __u64 sp)
{
	__u64 id = wt_recall(s, c, sp);

	if (id && wt_fault(WT_FAULT_RECALL, 4))
		id ^= 1ULL << 40;
	return id;
}

/*
 * What the unwinder says becomes known: to the way that holds this stack already,
 * else to the one that was not of use last.
 */
static __always_inline void wt_learn(struct wt_scratch *s, struct wt_kcache *a,
				     struct wt_kcache *b, __u64 sp, __u32 n, __u64 recalled, __u64 id)
{
	struct wt_kcache *c = a->id == id ? a : b->id == id ? b : a->used <= b->used ? a : b;

	if (recalled == id) {
		if (c->confirmed < WT_CONFIRM)
			c->confirmed++;
		return;
	}
	wt_remember(s, c, sp, n, id);
}

static __always_inline __u64 wt_kernel_stack(struct wt_scratch *s, struct wt_task *w,
					     struct task_struct *t)
{
	__u64 sp = wt_saved_sp(t), id, recalled = 0;
	__u32 set = (wt_mix(w->reason) & (WT_KSETS - 1)) * WT_KWAYS;
	struct wt_kcache *a = &w->kcache[set], *b = &w->kcache[set + 1], *c = a;
	bool remember = !(cfg_opts & WT_OPT_NOREMEMBER);
	long bytes;

	if (remember) {
		recalled = wt_recall_way(s, a, sp);
		if (!recalled) {
			c = b;
			recalled = wt_recall_way(s, b, sp);
		}
		if (recalled) {
			c->used = ++w->kuse;
			if (wt_trusted(c)) {
				wt_counted(WT_CNT_KSTACK_HIT);
				return recalled;
			}
		}
	}
	wt_counted(WT_CNT_KSTACK_MISS);
	bytes = bpf_get_task_stack(t, s->ip, WT_MAX_KFRAMES * 8, 0);
	if (bytes <= 0 || wt_fault(WT_FAULT_KSTACK, 4)) {
		wt_lost(WT_LOSS_KSTACK);
		return 0;
	}
	id = wt_kernel_stack_id(s, bytes / 8);
	if (recalled && recalled != id && c->confirmed >= WT_CONFIRM) {
		wt_counted(WT_CNT_KSTACK_WRONG);
		c->id = 0;
	}
	if (remember)
		wt_learn(s, a, b, sp, bytes / 8, recalled, id);
	return id;
}

#endif /* WT_KSTACK_BPF_H */
