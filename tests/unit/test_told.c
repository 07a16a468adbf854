/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_told.c - whether the times in lines are of each unit, or of all since the first began. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "units/told.h"

#define MS 1000000ULL
#define S (1000 * MS)

/* Told to so many ns. */
static __u64 rounded(__u64 ns, __u64 to)
{
	return (ns + to / 2) / to * to;
}

/* "photo 12 of 120 done in 0.5s" is the time since the first one began, however coarse it is told */
static void test_of_all(void **state)
{
	static const __u64 to[] = { 1, MS, 100 * MS, S };

	(void)state;
	for (unsigned k = 0; k < sizeof(to) / sizeof(to[0]); k++) {
		struct told t = {};
		unsigned told = 0;

		for (unsigned i = 1; i <= 200; i++) {
			__u64 e = rounded(i * 400 * MS, to[k]);

			/* now and then it is written late */
			if (e && ++told)
				told__line(&t, 5 * S + i * 400 * MS + (i % 50 == 49) * 80 * MS, e, true, i);
			if (told >= (to[k] == S ? 12 : 3))
				assert_true(t.of_all);
		}
	}
}

/* One after the other, each tells its own time. */
static void test_of_each(void **state)
{
	static const __u64 to[] = { 1, MS, 100 * MS, S };

	(void)state;
	for (unsigned k = 0; k < sizeof(to) / sizeof(to[0]); k++) {
		struct told t = {};
		__u64 now = 5 * S;

		for (unsigned i = 1; i <= 200; i++) {
			__u64 e = (600 + 97 * i % 301) * MS;

			now += e;
			told__line(&t, now, rounded(e, to[k]), true, i);
			assert_false(t.of_all);
		}
	}
}

/* Eight at once, in waves or not: once the second ones end it is known again, and is not forgotten. */
static void test_of_a_pool(void **state)
{
	struct told t = {};
	unsigned wrong = 0;

	(void)state;
	for (unsigned i = 0; i < 400; i++) {
		__u64 wave = i / 8 * 900 * MS, e = (500 + i % 8 * 40) * MS;

		told__line(&t, S + wave + e, e, true, i + 1);
		wrong += t.of_all;
	}
	assert_in_range(wrong, 1, 16);
}

/* Threads that overtake each other: a number that comes late is no new beginning. */
static void test_overtaken(void **state)
{
	struct told t = {};

	(void)state;
	for (unsigned i = 1; i <= 40; i++) {
		told__line(&t, S + i * 50 * MS, i * 50 * MS, true, i % 4 == 3 ? i + 1 : i % 4 ? i : i - 1);
		if (i >= 3)
			assert_true(t.of_all);
	}
}

/* A second batch of the process begins later; its times are since then. */
static void test_again(void **state)
{
	struct told t = {};

	(void)state;
	for (unsigned i = 1; i <= 10; i++)
		told__line(&t, S + i * 50 * MS, i * 50 * MS, true, i);
	assert_true(t.of_all);
	told__line(&t, 9 * S, 50 * MS, true, 1);
	assert_false(t.of_all);
	for (unsigned i = 2; i <= 3; i++)
		told__line(&t, 9 * S + (i - 1) * 50 * MS, i * 50 * MS, true, i);
	assert_true(t.of_all);
	/* a bar that is drawn again says nothing */
	told__line(&t, 9 * S + 130 * MS, 10 * MS, true, 3);
	told__line(&t, 9 * S + 140 * MS, 10 * MS, true, 3);
	assert_true(t.of_all);
}

/* Lines without a counter are a pool's more often: it takes more of them. */
static void test_uncounted(void **state)
{
	struct told t = {};

	(void)state;
	for (unsigned i = 1; i <= 6; i++) {
		assert_false(t.of_all);
		told__line(&t, S + i * 50 * MS, i * 50 * MS, false, 0);
	}
	assert_true(t.of_all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_of_all),
		cmocka_unit_test(test_of_each),
		cmocka_unit_test(test_of_a_pool),
		cmocka_unit_test(test_overtaken),
		cmocka_unit_test(test_again),
		cmocka_unit_test(test_uncounted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
