/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spans/spec.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"

#define SHAPE "NAME=BINARY:FUNCTION, NAME=BINARY:BEGIN,END or NAME=BINARY:provider:probe"

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

unsigned span_operator(const char *p)
{
	static const char word[] = "operator";
	/* the longer ones first */
	static const char *const symbols[] = {
		"<=>", "<<=", ">>=", "->*", "()", "[]", "->", "<<", ">>", "<=", ">=", "==", "!=", "&&",
		"||", "++", "--", "+=", "-=", "*=", "/=", "%=", "^=", "&=", "|=", "<", ">", "=", "!",
		"+", "-", "*", "/", "%", "^", "&", "|", "~", ",",
	};

	if (strncmp(p, word, sizeof(word) - 1))
		return 0;
	for (size_t i = 0; i < sizeof(symbols) / sizeof(*symbols); i++) {
		size_t n = strlen(symbols[i]);

		if (!strncmp(p + sizeof(word) - 1, symbols[i], n))
			return sizeof(word) - 1 + n;
	}
	return sizeof(word) - 1;
}

/*
 * The comma that separates BEGIN from END: not one in the arguments of a function or
 * of a template.  NULL: there is none; *deep: brackets that were not closed.
 */
static const char *find_comma(const char *text, int *deep)
{
	*deep = 0;
	for (const char *p = text; *p; p++) {
		if (p == text || !is_word(p[-1]))
			p += span_operator(p);
		if (!*p)
			break;
		if (strchr("(<[{", *p))
			++*deep;
		else if (strchr(")]}", *p) || (*p == '>' && (p == text || p[-1] != '-')))
			--*deep;
		else if (*p == ',' && !*deep)
			return p;
	}
	return NULL;
}

/* "provider:probe": two words and one colon. */
static const char *usdt_colon(const char *text)
{
	const char *colon = strchr(text, ':');

	if (!colon || colon == text || !colon[1] || colon[1] == ':' || strchr(colon + 1, ':'))
		return NULL;
	for (const char *p = text; *p; p++)
		if (p != colon && !is_word(*p) && *p != '-' && *p != '.')
			return NULL;
	return colon;
}

static int parse_hex(const char *text, __u64 *out)
{
	char *end;

	if (strncmp(text, "0x", 2) && strncmp(text, "0X", 2))
		return -1;
	if (!isxdigit((unsigned char)text[2]))
		return -1;
	errno = 0;
	*out = strtoull(text + 2, &end, 16);
	return errno || *end ? -1 : 0;
}

/* len bytes of text, without blanks at the ends. */
static char *copy_trimmed(const char *text, size_t len)
{
	while (len && isspace((unsigned char)*text)) {
		text++;
		len--;
	}
	while (len && isspace((unsigned char)text[len - 1]))
		len--;
	return strndup(text, len);
}

static int parse_point(struct span_point *p, const char *spec, const char *text, size_t len)
{
	char *plus;
	const char *colon;

	p->text = copy_trimmed(text, len);
	if (!p->text)
		return wt_error(-ENOMEM, "--span");
	if (!*p->text)
		return wt_error(WT_EUSAGE, "--span \"%s\" names no place: " SHAPE " is expected", spec);
	if (isdigit((unsigned char)*p->text)) {
		p->where = SPAN_ADDRESS;
		if (parse_hex(p->text, &p->offset))
			return wt_error(WT_EUSAGE, "--span \"%s\": \"%s\" is neither a name nor an address "
					"like 0x1234", spec, p->text);
		return 0;
	}
	colon = usdt_colon(p->text);
	if (colon) {
		p->where = SPAN_USDT;
		p->probe = strdup(colon + 1);
		p->text[colon - p->text] = 0;
		return p->probe ? 0 : wt_error(-ENOMEM, "--span");
	}
	plus = strrchr(p->text, '+');
	if (plus && plus != p->text && !parse_hex(plus + 1, &p->offset))
		*plus = 0;
	return 0;
}

static int parse_name(struct span_spec *s, const char *text, const char *eq)
{
	size_t len = eq - text;

	if (!len || len > SPAN_NAME_MAX)
		return wt_error(WT_EUSAGE, "--span \"%s\": a name of 1 to %d letters is expected before '='",
				text, SPAN_NAME_MAX);
	for (size_t i = 0; i < len; i++)
		if (!is_word(text[i]) && !strchr("-._", text[i]))
			return wt_error(WT_EUSAGE, "--span \"%s\": a name has letters, digits, '-', '.' and "
					"'_' only", text);
	memcpy(s->name, text, len);
	return 0;
}

/* The first ':' that no '\' stands before; binary without those. */
static const char *parse_binary(struct span_spec *s, const char *text)
{
	const char *p = text;
	char *out;

	while (*p && *p != ':')
		p += p[0] == '\\' && p[1] ? 2 : 1;
	s->binary = strndup(text, p - text);
	if (!s->binary)
		return NULL;
	out = s->binary;
	for (const char *q = s->binary; *q; q++) {
		if (*q == '\\' && q[1])
			q++;
		*out++ = *q;
	}
	*out = 0;
	return p;
}

static int parse_where(struct span_spec *s, const char *spec, const char *where)
{
	int deep, err;
	const char *comma = find_comma(where, &deep);

	if (!comma && deep)
		return wt_error(WT_EUSAGE, "--span \"%s\": a bracket is not closed", spec);
	err = parse_point(&s->begin, spec, where, comma ? (size_t)(comma - where) : strlen(where));
	if (err || !comma)
		return err;
	s->has_end = true;
	if (find_comma(comma + 1, &deep))
		return wt_error(WT_EUSAGE, "--span \"%s\" names more than two places: " SHAPE
				" is expected", spec);
	return parse_point(&s->end, spec, comma + 1, strlen(comma + 1));
}

int span_spec__parse(struct span_spec *s, const char *text)
{
	const char *eq = strchr(text, '='), *colon;
	int err;

	memset(s, 0, sizeof(*s));
	if (!eq)
		return wt_error(WT_EUSAGE, "--span \"%s\": " SHAPE " is expected", text);
	err = parse_name(s, text, eq);
	if (err)
		return err;
	colon = parse_binary(s, eq + 1);
	if (!colon)
		return wt_error(-ENOMEM, "--span");
	if (!*colon || !*s->binary)
		err = wt_error(WT_EUSAGE, "--span \"%s\": " SHAPE " is expected", text);
	else
		err = parse_where(s, text, colon + 1);
	if (!err && !s->has_end && s->begin.where == SPAN_FUNCTION && s->begin.offset)
		err = wt_error(WT_EUSAGE, "--span \"%s\": a place inside a function begins a span only if "
			       "another one ends it: BEGIN,END", text);
	if (err)
		span_spec__free(s);
	return err;
}

void span_spec__free(struct span_spec *s)
{
	free(s->binary);
	free(s->begin.text);
	free(s->begin.probe);
	free(s->end.text);
	free(s->end.probe);
	memset(s, 0, sizeof(*s));
}
