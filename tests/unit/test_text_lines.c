// SPDX-License-Identifier: GPL-2.0-or-later
/* Lines out of writes: split, joined, overwritten, cut, lost. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "units/text.h"

#define KEY 7

/* All lines so far, as "[time in/of flags]text\n". */
static char got[65536];
static size_t got_len;
static struct text *t;

static void on_line(void *ctx, __u64 key, const struct text_line *l)
{
	(void)ctx;
	assert_true(l->len && l->len <= TEXT_LINE_MAX);
	got_len += snprintf(got + got_len, sizeof(got) - got_len, "%llu[%llu %u/%u%s%s%s]%.*s\n",
			    key, l->at.ts_ns, l->in_write, l->of_write, l->end ? "" : " flushed",
			    l->cut ? " cut" : "", l->torn ? " torn" : l->binary ? " binary" : "", (int)l->len, l->bytes);
}

static int setup(void **state)
{
	(void)state;
	got_len = 0;
	got[0] = 0;
	return text__new(&t, on_line, NULL);
}

static int teardown(void **state)
{
	(void)state;
	text__free(t);
	t = NULL;
	return 0;
}

static void put_sized(__u64 key, __u64 ts, const char *bytes, size_t n, size_t size, int last)
{
	const struct text_write w = {
		.bytes = bytes, .n = n, .size = size, .last = last,
		.at = { .ts_ns = ts, .tgid = 100 + key },
	};

	assert_int_equal(text__write(t, key, &w), 0);
}

static void put(__u64 ts, const char *bytes)
{
	put_sized(KEY, ts, bytes, strlen(bytes), strlen(bytes), -1);
}

static void expect(const char *want)
{
	assert_string_equal(got, want);
	got_len = 0;
	got[0] = 0;
}

static void test_split_and_joined(void **state)
{
	(void)state;
	put(1, "processed 1");
	put(2, "2 of ");
	expect("");
	put(3, "340\nnext\nand");
	expect("7[3 1/2]processed 12 of 340\n7[3 2/2]next\n");
	put(4, " more\n\n  \n");
	expect("7[4 1/1]and more\n");
	/* print() without a buffer: the text's write is what counts */
	put(5, "text");
	put(6, "\n");
	expect("7[5 1/1]text\n");
}

/* Messages to /dev/log have no newline at their end, or a zero, or one inside as well. */
static void test_messages(void **state)
{
	static const char *const said[] = { "<14>asset 1/3", "<14>asset 2/3\0", "A=1\nMESSAGE=asset 3/3\n" };
	static const size_t len[] = { 13, 14, 22 };

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		const struct text_write w = { .bytes = said[i], .n = len[i], .size = len[i], .last = -1, .whole = true,
					      .at = { .ts_ns = i + 1, .tgid = 100 } };

		assert_int_equal(text__write(t, KEY, &w), 0);
	}
	expect("7[1 1/1]<14>asset 1/3\n7[2 1/1]<14>asset 2/3\n7[3 1/2]A=1\n7[3 2/2]MESSAGE=asset 3/3\n");
}

static void test_carriage_returns(void **state)
{
	(void)state;
	put(1, "one\r\ntwo\r");
	expect("7[1 1/2]one\n7[1 2/2]two\n");
	put(2, "\n");
	expect("");
	/* the return first: a line comes out at the next one, with its own time */
	put(3, "\r10%");
	put(4, "\r20%");
	expect("7[3 1/1]10%\n");
	put(5, "\r30%\r40%\r50%");
	expect("7[4 1/1]20%\n7[5 1/3]30%\n7[5 2/3]40%\n");
	text__flush(t);
	expect("7[5 3/3 flushed]50%\n");
	text__flush(t);
	expect("");
	/* with erasing of what was there */
	put(6, "\r\x1b[2K[1/3] a\x1b[K");
	put(7, "\x1b[1G[2/3] b");
	put(8, "\x1b[1A\x1b[0G[3/3] c\n");
	expect("7[6 1/1][1/3] a\n7[7 1/1][2/3] b\n7[8 1/1][3/3] c\n");
}

static void test_terminal_codes(void **state)
{
	(void)state;
	put(1, "\x1b[1;32mok\x1b[0m \x1b]8;;http://h/\x1b\\link\x1b]8;;\a \x1b(B\x1b=x\ty\a\v\n");
	expect("7[1 1/1]ok link x\ty\n");
	/* in pieces */
	put(2, "a\x1b");
	put(3, "[3");
	put(4, "1mb\n");
	expect("7[4 1/1]ab\n");
	/* a sequence that never ends swallows no more than it may */
	put(5, "\x1b]title without end\nnext\n");
	expect("7[5 1/1]next\n");
	put(6, "\x1b[12\nnext\n");
	expect("7[6 1/1]next\n");
	put(7, "caf\xc3\xa9 \xff\xfe\n");
	expect("7[7 1/1]caf\xc3\xa9 \xff\xfe\n");
}

/* Control characters are left out; that there were some that no text has is told. */
static void test_no_text(void **state)
{
	static const char zero[] = "photo \0 3\nphoto 4\n";

	(void)state;
	put(1, "\x80\x04K\x0b 5 of 10\n");
	put(2, "\x11 6 of \x1f 10\nphoto 7\a\b\t\v\f\x0e\x0f\n");
	put(3, "\x10");
	put(4, "8 of 10\n");
	put_sized(KEY, 5, zero, sizeof(zero) - 1, sizeof(zero) - 1, -1);
	expect("7[1 1/1 binary]\x80K 5 of 10\n7[2 1/2 binary] 6 of  10\n7[2 2/2]photo \t\n"
	       "7[4 1/1 binary]8 of 10\n7[5 1/2 binary]photo  3\n7[5 2/2]photo 4\n");
}

static void test_backspaces(void **state)
{
	(void)state;
	put(1, "done: 10%");
	put(2, "\b\b\b20%");
	put(3, "\b\b\b30%\n");
	expect("7[1 1/1]done: 10%\n7[2 1/1]done: 20%\n7[3 1/1]done: 30%\n");
	/* what remains of it is not a line once more */
	put(4, "all: 99%\b\b\b\r");
	expect("7[4 1/1]all: 99%\n");
	/* one corrects a letter */
	put(4, "abd\bc\n\b\b\n");
	expect("7[4 1/1]abc\n");
}

static void test_long_lines(void **state)
{
	char *big = malloc(3 * TEXT_LINE_MAX);

	(void)state;
	assert_non_null(big);
	memset(big, 'x', 3 * TEXT_LINE_MAX);
	put_sized(KEY, 1, big, 3 * TEXT_LINE_MAX, 3 * TEXT_LINE_MAX, -1);
	put(2, "end\nshort\n");
	assert_non_null(strstr(got, "7[2 1/2 cut]xxx"));
	assert_non_null(strstr(got, "xxx\n7[2 2/2]short\n"));
	assert_null(strstr(got, "end"));
	assert_int_equal(strcspn(strchr(got, 'x'), "\n"), TEXT_LINE_MAX);
	assert_int_equal(text__stats(t)->cut, 1);
	free(big);
}

static void test_truncated_writes(void **state)
{
	static const char whole[8192] = "a";

	(void)state;
	/* the end is known to be one: what comes next is whole */
	put_sized(KEY, 1, "first\nsec", 9, 100, '\n');
	put(2, "third\n");
	expect("7[1 1/2]first\n7[1 2/2 flushed cut]sec\n7[2 1/1]third\n");
	/* it is known to be none */
	put_sized(KEY, 3, "first\nsec", 9, 100, 'x');
	put(4, "/340 rest\nwhole\n");
	expect("7[3 1/2]first\n7[3 2/2 flushed cut]sec\n7[4 1/2 torn]/340 rest\n7[4 2/2]whole\n");
	/* nothing is known: buffers of 8 KiB cut lines, others are taken for records */
	put_sized(KEY, 5, "a", 1, 8192, -1);
	put(6, "b\n");
	put_sized(KEY, 7, "a", 1, 8191, -1);
	put(8, "b\n");
	expect("7[5 1/1 flushed cut]a\n7[6 1/1 torn]b\n7[7 1/1 flushed cut]a\n7[8 1/1]b\n");
	assert_int_equal(text__stats(t)->truncated, 4);
	assert_int_equal(text__stats(t)->missing_bytes, 2 * 91 + 8191 + 8190);
	assert_int_equal(text__stats(t)->torn, 2);
	/* all that was to be had of a big one */
	put_sized(KEY, 9, whole, sizeof(whole), sizeof(whole) + 1, -1);
	put(10, "b\n");
	assert_non_null(strstr(got, "7[10 1/1 torn]b\n"));
}

static void test_gaps(void **state)
{
	(void)state;
	put(1, "lost ");
	text__gap(t, KEY);
	put(2, "tail\nwhole\n");
	expect("7[2 1/2 torn]tail\n7[2 2/2]whole\n");
	assert_int_equal(text__stats(t)->dropped, 1);
	put(3, "lost");
	text__gap_all(t);
	text__flush(t);
	expect("");
	assert_int_equal(text__stats(t)->dropped, 2);
	text__gap(t, 99);	/* nobody's */
	assert_int_equal(text__stats(t)->dropped, 2);
}

static void test_streams(void **state)
{
	char want[64];

	(void)state;
	for (__u64 key = 0; key < TEXT_STREAMS; key++)
		put_sized(key, key, "part", 4, 4, -1);
	put_sized(0, 5000, "ial", 3, 3, -1);	/* now the newest */
	expect("");
	put_sized(TEXT_STREAMS, 1, "x\n", 2, 2, -1);
	/* the oldest went, with what it had */
	snprintf(want, sizeof(want), "1[1 1/1 flushed]part\n%d[1 1/1]x\n", TEXT_STREAMS);
	expect(want);
	assert_int_equal(text__stats(t)->evicted, 1);
	assert_int_equal(text__streams(t), TEXT_STREAMS);
	text__exit(t, 100);
	expect("0[5000 1/1 flushed]partial\n");
	assert_int_equal(text__streams(t), TEXT_STREAMS - 1);
	put_sized(0, 6, "new\n", 4, 4, -1);
	expect("0[6 1/1]new\n");
	for (__u32 i = 0; i <= TEXT_STREAMS; i++)
		text__exit(t, 100 + i);
	assert_int_equal(text__streams(t), 0);
	/* all entries are usable again */
	got_len = 0;
	for (__u64 key = 0; key < 2 * TEXT_STREAMS; key++)
		put_sized(key << 32, key, "y\n", 2, 2, -1);
	assert_int_equal(text__stats(t)->evicted, 1 + TEXT_STREAMS);
}

/* However a text is cut into writes, the same lines come out of it. */
static void test_any_cut(void **state)
{
	static const char text[] = "one\r\ntwo\x1b[1;31m red\x1b[0m\r[1/3] a\r[2/3] b\r\x1b[K[3/3] c\n"
				   "10%\b\b\b20%\b\b\b30%\n\x1b]0;t\aend\n";
	static const char want[] = "one,two red,[1/3] a,[2/3] b,[3/3] c,10%,20%,30%,end,";
	size_t n = sizeof(text) - 1;
	unsigned seed = 1;

	(void)state;
	for (int k = 0; k < 500; k++) {
		char plain[256] = "";

		got_len = 0;
		for (size_t i = 0, len; i < n; i += len) {
			len = 1 + rand_r(&seed) % (k % 20 + 1);
			len = len < n - i ? len : n - i;
			put_sized(KEY, i, text + i, len, len, -1);
		}
		for (char *p = got; *p; p = strchr(p, '\n') + 1) {
			p = strchr(p, ']') + 1;
			strncat(plain, p, strcspn(p, "\n"));
			strcat(plain, ",");
		}
		assert_string_equal(plain, want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_split_and_joined, setup, teardown),
		cmocka_unit_test_setup_teardown(test_messages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_carriage_returns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_terminal_codes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_no_text, setup, teardown),
		cmocka_unit_test_setup_teardown(test_backspaces, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_truncated_writes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_gaps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_streams, setup, teardown),
		cmocka_unit_test_setup_teardown(test_any_cut, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
