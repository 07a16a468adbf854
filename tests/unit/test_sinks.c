/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_sinks.c - what is written adds up to the ledger and parses where it should. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/jobs.h"
#include "ledger/hist.h"
#include "sinks/csv.h"
#include "sinks/human.h"
#include "sinks/recording.h"

#define THREADS 300

static const char *frame_name(void *ctx, __u32 frame)
{
	/* more frames than names: distinct stacks with one text must merge */
	static const char *const names[] = { "main", "work;er", "read\nline", "", "_start", "f(int)",
					     "operator new", "gr\xc3\xbc\xc3\x9f" };

	(void)ctx;
	return names[frame % 8];
}

static const char *kernel_name(void *ctx, __u32 frame)
{
	(void)ctx;
	(void)frame;
	return "do_syscall_64";
}

static bool is_root(void *ctx, __u32 frame)
{
	(void)ctx;
	return frame % 8 == 4;
}

static __u64 rnd_state = 1234567;

static __u64 rnd(__u64 below)
{
	rnd_state ^= rnd_state << 13;
	rnd_state ^= rnd_state >> 7;
	rnd_state ^= rnd_state << 17;
	return rnd_state % below;
}

static void put_random_thread(struct ledger *l, __u32 serial)
{
	struct wt_thread_rec rec = { .serial = serial, .task = serial, .tid = serial,
				     .tgid = serial / 4, .birth_ns = 1000, .end_ns = 1000,
				     .why = WT_REC_EXIT, .comm = "w,\"1\"", .pcomm = "p;q",
				     /* builds 1, 3 and 5, a group, and what has neither */
				     .job = serial % 5 < 3 ? serial % 5 * 2 + 1 : 0,
				     .cgroup = serial % 5 == 3 ? 7 : 0,
				     .flags = serial % 4 ? 0 : WT_F_LEADER };
	struct wt_detail_key k = { .thread = serial };

	for (unsigned s = 0; s < WT_STATES; s++) {
		struct wt_detail_val v = { .count = 1 + rnd(3) };

		rec.st_ns[s] = rnd(1 << rnd(24));
		rec.end_ns += rec.st_ns[s];
		if (s == WT_CPU) {
			rec.steal_ns = rec.st_ns[s] / 3;
			rec.irq_ns = rec.st_ns[s] / 4;
			rec.softirq_ns = rec.st_ns[s] / 5;
			rec.migrations = 1 + serial % 7;
		}
		v.ns = s == WT_CPU ? 0 : rnd(rec.st_ns[s] + 1);
		v.max_ns = v.ns;
		k.state = s;
		k.bucket = s == WT_CPU ? 0 : hist__bucket(v.ns);
		k.ustack = 1 + rnd(200);
		k.kstack = 201 + rnd(30);
		k.reason = s == WT_CPU ? WT_K_USER : 3 + rnd(WT_KINDS - 3);
		if (v.ns || s == WT_CPU)
			assert_int_equal(ledger__put_detail(l, &k, &v), 0);
	}
	assert_int_equal(ledger__put_thread(l, &rec), 0);
}

static void put_jobs(struct jobs *j)
{
	struct wt_ev_cgroup group = { .cgroup = 7, .levels = 2, .name = { "nginx.service", "system.slice" } };

	/* two of one name, and one whose identity was lost */
	for (__u64 id = 1; id <= 3; id += 2) {
		struct wt_ev_job e = { .job = id, .system = WT_JOB_JENKINS,
				       .have = 1 << WT_JOB_NAME | 1 << WT_JOB_BUILD | 1 << WT_JOB_NODE,
				       .value = { "a;\"b\"\nc", "12", "", "no\xff" "de" } };

		assert_int_equal(jobs__put_build(j, &e), 0);
	}
	assert_int_equal(jobs__put_cgroup(j, &group), 0);
}

static int setup(void **state)
{
	struct recording *r = calloc(1, sizeof(*r));
	const struct ledger_opts opts = { .max_exited = THREADS / 2 };
	static const struct recording_loss loss[] = { { "detail", "lines were lost", 3, false } };
	__u32 frames[40];

	if (!r || ledger__new(&r->ledger, &opts) || jobs__new(&r->jobs, NULL, NULL))
		return -1;
	put_jobs(r->jobs);
	for (__u64 id = 1; id <= 230; id++) {
		unsigned n = rnd(40);

		for (unsigned i = 0; i < n; i++)
			frames[i] = rnd(3000);
		ledger__put_stack(r->ledger, id, frames, n, id <= 200, rnd(WT_ENDS));
	}
	for (__u32 serial = 1; serial <= THREADS; serial++) {
		put_random_thread(r->ledger, serial);
		if (serial % 50 == 0)
			ledger__generation(r->ledger, 0);
	}
	r->frames = (struct ledger_frames){ NULL, frame_name, kernel_name, is_root };
	r->host = "host";
	r->version = "1";
	r->end_ns = 1;
	r->loss = loss;
	r->n_loss = 1;
	*state = r;
	return ledger__settle(r->ledger, &r->frames, &r->totals);
}

static int teardown(void **state)
{
	ledger__free(((struct recording *)*state)->ledger);
	jobs__free(((struct recording *)*state)->jobs);
	free(*state);
	return 0;
}

/* Every line is `frame;frame… integer`; returns the sum. */
static __u64 check_folded(char *text)
{
	__u64 sum = 0;
	char *save = NULL, *last = NULL;

	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *space = strrchr(line, ' '), *end;
		__u64 us;

		assert_non_null(space);
		us = strtoull(space + 1, &end, 10);
		assert_true(space[1] >= '1' && space[1] <= '9' && !*end);
		*space = 0;
		assert_true(line[0] && line[0] != ';');
		assert_null(strstr(line, ";;"));
		assert_int_not_equal(line[strlen(line) - 1], ';');
		assert_memory_equal(line, "p:q", 3);
		if (last)
			assert_string_not_equal(line, last);
		last = line;
		sum += us;
	}
	return sum;
}

static void test_folded_sums_to_the_ledger(void **state)
{
	struct recording *r = *state;
	const __u64 *st = r->totals.st_ns;
	const __u64 want[] = {
		[FOLDED_WALL] = r->totals.accounted_ns,
		[FOLDED_CPU] = st[WT_CPU],
		[FOLDED_OFFCPU] = r->totals.accounted_ns - st[WT_CPU] - st[WT_IDLE] - st[WT_STOPPED],
	};

	for (int which = FOLDED_WALL; which <= FOLDED_OFFCPU; which++) {
		char *text = NULL;
		size_t len;
		FILE *f = open_memstream(&text, &len);

		assert_int_equal(sink_folded(r, which, f), 0);
		fclose(f);
		assert_true(want[which] > 1000000);
		assert_int_equal(check_folded(text), want[which] / 1000);
		free(text);
	}
}

/* The fields of one CSV record, unquoted; returns their number. */
static unsigned csv_record(const char **in, char out[][128], unsigned max)
{
	const char *p = *in;
	unsigned n = 0;

	for (;;) {
		bool quoted = *p == '"';
		char *o = out[n++];

		assert_in_range(n, 1, max);
		for (p += quoted; *p; p++) {
			if (quoted && p[0] == '"' && p[1] != '"')
				break;
			if (!quoted && (*p == ',' || *p == '\n'))
				break;
			p += quoted && *p == '"';
			*o++ = *p;
		}
		*o = 0;
		p += quoted;
		if (*p == '\n')
			break;
		assert_int_equal(*p++, ',');
	}
	*in = p + 1;
	return n;
}

static char *csv_text(const struct recording *r, int (*sink)(const struct recording *, FILE *))
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_int_equal(sink(r, f), 0);
	fclose(f);
	return text;
}

static void test_threads_csv(void **state)
{
	struct recording *r = *state;
	char *text = csv_text(r, sink_threads_csv), fields[32][128];
	const char *p = text;
	__u64 sums[WT_STATES] = { 0 }, taken[4] = { 0 }, rows = 0;

	assert_int_equal(csv_record(&p, fields, 32), 11 + WT_STATES);
	assert_string_equal(fields[6 + WT_STATES], "job");
	assert_string_equal(fields[6], "cpu_ns");
	assert_string_equal(fields[6 + WT_OTHER], "other_ns");
	while (*p) {
		__u64 sum = 0;

		assert_int_equal(csv_record(&p, fields, 32), 11 + WT_STATES);
		assert_true(fields[6 + WT_STATES][0]);
		for (unsigned s = 0; s < WT_STATES; s++) {
			sum += strtoull(fields[6 + s], NULL, 10);
			sums[s] += strtoull(fields[6 + s], NULL, 10);
		}
		assert_int_equal(sum, strtoull(fields[5], NULL, 10));
		for (unsigned i = 0; i < 4; i++)
			taken[i] += strtoull(fields[7 + WT_STATES + i], NULL, 10);
		assert_memory_equal(fields[2], "w,\"1\"", 5);
		if (!strcmp(fields[1], "0"))
			assert_non_null(strstr(fields[2], " [folded "));
		rows++;
	}
	assert_memory_equal(sums, r->totals.st_ns, sizeof(sums));
	assert_memory_equal(taken, &r->totals.taken, sizeof(taken));
	assert_true(taken[0] && taken[1] && taken[2] && taken[3]);
	/* the folded ones are one row for each job */
	assert_int_equal(rows, THREADS - r->totals.folded_threads + 5);
	free(text);
}

/* Per job, states sum to thread_ns; over all jobs to the ledger, folded threads among them. */
static void test_jobs_csv(void **state)
{
	struct recording *r = *state;
	char *text = csv_text(r, sink_jobs_csv), fields[32][128];
	__u64 sums[WT_STATES] = { 0 }, taken[4] = { 0 }, threads = 0, leaders = 0, rows = 0;
	const char *p = text;

	assert_int_equal(csv_record(&p, fields, 32), 19 + WT_STATES);
	assert_string_equal(fields[0], "job");
	assert_string_equal(fields[14], "thread_ns");
	while (*p) {
		__u64 sum = 0;

		assert_int_equal(csv_record(&p, fields, 32), 19 + WT_STATES);
		for (unsigned s = 0; s < WT_STATES; s++) {
			sum += strtoull(fields[15 + s], NULL, 10);
			sums[s] += strtoull(fields[15 + s], NULL, 10);
		}
		assert_int_equal(sum, strtoull(fields[14], NULL, 10));
		for (unsigned i = 0; i < 4; i++)
			taken[i] += strtoull(fields[15 + WT_STATES + i], NULL, 10);
		leaders += strtoull(fields[9], NULL, 10);
		assert_int_equal(strtoull(fields[10], NULL, 10), THREADS / 5);
		threads += strtoull(fields[10], NULL, 10);
		if (!strcmp(fields[1], "jenkins")) {
			assert_memory_equal(fields[0], "a;\"b\" c#12", 10);
			assert_string_equal(fields[5], "no?de");
		}
		rows++;
	}
	assert_int_equal(rows, 5);
	assert_int_equal(threads, THREADS);
	assert_int_equal(leaders, THREADS / 4);
	assert_memory_equal(sums, r->totals.st_ns, sizeof(sums));
	assert_memory_equal(taken, &r->totals.taken, sizeof(taken));
	free(text);
}

static const char *odd_unit(void *ctx, const struct ledger_line *line)
{
	(void)ctx;
	return line->serial % 2 ? "asset;1" : NULL;
}

static void test_folded_prefixes(void **state)
{
	static const __u8 fold[] = { FOLD_JOB, FOLD_UNIT, FOLD_THREAD, FOLD_PID, FOLD_END };
	struct recording *r = *state;
	char *text = NULL, *save = NULL;
	unsigned jobs = 0, units = 0;
	__u64 sum = 0;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	memcpy(r->fold, fold, sizeof(fold));
	r->unit = odd_unit;
	assert_int_equal(sink_folded(r, FOLDED_WALL, f), 0);
	fclose(f);
	memset(r->fold, 0, sizeof(r->fold));
	r->unit = NULL;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *at = strchr(line, ';') + 1;

		/* a ';' in a name would be another frame */
		jobs += !strncmp(line, "a:\"b\" c#12", 10);
		if (!strncmp(at, "asset:1;", 8)) {
			units++;
			at += 8;
		}
		assert_memory_equal(at, "w,\"1\";", 6);
		assert_true(!strncmp(at + 6, "pid ", 4) || !strncmp(at + 6, "[ended processes]", 17));
		sum += strtoull(strrchr(line, ' '), NULL, 10);
	}
	assert_true(jobs && units);
	assert_true(sum * 1000 <= r->totals.accounted_ns && r->totals.accounted_ns - sum * 1000 < 1000);
	free(text);
}

static void test_waits_csv(void **state)
{
	struct recording *r = *state;
	char *text = csv_text(r, sink_waits_csv), fields[16][128];
	const char *p = text;
	__u64 sums[WT_STATES] = { 0 }, last = ~0ULL;

	assert_int_equal(csv_record(&p, fields, 16), 10);
	while (*p) {
		__u64 total, p50, p95, p99, max;

		assert_int_equal(csv_record(&p, fields, 16), 10);
		total = strtoull(fields[5], NULL, 10);
		p50 = strtoull(fields[6], NULL, 10);
		p95 = strtoull(fields[7], NULL, 10);
		p99 = strtoull(fields[8], NULL, 10);
		max = strtoull(fields[9], NULL, 10);
		assert_true(total <= last && total > 0);
		assert_true(p50 <= p95 && p95 <= p99 && p99 <= max && max <= total);
		assert_int_equal(!strcmp(fields[4], "0"), !strcmp(fields[1], "[unattributed]"));
		last = total;
		for (unsigned s = 1; s < WT_STATES; s++)
			if (!strcmp(fields[0], ledger__state_name(s)))
				sums[s] += total;
	}
	assert_memory_equal(sums + 1, r->totals.st_ns + 1, sizeof(sums) - sizeof(sums[0]));
	free(text);
}

static const char *const keys[] = {
	"schema", "tool", "host", "start_utc", "end_utc", "duration_ns", "target", "options", "exit",
	"ledger", "audit", "stacks", "loss", "self",
};

static void test_summary(void **state)
{
	char *text = csv_text(*state, sink_summary_json);
	json_error_t error;
	json_t *o = json_loads(text, JSON_REJECT_DUPLICATES, &error), *l, *states;
	json_int_t sum = 0;

	assert_non_null(o);
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		assert_non_null(json_object_get(o, keys[i]));
	l = json_object_get(o, "ledger");
	states = json_object_get(l, "states");
	assert_int_equal(json_object_size(states), WT_STATES);
	for (unsigned s = 0; s < WT_STATES; s++)
		sum += json_integer_value(json_object_get(json_object_get(states,
			ledger__state_name(s)), "ns"));
	assert_int_equal(sum, json_integer_value(json_object_get(l, "wall_ns")));
	assert_int_equal(json_integer_value(json_object_get(l, "residual_ns")), 0);
	assert_true(json_is_null(json_object_get(json_object_get(o, "exit"), "status")));
	assert_int_equal(json_integer_value(json_object_get(json_object_get(o, "loss"), "detail")), 3);
	json_decref(o);
	free(text);
}

static void test_terminal_is_narrow(void **state)
{
	struct recording *r = *state;
	char *text = NULL, *save = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	assert_int_equal(sink_terminal(r, f, false), 0);
	fclose(f);
	assert_null(strchr(text, '\033'));
	assert_non_null(strstr(text, "the ledger balances"));
	assert_non_null(strstr(text, "lost: 3 lines were lost"));
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (human_width(line) > 100)
			print_error("too wide: %s\n", line);
		assert_in_range(human_width(line), 1, 100);
	}
	free(text);
}

static void test_closed_output(void **state)
{
	FILE *f = fopen("/dev/full", "w");

	assert_non_null(f);
	assert_int_equal(sink_folded(*state, FOLDED_WALL, f) < 0, 1);
	assert_int_equal(sink_waits_csv(*state, f) < 0, 1);
	assert_int_equal(sink_threads_csv(*state, f) < 0, 1);
	assert_int_equal(sink_summary_json(*state, f) < 0, 1);
	assert_int_equal(sink_terminal(*state, f, true) < 0, 1);
	fclose(f);
}

static void test_quoting(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "plain", "plain" }, { "", "" }, { "a,b", "\"a,b\"" }, { "a\"b", "\"a\"\"b\"" },
		{ "a\nb", "\"a\nb\"" }, { "a\rb", "\"a\rb\"" }, { "a;b c", "a;b c" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char buf[64] = "";
		FILE *f = fmemopen(buf, sizeof(buf), "w");

		csv_field(f, cases[i].in);
		fclose(f);
		assert_string_equal(buf, cases[i].out);
	}
}

static void test_human_figures(void **state)
{
	static const struct {
		__u64 ns;
		const char *text;
	} times[] = {
		{ 0, "0 ns" }, { 999, "999 ns" }, { 1000, "1.00 µs" }, { 9994, "9.99 µs" },
		{ 9996, "10.0 µs" }, { 99949, "99.9 µs" }, { 99960, "100 µs" },
		{ 999499, "999 µs" }, { 999500, "1.00 ms" }, { 999499999, "999 ms" },
		{ 999500000, "1.00 s" }, { 119400000000ULL, "119 s" },
		{ 119500000000ULL, "2 m 00 s" }, { 3725000000000ULL, "62 m 05 s" },
		{ 7200000000000ULL, "2 h 00 m" },
	};
	char buf[32];

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		assert_string_equal(human_ns(buf, sizeof(buf), times[i].ns), times[i].text);
	assert_string_equal(human_share(buf, sizeof(buf), 1, 3), "33.3 %");
	assert_string_equal(human_share(buf, sizeof(buf), 1, 30000), "<0.1 %");
	assert_string_equal(human_share(buf, sizeof(buf), 0, 3), "0 %");
	assert_string_equal(human_share(buf, sizeof(buf), 0, 0), "-");
	assert_string_equal(human_count(buf, sizeof(buf), 9999), "9999");
	assert_string_equal(human_count(buf, sizeof(buf), 1234567), "1.23 M");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_folded_sums_to_the_ledger),
		cmocka_unit_test(test_threads_csv),
		cmocka_unit_test(test_jobs_csv),
		cmocka_unit_test(test_folded_prefixes),
		cmocka_unit_test(test_waits_csv),
		cmocka_unit_test(test_summary),
		cmocka_unit_test(test_terminal_is_narrow),
		cmocka_unit_test(test_closed_output),
		cmocka_unit_test(test_quoting),
		cmocka_unit_test(test_human_figures),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
