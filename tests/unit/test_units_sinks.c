/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_units_sinks.c - what units cost, as JSON that parses and as text for a terminal. */
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

#include "sinks/unit_share.h"
#include "sinks/units_cost.h"

#define MS 1000000ULL

/* 100 units that take 10 ms and more; 40 ms of CPU by the end; a peer; counters. */
static struct cost *growing(const char *job, const char *kind, bool finish)
{
	static const char *const stack[] = { "<module> (job.py:9)", "match\talbums (job.py:88)" };
	__u64 now = 5000 * MS, began = now;
	struct cost *c;

	assert_int_equal(cost__new(&c, job, kind, NULL), 0);
	for (unsigned i = 1; i <= 100; i++) {
		struct cost_unit u = { .seq = i, .start_ns = now, .failed = i == 50 };

		u.st_ns[WT_CPU] = (4 + i * 40 / 100) * MS;
		u.st_ns[WT_NET] = (6 + i % 3) * MS;
		u.elapsed_ns = u.thread_ns = u.st_ns[WT_CPU] + u.st_ns[WT_NET];
		now += u.elapsed_ns;
		u.end_ns = now;
		assert_int_equal(cost__unit(c, &u), 0);
		assert_int_equal(cost__stack(c, i, stack, 2, u.st_ns[WT_CPU]), 0);
		assert_int_equal(cost__detail(c, i, COST_WAIT, WT_NET, "10.0.0.5:5432", u.st_ns[WT_NET]), 0);
		cost__estimate(c, 7, now, i, finish ? 100 : 150, (now - began) / i * ((finish ? 100 : 150) - i));
	}
	for (unsigned i = 0; i < 50001; i++)
		assert_int_equal(cost__detail(c, 1000, COST_WAIT, WT_NET, "lost:1", 5), 0);
	return c;
}

static struct cost *few(void)
{
	struct cost *c;
	struct cost_unit u = { .seq = 1, .start_ns = 5, .end_ns = 5 + MS, .elapsed_ns = MS };

	assert_int_equal(cost__new(&c, "b\xff\n\"", "process", NULL), 0);
	assert_int_equal(cost__unit(c, &u), 0);
	return c;
}

struct made {
	struct cost *c[4];
	struct judged *j;
};

static int setup(void **state)
{
	struct made *m = calloc(1, sizeof(*m));

	m->c[0] = growing("jenkins-a-1", "line", true);
	m->c[1] = few();
	m->c[2] = growing("jenkins-a-1", "span work", false);
	assert_int_equal(cost__new(&m->c[3], "", "line", NULL), 0);
	assert_int_equal(judged__new(&m->j, m->c, 4), 0);
	*state = m;
	return 0;
}

static int teardown(void **state)
{
	struct made *m = *state;

	judged__free(m->j, 4);
	for (unsigned i = 0; i < 4; i++)
		cost__free(m->c[i]);
	free(m);
	return 0;
}

static double number(const json_t *o, const char *path)
{
	char key[64];
	size_t len;

	for (; *path; path += len + (path[len] == '.')) {
		len = strcspn(path, ".");
		snprintf(key, sizeof(key), "%.*s", (int)len, path);
		o = json_object_get(o, key);
	}
	assert_true(json_is_number(o));
	return json_number_value(o);
}

static const char *string(const json_t *o, const char *a, const char *b)
{
	const char *s = json_string_value(json_object_get(b ? json_object_get(o, a) : o, b ? b : a));

	assert_non_null(s);
	return s;
}

static const char *server_of(void *ctx, const char *peer)
{
	assert_null(ctx);
	return strcmp(peer, "10.0.0.5:5432") ? NULL : "post\ngres";
}
static const struct unit_servers servers = { server_of, NULL };

static void test_json(void **state)
{
	struct made *m = *state;
	json_t *summary = json_pack("{s:[{s:s,s:i}]}", "jobs", "job", "jenkins-a-1", "threads", 3);
	json_t *jobs, *units, *f;
	char *dump;

	assert_int_equal(sink_units_json(m->j, 4, &servers, summary), 0);
	jobs = json_object_get(summary, "jobs");
	assert_int_equal(json_integer_value(json_object_get(json_array_get(jobs, 0), "threads")), 3);
	dump = json_dumps(jobs, 0);
	assert_non_null(dump);
	assert_null(strstr(dump, "nan"));
	free(dump);
	assert_int_equal(json_array_size(jobs), 3);
	assert_string_equal(string(json_array_get(jobs, 0), "job", NULL), "jenkins-a-1");
	units = json_object_get(json_array_get(jobs, 0), "units");
	assert_int_equal(json_array_size(units), 2);
	units = json_array_get(units, 0);
	assert_string_equal(string(units, "kind", NULL), "line");
	assert_true(number(units, "n") == 100 && number(units, "failed") == 1);
	assert_true(number(units, "backlog.done") == 100 && number(units, "backlog.total") == 100);
	assert_true(fabs(number(units, "service_s.mean") - (4 + 19.8 + 7) / 1000) < 1e-3);
	assert_true(number(units, "service_s.p50") <= number(units, "service_s.p95"));
	assert_true(number(units, "cpu_ns_per_unit") > 23 * MS);
	assert_true(number(units, "states_ns_per_unit.net") > 6 * MS);
	assert_string_equal(string(units, "trend", "way"), "up");
	assert_true(number(units, "trend.lo") <= number(units, "trend.pct_per_1000"));
	assert_string_equal(string(units, "verdict", "kind"), "degrading");
	assert_string_equal(string(units, "verdict", "subject"), "match albums (job.py:88)");
	assert_true(number(units, "own_estimate.error_pct") < -10);
	assert_true(number(units, "own_estimate.n") > 50);
	assert_true(number(units, "loss.orphan_details") == 1 && number(units, "loss.orphan_ns") == 5);
	assert_true(number(units, "loss.waiting_details") == 50000);
	f = json_array_get(json_object_get(units, "functions"), 0);
	assert_true(number(f, "n") == 100 && number(f, "ns_per_unit") > 23 * MS);
	assert_true(number(f, "growth.ns") > 30 * MS);
	f = json_array_get(json_object_get(units, "waits"), 0);
	assert_string_equal(string(f, "name", NULL), "net 10.0.0.5:5432");
	assert_string_equal(string(f, "server", NULL), "post gres");
	f = json_array_get(json_object_get(units, "functions"), 0);
	assert_null(json_object_get(f, "server"));
	/* one unit: no trend, no rate, no interval, but valid */
	units = json_array_get(json_object_get(json_array_get(jobs, 1), "units"), 0);
	assert_string_equal(string(units, "verdict", "kind"), "too_few");
	assert_true(json_is_null(json_object_get(units, "throughput_per_min")));
	assert_true(json_is_null(json_object_get(json_object_get(units, "trend"), "pct_per_1000")));
	json_decref(summary);
	/* nobody has named the jobs before */
	summary = json_object();
	assert_int_equal(sink_units_json(m->j, 4, &servers, summary), 0);
	assert_int_equal(json_array_size(json_object_get(summary, "jobs")), 3);
	json_decref(summary);
}

static void test_terminal(void **state)
{
	struct made *m = *state;
	char *text = NULL;
	size_t sz;
	FILE *f = open_memstream(&text, &sz);

	assert_int_equal(sink_units_terminal(m->j, 4, &servers, f, false), 0);
	fclose(f);
	assert_non_null(strstr(text, "\nUNITS\n"));
	assert_non_null(strstr(text, "jenkins-a-1, line\n"));
	assert_non_null(strstr(text, "degrading by "));
	assert_non_null(strstr(text, "1 of 100 failed"));
	assert_non_null(strstr(text, "net post gres 10.0.0.5:5432 "));
	assert_non_null(strstr(text, "100 of 150 done, about "));
	assert_non_null(strstr(text, "if the trend goes on"));
	assert_non_null(strstr(text, "too short (median of "));
	assert_non_null(strstr(text, "its own estimate says "));
	assert_non_null(strstr(text, "match albums (job.py:88)"));
	assert_null(strstr(text, "<module>"));	/* it only calls the others */
	assert_null(strstr(text, "nan"));
	assert_null(strchr(text, '\t'));
	assert_null(strchr(text, '\xff'));
	free(text);
	f = open_memstream(&text, &sz);
	assert_int_equal(sink_units_terminal(NULL, 0, NULL, f, true), 0);
	fclose(f);
	assert_int_equal(sz, 0);
	free(text);
}

/* The jobs that took longest come first; the others are counted. */
static void test_many(void **state)
{
	struct cost *c[20];
	struct judged *j;
	char *text = NULL, name[32];
	size_t sz;
	FILE *f = open_memstream(&text, &sz);

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		struct cost_unit u = { .seq = 1, .end_ns = i * MS + 1, .elapsed_ns = i * MS + 1 };

		snprintf(name, sizeof(name), "job%u", i);
		assert_int_equal(cost__new(&c[i], name, "line", NULL), 0);
		assert_int_equal(cost__unit(c[i], &u), 0);
	}
	assert_int_equal(judged__new(&j, c, 20), 0);
	assert_int_equal(sink_units_terminal(j, 20, NULL, f, false), 0);
	fclose(f);
	assert_non_null(strstr(text, "job12, line"));
	assert_null(strstr(text, "job11, line"));
	assert_true(strstr(text, "job19, line") < strstr(text, "job12, line"));
	assert_non_null(strstr(text, "and 12 more: see summary.json"));
	free(text);
	judged__free(j, 20);
	for (unsigned i = 0; i < 20; i++)
		cost__free(c[i]);
}

/* An idle thread's wait began in one unit and ended long after the last: shares are of what units did, all the same. */
static void test_idle_beyond_the_last(void **state)
{
	static const struct job job = { .name = "pool" };
	const struct job_total total = { .job = &job };
	const struct wait_row row = { .state = WT_NET, .reason = "10.0.0.5:5432" };
	struct recording r = { .n_judged = 1 };
	struct unit_share share;
	struct judged *j;
	char *text = NULL;
	struct cost *c;
	size_t sz;
	FILE *f = open_memstream(&text, &sz);

	(void)state;
	assert_int_equal(cost__new(&c, "pool", "line", NULL), 0);
	for (unsigned i = 0; i < 100; i++) {
		struct cost_unit u = { .seq = i + 1, .start_ns = (i + 1) * 10 * MS, .elapsed_ns = 10 * MS, .thread_ns = 20 * MS };

		u.end_ns = u.start_ns + u.elapsed_ns;
		u.st_ns[WT_CPU] = 6 * MS;
		u.st_ns[WT_NET] = 4 * MS;
		u.st_ns[WT_LOCK] = 10 * MS;
		assert_int_equal(cost__unit(c, &u), 0);
		assert_int_equal(cost__detail(c, i + 1, COST_WAIT, WT_NET, "10.0.0.5:5432", 4 * MS), 0);
	}
	assert_int_equal(cost__detail(c, 60, COST_WAIT, WT_LOCK, "futex", 100000 * MS), 0);
	assert_int_equal(judged__new(&j, &c, 1), 0);
	r.judged = j;
	assert_true(unit_share__of(&share, &r, &total, &row));
	assert_true(share.units > 50);
	assert_int_equal(share.ns, share.units * 4 * MS);
	assert_int_equal(share.of_ns, share.units * 10 * MS);
	assert_int_equal(sink_units_terminal(j, 1, NULL, f, false), 0);
	fclose(f);
	assert_non_null(strstr(text, "net 10.0.0.5:5432"));
	assert_non_null(strstr(strstr(text, "net 10.0.0.5:5432"), " 40.0 % "));
	free(text);
	judged__free(j, 1);
	cost__free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_json, setup, teardown),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_idle_beyond_the_last),
		cmocka_unit_test_setup_teardown(test_terminal, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
