/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "units/told.h"

#define NS_PER_SEC 1000000000ULL
#define LATE_NS 10000000ULL	/* between looking at the clock and writing */
#define NEEDED 3		/* lines that reach back to one instant */
#define NEEDED_UNCOUNTED 6	/* … of those that have no counter: more often a pool's */
#define DOUBTS_MAX 8
#define LEAVES 2		/* lines that do not, one after the other: one may just be late */

/* "0.5 s" is known to a tenth of a second, "12 s" to a second, if no other of the series is known better. */
static __u64 precision(__u64 elapsed_ns)
{
	__u64 p = NS_PER_SEC;

	while (p > 1 && elapsed_ns % p)
		p /= 10;
	return p;
}

static __u64 apart(__u64 a, __u64 b)
{
	return a > b ? a - b : b - a;
}

static void begin_anew(struct told *t, __u64 from)
{
	t->origin_ns = from;
	t->streak = 1;
	t->off = 0;
	t->of_all = false;
}

static unsigned needed(const struct told *t, bool counts)
{
	return (counts ? NEEDED : NEEDED_UNCOUNTED) << t->doubt;
}

/* One that does not reach back to where the others did. */
static void leave(struct told *t, __u64 from)
{
	if (t->of_all && ++t->off < LEAVES)
		return;
	t->doubt += t->of_all && t->doubt < DOUBTS_MAX;
	begin_anew(t, from);
}

void told__line(struct told *t, __u64 ts_ns, __u64 elapsed_ns, bool counts, __u64 done)
{
	__u64 from = ts_ns > elapsed_ns ? ts_ns - elapsed_ns : 0;
	__u64 known = precision(elapsed_ns), slack;
	bool back = counts && done < t->done;

	if (counts && t->last_ns && done == t->done)	/* drawn again */
		return;
	if (!t->precision_ns || known < t->precision_ns)
		t->precision_ns = known;
	slack = t->precision_ns + LATE_NS + elapsed_ns / 1024;
	/* a counter that goes back begins again, unless a thread comes late with a number of the same series */
	if (!t->last_ns || (back && !(t->of_all && apart(from, t->origin_ns) <= slack))) {
		begin_anew(t, from);
	} else if (apart(from, t->origin_ns) > slack) {
		leave(t, from);
	} else if (from + slack < t->last_ns || t->of_all) {
		t->off = 0;
		t->of_all |= ++t->streak >= needed(t, counts);
	}
	t->last_ns = ts_ns;
	t->done = done;
}
