/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cause.h - what makes time per unit grow: the part of verdict.h that looks for it. */
#ifndef WT_CAUSE_H
#define WT_CAUSE_H

#include "units/verdict.h"

/*
 * Sets cause, state, share and subject from the growth of the states and keys;
 * inner: the function in which most of a growing function's growth is, or the one that
 * waits; or empty.
 */
void cause__of_growth(struct verdict *v, const struct cost_report *r, char *inner, size_t sz);

/* Growth that can lengthen a unit: idle counts only as far as elapsed time grew beyond the rest. */
double cause__growth(const struct cost_report *r, unsigned state);

/* What a job that is at work beside this one does to it. */
struct interference {
	const char *job;		/* NULL: nothing was found */
	const struct cost_report *other; /* its own report; NULL: it tells of no units */
	bool compared;			/* there were units with and without it */
	double beside;			/* share of elapsed time that it was there */
	struct trend_effect effect;	/* on elapsed ns per unit, when compared */
	enum verdict_cause cause;
	unsigned state;
	double share;			/* not compared: of the work time, in that wait */
	double other_share;		/* … of the other job's */
	char subject[128];
	bool explains;			/* without its effect no growth is left */
	bool seen;			/* it had the CPU that was waited for */
};
void cause__interference(struct interference *i, const struct cost_report *r,
			 const struct cost_report *all, unsigned n);

#endif /* WT_CAUSE_H */
