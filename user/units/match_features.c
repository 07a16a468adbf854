// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * match_features.c - a glance at a line, which is cheaper than the patterns it spares.
 *
 * Searching for one of sixty words in any case costs a regular expression a microsecond
 * for each line; that none of them begins with any three letters of it, a tenth.
 */
#include <string.h>
#include "units/match_impl.h"

/* 1 to 26, or 0: no letter */
static unsigned letter(char c)
{
	c |= 0x20;
	return c >= 'a' && c <= 'z' ? c - 'a' + 1 : 0;
}

static unsigned prefix(unsigned a, unsigned b, unsigned c)
{
	return a << 10 | b << 5 | c;
}

/* Returns how many. */
static unsigned add_words(struct engine *e, const char *list)
{
	unsigned before = e->n_words + e->n_things, n = before;

	for (const char *w = list; *w; w += strspn(w, "|")) {
		unsigned p = prefix(letter(w[0]), letter(w[1]), letter(w[2]));

		e->prefixes[p / 64] |= 1ULL << (p % 64);
		if (n < FEATURE_WORDS)
			e->words[n++] = w;
		w += strcspn(w, "|");
	}
	return n - before;
}

void features__init(struct engine *e)
{
	e->n_words = add_words(e, preset_words);
	e->n_things = add_words(e, preset_things);
}

/* Which words begin at s: as far as letters go, they are patterns. */
static unsigned words_at(const struct engine *e, const char *s, size_t n)
{
	unsigned found = 0;

	for (unsigned k = 0; k < e->n_words + e->n_things; k++) {
		const char *w = e->words[k];
		size_t i = 0;

		if ((w[0] | 0x20) != (s[0] | 0x20))
			continue;
		while (i < n && letter(w[i]) && letter(w[i]) == letter(s[i]))
			i++;
		/* "begin(?:ning)?" is at its end with "begin", "completed?" with "complete" */
		if (i > 2 && (!letter(w[i]) || w[i + 1] == '?'))
			found |= k < e->n_words ? LINE_WORDS : LINE_THING;
	}
	return found;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "=12", ": 12", ":\"12\"": at the '=' or ':' */
static bool number_follows(const struct text_line *line, size_t i)
{
	const char *s = line->bytes;

	return (i + 1 < line->len && digit(s[i + 1])) ||
	       (i + 2 < line->len && s[i + 1] && strchr(" \"'", s[i + 1]) && digit(s[i + 2]));
}

/* Before byte i of the line stands a key that speaks of time: "ms", "took", "elapsed_s", "duration". */
static bool is_time_key(const struct text_line *line, size_t i)
{
	static const char *const ends[] = { "ms", "secs", "sec", "seconds", "took", "elapsed", "duration", "_s", "millis" };
	const char *s = line->bytes;

	i -= i && (s[i - 1] == '"' || s[i - 1] == '\'');
	for (size_t k = 0; k < sizeof(ends) / sizeof(ends[0]); k++) {
		size_t n = strlen(ends[k]);

		if (i >= n && !memcmp(s + i - n, ends[k], n))
			return true;
	}
	return i && s[i - 1] == 't' && (i == 1 || !letter(s[i - 2]));
}

/* At the '=' or ':'; adds to *keys if it is one of a key and a number. */
static unsigned key_at(const struct text_line *line, size_t i, unsigned *keys)
{
	const char *s = line->bytes;

	if (!i || !number_follows(line, i))
		return 0;
	*keys += letter(s[i - 1]) || s[i - 1] == ' ';
	return is_time_key(line, i) ? LINE_TOOK : 0;
}

/* At the '.': "x.jpg". */
static bool is_file(const struct text_line *line, size_t i)
{
	size_t n = 0;

	while (i + 1 + n < line->len && n < 6 && (letter(line->bytes[i + 1 + n]) || digit(line->bytes[i + 1 + n])))
		n++;
	return i && n >= 2 && n <= 5 && letter(line->bytes[i + 1]) && line->bytes[i - 1] != ' ';
}

/* "12-34", "12 - 34": at the '-' */
static bool is_dash(const struct text_line *line, size_t i)
{
	const char *s = line->bytes;
	size_t before = i && s[i - 1] == ' ' ? i - 1 : i, after = i + 1 < line->len && s[i + 1] == ' ' ? i + 2 : i + 1;

	return before && digit(s[before - 1]) && after < line->len && digit(s[after]);
}

/* "0.41s", "412 ms": at the s */
static bool is_took(const struct text_line *line, size_t i)
{
	const char *s = line->bytes;
	size_t at = i;

	if (i + 1 < line->len && (letter(s[i + 1]) || digit(s[i + 1])) && letter(s[i + 1]) != letter('e'))
		return false;
	at -= at && s[at - 1] == 'm';
	at -= at && s[at - 1] == ' ';
	return at && digit(s[at - 1]);
}

static unsigned signs(const struct text_line *line, size_t i)
{
	size_t left = line->len - i;
	const char *s = line->bytes + i;

	switch (*s) {
	case '%':
		return LINE_SHARE;
	case '.':
		return left > 2 && s[1] == '.' && s[2] == '.' ? LINE_DOTS : is_file(line, i) ? LINE_FILE : 0;
	case '\xe2':
		return left > 2 && !memcmp(s + 1, "\x80\xa6", 2) ? LINE_DOTS : 0;
	case '-':
		return is_dash(line, i) ? LINE_DASH : 0;
	}
	return 0;
}

unsigned line_features(const struct engine *e, const struct text_line *line)
{
	unsigned a = 0, b = 0, keys = 0, found = 0;

	for (size_t i = 0; i < line->len; i++) {
		unsigned c = letter(line->bytes[i]), p = prefix(a, b, c);

		if (e->prefixes[p / 64] >> (p % 64) & 1 && ~found & (LINE_WORDS | LINE_THING))
			found |= words_at(e, line->bytes + i - 2, line->len - i + 2);
		/* "ok", alone */
		if (a == 0 && b == letter('o') && c == letter('k'))
			found |= LINE_WORDS;
		if (line->bytes[i] == '=' || line->bytes[i] == ':') {
			found |= key_at(line, i, &keys);
		} else if (!c) {
			found |= signs(line, i);
		} else if (line->bytes[i] == 's' && is_took(line, i)) {
			found |= LINE_TOOK;
		}
		a = b;
		b = c;
	}
	return keys > 1 ? found | LINE_KEYS : found;
}
