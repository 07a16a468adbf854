/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cost.h - what a unit of work costs, over all finished units of one kind of one
 * job; pure: no BPF, no I/O.  However many units there are, memory is bounded.
 *
 * Life: new → cost__unit() as each unit becomes final, its details before or after
 * that, and cost__estimate() where its line has counters → cost__report() as often
 * as one likes → free.
 *
 * Consecutive units share one of at most COST_WINDOWS windows; when all are
 * taken, neighbours merge in pairs.  A window has exact sums for each state and
 * each key (a function, an object that was waited for, who had the CPU).
 */
#ifndef WT_COST_H
#define WT_COST_H

#include <linux/types.h>
#include <stdbool.h>
#include "units/trend.h"
#include "units/units.h"
#include "worktrace.h"

#define COST_WINDOWS TREND_MAX_POINTS

struct cost;

/*
 * A finished unit, or several that one record stands for: a line that closes 7
 * of them has units 7 and the sums of all; each then counts as a seventh.
 */
struct cost_unit {
	__u64 seq;			/* the caller's number; later units have larger ones */
	__u64 units;			/* 0 is taken as 1 */
	__u64 failed;			/* of them */
	__u64 overlapped;		/* of them: what they had of their thread's time is an estimate */
	__u64 start_ns, end_ns;		/* CLOCK_MONOTONIC */
	__u64 since_ns;			/* what it did before that was not recorded; 0: all was */
	__u64 elapsed_ns;		/* by the clock on the wall, all of them one after the other */
	__u64 thread_ns;		/* sum of st_ns */
	__u32 worker;			/* the process that did it, 0: not said */
	__u64 st_ns[WT_STATES];
};

enum cost_kind {
	COST_SELF = 0,		/* CPU time in a function itself */
	COST_TOTAL = 1,		/* CPU time in it and what it called */
	COST_WAIT = 2,		/* a wait: state and object, "127.0.0.1:5432" */
	COST_RIVAL = 3,		/* run-queue time, by who had the CPU */
	COST_BLOCKED = 4,	/* waiting in a function and what it called */
	COST_KINDS = 5,
};

struct cost_opts {
	unsigned max_keys;	/* beyond, the smallest go to [other] of their kind (2000) */
};

/* job and kind ("line", "process", "span NAME") are copied.  0 or -ENOMEM; opts may be NULL. */
int cost__new(struct cost **out, const char *job, const char *kind, const struct cost_opts *opts);
void cost__free(struct cost *c);

/* 0 or -ENOMEM.  A unit that comes late goes to the window of its number. */
int cost__unit(struct cost *c, const struct cost_unit *u);
/* Other sums of units: see enum unit_extra. */
void cost__extra(struct cost *c, const __u64 extra[UNIT_EXTRAS]);
/* What units asked of a disk; of more than COST_DISKS of them, or one that is not known: OBJECT_NO_DISK. */
void cost__requests(struct cost *c, const struct unit_request *x);
/* Time of a unit that came after it: of a process that was started in it. */
void cost__more(struct cost *c, __u64 seq, const __u64 st_ns[WT_STATES]);
/*
 * Part of a unit that is final already or will be.  Beyond 50,000 that wait for
 * their units they are counted as orphans.
 * state: the wait's (COST_WAIT), enum wt_rival (COST_RIVAL, with the job's name where
 * it is another one, else the process's); ignored for the others.  A Python frame's name
 * may have its line, "f (file.py:12)": lines of one function are one key.
 */
int cost__detail(struct cost *c, __u64 seq, enum cost_kind kind, unsigned state,
		 const char *name, __u64 ns);
/*
 * A sampled stack, root first: COST_SELF for the last function, COST_TOTAL once
 * for each.  Kernel functions as "name_[k]" like in folded stacks.
 */
int cost__stack(struct cost *c, __u64 seq, const char *const *names, unsigned n, __u64 ns);
/* The stack of a wait, root first: COST_BLOCKED once for each function. */
int cost__blocked(struct cost *c, __u64 seq, const char *const *names, unsigned n, __u64 ns);
/*
 * Counters of a line: so many of total are done (total 0: not said), and what
 * the program itself says is left, or COST_NO_ESTIMATE.  source: whose counters
 * they are (a process); a job's backlog is the sum over them.  A line that is not
 * newer than the source's last one changes nothing.
 */
#define COST_NO_ESTIMATE ((__u64)-1)
#define COST_SOURCES 16
#define COST_WORKERS 64
void cost__estimate(struct cost *c, __u32 source, __u64 at_ns, __u64 done, __u64 total,
		    __u64 remaining_ns);

/* ---- reading ---- */

struct cost_window {
	__u64 first_seq, last_seq;
	__u64 records, units, failed;
	__u64 start_ns, end_ns;		/* of the earliest, of the latest */
	__u64 elapsed_ns, thread_ns, st_ns[WT_STATES];
};

struct cost_key {
	char *name;			/* without a line: "f (file.py" */
	__u64 hash;
	__u64 ns;			/* over all units */
	__u64 line_ns;			/* lead of that line over the others (majority vote) */
	__u32 line, stamp;
	__u8 kind, state;		/* enum cost_kind; enum wt_state or wt_rival */
	double depth_ns, depth_of_ns;	/* depth below the root × ns, and the ns of that */
	__u64 by_window[COST_WINDOWS];
};

/* An estimate of the program, ours at the same instant, and what came of it. */
struct cost_guess {
	__u64 at_ns, done, total;
	__u64 theirs_ns, ours_ns;	/* remaining; COST_NO_ESTIMATE: none */
	__u64 finished_ns;		/* when its counter came to its end; 0: not yet */
	__u32 run;			/* one counter from its beginning to its end */
};
#define COST_GUESSES 128

/* Another name for its job, copied.  0 or -ENOMEM: then it has the old one. */
int cost__set_job(struct cost *c, const char *job);

/* Read only; valid until the next call that changes c. */
const char *cost__job(const struct cost *c);
const char *cost__kind(const struct cost *c);
unsigned cost__windows(const struct cost *c, const struct cost_window **w);
unsigned cost__keys(const struct cost *c, const struct cost_key **k);
unsigned cost__guesses(const struct cost *c, const struct cost_guess **g);
/*
 * The file at the root of most stacks' Python frames, "job.py": the program's own
 * code, not a library's.  NULL: there is none.
 */
const char *cost__main_file(const struct cost *c);
/* The p-th percentile (0 … 100) of a unit's elapsed ns, within 3.2 %; at most the largest seen. */
__u64 cost__percentile(const struct cost *c, double p);

/* Requests of a disk, of all units: reads, writes, others. */
struct cost_disk {
	__u32 dev;
	__u64 count[3], bytes[3], ns;
};
#define COST_DISKS 16

struct cost_totals {
	struct cost_disk disks[COST_DISKS + 1];
	unsigned n_disks;
	__u64 records, units, failed;
	__u64 grouped;			/* units whose own time is not known: records of several */
	__u64 overlapped;		/* … whose own thread time is not */
	__u64 elapsed_ns, thread_ns, st_ns[WT_STATES], min_ns, max_ns;
	__u64 start_ns, end_ns;		/* from the earliest start (in the recording) to the latest end */
	__u64 seen_ns;			/* the part of elapsed_ns in the recording */
	/* between two units of a process; of the first COST_WORKERS processes */
	__u64 gaps, gap_ns, max_gap_ns;
	__u64 done, total;		/* sums of the counters; total 0: there are none */
	bool has_extra;
	__u64 extra[UNIT_EXTRAS];
	__u64 waiting;			/* details of units that are not final */
	__u64 keys_merged;		/* keys that went to [other] */
	__u64 orphans, orphan_ns;	/* details that found no place to wait for their unit */
};
void cost__totals(const struct cost *c, struct cost_totals *t);

#endif /* WT_COST_H */
