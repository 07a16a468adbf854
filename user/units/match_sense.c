// SPDX-License-Identifier: GPL-2.0-or-later
/* match_sense.c - whether 12/340 in a line counts units, by what stands around it. */
#include <ctype.h>
#include <string.h>
#include <strings.h>
#include "units/match_impl.h"

#define WORD_MAX 16
#define REST_MAX 48		/* bytes behind a counter that are looked at */

static bool digit(const struct text_line *line, size_t i)
{
	return i < line->len && line->bytes[i] >= '0' && line->bytes[i] <= '9';
}

/* hh:mm at i */
static bool is_time(const struct text_line *line, size_t i)
{
	return digit(line, i) && digit(line, i + 1) && i + 2 < line->len && line->bytes[i + 2] == ':' &&
	       digit(line, i + 3) && digit(line, i + 4);
}

/* 11/27 22:14:01, or the other way round */
static bool is_date(const struct text_line *line, size_t from, size_t to)
{
	if (to - from != 5 || line->bytes[from + 2] != '/')
		return false;
	return is_time(line, to + 1) || (from >= 6 && is_time(line, from - 6)) ||
	       (from >= 9 && is_time(line, from - 9));
}

static bool is_letter(char c)
{
	return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
}

/* Most words of the tables are told from one in a line by this, and no call. */
static bool begins_with(const char *word, char c)
{
	return word[0] == (c | 0x20);
}

/* "Waiting for postgres (3/60)": attempts */
static bool waits(const struct text_line *line, size_t from)
{
	static const char what[] = "aiting for ";

	for (size_t i = 0; i + sizeof(what) - 1 <= from; i++)
		if (line->bytes[i] == 'a' && !memcmp(line->bytes + i, what, sizeof(what) - 1))
			return true;
	return false;
}

/* memory 512/1024, retry 1/3: an amount or an attempt, whatever it does over time */
static bool is_other_figure(const struct text_line *line, size_t from)
{
	static const char *const words[] = {
		"mem", "memory", "heap", "rss", "swap", "used", "usage", "disk", "retry", "retries",
		"attempt", "attempts", "try", "worker", "workers", "thread", "threads", "queue", "pool",
		"connections", "load", "cpu", "battery", "score", "ratio", "rate", "retrying", "depth",
		"exhausted", "waiting", "active", "busy", "ready", "replicas", "pods", "online", "healthy",
		"buffers", "hits", "bytes", "size",
	};
	size_t end = from, start;

	while (end && strchr(" :=([#", line->bytes[end - 1]) && line->bytes[end - 1])
		end--;
	start = end;
	while (start && end - start < WORD_MAX && is_letter(line->bytes[start - 1]))
		start--;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]) && start < end; i++)
		if (begins_with(words[i], line->bytes[start]) && strlen(words[i]) == end - start &&
		    !strncasecmp(words[i], line->bytes + start, end - start))
			return true;
	return false;
}

/* Whether a word of the table, or its plural, is at s. */
static bool is_word(const char *const *words, size_t n_words, const char *s, size_t n)
{
	for (size_t i = 0; i < n_words && n > 1; i++) {
		size_t len;

		if (!begins_with(words[i], s[0]))
			continue;
		len = strlen(words[i]);
		if ((n == len || (n == len + 1 && (s[len] | 0x20) == 's')) && !strncasecmp(words[i], s, len))
			return true;
	}
	return false;
}

/* "[1/4] worker ready", "1 of 3 updated replicas are available": what does the work, not the work */
static bool is_of_workers(const struct text_line *line, size_t to)
{
	static const char *const who[] = {
		"worker", "thread", "replica", "node", "pod", "container", "broker", "shard", "server", "host", "process",
		"service", "member", "executor", "agent",
	};
	static const char *const how[] = {
		"ready", "up", "online", "running", "available", "healthy", "started", "alive", "connected", "listening",
		"joined", "registered", "initialized", "spawned",
	};
	bool is_one = false;

	for (size_t i = to, end; i < line->len && i < to + REST_MAX; i = end + 1) {
		for (end = i; end < line->len && is_letter(line->bytes[end]); )
			end++;
		if (is_one && is_word(how, sizeof(how) / sizeof(how[0]), line->bytes + i, end - i))
			return true;
		/* "started 1/4 workers": the first three, whatever they are */
		if (i == to + 1 && is_word(who, 3, line->bytes + i, end - i))
			return true;
		is_one |= is_word(who, sizeof(who) / sizeof(who[0]), line->bytes + i, end - i);
	}
	return false;
}

bool counter_makes_sense(const struct match *m, const struct text_line *line, size_t from, size_t to)
{
	return m->done <= m->total && m->total && !is_date(line, from, to) &&
	       !is_other_figure(line, from) && !waits(line, from) && !is_of_workers(line, to);
}

/* The number that ends before byte `to`, in hundredths; -1: there is none. */
static long hundredths_before(const struct text_line *line, size_t to)
{
	long unit = 100, v = 0;
	size_t i = to;

	while (i && line->bytes[i - 1] == ' ')
		i--;
	to = i;
	while (i && to - i < 7 && (isdigit((unsigned char)line->bytes[i - 1]) ||
				   ((line->bytes[i - 1] == '.' || line->bytes[i - 1] == ',') && i < to)))
		i--;
	if (i == to || !isdigit((unsigned char)line->bytes[i]))
		return -1;
	for (bool fraction = false; i < to; i++) {
		if (!isdigit((unsigned char)line->bytes[i])) {
			if (fraction)
				return -1;
			fraction = true;
			continue;
		}
		if (fraction)
			unit /= 10;
		v = fraction ? v + (line->bytes[i] - '0') * unit : 10 * v + (line->bytes[i] - '0') * 100;
	}
	return v;
}

bool share_agrees(const struct match *m, const struct text_line *line)
{
	long v, is;

	if (!m->has_done || !m->has_total || !m->total || m->done > m->total || m->total > 1ULL << 40)
		return false;
	is = m->done * 10000 / m->total;
	for (size_t i = 0; i < line->len; i++) {
		v = line->bytes[i] == '%' ? hundredths_before(line, i) : -1;
		if (v >= 0 && v <= is + 100 && is <= v + 100)
			return true;
	}
	return false;
}
