/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_units_trend.c - how often a steady series is called steady and a rising
 * one rising, and how often the interval covers the slope that was put in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units/trend.h"

#define SERIES 500

static unsigned long long rng = 88172645463325252ULL;

static double uniform(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return ((rng >> 11) + 0.5) / 9007199254740992.0;
}

static double gauss(void)
{
	return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform());
}

/* The unit's noise: multiplies a mean of 1. */
struct noise {
	const char *name;
	double spread;		/* standard deviation of the unit's own noise */
	double tail;		/* > 0: Pareto of this shape instead */
	double phi, drift;	/* AR(1) beside it, and its standard deviation */
	double burst, factor;	/* chance that a slow spell begins; it lasts 5 units on average */
};

struct maker {
	const struct noise *z;
	double ar;
	int in_burst;
};

static double one_unit(struct maker *m)
{
	const struct noise *z = m->z;
	double y = 1 + z->spread * gauss();

	if (z->tail > 0)	/* scaled to a mean of 1 */
		y = (z->tail - 1) / z->tail * pow(uniform(), -1 / z->tail);
	if (z->drift > 0) {
		m->ar = z->phi * m->ar + z->drift * sqrt(1 - z->phi * z->phi) * gauss();
		y += m->ar;
	}
	if (z->burst > 0) {
		m->in_burst = m->in_burst ? uniform() > 0.2 : uniform() < z->burst;
		y *= m->in_burst ? z->factor : 1;
	}
	return y > 0.01 ? y : 0.01;
}

/* `units` units in windows of `per` each; the mean grows by `growth` of itself from first to last. */
static unsigned make(struct trend_point *p, const struct noise *z, unsigned windows, unsigned per,
		     double growth)
{
	struct maker m = { .z = z, .ar = z->drift * gauss() };
	unsigned u = 0;

	for (unsigned i = 0; i < windows; i++) {
		p[i] = (struct trend_point){ u + per / 2.0, 0, per };
		for (unsigned k = 0; k < per; k++, u++)
			p[i].y += one_unit(&m) * (1 + growth * u / (windows * per)) / per;
	}
	return windows;
}

struct rate {
	unsigned up, down, steady, covered;
};

static struct rate rate(const struct noise *z, unsigned windows, unsigned per, double growth,
			double truth)
{
	struct trend_point p[TREND_MAX_POINTS];
	struct rate r = { 0 };
	struct trend t;

	for (unsigned k = 0; k < SERIES; k++) {
		trend__fit(&t, p, make(p, z, windows, per, growth));
		r.up += t.way == TREND_UP;
		r.down += t.way == TREND_DOWN;
		r.steady += t.way == TREND_STEADY;
		r.covered += t.lo <= truth && truth <= t.hi;
	}
	print_message("%-22s %2u windows of %4u, growth %.2f: steady %u, up %u, down %u, covered %u of %u\n",
		      z->name, windows, per, growth, r.steady, r.up, r.down, r.covered, SERIES);
	return r;
}

static const struct noise noises[] = {
	{ "independent", 0.3, 0, 0, 0, 0, 0 },
	{ "little noise", 0.02, 0, 0, 0, 0, 0 },
	{ "heavy tail (1.5)", 0, 1.5, 0, 0, 0, 0 },
	{ "AR(1) 0.6", 0.1, 0, 0.6, 0.3, 0, 0 },
	{ "AR(1) 0.9", 0.1, 0, 0.9, 0.3, 0, 0 },
	{ "bursts", 0.2, 0, 0, 0, 0.03, 5 },
	{ "bursts and AR(1) 0.8", 0.1, 0, 0.8, 0.2, 0.01, 8 },
};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

/*
 * Whatever the noise: what does not grow is called steady.  Where units are so alike
 * that 64 of them are three in effect, no more than 64 were seen, and each is a
 * window of its own, there is no certainty to be had: see docs/units.md.
 */
static void test_steady(void **state)
{
	static const unsigned shapes[][2] = { { 10, 8 }, { 13, 8 }, { 20, 2 }, { 64, 1 }, { 48, 20 } };

	(void)state;
	for (unsigned i = 0; i < COUNT(noises); i++)
		for (unsigned k = 0; k < COUNT(shapes); k++) {
			bool hopeless = noises[i].phi > 0.85 && (shapes[k][1] < 8 || shapes[k][0] < 20);
			struct rate r = rate(&noises[i], shapes[k][0], shapes[k][1], 0, 0);

			assert_true(r.steady >= SERIES * (hopeless ? 88 : 95) / 100);
			assert_true(r.up <= SERIES * (hopeless ? 8 : 4) / 100);
			assert_true(r.covered >= SERIES * (hopeless ? 88 : 95) / 100);
		}
}

/* It doubles from the first to the last. */
static void test_growing(void **state)
{
	static const struct {
		unsigned noise, windows, per, at_least;	/* of 100 */
	} cases[] = {
		{ 0, 20, 8, 93 }, { 0, 64, 1, 90 }, { 0, 48, 20, 100 }, { 1, 16, 2, 100 },
		{ 1, 64, 1, 100 }, { 3, 48, 20, 98 }, { 4, 64, 100, 95 }, { 5, 64, 50, 92 },
	};

	(void)state;
	for (unsigned i = 0; i < COUNT(cases); i++) {
		unsigned units = cases[i].windows * cases[i].per;
		const struct noise *z = &noises[cases[i].noise];
		double mean = z->burst > 0 ? 1 + (z->factor - 1) * z->burst / (z->burst + 0.2) : 1;
		struct rate r = rate(z, cases[i].windows, cases[i].per, 1, mean / units);

		assert_int_equal(r.down, 0);
		assert_true(r.up >= SERIES * cases[i].at_least / 100);
		assert_true(r.covered >= SERIES * 93 / 100);
	}
}

static void test_shrinking(void **state)
{
	struct rate r = rate(&noises[0], 48, 20, -0.5, -0.5 / 960);

	(void)state;
	assert_int_equal(r.down, SERIES);
	assert_true(r.covered >= SERIES * 95 / 100);
}

/* What doubles in the middle is found where it is; what does not jump hardly ever. */
static void test_jump(void **state)
{
	static const unsigned shapes[][2] = { { 20, 8 }, { 64, 1 }, { 48, 20 } };

	(void)state;
	for (unsigned i = 0; i < COUNT(noises); i++)
		for (unsigned k = 0; k < COUNT(shapes); k++) {
			unsigned n = shapes[k][0], wrong = 0, found = 0, there = 0;

			for (unsigned m = 0; m < SERIES; m++) {
				struct trend_point p[TREND_MAX_POINTS];
				struct trend_jump j;

				make(p, &noises[i], n, shapes[k][1], 0);
				trend__jump(&j, p, n);
				wrong += j.found;
				for (unsigned q = n / 2; q < n; q++)
					p[q].y *= 2;
				trend__jump(&j, p, n);
				found += j.found;
				there += j.found && j.at + 2 >= n / 2 && j.at <= n / 2 + 2;
			}
			print_message("jump: %-22s %2u windows of %4u: wrong %u, found %u, there %u of %u\n",
				      noises[i].name, n, shapes[k][1], wrong, found, there, SERIES);
			assert_true(wrong <= SERIES * 5 / 100);
			assert_true(there >= found * 7 / 10);
			if (i < 2)
				assert_true(there >= SERIES * (shapes[k][1] == 1 ? 78 : 93) / 100);
		}
}

static void line(struct trend_point *p, unsigned n, double from, double step)
{
	for (unsigned i = 0; i < n; i++)
		p[i] = (struct trend_point){ 10 * i, from + step * i, 10 };
}

static void test_exact(void **state)
{
	struct trend_point p[40];
	struct trend t;

	(void)state;
	line(p, 40, 100, 5);
	trend__fit(&t, p, 40);
	assert_int_equal(t.way, TREND_UP);
	assert_float_equal(t.slope, 0.5, 1e-9);
	assert_float_equal(t.lo, 0.5, 1e-9);
	assert_float_equal(t.at_first, 100, 1e-6);
	assert_float_equal(t.at_last, 295, 1e-6);
	assert_float_equal(t.factor, 2.95, 1e-6);
	assert_float_equal(t.level, 197.5, 1e-6);
	assert_float_equal(trend__slope(p, 40), 0.5, 1e-9);
	/* a few wild points do not move it */
	p[3].y = p[20].y = 1e6;
	p[39].y = 0;
	trend__fit(&t, p, 40);
	assert_true(fabs(t.slope - 0.5) < 0.05);
	assert_true(fabs(trend__slope(p, 40) - 0.5) > 1);
}

/* Too few points, too few units, a growth that is certain but not worth a word. */
static void test_silence(void **state)
{
	struct trend_point p[40];
	struct trend t;

	(void)state;
	line(p, 40, 100, 5);
	trend__fit(&t, p, 0);
	assert_int_equal(t.way, TREND_TOO_FEW);
	trend__fit(&t, p, TREND_MIN_POINTS - 1);
	assert_int_equal(t.way, TREND_TOO_FEW);
	for (unsigned i = 0; i < 40; i++)
		p[i].w = 0.5;
	trend__fit(&t, p, 40);
	assert_int_equal(t.way, TREND_TOO_FEW);
	line(p, 40, 1000, 0.4);
	trend__fit(&t, p, 40);
	assert_true(t.lo > 0);
	assert_int_equal(t.way, TREND_STEADY);
	line(p, 40, 0, 0);
	trend__fit(&t, p, 40);
	assert_int_equal(t.way, TREND_STEADY);
	assert_true(t.factor == 0 && t.change == 0);
	for (unsigned i = 0; i < 40; i++)
		p[i].x = 7;		/* all at one place */
	trend__fit(&t, p, 40);
	assert_int_equal(t.way, TREND_STEADY);
}

/* Weights: a thousand units that rise against one that does not, at the end. */
static void test_weights(void **state)
{
	struct trend_point p[20];
	struct trend t;

	(void)state;
	line(p, 20, 100, 5);
	for (unsigned i = 0; i < 20; i++)
		p[i].w = i < 17 ? 1000 : 1;
	p[17].y = p[18].y = p[19].y = 1;
	trend__fit(&t, p, 20);
	assert_int_equal(t.way, TREND_UP);
	assert_float_equal(t.slope, 0.5, 0.01);
}

/* Steps of 0.5 while something else is there, with and without growth beside it. */
static void test_effect(void **state)
{
	unsigned covered = 0, found = 0, false_alarm = 0;

	(void)state;
	for (unsigned k = 0; k < SERIES; k++) {
		struct trend_point p[TREND_MAX_POINTS];
		double f[TREND_MAX_POINTS];
		unsigned n = make(p, &noises[0], 40, 4, k % 2);
		struct trend_effect e;

		for (unsigned i = 0; i < n; i++)
			f[i] = k % 3 ? i >= 24 : i / 5 % 2;
		trend__effect(&e, p, f, n);
		assert_true(e.enough);
		false_alarm += e.lo > 0 || e.hi < 0;
		for (unsigned i = 0; i < n; i++)
			p[i].y += 0.5 * f[i];
		trend__effect(&e, p, f, n);
		covered += e.lo <= 0.5 && e.hi >= 0.5;
		found += e.lo > 0;
		assert_float_equal(e.without + 0.5 * (k % 3 ? 0.4 : 0.5), e.without + e.delta *
				   (k % 3 ? 0.4 : 0.5), 0.25);
	}
	print_message("effect: covered %u, found %u, false alarms %u of %u\n", covered, found,
		      false_alarm, SERIES);
	assert_true(covered >= SERIES * 95 / 100);
	assert_true(found >= SERIES * 75 / 100);
	assert_true(false_alarm <= SERIES * 5 / 100);
}

/* What is always there, never there, or comes as slowly as the trend, cannot be told. */
static void test_no_effect(void **state)
{
	struct trend_point p[TREND_MAX_POINTS];
	double f[TREND_MAX_POINTS] = { 0 };
	unsigned n = make(p, &noises[0], 40, 4, 0);
	struct trend_effect e;

	(void)state;
	trend__effect(&e, p, f, n);
	assert_false(e.enough);
	for (unsigned i = 0; i < n; i++)
		f[i] = 1;
	trend__effect(&e, p, f, n);
	assert_false(e.enough);
	for (unsigned i = 0; i < n; i++)
		f[i] = i / 40.0;
	trend__effect(&e, p, f, n);
	assert_false(e.enough);
}

static void test_student(void **state)
{
	static const double known[][2] = { { 1, 12.706 }, { 2, 4.303 }, { 3, 3.182 }, { 4, 2.776 },
					   { 6, 2.447 }, { 10, 2.228 }, { 30, 2.042 }, { 1000, 1.962 } };

	(void)state;
	for (unsigned i = 0; i < COUNT(known); i++)
		assert_true(fabs(trend__t975(known[i][0]) / known[i][1] - 1) < 0.01);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steady),
		cmocka_unit_test(test_growing),
		cmocka_unit_test(test_shrinking),
		cmocka_unit_test(test_jump),
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_effect),
		cmocka_unit_test(test_no_effect),
		cmocka_unit_test(test_student),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
