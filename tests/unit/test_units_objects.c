/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_units_objects.c - what units waited for and asked of disks: sums, bounds, folding. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "units/asked.h"
#include "units/rows.h"

static __u64 sum(const struct unit_objects *u, unsigned what, int state)
{
	__u64 ns = 0;

	for (unsigned i = 0; i < u->n; i++)
		if (u->v[i].what == what && (state < 0 || u->v[i].state == state))
			ns += u->v[i].ns;
	return ns;
}

/* The object of that name; NULL as name: of those without. */
static const struct unit_object *of(const struct objects *o, const struct unit_objects *u, unsigned what,
				    const char *name, __u64 *key)
{
	for (unsigned i = 0; i < u->n; i++) {
		const char *text = objects__name(o, &u->v[i], key);

		if (u->v[i].what == what && (name ? text && !strcmp(text, name) : !text))
			return &u->v[i];
	}
	return NULL;
}

static void test_sums(void **state)
{
	struct unit_objects u = {};
	const struct unit_object *x;
	struct objects *o;
	__u64 key;

	(void)state;
	assert_int_equal(objects__new(&o, 0), 0);
	assert_int_equal(objects__wait(o, &u, WT_NET, "10.0.0.5:5432", 77, 1000, 2), 0);
	assert_int_equal(objects__wait(o, &u, WT_DISK, "read vda", 5, 10, 1), 0);
	assert_int_equal(objects__wait(o, &u, WT_NET, "10.0.0.5:5432", 78, 500, 1), 0);
	/* two disks, and 253:0 is not what a wait would be called */
	assert_int_equal(objects__requests(o, &u, OBJECT_READS, 253 << 20, 7, 4096, 1), 0);
	assert_int_equal(objects__requests(o, &u, OBJECT_READS, 7 << 20, 9, 512, 1), 0);
	assert_int_equal(objects__requests(o, &u, OBJECT_READS, 253 << 20, 7, 4096, 1), 0);
	assert_int_equal(objects__requests(o, &u, OBJECT_WRITES, 253 << 20, 1, 0, 1), 0);
	assert_int_equal(u.n, 5);
	x = of(o, &u, OBJECT_WAIT, "10.0.0.5:5432", &key);
	assert_non_null(x);
	assert_int_equal(x->ns, 1500);
	assert_int_equal(x->count, 3);
	assert_int_equal(key, 77);
	for (unsigned i = 0; i < u.n; i++) {
		objects__name(o, &u.v[i], &key);
		if (u.v[i].what == OBJECT_READS && key == 253u << 20)
			assert_int_equal(u.v[i].bytes, 8192);
	}
	assert_int_equal(sum(&u, OBJECT_READS, -1), 23);
	objects__drop(o, &u);
	objects__free(o);
}

/* Beyond the bound the smallest are one; nothing is lost of the sums, and the largest have names. */
static void test_bounds(void **state)
{
	struct unit_objects u = {};
	struct objects *o;
	__u64 key, all = 0, rivals = 0;
	char name[32];

	(void)state;
	assert_int_equal(objects__new(&o, 0), 0);
	for (unsigned i = 1; i <= 40; i++) {
		snprintf(name, sizeof(name), "10.0.0.%u:80", i);
		assert_int_equal(objects__wait(o, &u, WT_NET, name, i, i * 100, 1), 0);
		snprintf(name, sizeof(name), "preempt: p%u", i);
		assert_int_equal(objects__wait(o, &u, WT_RUNQ, name, i, 41 - i, 1), 0);
		assert_int_equal(objects__requests(o, &u, OBJECT_WRITES, i, i, 1, 1), 0);
		all += i * 100;
		rivals += 41 - i;
	}
	assert_int_equal(sum(&u, OBJECT_WAIT, WT_NET), all);
	assert_int_equal(sum(&u, OBJECT_WAIT, WT_RUNQ), rivals);
	assert_int_equal(sum(&u, OBJECT_WRITES, -1), 40 * 41 / 2);
	assert_true(u.n <= UNIT_WAITS_MAX + UNIT_REQUESTS_MAX + 3);
	assert_non_null(of(o, &u, OBJECT_WAIT, "10.0.0.40:80", &key));
	assert_null(of(o, &u, OBJECT_WAIT, "10.0.0.1:80", &key));
	assert_non_null(of(o, &u, OBJECT_WAIT, NULL, &key));
	assert_int_equal(objects__left_out(o), 0);
	objects__drop(o, &u);
	objects__free(o);
}

/* All units together: what finds no room is counted, and room comes back. */
static void test_room(void **state)
{
	struct unit_objects a = {}, b = {};
	struct objects *o;

	(void)state;
	assert_int_equal(objects__new(&o, 3), 0);
	assert_int_equal(objects__wait(o, &a, WT_NET, "a", 1, 1, 1), 0);
	assert_int_equal(objects__wait(o, &a, WT_NET, "b", 1, 1, 1), 0);
	assert_int_equal(objects__wait(o, &b, WT_NET, "a", 1, 1, 1), 0);
	assert_int_equal(objects__wait(o, &b, WT_NET, "b", 1, 1, 5), 0);
	assert_int_equal(b.n, 1);
	assert_int_equal(objects__left_out(o), 5);
	/* one name in both: its room is given back */
	objects__merge(o, &a, &b);
	assert_int_equal(b.n, 0);
	assert_int_equal(sum(&a, OBJECT_WAIT, WT_NET), 3);
	assert_int_equal(objects__wait(o, &b, WT_DISK, "c", 1, 1, 1), 0);
	assert_int_equal(b.n, 1);
	assert_int_equal(objects__left_out(o), 5);
	objects__drop(o, &a);
	objects__drop(o, &b);
	objects__free(o);
}

/* Units that share a row have their objects there together. */
static void test_folded(void **state)
{
	const struct unit_row row = { .pattern = "p", .label = "x", .n = 1 };
	struct objects *o;
	struct rows r;
	__u64 ns = 0;

	(void)state;
	assert_int_equal(objects__new(&o, 0), 0);
	rows__init(&r, 2);
	r.objects = o;
	for (unsigned i = 0; i < 10; i++) {
		__u32 number = rows__add(&r, &row);

		assert_int_not_equal(number, 0);
		assert_int_equal(objects__wait(o, &rows__at(&r, number)->row.objects, WT_NET, i & 1 ? "a" : "b",
					       1, 10, 1), 0);
		assert_int_equal(rows__final(&r, number), 0);
	}
	assert_true(r.folded >= 8);
	for (__u32 i = 1; i < r.items.end; i++)
		ns += sum(&((struct unit_item *)pool__at(&r.items, i))->row.objects, OBJECT_WAIT, WT_NET);
	assert_int_equal(ns, 100);
	rows__destroy(&r);
	objects__free(o);
}

static int tell(void *ctx, const struct asked_item *x)
{
	__u64 *seen = ctx;

	if (x->epoch == 2)
		return 0;		/* not known yet */
	*seen += x->count * 1000000 + x->bytes;
	return 1;
}

static void test_asked(void **state)
{
	struct asked_item x = { .epoch = 1, .thread = 3, .dev = 8, .what = OBJECT_READS,
				.ns = 5, .bytes = 512, .count = 1 };
	struct asked a;
	__u64 seen = 0;

	(void)state;
	asked__init(&a);
	assert_int_equal(asked__put(&a, &x), 0);
	assert_int_equal(asked__put(&a, &x), 0);
	x.epoch = 2;
	assert_int_equal(asked__put(&a, &x), 0);
	assert_int_equal(a.items.n, 2);
	assert_int_equal(asked__settle(&a, tell, &seen), 0);
	assert_int_equal(seen, 2 * 1000000 + 1024);
	assert_int_equal(a.items.n, 1);
	/* what comes for it again is new */
	x.epoch = 1;
	assert_int_equal(asked__put(&a, &x), 0);
	assert_int_equal(asked__settle(&a, tell, &seen), 0);
	assert_int_equal(seen, 3 * 1000000 + 1536);
	for (x.epoch = 100, x.thread = 1; x.epoch < 60100; x.epoch++)
		assert_int_equal(asked__put(&a, &x), 0);
	assert_int_equal(a.left_out, 60000 - 50000 + 1);
	asked__destroy(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sums),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_folded),
		cmocka_unit_test(test_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
