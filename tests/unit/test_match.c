// SPDX-License-Identifier: GPL-2.0-or-later
/* What lines say about units: the user's patterns, presets, and what auto makes of streams. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "units/match.h"
#include "util/clock.h"
#include "util/log.h"

static struct matcher *m;
static char got[65536];
static size_t got_len;
static __u64 lines;

/* "kind done/total label flags elapsed remaining @line\n", what is not there left out. */
static void on_match(void *ctx, __u64 key, const struct match *x)
{
	(void)ctx;
	(void)key;
	assert_null(x->line.bytes);
#define ADD(...) (got_len += snprintf(got + got_len, sizeof(got) - got_len, __VA_ARGS__))
	ADD("%s%s", x->credited ? "<" : "", matcher__kind(m, x->kind));
	if (x->has_done)
		ADD(" %llu", x->done);
	if (x->has_total)
		ADD("/%llu", x->total);
	if (x->counts_down)
		ADD(" down %llu", x->total);
	if (x->label)
		ADD(" '%.*s'", (int)x->label_len, x->label);
	ADD("%s%s%s%s%s%s", x->queued ? " queued" : "", x->begin ? " begin" : "", x->end ? " end" : "",
	    x->ok ? " ok" : "", x->failed ? " failed" : "", x->retry ? " retry" : "");
	if (x->elapsed_ns >= 0)
		ADD(" took %g", x->elapsed_ns / 1e9);
	if (x->remaining_ns >= 0)
		ADD(" left %g", x->remaining_ns / 1e9);
	ADD(" @%llu\n", x->line.at.ts_ns);
#undef ADD
}

static void clear(void)
{
	got_len = 0;
	got[0] = 0;
}

static void begin(const char *presets, const char *const *patterns, unsigned n)
{
	const struct match_opts o = { .lines = patterns, .n_lines = n, .presets = presets };

	matcher__free(m);
	clear();
	lines = 0;
	assert_int_equal(matcher__new(&m, &o), 0);
}

static unsigned say(__u64 key, const char *text)
{
	const struct text_line line = { .bytes = text, .len = strlen(text), .at = { .ts_ns = ++lines } };

	return matcher__line(m, key, &line, on_match, NULL);
}

static void expect(const char *want)
{
	assert_string_equal(got, want);
	clear();
}

/* matcher__new() with what it says caught in `got`. */
static int refused(const char *presets, const char *pattern)
{
	const struct match_opts o = { .lines = &pattern, .n_lines = !!pattern, .presets = presets };
	FILE *f = tmpfile();
	int saved = dup(STDERR_FILENO), err;
	ssize_t n;

	assert_non_null(f);
	matcher__free(m);
	m = NULL;
	dup2(fileno(f), STDERR_FILENO);
	err = matcher__new(&m, &o);
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = pread(fileno(f), got, sizeof(got) - 1, 0);
	got[n > 0 ? n : 0] = 0;
	fclose(f);
	return err;
}

static void test_patterns(void **state)
{
	static const char *const p[] = {
		"^START (?<begin>)(?<unit>\\S+)", "^(?:(?<ok>OK)|(?<failed>KO)) (?<unit>\\S+) (?<elapsed>\\S+)",
		"(?<done>[\\d.,]+);(?<total>\\d+);.*rest (?<remaining>.*)", "asset (?<unit>\\w+)",
		"(?J)(?:a(?<done>\\d+)|b(?<done>\\d+))",
	};

	(void)state;
	begin(NULL, p, 5);
	say(1, "START x.mp4 now");
	say(1, "OK x.mp4 1.5s");
	say(1, "KO y.mp4 00:02");
	say(1, "12.345;99999;3,5 rest 1h 5m");
	say(1, "asset a17");
	say(1, "b7");
	assert_int_equal(say(1, "nothing"), 0);
	expect("line 1 'x.mp4' begin @1\nline 2 'x.mp4' end ok took 1.5 @2\n"
	       "line 2 'y.mp4' end failed took 2 @3\nline 3 12345/99999 left 3900 @4\n"
	       "line 4 'a17' end @5\nline 5 7 @6\n");
	assert_int_equal(matcher__stats(m)->lines, 7);
	assert_int_equal(matcher__stats(m)->matches, 6);
}

/* What was cut off, or torn, makes no number of what is left. */
static void test_parts_of_lines(void **state)
{
	static const char *const p[] = { "(?<done>\\d+)/(?<total>\\d+)" };
	struct text_line line = { .bytes = "12/340", .len = 6 };

	(void)state;
	begin(NULL, p, 1);
	line.cut = true;
	matcher__line(m, 1, &line, on_match, NULL);
	line.cut = false;
	line.torn = true;
	matcher__line(m, 1, &line, on_match, NULL);
	line.bytes = "x12/340 ";
	line.len = 8;
	line.cut = true;
	matcher__line(m, 1, &line, on_match, NULL);
	expect("line 1 12 @0\nline 1 12/340 @0\n");
}

static void test_bad_patterns(void **state)
{
	static const char *const bad[][2] = {
		{ "(?<done>\\d+", "at its end: missing closing parenthesis" },
		{ "[z-a](?<unit>x)", "at character 4" },
		{ "", "the pattern is empty" },
		{ "\\d+/\\d+", "none of its groups" },
		{ "(?<total>\\d+)", "none of its groups" },
		{ "(?<dome>\\d+)", "no group \"dome\"" },
		{ "(?<queued>x)", "no group \"queued\"" },
		{ "(a+)+(?<done>x)", "\"(a+)+\" at character 1 repeats" },
		{ "x(?<unit>(\\w+\\s?)*)$", "\"(\\w+\\s?)*\" at character 10 repeats" },
		{ "(?<unit>(.*)*)", "exponential" },
		{ "(?<unit>(?:\\w|\\d)+)", "exponential" },
		{ "(?<unit>(?:[^\"\\\\]+|\\\\.)*)", "exponential" },
		{ "(?<unit>(?:(?:ab)+)+)", "exponential" },
		{ "(?<unit>a{1,50}){1,50}", "exponential" },
		{ "(?<unit>(?:\\d+[.,]?)+)", "exponential" },
		{ "(?i)(?<unit>(?:x(?:A|a)*)*)", "exponential" },
		{ "(?i)(?<unit>x)(a+)+", "exponential" },
		{ "(?<unit>(?x: ( \\w+ #comment )\n )+ ))", "exponential" },
		{ "(?<unit>([[:alpha:]]+\\s*)+)", "exponential" },
		{ "(?<unit>(?=(a+)+)b)", "exponential" },
	};
	static const char *const good[] = {
		"(?<unit>(?:\\w+,)+)", "(?<unit>(?:\\w+ +)*)", "(?<unit>(?:[^\"\\\\]|\\\\.)*)",
		"(?<unit>(?>a+)+)b", "(?<unit>(a++)+)", "(?<unit>(?:a+)++)b", "(?<unit>\\d{1,3}(?:,\\d{3})*)",
		"(?<unit>(?:[^,]*,){3})", "(?<unit>(?: \\w+)*)", "(?<unit>\\Q(a+)+\\E)", "(?<unit>[(a+)+])",
		"(?<unit>(?:/[^/]+)+)", "(?<unit>(?#(a+)x)", "(*UTF)(?<unit>\\x{e9}+)", "(?<unit>\\(a+\\)+)",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int err = refused(NULL, bad[i][0]);
		char *nl = strchr(got, '\n');

		if (err != WT_EUSAGE || !strstr(got, bad[i][1]) || !nl || nl[1] || m)
			fail_msg("\"%s\": %d, %s", bad[i][0], err, got);
	}
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (refused(NULL, good[i]) || got[0])
			fail_msg("\"%s\": %s", good[i], got);
}

static void test_bad_presets(void **state)
{
	static const char *const bad[] = { "foo", "auto,", "", ",celery", "Auto", "celery foo" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(refused(bad[i], NULL), WT_EUSAGE);
		assert_non_null(strstr(got, matcher__presets()));
	}
	/* each one that is named exists */
	for (const char *p = matcher__presets(); *p; p += strspn(p, ", ")) {
		char name[32] = "";
		size_t n = strcspn(p, ",");

		memcpy(name, p, n);
		assert_int_equal(refused(name, NULL), 0);
		p += n;
	}
	assert_int_equal(refused("auto,celery,auto,celery", NULL), 0);
}

/* A pattern that no check sees through: given up, counted, and quickly. */
static void test_limit(void **state)
{
	static const char *const p[] = { "(?<unit>(?:a|aa)+)$", "(*NO_JIT)(?<unit>(?:a|aa)+)$" };
	char big[TEXT_LINE_MAX + 1];
	__u64 start;

	(void)state;
	memset(big, 'a', TEXT_LINE_MAX - 1);
	strcpy(big + TEXT_LINE_MAX - 1, "b");
	begin(NULL, p, 2);
	start = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	for (int i = 0; i < 10; i++)
		assert_int_equal(say(1, big), 0);
	assert_int_equal(matcher__stats(m)->limit_hits, 20);
	begin(NULL, (const char *[]){ "(*UTF)(?<unit>\\w+)" }, 1);
	assert_int_equal(say(1, "a\xff"), 0);
	assert_int_equal(matcher__stats(m)->limit_hits, 1);
	assert_true(clock_ns(CLOCK_THREAD_CPUTIME_ID) - start < 2 * NSEC_PER_SEC);
}

/* Lines of 12, 13, … of 340: %d is the number, what follows "=>" what is expected. */
static const char *const counters[][2] = {
	{ "[PERF] %d/340 (28.2%%) Avg: 0.018 s. Elapsed: 1.0 s. Est. remaining: 6.1 s/7.1 s", "left 6.1" },
	{ "[PERF] %d/340 (28,2%%) Avg: 0,018 s. Elapsed: 1,0 min. Est. remaining: 6,5 min/7,1 min", "left 390" },
	{ "[PERF] %d/340 (28.2%%) Est. remaining: 1.5 h/7.1 h", "left 5400" },
	{ "processed %d of 340 (3%%)", "" },
	{ "Processed %d/340 files", "" },
	{ "%d of 340 done", "" },
	{ "%d out of 340 images", "" },
	{ "[%d/340] CC foo.o", "'CC foo.o'" },
	{ "[%d / 340] Linking x", "'Linking x'" },
	{ "(%d/340) photo.jpg", "'photo.jpg'" },
	{ "2026-11-27 22:14:01,123 INFO worker: finished item %d/340", "" },
	{ "11/27 22:14:01 INFO asset a-17 is item %d/340", "'a-17'" },
	{ "INFO:root:Asset %d/340: photo.jpg (0.12s)", "'photo.jpg' took 0.12" },
	{ "Nov 27 22:14:01 host batch[77]: progress=%d/340", "" },
	{ "ts=2026-11-27T22:14:01Z level=info msg=done done=%d total=340", "" },
	{ "Converted: %d Total: 340", "" },
	{ "count=%d;total=340;pct=3,5", "" },
	{ "Bild %d von 340 (3,5 %%), noch 14,2 s", "left 14.2" },
	{ "%d von insgesamt 340 Bildern", "" },
	{ "%d/340 (3,5 %%) - Rest 14,2 s", "left 14.2" },
	{ "Fortschritt: 28,2 %% (%d/340)", "" },
	{ " 45%%|####    | %d/340 [00:12<01:14,  3.8it/s]", "left 74" },
	{ "Processing: 45%%|\xe2\x96\x88\xe2\x96\x88\xe2\x96\x8c   | %d/340 [00:12<1:00:14,  3.8it/s]", "left 3614" },
	{ "[#####     ] %d/340", "" },
	{ "Working... \xe2\x94\x81\xe2\x94\x81\xe2\x94\x81\xe2\x94\x81 %d/340 0:00:14", "" },
	{ "%d/340 [=====>...] - ETA: 1m 12s - loss: 0.1", "left 72" },
	{ "|\xe2\x96\x88\xe2\x96\x88| \xe2\x96\x85 %d/340 [45%%] in 12s (3.8/s, eta: 14s)", "left 14" },
	{ "{\"event\":\"asset done\",\"id\":\"a1\",\"done\":%d,\"total\":340}", "'a1'" },
	{ "{\"ts\":\"2026-11-27T22:14:01Z\",\"msg\":\"processed\",\"asset\":\"I.jpg\",\"index\":%d,\"count\":340,\"seconds\":0.12}",
	  "'I.jpg' took 0.12" },
	{ "{\"level\":30,\"time\":1700000000000,\"msg\":\"unit\",\"n\":%d,\"of\":340}", "" },
	{ "{\"progress\":{\"current\":%d,\"total\":340},\"file\":\"a.jpg\",\"elapsed_ms\":120}", "'a.jpg' took 0.12" },
	{ "{\"completed_assets\": %d, \"asset_count\": 340, \"eta_s\": 12.5}", "left 12.5" },
	{ "{\"message\":\"finished %d/340\"}", "" },
	{ "{'done': %d, 'total': 340}", "" },
	{ "{\"log\":\"{\\\"done\\\":%d,\\\"total\\\":340}\\n\"}", "" },
	{ "{\"i\":%d,\"N\":340}", "" },
	{ "%d (3,5 %%) of 340", "" },
	{ "%d images out of 340", "" },
	{ "total 340, done %d", "" },
	{ "Total: 340 Processed: %d", "" },
	{ "Receiving objects:  45%% (%d/340), 1.2 MiB | 3 MiB/s", "" },
	{ "Progress: %d/340, 3.5%% complete, 12.5 items/s, ETA 00:00:26", "left 26" },
	{ "22:14:01.123 [main] INFO  c.x.Foo - Processed %d/340 items", "" },
	{ "I1127 22:14:01.123456   77 foo.cc:12] asset %d/340 ok", "" },
	{ "=== %d/340 ===", "" },
	{ "Item #%d of #340", "" },
	{ "asset %d (of 340)", "" },
	{ "Image 00%d/0340", "" },
	{ "see /data/1/2/3 and 2026/11/27: %d/340", "" },
	{ "{\"step\":%d,\"steps\":340}", "" },
	{ "{\"ts\":1764320012,\"lvl\":\"info\",\"photo\":%d,\"photos\":340,\"ms\":412}", "" },
	{ "{\"event\":\"progress\",\"value\":%d,\"max\":340}", "" },
	{ "{\"msg\":\"progress\",\"args\":[%d, 340]}", "" },
	{ "{\"time\":\"2026-11-28T15:04:05.123Z\",\"level\":\"INFO\",\"msg\":\"photo tagged\",\"n\":%d,\"of\":340}", "/340 @" },
	{ "{\"time\":\"2026-11-28T15:04:05Z\",\"asset\":\"a.jpg\",\"n\":%d,\"of\":340,\"duration\":\"9.5ms\"}", "'a.jpg' took 0.0095" },
	{ "2026-11-28T15:04:05Z\tINFO\trun.go:8\tprocessed\t{\"index\": %d, \"total\": 340, \"elapsed\": \"870\xc2\xb5s\"}", "took 0.00087" },
	{ "{\"index\":%d,\"total\":340,\"took\":\"1m2.5s\"}", "took 62.5" },
	{ "{\"index\":%d,\"total\":340,\"duration\":\"00:01:02.5\"}", "took 62.5" },
	{ "STEP %d OF 340", "" },
	{ "Progress: %d of approx. 340", "" },
	{ "at %d [of 340]", "" },
	{ "%d-of-340", "" },
	{ "PROGRESS %d 340", "" },
	{ "progress: %d, 340", "" },
	{ "job=tag asset=%d/340 ms=412", "" },
	{ "i=%d n=340", "" },
	{ "idx: %d, len: 340", "" },
	{ "INFO tagger: photo processed id=%d total=340", "" },
	{ "%d row(s) of 340", "" },
	{ "{\"asset\":%d,\"of\":340,\"ok\":true}", "" },
	{ "\xd0\x9e\xd0\xb1\xd1\x80\xd0\xb0\xd0\xb1 %d \xd0\xb8\xd0\xb7 340", "" },
	{ "\xe3\x80\x90%d/340\xe3\x80\x91", "" },
	{ "Processed: %d/340 | ok=11 failed=1 | ETA 00:03", "left 3" },
	{ "photo %d/340 failed: no such file", "failed" },
	{ "[%d/340] IMG_1.jpg ERROR: cannot read", "failed" },
	{ "\xe2\x9c\x97 %d/340", "failed" },
};

static void test_auto_counters(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
		unsigned n = 0;

		begin("auto", NULL, 0);
		for (int k = 12; k < 17; k++) {
			char line[256];

			snprintf(line, sizeof(line), counters[i][0], k);
			n += say(1, line);
			/* after three lines, with the two before */
			if (n != (k < 14 ? 0U : (unsigned)k - 11))
				fail_msg("\"%s\": %u at line %d: %s", line, n, k - 11, got);
		}
		for (int k = 12; k < 17; k++) {
			char want[64], *line, *end;

			snprintf(want, sizeof(want), " %d/340", k);
			line = strstr(got, want);
			if (!line)
				fail_msg("\"%s\": no%s in %s", counters[i][0], want, got);
			end = strchr(line, '\n');
			snprintf(want, sizeof(want), " @%d", k - 11);
			assert_memory_equal(end - strlen(want), want, strlen(want));
			*end = 0;
			if (!strstr(line, counters[i][1]))
				fail_msg("\"%s\": no %s in %s", counters[i][0], counters[i][1], line);
			*end = '\n';
		}
	}
}

/* Threads that each count for themselves go up and down together; one that goes up by itself is enough. */
static void test_auto_counters_of_threads(void **state)
{
	static const struct { unsigned thread; int done; } said[] = {
		{ 1, 1 }, { 1, 2 }, { 2, 1 }, { 3, 1 }, { 1, 3 }, { 2, 2 }, { 3, 2 }, { 1, 4 },
	};
	unsigned n = 0;

	(void)state;
	begin("auto", NULL, 0);
	for (unsigned i = 0; i < sizeof(said) / sizeof(*said); i++) {
		char text[64];
		struct text_line line = { .bytes = text, .at = { .ts_ns = ++lines, .serial = said[i].thread } };

		line.len = snprintf(text, sizeof(text), "photo %d/8 done", said[i].done);
		n += matcher__line(m, 1, &line, on_match, NULL);
		assert_true(i < 4 ? n == 0 : n > 0);
	}
	assert_non_null(strstr(got, " 3/8 "));
	assert_non_null(strstr(got, " 2/8 "));
	assert_non_null(strstr(got, " 4/8 "));
}

static void test_auto_thousands(void **state)
{
	static const char *const forms[] = {
		"76,%d/270,798 assets", "76.%d von 270.798 Dateien, 28,2 %%", "76'%d/270'798",
		"76 %d/270 798 photos", "76\xe2\x80\xaf%d / 270\xe2\x80\xaf" "798", "76_%d of 270_798",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		begin("auto", NULL, 0);
		for (int k = 255; k < 258; k++) {
			char line[128];

			snprintf(line, sizeof(line), forms[i], k);
			say(1, line);
		}
		assert_non_null(strstr(got, " 76255/270798 "));
		assert_non_null(strstr(got, " 76257/270798 "));
	}
}

/* Streams in which nothing counts; a line "" begins another. */
static const char *const prose[] = {
	"a 3/4 majority", "and 3/4 of it", "again 3/4", "",
	"2026/11/27 22:00:01 started", "2026/11/28 22:00:01 started", "2026/11/29 22:00:01 started", "",
	"27/11/2026 x", "28/11/2026 x", "29/11/2026 x", "",
	"01/12 22:00:01 x", "02/12 22:00:01 x", "03/12 22:00:01 x", "",
	"22:00:01 09/12 x", "22:00:01 10/12 x", "22:00:01 11/12 x", "",
	"report for 1/2026", "report for 2/2026", "report for 3/2026", "report for 4/2026", "",
	"link 10/100Mbit", "link 11/100Mbit", "link 12/100Mbit", "",
	"GET /1/340 200", "GET /2/340 200", "GET /3/340 200", "",
	"a/1/340", "a/2/340", "a/3/340", "", "v1.2/340", "v1.3/340", "v1.4/340", "",
	"mem 10/64", "mem 12/64", "mem 13/64", "", "memory used: 10/64", "memory used: 12/64", "memory used: 13/64", "",
	"got 1/100 MB", "got 2/100 MB", "got 3/100 MB", "", "1.5/12.0 MB", "2.5/12.0 MB", "3.5/12.0 MB", "",
	"retry 1/5", "retry 2/5", "retry 3/5", "", "12:01/13:00", "12:02/13:00", "12:03/13:00", "",
	"load 1/123", "load 5/124", "load 2/125", "", "x 7/9", "x 3/9", "x 8/9", "x 2/9", "x 5/9", "",
	"frame=  123 fps= 25 size= 1024kB time=00:00:05.12 bitrate=1638.4kbits/s speed=1.02x",
	"frame=  124 fps= 25 size= 1025kB time=00:00:05.13 bitrate=1638.4kbits/s speed=1.02x",
	"frame=  125 fps= 25 size= 1026kB time=00:00:05.14 bitrate=1638.4kbits/s speed=1.02x", "",
	"xx 12.3/45.6 MB 3.1 MB/s", "xx 13.3/45.6 MB 3.1 MB/s", "xx 14.3/45.6 MB 3.1 MB/s", "",
	"(xfr#12, to-chk=328/340)", "(xfr#13, to-chk=327/340)", "(xfr#14, to-chk=326/340)", "",
	"\"GET /a/1/2 HTTP/1.1\" 200 12", "\"GET /a/2/2 HTTP/1.1\" 200 13", "\"GET /a/3/2 HTTP/1.1\" 200 14", "",
	"big 1/340", "big 200/340", "big 339/340", "",
	"big 4/10", "big 9/10", "big 10/10", "", "x 3/10", "x 7/10", "x 10/10", "", "x 5/10", "x 10/10", "",
	"disk 10/64 99%", "disk 40/64 98%", "disk 64/64 97%", "", "a 1/2 12%", "a 2/2 13%", "",
	"9/5", "10/5", "11/5", "", "1/0", "2/0", "3/0", "",
	"Waiting for postgres (1/60)...", "Waiting for postgres (2/60)...", "Waiting for postgres (3/60)...", "",
	"retrying (1/5) ...", "retrying (2/5) ...", "retrying (3/5) ...", "",
	"queue depth 1/1000", "queue depth 2/1000", "queue depth 3/1000", "",
	"5 attempts left", "4 attempts left", "3 attempts left", "", "60 seconds left", "59 seconds left", "58 seconds left", "",
	"{\"req\":{\"id\":1,\"method\":\"GET\"},\"responseTime\":4,\"msg\":\"request completed\"}",
	"{\"req\":{\"id\":2,\"method\":\"GET\"},\"responseTime\":5,\"msg\":\"request completed\"}",
	"{\"req\":{\"id\":3,\"method\":\"GET\"},\"responseTime\":6,\"msg\":\"request completed\"}", "",
	"{\"method\":\"GET\",\"file\":\"1.jpg\",\"duration_ms\":4}", "{\"method\":\"GET\",\"file\":\"2.jpg\",\"duration_ms\":4}",
	"{\"method\":\"GET\",\"file\":\"3.jpg\",\"duration_ms\":4}", "",
	"\"GET /i/1.png\" 200 4ms", "\"GET /i/2.png\" 200 4ms", "\"GET /i/3.png\" 200 4ms", "",
	"method=GET path=\"/p/1.jpg\" service=12ms status=200", "method=GET path=\"/p/2.jpg\" service=12ms status=200",
	"method=GET path=\"/p/3.jpg\" service=12ms status=200", "",
	"Started GET \"/photos/1\" for 127.0.0.1", "Started GET \"/photos/2\" for 127.0.0.1",
	"Started GET \"/photos/3\" for 127.0.0.1", "",
	"duration: 1.2 ms  statement: SELECT * FROM photos WHERE photo=1",
	"duration: 1.2 ms  statement: SELECT * FROM photos WHERE photo=2",
	"duration: 1.2 ms  statement: SELECT * FROM photos WHERE photo=3", "",
	"user 1 logged in in 4 ms", "user 2 logged in in 4 ms", "user 3 logged in in 4 ms", "",
	"loaded plugin a-1 in 4 ms", "loaded plugin a-2 in 4 ms", "loaded plugin a-3 in 4 ms", "",
	"[1/4] worker ready", "[2/4] worker ready", "[3/4] worker ready", "[4/4] worker ready", "",
	"Started 1/4 workers", "Started 2/4 workers", "Started 3/4 workers", "",
	"1 of 3 updated replicas are available", "2 of 3 updated replicas are available", "3 of 3 updated replicas are available", "",
	"cache hits 10/12", "cache hits 11/12", "cache hits 12/12", "",
	"Rendered p/a1.html.erb (2 ms)", "Rendered p/a2.html.erb (2 ms)", "Rendered p/a3.html.erb (2 ms)", "",
	"Starting foo1.service...", "Starting foo2.service...", "Started foo1.service - Foo 1.", "Finished foo2.service - Foo 2.", "",
	"  Downloading a-5.2.6-py3-none-any.whl (405 kB)", "  Downloading b-5.2.6-py3-none-any.whl (5 kB)",
	"  Downloading c-5.2.6-py3-none-any.whl (4 kB)", "",
	"{\"path\":\"/p/1\",\"file\":\"1.jpg\",\"status\":200,\"ms\":4}", "{\"path\":\"/p/2\",\"file\":\"2.jpg\",\"status\":200,\"ms\":4}",
	"{\"path\":\"/p/3\",\"file\":\"3.jpg\",\"status\":200,\"ms\":4}", "",
	"{\"message\":\"GET /item/1 200 finished\",\"id\":\"r1\"}", "{\"message\":\"GET /item/2 200 finished\",\"id\":\"r2\"}",
	"{\"message\":\"GET /item/3 200 finished\",\"id\":\"r3\"}", "",
	"{\"msg\":\"login failed\",\"id\":1}", "{\"msg\":\"login ok\",\"id\":2}", "{\"msg\":\"login ok\",\"id\":3}", "",
	"msg=\"request done\" path=/a/1 id=r1 status=200", "msg=\"request done\" path=/a/2 id=r2 status=200",
	"msg=\"request done\" path=/a/3 id=r3 status=200", "",
	"duration: 1.2 ms  statement: UPDATE v SET status='done' WHERE id=1", "duration: 1.2 ms  statement: UPDATE v SET status='done' WHERE id=2",
	"duration: 1.2 ms  statement: UPDATE v SET status='done' WHERE id=3", "",
	"duration: 2 ms  execute q: select file from photo where name='a1.jpg'", "duration: 2 ms  execute q: select file from photo where name='a2.jpg'",
	"duration: 2 ms  execute q: select file from photo where name='a3.jpg'", "",
	"checkpoint complete: wrote 12 buffers (0.1%)", "vacuum done: 12 pages (100.00% of total)", "checkpoint complete: wrote 14 buffers (100.0%)", "",
	"[ERROR] /src/Foo.java:[12,34] no symbol", "[ERROR] /src/Foo.java:[13,34] no symbol", "[ERROR] /src/Foo.java:[14,34] no symbol", "",
	"cpu_pct=4", "cpu_pct=5", "cpu_pct=6", "", "{\"cpu_percent\":4}", "{\"cpu_percent\":5}", "{\"cpu_percent\":6}", "",
};

static void test_auto_prose(void **state)
{
	__u64 key = 1;

	(void)state;
	begin("auto", NULL, 0);
	for (size_t i = 0; i < sizeof(prose) / sizeof(prose[0]); i++) {
		if (!*prose[i])
			key++;
		else if (say(key, prose[i]))
			fail_msg("\"%s\": %s", prose[i], got);
	}
}

/* Few lines with large steps: where each says its share, or all are equal parts. */
static void test_auto_steps(void **state)
{
	(void)state;
	begin("auto", NULL, 0);
	say(1, "done 4 of 10");
	say(1, "done 8 of 10");
	expect("");
	say(1, "done 10 of 10");
	expect("<counter 4/10 @1\n<counter 8/10 @2\ncounter 10/10 @3\n");
	say(2, "5 of 12 (41,7 %)");
	say(2, "6 of 12 (50 %)");
	say(2, "12 of 12 (100 %)");
	expect("<counter 5/12 @4\n<counter 6/12 @5\ncounter 12/12 @6\n");
	for (int i = 1; i <= 3; i++) {
		char line[64];

		snprintf(line, sizeof(line), "<progress done='%d' total='40'/>", i);
		say(4, line);
		snprintf(line, sizeof(line), "item=%d count=40", i);
		say(5, line);
	}
	assert_non_null(strstr(got, "logging 3/40 @11"));
	assert_non_null(strstr(got, "logging 3/40 @12"));
	clear();
	say(3, "copied 1/2 (50%)");
	say(3, "copied 2/2 (100%)");
	expect("<counter 1/2 @13\ncounter 2/2 @14\n");
}

static void test_auto_series(void **state)
{
	(void)state;
	begin("auto", NULL, 0);
	/* the inner counter begins anew; the outer one, in the same lines, is not another */
	say(1, "Epoch 1/3, batch 1/4");
	say(1, "Epoch 1/3, batch 2/4");
	say(1, "Epoch 1/3, batch 3/4");
	say(1, "Epoch 1/3, batch 4/4");
	say(1, "Epoch 2/3, batch 1/4");
	say(1, "Epoch 2/3, batch 1/4");
	expect("<counter 1/4 @1\n<counter 2/4 @2\ncounter 3/4 @3\ncounter 4/4 @4\ncounter 1/4 @5\n"
	       "counter 1/4 @6\n");
	/* another stream knows nothing of it */
	assert_int_equal(say(2, "Epoch 2/3, batch 2/4"), 0);
	/* several threads: a number may come late */
	say(3, "2/90");
	say(3, "1/90");
	say(3, "2/90");
	say(3, "4/90");
	say(3, "3/90");
	say(3, "5/90");
	say(3, "6/90");
	say(3, "8/90");
	say(3, "7/90");
	assert_non_null(strstr(got, "counter 7/90 @16\n"));
	clear();
	/* the next phase has another total: three lines again, then all of them */
	say(3, "1/50");
	say(3, "2/50");
	expect("");
	say(3, "3/50");
	expect("<counter 1/50 @17\n<counter 2/50 @18\ncounter 3/50 @19\n");
	/* threads that overtake each other: each number once, and none left out; it is no name either */
	for (const char *s = "2413576"; *s; s++) {
		char line[64];

		snprintf(line, sizeof(line), "[worker-%d] asset %c/60 done in 0.4s", *s % 3, *s);
		assert_int_equal(say(6, line), s[1] ? 0 : 7);
	}
	assert_non_null(strstr(got, "<counter 1/60 took 0.4 @"));
	clear();
	/* a gauge comes back to what it was */
	for (const char *s = "243254253643"; *s; s++) {
		char line[64];

		snprintf(line, sizeof(line), "open %c/60", *s);
		assert_int_equal(say(7, line), 0);
	}
	/* it is over: the next of the same key begins from nothing */
	matcher__forget(m, 3);
	say(3, "4/50");
	say(3, "5/50");
	expect("");
	/* what jumps about was no counter after all */
	say(4, "1/900");
	say(4, "2/900");
	say(4, "3/900");
	say(4, "890/900");
	clear();
	for (int i = 0; i < 3; i++)
		assert_int_equal(say(4, "300/900"), 0);
	say(4, "301/900");
	expect("");
}

static unsigned say_of(__u64 key, const char *text)
{
	const struct text_line line = { .bytes = text, .len = strlen(text), .at = { .ts_ns = ++lines } };

	return matcher__line_of(m, key, 9, &line, on_match, NULL);
}

/* Workers that count together, to one place: three lines of them all; each with a counter of its own: three of one. */
static void test_pool(void **state)
{
	(void)state;
	begin("auto", NULL, 0);
	assert_int_equal(say_of(1, "asset 1/40 a1.jpg"), 0);
	assert_int_equal(say_of(2, "asset 2/40 a2.jpg"), 0);
	assert_int_equal(say_of(3, "asset 4/40 a4.jpg"), 3);
	assert_int_equal(say_of(4, "asset 3/40 a3.jpg"), 1);
	assert_int_equal(say_of(1, "asset 5/40 a5.jpg"), 1);
	expect("<counter 1/40 'a1.jpg' @1\n<counter 2/40 'a2.jpg' @2\ncounter 4/40 'a4.jpg' @3\ncounter 3/40 'a3.jpg' @4\n"
	       "counter 5/40 'a5.jpg' @5\n");
	begin("auto", NULL, 0);
	for (__u64 i = 1; i < 3; i++) {
		char line[32];

		snprintf(line, sizeof(line), "asset %llu/40", i);
		assert_int_equal(say_of(1, line), 0);
		assert_int_equal(say_of(2, line), 0);
	}
	assert_int_equal(say_of(1, "asset 3/40"), 5);
	assert_int_equal(say_of(2, "asset 3/40"), 1);
	/* far apart: nothing in common */
	begin("auto", NULL, 0);
	assert_int_equal(say_of(1, "part 1/400") + say_of(2, "part 100/400") + say_of(3, "part 200/400"), 0);
}

static void test_celery(void **state)
{
#define ID "4f1c2a3b-0000-4000-8000-000000000001"
#define P "[2026-11-27 22:14:01,123: INFO/ForkPoolWorker-1] "
	static const char want[] =
		"celery 'v.transcode[" ID "]' queued @1\ncelery 'v.transcode[" ID "]' begin @2\n"
		"celery 'v.transcode[" ID "]' end ok took 12.3 @3\ncelery 'v.transcode[" ID "]' end failed @4\n"
		"celery 'v.transcode[" ID "]' end retry @5\ncelery 'v.transcode[" ID "]' end @6\n"
		"celery 'v.transcode[" ID "]' end failed @7\ncelery 'v.transcode[" ID "]' queued @8\n";

	(void)state;
	for (int k = 0; k < 2; k++) {
		begin(k ? "celery" : "auto", NULL, 0);
		say(1, "[2026-11-27 22:14:01,123: INFO/MainProcess] Task v.transcode[" ID "] received");
		say(1, "[2026-11-27 22:14:01,123: DEBUG/MainProcess] Task accepted: v.transcode[" ID "] pid:7");
		say(1, P "Task v.transcode[" ID "] succeeded in 12.3s: {'done': 1, 'total': 2}");
		say(1, P "Task v.transcode[" ID "] raised unexpected: ValueError('1/2')");
		say(1, P "Task v.transcode[" ID "] retry: Retry in 3s: X()");
		say(1, P "Task v.transcode[" ID "] ignored");
		say(1, "[x: ERROR/MainProcess] Hard time limit (300s) exceeded for v.transcode[" ID "]");
		say(1, "[x: INFO/MainProcess] Received task: v.transcode[" ID "]  ");
		say(1, P "v.transcode[" ID "]: step 1/4");
		say(1, P "v.transcode[" ID "]: step 2/4");
		say(1, P "v.transcode[" ID "]: step 3/4");
		expect(want);
	}
#undef P
#undef ID
}

static void test_events(void **state)
{
	(void)state;
	begin("auto", NULL, 0);
	say(1, "tests/x.py::test_a PASSED                [ 12%]");
	say(1, "tests/x.py::test_b[1-a b] FAILED            [ 25%]");
	say(1, "tests/x.py::test_c SKIPPED (no net)      [ 37%]");
	say(1, "FAILED tests/x.py::test_b - AssertionError");
	say(1, "[gw0] [ 50%] PASSED tests/y.py::test_a");
	expect("pytest 'tests/x.py::test_a' end ok @1\npytest 'tests/x.py::test_b[1-a b]' end failed @2\n"
	       "pytest 'tests/x.py::test_c' end @3\npytest 'tests/y.py::test_a' end ok @5\n");
	begin("auto", NULL, 0);
	say(1, "[ 12%] Building CXX object a.cc.o");
	say(1, "[ 25%] Building CXX object b.cc.o");
	say(1, "[ 37%] Building CXX object c.cc.o");
	say(1, "[ 50%] Built target a");
	expect("<make 'CXX object a.cc.o' begin @1\n<make 'CXX object b.cc.o' begin @2\n"
	       "make 'CXX object c.cc.o' begin @3\nmake 'a' end @4\n");
	begin("auto", NULL, 0);
	say(1, "{\"event\": \"asset_started\", \"asset_id\": 17}");
	say(1, "{\"event\": \"asset_done\", \"asset_id\": 17, \"ok\": true, \"duration_ms\": 120}");
	say(1, "{\"event\": \"assetStarted\", \"asset_id\": 18}");
	say(1, "{\"event\": \"assetFailed\", \"asset_id\": 18}");
	expect("<json '17' begin @1\n<json '17' end ok took 0.12 @2\njson '18' begin @3\n"
	       "json '18' end failed @4\n");
	begin("auto", NULL, 0);
	say(1, "asset IMG_1.jpg done in 0.12 s");
	say(1, "asset IMG_2.jpg failed: no such file");
	say(1, "asset IMG_3.jpg done in 0.5 s");
	expect("<finished 'IMG_1.jpg' end took 0.12 @1\n<finished 'IMG_2.jpg' end failed @2\n"
	       "finished 'IMG_3.jpg' end took 0.5 @3\n");
	begin("auto", NULL, 0);
	say(1, "event=asset_done id=17 t=0.1");
	say(1, "event=asset_started id=18 t=0.1");
	say(1, "event=asset_failed id=18 t=0.1");
	expect("<finished '17' end @1\n<finished '18' begin @2\nfinished '18' end failed @3\n");
	begin("auto", NULL, 0);
	for (int i = 1; i < 5; i++) {
		char line[64];

		snprintf(line, sizeof(line), "Downloading %d%% [####    ]", 10 * i);
		say(1, line);
		snprintf(line, sizeof(line), "Downloading %dMB, saved %d.5kB/s", i, i);
		say(2, line);
		snprintf(line, sizeof(line), "finished work on img-%d", i);
		say(3, line);
	}
	assert_non_null(strstr(got, "<percent 10/100 @1\n"));
	assert_non_null(strstr(got, "<finished 'img-1' end @3\n"));
	assert_null(strstr(got, "@2\n"));
	begin("auto", NULL, 0);
	say(1, "a.jpg ... OK");
	say(1, "b.jpg: FAILED");
	say(1, "\xe2\x9c\x93 c.jpg");
	expect("<finished 'a.jpg' end ok @1\n<finished 'b.jpg' end failed @2\nfinished 'c.jpg' end ok @3\n");
	begin("auto", NULL, 0);
	say(1, "processed 1000 images");
	say(1, "processed 2000 images");
	say(1, "processed 3000 images");
	/* better evidence takes the stream over */
	say(1, "[1/340] a");
	say(1, "[2/340] b");
	say(1, "[3/340] c");
	say(1, "processed 4000 images");
	expect("<processed 1000 @1\n<processed 2000 @2\nprocessed 3000 @3\n<bracket 1/340 'a' @4\n"
	       "<bracket 2/340 'b' @5\nbracket 3/340 'c' @6\n");
	begin("auto", NULL, 0);
	say(1, "ok 1 - a");
	say(1, "not ok 2 - b");
	say(1, "ok 3 - c");
	say(1, "test x::y ... ok");
	expect("<tests 'a' end ok @1\n<tests 'b' end failed @2\ntests 'c' end ok @3\n");
	begin("auto", NULL, 0);
	say(1, "Downloading:  10% |###       |");
	say(1, "Downloading:  20,5% |######    |");
	say(1, "Downloading:  30% |#########  |");
	expect("<percent 10/100 @1\n<percent 20/100 @2\npercent 30/100 @3\n");
}

/* What is left says as much as what is done. */
static void test_left(void **state)
{
	static const char *const p[] = {
		"to-chk=(?<left>\\d+)/(?<total>\\d+)", "(?<done>\\d+) in, (?<left>\\d+) out", "(?<left>[\\d,]+) left",
	};

	(void)state;
	begin(NULL, p, 3);
	say(1, "(xfr#12, to-chk=328/340)");
	say(1, "(xfr#12, to-chk=341/340)");
	say(1, "12 in, 328 out");
	say(1, "1,328 items, 1,327 left");
	expect("line 1 12/340 @1\nline 2 12/340 @3\nline 3 down 1327 @4\n");
	begin("auto", NULL, 0);
	say(1, "{\"level\":\"info\",\"processed\":1,\"remaining\":23}");
	say(1, "{\"level\":\"info\",\"processed\":2,\"remaining\":22}");
	say(1, "{\"level\":\"info\",\"processed\":3,\"remaining\":21}");
	expect("<json 1/24 @1\n<json 2/24 @2\njson 3/24 @3\n");
	/* seconds that remain are no units */
	say(2, "{\"processed\":1,\"remaining\":23}");
	say(2, "{\"processed\":2,\"remaining\":20}");
	say(2, "{\"processed\":3,\"remaining\":18}");
	expect("");
}

/* Shapes of programs that are met: the first three lines are enough. */
static void test_shapes(void **state)
{
	static const char *const t[][5] = {
		{ "[Stage 3:====>      (4 + 2) / 24]", "[Stage 3:=====>     (5 + 2) / 24]", "[Stage 3:======>    (6 + 2) / 24]",
		  "<percent 4/24 @1\n<percent 5/24 @2\npercent 6/24 @3\n" },
		{ "step 4 - 24", "step 5 - 24", "step 6 - 24", "<counter 4/24 @1\n<counter 5/24 @2\ncounter 6/24 @3\n" },
		{ "12%", "25 %", "37,5 %", "<percent 12/100 @1\n<percent 25/100 @2\npercent 37/100 @3\n" },
		{ "Reading database ... 4%", "Reading database ... 8%", "Reading database ... 12%",
		  "<percent 4/100 @1\n<percent 8/100 @2\npercent 12/100 @3\n" },
		{ "  Applying app.0001_initial... OK", "  Applying app.0002_photo... OK", "  Applying app.0003_tag... FAILED",
		  "<finished 'app.0001_initial' end ok @1\n<finished 'app.0002_photo' end ok @2\n"
		  "finished 'app.0003_tag' end failed @3\n" },
		{ "Unpacking libfoo1:amd64 (1.2.3-1) ...", "Unpacking libfoo2:amd64 (1.2-1) ...",
		  "Setting up libfoo1:amd64 (1.2.3-1) ...",
		  "<finished 'libfoo1:amd64' begin @1\n<finished 'libfoo2:amd64' begin @2\nfinished 'libfoo1:amd64' begin @3\n" },
		/* bytes are no units, but a share of them is a share */
		{ "get:  4%|###    | 0.20M/4.80M [00:01<00:22, 2.1MB/s]", "get:  8%|###    | 0.40M/4.80M [00:01<00:22, 2.1MB/s]",
		  "get: 12%|###    | 0.60M/4.80M [00:01<00:22, 2.1MB/s]",
		  "<percent 4/100 left 22 @1\n<percent 8/100 left 22 @2\npercent 12/100 left 22 @3\n" },
		/* rsync, scp, wget: of a transfer the share */
		{ "     120,000  12%   10.00MB/s    0:00:10 (xfr#4, to-chk=336/340)",
		  "     240,000  24%   10.00MB/s    0:00:08 (xfr#8, to-chk=332/340)",
		  "     360,000  36%   10.00MB/s    0:00:06 (xfr#9, to-chk=331/340)",
		  "<percent 12/100 @1\n<percent 24/100 @2\npercent 36/100 @3\n" },
		{ "{\"progress\": 0.035}", "{\"progress\": 0.35}", "{\"progress\": 0.5}",
		  "<json 3/100 @1\n<json 35/100 @2\njson 50/100 @3\n" },
		{ "{\"pct\": \"3,5\"}", "{\"pct\": \"4,5 %\"}", "{\"pct\": 5}",
		  "<json 3/100 @1\n<json 4/100 @2\njson 5/100 @3\n" },
		{ "x progress=0,04", "x progress=0,1", "x progress=0,15",
		  "<logging 4/100 @1\n<logging 10/100 @2\nlogging 15/100 @3\n" },
		{ "[ 11%] IMG_1.jpg", "[ 12%] IMG_2.jpg", "[ 13%] IMG_3.jpg",
		  "<percent 11/100 'IMG_1.jpg' @1\n<percent 12/100 'IMG_2.jpg' @2\npercent 13/100 'IMG_3.jpg' @3\n" },
		{ "3 ok, 0 failed, 21 left", "4 ok, 0 failed, 20 left", "5 ok, 0 failed, 19 left",
		  "<logging 3/24 @1\n<logging 4/24 @2\nlogging 5/24 @3\n" },
		{ "photos left: 328", "photos left: 327", "photos left: 325",
		  "<logging down 328 @1\n<logging down 327 @2\nlogging down 325 @3\n" },
		{ "12 assets in 5.0 s (2.4/s)", "13 assets in 5.4 s (2.4/s)", "15 assets in 5.9 s (2.4/s)",
		  "<processed 12 @1\n<processed 13 @2\nprocessed 15 @3\n" },
		{ "11 of 12 left", "10 of 12 left", "9/12 remaining",
		  "<logging 1/12 @1\n<logging 2/12 @2\nlogging 3/12 @3\n" },
		{ "12 remaining", "11 remaining", "10 remaining",
		  "<logging down 12 @1\n<logging down 11 @2\nlogging down 10 @3\n" },
		{ "INFO tag:77 Processed 1 assets", "INFO tag:77 Processed 2 assets", "INFO tag:77 Processed 3 assets",
		  "<processed 1 @1\n<processed 2 @2\nprocessed 3 @3\n" },
		{ "1. IMG_7.jpg", "2. IMG_8.jpg", "3. IMG_9.jpg",
		  "<counter 1 'IMG_7.jpg' @1\n<counter 2 'IMG_8.jpg' @2\ncounter 3 'IMG_9.jpg' @3\n" },
		{ "photos_processed=12", "photos_processed=13", "photos_processed=14",
		  "<processed 12 @1\n<processed 13 @2\nprocessed 14 @3\n" },
		/* a name and a time: it was at work on that so long */
		{ "{\"asset\":\"a1.jpg\",\"t\":0.41}", "{\"asset\":\"a2.jpg\",\"duration_ms\":410}", "{\"asset\":\"a3.jpg\",\"secs\":0.4}",
		  "<json 'a1.jpg' end @1\n<json 'a2.jpg' end took 0.41 @2\njson 'a3.jpg' end took 0.4 @3\n" },
		{ "IMG_1.jpg -> IMG_1.webp (0,41 s)", "IMG_2.jpg: 0.5 s", "9:00 IMG_3.jpg 410 ms",
		  "<finished 'IMG_1.jpg' end took 0.41 @1\n<finished 'IMG_2.jpg' end took 0.5 @2\nfinished 'IMG_3.jpg' end took 0.41 @3\n" },
		{ "asset 00017: 0.41 s", "asset-00018 (0,5 s)", "x asset=00019 ms=410",
		  "<finished '00017' end took 0.41 @1\n<finished '00018' end took 0.5 @2\nfinished '00019' end took 0.41 @3\n" },
		{ "INFO t: tagged photo=a1.jpg x=2", "INFO t: tagged photo=a2.jpg x=2", "INFO t: tagged photo=a3.jpg x=2",
		  "<finished 'a1.jpg' end @1\n<finished 'a2.jpg' end @2\nfinished 'a3.jpg' end @3\n" },
		{ "asset_id=7 step=done d=1", "asset_id=8 step=failed d=1", "asset_id=9 step=done d=1",
		  "<finished '7' end @1\n<finished '8' end failed @2\nfinished '9' end @3\n" },
		{ "START asset=7", "END asset=7 rc=0", "START asset=8",
		  "<finished '7' begin @1\n<finished '7' end @2\nfinished '8' begin @3\n" },
		{ "Rotating IMG_1.jpg", "Rotating IMG_2.jpg...", "[9:00] IMG_3.jpg tagged",
		  "" },
		{ "Rotating IMG_1.jpg", "Rotating IMG_2.jpg...", "Rotating IMG_3.jpg",
		  "<finished 'IMG_1.jpg' begin @1\n<finished 'IMG_2.jpg' begin @2\nfinished 'IMG_3.jpg' begin @3\n" },
		{ "photo 7 ...", "photo 8 ...", "photo 9 ...", "<counter 7 @1\n<counter 8 @2\ncounter 9 @3\n" },
		{ "Epoch 7: loss=0.3", "Epoch 8: loss=0.3", "Epoch 9: loss=0.3", "<counter 7 @1\n<counter 8 @2\ncounter 9 @3\n" },
		{ "Starting transcode of video 7", "Failed transcode of video 7 after 1.2s: no file", "Starting transcode of video 8",
		  "<finished '7' begin @1\n<finished '7' end failed took 1.2 @2\nfinished '8' begin @3\n" },
		{ "START job 7", "END job 7 (0.9s) FAILED", "START job 8",
		  "<finished '7' begin @1\n<finished '7' end failed @2\nfinished '8' begin @3\n" },
		{ "9:00 asset 7: 0.41 s", "9:01 asset 8: 0.40 s rc=1", "9:02 asset 9: 0.41 s rc=0",
		  "<finished '7' end took 0.41 @1\n<finished '8' end failed took 0.4 @2\nfinished '9' end took 0.41 @3\n" },
		{ "pid=1 class=J jid=a1 INFO: start", "pid=1 class=J jid=a1 elapsed=0.4 INFO: fail", "pid=1 class=J jid=a2 INFO: start",
		  "<finished 'a1' begin @1\n<finished 'a1' end failed took 0.4 @2\nfinished 'a2' begin @3\n" },
		{ "10:00:00 default: app.tag('a') (4f1c2a3b-0000-4000-8000-000000000001)",
		  "10:00:01 default: Job OK (4f1c2a3b-0000-4000-8000-000000000001)",
		  "10:00:02 default: app.tag('b') (4f1c2a3b-0000-4000-8000-000000000002)",
		  "<finished '4f1c2a3b-0000-4000-8000-000000000001' begin @1\n<finished '4f1c2a3b-0000-4000-8000-000000000001' end ok @2\n"
		  "finished '4f1c2a3b-0000-4000-8000-000000000002' begin @3\n" },
		{ "9:00:  0.12s \xe2\x86\x92 a1:tag('I.jpg')", "9:01:  0.41s \xe2\x86\x90 a1:tag \xe2\x97\x8f ", "9:01:  0.12s \xe2\x86\x92 a2:tag()",
		  "<finished 'a1:tag' begin @1\n<finished 'a1:tag' end ok took 0.41 @2\nfinished 'a2:tag' begin @3\n" },
		{ "bytes: 120/9000 files: 1/40", "bytes: 130/9000 files: 2/40", "bytes: 140/9000 files: 3/40",
		  "<counter 1/40 @1\n<counter 2/40 @2\ncounter 3/40 @3\n" },
		{ "Tagged photo I1.jpg (1 of 40) in 412 ms", "Tagged photo I2.jpg (2 of 40) - 5% done", "Tagged photo I3.jpg (3 of 40)",
		  "<bracket 1/40 'I1.jpg' took 0.412 @1\n<bracket 2/40 'I2.jpg' @2\nbracket 3/40 'I3.jpg' @3\n" },
		{ "PASS  src/a.test.js (1.5 s)", "FAIL  src/b.test.js", "PASS src/c.spec.ts",
		  "<tests 'src/a.test.js' end ok took 1.5 @1\n<tests 'src/b.test.js' end failed @2\ntests 'src/c.spec.ts' end ok @3\n" },
		/* what is no progress, though it rises for a while */
		{ "CPU: 4%", "CPU: 8%", "CPU: 12%", "" },
		{ "memory 4%", "memory 8%", "memory 12%", "" },
		{ "Disk usage: 40 %", "Disk usage: 41 %", "Disk usage: 42 %", "" },
		{ "Reading package lists... Done", "Building dependency tree... Done", "Reading state information... Done", "" },
		{ "pages 1-40", "pages 41-80", "pages 81-120", "" },
		{ "Waiting for host1...", "Waiting for host2...", "Waiting for host3...", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		begin("auto", NULL, 0);
		for (unsigned k = 0; k < 3; k++)
			say(1, t[i][k]);
		expect(t[i][3]);
	}
}

/* Asked for by name, a preset needs no second line. */
static void test_presets(void **state)
{
	static const char *const t[][3] = {
		{ "perf-counter", "[PERF] 12/340 (3%) x", "perf-counter 12/340 @1\n" },
		{ "percent", " 4%|#   | 12/340 [00:12<00:14, 3it/s]", "percent 12/340 left 14 @1\n" },
		{ "percent", "[####   ] 12/340", "percent 12/340 @1\n" },
		{ "percent", "progress: 12,5 %", "percent 12/100 @1\n" },
		{ "json", "{\"done\":12,\"total\":340}", "json 12/340 @1\n" },
		{ "logging", "2026-11-27 22:14:01,123 INFO x: 12/340", "logging 12/340 @1\n" },
		{ "logging", "12 done, 328 left", "logging 12/340 @1\n" },
		{ "processed", "Processed 12/340 files", "processed 12/340 @1\n" },
		{ "processed", "12 of 340 files done", "processed 12/340 @1\n" },
		{ "bracket", "x [12/340] y", "bracket 12/340 'y' @1\n" },
		{ "ninja", "[12/340] CC y.o", "ninja 12/340 'CC y.o' @1\n" },
		{ "counter", "11/27 22:14:01 12/340", "counter 12/340 @1\n" },
		{ "counter", "1/1", "counter 1/1 @1\n" },
		{ "make", "  CC      foo.o", "make 'foo.o' begin @1\n" },
		{ "tests", "--- PASS: TestX (0.50s)", "tests 'TestX' end ok took 0.5 @1\n" },
		{ "tests", "[       OK ] Foo.Bar (12 ms)", "tests 'Foo.Bar' end ok took 0.012 @1\n" },
		{ "finished", "asset a1 done", "finished 'a1' end @1\n" },
		{ "celery,counter", "12/340", "counter 12/340 @1\n" },
		{ "json", "12/340", "" },
		{ "counter", "2026/11/27", "" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		begin(t[i][0], NULL, 0);
		say(1, t[i][1]);
		expect(t[i][2]);
	}
}

/* More streams than are remembered: the oldest is forgotten, and counted. */
static void test_many_streams(void **state)
{
	(void)state;
	begin("auto", NULL, 0);
	for (__u64 key = 0; key < 1025; key++)
		say(key, "1/9");
	assert_int_equal(matcher__stats(m)->evicted, 1);
	assert_true(matcher__stats(m)->unbelieved >= 1);
	for (int i = 2; i < 4; i++) {
		say(1, i == 2 ? "2/9" : "3/9");
		say(0, i == 2 ? "2/9" : "3/9");
	}
	/* stream 0 has two lines only, stream 1 three */
	expect("<counter 1/9 @2\n<counter 2/9 @1026\ncounter 3/9 @1028\n");
}

static int teardown(void **state)
{
	(void)state;
	matcher__free(m);
	m = NULL;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_parts_of_lines),
		cmocka_unit_test(test_bad_patterns),
		cmocka_unit_test(test_bad_presets),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_auto_counters),
		cmocka_unit_test(test_auto_counters_of_threads),
		cmocka_unit_test(test_auto_thousands),
		cmocka_unit_test(test_auto_prose),
		cmocka_unit_test(test_auto_series),
		cmocka_unit_test(test_auto_steps),
		cmocka_unit_test(test_pool),
		cmocka_unit_test(test_celery),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_left),
		cmocka_unit_test(test_shapes),
		cmocka_unit_test(test_presets),
		cmocka_unit_test(test_many_streams),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
