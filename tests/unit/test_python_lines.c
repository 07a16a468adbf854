/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPython's line tables: against the interpreters' own word, and damaged ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <linux/types.h>

#include "fixtures/python/lines.inc"
#include "runtime/python_lines.h"
#include "util/u64map.h"

static const struct sample {
	unsigned minor;
	const __u8 *table;
	size_t n;
	const __u16 *lines;
	size_t units;
} samples[] = {
#define SAMPLE(m) { m, table_##m, sizeof(table_##m), lines_##m, sizeof(lines_##m) / 2 }
	SAMPLE(8), SAMPLE(9), SAMPLE(10), SAMPLE(11), SAMPLE(12), SAMPLE(13), SAMPLE(14),
};
#define N_SAMPLES (sizeof(samples) / sizeof(*samples))
#define FIRST 41	/* line of the def in make-lines */

static void finds_every_line(void **state)
{
	(void)state;
	for (size_t s = 0; s < N_SAMPLES; s++) {
		const struct sample *x = &samples[s];
		unsigned told = 0, max = 0;

		for (size_t i = 0; i < x->units; i++) {
			if (!x->lines[i])
				continue;
			assert_int_equal(python_line(x->minor, x->table, x->n, false, FIRST, i * 2),
					 x->lines[i]);
			told++;
			if (x->lines[i] > max)
				max = x->lines[i];
		}
		/* the sample is one: jumps of more than a byte's worth of lines are in it */
		assert_true(told > 60);
		assert_true(max > 700);
	}
}

static void says_when_a_cut_table_ends(void **state)
{
	(void)state;
	for (size_t s = 0; s < N_SAMPLES; s++) {
		const struct sample *x = &samples[s];
		size_t last = x->units - 1;

		/* beyond what is there: no line rather than a wrong one */
		for (size_t n = 0; n <= x->n / 2; n++)
			assert_int_equal(python_line(x->minor, x->table, n, true, FIRST, last * 2), 0);
		/* what comes before the cut is as good as ever */
		for (size_t i = 0; i < x->units / 8; i++)
			if (x->lines[i])
				assert_int_equal(python_line(x->minor, x->table, x->n / 2, true,
							     FIRST, i * 2), x->lines[i]);
	}
}

static void ends_at_the_end(void **state)
{
	(void)state;
	/* from 3.10 on a table says where the code ends */
	for (size_t s = 2; s < N_SAMPLES; s++)
		assert_int_equal(python_line(samples[s].minor, samples[s].table, samples[s].n, false,
					     FIRST, samples[s].units * 2), 0);
	assert_int_equal(python_line(9, NULL, 0, false, 7, 12), 7);
	assert_int_equal(python_line(12, NULL, 0, false, 7, 12), 0);
}

/* Nothing is read outside the table (the sanitizer build sees to it), no line is out of range. */
static void survives_damage(void **state)
{
	__u64 r = 1;

	(void)state;
	for (unsigned turn = 0; turn < 20000; turn++) {
		const struct sample *x = &samples[turn % N_SAMPLES];
		size_t n = (r = u64_mix(r + turn)) % (x->n + 1);
		__u8 *copy = malloc(n ? n : 1);

		memcpy(copy, x->table, n);
		for (unsigned k = 0; n && k < 1 + turn % 5; k++) {
			r = u64_mix(r + 1);
			copy[r % n] = r >> 32;
		}
		assert_true(python_line(x->minor, copy, n, turn & 1, r >> 40, (r >> 20) % 4096) <=
			    0x7fffffff);
		free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_every_line),
		cmocka_unit_test(says_when_a_cut_table_ends),
		cmocka_unit_test(ends_at_the_end),
		cmocka_unit_test(survives_damage),
	};

	return cmocka_run_group_tests_name("python_lines", tests, NULL, NULL);
}
