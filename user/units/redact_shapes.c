// SPDX-License-Identifier: GPL-2.0-or-later
/* redact_shapes.c - secrets and ids of users that are known by what they look like. */
#include "units/redact_impl.h"

#include <string.h>

/* Prefixes that those who hand out tokens gave them, to be found by just this. */
static const struct shape {
	const char *prefix;
	unsigned min;		/* characters of a token that follow, at least */
	bool upper;		/* capitals and digits only */
} shapes[] = {
	{ "AKIA", 12, true },	     { "ASIA", 12, true },     { "AROA", 12, true },
	{ "eyJ", 17, false },	     { "ghp_", 16, false },    { "gho_", 16, false },
	{ "ghu_", 16, false },	     { "ghs_", 16, false },    { "ghr_", 16, false },
	{ "github_pat_", 16, false }, { "glpat-", 16, false }, { "xoxa-", 8, false },
	{ "xoxb-", 8, false },	     { "xoxp-", 8, false },    { "xoxr-", 8, false },
	{ "xoxs-", 8, false },	     { "sk_live_", 8, false }, { "rk_live_", 8, false },
	{ "sk_test_", 8, false },    { "sk-", 20, false },     { "AIza", 30, false },
	{ "ya29.", 16, false },	     { "npm_", 30, false },    { "pypi-", 32, false },
	{ "SG.", 20, false },	     { "dop_v1_", 32, false }, { "hvs.", 20, false },
	{ "whsec_", 16, false },     { "hf_", 30, false },
};

static bool is_token(char c)
{
	return is_alnum(c) || c == '_' || c == '-' || c == '.' || c == '=';
}

static bool is_capital(char c)
{
	return is_digit(c) || (c >= 'A' && c <= 'Z');
}

static size_t token_len(struct span s, bool upper)
{
	size_t n = 0;

	while (n < s.n && (upper ? is_capital(s.p[n]) : is_token(s.p[n])))
		n++;
	/* the full stop of a sentence */
	while (n && s.p[n - 1] == '.')
		n--;
	return n;
}

/* Whether at least min characters of a token follow: looks no further than that. */
static bool follows(struct span s, unsigned min, bool upper)
{
	if (s.n < min)
		return false;
	s.n = min;
	return token_len(s, upper) == min;
}

static size_t private_key(struct span s)
{
	static const char begin[] = "-----BEGIN ", kind[] = "PRIVATE KEY";

	if (s.n < sizeof(begin) || memcmp(s.p, begin, sizeof(begin) - 1))
		return 0;
	/* to the end of all there is: the key's lines follow */
	return memmem(s.p, s.n < 64 ? s.n : 64, kind, sizeof(kind) - 1) ? s.n : 0;
}

size_t secret_shape(struct span s)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		const struct shape *k = &shapes[i];
		size_t n;
		struct span rest;

		if (*k->prefix != *s.p)
			continue;
		n = strlen(k->prefix);
		if (s.n <= n || memcmp(s.p, k->prefix, n))
			continue;
		rest = (struct span){ s.p + n, s.n - n };
		if (follows(rest, k->min, k->upper))
			return n + token_len(rest, k->upper);
	}
	return *s.p == '-' ? private_key(s) : 0;
}

size_t user_shape(struct span s, size_t *keep)
{
	static const char *const who[] = {
		"users", "user", "usr", "uid", "customers", "customer", "members", "member",
		"accounts", "account", NULL,
	};
	size_t n = 0, digits = 0;
	unsigned min = 1;

	for (const char *const *w = who; *w && !n; w++)
		if (span_begins(s, *w))
			n = strlen(*w);
	if (!n || n == s.n)
		return 0;
	if (strchr("_-/#(:", s.p[n])) {
		n++;
	} else if (s.p[n] == ' ') {
		/* "user 12 of 340" counts, "user 4711" names */
		min = 3;
		n++;
		if (n < s.n && s.p[n] == '#')
			n++;
	} else if (!is_digit(s.p[n])) {
		return 0;
	}
	while (n + digits < s.n && is_digit(s.p[n + digits]))
		digits++;
	if (digits < min || (n + digits < s.n && is_alpha(s.p[n + digits])))
		return 0;
	*keep = n;
	return n + digits;
}
