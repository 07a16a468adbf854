/* SPDX-License-Identifier: GPL-2.0-or-later */
/* forecast.h - how long the rest will take, from the pace so far; pure. */
#ifndef WT_FORECAST_H
#define WT_FORECAST_H

#include "units/cost.h"

struct forecast {
	bool known;			/* there is a pace */
	bool bounded;			/* lo_ns and hi_ns hold: enough windows */
	bool trended;			/* the pace changes, and that is extrapolated */
	double ns, lo_ns, hi_ns;	/* remaining, with about a 95 % interval */
};

/*
 * The pace is the time from one window's end to the next's, per unit; so it has
 * whatever concurrency and pauses there are.  If it has a trend, the line goes
 * on; if not, the later half of the windows is the pace.  The interval has the
 * pace's error, the scatter of the units to come and the trend's error, that one
 * over no more units than have been seen.
 */
void forecast__left(struct forecast *f, const struct cost_window *w, unsigned n, __u64 left_units);
/* Only f->ns, without a trend: cheap enough for every line. */
void forecast__quick(struct forecast *f, const struct cost_window *w, unsigned n, __u64 left_units);

#endif /* WT_FORECAST_H */
