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

void features__init(struct engine *e)
{
	for (const char *w = preset_words; *w; w += strspn(w, "|")) {
		unsigned p = prefix(letter(w[0]), letter(w[1]), letter(w[2]));

		e->prefixes[p / 64] |= 1ULL << (p % 64);
		if (e->n_words < FEATURE_WORDS)
			e->words[e->n_words++] = w;
		w += strcspn(w, "|");
	}
}

/* Whether one of the words begins at s: as far as letters go, they are patterns. */
static bool is_word(const struct engine *e, const char *s, size_t n)
{
	for (unsigned k = 0; k < e->n_words; k++) {
		const char *w = e->words[k];
		size_t i = 0;

		while (i < n && letter(w[i]) && letter(w[i]) == letter(s[i]))
			i++;
		/* "begin(?:ning)?" is at its end with "begin", "completed?" with "complete" */
		if (i > 2 && (!letter(w[i]) || w[i + 1] == '?'))
			return true;
	}
	return false;
}

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* "done=12", "done: 12": at the '=' or ':' */
static bool is_key(const struct text_line *line, size_t i)
{
	const char *s = line->bytes;

	if (!i || !(letter(s[i - 1]) || s[i - 1] == ' '))
		return false;
	return (i + 1 < line->len && digit(s[i + 1])) ||
	       (i + 2 < line->len && strchr(" \"'", s[i + 1]) && s[i + 1] && digit(s[i + 2]));
}

/* "12-34", "12 - 34": at the '-' */
static bool is_dash(const struct text_line *line, size_t i)
{
	const char *s = line->bytes;
	size_t before = i && s[i - 1] == ' ' ? i - 1 : i, after = i + 1 < line->len && s[i + 1] == ' ' ? i + 2 : i + 1;

	return before && digit(s[before - 1]) && after < line->len && digit(s[after]);
}

static unsigned signs(const struct text_line *line, size_t i)
{
	size_t left = line->len - i;
	const char *s = line->bytes + i;

	switch (*s) {
	case '%':
		return LINE_SHARE;
	case '.':
		return left > 2 && s[1] == '.' && s[2] == '.' ? LINE_DOTS : 0;
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

		if (!(found & LINE_WORDS) && e->prefixes[p / 64] >> (p % 64) & 1 &&
		    is_word(e, line->bytes + i - 2, line->len - i + 2))
			found |= LINE_WORDS;
		/* "ok", alone */
		if (a == 0 && b == letter('o') && c == letter('k'))
			found |= LINE_WORDS;
		if (line->bytes[i] == '=' || line->bytes[i] == ':')
			keys += is_key(line, i);
		else if (!c)
			found |= signs(line, i);
		a = b;
		b = c;
	}
	return keys > 1 ? found | LINE_KEYS : found;
}
