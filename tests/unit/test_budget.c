/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The budget of stacks: up at once, down slowly, and never beyond its ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "record/budget.h"

#define TICK 100000000ULL	/* 100 ms */

/* n ticks in which stacks cost that share of two CPUs. */
static __u64 run(struct budget *b, unsigned n, double share)
{
	__u64 cost = b->last_cost_ns, now = b->last_ns ? b->last_ns : 1000, shed = b->shed_ns;

	for (unsigned i = 0; i < n; i++) {
		now += TICK;
		cost += share * TICK * 2;
		shed = budget__tick(b, now, cost);
	}
	return shed;
}

static void test_no_limit(void **state)
{
	struct budget b = { .share = 0, .cpus = 2 };

	(void)state;
	assert_int_equal(run(&b, 100, 0.9), 0);
}

static void test_within(void **state)
{
	struct budget b = { .share = 0.01, .cpus = 2 };

	(void)state;
	assert_int_equal(run(&b, 100, 0.0099), 0);
	assert_int_equal(b.shed_ticks, 0);
}

static void test_over_and_back(void **state)
{
	struct budget b = { .share = 0.01, .cpus = 2 };
	__u64 most;

	(void)state;
	assert_int_equal(run(&b, 1, 0.5), 0);		/* the first tick only looks */
	most = run(&b, 1, 0.02);
	assert_true(most > 0);
	assert_true(run(&b, 1, 0.02) > most);
	/* between half of it and all of it nothing moves */
	most = b.shed_ns;
	assert_int_equal(run(&b, 50, 0.0075), most);
	assert_true(run(&b, 1, 0.004) < most);
	assert_int_equal(run(&b, 100, 0.001), 0);
	/* however much it costs, some stacks are taken */
	assert_true(run(&b, 1000, 1) <= 50000000);
}

/* What it is for: a cost that falls as stacks are shed settles within the budget. */
static void test_settles(void **state)
{
	struct budget b = { .share = 0.01, .cpus = 2 };
	double share = 0.1;

	(void)state;
	for (int i = 0; i < 100; i++) {
		/* a thread with 100,000 stacks a second: one in max(10 us, shed) is taken */
		double every = b.shed_ns > 10000 ? b.shed_ns : 10000;

		share = 0.1 * 10000 / every;
		run(&b, 1, share);
	}
	assert_true(share <= 0.01);
	assert_true(share >= 0.002);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_within),
		cmocka_unit_test(test_over_and_back),
		cmocka_unit_test(test_settles),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
