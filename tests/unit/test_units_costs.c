/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_units_costs.c - units and lines of the ledger come to the right job, kind and function. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units/costs.h"

#define MS 1000000ULL

static const char *frame_name(void *ctx, __u32 frame)
{
	static const char *const names[] = { NULL, "_start", "main", "work" };

	(void)ctx;
	return frame < 4 ? names[frame] : "";
}

static const char *kernel_name(void *ctx, __u32 frame)
{
	(void)ctx;
	(void)frame;
	return "do_syscall_64";
}

static const char *jobs_named = "job";

static const char *job_name(void *ctx, __u64 job, __u64 cgroup)
{
	static char name[64];

	(void)ctx;
	(void)cgroup;
	snprintf(name, sizeof(name), "%s-%llu", jobs_named, job);
	return name;
}

struct made {
	struct ledger *ledger;
	struct costs *costs;
};

static int setup(void **state)
{
	struct made *m = calloc(1, sizeof(*m));
	const struct ledger_opts lo = { 0 };
	struct costs_opts o = { .frames = { NULL, frame_name, kernel_name, NULL }, .period_ns = 10 * MS,
				.job = job_name };

	assert_int_equal(ledger__new(&m->ledger, &lo), 0);
	o.ledger = m->ledger;
	assert_int_equal(costs__new(&m->costs, &o), 0);
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct made *m = *state;

	costs__free(m->costs);
	ledger__free(m->ledger);
	free(m);
	return 0;
}

static struct unit_row row_of(__u64 job, enum unit_kind kind, const char *pattern, __u64 i)
{
	struct unit_row r = { .kind = kind, .pattern = pattern, .label = "x", .job = job, .comm = "ffmpeg",
			      .tgid = 7, .n = 1, .seq = i, .done = ~0ULL, .total = ~0ULL,
			      .start_ns = i * 30 * MS, .end_ns = (i + 1) * 30 * MS };

	r.st_ns[WT_CPU] = 20 * MS;
	r.st_ns[WT_SLEEP] = 10 * MS;
	return r;
}

static const struct cost_figure *figure(const struct judged *j, enum cost_kind kind, const char *name)
{
	const struct cost_figure *f;
	char text[128];
	unsigned n;

	f = cost_report__kind(&j->report, kind, &n);
	for (; n--; f++)
		if (!strcmp(cost_figure__name(f, text, sizeof(text)), name))
			return f;
	return NULL;
}

/* As the session does: what was waited for in words. */
static int detail(struct made *m, const struct unit_row *r, __u32 row, const struct ledger_line *line)
{
	char object[128];

	ledger__object_text(m->ledger, line->state, line->reason, object, sizeof(object));
	return costs__detail(m->costs, r, row, line, line->state == WT_CPU ? NULL : object);
}

/* Two jobs and three kinds; lines before and after their unit, one after the unit has been folded. */
static void test_kinds(void **state)
{
	static const __u32 ustack[] = { 3, 3, 2, 1 }, kstack[] = { 9 };
	struct made *m = *state;
	struct judged *j;
	unsigned n;

	for (__u32 i = 1; i <= 30; i++) {
		struct unit_row line = row_of(1, UNIT_LINE, "perf", i), exec = row_of(1, UNIT_EXEC, "", i),
				span = row_of(2, UNIT_SPAN, "work", i);
		struct ledger_line cpu = { .state = WT_CPU, .ustack = ustack, .n_ustack = 4, .kstack = kstack,
					   .n_kstack = i % 2, .count = 2 };
		struct ledger_line wait = { .state = WT_SLEEP, .ns = 10 * MS, .count = 1,
					    .reason = WT_K_SLEEP | 230 << 8 };

		line.done = i;
		line.total = 40;
		line.failed = i == 3;
		line.n = 2;
		assert_int_equal(costs__estimate(m->costs, &line, 5 * MS), 0);
		assert_int_equal(detail(m, &line, 3 * i, &cpu), 0);
		assert_int_equal(costs__unit(m->costs, &line, 3 * i), 0);
		assert_int_equal(detail(m, &line, 3 * i, &wait), 0);
		assert_int_equal(costs__unit(m->costs, &exec, 3 * i + 1), 0);
		assert_int_equal(costs__unit(m->costs, &span, 3 * i + 2), 0);
		assert_int_equal(detail(m, NULL, 3 * i, &wait), 0);
	}
	assert_int_equal(costs__dropped(m->costs), 30);
	assert_int_equal(costs__judge(m->costs, &j, &n), 0);
	assert_int_equal(n, 3);
	assert_string_equal(cost__job(j[0].report.cost), "job-1");
	assert_string_equal(cost__kind(j[0].report.cost), "line:perf");
	assert_string_equal(cost__kind(j[1].report.cost), "exec:ffmpeg");
	assert_string_equal(cost__job(j[2].report.cost), "job-2");
	assert_string_equal(cost__kind(j[2].report.cost), "span:work");
	assert_int_equal(j[0].report.t.units, 60);
	assert_int_equal(j[0].report.t.failed, 2);
	assert_int_equal(j[0].report.t.done, 30);
	assert_int_equal(j[0].report.t.total, 40);
	assert_int_equal(j[0].report.own.n, 30 - 3);
	assert_int_equal(j[0].report.t.waiting, 0);
	/* 20 ms of CPU in a row of two units, all of it below work, which is its own caller */
	assert_float_equal(figure(&j[0], COST_TOTAL, "work")->ns, 10 * MS, 1);
	assert_float_equal(figure(&j[0], COST_TOTAL, "_start")->ns, 10 * MS, 1);
	assert_float_equal(figure(&j[0], COST_SELF, "work")->ns, 5 * MS, 1);
	assert_float_equal(figure(&j[0], COST_SELF, "do_syscall_64_[k]")->ns, 5 * MS, 1);
	assert_float_equal(figure(&j[0], COST_WAIT, "sleep clock_nanosleep")->ns, 5 * MS, 1);
	assert_null(figure(&j[1], COST_TOTAL, "work"));
	judged__free(j, n);
}

/* Units called NAME[ID] are counted by name, too, with what they do; of too many names the rest is one. */
static void test_names(void **state)
{
	static const __u32 ustack[] = { 3, 2, 1 };
	struct ledger_line cpu = { .state = WT_CPU, .ustack = ustack, .n_ustack = 3, .count = 2 };
	struct made *m = *state;
	struct judged *j;
	char label[64];
	__u64 units = 0;
	unsigned n;

	for (__u32 i = 1; i <= 30; i++) {
		struct unit_row r = row_of(1, UNIT_LINE, "celery", i);
		struct unit_row many = row_of(2, UNIT_LINE, "celery", i), one = row_of(3, UNIT_LINE, "celery", i);

		snprintf(label, sizeof(label), i % 3 ? "sim.run[%u-4f]" : "sim.merge[%u-4f]", i);
		r.label = label;
		r.failed = i == 4;
		r.end_ns += i % 3 ? 0 : 60 * MS;
		assert_int_equal(detail(m, &r, 3 * i, &cpu), 0);
		assert_int_equal(costs__unit(m->costs, &r, 3 * i), 0);
		snprintf(label, sizeof(label), "t%u[1]", i);
		many.label = label;
		assert_int_equal(costs__unit(m->costs, &many, 3 * i + 1), 0);
		one.label = i % 2 ? "only[7]" : i % 4 ? "[12/340]" : "a b[c]";
		assert_int_equal(costs__unit(m->costs, &one, 3 * i + 2), 0);
	}
	assert_int_equal(costs__judge(m->costs, &j, &n), 0);
	assert_int_equal(n, 3);
	assert_int_equal(j[0].report.t.units, 30);
	assert_int_equal(j[0].n_parts, 2);
	/* most time first: 10 of 90 ms, 20 of 30 */
	assert_string_equal(cost__kind(j[0].parts[0].report.cost), "sim.merge");
	assert_int_equal(j[0].parts[0].report.t.units, 10);
	assert_float_equal(j[0].parts[0].report.mean_ns, 90 * MS, 1);
	assert_string_equal(cost__kind(j[0].parts[1].report.cost), "sim.run");
	assert_int_equal(j[0].parts[1].report.t.units, 20);
	assert_int_equal(j[0].parts[1].report.t.failed, 1);
	assert_float_equal(j[0].parts[1].report.mean_ns, 30 * MS, 1);
	assert_float_equal(figure(&j[0].parts[1], COST_TOTAL, "work")->ns, 20 * MS, 1);
	assert_int_equal(j[1].n_parts, COSTS_NAMES);
	for (unsigned i = 0; i < j[1].n_parts; i++)
		units += j[1].parts[i].report.t.units;
	assert_int_equal(units, 30);
	assert_string_equal(cost__kind(j[1].parts[0].report.cost), COSTS_OTHERS);
	assert_int_equal(j[1].parts[0].report.t.units, 30 - (COSTS_NAMES - 1));
	assert_int_equal(j[2].n_parts, 0);
	judged__free(j, n);
}

/* When all names are used up, a further kind's units are in none, and that is counted. */
static void test_too_many_names(void **state)
{
	struct made *m = *state;
	char label[64];
	unsigned kept = 0, n;
	struct judged *j;

	for (unsigned job = 1; job <= 14; job++)
		for (unsigned i = 1; i <= 12; i++) {
			struct unit_row r = row_of(job, UNIT_LINE, "celery", i);

			snprintf(label, sizeof(label), "t%u[1]", i);
			r.label = label;
			r.n = 2;
			assert_int_equal(costs__unit(m->costs, &r, 100 * job + i), 0);
		}
	assert_int_equal(costs__judge(m->costs, &j, &n), 0);
	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < j[i].n_parts; k++)
			kept += j[i].parts[k].report.t.units;
	/* a kind with one name only has no parts, but its units are not without a name */
	assert_int_equal(kept + costs__nameless(m->costs), 14 * 12 * 2);
	assert_true(costs__nameless(m->costs) > 0);
	judged__free(j, n);
}

/* What units asked of disks, each by itself, and by name; beyond so many disks the rest is one. */
static void test_disks(void **state)
{
	struct made *m = *state;
	struct unit_row a = row_of(1, UNIT_LINE, "celery", 1), b = row_of(1, UNIT_LINE, "celery", 2);
	struct unit_request x = { .what = OBJECT_READS, .dev = 8, .ns = 100, .bytes = 4096, .count = 2 };
	const struct cost_totals *t;
	struct judged *j;
	unsigned n;

	a.label = "sim.run[1]";
	b.label = "sim.merge[1]";
	assert_int_equal(costs__unit(m->costs, &a, 1), 0);
	assert_int_equal(costs__unit(m->costs, &b, 2), 0);
	assert_int_equal(costs__requests(m->costs, &a, &x), 0);
	x = (struct unit_request){ .what = OBJECT_WRITES, .dev = 9, .ns = 30, .bytes = 512, .count = 1 };
	assert_int_equal(costs__requests(m->costs, &b, &x), 0);
	x = (struct unit_request){ .what = OBJECT_REQUESTS, .dev = 8, .ns = 7, .count = 3 };
	assert_int_equal(costs__requests(m->costs, &b, &x), 0);
	for (__u32 i = 0; i < 20; i++) {
		x = (struct unit_request){ .what = OBJECT_READS, .dev = 100 + i, .ns = 1, .bytes = 1, .count = 1 };
		assert_int_equal(costs__requests(m->costs, &b, &x), 0);
	}
	assert_int_equal(costs__judge(m->costs, &j, &n), 0);
	t = &j[0].report.t;
	assert_int_equal(t->n_disks, COST_DISKS + 1);
	assert_int_equal(t->disks[0].dev, 8);
	assert_int_equal(t->disks[0].count[0], 2);
	assert_int_equal(t->disks[0].count[2], 3);
	assert_int_equal(t->disks[0].bytes[0], 4096);
	assert_int_equal(t->disks[0].ns, 107);
	assert_int_equal(t->disks[1].count[1], 1);
	assert_int_equal(t->disks[COST_DISKS].dev, OBJECT_NO_DISK);
	assert_int_equal(t->disks[COST_DISKS].count[0], 20 - (COST_DISKS - 2));
	assert_int_equal(j[0].n_parts, 2);
	for (unsigned k = 0; k < 2; k++) {
		t = &j[0].parts[k].report.t;
		assert_int_equal(t->disks[0].ns, strcmp(cost__kind(j[0].parts[k].report.cost), "sim.run") ? 30 : 100);
	}
	judged__free(j, n);
}

/* A wait for a CPU is booked to who had it: another job by its name, else the process. */
static void test_rivals(void **state)
{
	struct made *m = *state;
	struct wt_reason other = { .state = WT_RUNQ, .kind = WT_K_PREEMPT, .n = WT_RIVAL_OTHER_JOB,
				   .name = "python3" };
	struct wt_reason self = { .state = WT_RUNQ, .kind = WT_K_WAKEUP, .n = WT_RIVAL_SELF, .name = "sh" };
	const __u64 job[2] = { 9, 4 };
	struct unit_row r = row_of(1, UNIT_LINE, "perf", 1);
	struct ledger_line line = { .state = WT_RUNQ, .ns = 5 * MS, .count = 1 };
	struct judged *j;
	unsigned n;

	memcpy(other.addr, job, sizeof(job));
	assert_int_equal(ledger__put_reason(m->ledger, WT_REASON_INTERNED | 1, &other), 0);
	assert_int_equal(ledger__put_reason(m->ledger, WT_REASON_INTERNED | 2, &self), 0);
	assert_int_equal(costs__unit(m->costs, &r, 1), 0);
	for (unsigned i = 0; i < 3; i++) {
		line.reason = i ? WT_REASON_INTERNED | i : WT_K_WAKEUP;
		assert_int_equal(detail(m, &r, 1, &line), 0);
	}
	assert_int_equal(costs__judge(m->costs, &j, &n), 0);
	assert_float_equal(figure(j, COST_RIVAL, "job job-9")->ns, 5 * MS, 1);
	assert_float_equal(figure(j, COST_RIVAL, "sh (same process)")->ns, 5 * MS, 1);
	assert_float_equal(figure(j, COST_WAIT, "runq preempt: python3 (another job)")->ns, 5 * MS, 1);
	assert_float_equal(figure(j, COST_WAIT, "runq wakeup")->ns, 5 * MS, 1);
	judged__free(j, n);
}

/* A name that was lost at first and came with a later thread: what is read out bears it. */
static void test_job_named_late(void **state)
{
	struct unit_row r = row_of(5, UNIT_LINE, "perf", 1);
	struct made *m = *state;
	struct judged *j;
	unsigned n;

	jobs_named = "[group 0]";
	assert_int_equal(costs__unit(m->costs, &r, 1), 0);
	assert_int_equal(costs__judge(m->costs, &j, &n), 0);
	assert_string_equal(cost__job(j[0].report.cost), "[group 0]-5");
	judged__free(j, n);
	jobs_named = "job";
	assert_int_equal(costs__judge(m->costs, &j, &n), 0);
	assert_int_equal(n, 1);
	assert_string_equal(cost__job(j[0].report.cost), "job-5");
	judged__free(j, n);
}

/* More jobs than there is room for: every unit is somewhere. */
static void test_many_jobs(void **state)
{
	struct made *m = *state;
	__u64 units = 0, rest = 0;
	struct judged *j;
	unsigned n;

	for (__u32 i = 1; i <= 1000; i++) {
		struct unit_row r = row_of(i, UNIT_LINE, "perf", i);

		assert_int_equal(costs__unit(m->costs, &r, i), 0);
	}
	assert_int_equal(costs__judge(m->costs, &j, &n), 0);
	assert_int_equal(n, COSTS_MAX + 1);
	for (unsigned i = 0; i < n; i++) {
		units += j[i].report.t.units;
		rest += !strcmp(cost__job(j[i].report.cost), COSTS_REST) ? j[i].report.t.units : 0;
	}
	assert_int_equal(units, 1000);
	assert_int_equal(rest, 1000 - COSTS_MAX);
	judged__free(j, n);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_many_names, setup, teardown),
		cmocka_unit_test_setup_teardown(test_disks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rivals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_job_named_late, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_jobs, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
