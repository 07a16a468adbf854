/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trend.h - is a series rising?  Pure arithmetic, the same answer every time.
 *
 * A point is the mean of consecutive units: x the number of the unit in its
 * middle, y the mean time of one, w how many there are.  The line is Theil and
 * Sen's: the weighted median of the slopes of all pairs, which a few long units
 * do not move.  Its interval covers the slope with about 95 % also when
 * neighbours resemble each other (a slow minute is followed by a slow minute)
 * and when the times have heavy tails: see docs/units.md for how that was tested.
 */
#ifndef WT_TREND_H
#define WT_TREND_H

#include <stdbool.h>

#define TREND_MAX_POINTS 64
#define TREND_MIN_POINTS 10	/* below, and … */
#define TREND_MIN_WEIGHT 24	/* … below so many units nothing is said */
#define TREND_FLOOR 0.02	/* a change over the series that is worth a word … */
#define TREND_LEAST 0.005	/* … if it is certain to be more than that */

struct trend_point {
	double x, y, w;
};

enum trend_way {
	TREND_TOO_FEW = 0,
	TREND_STEADY = 1,
	TREND_UP = 2,
	TREND_DOWN = 3,
};

struct trend {
	unsigned n;			/* points used */
	enum trend_way way;
	double level;			/* weighted mean of y */
	double slope, lo, hi;		/* y per x, with its 95 % interval */
	double at_first, at_last;	/* the line at the first and the last point */
	double factor;			/* at_last / at_first; 0 when that says nothing */
	double change, change_lo, change_hi; /* slope × range of x ÷ level: 0.1 is 10 % over the series */
	double sigma;			/* spread of a point of mean weight around the line */
	double off;			/* mean distance of the points from the line */
	double phi;			/* how alike neighbours are, 0 … 0.95 */
};

/*
 * Points in order of x; those of weight 0 are left out, those beyond
 * TREND_MAX_POINTS ignored.
 */
void trend__fit(struct trend *t, const struct trend_point *p, unsigned n);

/* What a second influence does to y, the trend apart. */
struct trend_effect {
	bool enough;			/* it is there in some points, not in others, and no mere trend */
	double delta, lo, hi;		/* y at f = 1 minus y at f = 0, 95 % interval */
	double without;			/* mean of y, had f been 0 throughout */
	double slope;			/* of the trend beside it */
};

/* f: how much of the influence each point has, 0 … 1. */
void trend__effect(struct trend_effect *e, const struct trend_point *p, const double *f, unsigned n);

/* A level that changes once and stays. */
struct trend_jump {
	bool found;
	unsigned at;			/* the first point after it */
	double x;			/* between the last point before and the first after */
	double before, after;		/* weighted mean of y */
	double off;			/* mean distance of the points from the medians of their side */
};
#define TREND_JUMP_FLOOR 0.1		/* of the level before: smaller ones are not looked for */

/*
 * Looks for one jump, the likeliest place of all.  A trend can be taken for one, and
 * a jump for a trend: the one whose `off` is less is it.  Neighbours that resemble
 * each other are allowed for.
 */
void trend__jump(struct trend_jump *j, const struct trend_point *p, unsigned n);

/* Least squares: the slope; additive over the parts of which a series is the sum. */
double trend__slope(const struct trend_point *p, unsigned n);

/* The 97.5 % point of Student's t with df degrees of freedom (df ≥ 1; within 1 %). */
double trend__t975(double df);

#endif /* WT_TREND_H */
