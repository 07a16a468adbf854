/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_units_verdict.c - made-up jobs whose trouble is known, and what is said of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units/verdict.h"

#define MS 1e6

static unsigned long long rng = 88172645463325252ULL;

static double uniform(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return ((rng >> 11) + 0.5) / 9007199254740992.0;
}

/* What one unit of a job takes, in ms, by how far it is (0 … 1); noise is added. */
struct plan {
	unsigned units, per_line;
	double classify, match, match_more;	/* CPU */
	double net, net_more;
	double runq, runq_more;
	double from, to;			/* another job is there, if to > from */
	double net_beside, runq_beside;		/* what it adds */
	double contended;			/* waits for a CPU for each ns on one */
	double runq_noise;			/* 0 … 2 × this at random, alike for ten units */
	double match_jump;			/* what match takes longer from the middle on */
	double noise;				/* relative */
	double phi, drift;			/* AR(1) beside it, of CPU time and of waits, each its own */
	__u32 rival;				/* who has the CPU, enum wt_rival; 0: it is not known */
	bool native;				/* C, no Python frames */
	unsigned pool;				/* idle threads: they wait to be told something */
};

struct line {
	struct cost_unit u;
	double classify, match, net;
};

struct span {
	__u64 from, to;
};

static double gauss(void)
{
	return sqrt(-2 * log(uniform())) * cos(6.283185307179586 * uniform());
}

/* A factor around 1 that resembles the last one. */
static double resembling(const struct plan *p, unsigned i, double *last)
{
	double next;

	if (p->drift <= 0)
		return 1;
	next = p->drift * gauss();
	*last = i ? p->phi * *last + sqrt(1 - p->phi * p->phi) * next : next;
	return 1 + *last > 0.05 ? 1 + *last : 0.05;
}

static void one_unit(const struct plan *p, unsigned i, struct line *l)
{
	static double slow, cpu_ar, net_ar;
	double at = (double)i / p->units, k = 1 + p->noise * (2 * uniform() - 1);
	bool beside = at >= p->from && at < p->to;
	double runq = p->runq + p->runq_more * at + (beside ? p->runq_beside : 0);
	double match = p->match + p->match_more * at + (at >= 0.5 ? p->match_jump : 0), net;

	k *= resembling(p, i, &cpu_ar);
	net = (p->net + p->net_more * at + (beside ? p->net_beside : 0)) * resembling(p, i, &net_ar) *
	      (1 + p->noise * (2 * uniform() - 1)) * MS;
	if (p->runq_noise > 0 && i % 10 == 0)
		slow = 2 * p->runq_noise * pow(uniform(), 3);
	runq += p->runq_noise > 0 ? slow : 0;
	runq *= (1 + p->noise * (2 * uniform() - 1)) * MS;
	match *= k * MS;
	runq += p->contended * (p->classify * k * MS + match);
	l->classify += p->classify * k * MS;
	l->match += match;
	l->net += net;
	l->u.st_ns[WT_CPU] += p->classify * k * MS + match;
	l->u.st_ns[WT_NET] += net;
	l->u.st_ns[WT_RUNQ] += runq;
	l->u.elapsed_ns += p->classify * k * MS + match + net + runq;
	l->u.units++;
}

static void close_line(struct cost *c, const struct plan *p, struct line *l, __u64 *now)
{
	static const char *const python[] = { "python3", "<module> (job.py:200)", "main (job.py:150)",
					      "match_albums (job.py:88)", "list_contains" };
	static const char *const in_c[] = { "_start", "main", "loop", "match_albums", "entry_SYSCALL_64_[k]" };
	const char *const *match = p->native ? in_c : python;
	const char *classify[] = { match[0], match[1], match[2], p->native ? "classify" : "classify (job.py:60)" };

	l->u.st_ns[WT_LOCK] = p->pool * l->u.elapsed_ns;
	l->u.thread_ns = l->u.elapsed_ns + l->u.st_ns[WT_LOCK];
	l->u.start_ns = *now;
	*now += l->u.elapsed_ns;
	l->u.end_ns = *now;
	assert_int_equal(cost__unit(c, &l->u), 0);
	assert_int_equal(cost__stack(c, l->u.seq, classify, 4, l->classify), 0);
	assert_int_equal(cost__stack(c, l->u.seq, match, 5, l->match), 0);
	assert_int_equal(cost__detail(c, l->u.seq, COST_WAIT, WT_NET, "127.0.0.1:5432", l->net), 0);
	if (p->pool)
		assert_int_equal(cost__detail(c, l->u.seq, COST_WAIT, WT_LOCK, "futex", l->u.st_ns[WT_LOCK]), 0);
	if (p->rival)
		assert_int_equal(cost__detail(c, l->u.seq, COST_RIVAL, p->rival, "job-x",
					      l->u.st_ns[WT_RUNQ]), 0);
}

/* until 0: all its units; beside: when another job is there, by its plan. */
static struct cost *run(const char *job, const struct plan *p, __u64 now, __u64 until,
			struct span *beside)
{
	struct line l = { .u.seq = 1 };
	struct cost *c;

	assert_int_equal(cost__new(&c, job, "line", NULL), 0);
	beside->from = beside->to = now;
	for (unsigned i = 0; until ? now < until : i < p->units; i++) {
		one_unit(p, i, &l);
		if ((i + 1) % (p->per_line ? p->per_line : 1) && i + 1 < p->units)
			continue;
		close_line(c, p, &l, &now);
		beside->from = (double)(i + 1) / p->units <= p->from ? now : beside->from;
		beside->to = (double)(i + 1) / p->units <= p->to ? now : beside->to;
		l = (struct line){ .u.seq = l.u.seq + 1 };
	}
	return c;
}

/* other runs while p's plan says so; of whom the verdict is: 0 p, 1 other. */
static struct verdict judge_of(unsigned whom, const struct plan *p, const struct plan *other)
{
	struct span s, unused;
	struct cost *c[2] = { run("job-a", p, 1000, 0, &s), NULL };
	struct judged *j;
	struct verdict v;

	if (other)
		c[1] = run("job-b", other, s.from, s.to, &unused);
	assert_int_equal(judged__new(&j, c, other ? 2 : 1), 0);
	v = j[whom].verdict;
	assert_true(v.n_lines >= 1 && v.n_lines <= VERDICT_LINES);
	for (unsigned i = 0; i < v.n_lines; i++)
		print_message("  %s\n", v.line[i]);
	judged__free(j, other ? 2 : 1);
	cost__free(c[0]);
	cost__free(c[1]);
	return v;
}

static struct verdict judge(const struct plan *p, const struct plan *other)
{
	return judge_of(0, p, other);
}

static void test_steady(void **state)
{
	struct plan p = { .units = 600, .per_line = 15, .classify = 2, .match = 1, .net = 15, .noise = 0.3 };
	struct verdict v = judge(&p, NULL);

	(void)state;
	assert_int_equal(v.kind, VERDICT_STEADY);
	assert_int_equal(v.cause, CAUSE_NONE);
	assert_non_null(strstr(v.line[0], "600 units in 40 records"));
}

/* Not a word of a trend from five units, and none from a handful of lines. */
static void test_too_few(void **state)
{
	struct plan p = { .units = 5, .match = 1, .match_more = 50, .net = 1 };

	(void)state;
	assert_int_equal(judge(&p, NULL).kind, VERDICT_TOO_FEW);
	p = (struct plan){ .units = 400, .per_line = 50, .match = 1, .match_more = 50, .net = 1 };
	assert_int_equal(judge(&p, NULL).kind, VERDICT_TOO_FEW);
	/* who was in the way all the time needs no trend to be seen */
	p = (struct plan){ .units = 400, .per_line = 50, .match = 1, .net = 20, .to = 1 };
	assert_int_equal(judge(&p, &p).kind, VERDICT_INTERFERENCE);
	p = (struct plan){ .units = 20, .match = 1, .net = 20, .to = 1 };
	assert_int_equal(judge(&p, &p).kind, VERDICT_TOO_FEW);
}

static void test_function(void **state)
{
	struct plan p = { .units = 600, .per_line = 15, .classify = 2, .match = 1, .match_more = 40, .net = 15,
			  .noise = 0.3 };
	struct verdict v = judge(&p, NULL);

	(void)state;
	assert_int_equal(v.kind, VERDICT_DEGRADING);
	assert_int_equal(v.cause, CAUSE_FUNCTION);
	assert_string_equal(v.subject, "match_albums (job.py:88)");
	assert_true(v.share > 0.9);
	assert_non_null(strstr(v.line[0], "degrading by "));
	assert_non_null(strstr(v.line[0], "% per 1000 units ("));
	assert_non_null(strstr(v.line[0], "most of it in `list_contains`"));
	p.native = true;
	v = judge(&p, NULL);
	assert_int_equal(v.cause, CAUSE_FUNCTION);
	assert_string_equal(v.subject, "match_albums");
}

/* Threads that idle beside it wait longer when units take longer: no reason for anything. */
static void test_idle_pool(void **state)
{
	struct plan p = { .units = 600, .per_line = 15, .classify = 2, .match = 1, .match_more = 40, .net = 15,
			  .noise = 0.3, .pool = 8 };
	struct verdict v = judge(&p, NULL);

	(void)state;
	assert_int_equal(v.kind, VERDICT_DEGRADING);
	assert_int_equal(v.cause, CAUSE_FUNCTION);
	assert_string_equal(v.subject, "match_albums (job.py:88)");
	assert_true(v.share > 0.9);
	p = (struct plan){ .units = 300, .classify = 5, .net = 5, .net_more = 20, .noise = 0.3, .pool = 8 };
	v = judge(&p, NULL);
	assert_int_equal(v.cause, CAUSE_WAIT);
	assert_string_equal(v.subject, "net 127.0.0.1:5432");
}

static void test_wait(void **state)
{
	struct plan p = { .units = 300, .classify = 5, .net = 5, .net_more = 20, .noise = 0.3 };
	struct verdict v = judge(&p, NULL);

	(void)state;
	assert_int_equal(v.kind, VERDICT_DEGRADING);
	assert_int_equal(v.cause, CAUSE_WAIT);
	assert_int_equal(v.state, WT_NET);
	assert_string_equal(v.subject, "net 127.0.0.1:5432");
	assert_non_null(strstr(v.line[0], "waiting more on net 127.0.0.1:5432"));
}

static void test_two_causes(void **state)
{
	struct plan p = { .units = 600, .classify = 5, .match_more = 10, .net = 5, .net_more = 10,
			  .runq = 1, .runq_more = 9, .noise = 0.2 };
	struct verdict v = judge(&p, NULL);

	(void)state;
	assert_int_equal(v.kind, VERDICT_DEGRADING);
	assert_int_equal(v.cause, CAUSE_NONE);
	assert_non_null(strstr(v.line[0], "no single cause"));
	assert_non_null(strstr(v.line[1], "runq +"));
}

static void test_starved_more_and_more(void **state)
{
	struct plan p = { .units = 600, .classify = 5, .runq = 1, .runq_more = 10, .net = 1, .noise = 0.2 };
	struct verdict v = judge(&p, NULL);

	(void)state;
	assert_int_equal(v.kind, VERDICT_DEGRADING);
	assert_int_equal(v.cause, CAUSE_STARVED);
	assert_int_equal(v.state, WT_RUNQ);
	assert_non_null(strstr(v.line[0], "starved of CPU"));
}

/* B is there in the second half: one server for both.  A jump is not called a trend. */
static void test_shared_server(void **state)
{
	struct plan a = { .units = 400, .classify = 2, .net = 15, .net_beside = 14, .from = 0.5, .to = 1,
			  .noise = 0.3 };
	struct plan b = { .units = 200, .classify = 2, .net = 29, .noise = 0.3 };
	struct verdict v = judge(&a, &b);

	(void)state;
	assert_int_equal(v.kind, VERDICT_INTERFERENCE);
	assert_int_equal(v.cause, CAUSE_SHARED);
	assert_string_equal(v.job, "job-b");
	assert_string_equal(v.subject, "net 127.0.0.1:5432");
	assert_non_null(strstr(v.line[0], "interference: beside job job-b a unit takes"));
	assert_non_null(strstr(v.line[0], "which it waits for, too"));
	/* for B, A is there from the first to the last: nothing to compare, and that is said */
	v = judge_of(1, &a, &b);
	assert_int_equal(v.kind, VERDICT_INTERFERENCE);
	assert_int_equal(v.cause, CAUSE_SHARED);
	assert_string_equal(v.job, "job-a");
	assert_non_null(strstr(v.line[0], "possible"));
	assert_non_null(strstr(v.line[1], "too few units without it"));
}

static void test_shared_cpu(void **state)
{
	struct plan a = { .units = 400, .per_line = 10, .classify = 10, .runq = 10, .net = 1, .from = 0,
			  .to = 1, .noise = 0.3 };
	struct verdict v = judge(&a, &a);

	(void)state;
	assert_int_equal(v.kind, VERDICT_INTERFERENCE);
	assert_int_equal(v.cause, CAUSE_STARVED);
	assert_string_equal(v.job, "job-b");
	assert_non_null(strstr(v.line[0], "starved of CPU by other job job-b"));
	assert_non_null(strstr(v.line[1], "too few units without it"));
	/* it comes and goes */
	a = (struct plan){ .units = 600, .per_line = 10, .classify = 10, .runq = 0.5, .runq_beside = 9,
			   .from = 0.3, .to = 0.6, .noise = 0.3 };
	v = judge(&a, &a);
	assert_int_equal(v.kind, VERDICT_INTERFERENCE);
	assert_int_equal(v.cause, CAUSE_STARVED);
	assert_int_equal(v.state, WT_RUNQ);
	assert_non_null(strstr(v.line[0], "instead of"));
	/* it is alone: it waits for a CPU, but nobody is accused */
	a = (struct plan){ .units = 400, .classify = 10, .runq = 10, .net = 1, .noise = 0.3 };
	assert_int_equal(judge(&a, NULL).kind, VERDICT_STEADY);
}

/* Who had the CPU is known: that job is named, whether it has units or not; or nobody is. */
static void test_seen_rival(void **state)
{
	struct plan a = { .units = 400, .per_line = 10, .classify = 10, .runq = 10, .net = 1,
			  .noise = 0.3, .rival = WT_RIVAL_OTHER_JOB };
	struct verdict v = judge(&a, NULL);

	(void)state;
	assert_int_equal(v.kind, VERDICT_INTERFERENCE);
	assert_int_equal(v.cause, CAUSE_STARVED);
	assert_string_equal(v.job, "job-x");
	assert_non_null(strstr(v.line[0], "waiting for a CPU that it had"));
	/* its own threads: a companion is not accused */
	a.rival = WT_RIVAL_SELF;
	a.to = 1;
	assert_int_equal(judge(&a, &a).kind, VERDICT_STEADY);
	a = (struct plan){ .units = 600, .classify = 5, .runq = 1, .runq_more = 10, .noise = 0.2,
			   .rival = WT_RIVAL_OTHER_JOB };
	v = judge(&a, NULL);
	assert_int_equal(v.kind, VERDICT_DEGRADING);
	assert_non_null(strstr(v.line[0], "starved of CPU by other job job-x"));
	a.rival = WT_RIVAL_JOB;
	v = judge(&a, NULL);
	assert_non_null(strstr(v.line[0], "starved of CPU (job-x (same job) had it)"));
}

/* A machine so busy that nothing can be told of elapsed time: the program's own still grows. */
static void test_busy_machine(void **state)
{
	struct plan p = { .units = 600, .per_line = 10, .classify = 2, .match = 1, .match_more = 30, .net = 5,
			  .noise = 0.2, .runq_noise = 200 };
	struct verdict v = judge(&p, NULL);

	(void)state;
	assert_int_equal(v.kind, VERDICT_DEGRADING);
	assert_int_equal(v.cause, CAUSE_FUNCTION);
	assert_string_equal(v.subject, "match_albums (job.py:88)");
	assert_non_null(strstr(v.line[2], "without waiting for a CPU"));
}

/* Who needs ever more of CPUs that others want, too, waits for them ever longer: not starved. */
static void test_contended(void **state)
{
	struct plan p = { .units = 600, .per_line = 10, .classify = 5, .match_more = 20, .net = 5,
			  .noise = 0.2, .contended = 1.5 };
	struct verdict v = judge(&p, NULL);

	(void)state;
	assert_int_equal(v.kind, VERDICT_DEGRADING);
	assert_int_equal(v.cause, CAUSE_FUNCTION);
	assert_string_equal(v.subject, "match_albums (job.py:88)");
	assert_true(v.share > 0.9);
	/* the same growth, but others come, too */
	p.contended = 0.1;
	p.runq_more = 40;
	v = judge(&p, NULL);
	assert_int_equal(v.cause, CAUSE_STARVED);
}

/* It changed once and stayed: said where, and of what. */
static void test_jump(void **state)
{
	struct plan p = { .units = 600, .classify = 5, .match = 2, .match_jump = 20, .net = 8, .noise = 0.3 };
	struct verdict v = judge(&p, NULL);

	(void)state;
	assert_int_equal(v.kind, VERDICT_DEGRADING);
	assert_int_equal(v.cause, CAUSE_FUNCTION);
	assert_string_equal(v.subject, "match_albums (job.py:88)");
	assert_non_null(strstr(v.line[0], "slower since unit "));
}

/* Another job is there and does no harm: it is not accused. */
static void test_harmless(void **state)
{
	struct plan a = { .units = 400, .per_line = 10, .classify = 10, .net = 1, .from = 0.4, .to = 0.8,
			  .noise = 0.3 };

	(void)state;
	assert_int_equal(judge(&a, &a).kind, VERDICT_STEADY);
	a.from = 0;
	a.to = 1;
	assert_int_equal(judge(&a, &a).kind, VERDICT_STEADY);
}

/* Growth that is its own comes first; what the other job does is said as well. */
static void test_both(void **state)
{
	struct plan a = { .units = 800, .per_line = 16, .classify = 2, .match_more = 40, .net = 15,
			  .net_beside = 15, .from = 0.3, .to = 0.6, .noise = 0.2 };
	struct verdict v = judge(&a, &a);

	(void)state;
	assert_int_equal(v.kind, VERDICT_DEGRADING);
	assert_int_equal(v.cause, CAUSE_FUNCTION);
	assert_string_equal(v.subject, "match_albums (job.py:88)");
	assert_int_equal(v.n_lines, 3);
	assert_non_null(strstr(v.line[2], "interference: beside job job-b"));
}

static void test_improving(void **state)
{
	struct plan p = { .units = 600, .per_line = 10, .classify = 5, .net = 20, .net_more = -15, .noise = 0.2 };
	struct verdict v = judge(&p, NULL);

	(void)state;
	assert_int_equal(v.kind, VERDICT_IMPROVING);
	assert_non_null(strstr(v.line[0], "improving by "));
	assert_non_null(strstr(v.line[1], "net -"));
}

/* Of 100 steady jobs, half of them with a companion that comes and goes, few are accused. */
static void test_false_alarms(void **state)
{
	unsigned wrong = 0;

	(void)state;
	for (unsigned k = 0; k < 100; k++) {
		struct plan p = { .units = 600, .per_line = k % 3 ? 10 : 1, .classify = 5, .match = 2, .net = 8,
				  .runq = 0.5, .from = 0.2 + 0.2 * uniform(), .to = 0.6 + 0.3 * uniform(),
				  .noise = 0.6 };
		struct span s, unused;
		struct cost *c[2] = { run("job-a", &p, 1000, 0, &s), NULL };
		unsigned n = 1 + k % 2;
		struct judged *j;

		if (n > 1)
			c[1] = run("job-b", &p, s.from, s.to, &unused);
		assert_int_equal(judged__new(&j, c, n), 0);
		wrong += j[0].verdict.kind != VERDICT_STEADY;
		judged__free(j, n);
		cost__free(c[0]);
		cost__free(c[1]);
	}
	print_message("  %u of 100 steady jobs accused\n", wrong);
	assert_true(wrong <= 5);
}

/*
 * Steady jobs of which each unit resembles the last, computing and waiting apart: a verdict
 * of trend or jump has to allow for that, for each of the sums that it looks at.
 */
static void test_resembling(void **state)
{
	static const struct { double phi; unsigned units, per_line; } shapes[] = {
		{ 0.6, 600, 1 }, { 0.6, 600, 10 }, { 0.9, 960, 1 }, { 0.9, 960, 20 }, { 0.95, 2000, 1 },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(shapes) / sizeof(*shapes); i++) {
		unsigned wrong = 0;

		for (unsigned k = 0; k < 200; k++) {
			struct plan p = { .units = shapes[i].units, .per_line = shapes[i].per_line, .classify = 5,
					  .match = 2, .net = 8, .runq = 0.5, .noise = 0.2,
					  .phi = shapes[i].phi, .drift = 0.3 };
			struct span s;
			struct cost *c = run("job-a", &p, 1000, 0, &s);
			struct judged *j;

			assert_int_equal(judged__new(&j, &c, 1), 0);
			wrong += j[0].verdict.kind != VERDICT_STEADY;
			judged__free(j, 1);
			cost__free(c);
		}
		print_message("  AR(1) %.2f, %u units, %u a line: %u of 200 steady jobs accused\n", shapes[i].phi,
			      shapes[i].units, shapes[i].per_line, wrong);
		assert_true(wrong <= 10);
	}
	/* and one that doubles is not excused by it */
	{
		struct plan p = { .units = 960, .classify = 5, .match = 2, .match_more = 30, .net = 8, .noise = 0.2,
				  .phi = 0.6, .drift = 0.3 };

		assert_int_equal(judge(&p, NULL).kind, VERDICT_DEGRADING);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steady),
		cmocka_unit_test(test_too_few),
		cmocka_unit_test(test_function),
		cmocka_unit_test(test_idle_pool),
		cmocka_unit_test(test_wait),
		cmocka_unit_test(test_two_causes),
		cmocka_unit_test(test_starved_more_and_more),
		cmocka_unit_test(test_shared_server),
		cmocka_unit_test(test_shared_cpu),
		cmocka_unit_test(test_seen_rival),
		cmocka_unit_test(test_busy_machine),
		cmocka_unit_test(test_contended),
		cmocka_unit_test(test_jump),
		cmocka_unit_test(test_harmless),
		cmocka_unit_test(test_both),
		cmocka_unit_test(test_improving),
		cmocka_unit_test(test_false_alarms),
		cmocka_unit_test(test_resembling),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
