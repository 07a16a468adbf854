/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * told.h - what a time in a line is: "photo 12 of 120 done in 0.5 s" may tell of that
 * photo alone, or of all twelve.
 *
 * Said of all of them it reaches back, line after line, to one and the same instant, and
 * over the ends of those before.  So do those that a pool began together; but of a pool
 * the next ones begin later.
 */
#ifndef WT_UNITS_TOLD_H
#define WT_UNITS_TOLD_H

#include <linux/types.h>
#include <stdbool.h>

/* Of one series of lines of a process; all zero at first. */
struct told {
	__u64 origin_ns;		/* the instant that they reach back to */
	__u64 last_ns;			/* the last line's, 0: there was none */
	__u64 done;			/* … and its counter */
	__u64 precision_ns;		/* to which the times are told */
	unsigned streak;		/* lines that reach back to it, one after the other */
	unsigned off;			/* … that do not, since */
	unsigned doubt;			/* how often it was taken to be of all, and was not */
	bool of_all;			/* the times are those since origin_ns */
};

/*
 * One more line that ends a unit, in order of time: written at ts_ns, telling of
 * elapsed_ns (not 0).  counts: it has a counter, which is at done.
 */
void told__line(struct told *t, __u64 ts_ns, __u64 elapsed_ns, bool counts, __u64 done);

#endif /* WT_UNITS_TOLD_H */
