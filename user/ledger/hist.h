/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hist.h - the log-linear buckets of worktrace.h: intervals to buckets and back. */
#ifndef WT_HIST_H
#define WT_HIST_H

#include <linux/types.h>
#include "worktrace.h"

/* The bucket of an interval; the kernel side uses the same formula. */
unsigned hist__bucket(__u64 ns);

/* Counts per bucket, in order of buckets. */
struct hist_cell {
	__u32 bucket;
	__u64 count;
};

/*
 * The pct-th percentile (nearest rank) of n cells sorted by bucket, in ns: the
 * middle of its bucket, at most max_ns.  Within 12.5 % of the true value up to
 * 3.6 hours; the last bucket is open-ended and gives max_ns.  0 for no counts.
 */
__u64 hist__percentile(const struct hist_cell *cells, unsigned n, unsigned pct, __u64 max_ns);

#endif /* WT_HIST_H */
