/* SPDX-License-Identifier: GPL-2.0-or-later */
/* job_totals.h - the ledger summed by job: rows of jobs.csv, of summary.json and the terminal. */
#ifndef WT_JOB_TOTALS_H
#define WT_JOB_TOTALS_H

#include "jobs/jobs.h"
#include "sinks/recording.h"

struct job_total {
	const struct job *job;		/* NULL: nothing was charged to it */
	__u64 processes, threads;
	__u64 start_ns, end_ns;		/* its first program's birth, its last one's end */
	__u64 thread_ns, work_ns;	/* work: neither idle nor stopped */
	__u64 st_ns[WT_STATES];
	__u64 told_ns;			/* ledger__is_told(), a part of st_ns[WT_LOCK] */
	__u64 own_ns;			/* work without what it waited for its own children and threads: what shares are of */
	struct ledger_taken taken;	/* parts of cpu */
};

struct job_totals {
	struct job_total *v;		/* by work, largest first */
	unsigned n;
	unsigned builds, at_once;	/* by their environment; overlapping at one instant at most */
};

/* Over all rows st_ns sums to the ledger's.  0 or -ENOMEM; free in both cases. */
int job_totals__collect(struct job_totals *t, const struct recording *r);
void job_totals__free(struct job_totals *t);

/*
 * summary.json's "jobs" and "builds" into o; 0 or -ENOMEM.  Who adds to a job's entry
 * finds it by its "job".
 */
int job_totals__json(const struct recording *r, json_t *o);

#endif /* WT_JOB_TOTALS_H */
