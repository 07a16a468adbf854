// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * regex_check.c - a reader of regular expressions that knows just enough.
 *
 * A repetition X+ inside of a repeated group is harmless when something that must
 * come between two of them can be told from X by its first look: (\w+,)+ can divide
 * a text in one way only, (\w+,?)+ in as many as there are.  So for each part of a
 * pattern we keep which bytes its repetitions take, and which bytes it cannot do without.
 */
#include "units/regex_check.h"

#include <linux/types.h>
#include <stdlib.h>
#include <string.h>

#define MAX_SETS 16
#define MAX_DEPTH 100
#define MANY 20			/* {0,MANY} is as good as a star */

struct set {
	__u64 bits[4];
};

/* What is known of a part; what does not fit in the lists makes the verdict milder. */
struct part {
	struct set repeated[MAX_SETS];	/* by its repetitions, however deep */
	struct set needed[MAX_SETS];	/* by what it cannot do without */
	unsigned n_repeated, n_needed;
	struct set all;			/* by anything in it */
	bool single;			/* it is one byte out of `all` */
	bool overlapping;		/* alternatives of one byte, not distinct */
};

struct reader {
	const char *p;		/* where we are */
	const char *base;
	bool extended;		/* (?x) */
	unsigned depth;
	bool bad;		/* found; start and end say where */
	size_t start, end;
};

static void add(struct set *s, unsigned char c)
{
	s->bits[c >> 6] |= 1ULL << (c & 63);
}

static void add_range(struct set *s, unsigned from, unsigned to)
{
	for (unsigned c = from; c <= to && c < 256; c++)
		add(s, c);
}

static void unite(struct set *s, const struct set *with)
{
	for (int i = 0; i < 4; i++)
		s->bits[i] |= with->bits[i];
}

static void invert(struct set *s)
{
	for (int i = 0; i < 4; i++)
		s->bits[i] = ~s->bits[i];
}

static bool disjoint(const struct set *a, const struct set *b)
{
	for (int i = 0; i < 4; i++)
		if (a->bits[i] & b->bits[i])
			return false;
	return true;
}

static const struct set everything = { { ~0ULL, ~0ULL, ~0ULL, ~0ULL } };

/* Both cases: whether (?i) is on is not looked at. */
static void add_letter(struct set *s, unsigned char c)
{
	add(s, c);
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
		add(s, c ^ 0x20);
}

static void add_kind(struct set *s, char kind)
{
	struct set k = { 0 };

	switch (kind | 0x20) {
	case 'd':
		add_range(&k, '0', '9');
		break;
	case 'w':
		add_range(&k, '0', '9');
		add_range(&k, 'a', 'z');
		add_range(&k, 'A', 'Z');
		add(&k, '_');
		break;
	case 's':
	case 'h':
	case 'v':
		add_range(&k, '\t', '\r');
		add(&k, ' ');
		add(&k, 0xa0);
		break;
	}
	if (kind < 'a')
		invert(&k);
	unite(s, &k);
}

static unsigned hex(const char **p, int max)
{
	unsigned v = 0;

	for (int i = 0; i < max && strchr("0123456789abcdefABCDEF", **p) && **p; i++, ++*p)
		v = v * 16 + (**p <= '9' ? **p - '0' : (**p | 0x20) - 'a' + 10);
	return v;
}

/*
 * What the escape behind a backslash stands for.  -1: a kind, added to s; -2: nothing
 * that takes bytes; -3: nobody knows.
 */
static int escape(struct reader *r, struct set *s)
{
	char c = *r->p;
	unsigned v;

	if (!c)
		return -2;
	r->p++;
	if (strchr("dDwWsShHvV", c)) {
		add_kind(s, c);
		return -1;
	}
	if (strchr("bBAzZGKE", c))
		return -2;
	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'r':
		return '\r';
	case 'e':
		return 0x1b;
	case 'a':
		return '\a';
	case 'f':
		return '\f';
	case '0':
		v = 0;
		for (int i = 0; i < 2 && *r->p >= '0' && *r->p <= '7'; i++)
			v = v * 8 + (*r->p++ - '0');
		return v;
	case 'x':
		if (*r->p != '{')
			return hex(&r->p, 2);
		r->p++;
		v = hex(&r->p, 8);
		while (*r->p && *r->p != '}')
			r->p++;
		r->p += *r->p == '}';
		return v < 256 ? (int)v : -3;
	}
	if ((c >= '1' && c <= '9') || strchr("pPgkXRNCc", c)) {
		if (*r->p == '{' || (strchr("gk", c) && (*r->p == '<' || *r->p == '\''))) {
			while (*r->p && !strchr("}>'", *++r->p))
				;
			r->p += *r->p != 0;
		} else if (strchr("pPc", c) && *r->p) {
			r->p++;
		}
		return -3;
	}
	return (unsigned char)c;
}

/* "[" was read. */
static void bracket(struct reader *r, struct set *s)
{
	struct set in = { 0 };
	bool inverted = *r->p == '^';
	int last = -1;

	r->p += inverted;
	for (bool first = true; *r->p && (*r->p != ']' || first); first = false) {
		int c = (unsigned char)*r->p++;

		if (c == '[' && (*r->p == ':' || *r->p == '.' || *r->p == '=')) {
			/* [:digit:] and its kin: which one does not matter that much */
			add_range(&in, '0', 'z');
			while (*r->p && *r->p != ']')
				r->p++;
			r->p += *r->p == ']';
			last = -1;
			continue;
		}
		if (c == '\\')
			c = escape(r, &in);
		if (c == -3)
			in = everything;
		if (c == '-' && last >= 0 && *r->p && *r->p != ']') {
			int to = (unsigned char)*r->p++;

			if (to == '\\')
				to = escape(r, &in);
			if (to >= last)
				add_range(&in, last, to);
			last = -1;
			continue;
		}
		if (c >= 0)
			add_letter(&in, c);
		last = c;
	}
	r->p += *r->p == ']';
	if (inverted)
		invert(&in);
	unite(s, &in);
}

struct repeat {
	unsigned min, max;	/* max: MANY and more is many */
	bool possessive;
};

static bool braces(struct reader *r, struct repeat *q)
{
	const char *p = r->p + 1;
	char *end;

	if ((*p < '0' || *p > '9') && *p != ',')
		return false;
	q->min = strtoul(p, &end, 10);
	q->max = q->min;
	if (*end == ',')
		q->max = end[1] == '}' ? MANY : strtoul(end + 1, &end, 10);
	while (*end == ',' || *end == ' ')
		end++;
	if (*end != '}')
		return false;
	r->p = end + 1;
	return true;
}

static struct repeat quantifier(struct reader *r)
{
	struct repeat q = { 1, 1, false };

	switch (*r->p) {
	case '*':
		q = (struct repeat){ 0, MANY, false };
		break;
	case '+':
		q = (struct repeat){ 1, MANY, false };
		break;
	case '?':
		q = (struct repeat){ 0, 1, false };
		break;
	case '{':
		if (!braces(r, &q))
			return q;
		r->p--;
		break;
	default:
		return q;
	}
	r->p++;
	q.possessive = *r->p == '+';
	if (*r->p == '+' || *r->p == '?')
		r->p++;
	return q;
}

static bool is_many(struct repeat q)
{
	return q.max >= MANY && q.max > q.min && !q.possessive;
}

static void note_repeated(struct part *to, const struct set *s)
{
	if (to->n_repeated < MAX_SETS)
		to->repeated[to->n_repeated++] = *s;
}

static void note_needed(struct part *to, const struct set *s)
{
	if (to->n_needed < MAX_SETS)
		to->needed[to->n_needed++] = *s;
}

/* Whether repeating it could divide a text in many ways. */
static bool is_ambiguous(const struct part *body)
{
	if (body->overlapping)
		return true;
	for (unsigned i = 0; i < body->n_repeated; i++) {
		bool told = false;

		for (unsigned k = 0; k < body->n_needed; k++)
			told |= disjoint(&body->repeated[i], &body->needed[k]);
		if (!told)
			return true;
	}
	return false;
}

static void alternation(struct reader *r, struct part *out);

/* How a group begins, behind "(". */
struct group {
	bool atomic;		/* nothing goes back into it */
	bool look;		/* it takes no bytes */
	bool none;		/* a setting, a comment, a reference: there is no body */
	bool unknown;		/* … and it may take anything */
};

static void skip_to(struct reader *r, char c)
{
	while (*r->p && *r->p != c)
		r->p++;
	r->p += *r->p == c;
}

/* (?i), (?x-i), (?i:…): true when a body follows. */
static bool settings(struct reader *r)
{
	bool off = false;

	for (; *r->p && *r->p != ')' && *r->p != ':'; r->p++) {
		if (*r->p == '-')
			off = true;
		if (*r->p == 'x')
			r->extended = !off;
	}
	if (*r->p != ':')
		return false;
	r->p++;
	return true;
}

static struct group group_start(struct reader *r)
{
	struct group g = { 0 };

	if (*r->p == '*') {
		skip_to(r, ')');
		g.none = true;
		return g;
	}
	if (*r->p != '?')
		return g;
	r->p++;
	switch (*r->p) {
	case '#':
		skip_to(r, ')');
		g.none = true;
		break;
	case ':':
	case '|':
		r->p++;
		break;
	case '>':
		r->p++;
		g.atomic = true;
		break;
	case '=':
	case '!':
		r->p++;
		g.look = true;
		break;
	case '<':
		g.look = r->p[1] == '=' || r->p[1] == '!';
		if (g.look)
			r->p += 2;
		else
			skip_to(r, '>');
		break;
	case '\'':
		r->p++;
		skip_to(r, '\'');
		break;
	case 'P':
		if (r->p[1] == '<') {
			skip_to(r, '>');
			break;
		}
		/* fall through */
	case 'R':
	case '&':
	case '0' ... '9':
	case '+':
	case 'C':
		skip_to(r, ')');
		g.none = g.unknown = true;
		break;
	case '(':
		skip_to(r, ')');	/* the condition; its branches follow */
		break;
	default:
		g.none = !settings(r);
		if (g.none)
			skip_to(r, ')');
	}
	return g;
}

/* "(" was read, at `start`. */
static void group(struct reader *r, struct part *out, const char *start)
{
	bool extended = r->extended;
	struct group g = group_start(r);
	struct part body = { 0 };
	struct repeat q;

	if (g.none) {
		if (g.unknown)
			unite(&out->all, &everything);
		return;
	}
	if (++r->depth > MAX_DEPTH)
		return;
	alternation(r, &body);
	r->depth--;
	r->p += *r->p == ')';
	r->extended = extended;
	q = quantifier(r);
	if (is_many(q) && !g.look && !g.atomic && is_ambiguous(&body) && !r->bad) {
		r->bad = true;
		r->start = start - r->base;
		r->end = r->p - r->base;
	}
	if (g.look)
		return;
	unite(&out->all, &body.all);
	if (is_many(q))
		note_repeated(out, &body.all);
	for (unsigned i = 0; i < body.n_repeated && !g.atomic && !q.possessive; i++)
		note_repeated(out, &body.repeated[i]);
	for (unsigned i = 0; i < body.n_needed && q.min; i++)
		note_needed(out, &body.needed[i]);
	out->single = body.single && q.min == 1 && q.max == 1;
}

/* One byte, or a kind of byte, with its quantifier. */
static void atom(struct reader *r, struct part *out)
{
	struct set s = { 0 };
	char c = *r->p++;
	struct repeat q;
	int v;

	if (c == '[') {
		bracket(r, &s);
	} else if (c == '.') {
		s = everything;
	} else if (c == '^' || c == '$') {
		return;
	} else if (c == '\\') {
		v = escape(r, &s);
		if (v == -2)
			return;
		if (v == -3)
			s = everything;
		if (v >= 0)
			add_letter(&s, v);
	} else {
		add_letter(&s, c);
	}
	q = quantifier(r);
	unite(&out->all, &s);
	if (is_many(q))
		note_repeated(out, &s);
	if (q.min)
		note_needed(out, &s);
	out->single = q.min == 1 && q.max == 1;
}

/* \Q … \E */
static void literal(struct reader *r, struct part *out)
{
	for (r->p += 2; *r->p && strncmp(r->p, "\\E", 2); r->p++) {
		struct set s = { 0 };

		add_letter(&s, *r->p);
		unite(&out->all, &s);
		note_needed(out, &s);
	}
	r->p += *r->p ? 2 : 0;
}

static void branch(struct reader *r, struct part *out)
{
	unsigned items = 0;

	while (*r->p && *r->p != '|' && *r->p != ')') {
		const char *start = r->p;

		if (r->extended && strchr(" \t\n", *r->p)) {
			r->p++;
			continue;
		}
		if (r->extended && *r->p == '#') {
			skip_to(r, '\n');
			continue;
		}
		items++;
		out->single = false;
		if (*r->p == '(') {
			r->p++;
			group(r, out, start);
		} else if (!strncmp(r->p, "\\Q", 2)) {
			literal(r, out);
		} else {
			atom(r, out);
		}
	}
	out->single &= items == 1;
}

/*
 * Branches up to ")" or the end.  The repeated group is looked at branch by branch:
 * what is needed in one does not divide the others.
 */
static void alternation(struct reader *r, struct part *out)
{
	struct set seen = { 0 };
	unsigned n = 0;

	for (;; r->p++, n++) {
		struct part one = { 0 };

		branch(r, &one);
		if (one.single && !disjoint(&seen, &one.all))
			out->overlapping = true;
		if (one.single)
			unite(&seen, &one.all);
		out->overlapping |= one.overlapping;
		unite(&out->all, &one.all);
		/* of what is told apart within its branch nothing is left to worry about */
		if (n || *r->p == '|') {
			if (is_ambiguous(&one))
				note_repeated(out, &everything);
		} else {
			memcpy(out->repeated, one.repeated, sizeof(one.repeated));
			memcpy(out->needed, one.needed, sizeof(one.needed));
			out->n_repeated = one.n_repeated;
			out->n_needed = one.n_needed;
			out->single = one.single;
		}
		if (*r->p != '|')
			break;
	}
	if (n)
		out->single = false;
}

bool regex_check(const char *pattern, size_t *start, size_t *end)
{
	struct reader r = { .p = pattern, .base = pattern };
	struct part whole = { 0 };

	alternation(&r, &whole);
	*start = r.start;
	*end = r.end;
	return !r.bad;
}
