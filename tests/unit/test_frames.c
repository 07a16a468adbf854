/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames as numbers: each once, and what does not fit is folded and counted. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "symbols/frames.h"

static void test_each_once(void **state)
{
	struct frames f;
	bool fresh;
	__u32 a, b;

	(void)state;
	assert_int_equal(frames__init(&f), 0);
	a = frames__intern(&f, 7, 0x1000, &fresh);
	assert_true(fresh);
	b = frames__intern(&f, 7, 0x1001, &fresh);
	assert_true(fresh);
	assert_int_not_equal(a, b);
	assert_int_equal(frames__intern(&f, 7, 0x1000, &fresh), a);
	assert_false(fresh);
	assert_int_not_equal(frames__intern(&f, 8, 0x1000, &fresh), a);
	assert_int_equal(frames__get(&f, a)->off, 0x1000);
	assert_null(frames__get(&f, 0));
	assert_int_equal(f.evicted, 0);
	frames__clear(&f);
}

static void test_full(void **state)
{
	struct frames f;
	__u32 first;
	bool fresh;

	(void)state;
	assert_int_equal(frames__init(&f), 0);
	first = frames__intern(&f, 7, 0, &fresh);
	f.max = f.n + 2;
	for (__u64 off = 1; off <= 10; off++)
		frames__intern(&f, 7, off, &fresh);
	assert_int_equal(f.evicted, 8);
	assert_int_equal(frames__intern(&f, 7, 99, &fresh), FRAME_FOLDED);
	assert_false(fresh);
	assert_int_equal(f.evicted, 9);
	/* what is in has its number */
	assert_int_equal(frames__intern(&f, 7, 0, &fresh), first);
	assert_int_equal(f.evicted, 9);
	frames__clear(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_once),
		cmocka_unit_test(test_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
