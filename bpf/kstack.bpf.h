/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kstack.bpf.h - the kernel stack of a task that is not running: remembered, or
 * unwound by the kernel.  Inline, as the helper wants the task itself.
 */
#ifndef WT_KSTACK_BPF_H
#define WT_KSTACK_BPF_H

#include "calls.bpf.h"

static __always_inline __u64 wt_kernel_stack(struct wt_scratch *s, struct wt_task *w,
					     struct task_struct *t)
{
	__u64 sp = wt_saved_sp(t), id;
	struct wt_kcache *c = &w->kcache[(w->reason ^ (w->reason >> 8) ^ w->ustack) & (WT_KCACHES - 1)];
	bool remember = !(cfg_opts & WT_OPT_NOREMEMBER) &&
			sp + WT_KSPAN <= (__u64)t->stack + cfg_stack_size;
	long bytes;
	int slots;

	if (remember) {
		id = wt_recall(s, c, sp);
		if (id) {
			wt_counted(WT_CNT_KSTACK_HIT);
			return id;
		}
	}
	wt_counted(WT_CNT_KSTACK_MISS);
	bytes = bpf_get_task_stack(t, s->ip, WT_MAX_FRAMES * 8, 0);
	if (bytes <= 0) {
		wt_lost(WT_LOSS_KSTACK);
		return 0;
	}
	id = wt_kernel_stack_id(s, bytes / 8);
	if (remember) {
		slots = wt_remember(s, c, sp, bytes / 8);
		c->n = slots > 0 ? slots : 0;
		c->id = slots > 0 ? id : 0;
	}
	return id;
}

#endif /* WT_KSTACK_BPF_H */
