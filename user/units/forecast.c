/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "units/forecast.h"

#include <math.h>
#include <string.h>

/* x: units finished by the middle of the window; y: ns of wall time for one unit. */
static unsigned pace(struct trend_point *p, const struct cost_window *w, unsigned n)
{
	__u64 before_ns = n ? w[0].start_ns : 0;
	double done = 0;

	for (unsigned i = 0; i < n; i++) {
		__u64 took_ns = w[i].end_ns > before_ns ? w[i].end_ns - before_ns : 0;

		p[i].w = w[i].units;
		p[i].x = done + p[i].w / 2;
		p[i].y = p[i].w > 0 ? took_ns / p[i].w : 0;
		done += p[i].w;
		before_ns += took_ns;
	}
	return n;
}

static double total(const struct trend_point *p, unsigned n)
{
	double w = 0;

	for (unsigned i = 0; i < n; i++)
		w += p[i].w;
	return w;
}

static double mean(const struct trend_point *p, unsigned n)
{
	double sum = 0, w = total(p, n);

	for (unsigned i = 0; i < n; i++)
		sum += p[i].w * p[i].y;
	return w > 0 ? sum / w : 0;
}

void forecast__quick(struct forecast *f, const struct cost_window *w, unsigned n, __u64 left_units)
{
	struct trend_point p[COST_WINDOWS];
	double done, slope, at_end, last, x = 0;

	memset(f, 0, sizeof(*f));
	pace(p, w, n);
	if (n < 3)
		return;
	f->known = true;
	f->ns = mean(p + n / 2, n - n / 2) * left_units;
	if (n < TREND_MIN_POINTS)
		return;
	/* least squares, where it explains more than chance would by far */
	slope = trend__slope(p, n);
	done = total(p, n);
	for (unsigned i = 0; i < n; i++)
		x += p[i].w * p[i].x / done;
	last = mean(p, n);
	at_end = last + slope * (done - x);
	if (slope * done > 0.5 * last)
		f->ns = left_units * (at_end + slope * left_units / 2);
}

/* The spread of the mean of m points drawn as these were. */
static double spread(const struct trend *t, double m)
{
	return t->sigma * sqrt((1 + t->phi) / (1 - t->phi) / m);
}

static void bound(struct forecast *f, const struct trend *t, const struct trend_point *p, unsigned n,
		  double left)
{
	double seen = total(p, n), per_point = seen / n, used = f->trended ? n : n - n / 2;
	double horizon = left < seen ? left : seen;
	double drift = (t->hi - t->lo) / 2 * (seen + horizon) / 2 * left;
	double level = 1.96 * spread(t, used) * left;
	double future = 1.96 * spread(t, fmax(left / per_point, 1)) * left;
	double half = sqrt(drift * drift + level * level + future * future);
	double least = INFINITY;

	for (unsigned i = 0; i < n; i++)
		least = fmin(least, p[i].y);
	f->bounded = true;
	f->lo_ns = fmax(f->ns - half, least * left);
	f->lo_ns = fmin(f->lo_ns, f->ns);
	f->hi_ns = f->ns + half;
}

void forecast__left(struct forecast *f, const struct cost_window *w, unsigned n, __u64 left_units)
{
	struct trend_point p[COST_WINDOWS];
	double left = left_units, seen, pace_now, least = INFINITY;
	struct trend t;

	forecast__quick(f, w, n, left_units);
	pace(p, w, n);
	trend__fit(&t, p, n);
	if (!f->known || t.way == TREND_TOO_FEW)
		return;
	f->ns = mean(p + n / 2, n - n / 2) * left;
	f->trended = t.way == TREND_UP || t.way == TREND_DOWN;
	if (f->trended) {
		seen = total(p, n);
		pace_now = t.at_last + t.slope * (seen - p[n - 1].x);
		for (unsigned i = 0; i < n; i++)
			least = fmin(least, p[i].y);
		/* faster than ever seen is not expected */
		f->ns = fmax(left * (pace_now + t.slope * left / 2), left * least);
	}
	bound(f, &t, p, n, left);
}
