/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unit_share.h - of what a job waited for, how much lay in its units of work: a share
 * that leaves out the program's start and end, as the programs' own figures do.
 */
#ifndef WT_UNIT_SHARE_H
#define WT_UNIT_SHARE_H

#include "sinks/job_totals.h"
#include "sinks/waits.h"

struct unit_share {
	const char *kind;		/* of the units, as "line:PATTERN"; the report's */
	__u64 units;			/* without the first ones, which have the program's start */
	__u64 ns, of_ns;		/* waited in them; their work without waits for children */
};

/*
 * The share of a row of waits by job.  Of several kinds of units the one whose elapsed
 * time is the most; false: the job has none, or that wait is not in them.
 */
bool unit_share__of(struct unit_share *out, const struct recording *r, const struct job_total *t,
		    const struct wait_row *row);

#endif /* WT_UNIT_SHARE_H */
