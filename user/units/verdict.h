/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * verdict.h - is it getting worse, and why: one verdict for each job, in words
 * that carry their n and their interval; pure.
 */
#ifndef WT_VERDICT_H
#define WT_VERDICT_H

#include "units/report.h"

enum verdict_kind {
	VERDICT_TOO_FEW = 0,		/* nothing is said of so few units */
	VERDICT_STEADY = 1,		/* no change stands out of the scatter */
	VERDICT_DEGRADING = 2,		/* time per unit grows */
	VERDICT_IMPROVING = 3,
	VERDICT_INTERFERENCE = 4,	/* another job makes it slower */
	VERDICT_KINDS = 5,
};

enum verdict_cause {
	CAUSE_NONE = 0,			/* none stands out */
	CAUSE_FUNCTION = 1,		/* CPU time in a function */
	CAUSE_CPU = 2,			/* CPU time, no function stands out */
	CAUSE_WAIT = 3,			/* waiting: for the object, or in the state */
	CAUSE_STARVED = 4,		/* run queue or quota */
	CAUSE_SHARED = 5,		/* waiting for what another job waits for, too */
	CAUSES = 6,
};

#define VERDICT_LINES 3
struct verdict {
	enum verdict_kind kind;
	enum verdict_cause cause;
	unsigned state;			/* of the cause; WT_STATES: none */
	double share;			/* of the growth that the cause accounts for, 0 … 1 */
	char subject[128];		/* the function or object; empty: none */
	char job[96];			/* the other job; empty: none */
	char line[VERDICT_LINES][320];	/* the first is the verdict, the others say more of it */
	unsigned n_lines;
};

/*
 * all: every report there is, r among them or not; another job's are asked when
 * it was at work and what it waits for.
 */
void verdict__judge(struct verdict *v, const struct cost_report *r, const struct cost_report *all,
		    unsigned n);
/* "too_few", "steady", "degrading", "improving", "interference". */
const char *verdict__kind_name(enum verdict_kind kind);
/* "none", "function", "cpu", "wait", "starved", "shared". */
const char *verdict__cause_name(enum verdict_cause cause);

/* A job's units of one kind, read out and judged. */
struct judged {
	struct cost_report report;
	struct verdict verdict;
	struct judged *parts;		/* the same, name by name (the kind of their costs): see costs__judge() */
	unsigned n_parts;
};
/*
 * Reads out and judges n of them; *out is an array of n in the same order.
 * Borrows from the costs.  0 or -ENOMEM, then *out is NULL.
 */
int judged__new(struct judged **out, struct cost *const *costs, unsigned n);
/* Their parts, too. */
void judged__free(struct judged *j, unsigned n);

#endif /* WT_VERDICT_H */
