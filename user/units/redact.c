// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * redact.c - one pass over a text, from left to right, that copies what may stay.
 *
 * At each place the questions are: does a word begin here that is an option or the
 * value of one; does a name begin here, with a value that is private; a token of known
 * shape; is this the :// of a URL or the @ of an address.  Looking ahead is bounded,
 * ends where the pass goes on, or is remembered per word: the whole stays linear.
 */
#include "units/redact.h"

#include "units/redact_impl.h"

#define MAX_NAME 256		/* of a longer name, its end */

static size_t scan_to(const struct pass *s, size_t from, const char *ends)
{
	/* strchr() finds the NUL, too */
	while (from < s->len && !strchr(ends, s->in[from]))
		from++;
	return from;
}

/* Where the line, the quoted string or the word of an argument vector ends. */
static size_t rest_end(struct pass *s, size_t from)
{
	if (s->quote)
		return scan_to(s, from, (char[]){ s->quote, '\n', 0 });
	if (from < s->line.from || from > s->line.to)
		s->line = (struct known_end){ .from = from, .to = scan_to(s, from, "\n") };
	return s->line.to;
}

static bool in_element_or_line(const struct pass *s, size_t i)
{
	return i < s->len && s->in[i] && s->in[i] != '\n' && s->in[i] != '\r';
}

/* What may stand before the '@' of an address. */
static bool is_local(char c)
{
	return is_alnum(c) || (c && strchr("._%+-~", c)) || (unsigned char)c >= 0x80;
}

/* The word from here on is the value of the option before it. */
static bool take_pending(struct pass *s)
{
	enum secrecy secrecy = s->pending;
	size_t end;

	s->pending = OPEN;
	if (s->i + 2 < s->len && !memcmp(s->in + s->i, "--", 2) && is_alpha(s->in[s->i + 2]))
		return false;	/* the next option: a password was to be asked for */
	if (at_element_start(s, s->i))
		end = element_end(s, s->i);
	else if (s->quote && s->in[s->i - 1] == s->quote)
		end = quoted_end(s, s->i, s->quote, false);
	else
		end = plain_end(s, s->i, false);
	return hide_value(s, secrecy, s->pending_name, end, true);
}

struct value {
	size_t start;
	char quote;
	bool escaped;
	bool colon;
	bool name_quoted;	/* "name": as in JSON */
};

/* Where the value of the name that ends at e begins; false: none follows. */
static bool find_value(const struct pass *s, size_t e, struct value *v)
{
	size_t i = e, blanks;

	*v = (struct value){ 0 };
	for (; i < s->len && i < e + 4 && (s->in[i] == '\\' || is_quote(s->in[i]) || s->in[i] == ']'); i++)
		v->name_quoted |= is_quote(s->in[i]);
	blanks = i;
	i = skip_blanks(s, i);
	blanks = i - blanks;
	if (i + 2 < s->len && s->in[i] == '%' && s->in[i + 1] == '3' && to_lower(s->in[i + 2]) == 'd') {
		i += 3;
	} else if (i < s->len && (s->in[i] == '=' || s->in[i] == ':')) {
		v->colon = s->in[i] == ':';
		i++;
		if (v->colon && i + 1 < s->len && s->in[i] == '/' && s->in[i + 1] == '/')
			return false;
		while (i < s->len && (s->in[i] == '=' || s->in[i] == '>'))
			i++, v->colon = false;
		i = skip_blanks(s, i);
	} else if (!blanks || i == s->len || !is_quote(s->in[i])) {
		return false;	/* but PASSWORD 'x' */
	}
	if (i + 1 < s->len && strchr("bu", to_lower(s->in[i])) && is_quote(s->in[i + 1]))
		i++;		/* Python's b'…' */
	while (i < s->len && s->in[i] == '\\')
		i++, v->escaped = true;
	if (i < s->len && is_quote(s->in[i]))
		v->quote = s->in[i++];
	else
		v->escaped = false;
	v->start = i;
	return in_element_or_line(s, i);
}

static size_t value_end(struct pass *s, enum secrecy secrecy, const struct value *v,
			bool whole, bool in_query)
{
	size_t end;

	if (whole)
		return element_end(s, v->start);
	if (v->quote)
		return quoted_end(s, v->start, v->quote, v->escaped);
	if (secrecy == SECRET_HEADER || (secrecy == SECRET_LINE && v->colon)) {
		return rest_end(s, v->start);
	}
	end = plain_end(s, v->start, in_query);
	/* an id, a number in JSON: neither has one of these in it */
	if (secrecy == PERSONAL || (v->name_quoted && v->colon))
		for (size_t i = v->start; i < end; i++)
			if (strchr(",;&)}]", s->in[i]))
				return i;
	return end;
}

/* Behind %26 and the like, a character within a URL that is a parameter of another. */
static bool behind_escape(const struct pass *s, size_t i)
{
	return i >= 3 && s->in[i - 3] == '%' && is_hex(s->in[i - 2]) && is_hex(s->in[i - 1]);
}

/* A name begins here: hides its value if that is private. */
static bool take_name(struct pass *s)
{
	size_t e = s->i, first = s->i, end;
	bool in_query = s->i && (memchr("?&", s->in[s->i - 1], 2) || behind_escape(s, s->i));
	enum secrecy secrecy;
	struct span name;
	struct value v;
	bool whole;

	while (e < s->len && is_name(s->in[e]))
		e++;
	s->name_end = e;
	name = at(s, e - s->i > MAX_NAME ? e - MAX_NAME : s->i, e);
	secrecy = secrecy_of_name(name);
	if (secrecy == OPEN || !find_value(s, e, &v))
		return false;
	/* {"token": {"id": …}}: the values are further in */
	if (!v.quote && v.colon && memchr("{[", s->in[v.start], 2))
		return false;
	if (in_query && secrecy == SECRET_IF_RANDOM)
		secrecy = SECRET;
	while (first && s->in[first - 1] == '-')
		first--;
	whole = at_element_start(s, first);
	s->pending = OPEN;
	if (v.name_quoted)
		s->quote = 0;
	end = value_end(s, secrecy, &v, whole, in_query);
	keep(s, v.start);
	if (hide_value(s, secrecy, name, end, false)) {
		if (v.quote && !v.escaped && s->i < s->len && s->in[s->i] == v.quote)
			keep(s, s->i + 1);
		return true;
	}
	if (!s->quote)
		s->quote = v.quote;
	if (v.colon)
		s->colon_in = s->i, s->colon_out = s->n;	/* key:password@host */
	return true;
}

/* --password X: the next word; -pX of programs that are known. */
static bool take_option(struct pass *s, size_t end)
{
	size_t glued = 0, start = s->i;
	struct span word = at(s, s->i, end), name = word;
	enum secrecy secrecy = secret_option(s->program, word, &glued);

	if (secrecy != OPEN && glued == word.n && end < s->len && is_quote(s->in[end])) {
		s->pending = secrecy;	/* -p'X Y' */
		return false;
	}
	if (secrecy != OPEN && glued) {
		keep(s, start + glued);
		hide_value(s, secrecy, (struct span){ "", 0 },
			   at_element_start(s, start) ? element_end(s, start) : end, true);
		return true;
	}
	if (secrecy == OPEN) {
		while (name.n && *name.p == '-')
			name.p++, name.n--;
		if (!name.n || name.n > MAX_NAME || memchr(name.p, '=', name.n) ||
		    memchr(name.p, ':', name.n) || span_begins(name, "no-"))
			return false;
		secrecy = secrecy_of_name(name);
	}
	s->pending = secrecy;
	s->pending_name = name;
	return false;
}

static bool take_bearer(struct pass *s, size_t end)
{
	size_t e;

	if (!span_is(at(s, s->i, end), "bearer") || end == s->len || s->in[end] != ' ')
		return false;
	e = plain_end(s, end + 1, false);
	/* the bearer of a message is not one */
	if (e - end < 8 || (!value_is_random(at(s, end + 1, e)) && e - end < 24))
		return false;
	keep(s, end + 1);
	hide(s, e, "[secret]");
	return true;
}

/* A word begins here.  True: something of it was dealt with. */
static bool take_word(struct pass *s)
{
	static const char *const takers[] = { "requirepass", "masterauth", NULL };
	size_t end = s->i, start = s->i;
	struct span word;
	int program;

	s->last_at = NOWHERE;
	for (; end < s->len && !ends_word(s->in[end]); end++)
		if (s->in[end] == '@')
			s->last_at = end;
	s->in_url = false;
	forget_runs(s);
	word = at(s, start, end);
	program = secret_program(word);
	if (program >= 0)
		s->program = program;
	if (s->in[start] == '-')
		return take_option(s, end);
	if (span_among(word, takers)) {
		s->pending = SECRET;
		s->pending_name = word;
	}
	if (span_is(word, "identified") && span_begins(at(s, end, s->len), " by ")) {
		keep(s, end + 4);
		s->pending = SECRET;
		s->pending_name = word;
		return true;
	}
	return take_bearer(s, end);
}

static bool begins(const struct pass *s, const char *what)
{
	size_t n = strlen(what);

	return s->len - s->i >= n && !memcmp(s->in + s->i, what, n);
}

/* Whether the letter or digit at i follows something that is neither. */
static bool piece_starts(const struct pass *s, size_t i)
{
	if (!i || behind_escape(s, i))
		return true;
	if (s->in[i - 1] == '%' && i + 1 < s->len && is_hex(s->in[i]) && is_hex(s->in[i + 1]))
		return false;
	return !is_alnum(s->in[i - 1]);
}

/* Whether what comes after an option begins here. */
static bool pending_starts(const struct pass *s)
{
	return at_element_start(s, s->i) || !ends_word(s->in[s->i]) ||
	       (s->i && s->quote && s->in[s->i - 1] == s->quote);
}

static bool take_piece(struct pass *s)
{
	size_t kept, n = secret_shape(at(s, s->i, s->len));

	if (n) {
		hide(s, s->i + n, "[secret]");
		return true;
	}
	n = user_shape(at(s, s->i, s->len), &kept);
	if (n) {
		keep(s, s->i + kept);
		hide(s, s->i + n - kept, "[user]");
		return true;
	}
	return s->i >= s->name_end && take_name(s);
}

static void copy_delimiter(struct pass *s)
{
	char c = s->in[s->i];

	/* an apostrophe opens nothing */
	if (is_quote(c) && c == s->quote)
		s->quote = 0;
	else if (is_quote(c) && !s->quote && (!s->i || !is_alnum(s->in[s->i - 1]) || s->pending))
		s->quote = c;
	else if (!c || c == '\n')
		s->quote = 0;
	if (c == '\n')
		s->program = -1, s->pending = OPEN;
	keep(s, s->i + 1);
}

static void copy_byte(struct pass *s)
{
	char c = s->in[s->i];

	if (!is_local(c))
		s->run_in = NOWHERE;
	else if (s->run_in == NOWHERE)
		s->run_in = s->i, s->run_out = s->n;
	emit(s, &c, 1);
	s->i++;
	/* [0:v]scale[a];[a]overlay@x: filters of ffmpeg, no password */
	if (strchr("[],;", c))
		s->colon_in = NOWHERE;
	if (c == ':' && !s->in_url && s->colon_in == NOWHERE && s->i > 1 &&
	    is_name(s->in[s->i - 2]) && s->i < s->len && s->in[s->i] != '/')
		s->colon_in = s->i, s->colon_out = s->n;
}

static void step(struct pass *s)
{
	char c = s->in[s->i];
	bool starts = !s->i || ends_word(s->in[s->i - 1]);

	if (starts && s->pending != OPEN && pending_starts(s) && take_pending(s))
		return;
	if (ends_word(c)) {
		copy_delimiter(s);
		return;
	}
	if (starts && take_word(s))
		return;
	if (c == '-' ? begins(s, "-----BEGIN ") : is_alnum(c) && piece_starts(s, s->i))
		if (take_piece(s))
			return;
	if (c == ':' && begins(s, "://") && take_url(s))
		return;
	if (c == '@' && (take_credentials(s) || take_address(s, s->i + 1)))
		return;
	if (c == '%' && begins(s, "%40") && take_address(s, s->i + 3))
		return;
	copy_byte(s);
}

static size_t redact(char *dst, size_t cap, const char *src, size_t len, bool argv)
{
	struct pass s = {
		.in = src, .len = len, .out = dst, .argv = argv, .program = -1,
		.cap = cap ? cap - 1 : 0, .last_at = NOWHERE, .run_in = NOWHERE, .colon_in = NOWHERE,
		.plain = { { .from = NOWHERE }, { .from = NOWHERE } }, .line = { .from = NOWHERE },
	};

	while (s.i < len && (s.n < s.cap || s.run_in != NOWHERE || s.colon_in != NOWHERE))
		step(&s);
	if (cap)
		dst[s.n] = 0;
	return s.n;
}

size_t redact__text(char *dst, size_t cap, const char *src, size_t len)
{
	return redact(dst, cap, src, len, false);
}

size_t redact__argv(char *dst, size_t cap, const char *src, size_t len)
{
	return redact(dst, cap, src, len, true);
}
