/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trend.c - a robust slope and an interval for it that may be believed.
 *
 * Sen's interval: if the true slope is taken off the series, a pair of points is
 * as likely to rise as to fall, so the weighted number of rising pairs is near
 * one half.  The slopes for which it would be one standard error away are the
 * slope's standard error, whatever the tails.  How far that is depends on how
 * alike neighbours are: the ranks of the residuals (tails do not hide likeness in
 * ranks) are taken to be a first-order autoregression, and their own products
 * are asked, too; the larger counts.
 */
#include "units/trend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAX_PAIRS (TREND_MAX_POINTS * (TREND_MAX_POINTS - 1) / 2)
#define PHI_MAX 0.97
#define SURE 3			/* standard errors that likeness is taken to be larger, … */
#define JUMP_SIDE 5		/* one part in so many of the points on either side, at least as many */
#define JUMP_APART 0.8		/* of the pairs across it less those that go the other way */
#define JUMP_SURE 3.6		/* standard errors, the best of many places being taken */
#define SURE_MAX 0.35		/* … at most so much */

struct slope {
	double value, weight;
};

/* What the fits of one series share. */
struct series {
	unsigned n;
	struct trend_point p[TREND_MAX_POINTS];
	double scale[TREND_MAX_POINTS];	/* spread of a point relative to one of mean weight */
	struct slope slopes[MAX_PAIRS];	/* sorted */
	unsigned n_slopes;
};

double trend__t975(double df)
{
	/* Cornish and Fisher's expansion; poor below 3, where the values are known */
	const double z = 1.959964, z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
	double d = df;

	if (d <= 1)
		return 12.706;
	if (d < 2)
		return 12.706 + (d - 1) * (4.303 - 12.706);
	if (d < 3)
		return 4.303 + (d - 2) * (3.182 - 4.303);
	return z + (z3 + z) / (4 * d) + (5 * z5 + 16 * z3 + 3 * z) / (96 * d * d) +
	       (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * d * d * d);
}

static int by_value(const void *a, const void *b)
{
	double x = ((const struct slope *)a)->value, y = ((const struct slope *)b)->value;

	return x < y ? -1 : x > y;
}

/* The value below which this share of the weight lies; v is sorted. */
static double weighted_quantile(const struct slope *v, unsigned n, double share)
{
	double want = 0, below = 0;

	for (unsigned i = 0; i < n; i++)
		want += share * v[i].weight;
	for (unsigned i = 0; i < n; i++) {
		below += v[i].weight;
		if (below >= want)
			return v[i].value;
	}
	return n ? v[n - 1].value : 0;
}

/*
 * Theil and Sen with Sievers' weights: a pair counts by the distance of its
 * points, too, which makes the estimate nearly as efficient as least squares.
 */
static double pair_weight(const struct series *s, unsigned i, unsigned j)
{
	const struct trend_point *p = s->p;

	return fabs(p[j].x - p[i].x) * p[i].w * p[j].w / (p[i].w + p[j].w);
}

static double sen_slope(struct series *s)
{
	s->n_slopes = 0;
	for (unsigned i = 0; i < s->n; i++)
		for (unsigned j = i + 1; j < s->n; j++)
			if (s->p[j].x > s->p[i].x)
				s->slopes[s->n_slopes++] = (struct slope){
					(s->p[j].y - s->p[i].y) / (s->p[j].x - s->p[i].x),
					pair_weight(s, i, j) };
	qsort(s->slopes, s->n_slopes, sizeof(*s->slopes), by_value);
	return weighted_quantile(s->slopes, s->n_slopes, 0.5);
}

static double center(const struct series *s, double slope)
{
	struct slope at[TREND_MAX_POINTS];

	for (unsigned i = 0; i < s->n; i++)
		at[i] = (struct slope){ s->p[i].y - slope * s->p[i].x, s->p[i].w };
	qsort(at, s->n, sizeof(*at), by_value);
	return weighted_quantile(at, s->n, 0.5);
}

/* Ranks of the residuals, from -1 to 1. */
static void ranks(const double *res, unsigned n, double *rank)
{
	for (unsigned i = 0; i < n; i++) {
		rank[i] = 0;
		for (unsigned j = 0; j < n; j++)
			rank[i] += res[j] < res[i] ? 1 : res[j] > res[i] ? -1 : 0;
		rank[i] /= n;
	}
}

/*
 * How alike neighbours are: the autocorrelation of ranks, its bias in a short
 * series without its trend repaired, plus so many standard errors, as likeness
 * that is overlooked makes a trend out of nothing.
 */
static double likeness(const double *rank, unsigned n, double errors)
{
	double c0 = 0, c1 = 0, phi;

	for (unsigned i = 0; i < n; i++) {
		c0 += rank[i] * rank[i];
		c1 += i ? rank[i] * rank[i - 1] : 0;
	}
	phi = c0 > 0 ? c1 / c0 : 0;
	phi = (phi * n + 2) / (n > 8 ? n - 4.0 : 4);
	phi = phi < 0 ? 0 : phi > PHI_MAX ? PHI_MAX : phi;
	phi += fmin(errors * sqrt((1 - phi * phi) / n), SURE_MAX);
	return phi > PHI_MAX ? PHI_MAX : phi;
}

/* By how much such likeness widens a linear estimate with these coefficients. */
static double widening(const double *c, const double *scale, unsigned n, double phi)
{
	double alone = 0, with = 0;

	for (unsigned i = 0; i < n; i++) {
		double ci = c[i] * scale[i], f = 1;

		alone += ci * ci;
		for (unsigned j = i; j < n; j++, f *= phi)
			with += (i == j ? 1 : 2) * f * ci * c[j] * scale[j];
	}
	return alone > 0 && with > alone ? sqrt(with / alone) : 1;
}

static double total_weight(const struct series *s)
{
	double w = 0;

	for (unsigned i = 0; i < s->n; i++)
		w += s->p[i].w;
	return w;
}

static void take(struct series *s, const struct trend_point *p, unsigned n)
{
	double mean;

	s->n = 0;
	for (unsigned i = 0; i < n && s->n < TREND_MAX_POINTS; i++)
		if (p[i].w > 0 && isfinite(p[i].y))
			s->p[s->n++] = p[i];
	mean = s->n ? total_weight(s) / s->n : 1;
	/* a point of few units spreads more, but units are no independent draws */
	for (unsigned i = 0; i < s->n; i++)
		s->scale[i] = sqrt(mean / s->p[i].w);
}

static double weighted_mean(const struct series *s)
{
	double sum = 0;

	for (unsigned i = 0; i < s->n; i++)
		sum += s->p[i].w * s->p[i].y;
	return sum / total_weight(s);
}

/* Coefficients that make the least-squares slope of y. */
static void slope_coefficients(const struct series *s, double *c)
{
	double w = total_weight(s), mean = 0, sxx = 0;

	for (unsigned i = 0; i < s->n; i++)
		mean += s->p[i].w * s->p[i].x / w;
	for (unsigned i = 0; i < s->n; i++)
		sxx += s->p[i].w * (s->p[i].x - mean) * (s->p[i].x - mean);
	for (unsigned i = 0; i < s->n; i++)
		c[i] = sxx > 0 ? s->p[i].w * (s->p[i].x - mean) / sxx : 0;
}

/* Student's allowance, for as many independent points as there are in effect. */
static double allowance(unsigned n, double phi, unsigned parameters)
{
	double df = n * (1 - phi) / (1 + phi) - parameters;

	return trend__t975(df < 2 ? 2 : df) / 1.959964;
}

/* Residuals of the line, of points of mean weight; returns their spread. */
static double residuals(const struct series *s, double a, double b, double *res)
{
	double sum = 0, mean = 0;

	for (unsigned i = 0; i < s->n; i++) {
		res[i] = (s->p[i].y - a - b * s->p[i].x) / s->scale[i];
		mean += res[i] / s->n;
	}
	for (unsigned i = 0; i < s->n; i++)
		sum += (res[i] - mean) * (res[i] - mean);
	return sqrt(sum / (s->n > 2 ? s->n - 2 : 1));
}

/*
 * The spread of the weighted number of rising pairs were all residuals draws of
 * their own, and by how much likeness widens it.  A residual of rank r adds c × r
 * to the number, where c is how much weight lies on pairs to its left less that
 * to its right; the ranks' variance is 1/3.
 */
static double pairs_spread(const struct series *s, const double *rank, double phi, double *wider)
{
	double c[TREND_MAX_POINTS] = { 0 }, one[TREND_MAX_POINTS], alone = 0, own = 0;
	unsigned n = s->n, lags = n / 4;

	for (unsigned i = 0; i < n; i++) {
		one[i] = 1;
		for (unsigned j = 0; j < n; j++)
			c[i] += (j < i) * pair_weight(s, j, i) - (j > i) * pair_weight(s, i, j);
		alone += c[i] * c[i] / 3;
	}
	for (unsigned lag = 0; lag <= lags; lag++)
		for (unsigned i = lag; i < n; i++)
			own += (lag ? 2 : 1) * (1 - lag / (lags + 1.0)) *
			       c[i] * rank[i] * c[i - lag] * rank[i - lag];
	*wider = widening(c, one, n, phi);
	if (alone > 0 && own > *wider * *wider * alone)
		*wider = sqrt(own / alone);
	return sqrt(alone * (2 * n + 5) / (2 * n + 2.0));	/* as in Kendall's own variance */
}

/*
 * The slopes one standard error away, on either side; from there on the error
 * goes with the factor, as the slopes farther out are those of close pairs.
 */
static void interval(struct trend *t, const struct series *s, const double *rank)
{
	double all = 0, share, wider, factor, sure = likeness(rank, s->n, SURE);

	for (unsigned i = 0; i < s->n_slopes; i++)
		all += s->slopes[i].weight;
	if (all <= 0)
		return;
	share = fmin(pairs_spread(s, rank, sure, &wider) / all, 1);
	factor = 1.959964 * wider * allowance(s->n, (t->phi + sure) / 2, 2);
	t->lo = t->slope - factor *
		(t->slope - weighted_quantile(s->slopes, s->n_slopes, 0.5 - share / 2));
	t->hi = t->slope + factor *
		(weighted_quantile(s->slopes, s->n_slopes, 0.5 + share / 2) - t->slope);
}

static void conclude(struct trend *t, const struct series *s, double a)
{
	double first = s->p[0].x, last = s->p[s->n - 1].x, least = INFINITY;
	double unit = t->level > 0 ? (last - first) / t->level : 0;

	for (unsigned i = 0; i < s->n; i++)
		least = fmin(least, s->p[i].y);
	/* a line may undercut what was ever seen; time cannot */
	t->at_first = fmax(a + t->slope * first, least);
	t->at_last = fmax(a + t->slope * last, least);
	t->factor = t->at_first > 0 ? t->at_last / t->at_first : 0;
	t->change = t->slope * unit;
	t->change_lo = t->lo * unit;
	t->change_hi = t->hi * unit;
	if (t->change_lo >= TREND_LEAST && t->change >= TREND_FLOOR)
		t->way = TREND_UP;
	else if (t->change_hi <= -TREND_LEAST && t->change <= -TREND_FLOOR)
		t->way = TREND_DOWN;
	else
		t->way = TREND_STEADY;
}

/* res: residuals of points of mean weight. */
static double distance(const struct series *s, const double *res)
{
	double sum = 0;

	for (unsigned i = 0; i < s->n; i++)
		sum += fabs(res[i]) / s->n;
	return sum;
}

void trend__fit(struct trend *t, const struct trend_point *p, unsigned n)
{
	double res[TREND_MAX_POINTS], rank[TREND_MAX_POINTS], a;
	struct series s;

	memset(t, 0, sizeof(*t));
	take(&s, p, n);
	t->n = s.n;
	if (!s.n)
		return;
	t->level = weighted_mean(&s);
	t->at_first = t->at_last = t->level;
	if (s.n < TREND_MIN_POINTS || total_weight(&s) < TREND_MIN_WEIGHT)
		return;
	t->slope = sen_slope(&s);
	a = center(&s, t->slope);
	t->sigma = residuals(&s, a, t->slope, res);
	t->off = distance(&s, res);
	ranks(res, s.n, rank);
	t->phi = likeness(rank, s.n, 0);
	interval(t, &s, rank);
	conclude(t, &s, a);
}

double trend__slope(const struct trend_point *p, unsigned n)
{
	double c[TREND_MAX_POINTS], b = 0;
	struct series s;

	take(&s, p, n);
	if (s.n < 2)
		return 0;
	slope_coefficients(&s, c);
	for (unsigned i = 0; i < s.n; i++)
		b += c[i] * s.p[i].y;
	return b;
}

/*
 * What of f neither a constant nor the trend explains, as coefficients that make
 * its effect on y.  Returns the share of f's variation that is left.
 */
static double effect_coefficients(const struct series *s, const double *f, double *c)
{
	double sc[TREND_MAX_POINTS], w = total_weight(s), mx = 0, mf = 0, slope = 0, left = 0, all = 0;

	slope_coefficients(s, sc);
	for (unsigned i = 0; i < s->n; i++) {
		mx += s->p[i].w * s->p[i].x / w;
		mf += s->p[i].w * f[i] / w;
		slope += sc[i] * f[i];
	}
	for (unsigned i = 0; i < s->n; i++) {
		c[i] = f[i] - mf - slope * (s->p[i].x - mx);
		left += s->p[i].w * c[i] * c[i];
		all += s->p[i].w * (f[i] - mf) * (f[i] - mf);
	}
	for (unsigned i = 0; i < s->n; i++)
		c[i] = left > 0 ? s->p[i].w * c[i] / left : 0;
	return all > 0 ? left / all : 0;
}

/* Points and units on either side. */
static bool both_sides(const struct series *s, const double *f)
{
	double w[2] = { 0 };
	unsigned n[2] = { 0 };

	for (unsigned i = 0; i < s->n; i++) {
		n[f[i] >= 0.5]++;
		w[f[i] >= 0.5] += s->p[i].w;
	}
	return n[0] >= 4 && n[1] >= 4 && w[0] >= TREND_MIN_WEIGHT / 3.0 &&
	       w[1] >= TREND_MIN_WEIGHT / 3.0;
}

void trend__effect(struct trend_effect *e, const struct trend_point *p, const double *f, unsigned n)
{
	double c[TREND_MAX_POINTS], res[TREND_MAX_POINTS], g[TREND_MAX_POINTS],
	       rank[TREND_MAX_POINTS];
	double left, alone = 0, phi, half, sigma, mf = 0, w;
	struct series s, rest;
	unsigned m = 0;

	memset(e, 0, sizeof(*e));
	take(&s, p, n);
	for (unsigned i = 0; i < n && m < s.n; i++)
		if (p[i].w > 0 && isfinite(p[i].y))
			g[m++] = f[i];
	if (s.n < TREND_MIN_POINTS || !both_sides(&s, g))
		return;
	left = effect_coefficients(&s, g, c);
	if (left < 0.1)		/* it came and grew with the trend: nobody can tell the two apart */
		return;
	w = total_weight(&s);
	rest = s;
	for (unsigned i = 0; i < s.n; i++)
		e->delta += c[i] * s.p[i].y;
	for (unsigned i = 0; i < s.n; i++) {
		rest.p[i].y -= e->delta * g[i];
		mf += s.p[i].w * g[i] / w;
		alone += c[i] * c[i] * s.scale[i] * s.scale[i];
	}
	e->slope = trend__slope(rest.p, rest.n);
	sigma = residuals(&rest, 0, e->slope, res);
	ranks(res, s.n, rank);
	phi = likeness(rank, s.n, SURE);
	half = 1.959964 * sigma * sqrt(alone) * widening(c, s.scale, s.n, phi) * allowance(s.n, phi, 3);
	e->enough = true;
	e->lo = e->delta - half;
	e->hi = e->delta + half;
	e->without = weighted_mean(&s) - e->delta * mf;
}

/* The weighted mean of v over points [from, to). */
static double side(const struct series *s, const double *v, unsigned from, unsigned to)
{
	double sum = 0, w = 0;

	for (unsigned i = from; i < to; i++) {
		sum += s->p[i].w * v[i];
		w += s->p[i].w;
	}
	return w > 0 ? sum / w : 0;
}

static double weight(const struct series *s, unsigned from, unsigned to)
{
	double w = 0;

	for (unsigned i = from; i < to; i++)
		w += s->p[i].w;
	return w;
}

/* Between the ranks before point k and those from there on, in standard errors. */
static double jump_at(const struct series *s, const double *rank, unsigned k)
{
	double left = weight(s, 0, k), right = weight(s, k, s->n), var = 0;

	for (unsigned i = 0; i < s->n; i++)
		var += pow(s->p[i].w / (i < k ? left : right), 2) / 3;
	return fabs(side(s, rank, k, s->n) - side(s, rank, 0, k)) / sqrt(var);
}

static double median_of(const struct series *s, const double *v, unsigned from, unsigned to)
{
	struct slope at[TREND_MAX_POINTS];
	unsigned n = 0;

	for (unsigned i = from; i < to; i++)
		at[n++] = (struct slope){ v[i], s->p[i].w };
	qsort(at, n, sizeof(*at), by_value);
	return weighted_quantile(at, n, 0.5);
}

/*
 * The difference of the medians before point k and from there on, in standard errors
 * of it, when neighbours are as alike as they are on either side.
 */
static double jump_sureness(const struct series *s, const double *y, unsigned k, double *off)
{
	double res[TREND_MAX_POINTS], size[TREND_MAX_POINTS], rank[TREND_MAX_POINTS];
	double c[TREND_MAX_POINTS], one[TREND_MAX_POINTS], alone = 0, error, phi, sure;
	double before = median_of(s, y, 0, k), after = median_of(s, y, k, s->n);

	for (unsigned i = 0; i < s->n; i++) {
		res[i] = (y[i] - (i < k ? before : after)) / s->scale[i];
		size[i] = fabs(res[i]);
		c[i] = s->p[i].w / (i < k ? -weight(s, 0, k) : weight(s, k, s->n));
		one[i] = 1;
		alone += c[i] * c[i];
	}
	*off = distance(s, res);
	ranks(res, s->n, rank);
	phi = likeness(rank, s->n, 0);
	sure = likeness(rank, s->n, SURE);
	/* a median's error by the median deviation, as if the bulk were normal */
	error = 1.2533 * 1.4826 * median_of(s, size, 0, s->n) * sqrt(alone) *
		widening(c, one, s->n, sure) * allowance(s->n, (phi + sure) / 2, 2);
	return error > 0 ? fabs(after - before) / error : after != before ? INFINITY : 0;
}

void trend__jump(struct trend_jump *j, const struct trend_point *p, unsigned n)
{
	double y[TREND_MAX_POINTS], rank[TREND_MAX_POINTS], best = 0;
	struct series s;
	unsigned least;

	memset(j, 0, sizeof(*j));
	take(&s, p, n);
	if (s.n < TREND_MIN_POINTS || total_weight(&s) < TREND_MIN_WEIGHT)
		return;
	for (unsigned i = 0; i < s.n; i++)
		y[i] = s.p[i].y;
	ranks(y, s.n, rank);
	least = s.n / JUMP_SIDE > JUMP_SIDE ? s.n / JUMP_SIDE : JUMP_SIDE;
	for (unsigned k = least; k + least <= s.n; k++) {
		double z = jump_at(&s, rank, k);

		if (z <= best)
			continue;
		best = z;
		j->at = k;
	}
	if (!j->at)
		return;
	j->before = side(&s, y, 0, j->at);
	j->after = side(&s, y, j->at, s.n);
	j->x = (s.p[j->at - 1].x + s.p[j->at].x) / 2;
	j->found = fabs(j->after - j->before) >= TREND_JUMP_FLOOR * fmin(j->before, j->after) &&
		   fabs(side(&s, rank, j->at, s.n) - side(&s, rank, 0, j->at)) >= JUMP_APART &&
		   jump_sureness(&s, y, j->at, &j->off) >= JUMP_SURE;
}
