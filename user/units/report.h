/* SPDX-License-Identifier: GPL-2.0-or-later */
/* report.h - what is read out of a struct cost: rates, costs per unit, trends; pure. */
#ifndef WT_UNITS_REPORT_H
#define WT_UNITS_REPORT_H

#include <stddef.h>
#include "units/cost.h"
#include "units/forecast.h"
#include "units/trend.h"

/*
 * What one key costs a unit: the sum of its time over all units by their number,
 * with a 95 % interval of that ratio from the windows.  Per unit it cannot be
 * measured: a function is sampled.
 */
struct cost_figure {
	const struct cost_key *key;
	double ns, lo, hi;		/* per unit; lo and hi NAN with fewer than 4 windows */
	double growth_ns;		/* per unit, from the first to the last, by least squares */
};

/* How good the program's own estimates were. */
struct cost_own {
	unsigned n;			/* estimates made with 10 % to 90 % done */
	bool finished;			/* the end of some is known; else errors are not */
	double error, ours;		/* median of (estimated − actual) ÷ actual; ours NAN when there is none */
	double half_error, half_ours;	/* … of the one nearest to half of the way */
	double moved_ns;		/* by which the instant it promised moved from its run's first on */
	__u64 last_ns;			/* remaining time by its last estimate; COST_NO_ESTIMATE: none */
};

struct cost_report {
	const struct cost *cost;
	struct cost_totals t;
	const struct cost_window *windows;
	unsigned n_windows;
	double per_min;			/* finished, from the first start to the last end; 0: not known */
	double mean_ns, mean_lo, mean_hi; /* elapsed per unit */
	__u64 p50_ns, p95_ns, p99_ns;
	double concurrency;		/* elapsed ÷ wall: how many were at work at once */
	double thread_ns, st_ns[WT_STATES];	/* per unit */
	double threads[WT_STATES];	/* how many threads were in a state, on average */
	double range;			/* units from the first window's middle to the last's */
	struct trend trend;		/* of elapsed ns per unit over the number of the unit */
	struct trend_jump jump;		/* found: it says more than the trend */
	double pct, pct_lo, pct_hi;	/* … in % of the mean per 1000 units */
	double growth_ns, st_growth_ns[WT_STATES];	/* as of a figure */
	double cpu_scale;		/* functions' samples × this = CPU time, at most 2 */
	struct cost_figure *figures;	/* by kind, each kind's largest first */
	unsigned n_figures;
	struct forecast left;		/* of what counters say is left; known false: nothing or no pace */
	struct cost_own own;
};

/*
 * Borrows from c: valid until c is changed or freed.  0 or -ENOMEM;
 * cost_report__free() in both cases.
 */
int cost__report(const struct cost *c, struct cost_report *r);
void cost_report__free(struct cost_report *r);

/* The figures of one kind: the first, and how many. */
const struct cost_figure *cost_report__kind(const struct cost_report *r, enum cost_kind kind,
					    unsigned *n);
/*
 * What its own threads were to tell, until which they waited: of futexes that are no lock, as
 * far as is known.  An idle thread waits so: it grows with the rest, and nobody is in its way.
 */
bool cost_key__is_told(const struct cost_key *k);
/* … of a unit; NULL: nothing. */
const struct cost_figure *cost_report__told(const struct cost_report *r);
/*
 * How much of a unit's time that is.  A wait counts for the unit that it began in, whole, and its time for
 * all that it reaches over, and for none behind the last: it may be more than the unit's in WT_LOCK.
 */
double cost_report__told_ns(const struct cost_report *r);
/* The figure of the same name of another kind; NULL: there is none. */
const struct cost_figure *cost_report__same(const struct cost_report *r, enum cost_kind kind,
					    const struct cost_key *k);
/*
 * How near a function is to what its author wrote: 3 in the program's own file, 2 in
 * another of its language, 1 native, 0 in the kernel.
 */
int cost_report__closeness(const struct cost_report *r, const struct cost_key *k);
/*
 * Does a function only call, main() for one?  It spends next to nothing itself, and that
 * share of its time below one other that is as near or nearer.  f is of COST_TOTAL.
 */
bool cost_report__only_calls(const struct cost_report *r, const struct cost_figure *f, double share);
/* How many frames it lies below the root, on average. */
double cost_key__depth(const struct cost_key *k);
/* "match_albums (job.py:88)", "net 10.0.0.5:5432"; returns buf. */
char *cost_figure__name(const struct cost_figure *f, char *buf, size_t sz);
/* The trend of a figure, ns per unit over the number of the unit. */
void cost_report__trend(const struct cost_report *r, const struct cost_key *k, struct trend *t);
/* Does it grow, or jump up where the whole does? */
bool cost_report__grows(const struct cost_report *r, const struct cost_key *k);
/* The points of a series: elapsed time, or a state's, or a key's, per unit; returns their number. */
unsigned cost_report__elapsed(const struct cost_report *r, struct trend_point *p);
unsigned cost_report__state(const struct cost_report *r, unsigned state, struct trend_point *p);
unsigned cost_report__key(const struct cost_report *r, const struct cost_key *k,
			  struct trend_point *p);

#endif /* WT_UNITS_REPORT_H */
