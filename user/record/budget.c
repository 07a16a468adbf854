/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "record/budget.h"

/* The first step up from none, and the end: 20 stacks a second of each thread. */
#define SHED_FIRST_NS 10000ULL
#define SHED_LAST_NS 50000000ULL

/*
 * Up at once, and by as much as it is over; down slowly, and only when there is
 * room for twice as many stacks: a load that comes in bursts should not be met
 * without protection each time.
 */
__u64 budget__tick(struct budget *b, __u64 now_ns, __u64 cost_ns)
{
	__u64 passed = now_ns - b->last_ns;
	double spent, over;

	if (!b->share || !b->cpus)
		return 0;
	if (!b->last_ns || !passed) {
		b->last_ns = now_ns;
		b->last_cost_ns = cost_ns;
		return b->shed_ns;
	}
	spent = (double)(cost_ns - b->last_cost_ns) / ((double)passed * b->cpus);
	over = spent / b->share;
	b->last_ns = now_ns;
	b->last_cost_ns = cost_ns;
	if (over > 1)
		b->shed_ns = b->shed_ns ? b->shed_ns * (over < 8 ? over : 8) : SHED_FIRST_NS;
	else if (over < 0.5)
		b->shed_ns = b->shed_ns * 3 / 4;
	if (b->shed_ns > SHED_LAST_NS)
		b->shed_ns = SHED_LAST_NS;
	if (b->shed_ns < SHED_FIRST_NS / 2)
		b->shed_ns = 0;
	b->ticks++;
	b->shed_ticks += b->shed_ns != 0;
	return b->shed_ns;
}
