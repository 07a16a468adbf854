/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * budget.h - keeps what stacks cost below a share of the machine.  The ledger
 * is always exact; when the budget is spent, fewer of the stacks of waits are
 * taken, and those stand for the others.
 */
#ifndef WT_BUDGET_H
#define WT_BUDGET_H

#include <linux/types.h>

/* Zeroed, but for what is named. */
struct budget {
	double share;		/* of all CPUs' time, 0 … 1; 0: no limit */
	unsigned cpus;
	__u64 shed_ns;		/* as for tracer__shed() */
	__u64 last_ns, last_cost_ns;
	__u64 ticks, shed_ticks;
};

/*
 * To be called now and then: now, CLOCK_MONOTONIC ns, and what stacks have cost so
 * far, ns of CPU time.  Returns the new shed_ns: one stack in so much time of a thread.
 */
__u64 budget__tick(struct budget *b, __u64 now_ns, __u64 cost_ns);

#endif /* WT_BUDGET_H */
