/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_no_memory_units.c - whichever allocation fails, no time, request or unit is counted
 * twice, and what units lack is said by an error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "no_memory.h"
#include "units/cost.h"
#include "units/costs.h"
#include "units/units.h"

#define MS 1000000ULL
#define PROCS 3
#define UNITS 60		/* of each */
#define KEPT 24			/* units that have a row; the others are folded */

/* What was charged, and what came of it. */
struct outcome {
	__u64 st_ns[WT_STATES], extra[UNIT_EXTRAS];
	__u64 waits_ns, requests;	/* of units' objects, … */
	__u64 left_out;			/* … and what of them is counted as missing */
	unsigned units, finals, rows;
	__u64 cost_units, cost_ns[WT_STATES];
};

struct play {
	struct units *u;
	struct costs *costs;
	struct outcome in, out;
	unsigned errors;
	__u32 epoch;
	bool final[PROCS * UNITS * 2 + 2];
};

static void may_fail(struct play *p, int err)
{
	assert_true(err == 0 || err == -ENOMEM);
	p->errors += !!err;
}

static int on_unit(void *ctx, const struct unit_row *r, __u32 row)
{
	struct play *p = ctx;

	p->out.finals++;
	if (row < sizeof(p->final)) {
		assert_false(p->final[row]);
		p->final[row] = true;
	}
	return costs__unit(p->costs, r, row);
}

static void on_more(void *ctx, const struct unit_row *r, __u32 row, const __u64 st_ns[WT_STATES],
		    const __u64 extra[UNIT_EXTRAS])
{
	struct play *p = ctx;

	costs__more(p->costs, r, row, st_ns, extra);
}

static int on_requests(void *ctx, const struct unit_row *r, const struct unit_request *x)
{
	struct play *p = ctx;

	return costs__requests(p->costs, r, x);
}

static void write_event(struct play *p, __u32 proc, __u64 ts, unsigned flags, const char *label)
{
	struct {
		struct wt_ev_write e;
		char text[32];
	} w = { .e = { .h = { .type = WT_EV_WRITE, .ts_ns = ts }, .image = 100 + proc, .tgid = proc, .tid = proc,
		       .task = proc, .serial = proc,
		       .flags = flags, .comm = "worker" } };

	w.e.epoch_after = ++p->epoch;
	w.e.epoch_before = p->epoch > PROCS ? p->epoch - PROCS : 0;
	w.e.size = strlen(label);
	memcpy(w.text, label, w.e.size);
	may_fail(p, units__on_write(p->u, &w.e, sizeof(w.e) + w.e.size));
}

static void detail(struct play *p, __u32 proc, __u32 epoch, __u8 state, __u64 reason, __u64 ns, __u64 count)
{
	const struct wt_detail_key k = { .thread = proc, .epoch = epoch, .state = state, .reason = reason };
	const struct wt_detail_val v = { .ns = ns, .count = count, .weighted_ns = 4096 * count };

	may_fail(p, units__on_detail(p->u, &k, &v));
}

/* What a process did in its last epoch, which lasted 1 ms. */
static void work(struct play *p, __u32 proc, __u64 ts)
{
	struct wt_ev_split s = { .image = 100 + proc, .from_ns = ts, .to_ns = ts + 40,
				 .key = { .thread = proc, .epoch = p->epoch, .state = WT_LOCK } };

	detail(p, proc, p->epoch, WT_NET, WT_K_SOCKET, 1000 + proc, 1);
	p->in.st_ns[WT_NET] += 1000 + proc;
	detail(p, proc, p->epoch, WT_CPU, WT_K_EXACT | (__u64)WT_EXACT_CPU << 8, 500, 1);
	p->in.st_ns[WT_CPU] += 500;
	detail(p, proc, p->epoch, WT_CPU, WT_K_EXACT | (__u64)WT_EXACT_READS << 8 | (__u64)(proc % 3) << 32, 7, 2);
	p->in.extra[UNIT_READS] += 2;
	p->in.extra[UNIT_REQUESTS_NS] += 7;
	p->in.extra[UNIT_READ_BYTES] += 8192;
	p->in.requests += 2;
	may_fail(p, units__on_split(p->u, &s));
	p->in.st_ns[WT_LOCK] += 40;
}

static void one_unit(struct play *p, __u32 proc, unsigned n)
{
	__u64 ts = (1 + n) * 10 * MS + proc * 10000;
	char label[32];
	int err;

	snprintf(label, sizeof(label), "t%u-%u", proc, n);
	write_event(p, proc, ts, WT_WRITE_BEGIN, label);
	work(p, proc, ts);
	write_event(p, proc, ts + MS, WT_WRITE_END, label);
	p->in.units++;
	/* any unit that has a row: of waits only that they are counted once matters */
	err = units__waited(p->u, 1 + n, WT_NET, n % 2 ? "a:1" : "b:2", 0, 10, 1);
	may_fail(p, err);
	p->in.waits_ns += 10;
}

static void end_proc(struct play *p, __u32 proc)
{
	const struct wt_thread_rec rec = {
		.image = 100 + proc, .tgid = proc, .tid = proc, .serial = proc, .task = proc, .why = WT_REC_EXIT,
		.flags = WT_F_LEADER, .end_ns = 10000 * MS, .epoch = p->epoch,
	};

	may_fail(p, units__on_record(p->u, &rec));
}

static int add_row(void *arg, const struct unit_row *r)
{
	struct play *p = arg;

	p->out.rows++;
	p->out.units += r->n;
	for (unsigned s = 0; s < WT_STATES; s++)
		p->out.st_ns[s] += r->st_ns[s];
	for (unsigned k = 0; k < UNIT_EXTRAS; k++)
		p->out.extra[k] += r->extra[k];
	for (unsigned i = 0; i < r->objects.n; i++) {
		p->out.waits_ns += r->objects.v[i].what == OBJECT_WAIT ? r->objects.v[i].ns : 0;
		p->out.requests += r->objects.v[i].what == OBJECT_WAIT ? 0 : r->objects.v[i].count;
	}
	return 0;
}

static void add_costs(struct play *p)
{
	struct judged *v;
	unsigned n;

	assert_int_equal(costs__judge(p->costs, &v, &n), 0);
	for (unsigned i = 0; i < n; i++) {
		p->out.cost_units += v[i].report.t.units;
		for (unsigned s = 0; s < WT_STATES; s++)
			p->out.cost_ns[s] += v[i].report.t.st_ns[s];
	}
	judged__free(v, n);
}

static void run(struct play *p, unsigned long first, unsigned long n)
{
	const struct units_opts opts = { .max_rows = KEPT };
	const struct costs_opts copts = { 0 };
	const struct units_sink sink = { p, on_unit, on_more, on_requests, NULL };

	*p = (struct play){};
	assert_int_equal(units__new(&p->u, &opts, NULL), 0);
	assert_int_equal(costs__new(&p->costs, &copts), 0);
	units__on_unit(p->u, &sink);
	no_memory_from(first, n);
	for (__u32 proc = 1; proc <= PROCS; proc++)
		write_event(p, proc, MS, WT_WRITE_EXEC, "");
	for (unsigned i = 0; i < UNITS; i++) {
		for (__u32 proc = 1; proc <= PROCS; proc++)
			one_unit(p, proc, i);
		may_fail(p, units__caught_up(p->u));
		if (i % 4 == 3)
			may_fail(p, units__generation(p->u));
	}
	for (__u32 proc = 1; proc <= PROCS; proc++)
		end_proc(p, proc);
	may_fail(p, units__generation(p->u));
	may_fail(p, units__finish(p->u, 20000 * MS));
}

static void finish(struct play *p)
{
	struct units_stats st;

	no_memory_from(0, 0);
	units__stats(p->u, &st);
	p->out.left_out = st.objects_left_out;
	assert_int_equal(units__each(p->u, add_row, p), 0);
	add_costs(p);
	costs__free(p->costs);
	units__free(p->u);
}

static bool same(const struct outcome *a, const struct outcome *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static void check(const struct play *p, const struct outcome *whole)
{
	for (unsigned s = 0; s < WT_STATES; s++) {
		assert_true(p->out.st_ns[s] <= p->in.st_ns[s]);
		assert_true(p->out.cost_ns[s] <= p->out.st_ns[s]);
	}
	for (unsigned k = 0; k < UNIT_EXTRAS; k++)
		assert_true(p->out.extra[k] <= p->in.extra[k]);
	assert_true(p->out.units <= p->in.units);
	assert_true(p->out.cost_units <= p->out.units);
	assert_true(p->out.waits_ns <= p->in.waits_ns);
	assert_true(p->out.requests <= p->in.requests);
	/* nothing is missing without an error, or a count */
	assert_true(p->errors || p->out.left_out > whole->left_out || same(&p->out, whole));
}

/* One failure costs what it was about, not what was read with it. */
static void check_one(const struct play *p, const struct outcome *whole)
{
	assert_true(p->out.units + 1 >= whole->units);
	assert_true(p->out.finals + 1 >= whole->finals);
	assert_true(p->out.cost_units + 1 >= whole->cost_units);
	assert_true(p->out.st_ns[WT_CPU] + 500 >= whole->st_ns[WT_CPU]);
}

static void survives(unsigned long n, unsigned step)
{
	static struct play whole, p;
	unsigned long first = 1;
	bool struck = true;

	run(&whole, 0, 0);
	finish(&whole);
	assert_int_equal(whole.errors, 0);
	assert_int_equal(whole.out.units, PROCS * UNITS);
	assert_int_equal(whole.out.cost_units, PROCS * UNITS);
	assert_true(whole.out.rows < PROCS * UNITS);
	assert_int_equal(whole.out.st_ns[WT_NET], whole.in.st_ns[WT_NET]);
	assert_int_equal(whole.out.st_ns[WT_CPU], whole.in.st_ns[WT_CPU]);
	assert_int_equal(whole.out.requests, whole.in.requests);
	for (; struck; first += step) {
		run(&p, first, n);
		struck = no_memory_calls >= first;
		finish(&p);
		check(&p, &whole.out);
		if (n == 1)
			check_one(&p, &whole.out);
	}
	assert_true(first > 100);
}

static void test_one(void **state)
{
	(void)state;
	survives(1, 1);
}

static void test_many(void **state)
{
	(void)state;
	survives(3, 5);
	survives(50, 11);
	survives(~0UL, 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
