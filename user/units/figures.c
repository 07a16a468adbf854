// SPDX-License-Identifier: GPL-2.0-or-later
#include "units/figures.h"

#include <string.h>
#include <strings.h>

#define MAX_SECONDS 3.2e8	/* ten years: nobody estimates more */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The length of what may separate thousands at s, or 0. */
static size_t separator(const char *s, size_t n)
{
	static const char *const wide[] = { "\xe2\x80\xaf", "\xe2\x80\x99", "\xe2\x80\x89", "\xc2\xa0" };

	if (n && strchr(".,'_ ", *s))
		return 1;
	for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++)
		if (n >= strlen(wide[i]) && !memcmp(s, wide[i], strlen(wide[i])))
			return strlen(wide[i]);
	return 0;
}

static size_t digits(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && is_digit(s[i]))
		i++;
	return i;
}

static bool add_digits(__u64 *v, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (__builtin_mul_overflow(*v, 10, v) || __builtin_add_overflow(*v, (__u64)(s[i] - '0'), v))
			return false;
	return true;
}

static __u64 multiple(char c)
{
	switch (c) {
	case 'k':
	case 'K':
		return 1000;
	case 'M':
		return 1000000;
	case 'G':
		return 1000000000;
	}
	return 0;
}

bool figure__count(const char *s, size_t n, __u64 *out)
{
	size_t i = digits(s, n), sep, whole = i;
	double fraction = 0;
	__u64 v = 0, times;

	if (!i || !add_digits(&v, s, i))
		return false;
	/* groups of three, with the same between all of them */
	for (const char *first = s + i; *s != '0' && whole <= 3 && i < n; i += sep + 3) {
		sep = separator(s + i, n - i);
		if (!sep || digits(s + i + sep, n - i - sep) != 3 || memcmp(first, s + i, sep))
			break;
		if (!add_digits(&v, s + i + sep, 3))
			return false;
	}
	if (i + 1 < n && strchr(".,", s[i]) && is_digit(s[i + 1])) {
		size_t d = digits(s + i + 1, n - i - 1);

		for (size_t k = d; k > 0; k--)
			fraction = (fraction + (s[i + k] - '0')) / 10;
		i += 1 + d;
	}
	times = i < n ? multiple(s[i]) : 0;
	if (times) {
		if (__builtin_mul_overflow(v, times, &v))
			return false;
		v += (__u64)(fraction * times + 0.5);
	}
	*out = v;
	return true;
}

static const struct unit {
	const char *name;
	double seconds;
} units[] = {
	{ "d", 86400 },	    { "day", 86400 },  { "days", 86400 }, { "h", 3600 },	{ "hr", 3600 },
	{ "hrs", 3600 },    { "hour", 3600 },  { "hours", 3600 }, { "std", 3600 },	{ "m", 60 },
	{ "min", 60 },	    { "mins", 60 },    { "minute", 60 },  { "minutes", 60 },	{ "minuten", 60 },
	{ "s", 1 },	    { "sec", 1 },      { "secs", 1 },	  { "second", 1 },	{ "seconds", 1 },
	{ "sek", 1 },	    { "sekunden", 1 }, { "ms", 1e-3 },	  { "msec", 1e-3 },	{ "millis", 1e-3 },
	{ "milliseconds", 1e-3 }, { "us", 1e-6 }, { "\xc2\xb5s", 1e-6 }, { "\xce\xbcs", 1e-6 },
	{ "usec", 1e-6 },   { "ns", 1e-9 },
};

/* Seconds in the unit that is named at s; *len: of its name, 0 when there is none. */
static double unit_at(const char *s, size_t n, size_t *len)
{
	size_t i = 0;

	while (i < n && (((s[i] | 0x20) >= 'a' && (s[i] | 0x20) <= 'z') || (unsigned char)s[i] >= 0x80))
		i++;
	*len = 0;
	for (size_t k = 0; k < sizeof(units) / sizeof(units[0]); k++) {
		if (strlen(units[k].name) == i && !strncasecmp(units[k].name, s, i)) {
			*len = i;
			return units[k].seconds;
		}
	}
	return 0;
}

/* A number with a decimal point or comma; moves *i behind it. */
static double number_at(const char *s, size_t n, size_t *i)
{
	size_t whole = digits(s + *i, n - *i);
	double v = 0, scale = 1;

	for (size_t k = 0; k < whole; k++)
		v = v * 10 + (s[*i + k] - '0');
	*i += whole;
	if (*i + 1 >= n || !strchr(".,", s[*i]) || !is_digit(s[*i + 1]))
		return v;
	for (++*i; *i < n && is_digit(s[*i]); ++*i)
		v += (s[*i] - '0') * (scale /= 10);
	return v;
}

static size_t skip_blanks(const char *s, size_t n, size_t i)
{
	while (i < n && (s[i] == ' ' || s[i] == ','))
		i++;
	return i;
}

__s64 figure__duration(const char *s, size_t n, __u64 unit_ns)
{
	double total = 0, clock = 0;
	bool any = false, in_clock = false;

	for (size_t i = skip_blanks(s, n, 0); i < n && is_digit(s[i]); i = skip_blanks(s, n, i)) {
		double v = number_at(s, n, &i), unit;
		size_t len, at;

		any = true;
		/* 1:02:03 */
		clock = clock * 60 + v;
		if (i + 1 < n && s[i] == ':' && is_digit(s[i + 1])) {
			in_clock = true;
			i++;
			continue;
		}
		if (in_clock) {
			total += clock;
			break;
		}
		clock = 0;
		at = i < n && s[i] == ' ' ? i + 1 : i;
		unit = unit_at(s + at, n - at, &len);
		if (!len) {
			/* "1h 5": nothing but a first number may lack its unit */
			total += total > 0 ? 0 : v * unit_ns / 1e9;
			break;
		}
		total += v * unit;
		i = at + len;
	}
	if (!any || total > MAX_SECONDS)
		return -1;
	return (__s64)(total * 1e9 + 0.5);
}
