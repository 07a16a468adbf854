/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Code objects as the kernel side sends them, and the names that become of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "runtime/python.h"
#include "runtime/python_codes.h"

static const char *name_of(struct python *py, __u64 code, __u32 lasti)
{
	static char buf[2200];

	python__name(py, WT_FRAME_MAKE(WT_FRAME_PY) | code << 24 | lasti, buf, sizeof(buf));
	return buf;
}

static struct wt_ev_pycode event(__u64 code, const char *name, const char *file, __u32 line)
{
	struct wt_ev_pycode e = {
		.h.type = WT_EV_PYCODE, .code = code, .firstlineno = line, .major = 3, .minor = 8,
		.name_kind = 1, .file_kind = 1, .name_len = strlen(name), .file_len = strlen(file),
		.table_size = 4, .table_len = 4,
	};

	memcpy(e.name, name, e.name_len);
	memcpy(e.file, file, e.file_len);
	memcpy(e.table, "\4\1\6\2", 4);		/* lnotab: one line on from byte 4, two from byte 10 */
	return e;
}

static size_t size_of(const struct wt_ev_pycode *e)
{
	return offsetof(struct wt_ev_pycode, table) + e->table_len;
}

static struct python *new(void)
{
	struct python *py;

	assert_int_equal(python__new(&py, -1, -1), 0);
	return py;
}

static void put(struct python *py, const struct wt_ev_pycode *e)
{
	assert_int_equal(python__on_code(py, e, size_of(e)), 0);
}

static void names_a_frame(void **state)
{
	struct python *py = new();
	struct wt_ev_pycode e = event(7, "Job.run", "/srv/app/job.py", 30);
	struct python_stats st;

	(void)state;
	put(py, &e);
	assert_string_equal(name_of(py, 7, 0), "Job.run (job.py:30)");
	assert_string_equal(name_of(py, 7, 4), "Job.run (job.py:31)");
	assert_string_equal(name_of(py, 7, 10), "Job.run (job.py:33)");
	assert_string_equal(name_of(py, 7, WT_PY_NOWHERE), "Job.run (job.py:30)");
	assert_string_equal(name_of(py, 8, 0), "[python]");
	python__stats(py, &st);
	assert_int_equal(st.codes, 1);
	assert_int_equal(st.unnamed, 1);
	assert_int_equal(st.lineless, 0);
	python__free(py);
}

static void tells_lines_and_files_apart(void **state)
{
	struct python *py = new();
	struct wt_ev_pycode e = event(1, "f", "/a/x.py", 1);
	__u64 word = WT_FRAME_MAKE(WT_FRAME_PY) | 1ULL << 24, key;
	char buf[64];

	(void)state;
	put(py, &e);
	e = event(2, "f", "/b/x.py", 1);	/* prints the same, so it is the same frame */
	put(py, &e);
	e = event(3, "f", "/b/y.py", 1);
	put(py, &e);
	key = python__name(py, word, buf, sizeof(buf));
	assert_true(python__name(py, word + 1, buf, sizeof(buf)) == key);
	assert_true(python__name(py, word + 4, buf, sizeof(buf)) != key);
	assert_true(python__name(py, word + (1ULL << 24), buf, sizeof(buf)) == key);
	assert_true(python__name(py, word + (2ULL << 24), buf, sizeof(buf)) != key);
	python__free(py);
}

static void reads_every_width(void **state)
{
	struct python *py = new();
	struct wt_ev_pycode e = event(1, "caf\xe9", "<string>", 1);	/* Latin-1 */
	const __u16 two[] = { 'd', 0x3b4, 0x20ac };
	const __u32 four[] = { 'x', 0x10900, 0xd800 };

	(void)state;
	put(py, &e);
	assert_string_equal(name_of(py, 1, 0), "café (<string>:1)");
	e = event(2, "", "a.py", 1);
	e.name_kind = 2;
	e.name_len = sizeof(two);
	memcpy(e.name, two, sizeof(two));
	put(py, &e);
	assert_string_equal(name_of(py, 2, 0), "dδ€ (a.py:1)");
	e.code = 3;
	e.name_kind = 4;
	e.name_len = sizeof(four);
	memcpy(e.name, four, sizeof(four));
	put(py, &e);
	assert_string_equal(name_of(py, 3, 0), "x𐤀\xef\xbf\xbd (a.py:1)");
	python__free(py);
}

/* A name must not look like two frames, or end a line. */
static void keeps_separators_out(void **state)
{
	struct python *py = new();
	struct wt_ev_pycode e = event(1, "a;b\nc\td", "/x/e;f\n.py", 1);

	(void)state;
	put(py, &e);
	assert_string_equal(name_of(py, 1, 0), "a:b c d (e:f .py:1)");
	python__free(py);
}

static void says_what_is_missing(void **state)
{
	struct python *py = new();
	struct wt_ev_pycode e = event(1, "long", "a.py", 5);
	struct python_stats st;

	(void)state;
	e.cut = WT_PY_CUT_NAME;
	put(py, &e);
	assert_string_equal(name_of(py, 1, 0), "long… (a.py:5)");
	e = event(2, "x", "y", 5);
	e.name_kind = 0;
	e.file_kind = 0;
	put(py, &e);
	assert_string_equal(name_of(py, 2, 0), "? (?:5)");
	e = event(3, "half", "a.py", 5);
	e.table_size = 4000;		/* of a process that is gone */
	e.tgid = 0;
	put(py, &e);
	assert_string_equal(name_of(py, 3, 0), "half (a.py:5)");
	assert_string_equal(name_of(py, 3, 4), "half (a.py:6)");
	assert_string_equal(name_of(py, 3, 200), "half (a.py:5)");
	python__stats(py, &st);
	assert_int_equal(st.lineless, 1);
	python__free(py);
}

/* What does not fit an event is taken from the process. */
static void fetches_a_long_table(void **state)
{
	struct python *py = new();
	struct wt_ev_pycode e = event(1, "long", "a.py", 5);
	static __u8 table[4000];

	(void)state;
	for (unsigned i = 0; i < sizeof(table); i += 2) {
		table[i] = 2;
		table[i + 1] = 1;
	}
	e.tgid = getpid();
	e.table_at = (uintptr_t)table;
	e.table_size = sizeof(table);
	e.table_len = WT_PY_TABLE - 1;
	memcpy(e.table, table, e.table_len);
	put(py, &e);
	assert_string_equal(name_of(py, 1, 3998), "long (a.py:2004)");
	/* something else lies there by now */
	table[100]++;
	e.code = 2;
	put(py, &e);
	assert_string_equal(name_of(py, 2, 3998), "long (a.py:5)");
	python__free(py);
}

static void refuses_unsound_events(void **state)
{
	struct python *py = new();
	struct wt_ev_pycode e = event(1, "f", "a.py", 1), bad;
	struct python_stats st;

	(void)state;
	assert_int_equal(python__on_code(py, &e, size_of(&e) - 1), 0);
	assert_int_equal(python__on_code(py, &e, 20), 0);
	bad = e;
	bad.name_len = WT_PY_NAME + 1;
	put(py, &bad);
	bad = e;
	bad.file_len = 60000;
	put(py, &bad);
	bad = e;
	bad.name_kind = 3;
	put(py, &bad);
	bad = e;
	bad.table_len = WT_PY_TABLE;
	assert_int_equal(python__on_code(py, &bad, sizeof(bad)), 0);
	python__stats(py, &st);
	assert_int_equal(st.codes, 0);
	python__free(py);
}

/* Memory is bounded: the older half goes, what came since stays. */
static void begins_anew_when_full(void **state)
{
	struct python *py = new();
	struct python_stats st;
	struct wt_ev_pycode e;
	char name[32];

	(void)state;
	for (__u64 i = 1; i <= 2 * PY_MAX_CONTENTS + 10; i++) {
		snprintf(name, sizeof(name), "f%llu", i);
		e = event(i, name, "a.py", i);
		put(py, &e);
	}
	python__stats(py, &st);
	assert_int_equal(st.flushes, 2);
	assert_string_equal(name_of(py, 1, 0), "[python]");
	assert_string_equal(name_of(py, 2 * PY_MAX_CONTENTS, 0), "f65536 (a.py:65536)");
	assert_string_equal(name_of(py, 2 * PY_MAX_CONTENTS + 10, 0), "f65546 (a.py:65546)");
	python__free(py);
}

/* Forked workers run the same code under other numbers. */
static void shares_what_is_the_same(void **state)
{
	struct python_codes c = { 0 };
	struct wt_ev_pycode e;
	bool flushed;

	(void)state;
	for (__u64 i = 1; i <= 1000; i++) {
		e = event(i, "f", "a.py", 1);
		assert_int_equal(python_codes__add(&c, &e, size_of(&e), &flushed), 0);
		assert_false(flushed);
	}
	assert_int_equal(c.gen[0].n, 1);
	assert_ptr_equal(python_codes__find(&c, 1), python_codes__find(&c, 1000));
	python_codes__clear(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_a_frame),
		cmocka_unit_test(tells_lines_and_files_apart),
		cmocka_unit_test(reads_every_width),
		cmocka_unit_test(keeps_separators_out),
		cmocka_unit_test(says_what_is_missing),
		cmocka_unit_test(fetches_a_long_table),
		cmocka_unit_test(refuses_unsound_events),
		cmocka_unit_test(begins_anew_when_full),
		cmocka_unit_test(shares_what_is_the_same),
	};

	return cmocka_run_group_tests_name("python_codes", tests, NULL, NULL);
}
