// SPDX-License-Identifier: GPL-2.0-or-later
/* quota.bpf.c - whose CPU quota a throttled thread waits for. */
#include "calls.bpf.h"

#define MAX_LEVELS 8
#define RUNTIME_INF (~0ULL)	/* kernel/sched/sched.h: no quota */

static __always_inline bool wt_has_bandwidth(void)
{
	struct task_group *g = NULL;
	struct task_struct *t = NULL;

	return bpf_core_field_exists(g->cfs_bandwidth) && bpf_core_field_exists(t->sched_task_group);
}

/*
 * The innermost group above the thread that has a quota, with that in percent of one
 * CPU.  Where several have one, an outer one may be the one that is spent.
 */
__u64 wt_quota_reason(struct wt_scratch *s, struct wt_task *w)
{
	struct task_struct *t;
	struct task_group *g;
	struct wt_reason *r;
	__u64 quota, period;

	if (!s || !w || !wt_has_bandwidth())
		return WT_K_QUOTA;
	r = &s->reason.reason;
	t = (void *)w->address;
	g = BPF_CORE_READ(t, sched_task_group);
	for (int i = 0; i < MAX_LEVELS && g; i++) {
		quota = BPF_CORE_READ(g, cfs_bandwidth.quota);
		period = BPF_CORE_READ(g, cfs_bandwidth.period);
		if (quota != RUNTIME_INF && period) {
			__builtin_memset(r, 0, sizeof(*r));
			wt_set(r, WT_THROTTLED, WT_K_QUOTA);
			r->n = quota * 100 / period;
			bpf_probe_read_kernel_str(r->name, sizeof(r->name),
						  BPF_CORE_READ(g, css.cgroup, kn, name));
			return wt_intern_reason(s, w);
		}
		g = BPF_CORE_READ(g, parent);
	}
	return WT_K_QUOTA;
}
