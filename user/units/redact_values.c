// SPDX-License-Identifier: GPL-2.0-or-later
/* redact_values.c - where the value of a name ends, and what stands in its place. */
#include "units/redact_impl.h"

#define MAX_BLANKS 8		/* around the '=' of name = value */

void emit(struct pass *s, const char *p, size_t n)
{
	if (n > s->cap - s->n)
		n = s->cap - s->n;
	if (n)
		memcpy(s->out + s->n, p, n);
	s->n += n;
}

void forget_runs(struct pass *s)
{
	s->run_in = s->colon_in = NOWHERE;
}

void keep(struct pass *s, size_t to)
{
	emit(s, s->in + s->i, to - s->i);
	s->i = to;
	forget_runs(s);
}

void hide(struct pass *s, size_t to, const char *word)
{
	emit(s, word, strlen(word));
	s->i = to;
	forget_runs(s);
}

size_t skip_blanks(const struct pass *s, size_t i)
{
	for (unsigned n = 0; n < MAX_BLANKS && i < s->len && is_blank(s->in[i]); n++)
		i++;
	return i;
}

size_t element_end(const struct pass *s, size_t from)
{
	const char *nul = s->argv ? memchr(s->in + from, 0, s->len - from) : NULL;

	return nul ? (size_t)(nul - s->in) : s->len;
}

bool at_element_start(const struct pass *s, size_t i)
{
	return s->argv && (!i || !s->in[i - 1]);
}

size_t quoted_end(const struct pass *s, size_t from, char quote, bool escaped)
{
	for (; from < s->len; from++) {
		char c = s->in[from];

		if (c == quote || (s->argv && !c) || c == '\n')
			break;
		if (c != '\\')
			continue;
		if (escaped)
			break;
		if (from + 1 < s->len && (is_quote(s->in[from + 1]) || s->in[from + 1] == '\\'))
			from++;
	}
	return from < s->len ? from : s->len;
}

size_t plain_end(struct pass *s, size_t from, bool in_query)
{
	struct known_end *known = &s->plain[!!s->quote];
	size_t i;

	if (!in_query && known->quote == s->quote && known->from <= from && from <= known->to)
		return known->to;
	for (i = from; i < s->len; i++) {
		char c = s->in[i];

		if (is_blank(c) || !c || c == '\n' || c == '\r' || c == '<' || c == '>')
			break;
		if (s->quote ? c == s->quote : in_query && is_quote(c))
			break;
		if (in_query && (c == '&' || c == '#' ||
				 (c == '%' && i + 2 < s->len && s->in[i + 1] == '2' && s->in[i + 2] == '6')))
			break;
	}
	if (!in_query)
		*known = (struct known_end){ .from = from, .to = i, .quote = s->quote };
	return i;
}

/* user:password, user%password: the user may stay.  Leaves a user alone as it is. */
static void hide_pair(struct pass *s, size_t end)
{
	size_t i = s->i;

	while (i < end && !strchr(":%,", s->in[i]))
		i++;
	if (i == end) {
		s->pending = OPEN;
		return;
	}
	keep(s, i + 1);
	hide(s, end, "[secret]");
}

/* "Bearer X", "Basic X"; schemes with many fields take all that is left. */
static void hide_header(struct pass *s, size_t end)
{
	static const char *const one[] = {
		"bearer", "basic", "token", "negotiate", "ntlm", "apikey", "jwt", NULL,
	};
	static const char *const many[] = {
		"digest", "oauth", "aws4-hmac-sha256", "signature", "hawk", NULL,
	};
	size_t e = s->i, word;
	struct span scheme;

	while (e < end && (is_alnum(s->in[e]) || s->in[e] == '-'))
		e++;
	scheme = at(s, s->i, e);
	if (e == end || !is_blank(s->in[e])) {
		end = e < (word = plain_end(s, s->i, false)) && word < end ? word : end;
	} else if (span_among(scheme, one)) {
		keep(s, skip_blanks(s, e));
		word = plain_end(s, s->i, false);
		end = word < end ? word : end;
	} else if (span_among(scheme, many)) {
		keep(s, skip_blanks(s, e));
	}
	hide(s, end > s->i ? end : s->i, "[secret]");
}

static size_t digits(struct span v, size_t i)
{
	while (i < v.n && is_digit(v.p[i]))
		i++;
	return i;
}

/* A fraction or a share is no id: "user: 12.3%" is what top says. */
static bool is_figure(struct span v)
{
	size_t whole = digits(v, 0), i = whole;

	if (i + 1 < v.n && v.p[i] == '.')
		i = digits(v, i + 1);
	if (i < v.n && v.p[i] == 'm')
		i++;
	if (i < v.n && strchr("%s", v.p[i]))
		i++;
	return whole && i > whole && i == v.n;
}

/* Whether the option's value names a person rather than a service's account. */
static bool is_persons_id(struct span v)
{
	unsigned digits = 0;

	for (size_t i = 0; i < v.n; i++) {
		digits += is_digit(v.p[i]);
		if (v.p[i] == '@' || digits >= 3)
			return true;
	}
	return false;
}

bool hide_value(struct pass *s, enum secrecy secrecy, struct span name, size_t end,
		       bool option)
{
	struct span v = at(s, s->i, end);

	if (value_is_harmless(name, v))
		return false;
	switch (secrecy) {
	case SECRET_IF_RANDOM:
		if (!value_is_random(v))
			return false;
		/* fall through */
	case SECRET:
	case SECRET_LINE:
		hide(s, end, "[secret]");
		return true;
	case SECRET_HEADER:
		hide_header(s, end);
		return true;
	case SECRET_PAIR:
		hide_pair(s, end);
		return s->i == end;
	case PERSONAL:
		if (option ? !is_persons_id(v) : is_figure(v))
			return false;
		/* an address says what it is */
		hide(s, end, memchr(v.p, '@', v.n) || memmem(v.p, v.n, "%40", 3) ? "[email]" :
			     "[user]");
		return true;
	case OPEN:
		break;
	}
	return false;
}
