/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_units_cost.c - sums stay exact in bounded memory; rates, quantiles, forecasts, estimates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units/report.h"

#define MS 1000000ULL
#define S 1000000000ULL
#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static unsigned long long rng = 88172645463325252ULL;

static __u64 rnd(__u64 below)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return rng % below;
}

static struct cost *fresh(unsigned max_keys)
{
	const struct cost_opts opts = { .max_keys = max_keys };
	struct cost *c;

	assert_int_equal(cost__new(&c, "job", "line", &opts), 0);
	return c;
}

/* One after the other; state is where all the time goes. */
static void put(struct cost *c, __u64 seq, __u64 start_ns, __u64 ns, unsigned state, __u64 units)
{
	struct cost_unit u = { .seq = seq, .units = units, .start_ns = start_ns,
			       .end_ns = start_ns + ns, .elapsed_ns = ns, .thread_ns = ns };

	u.st_ns[state] = ns;
	assert_int_equal(cost__unit(c, &u), 0);
}

static __u64 key_ns(const struct cost *c, enum cost_kind kind, unsigned state, const char *name)
{
	const struct cost_key *k;
	unsigned n = cost__keys(c, &k);

	for (unsigned i = 0; i < n; i++)
		if (k[i].kind == kind && k[i].state == state && !strcmp(k[i].name, name))
			return k[i].ns;
	return 0;
}

static __u64 sum_windows(const struct cost_key *k)
{
	__u64 sum = 0;

	for (unsigned i = 0; i < COST_WINDOWS; i++)
		sum += k->by_window[i];
	return sum;
}

/* 270,000 units with details: every sum is what was put in, in at most 64 windows. */
static void test_many(void **state)
{
	struct cost *c = fresh(0);
	__u64 elapsed = 0, net = 0, function = 0, now = 5 * S, units = 0;
	const struct cost_window *w;
	const struct cost_key *k;
	struct cost_totals t;
	unsigned n;

	(void)state;
	for (__u64 i = 0; i < 270000; i++) {
		struct cost_unit u = { .seq = 10 + i * 3, .start_ns = now, .failed = i % 1000 == 0 };
		const char *frames[] = { "main", "work", i % 2 ? "odd" : "even" };

		u.st_ns[WT_CPU] = rnd(5 * MS);
		u.st_ns[WT_NET] = rnd(9 * MS);
		u.thread_ns = u.elapsed_ns = u.st_ns[WT_CPU] + u.st_ns[WT_NET];
		now += u.elapsed_ns;
		u.end_ns = now;
		assert_int_equal(cost__unit(c, &u), 0);
		assert_int_equal(cost__detail(c, u.seq, COST_WAIT, WT_NET, "h:1", u.st_ns[WT_NET]), 0);
		assert_int_equal(cost__stack(c, u.seq, frames, 3, u.st_ns[WT_CPU]), 0);
		elapsed += u.elapsed_ns;
		net += u.st_ns[WT_NET];
		function += i % 2 ? u.st_ns[WT_CPU] : 0;
	}
	cost__totals(c, &t);
	assert_int_equal(t.units, 270000);
	assert_int_equal(t.failed, 270);
	assert_int_equal(t.elapsed_ns, elapsed);
	assert_int_equal(t.st_ns[WT_NET], net);
	assert_int_equal(t.orphans, 0);
	n = cost__windows(c, &w);
	assert_true(n > COST_WINDOWS / 2 && n <= COST_WINDOWS);
	for (unsigned i = 0; i < n; i++) {
		units += w[i].units;
		elapsed -= w[i].elapsed_ns;
		net -= w[i].st_ns[WT_NET];
		assert_true(!i || w[i].first_seq > w[i - 1].last_seq);
	}
	assert_int_equal(units, 270000);
	assert_int_equal(elapsed, 0);
	assert_int_equal(net, 0);
	assert_int_equal(key_ns(c, COST_WAIT, WT_NET, "h:1"), t.st_ns[WT_NET]);
	assert_int_equal(key_ns(c, COST_TOTAL, 0, "main"), t.st_ns[WT_CPU]);
	assert_int_equal(key_ns(c, COST_SELF, 0, "odd"), function);
	assert_int_equal(key_ns(c, COST_SELF, 0, "work"), 0);
	n = cost__keys(c, &k);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(sum_windows(&k[i]), k[i].ns);
	cost__free(c);
}

/* More names than places: the sum stays, what is large stays, the rest is [other], counted. */
static void test_keys(void **state)
{
	struct cost *c = fresh(100);
	const struct cost_key *k;
	__u64 all = 0, put_ns = 0;
	struct cost_totals t;
	char name[32];
	unsigned n;

	(void)state;
	for (__u64 i = 0; i < 5000; i++) {
		put(c, i, i * MS, MS, WT_CPU, 1);
		snprintf(name, sizeof(name), "f%llu", i);
		put_ns += 1000 + 50000;
		assert_int_equal(cost__detail(c, i, COST_TOTAL, 0, name, 1000), 0);
		/* one that comes late, when the table has been full for long */
		assert_int_equal(cost__detail(c, i, COST_TOTAL, 0, i < 4000 ? "early" : "late", 50000), 0);
	}
	n = cost__keys(c, &k);
	assert_true(n <= 101);
	for (unsigned i = 0; i < n; i++) {
		all += k[i].ns;
		assert_int_equal(sum_windows(&k[i]), k[i].ns);
	}
	assert_int_equal(all, put_ns);
	assert_int_equal(key_ns(c, COST_TOTAL, 0, "early"), 4000 * 50000);
	assert_int_equal(key_ns(c, COST_TOTAL, 0, "late"), 1000 * 50000);
	cost__totals(c, &t);
	assert_true(t.keys_merged >= 4900);
	assert_int_equal(key_ns(c, COST_TOTAL, 0, "[other]"),
			 all - 5000 * 50000 - (n - 3) * 1000ULL);
	cost__free(c);
}

/* Recursion counts once; lines of one function are one key, named by its busiest line. */
static void test_stack(void **state)
{
	static const char *const a[] = { "<module> (job.py:200)", "f (job.py:10)", "f (job.py:12)", "list_contains" };
	static const char *const b[] = { "<module> (job.py:200)", "f (job.py:11)" };
	static const char *const native[] = { "g(int:3)", "odd (:)", "h (x:)", "(:5)" };
	struct cost *c = fresh(0);
	struct cost_report r;
	const struct cost_figure *f;
	char name[64];
	unsigned n;

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		put(c, i, i * MS, MS, WT_CPU, 1);
		assert_int_equal(cost__stack(c, i, a, 4, 1000), 0);
		assert_int_equal(cost__stack(c, i, b, 2, 300), 0);
	}
	assert_int_equal(key_ns(c, COST_TOTAL, 0, "f (job.py"), 20 * 1300);
	assert_int_equal(key_ns(c, COST_TOTAL, 0, "<module> (job.py"), 20 * 1300);
	assert_int_equal(key_ns(c, COST_SELF, 0, "list_contains"), 20 * 1000);
	assert_int_equal(key_ns(c, COST_SELF, 0, "f (job.py"), 20 * 300);
	assert_int_equal(cost__report(c, &r), 0);
	f = cost_report__kind(&r, COST_TOTAL, &n);
	assert_int_equal(n, 3);
	for (unsigned i = 0; i < n; i++)
		if (!strncmp(f[i].key->name, "f ", 2))
			assert_string_equal(cost_figure__name(&f[i], name, sizeof(name)), "f (job.py:12)");
	/* the account says 1 ms of CPU; a sample stands for twice what it was at most */
	assert_float_equal(f[0].ns, 2600, 1e-6);
	cost_report__free(&r);
	for (unsigned i = 0; i < COUNT(native); i++)
		assert_int_equal(cost__detail(c, 3, COST_SELF, 0, native[i], 7), 0);
	assert_int_equal(key_ns(c, COST_SELF, 0, "odd (:)"), 7);
	assert_int_equal(key_ns(c, COST_SELF, 0, "h (x:)"), 7);
	cost__free(c);
}

/* What it waited in, and whose code that is. */
static void test_blocked(void **state)
{
	static const char *const own[] = { "_run (<frozen runpy>:88)", "<module> (job.py:200)", "main (job.py:150)",
					   "fetch (job.py:50)", "readinto (socket.py:706)", "recv" };
	static const char *const other[] = { "run (threading.py:3)", "work (pool.py:9)" };
	struct cost *c = fresh(0);
	const struct cost_figure *f;
	struct cost_report r;
	unsigned n;

	(void)state;
	for (unsigned i = 0; i < 30; i++) {
		put(c, i, i * MS, MS, WT_NET, 1);
		assert_int_equal(cost__blocked(c, i, own, 6, MS / 2), 0);
		assert_int_equal(cost__blocked(c, i, other, 2, MS / 4), 0);
	}
	assert_string_equal(cost__main_file(c), "job.py");
	assert_int_equal(cost__report(c, &r), 0);
	f = cost_report__kind(&r, COST_BLOCKED, &n);
	assert_int_equal(n, 8);
	for (unsigned i = 0; i < n; i++) {
		const char *name = f[i].key->name;
		bool mine = strstr(name, "(job.py") != NULL;
		bool theirs = strstr(name, "threading") || strstr(name, "pool");
		double ns = theirs ? MS / 4 : MS / 2;

		assert_float_equal(f[i].ns, ns, 1);
		assert_int_equal(cost_report__closeness(&r, f[i].key), mine ? 3 : strchr(name, '(') ? 2 : 1);
		if (!strncmp(name, "main", 4))
			assert_true(cost_report__only_calls(&r, &f[i], 0.95));
		if (!strncmp(name, "fetch", 5) || !strcmp(name, "recv"))
			assert_false(cost_report__only_calls(&r, &f[i], 0.95));
	}
	cost_report__free(&r);
	cost__free(c);
}

/* Late units go where they belong; details wait for their units, as many as may. */
static void test_order(void **state)
{
	struct cost *c = fresh(0);
	const struct cost_window *w;
	struct cost_totals t;
	unsigned n;

	(void)state;
	assert_int_equal(cost__detail(c, 1, COST_SELF, 0, "f", 5), 0);
	assert_int_equal(cost__detail(c, 100, COST_SELF, 0, "f", 5000), 0);
	cost__totals(c, &t);
	assert_int_equal(t.waiting, 2);
	assert_int_equal(key_ns(c, COST_SELF, 0, "f"), 0);
	for (__u64 i = 1; i <= 200; i++) {
		put(c, i * 2, i * MS, MS, WT_CPU, 1);
		assert_int_equal(key_ns(c, COST_SELF, 0, "f"), i < 50 ? 5 : 5005);
	}
	put(c, 11, 6 * MS, MS / 2, WT_NET, 1);
	put(c, 1, 0, MS, WT_NET, 1);
	assert_int_equal(cost__detail(c, 11, COST_WAIT, WT_NET, "h:1", 500), 0);
	n = cost__windows(c, &w);
	assert_int_equal(w[0].first_seq, 1);
	for (unsigned i = 0; i < n; i++)
		if (w[i].first_seq <= 11 && w[i].last_seq >= 11)
			assert_true(w[i].st_ns[WT_NET] >= MS / 2);
	for (unsigned i = 0; i < 60000; i++)
		assert_int_equal(cost__detail(c, 9999, COST_SELF, 0, "f", 7), 0);
	cost__totals(c, &t);
	assert_int_equal(t.units, 202);
	assert_int_equal(t.waiting, 50000);
	assert_int_equal(t.orphans, 10000);
	assert_int_equal(t.orphan_ns, 70000);
	cost__free(c);
}

static int by_size(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

/* Percentiles within 3.2 % of the sorted truth, whatever the magnitude. */
static void test_quantiles(void **state)
{
	static __u64 v[20000];
	struct cost *c = fresh(0);
	struct cost_report r;
	__u64 sum = 0, now = 0;

	(void)state;
	for (unsigned i = 0; i < COUNT(v); i++) {
		v[i] = 1 + rnd(1ULL << (1 + rnd(44)));
		put(c, i, now, v[i], WT_CPU, 1);
		now += v[i];
		sum += v[i];
	}
	qsort(v, COUNT(v), sizeof(*v), by_size);
	for (unsigned p = 1; p < 100; p++) {
		double truth = v[(COUNT(v) * p + 99) / 100 - 1];

		assert_true(fabs(cost__percentile(c, p) - truth) <= 0.032 * truth + 1);
	}
	assert_int_equal(cost__percentile(c, 100), v[COUNT(v) - 1]);
	assert_int_equal(cost__report(c, &r), 0);
	assert_float_equal(r.mean_ns / (sum / (double)COUNT(v)), 1, 1e-9);
	assert_int_equal(r.t.min_ns, v[0]);
	cost_report__free(&r);
	cost__free(c);
}

/* Four workers, 100 ms each: 4 at work at once, 40 a second. */
static void test_rates(void **state)
{
	struct cost *c = fresh(0);
	struct cost_report r;

	(void)state;
	for (unsigned i = 0; i < 400; i++) {
		struct cost_unit u = { .seq = i, .start_ns = S + i / 4 * 100 * MS, .elapsed_ns = 100 * MS,
				       .thread_ns = 300 * MS };

		u.end_ns = u.start_ns + 100 * MS;
		u.st_ns[WT_CPU] = 60 * MS;
		u.st_ns[WT_IDLE] = 240 * MS;
		assert_int_equal(cost__unit(c, &u), 0);
	}
	assert_int_equal(cost__report(c, &r), 0);
	assert_float_equal(r.concurrency, 4, 1e-9);
	assert_float_equal(r.per_min, 40 * 60, 1e-6);
	assert_true(r.t.gaps == 0);
	assert_float_equal(r.mean_ns, 100 * MS, 1e-3);
	assert_float_equal(r.mean_lo, 100 * MS, 1);
	assert_float_equal(r.st_ns[WT_CPU], 60 * MS, 1e-3);
	assert_float_equal(r.thread_ns, 300 * MS, 1e-3);
	assert_int_equal(r.trend.way, TREND_STEADY);
	cost_report__free(&r);
	cost__free(c);
}

/*
 * Two workers, 100 ms of work, 50 ms of none; one of the units began an hour before the
 * recording.  A child's CPU time comes when its unit is long known.
 */
static void test_gaps(void **state)
{
	const __u64 more[WT_STATES] = { [WT_CPU] = 30 * MS, [WT_LOCK] = 70 * MS };
	struct cost *c = fresh(0);
	struct cost_report r;

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		struct cost_unit u = { .seq = i + 1, .start_ns = 7200 * S + i / 2 * 150 * MS, .since_ns = 7200 * S,
				       .worker = 1 + i % 2 };

		u.end_ns = u.start_ns + 100 * MS;
		if (!i)
			u.start_ns -= 3600 * S;
		u.elapsed_ns = u.thread_ns = u.st_ns[WT_CHILD] = u.end_ns - u.start_ns;
		assert_int_equal(cost__unit(c, &u), 0);
	}
	for (unsigned i = 0; i < 200; i++)
		cost__more(c, i + 1, more);
	assert_int_equal(cost__report(c, &r), 0);
	/* from the recording's beginning to the last end: 99 times 150 ms and 100 */
	assert_float_equal(r.per_min, 200 / (99 * 0.15 + 0.1) * 60, 1e-6);
	assert_float_equal(r.concurrency, 200 * 0.1 / (99 * 0.15 + 0.1), 1e-9);
	assert_true(r.t.gaps == 198 && r.t.gap_ns == 198 * 50 * MS && r.t.max_gap_ns == 50 * MS);
	assert_float_equal(r.st_ns[WT_CPU], 30 * MS, 1e-3);
	assert_float_equal(r.threads[WT_LOCK], 200 * 0.07 / (99 * 0.15 + 0.1), 1e-9);
	assert_int_equal(r.t.thread_ns, r.t.elapsed_ns + 200 * 100 * MS);
	for (unsigned i = 0; i < r.n_windows; i++)
		assert_int_equal(r.windows[i].st_ns[WT_LOCK], r.windows[i].units * 70 * MS);
	cost_report__free(&r);
	cost__free(c);
}

/* A line that closes several units: each counts, with its share of the time. */
static void test_grouped(void **state)
{
	struct cost *c = fresh(0);
	struct cost_report r;
	__u64 now = 0;

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		__u64 units = 5 + i % 4;

		put(c, i, now, units * 20 * MS, WT_CPU, units);
		now += units * 20 * MS;
	}
	assert_int_equal(cost__report(c, &r), 0);
	assert_int_equal(r.t.records, 50);
	assert_int_equal(r.t.units, 50 * 5 + 12 * 6 + 1);
	assert_int_equal(r.t.grouped, r.t.units);
	assert_float_equal(r.mean_ns, 20 * MS, 1e-3);
	assert_float_equal((double)r.p99_ns, 20 * MS, 1);
	assert_float_equal(r.concurrency, 1, 1e-9);
	cost_report__free(&r);
	cost__free(c);
}

/* Empty, and one unit: nothing is invented. */
static void test_nothing(void **state)
{
	struct cost *c = fresh(0);
	struct cost_report r;

	(void)state;
	assert_int_equal(cost__report(c, &r), 0);
	assert_int_equal(r.n_windows, 0);
	assert_true(r.mean_ns == 0 && r.per_min == 0 && r.left.known == false);
	cost_report__free(&r);
	put(c, 1, S, 0, WT_CPU, 1);
	assert_int_equal(cost__report(c, &r), 0);
	assert_true(r.per_min == 0 && r.concurrency == 0 && isnan(r.mean_lo));
	assert_int_equal(r.trend.way, TREND_TOO_FEW);
	cost_report__free(&r);
	cost__free(c);
	cost__free(NULL);
}

/* The interval of a sampled function's cost: 10 ms samples of 1 ms a unit; 95 % of 200 runs. */
static void test_ratio(void **state)
{
	unsigned covered = 0;

	(void)state;
	for (unsigned run = 0; run < 200; run++) {
		struct cost *c = fresh(0);
		const struct cost_figure *f;
		struct cost_report r;
		unsigned n;

		for (unsigned i = 0; i < 640; i++) {
			put(c, i, i * 10 * MS, 10 * MS, WT_CPU, 1);
			assert_int_equal(cost__detail(c, i, COST_SELF, 0, rnd(10) ? "rest" : "f",
						      10 * MS), 0);
		}
		assert_int_equal(cost__report(c, &r), 0);
		f = cost_report__kind(&r, COST_SELF, &n);
		assert_int_equal(n, 2);
		f += !strcmp(f->key->name, "rest");
		covered += f->lo <= MS && f->hi >= MS;
		cost_report__free(&r);
		cost__free(c);
	}
	print_message("ratio: covered %u of 200\n", covered);
	assert_true(covered >= 184);
}

/*
 * A unit takes longer the later it is: n of 1000 done in time ∝ n + n²/1000.  The program
 * extrapolates its average and is always too early; ours follows the trend.
 */
static void test_estimates(void **state)
{
	struct cost *c = fresh(0);
	__u64 now = 10 * S, began = now, truth = 0;
	struct cost_report r, half;
	struct forecast f = { 0 };

	(void)state;
	for (unsigned i = 1; i <= 1000; i++) {
		__u64 ns = 10 * MS + i * 20000 + rnd(2 * MS);

		put(c, i, now, ns, WT_CPU, 1);
		now += ns;
		if (i % 10 == 0)
			cost__estimate(c, 7, now, i, 1000, (now - began) / i * (1000 - i));
		if (i == 500) {
			assert_int_equal(cost__report(c, &half), 0);
			f = half.left;
			truth = now;
			assert_int_equal(half.t.done, 500);
			assert_false(half.own.finished);
			assert_true(isnan(half.own.error));
			assert_true(half.own.moved_ns > 0);
			cost_report__free(&half);
		}
	}
	truth = now - truth;
	assert_true(f.known && f.bounded && f.trended);
	assert_true(f.lo_ns <= truth && f.hi_ns >= truth);
	assert_true(fabs(f.ns / truth - 1) < 0.05);
	assert_int_equal(cost__report(c, &r), 0);
	assert_true(r.own.finished);
	assert_false(r.left.known);
	/* at half: it says 16 ms more for each, it will be 26 */
	assert_true(r.own.half_error < -0.3 && r.own.half_error > -0.45);
	assert_true(fabs(r.own.half_ours) < 0.05);
	assert_true(r.own.error < -0.25);
	assert_true(fabs(r.own.ours) < 0.05);
	cost_report__free(&r);
	/* another run of the same program in the same job: what was said of the first stays */
	cost__estimate(c, 7, now + 1, 10, 800, COST_NO_ESTIMATE);
	/* an older line, now that its unit is final */
	cost__estimate(c, 7, now, 5, 700, COST_NO_ESTIMATE);
	cost__estimate(c, 8, now, 0, 50, COST_NO_ESTIMATE);
	assert_int_equal(cost__report(c, &r), 0);
	assert_true(r.own.finished && r.own.error < -0.25);
	assert_int_equal(r.t.done, 1010);
	assert_int_equal(r.t.total, 1850);
	assert_true(r.left.known);
	cost_report__free(&r);
	for (unsigned i = 0; i < 3 * COST_SOURCES; i++)
		cost__estimate(c, 100 + i, now, 1, 2, COST_NO_ESTIMATE);
	assert_int_equal(cost__report(c, &r), 0);
	assert_int_equal(r.t.total, 1850 + 6 * COST_SOURCES);
	assert_int_equal(r.t.done, 1010 + 3 * COST_SOURCES);
	cost_report__free(&r);
	cost__free(c);
}

/* Of 100 forecasts of a steady pace with noise, the interval has the truth in nearly all. */
static void test_forecast(void **state)
{
	unsigned covered = 0;
	double width = 0;

	(void)state;
	for (unsigned run = 0; run < 100; run++) {
		struct cost *c = fresh(0);
		__u64 now = 0, left = 0;
		struct cost_report r;

		for (unsigned i = 1; i <= 400; i++) {
			__u64 ns = rnd(20) ? 5 * MS + rnd(10 * MS) : 60 * MS;

			if (i <= 200)
				put(c, i, now, ns, WT_CPU, 1);
			else
				left += ns;
			now += ns;
			if (i == 200)
				cost__estimate(c, 7, now, 200, 400, COST_NO_ESTIMATE);
		}
		assert_int_equal(cost__report(c, &r), 0);
		assert_true(r.left.bounded);
		covered += r.left.lo_ns <= left && r.left.hi_ns >= left;
		width += (r.left.hi_ns - r.left.lo_ns) / left / 100;
		cost_report__free(&r);
		cost__free(c);
	}
	print_message("forecast: covered %u of 100, width %.2f of the truth\n", covered, width);
	assert_true(covered >= 93);
	assert_true(width < 1.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_stack),
		cmocka_unit_test(test_blocked),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_quantiles),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_gaps),
		cmocka_unit_test(test_grouped),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_ratio),
		cmocka_unit_test(test_estimates),
		cmocka_unit_test(test_forecast),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
