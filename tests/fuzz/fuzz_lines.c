/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_lines.c - what programs write → lines → what they say of units; and the check
 * of patterns against what they do.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units/match_impl.h"
#include "units/regex_check.h"
#include "units/text.h"

#define KEY 3

static struct matcher *matcher;		/* auto: made once, its pattern take time to compile */

/* Lines, one after another, however their text was cut. */
struct heard {
	char *bytes;
	size_t n, room;
};

static void on_match(void *ctx, __u64 key, const struct match *m)
{
	(void)ctx;
	REQUIRE(key == KEY);
	REQUIRE(matcher__kind(matcher, m->kind));
	REQUIRE(!m->label || (m->label_len && m->label_len <= MATCH_LABEL_MAX));
	/* every byte of it can be read */
	for (size_t i = 0; m->label && i < m->label_len; i++)
		if (m->label[i] == '\n')
			REQUIRE(!"a line has no newline in it");
	REQUIRE(!m->has_done || !m->has_total || m->done <= m->total);
	REQUIRE(m->has_done || m->label || m->begin || m->end || m->queued);
	REQUIRE(m->elapsed_ns >= -1 && m->remaining_ns >= -1);
}

static void on_line(void *ctx, __u64 key, const struct text_line *line)
{
	struct heard *h = ctx;

	REQUIRE(key == KEY && line->len && line->len <= TEXT_LINE_MAX);
	REQUIRE(line->in_write && line->in_write <= line->of_write);
	REQUIRE(h->n + line->len + 1 <= h->room);
	memcpy(h->bytes + h->n, line->bytes, line->len);
	h->n += line->len;
	h->bytes[h->n++] = '\n';
	matcher__line(matcher, KEY, line, on_match, NULL);
}

/* The whole at once, or in pieces as the bytes of `cuts` say. */
static void read_lines(struct heard *h, const uint8_t *data, size_t size, const uint8_t *cuts,
		       size_t n_cuts)
{
	struct text *t;

	/* erasing may show what is there again and again */
	h->room = 64 + 2 * size + size / 2 * TEXT_LINE_MAX;
	h->bytes = malloc(h->room);
	REQUIRE(h->bytes && !text__new(&t, on_line, h));
	for (size_t i = 0, k = 0, n; i < size; i += n) {
		n = n_cuts ? 1 + cuts[k++ % n_cuts] % 32 : size;
		n = n < size - i ? n : size - i;
		text__write(t, KEY, &(struct text_write){ .bytes = (const char *)data + i, .n = n,
							  .size = n, .last = -1 });
	}
	text__exit(t, 0);
	REQUIRE(!text__streams(t));
	text__free(t);
	matcher__forget(matcher, KEY);
}

static void lines(const uint8_t *data, size_t size)
{
	size_t n_cuts = size < 8 ? 0 : 8;
	struct heard whole = { 0 }, pieces = { 0 };

	read_lines(&whole, data + n_cuts, size - n_cuts, NULL, 0);
	read_lines(&pieces, data + n_cuts, size - n_cuts, data, n_cuts);
	REQUIRE(whole.n == pieces.n && !memcmp(whole.bytes, pieces.bytes, whole.n));
	free(whole.bytes);
	free(pieces.bytes);
}

/* Any bytes: what is said to be wrong lies within them. */
static void check_any(const char *pattern)
{
	size_t start, end;

	if (!regex_check(pattern, &start, &end))
		REQUIRE(start < end && end <= strlen(pattern));
}

/* A pattern that is taken makes no line take long. */
static void try_pattern(const char *pattern, const char *text, size_t len)
{
	struct matcher_stats stats = { 0 };
	struct engine e = { 0 };
	struct preset_pattern as_preset = { .preset = "x", .regex = pattern };
	struct pattern p;
	struct match m;
	size_t from = 0, at;
	int error;
	pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_DUPNAMES, &error,
					 &at, NULL);
	bool good = code && regex_check(pattern, &at, &at);

	pcre2_code_free(code);
	if (!good || strstr(pattern, "(?") || strstr(pattern, "\\C") || engine__new(&e, &stats))
		return;
	if (!pattern__preset(&p, &as_preset, 0)) {
		const struct text_line line = { .bytes = text, .len = len };

		while (from <= len && pattern__match(&e, &p, &line, &from, &m))
			REQUIRE(from);
		pattern__free(&p);
	}
	engine__free(&e);
}

/* First byte: 0 a pattern, of which the next byte says the length, and a line; else writes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct match_opts opts = { .presets = "auto" };
	char pattern[65] = "";

	if (!matcher)
		REQUIRE(!matcher__new(&matcher, &opts));
	if (size < 3)
		return 0;
	if (data[0]) {
		lines(data + 1, size - 1);
		return 0;
	}
	data += 2;
	size -= 2;
	memcpy(pattern, data, data[-1] % 65 < size ? data[-1] % 65 : size);
	check_any(pattern);
	try_pattern(pattern, (const char *)data + strlen(pattern), size - strlen(pattern));
	return 0;
}
