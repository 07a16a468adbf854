/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_units.c - epochs, the stretches that units claim of them, and whose account is whose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units/epochs.h"
#include "units/form.h"
#include "units/rows.h"

#define MS 1000000ULL

struct bench {
	struct epochs epochs;
	struct rows rows;
	struct form form;
	unsigned finals;
};

static void charge(void *ctx, __u32 row, const struct account *a)
{
	struct bench *b = ctx;

	rows__charge(&b->rows, row, a);
}

static int final(void *ctx, __u32 row)
{
	struct bench *b = ctx;

	b->finals++;
	return rows__final(&b->rows, row);
}

static struct bench *setup_bench(unsigned max_epochs, unsigned max_rows)
{
	struct bench *b = calloc(1, sizeof(*b));
	struct epochs_sink sink = { b, charge, form__free_proc, final };

	assert_non_null(b);
	epochs__init(&b->epochs, max_epochs, &sink);
	rows__init(&b->rows, max_rows);
	b->form.epochs = &b->epochs;
	b->form.rows = &b->rows;
	return b;
}

static void drop_bench(struct bench *b)
{
	form__destroy(&b->form);
	epochs__destroy(&b->epochs);
	rows__destroy(&b->rows);
	free(b);
}

static void bound_as(struct bench *b, __u64 image, __u32 before, __u32 after, __u64 ts, bool binary)
{
	struct uproc *p = epochs__proc(&b->epochs, image, image, before, ts);

	assert_non_null(p);
	p->born = true;
	assert_int_equal(epochs__bound(&b->epochs, p, after, ts, binary), 0);
}

static void bound(struct bench *b, __u64 image, __u32 before, __u32 after, __u64 ts)
{
	bound_as(b, image, before, after, ts, false);
}

static void mark(struct bench *b, __u64 image, __u64 ts, __u64 done, __u64 elapsed)
{
	struct unit_mark m = { .image = image, .ts_ns = ts, .pattern = "t", .has_done = done != 0, .done = done,
			       .elapsed_ns = elapsed, .remaining_ns = ~0ULL };

	assert_non_null(epochs__proc(&b->epochs, image, image, 0, ts));
	assert_int_equal(form__mark(&b->form, &m), 0);
}

struct found {
	struct unit_row row[256];
	unsigned n;
};

static int collect(void *arg, const struct unit_row *r)
{
	struct found *f = arg;

	if (f->n < 256)
		f->row[f->n] = *r;
	f->n++;
	return 0;
}

static struct found rows_of(struct bench *b)
{
	struct found f = {};

	assert_int_equal(rows__each(&b->rows, collect, &f), 0);
	return f;
}

/* The process began here, which was seen. */
static struct uproc *began(struct bench *b, __u64 image, __u32 before, __u32 after, __u64 ts)
{
	struct uproc *p;

	bound(b, image, before, after, ts);
	p = epochs__find_proc(&b->epochs, image);
	p->since_ns = ts;
	return p;
}

static void mark_by(struct bench *b, __u64 ts, __u32 thread, __u64 done, __u64 elapsed, bool bare)
{
	struct unit_mark m = { .image = 7, .ts_ns = ts, .thread = thread, .pattern = "t", .has_done = done != 0,
			       .done = done, .has_total = done != 0, .total = 270798, .elapsed_ns = elapsed, .bare = bare,
			       .remaining_ns = ~0ULL };

	assert_int_equal(epochs__spoke(epochs__find_proc(&b->epochs, 7), thread, thread), 0);
	assert_int_equal(form__mark(&b->form, &m), 0);
}

/*
 * Two threads write within nanoseconds, and the boundary of the higher number comes first: the
 * process is in that epoch then, and what a third thread does in it is not of the instant it began.
 */
static void test_boundaries_overtake(void **state)
{
	struct bench *b = setup_bench(100, 100);
	struct found f;

	(void)state;
	began(b, 7, 0, 1, 10 * MS);
	mark_by(b, 30 * MS, 70, 1, 0, false);
	bound(b, 7, 1, 2, 30 * MS);
	bound(b, 7, 2, 4, 50 * MS);
	bound(b, 7, 2, 3, 50 * MS + 20);
	/* the third, so soon behind them that it has no boundary of its own */
	mark_by(b, 50 * MS + 60000, 70, 2, 0, false);
	assert_int_equal(epochs__charge(&b->epochs, 3, WT_CPU, 5), 0);
	assert_int_equal(epochs__charge(&b->epochs, 4, WT_SLEEP, 20 * MS), 0);
	mark_by(b, 70 * MS, 70, 3, 0, false);
	bound(b, 7, 4, 5, 70 * MS);
	assert_int_equal(form__settle(&b->form), 0);
	assert_int_equal(epochs__finish(&b->epochs, 80 * MS), 0);
	f = rows_of(b);
	assert_int_equal(f.n, 3);
	assert_int_equal(f.row[2].st_ns[WT_SLEEP], 20 * MS - 60000);
	assert_int_equal(f.row[1].st_ns[WT_SLEEP], 60000);
	assert_int_equal(f.row[1].st_ns[WT_CPU], 5);
	drop_bench(b);
}

/* "76255/270798" first: what an earlier run did is none of this one's; the first line waits for the second */
static void test_takes_up_again(void **state)
{
	(void)state;
	for (unsigned together = 0; together < 2; together++) {
		struct bench *b = setup_bench(100, 100);
		struct found f;

		began(b, 7, 0, 1, 10 * MS);
		for (unsigned i = 0; i < 4; i++) {
			mark_by(b, (30 + 20 * i) * MS, 70, 76255 + 2 * i, 0, false);
			if (!together)
				assert_int_equal(form__settle(&b->form), 0);
			if (!together && !i)
				assert_int_equal(b->form.n_marks, 1);
			bound(b, 7, i + 1, i + 2, (30 + 20 * i) * MS);
			assert_int_equal(epochs__generation(&b->epochs), 0);
		}
		/* another pass, from where another run of it was */
		mark_by(b, 130 * MS, 70, 5000, 0, false);
		assert_int_equal(form__settle(&b->form), 0);
		f = rows_of(b);
		assert_int_equal(f.n, 5);
		for (unsigned i = 0; i < 5; i++)
			assert_int_equal(f.row[i].n, 2);
		drop_bench(b);
	}
}

/* … but it does not wait for one that never comes */
static void test_waits_in_vain(void **state)
{
	struct bench *b = setup_bench(100, 100);
	struct uproc *p = began(b, 7, 0, 1, 10 * MS);

	(void)state;
	mark_by(b, 30 * MS, 70, 100, 0, false);
	assert_int_equal(form__settle(&b->form), 0);
	assert_int_equal(rows_of(b).n, 0);
	p->exited = true;
	assert_int_equal(form__settle(&b->form), 0);
	assert_int_equal(rows_of(b).n, 1);
	assert_int_equal(rows_of(b).row[0].n, 100);
	drop_bench(b);
	b = setup_bench(100, 100);
	began(b, 7, 0, 1, 10 * MS);
	mark_by(b, 30 * MS, 70, 100, 0, false);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(form__settle(&b->form), 0);
	assert_int_equal(rows_of(b).n, 1);
	drop_bench(b);
}

/* "duration":9.5 of a program that is not so many seconds old are milliseconds; "took 9.5 s" is no time of its own */
static void test_times_before_the_program(void **state)
{
	struct bench *b = setup_bench(100, 100);
	struct found f;

	(void)state;
	began(b, 7, 0, 1, 1000 * MS);
	for (unsigned i = 1; i <= 9; i++)
		mark_by(b, (1000 + 20 * i) * MS, 70, 0, i == 1 ? 15 * MS : 15000 * MS, true);
	for (unsigned i = 10; i <= 12; i++)
		mark_by(b, (1000 + 20 * i) * MS, 70, 0, 15000 * MS, false);
	assert_int_equal(form__settle(&b->form), 0);
	f = rows_of(b);
	assert_int_equal(f.n, 12);
	for (unsigned i = 1; i < 9; i++)
		assert_int_equal(f.row[i].start_ns, (1005 + 20 * i) * MS);
	for (unsigned i = 9; i < 12; i++)
		assert_int_equal(f.row[i].start_ns, (1000 + 20 * i) * MS);
	drop_bench(b);
}

/* threads that each count for themselves to the same total, found out in the middle of it */
static void test_threads_count_for_themselves(void **state)
{
	(void)state;
	for (unsigned every = 1; every <= 30; every += 13) {
		struct bench *b = setup_bench(1000, 1000);
		__u64 n[3] = {}, of_thread[3] = {};
		struct found f;

		began(b, 7, 0, 1, MS);
		for (unsigned i = 0; i < 60; i++) {
			unsigned t = i % 3;
			__u64 ts = (20 + 10 * i) * MS;

			n[t]++;
			mark_by(b, ts, 70 + t, n[t], 0, false);
			for (unsigned k = 0; k < 3 && i > 2; k++)
				epochs__charge_thread(&b->epochs, i + 1, 70 + k, WT_CPU, 10);
			if (i % every == every - 1)
				assert_int_equal(form__settle(&b->form), 0);
			bound(b, 7, i + 1, i + 2, ts);
			assert_int_equal(epochs__generation(&b->epochs), 0);
		}
		assert_int_equal(form__settle(&b->form), 0);
		assert_int_equal(epochs__finish(&b->epochs, 700 * MS), 0);
		f = rows_of(b);
		for (unsigned i = 0; i < f.n; i++) {
			of_thread[0] += f.row[i].n;
			/* from a thread's line to its next: three lines of all */
			if (i <= 12)
				continue;
			assert_int_equal(f.row[i].end_ns - f.row[i].start_ns, 30 * MS);
			assert_int_equal(f.row[i].st_ns[WT_CPU], 30);
		}
		assert_int_equal(of_thread[0], 60);
		drop_bench(b);
	}
}

/* What a worker does that was forked before the first unit is of the unit that is at work as it does it. */
static void test_pool_serves_its_parent(void **state)
{
	struct bench *b = setup_bench(100, 100);
	struct uproc *worker;
	struct found f;

	(void)state;
	began(b, 7, 0, 1, 10 * MS);
	worker = began(b, 8, 1, 2, 12 * MS);
	worker->forked = true;
	bound(b, 7, 1, 3, 20 * MS);
	for (__u32 i = 0; i < 3; i++) {
		epochs__charge(&b->epochs, i ? 10 + i - 1 : 2, WT_CPU, (i + 1) * 1000);
		bound_as(b, 8, i ? 10 + i - 1 : 2, 10 + i, (30 + 10 * i) * MS, true);
		mark(b, 7, (30 + i * 10) * MS, i + 1, 0);
		assert_int_equal(form__settle(&b->form), 0);
		bound(b, 7, i ? 20 + i - 1 : 3, 20 + i, (30 + i * 10) * MS);
		assert_int_equal(epochs__generation(&b->epochs), 0);
	}
	/* a program that it starts, in what is now the fourth unit's time, is of the unit that it was started in */
	began(b, 9, 12, 30, 51 * MS)->forked = true;
	began(b, 10, 30, 31, 52 * MS);
	assert_int_equal(epochs__find_proc(&b->epochs, 10)->parent, 9);
	assert_int_equal(epochs__finish(&b->epochs, 60 * MS), 0);
	f = rows_of(b);
	assert_int_equal(f.n, 3);
	/* of the first epoch, which began 8 ms before the first unit, that unit has 10 of 18 ms */
	assert_in_range(f.row[0].st_ns[WT_CPU], 555, 557);
	assert_int_equal(f.row[1].st_ns[WT_CPU], 2000);
	assert_int_equal(f.row[2].st_ns[WT_CPU], 3000);
	drop_bench(b);
}

/* What a thread of a worker waited for is known when that is over, and the worker's time is made over long before. */
static void test_pool_waits_long(void **state)
{
	struct bench *b = setup_bench(100, 100);
	struct found f;

	(void)state;
	began(b, 7, 0, 1, 10 * MS);
	began(b, 8, 1, 2, 12 * MS)->forked = true;
	bound(b, 7, 1, 3, 20 * MS);
	for (__u32 i = 0; i < 3; i++) {
		bound_as(b, 8, i ? 10 + i - 1 : 2, 10 + i, (30 + 10 * i) * MS, true);
		mark(b, 7, (30 + i * 10) * MS, i + 1, 0);
		assert_int_equal(form__settle(&b->form), 0);
		bound(b, 7, i ? 20 + i - 1 : 3, 20 + i, (30 + i * 10) * MS);
		assert_int_equal(epochs__generation(&b->epochs), 0);
	}
	assert_int_equal(epochs__charge_thread_time(&b->epochs, 8, 2, 81, 25 * MS, 49 * MS, WT_DISK, 24 * MS), 0);
	/* and of a program that a unit had started */
	assert_non_null(epochs__proc(&b->epochs, 9, 9, 3, 21 * MS));
	bound(b, 9, 3, 30, 21 * MS);
	bound(b, 9, 30, 31, 40 * MS);
	assert_int_equal(epochs__generation(&b->epochs), 0);
	assert_int_equal(epochs__charge_thread_time(&b->epochs, 9, 30, 91, 22 * MS, 39 * MS, WT_SLEEP, 17 * MS), 0);
	assert_int_equal(epochs__finish(&b->epochs, 60 * MS), 0);
	f = rows_of(b);
	assert_int_equal(f.n, 3);
	assert_int_equal(f.row[0].st_ns[WT_DISK], 5 * MS);
	assert_int_equal(f.row[1].st_ns[WT_DISK], 10 * MS);
	assert_int_equal(f.row[2].st_ns[WT_DISK], 9 * MS);
	assert_int_equal(f.row[0].st_ns[WT_SLEEP], 17 * MS);
	drop_bench(b);
}

/* A fork for an exec: what was executed was started by whoever forked. */
static void test_fork_and_exec(void **state)
{
	struct bench *b = setup_bench(100, 100);
	struct found f;

	(void)state;
	began(b, 7, 0, 1, 10 * MS);
	began(b, 8, 1, 2, 12 * MS)->forked = true;
	epochs__find_proc(&b->epochs, 8)->tgid = 88;
	assert_non_null(epochs__proc(&b->epochs, 9, 88, 2, 13 * MS));
	bound(b, 9, 2, 3, 13 * MS);
	assert_int_equal(epochs__find_proc(&b->epochs, 9)->parent, 7);
	assert_int_equal(epochs__find_proc(&b->epochs, 9)->inherited, 1);
	epochs__charge(&b->epochs, 2, WT_CPU, 100);
	epochs__charge(&b->epochs, 3, WT_CPU, 1000);
	epochs__exited(&b->epochs, 8, 13 * MS);
	mark(b, 7, 30 * MS, 1, 0);
	assert_int_equal(form__settle(&b->form), 0);
	bound(b, 7, 1, 4, 30 * MS);
	epochs__charge(&b->epochs, 3, WT_CPU, 2000);	/* it goes on beyond the unit it was started in */
	assert_int_equal(epochs__finish(&b->epochs, 60 * MS), 0);
	f = rows_of(b);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.row[0].st_ns[WT_CPU], 3100);
	drop_bench(b);
}

/* "cat worker.log", much later and to a pipe: Celery's tasks are no new ones; assets of the same name may be. */
static void test_log_shown_later(void **state)
{
	(void)state;
	for (unsigned celery = 0; celery < 2; celery++) {
		struct bench *b = setup_bench(100, 100);
		struct unit_mark m = { .image = 7, .ts_ns = 30 * MS, .sink = 1, .pattern = "celery", .label = "t[0a1b]",
				       .label_len = 7, .handed = celery, .elapsed_ns = 5123456, .remaining_ns = ~0ULL };

		began(b, 7, 0, 1, 10 * MS);
		assert_int_equal(form__mark(&b->form, &m), 0);
		assert_int_equal(form__settle(&b->form), 0);
		began(b, 8, 0, 2, 60000 * MS);
		m.image = 8;
		m.ts_ns = 60010 * MS;
		m.sink = 2;
		m.passed_on = true;
		assert_int_equal(form__mark(&b->form, &m), 0);
		assert_int_equal(form__settle(&b->form), 0);
		assert_int_equal(rows_of(b).n, celery ? 1 : 2);
		drop_bench(b);
	}
}

/* GNU parallel: what a child wrote to a file its parent writes to a pipe, once the child's line has been counted. */
static void test_counted_before_it_is_passed_on(void **state)
{
	struct bench *b = setup_bench(100, 100);
	struct unit_mark m = { .image = 7, .ts_ns = 30 * MS, .sink = 1, .pattern = "t", .label = "a.jpg", .label_len = 5,
			       .remaining_ns = ~0ULL };

	(void)state;
	began(b, 7, 0, 1, 10 * MS);
	began(b, 8, 0, 2, 11 * MS);
	assert_int_equal(form__mark(&b->form, &m), 0);
	assert_int_equal(form__settle(&b->form), 0);
	m.image = 8;
	m.ts_ns = 50 * MS;
	m.sink = 2;
	m.passed_on = true;
	assert_int_equal(form__mark(&b->form, &m), 0);
	assert_int_equal(form__settle(&b->form), 0);
	assert_int_equal(rows_of(b).n, 1);
	drop_bench(b);
}

static void tell(struct bench *b, __u64 ts, const char *label, bool begin, bool failed)
{
	struct unit_mark m = { .image = 7, .ts_ns = ts, .pattern = "told", .label = label, .label_len = strlen(label),
			       .thread = 70, .begin = begin, .paired = !failed, .comment = failed, .failed = failed,
			       .remaining_ns = ~0ULL };

	assert_int_equal(form__mark(&b->form, &m), 0);
	assert_int_equal(form__settle(&b->form), 0);
}

/* units of which both ends are told: what lies between is in none, no end is guessed, a comment only says that it failed */
static void test_told(void **state)
{
	struct bench *b = setup_bench(100, 100);
	struct found f;

	(void)state;
	bound(b, 7, 0, 1, 10 * MS);
	tell(b, 12 * MS, "before[0]", false, false);	/* it began before the recording */
	bound(b, 7, 1, 2, 12 * MS);
	tell(b, 20 * MS, "a[1]", true, false);
	bound(b, 7, 2, 3, 20 * MS);
	epochs__charge(&b->epochs, 2, WT_IDLE, 8 * MS);
	epochs__charge(&b->epochs, 3, WT_CPU, 10 * MS);
	tell(b, 25 * MS, "a[1]", false, true);
	tell(b, 30 * MS, "a[1]", false, false);
	bound(b, 7, 3, 4, 30 * MS);
	/* no end of this one is seen: the next does not end it */
	tell(b, 35 * MS, "b[2]", true, false);
	bound(b, 7, 4, 5, 35 * MS);
	tell(b, 40 * MS, "c[3]", true, false);
	bound(b, 7, 5, 6, 40 * MS);
	epochs__charge(&b->epochs, 6, WT_NET, 7 * MS);
	tell(b, 47 * MS, "c[3]", false, false);
	bound(b, 7, 6, 7, 47 * MS);
	assert_int_equal(epochs__finish(&b->epochs, 60 * MS), 0);
	f = rows_of(b);
	assert_int_equal(f.n, 2);
	assert_string_equal(f.row[0].label, "a[1]");
	assert_int_equal(f.row[0].start_ns, 20 * MS);
	assert_int_equal(f.row[0].end_ns, 30 * MS);
	assert_int_equal(f.row[0].st_ns[WT_CPU], 10 * MS);
	assert_int_equal(f.row[0].st_ns[WT_IDLE], 0);
	assert_true(f.row[0].failed);
	assert_string_equal(f.row[1].label, "c[3]");
	assert_int_equal(f.row[1].st_ns[WT_NET], 7 * MS);
	assert_false(f.row[1].failed);
	drop_bench(b);
}

/*
 * A child, and a child of it, with units of their own: what they did is in those, and in the unit
 * that they were started in as well, whichever is known first.
 */
static void test_children_with_units(void **state)
{
	for (unsigned late = 0; late < 2; late++) {
		struct bench *b = setup_bench(100, 100);
		struct found f;

		(void)state;
		bound(b, 7, 0, 1, 10 * MS);
		bound(b, 8, 1, 2, 11 * MS);
		bound(b, 9, 2, 3, 12 * MS);
		epochs__charge(&b->epochs, 1, WT_CHILD, 20);
		epochs__charge(&b->epochs, 2, WT_CPU, 300);
		epochs__charge(&b->epochs, 3, WT_NET, 4000);
		if (late) {
			mark(b, 7, 30 * MS, 1, 0);
			assert_int_equal(form__settle(&b->form), 0);
			bound(b, 7, 1, 4, 30 * MS);
			assert_int_equal(epochs__generation(&b->epochs), 0);
		}
		mark(b, 9, 20 * MS, 1, 0);
		mark(b, 8, 25 * MS, 1, 0);
		assert_int_equal(form__settle(&b->form), 0);
		bound(b, 9, 3, 5, 20 * MS);
		bound(b, 8, 2, 6, 25 * MS);
		epochs__exited(&b->epochs, 9, 21 * MS);
		epochs__exited(&b->epochs, 8, 26 * MS);
		assert_int_equal(epochs__generation(&b->epochs), 0);
		if (!late) {
			mark(b, 7, 30 * MS, 1, 0);
			assert_int_equal(form__settle(&b->form), 0);
			bound(b, 7, 1, 4, 30 * MS);
		}
		assert_int_equal(epochs__finish(&b->epochs, 60 * MS), 0);
		f = rows_of(b);
		assert_int_equal(f.n, 3);
		for (unsigned i = 0; i < f.n; i++) {
			const struct unit_row *r = &f.row[i];

			assert_int_equal(r->st_ns[WT_CHILD], r->tgid == 7 ? 20 : 0);
			assert_int_equal(r->st_ns[WT_CPU], r->tgid == 9 ? 0 : 300);
			assert_int_equal(r->st_ns[WT_NET], 4000);
		}
		assert_int_equal(b->epochs.late_ns, 0);
		drop_bench(b);
	}
}

static void go_on_with(struct bench *b, __u64 ts, const char *label)
{
	struct unit_mark m = { .image = 7, .ts_ns = ts, .pattern = "told", .label = label, .label_len = strlen(label),
			       .thread = 70, .paired = true, .switched = true, .remaining_ns = ~0ULL };

	assert_int_equal(form__mark(&b->form, &m), 0);
	assert_int_equal(form__settle(&b->form), 0);
}

/*
 * One thread at two units by turns: each has the epochs in which the thread was at it, and is final
 * once; what it did for neither is in none.
 */
static void test_turns(void **state)
{
	static const struct { __u64 at; char what; const char *label; } turns[] = {
		{ 20, 'b', "a[1]" }, { 30, 's', "" }, { 31, 'b', "b[2]" }, { 41, 's', "a[1]" }, { 44, 's', "b[2]" },
		{ 49, 'e', "b[2]" }, { 52, 's', "a[1]" }, { 60, 'e', "a[1]" },
	};
	struct bench *b = setup_bench(100, 100);
	struct uproc *p;
	struct found f;
	__u32 epoch = 1;

	(void)state;
	bound(b, 7, 0, epoch, 10 * MS);
	p = epochs__find_proc(&b->epochs, 7);
	assert_int_equal(epochs__spoke(p, 70, 71), 0);
	for (unsigned i = 0; i < sizeof(turns) / sizeof(*turns); i++, epoch++) {
		__u64 since = i ? turns[i - 1].at : 10;

		epochs__charge_thread(&b->epochs, epoch, 70, WT_CPU, turns[i].at - since);
		if (turns[i].what == 's')
			go_on_with(b, turns[i].at * MS, turns[i].label);
		else
			tell(b, turns[i].at * MS, turns[i].label, turns[i].what == 'b', false);
		bound(b, 7, epoch, epoch + 1, turns[i].at * MS);
		assert_int_equal(epochs__generation(&b->epochs), 0);
	}
	assert_int_equal(epochs__finish(&b->epochs, 70 * MS), 0);
	f = rows_of(b);
	assert_int_equal(f.n, 2);
	assert_int_equal(b->finals, 2);
	for (unsigned i = 0; i < 2; i++) {
		bool first = !strcmp(f.row[i].label, "a[1]");

		/* 20-30, 41-44, 52-60; 31-41, 44-49 */
		assert_int_equal(f.row[i].st_ns[WT_CPU], first ? 21 : 15);
		assert_int_equal(f.row[i].start_ns, (first ? 20 : 31) * MS);
		assert_int_equal(f.row[i].end_ns, (first ? 60 : 49) * MS);
		assert_int_equal(f.row[i].batched, 1);
	}
	drop_bench(b);

	/* where nobody says which it is at: both are marked, and what is sure is theirs */
	b = setup_bench(100, 100);
	bound(b, 7, 0, 1, 10 * MS);
	tell(b, 20 * MS, "a[1]", true, false);
	tell(b, 30 * MS, "b[2]", true, false);
	tell(b, 40 * MS, "b[2]", false, false);
	tell(b, 50 * MS, "a[1]", false, false);
	assert_int_equal(epochs__finish(&b->epochs, 60 * MS), 0);
	f = rows_of(b);
	assert_int_equal(f.n, 2);
	assert_int_equal(f.row[0].batched, 2);
	assert_int_equal(f.row[1].batched, 2);
	drop_bench(b);
}

static void count_on(struct bench *b, __u64 image, __u64 ts, __u64 done, __u64 total)
{
	struct unit_mark m = { .image = image, .ts_ns = ts * MS, .sink = 5, .pattern = "t", .has_done = true,
			       .done = done, .has_total = true, .total = total, .remaining_ns = ~0ULL };
	struct uproc *p = epochs__proc(&b->epochs, image, image, 0, 1 * MS);

	assert_non_null(p);
	p->born = true;
	assert_int_equal(form__mark(&b->form, &m), 0);
	assert_int_equal(form__settle(&b->form), 0);
}

static __u64 units_in(struct bench *b, __u32 *source)
{
	struct found f;
	__u64 n = 0;

	assert_int_equal(epochs__finish(&b->epochs, 900 * MS), 0);
	f = rows_of(b);
	for (unsigned i = 0; i < f.n; i++)
		n += f.row[i].n;
	*source = f.row[f.n - 1].source;
	drop_bench(b);
	return n;
}

/* Workers that move one counter on: what another counted is not theirs.  Those with one each: all is. */
static void test_shared_counter(void **state)
{
	static const struct { __u64 image, ts, done; } late[] = {
		/* known later than others' lines, or overtaken by one */
		{ 7, 10, 1 }, { 7, 30, 5 }, { 7, 50, 9 }, { 8, 15, 2 }, { 8, 35, 6 }, { 8, 55, 10 }, { 9, 61, 12 },
		{ 7, 62, 11 }, { 8, 63, 14 }, { 9, 64, 15 }, { 7, 65, 13 }, { 9, 66, 16 }, { 9, 67, 16 },
	};
	struct bench *b = setup_bench(1000, 1000);
	__u32 source;

	(void)state;
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 1; i <= 30; i++)
			count_on(b, 7 + i * 7 % 4, 100 * round + i, i, 30);
	assert_int_equal(units_in(b, &source), 60);
	assert_int_equal(source, 7 + 7 % 4);

	b = setup_bench(1000, 1000);
	for (unsigned i = 0; i < sizeof(late) / sizeof(*late); i++)
		count_on(b, late[i].image, late[i].ts, late[i].done, 30);
	assert_int_equal(units_in(b, &source), 16);

	/* the same numbers twice: two counters; also of one that is far behind, or just behind for long */
	for (unsigned first = 1; first <= 21; first += 10) {
		b = setup_bench(1000, 1000);
		count_on(b, 8, 1, first, 300);
		for (unsigned i = 1; i <= 40; i++) {
			count_on(b, 7, 2 * i, i, 300);
			count_on(b, 8, 2 * i + 1, first + i, 300);
		}
		assert_int_equal(units_in(b, &source), 80 + first);
		assert_int_equal(source, 0);
	}
}

static void said(struct bench *b, __u64 ts, const char *label, bool begin)
{
	struct unit_mark m = { .image = 7, .ts_ns = ts * MS, .pattern = "t", .label = label, .label_len = strlen(label),
			       .thread = 70, .begin = begin, .remaining_ns = ~0ULL };

	assert_int_equal(form__mark(&b->form, &m), 0);
	assert_int_equal(form__settle(&b->form), 0);
	assert_int_equal(form__flush(&b->form, false), 0);
	assert_int_equal(epochs__generation(&b->epochs), 0);
}

static void write_line(struct bench *b, __u64 image, __u64 sink, __u64 ts, const char *label, bool begin)
{
	struct unit_mark m = { .image = image, .ts_ns = ts, .sink = sink, .passed_on = sink == 5, .pattern = "t",
			       .label = label, .label_len = strlen(label), .thread = 70, .begin = begin, .remaining_ns = ~0ULL };

	assert_non_null(epochs__proc(&b->epochs, image, image, 0, 1));
	assert_int_equal(form__mark(&b->form, &m), 0);
}

/* The same line in two places is one unit, whether its process writes it twice or another passes it on. */
static void test_written_twice(void **state)
{
	struct bench *b = setup_bench(20000, 20000);
	struct found f;
	char label[16];

	(void)state;
	epochs__proc(&b->epochs, 7, 7, 0, 1)->born = true;
	epochs__proc(&b->epochs, 8, 8, 0, 1)->born = true;
	for (unsigned i = 0; i < 4000; i++) {
		snprintf(label, sizeof(label), "a%u", i);
		write_line(b, 7, 5, (i + 1) * MS, label, false);
		write_line(b, 7, 6, (i + 1) * MS + 10, label, false);
		write_line(b, 8, 9, (i + 1) * MS + 20, label, false);
	}
	/* begun in one place and ended in the other; the same again is another one */
	write_line(b, 7, 5, 5000 * MS, "b", true);
	write_line(b, 7, 6, 5010 * MS, "b", false);
	write_line(b, 7, 6, 5020 * MS, "b", false);
	assert_int_equal(form__settle(&b->form), 0);
	f = rows_of(b);
	assert_int_equal(f.n, 4002);
	for (unsigned i = 0; i < 256; i++)
		assert_int_equal(f.row[i].tgid, 7);
	drop_bench(b);
}

/*
 * Coroutines: several are at work in one thread when the first one ends.  None is there twice, all
 * say so, and what lies between two lines is whose begin comes first, or whose end comes last.
 */
static void test_coroutines(void **state)
{
	static const struct { __u64 from, to, thread; unsigned batched; } want[] = {
		{ 20, 50, 10, 2 }, { 30, 60, 60, 2 }, { 70, 80, 500, 1 },
	};
	struct bench *b = setup_bench(100, 100);
	struct found f;

	(void)state;
	bound(b, 7, 0, 1, 10 * MS);
	said(b, 20, "a", true);
	bound(b, 7, 1, 2, 20 * MS);
	said(b, 30, "b", true);
	bound(b, 7, 2, 3, 30 * MS);
	epochs__charge_thread(&b->epochs, 2, 70, WT_CPU, 10);
	epochs__charge_thread(&b->epochs, 3, 70, WT_IDLE, 20);
	said(b, 50, "a", false);
	bound(b, 7, 3, 4, 50 * MS);
	epochs__charge_thread(&b->epochs, 4, 70, WT_CPU, 40);
	said(b, 60, "b", false);
	bound(b, 7, 4, 5, 60 * MS);
	said(b, 70, "c", true);
	bound(b, 7, 5, 6, 70 * MS);
	epochs__charge_thread(&b->epochs, 5, 70, WT_IDLE, 7);	/* nobody's */
	epochs__charge_thread(&b->epochs, 6, 70, WT_CPU, 500);
	said(b, 80, "c", false);
	bound(b, 7, 6, 7, 80 * MS);
	assert_int_equal(form__flush(&b->form, true), 0);
	assert_int_equal(epochs__finish(&b->epochs, 90 * MS), 0);
	f = rows_of(b);
	assert_int_equal(f.n, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(f.row[i].label[0], 'a' + i);
		assert_int_equal(f.row[i].start_ns, want[i].from * MS);
		assert_int_equal(f.row[i].end_ns, want[i].to * MS);
		assert_int_equal(f.row[i].batched, want[i].batched);
		assert_int_equal(unit__thread_ns(&f.row[i]), want[i].thread);
	}
	drop_bench(b);

	/* no end is ever told of: each ends with the next, known at last, or after many */
	for (unsigned n = 3; n <= 103; n += 100) {
		b = setup_bench(1000, 1000);
		bound(b, 7, 0, 1, 1 * MS);
		for (unsigned i = 1; i <= n; i++) {
			char label[] = { 'a' + i % 26, '0' + i / 26, 0 };

			said(b, i * 10, label, true);
			bound(b, 7, i, i + 1, i * 10 * MS);
			epochs__charge_thread(&b->epochs, i + 1, 70, WT_CPU, i);
			assert_int_equal(rows_of(b).n, i > 65 ? i - 1 : i == 65 ? 64 : 0);
		}
		assert_int_equal(form__flush(&b->form, true), 0);
		assert_int_equal(epochs__finish(&b->epochs, 2000 * MS), 0);
		f = rows_of(b);
		assert_int_equal(f.n, n - 1);
		for (unsigned i = 0; i < f.n; i++) {
			assert_int_equal(f.row[i].end_ns - f.row[i].start_ns, 10 * MS);
			assert_int_equal(f.row[i].st_ns[WT_CPU], i + 1);
			assert_int_equal(f.row[i].batched, 1);
		}
		assert_int_equal(b->epochs.late_ns, 0);
		drop_bench(b);
	}
}

/* begin at exec; three lines, each a unit: each gets what its epoch was charged */
static void test_line_per_unit(void **state)
{
	struct bench *b = setup_bench(100, 100);
	struct found f;

	(void)state;
	bound(b, 7, 0, 1, 10 * MS);
	for (__u32 i = 1; i <= 3; i++) {
		epochs__charge(&b->epochs, i, WT_CPU, i * 1000);
		epochs__charge(&b->epochs, i, WT_NET, 5);
		epochs__charge(&b->epochs, i, ACCOUNT_EXTRA + UNIT_READ_BYTES, i * 4096);
		mark(b, 7, (10 + i * 10) * MS, i, 0);
		assert_int_equal(form__settle(&b->form), 0);
		bound(b, 7, i, i + 1, (10 + i * 10) * MS);
		assert_int_equal(epochs__generation(&b->epochs), 0);
	}
	f = rows_of(b);
	assert_int_equal(f.n, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(f.row[i].st_ns[WT_CPU], (i + 1) * 1000);
		assert_int_equal(f.row[i].st_ns[WT_NET], 5);
		assert_int_equal(f.row[i].extra[UNIT_READ_BYTES], (i + 1) * 4096);
		assert_int_equal(f.row[i].extra[UNIT_READS], 0);
		assert_int_equal(unit__thread_ns(&f.row[i]), (i + 1) * 1000 + 5);
		assert_int_equal(f.row[i].end_ns - f.row[i].start_ns, 10 * MS);
		assert_int_equal(f.row[i].seq, i + 1);
		assert_int_equal(f.row[i].n, 1);
	}
	assert_int_equal(b->finals, 3);
	/* what comes late still finds its unit */
	epochs__charge(&b->epochs, 2, WT_IDLE, 77);
	f = rows_of(b);
	assert_int_equal(f.row[1].st_ns[WT_IDLE], 77);
	assert_int_equal(b->epochs.late_ns, 0);
	drop_bench(b);
}

/* lines that come with one write share its time, and no nanosecond is lost */
static void test_batched_writes_share(void **state)
{
	struct bench *b = setup_bench(100, 100);
	__u64 sum = 0;
	struct found f;

	(void)state;
	bound(b, 7, 0, 1, 0 * MS + 1);
	epochs__charge(&b->epochs, 1, WT_CPU, 1000003);
	for (unsigned i = 0; i < 7; i++)
		mark(b, 7, 70 * MS + 1, 0, 0);
	assert_int_equal(form__settle(&b->form), 0);
	bound(b, 7, 1, 2, 70 * MS + 1);
	assert_int_equal(epochs__generation(&b->epochs), 0);
	f = rows_of(b);
	assert_int_equal(f.n, 7);
	for (unsigned i = 0; i < 7; i++) {
		assert_int_equal(f.row[i].batched, 7);
		assert_in_range(f.row[i].st_ns[WT_CPU], 142857, 142859);
		assert_in_range(f.row[i].end_ns - f.row[i].start_ns, 10 * MS - 1, 10 * MS + 1);
		sum += f.row[i].st_ns[WT_CPU];
	}
	assert_int_equal(sum, 1000003);
	drop_bench(b);
}

/* a counter that jumps: one row that stands for several units */
static void test_counter_jumps(void **state)
{
	struct bench *b = setup_bench(100, 100);
	struct found f;

	(void)state;
	bound(b, 7, 0, 1, MS);
	mark(b, 7, 11 * MS, 57, 0);
	form__settle(&b->form);
	bound(b, 7, 1, 2, 11 * MS);
	mark(b, 7, 21 * MS, 60, 0);
	form__settle(&b->form);
	bound(b, 7, 2, 3, 21 * MS);
	/* and one that begins anew */
	mark(b, 7, 31 * MS, 2, 0);
	form__settle(&b->form);
	f = rows_of(b);
	assert_int_equal(f.n, 3);
	assert_int_equal(f.row[0].n, 57);
	assert_int_equal(f.row[1].n, 3);
	assert_int_equal(f.row[1].seq, 58);
	assert_int_equal(f.row[1].batched, 3);
	assert_int_equal(f.row[2].n, 2);
	drop_bench(b);
}

/* threads that overtake each other: each unit counts once, and a number that was there begins anew */
static void test_overtaken(void **state)
{
	static const unsigned done[] = { 1, 3, 2, 5, 6, 4, 7, 9, 10, 8, 11, 12, 1, 2 };
	struct bench *b = setup_bench(100, 100);
	struct found f;
	__u64 n = 0;

	(void)state;
	bound(b, 7, 0, 1, MS);
	for (unsigned i = 0; i < 14; i++) {
		mark(b, 7, (11 + 10 * i) * MS, done[i], 0);
		form__settle(&b->form);
		bound(b, 7, i + 1, i + 2, (11 + 10 * i) * MS);
	}
	f = rows_of(b);
	for (unsigned i = 0; i < f.n; i++)
		n += f.row[i].n;
	assert_int_equal(n, 14);
	assert_int_equal(f.n, 11);
	drop_bench(b);
}

/* "succeeded in 5 ms": what was before it belongs to no unit */
static void test_stated_elapsed(void **state)
{
	struct bench *b = setup_bench(100, 100);
	struct found f;

	(void)state;
	bound(b, 7, 0, 1, 10 * MS);
	epochs__charge(&b->epochs, 1, WT_IDLE, 95 * MS);
	/* the task is taken up: a boundary that is not exactly where the line says */
	bound(b, 7, 1, 2, 105 * MS);
	epochs__charge(&b->epochs, 2, WT_CPU, 50 * MS);
	mark(b, 7, 155 * MS, 0, 49 * MS);
	form__settle(&b->form);
	bound(b, 7, 2, 3, 155 * MS);
	epochs__generation(&b->epochs);
	f = rows_of(b);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.row[0].start_ns, 105 * MS);
	assert_int_equal(f.row[0].st_ns[WT_CPU], 50 * MS);
	assert_int_equal(f.row[0].st_ns[WT_IDLE], 0);
	drop_bench(b);
}

/* "3 of 9 done in 0.3 s": three of them took that, each begins where the one before ended */
static void test_stated_since_the_start(void **state)
{
	struct bench *b = setup_bench(100, 100);
	struct found f;

	(void)state;
	bound(b, 7, 0, 1, 500 * MS);
	for (unsigned i = 1; i <= 9; i++) {
		mark(b, 7, (500 + i * 103) * MS, i, i * 103 * MS);
		if (i > 2)			/* the first three come together, as they do from auto */
			assert_int_equal(form__settle(&b->form), 0);
	}
	epochs__generation(&b->epochs);
	f = rows_of(b);
	assert_int_equal(f.n, 9);
	for (unsigned i = 0; i < 9; i++) {
		assert_int_equal(f.row[i].start_ns, (500 + i * 103) * MS);
		assert_int_equal(f.row[i].end_ns, (603 + i * 103) * MS);
	}
	drop_bench(b);
}

/* What ran before the recording: the first line's own time is one unit's, the 76254 before it are not ours */
static void test_stated_in_the_middle(void **state)
{
	struct bench *b = setup_bench(100, 100);
	struct found f;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		mark(b, 7, (500 + i * 100) * MS, 76255 + i, 50 * MS);
	assert_int_equal(form__settle(&b->form), 0);
	f = rows_of(b);
	assert_int_equal(f.n, 3);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(f.row[i].n, 1);
		assert_int_equal(f.row[i].start_ns, (450 + i * 100) * MS);
	}
	/* of one whose times are since its start, long ago, the first began we do not know when */
	for (unsigned i = 0; i < 3; i++)
		mark(b, 8, (3700000 + i * 100) * MS, 76255 + i, (3600000 + i * 100) * MS);
	assert_int_equal(form__settle(&b->form), 0);
	f = rows_of(b);
	assert_int_equal(f.n, 5);
	assert_int_equal(f.row[3].start_ns, 3700000 * MS);
	assert_int_equal(f.row[3].n, 1);
	drop_bench(b);
}

/* "raised unexpected": no word of how long; it began where the worker said that it took it up */
static void test_handed_over(void **state)
{
	struct bench *b = setup_bench(100, 100);
	struct unit_mark m = { .image = 7, .pattern = "celery", .handed = true, .failed = true,
			       .remaining_ns = ~0ULL };
	struct found f;

	(void)state;
	bound_as(b, 7, 0, 1, 10 * MS, true);	/* taken up */
	bound(b, 7, 1, 2, 12 * MS);		/* it writes something */
	m.ts_ns = 20 * MS;
	assert_int_equal(form__mark(&b->form, &m), 0);
	bound(b, 7, 2, 3, 20 * MS);
	epochs__charge(&b->epochs, 3, WT_IPC, 30 * MS);
	bound_as(b, 7, 3, 4, 50 * MS, true);	/* the next one */
	epochs__charge(&b->epochs, 4, WT_CPU, 5 * MS);
	m.ts_ns = 60 * MS;
	assert_int_equal(form__mark(&b->form, &m), 0);
	bound(b, 7, 4, 5, 60 * MS);
	/* and one more at once, which only writes its traceback */
	bound(b, 7, 5, 6, 69 * MS);
	m.ts_ns = 70 * MS;
	assert_int_equal(form__mark(&b->form, &m), 0);
	assert_int_equal(form__settle(&b->form), 0);
	assert_int_equal(epochs__generation(&b->epochs), 0);
	f = rows_of(b);
	assert_int_equal(f.n, 3);
	assert_int_equal(f.row[2].start_ns, 60 * MS);
	assert_int_equal(f.row[0].start_ns, 10 * MS);
	assert_int_equal(f.row[1].start_ns, 50 * MS);
	assert_int_equal(f.row[1].st_ns[WT_IPC], 0);
	assert_int_equal(f.row[1].st_ns[WT_CPU], 5 * MS);
	drop_bench(b);
}

/* "succeeded in 20 ms", written late: it began where it was taken up, not at another write, nor at the last one's end */
static void test_taken_up(void **state)
{
	struct bench *b = setup_bench(100, 100);
	struct unit_mark m = { .image = 7, .pattern = "celery", .handed = true, .remaining_ns = ~0ULL, .elapsed_ns = 20 * MS };
	struct found f;

	(void)state;
	bound_as(b, 7, 0, 1, 10 * MS, true);	/* taken up */
	bound(b, 7, 1, 2, 18 * MS);		/* it writes something */
	m.ts_ns = 37 * MS;			/* 7 ms behind its end */
	assert_int_equal(form__mark(&b->form, &m), 0);
	bound(b, 7, 2, 3, 37 * MS);
	bound_as(b, 7, 3, 4, 39 * MS, true);	/* the result of that one */
	bound_as(b, 7, 4, 5, 43 * MS, true);	/* the next one, 4 ms late */
	m.ts_ns = 67 * MS;
	assert_int_equal(form__mark(&b->form, &m), 0);
	bound(b, 7, 5, 6, 67 * MS);
	/* one that nothing was seen of */
	m.ts_ns = 100 * MS;
	assert_int_equal(form__mark(&b->form, &m), 0);
	bound(b, 7, 6, 7, 100 * MS);
	assert_int_equal(form__settle(&b->form), 0);
	assert_int_equal(epochs__generation(&b->epochs), 0);
	f = rows_of(b);
	assert_int_equal(f.n, 3);
	assert_true(f.row[0].start_ns == 10 * MS && f.row[1].start_ns == 43 * MS && f.row[2].start_ns == 80 * MS);
	drop_bench(b);
}

/* a child that says nothing of units counts for the one it was started in, and its own epochs do */
static void test_children_inherit(void **state)
{
	struct bench *b = setup_bench(100, 100);
	struct found f;

	(void)state;
	bound(b, 7, 0, 1, 10 * MS);
	bound(b, 8, 1, 2, 12 * MS);		/* exec in epoch 1 of its parent */
	epochs__charge(&b->epochs, 2, WT_CPU, 1000);
	bound(b, 8, 2, 3, 14 * MS);		/* it writes something */
	epochs__charge(&b->epochs, 3, WT_CPU, 100);
	epochs__charge(&b->epochs, 1, WT_CHILD, 10);
	epochs__charge(&b->epochs, 1, ACCOUNT_TRANSCODE, 6 * MS);
	epochs__exited(&b->epochs, 8, 18 * MS);
	assert_int_equal(epochs__generation(&b->epochs), 0);
	mark(b, 7, 20 * MS, 1, 0);
	form__settle(&b->form);
	bound(b, 7, 1, 4, 20 * MS);
	/* the parent's epoch may be made over after the child was looked at: two rounds are enough */
	assert_int_equal(epochs__generation(&b->epochs), 0);
	assert_int_equal(epochs__generation(&b->epochs), 0);
	f = rows_of(b);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.row[0].st_ns[WT_CPU], 1100);
	assert_int_equal(f.row[0].st_ns[WT_CHILD], 10);
	assert_int_equal(f.row[0].transcode_ns, 6 * MS);
	drop_bench(b);
}

static void says(struct bench *b, __u32 thread, __u64 ts, const char *label, bool begin)
{
	struct unit_mark m = { .image = 7, .ts_ns = ts, .thread = thread, .pattern = "line 1", .label = label,
			       .label_len = strlen(label), .begin = begin, .remaining_ns = ~0ULL };
	struct uproc *p = epochs__proc(&b->epochs, 7, 7, 0, ts);

	assert_non_null(p);
	assert_int_equal(epochs__spoke(p, thread, thread), 0);
	assert_int_equal(form__mark(&b->form, &m), 0);
	assert_int_equal(form__settle(&b->form), 0);
}

/*
 * Units of two threads that overlap: each has what its thread did; a third thread's time is
 * the one's that is alone; a child counts for the thread that started it.
 */
static void test_threads_overlap(void **state)
{
	struct bench *b = setup_bench(100, 100);
	const struct unit_row *x, *y;
	struct found f;

	(void)state;
	bound(b, 7, 0, 1, 10 * MS);
	says(b, 70, 20 * MS, "x", true);		/* 70 begins x */
	bound(b, 7, 1, 2, 20 * MS);
	assert_int_equal(epochs__charge_thread(&b->epochs, 2, 70, WT_CPU, 10 * MS), 0);
	assert_int_equal(epochs__charge_thread(&b->epochs, 2, 90, WT_IDLE, 10 * MS), 0);
	says(b, 71, 30 * MS, "y", true);		/* 71 begins y */
	bound(b, 7, 2, 3, 30 * MS);
	assert_int_equal(epochs__charge_thread(&b->epochs, 3, 70, WT_CPU, 20 * MS), 0);
	assert_int_equal(epochs__charge_thread(&b->epochs, 3, 71, WT_NET, 20 * MS), 0);
	assert_int_equal(epochs__charge_thread(&b->epochs, 3, 90, WT_IDLE, 20 * MS), 0);
	assert_int_equal(epochs__charge_thread(&b->epochs, 3, 71, ACCOUNT_TRANSCODE, 7), 0);
	bound(b, 8, 3, 4, 35 * MS);			/* a child that 71 has started */
	epochs__find_proc(&b->epochs, 8)->inherited_by = 71;
	epochs__charge(&b->epochs, 4, WT_CPU, 1000);
	epochs__exited(&b->epochs, 8, 40 * MS);
	says(b, 70, 50 * MS, "x", false);		/* x ends */
	bound(b, 7, 3, 5, 50 * MS);
	assert_int_equal(epochs__generation(&b->epochs), 0);
	assert_int_equal(epochs__row(&b->epochs, 3), UNITS_OPEN);	/* y goes on */
	assert_int_equal(epochs__charge_thread(&b->epochs, 5, 71, WT_NET, 30 * MS), 0);
	assert_int_equal(epochs__charge_thread(&b->epochs, 5, 70, WT_SLEEP, 30 * MS), 0);
	assert_int_equal(epochs__charge_thread(&b->epochs, 5, 90, WT_IDLE, 30 * MS), 0);
	says(b, 71, 80 * MS, "y", false);		/* y ends */
	bound(b, 7, 5, 6, 80 * MS);
	assert_int_equal(epochs__generation(&b->epochs), 0);
	assert_int_equal(epochs__generation(&b->epochs), 0);
	f = rows_of(b);
	assert_int_equal(f.n, 2);
	x = &f.row[0];
	y = &f.row[1];
	assert_true(x->start_ns == 20 * MS && x->end_ns == 50 * MS && y->start_ns == 30 * MS && y->end_ns == 80 * MS);
	assert_int_equal(x->st_ns[WT_CPU], 30 * MS);
	assert_int_equal(x->st_ns[WT_IDLE], 10 * MS);
	assert_int_equal(unit__thread_ns(x), 40 * MS);
	assert_int_equal(y->st_ns[WT_NET], 50 * MS);
	assert_int_equal(y->st_ns[WT_IDLE], 30 * MS);
	assert_int_equal(y->st_ns[WT_CPU], 1000);
	assert_int_equal(unit__thread_ns(y), 80 * MS + 1000);
	assert_true(x->transcode_ns == 0 && y->transcode_ns == 7);
	/* 90 while both were at work */
	assert_int_equal(b->epochs.shared_ns, 20 * MS);
	assert_int_not_equal(epochs__row_of(&b->epochs, 3, 70), epochs__row_of(&b->epochs, 3, 71));
	assert_int_equal(epochs__row_of(&b->epochs, 5, 70), 0);
	/* what comes late finds the thread's unit */
	assert_int_equal(epochs__charge_thread(&b->epochs, 3, 71, WT_LOCK, 5), 0);
	assert_int_equal(epochs__charge_thread_time(&b->epochs, 7, 3, 70, 25 * MS, 55 * MS, WT_LOCK, 30 * MS), 0);
	f = rows_of(b);
	assert_true(f.row[0].st_ns[WT_LOCK] == 25 * MS && f.row[1].st_ns[WT_LOCK] == 5);
	assert_int_equal(b->epochs.late_ns, 0);
	drop_bench(b);
}

/*
 * A pool of threads that is handed its units: taken in by the process, told of by the thread
 * that is over with it.  One says how long it took, the next, which failed, does not.
 */
static void test_thread_pool(void **state)
{
	static const char *const label[] = { "a", "b", "c" };
	struct unit_mark m = { .image = 7, .pattern = "celery", .handed = true, .label_len = 1, .remaining_ns = ~0ULL };
	struct bench *b = setup_bench(100, 100);
	struct uproc *p;
	struct found f;

	(void)state;
	bound(b, 7, 0, 1, 10 * MS);
	p = epochs__find_proc(&b->epochs, 7);
	for (__u32 thread = 70; thread < 73; thread++)
		assert_int_equal(epochs__spoke(p, thread, thread), 0);
	m.queued = true;
	m.thread = 70;
	for (unsigned i = 0; i < 3; i++) {
		m.label = label[i];
		m.ts_ns = (20 + i) * MS;
		assert_int_equal(form__mark(&b->form, &m), 0);
	}
	m.queued = false;
	m.thread = 71;				/* a: from 30 to 50 */
	m.label = "a";
	m.ts_ns = 50 * MS;
	m.elapsed_ns = 20 * MS;
	assert_int_equal(form__mark(&b->form, &m), 0);
	assert_int_equal(form__settle(&b->form), 0);
	bound(b, 7, 1, 2, 50 * MS);
	assert_int_equal(epochs__generation(&b->epochs), 0);
	m.thread = 72;				/* b: from 21 to 60 */
	m.label = "b";
	m.ts_ns = 60 * MS;
	m.elapsed_ns = 0;
	m.failed = true;
	assert_int_equal(form__mark(&b->form, &m), 0);
	m.thread = 71;				/* c: behind a */
	m.label = "c";
	m.ts_ns = 90 * MS;
	assert_int_equal(form__mark(&b->form, &m), 0);
	assert_int_equal(form__settle(&b->form), 0);
	bound(b, 7, 2, 3, 90 * MS);
	assert_int_equal(epochs__charge_thread(&b->epochs, 1, 72, WT_NET, 40 * MS), 0);
	assert_int_equal(epochs__charge_thread(&b->epochs, 2, 71, WT_CPU, 40 * MS), 0);
	assert_int_equal(epochs__generation(&b->epochs), 0);
	f = rows_of(b);
	assert_int_equal(f.n, 3);
	assert_true(f.row[0].start_ns == 30 * MS && f.row[1].start_ns == 21 * MS && f.row[2].start_ns == 50 * MS);
	/* of 72's first epoch, 10 to 50, the part from 21 on */
	assert_true(f.row[1].st_ns[WT_NET] == 29 * MS && f.row[1].st_ns[WT_CPU] == 0);
	assert_true(f.row[2].st_ns[WT_CPU] == 40 * MS && f.row[0].st_ns[WT_CPU] == 0);
	drop_bench(b);
}

/* "22 left", "21 left": each is a unit; the first says where it began; then another run */
static void test_counts_down(void **state)
{
	static const unsigned left[] = { 22, 21, 19, 0, 9, 8 };
	struct bench *b = setup_bench(100, 100);
	struct found f;

	(void)state;
	bound(b, 7, 0, 1, 10 * MS);
	for (unsigned i = 0; i < 6; i++) {
		struct unit_mark m = { .image = 7, .ts_ns = (20 + 10 * i) * MS, .pattern = "line 1", .counts_down = true,
				       .total = left[i], .remaining_ns = ~0ULL };

		assert_int_equal(form__mark(&b->form, &m), 0);
		assert_int_equal(form__settle(&b->form), 0);
		bound(b, 7, 1 + i, 2 + i, m.ts_ns);
	}
	f = rows_of(b);
	assert_int_equal(f.n, 4);
	assert_true(f.row[0].n == 1 && f.row[0].done == 1 && f.row[0].total == 22 && f.row[0].start_ns == 20 * MS);
	assert_true(f.row[1].n == 2 && f.row[1].done == 3);
	assert_true(f.row[2].n == 19 && f.row[2].done == 22);
	drop_bench(b);
}

/* a process that was there before: its first counter says nothing of how long it took */
static void test_seeded_counter(void **state)
{
	struct bench *b = setup_bench(100, 100);
	struct found f;

	(void)state;
	bound(b, 7, 0, 1, 10 * MS);
	epochs__find_proc(&b->epochs, 7)->born = false;
	mark(b, 7, 20 * MS, 76255, 0);
	form__settle(&b->form);
	mark(b, 7, 30 * MS, 76256, 0);
	form__settle(&b->form);
	f = rows_of(b);
	assert_int_equal(f.n, 1);
	assert_int_equal(f.row[0].n, 1);
	assert_int_equal(f.row[0].start_ns, 20 * MS);
	drop_bench(b);
}

/* charges that arrive before the boundary they follow are not lost */
static void test_early_charges(void **state)
{
	struct bench *b = setup_bench(100, 100);
	struct found f;

	(void)state;
	bound(b, 7, 0, 1, 10 * MS);
	assert_int_equal(epochs__charge(&b->epochs, 2, WT_CPU, 500), 0);
	assert_int_equal(epochs__generation(&b->epochs), 0);
	assert_int_equal(epochs__row(&b->epochs, 2), UNITS_OPEN);
	mark(b, 7, 20 * MS, 1, 0);
	form__settle(&b->form);
	bound(b, 7, 1, 2, 20 * MS);
	mark(b, 7, 30 * MS, 2, 0);
	form__settle(&b->form);
	bound(b, 7, 2, 3, 30 * MS);
	assert_int_equal(epochs__generation(&b->epochs), 0);
	f = rows_of(b);
	assert_int_equal(f.row[1].st_ns[WT_CPU], 500);
	assert_int_equal(b->epochs.late_ns, 0);
	drop_bench(b);
}

/*
 * Whatever comes: of all that was charged to epochs of a process every nanosecond is
 * in a unit as long as units cover all of its time, intervals over several epochs
 * and writes without a boundary of their own included.
 */
static void test_random_conservation(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 200; seed++) {
		struct bench *b = setup_bench(1000, 1000);
		__u64 ts = MS, first = ts, charged = 0, found = 0;
		__u32 id = 1;
		struct found f = {};

		srand(seed);
		bound(b, 7, 0, id, ts);
		mark(b, 7, ts, 0, 0);	/* so that units begin right here */
		form__settle(&b->form);
		for (unsigned i = 0; i < 40; i++) {
			__u64 from = first + (__u64)rand() % (ts - first + 1), ns = rand() % 100000;

			if (rand() % 3) {
				assert_int_equal(epochs__charge(&b->epochs, id, rand() % WT_STATES, ns), 0);
				charged += ns;
			}
			ts += 1 + rand() % 5000000;
			if (rand() % 2) {
				epochs__charge_time(&b->epochs, 7, 1, from, ts - 1, WT_LOCK, ts - 1 - from);
				charged += ts - 1 - from;
			}
			if (rand() % 2) {
				for (int k = rand() % 4; k >= 0; k--)
					mark(b, 7, ts, 0, 0);
				form__settle(&b->form);
			}
			if (rand() % 3) {
				bound(b, 7, id, id + 1, ts);
				id++;
			}
			if (!(rand() % 4))
				assert_int_equal(epochs__generation(&b->epochs), 0);
		}
		mark(b, 7, ts + 10, 0, 0);
		form__settle(&b->form);
		assert_int_equal(epochs__finish(&b->epochs, ts + 10), 0);
		f = rows_of(b);
		assert_in_range(f.n, 1, 256);
		for (unsigned i = 0; i < f.n; i++)
			found += unit__thread_ns(&f.row[i]);
		assert_int_equal(b->epochs.late_ns, 0);
		assert_int_equal(found, charged);
		drop_bench(b);
	}
}

/* however many processes come and go, they are forgotten once all of theirs is made over */
static void test_processes_are_forgotten(void **state)
{
	struct bench *b = setup_bench(100, 100);

	(void)state;
	for (__u32 i = 1; i <= 1000; i++) {
		bound(b, 100 + i, 0, i, i * MS);
		epochs__charge(&b->epochs, i, WT_CPU, 10);
		if (i % 2)
			mark(b, 100 + i, (i + 1) * MS, 1, 0);
		assert_int_equal(form__settle(&b->form), 0);
		epochs__exited(&b->epochs, 100 + i, (i + 1) * MS);
		assert_int_equal(epochs__generation(&b->epochs), 0);
	}
	/* those without units of their own wait to be given up */
	assert_in_range(b->epochs.procs.n, 1, 120);
	assert_int_equal(b->rows.last, 501);	/* and the one that the oldest share */
	drop_bench(b);
}

/* of an epoch before the last that nobody knows any longer */
static void test_late(void **state)
{
	struct bench *b = setup_bench(100, 10);

	(void)state;
	bound(b, 9, 0, 1, 1 * MS);
	bound(b, 9, 1, 100, 2 * MS);
	assert_int_equal(epochs__charge(&b->epochs, 1, WT_SLEEP, 10), 0);
	assert_int_equal(b->epochs.late_ns, 0);
	assert_int_equal(epochs__charge(&b->epochs, 50, WT_SLEEP, 10), 0);
	assert_int_equal(b->epochs.late_ns, 10);
	drop_bench(b);
}

/* bounded: what nobody claims is given up and counted, what is old is folded into one row */
static void test_bounds(void **state)
{
	struct bench *b = setup_bench(100, 10);
	struct found f;
	__u64 n = 0, cpu = 0;

	(void)state;
	for (__u32 i = 1; i <= 1000; i++) {
		bound(b, 9, i - 1, i, i * MS);
		assert_int_equal(epochs__generation(&b->epochs), 0);
	}
	assert_in_range(b->epochs.epochs.n, 1, 101);
	assert_in_range(b->epochs.given_up, 800, 1000);
	for (__u32 i = 1; i <= 200; i++) {
		bound(b, 7, i ? 1000 + i - 1 : 0, 1000 + i, i * MS);
		epochs__charge(&b->epochs, 1000 + i, WT_CPU, 10);
		mark(b, 7, (i + 1) * MS, i, 0);
		form__settle(&b->form);
		assert_int_equal(epochs__generation(&b->epochs), 0);
	}
	assert_int_equal(epochs__finish(&b->epochs, 201 * MS), 0);
	f = rows_of(b);
	assert_in_range(f.n, 1, 12);
	for (unsigned i = 0; i < f.n; i++) {
		n += f.row[i].n;
		cpu += f.row[i].st_ns[WT_CPU];
	}
	assert_int_equal(n, 200);
	assert_int_equal(cpu, 2000);
	assert_in_range(b->rows.folded, 180, 199);
	drop_bench(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_line_per_unit),
		cmocka_unit_test(test_batched_writes_share),
		cmocka_unit_test(test_counter_jumps),
		cmocka_unit_test(test_overtaken),
		cmocka_unit_test(test_stated_elapsed),
		cmocka_unit_test(test_stated_since_the_start),
		cmocka_unit_test(test_stated_in_the_middle),
		cmocka_unit_test(test_handed_over),
		cmocka_unit_test(test_taken_up),
		cmocka_unit_test(test_children_inherit),
		cmocka_unit_test(test_threads_overlap),
		cmocka_unit_test(test_counts_down),
		cmocka_unit_test(test_shared_counter),
		cmocka_unit_test(test_written_twice),
		cmocka_unit_test(test_coroutines),
		cmocka_unit_test(test_thread_pool),
		cmocka_unit_test(test_seeded_counter),
		cmocka_unit_test(test_children_with_units),
		cmocka_unit_test(test_told),
		cmocka_unit_test(test_turns),
		cmocka_unit_test(test_boundaries_overtake),
		cmocka_unit_test(test_takes_up_again),
		cmocka_unit_test(test_waits_in_vain),
		cmocka_unit_test(test_times_before_the_program),
		cmocka_unit_test(test_threads_count_for_themselves),
		cmocka_unit_test(test_pool_serves_its_parent),
		cmocka_unit_test(test_pool_waits_long),
		cmocka_unit_test(test_fork_and_exec),
		cmocka_unit_test(test_log_shown_later),
		cmocka_unit_test(test_counted_before_it_is_passed_on),
		cmocka_unit_test(test_early_charges),
		cmocka_unit_test(test_random_conservation),
		cmocka_unit_test(test_processes_are_forgotten),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
