// SPDX-License-Identifier: GPL-2.0-or-later
/* match_pattern.c - patterns by PCRE2, and what their named groups say. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "ledger/text.h"
#include "units/figures.h"
#include "units/match_impl.h"
#include "units/regex_check.h"
#include "util/clock.h"
#include "util/log.h"

#define MAX_PATTERN 4096
#define MATCH_LIMIT 50000	/* steps; a line of 4 KiB takes some thousands */
#define HEAP_LIMIT 512		/* KiB, where there is no JIT */
#define JIT_STACK (256 * 1024)
#define SHOWN 256		/* bytes of a pattern in a sentence */
#define OVECTOR 64		/* groups that can be looked at */

static const char *const role_names[N_ROLES] = {
	"unit", "done", "total", "begin", "end", "ok", "failed", "elapsed", "remaining", "left",
	"queued", "retry", "elapsed_ms", "share", "key",
};

/* -1: there is no such role. */
static int role_of(const char *name, unsigned n_roles)
{
	for (unsigned i = 0; i < n_roles; i++)
		if (!strcmp(name, role_names[i]))
			return i;
	return -1;
}

/* A pattern, or a part of one, as it fits into a sentence. */
static void show(char *out, const char *s, size_t n)
{
	text__clean(out, SHOWN, s, n, false);
}

static int refuse(const char *regex, const char *what)
{
	char shown[SHOWN];

	show(shown, regex, strlen(regex));
	return wt_error(WT_EUSAGE, "--unit-line \"%s\": %s", shown, what);
}

static int unknown_group(const char *regex, const char *name)
{
	char shown[SHOWN];

	show(shown, regex, strlen(regex));
	return wt_error(WT_EUSAGE, "--unit-line \"%s\": there is no group \"%s\": unit, done, total, "
			"left, begin, end, ok, failed, elapsed and remaining have a meaning", shown, name);
}

/* Finds the groups' numbers.  NULL, or the name of one that has no meaning. */
static const char *find_groups(struct pattern *p, unsigned n_roles)
{
	PCRE2_SPTR table;
	uint32_t n, size;

	pcre2_pattern_info(p->code, PCRE2_INFO_NAMECOUNT, &n);
	pcre2_pattern_info(p->code, PCRE2_INFO_NAMEENTRYSIZE, &size);
	pcre2_pattern_info(p->code, PCRE2_INFO_NAMETABLE, &table);
	for (; n--; table += size) {
		const char *name = (const char *)table + 2;
		int role = role_of(name, n_roles);
		unsigned number = table[0] << 8 | table[1];

		if (role < 0)
			return name;
		for (unsigned i = 0; i < MAX_GROUPS && number < OVECTOR; i++) {
			if (p->groups[role][i])
				continue;
			p->groups[role][i] = number;
			break;
		}
	}
	return NULL;
}

static bool is_useful(const struct pattern *p)
{
	static const enum role useful[] = { UNIT, DONE, LEFT, BEGIN, END, OK, FAILED };

	for (size_t i = 0; i < sizeof(useful) / sizeof(useful[0]); i++)
		if (p->groups[useful[i]][0])
			return true;
	return false;
}

/* *error: PCRE2's number; *at: the byte of the pattern. */
static bool compile(struct pattern *p, const char *regex, int *error, size_t *at)
{
	p->code = pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED,
				PCRE2_DUPNAMES | PCRE2_NEVER_BACKSLASH_C, error, at, NULL);
	if (!p->code)
		return false;
	/* where memory may not be made executable, the interpreter does it */
	pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE);
	return true;
}

/* Why PCRE2 does not take it. */
static int refuse_syntax(const char *regex, int error, size_t at)
{
	char said[256], shown[SHOWN], rest[SHOWN];

	if (error == PCRE2_ERROR_HEAP_FAILED)
		return wt_error(-ENOMEM, "--unit-line");
	show(shown, regex, strlen(regex));
	pcre2_get_error_message(error, (PCRE2_UCHAR *)said, sizeof(said));
	if (!regex[at])
		return wt_error(WT_EUSAGE, "--unit-line \"%s\": at its end: %s", shown, said);
	show(rest, regex + at, strlen(regex + at));
	return wt_error(WT_EUSAGE, "--unit-line \"%s\": at character %zu, before \"%s\": %s", shown, at + 1,
			rest, said);
}

/* What could take exponential time, from byte `at` to `end`. */
static int refuse_slow(const char *regex, size_t at, size_t end)
{
	char shown[SHOWN], part[SHOWN];

	show(shown, regex, strlen(regex));
	show(part, regex + at, end - at);
	return wt_error(WT_EUSAGE, "--unit-line \"%s\": \"%s\" at character %zu repeats what it cannot tell "
			"apart, and could take exponential time; make it possessive (\"++\", \"*+\") or put "
			"something between that must be there", shown, part, at + 1);
}

int pattern__user(struct pattern *p, const char *regex, unsigned kind)
{
	size_t at, end;
	int error;
	const char *unknown;

	*p = (struct pattern){ .kind = kind };
	if (!*regex)
		return refuse(regex, "the pattern is empty");
	if (strlen(regex) > MAX_PATTERN)
		return wt_error(WT_EUSAGE, "--unit-line: a pattern has at most %d bytes", MAX_PATTERN);
	if (!compile(p, regex, &error, &at))
		return refuse_syntax(regex, error, at);
	if (!regex_check(regex, &at, &end))
		return refuse_slow(regex, at, end);
	unknown = find_groups(p, N_PUBLIC_ROLES);
	if (unknown)
		return unknown_group(regex, unknown);
	if (!is_useful(p))
		return refuse(regex, "none of its groups says what a line is about: at least one of "
			      "(?<unit>…), (?<done>…), (?<left>…), (?<begin>…), (?<end>…), (?<ok>…), (?<failed>…) "
			      "is needed");
	return 0;
}

int pattern__preset(struct pattern *p, const struct preset_pattern *preset, unsigned kind)
{
	size_t at;
	int error;

	*p = (struct pattern){ .preset = preset, .kind = kind };
	if (compile(p, preset->regex, &error, &at) && !find_groups(p, N_ROLES))
		return 0;
	if (!p->code && error == PCRE2_ERROR_HEAP_FAILED)
		return wt_error(-ENOMEM, "--unit-preset");
	return wt_error(WT_ESAID, "--unit-preset %s: its pattern is wrong at %zu, which is a bug: %s",
			preset->preset, at, preset->regex);
}

void pattern__free(struct pattern *p)
{
	pcre2_code_free(p->code);
	p->code = NULL;
}

int engine__new(struct engine *e, struct matcher_stats *stats)
{
	static const struct preset_pattern aux[] = {
		{ .preset = "remaining", .regex = preset_remaining },
		{ .preset = "took", .regex = preset_took },
		{ .preset = "named", .regex = preset_named },
		{ .preset = "file", .regex = preset_file },
		{ .preset = "failed", .regex = preset_failed },
	};
	struct pattern *const to[] = { &e->remaining, &e->took, &e->named, &e->file, &e->failed };

	e->stats = stats;
	features__init(e);
	e->context = pcre2_match_context_create(NULL);
	e->data = pcre2_match_data_create(OVECTOR, NULL);
	if (!e->context || !e->data)
		return wt_error(-ENOMEM, "patterns");
	pcre2_set_match_limit(e->context, MATCH_LIMIT);
	pcre2_set_heap_limit(e->context, HEAP_LIMIT);
	e->stack = pcre2_jit_stack_create(32 * 1024, JIT_STACK, NULL);
	if (e->stack)
		pcre2_jit_stack_assign(e->context, NULL, e->stack);
	for (size_t i = 0; i < sizeof(to) / sizeof(to[0]); i++) {
		int err = pattern__preset(to[i], &aux[i], 0);

		if (err)
			return err;
	}
	return 0;
}

void engine__free(struct engine *e)
{
	pattern__free(&e->remaining);
	pattern__free(&e->took);
	pattern__free(&e->named);
	pattern__free(&e->file);
	pattern__free(&e->failed);
	pcre2_jit_stack_free(e->stack);
	pcre2_match_data_free(e->data);
	pcre2_match_context_free(e->context);
}

/* Runs the pattern; the groups' places are in e->data then. */
static bool run(const struct engine *e, const struct pattern *p, const struct text_line *line,
		size_t from)
{
	int rc = pcre2_match(p->code, (PCRE2_SPTR)line->bytes, line->len, from, 0, e->data, e->context);

	/* a limit, no memory, or (*UTF) and a line that is none: nobody knows whether it fits */
	if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
		e->stats->limit_hits++;
	/* 0: more groups than there is room for, of which none is ours */
	return rc >= 0;
}

/* The first group of the role that took part in the match; 0: none did. */
static unsigned taken(const struct engine *e, const struct pattern *p, enum role role)
{
	const size_t *at = pcre2_get_ovector_pointer(e->data);

	for (unsigned i = 0; i < MAX_GROUPS && p->groups[role][i]; i++) {
		unsigned g = p->groups[role][i];

		/* \K and look-behinds may make one run backwards */
		if (at[2 * g] != PCRE2_UNSET && at[2 * g] <= at[2 * g + 1])
			return g;
	}
	return 0;
}

static bool get(const struct engine *e, const struct pattern *p, enum role role,
		const struct text_line *line, const char **s, size_t *n)
{
	const size_t *at = pcre2_get_ovector_pointer(e->data);
	unsigned g = taken(e, p, role);

	if (!g)
		return false;
	*s = line->bytes + at[2 * g];
	*n = at[2 * g + 1] - at[2 * g];
	return true;
}

static bool has(const struct engine *e, const struct pattern *p, enum role role)
{
	return taken(e, p, role);
}

static void get_label(const struct engine *e, const struct pattern *p, const struct text_line *line,
		      struct match *m)
{
	const char *s;
	size_t n;

	if (!get(e, p, UNIT, line, &s, &n))
		return;
	while (n && *s == ' ')
		s++, n--;
	while (n && s[n - 1] == ' ')
		n--;
	m->label = n ? s : NULL;
	m->label_len = n < MATCH_LABEL_MAX ? n : MATCH_LABEL_MAX;
}

static __s64 get_duration(const struct engine *e, const struct pattern *p, enum role role,
			  const struct text_line *line, __u64 unit_ns)
{
	const char *s;
	size_t n;

	return get(e, p, role, line, &s, &n) ? figure__duration(s, n, unit_ns) : -1;
}

/* Whether the time is a figure alone. */
static bool is_bare(const struct engine *e, const struct pattern *p, const struct text_line *line)
{
	const char *s;
	size_t n;

	if (!get(e, p, ELAPSED, line, &s, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!strchr("0123456789.,", s[i]))
			return false;
	return true;
}

static bool get_count(const struct engine *e, const struct pattern *p, enum role role,
		      const struct text_line *line, __u64 *out)
{
	const char *s;
	size_t n;

	if (!get(e, p, role, line, &s, &n))
		return false;
	/* cut out of a line that goes on, or that began before: not the whole number */
	if ((line->cut && s + n == line->bytes + line->len) || (line->torn && s == line->bytes))
		return false;
	return figure__count(s, n, out);
}

/* "0.35" are 35 of 100. */
static bool get_share(const struct engine *e, const struct pattern *p, const struct text_line *line, __u64 *out)
{
	unsigned digits = 0;
	const char *s;
	__u64 v = 0;
	size_t n, i;

	if (!get(e, p, SHARE, line, &s, &n) || (line->cut && s + n == line->bytes + line->len))
		return false;
	for (i = 0; i < n && s[i] != '.' && s[i] != ','; i++)
		v = 10 * v + (s[i] - '0');
	for (i++; digits < 2; i++, digits++)
		v = 10 * v + (i < n ? s[i] - '0' : 0);
	*out = v;
	return true;
}

/* So many are left: with one of done and total that is the other; alone it counts down. */
static void fill_left(struct match *m, __u64 left)
{
	if (m->has_done) {
		m->has_total = !__builtin_add_overflow(m->done, left, &m->total);
	} else if (m->has_total) {
		m->has_done = left <= m->total;
		m->done = m->total - left;
	} else {
		m->counts_down = true;
		m->total = left;
	}
}

static void fill(const struct engine *e, const struct pattern *p, const struct text_line *line,
		 struct match *m)
{
	__u64 left;

	*m = (struct match){ .kind = p->kind, .elapsed_ns = -1, .remaining_ns = -1, .line = *line };
	m->line.bytes = NULL;
	get_label(e, p, line, m);
	m->has_done = get_count(e, p, DONE, line, &m->done);
	if (!m->has_done && p->groups[SHARE][0])
		m->has_done = get_share(e, p, line, &m->done);
	m->has_total = get_count(e, p, TOTAL, line, &m->total);
	if (p->preset && p->preset->total) {
		m->has_total = m->has_done;
		m->total = p->preset->total;
	}
	if (get_count(e, p, LEFT, line, &left))
		fill_left(m, left);
	m->queued = has(e, p, QUEUED);
	m->begin = has(e, p, BEGIN);
	m->ok = has(e, p, OK);
	m->failed = has(e, p, FAILED);
	m->retry = has(e, p, RETRY);
	m->end = m->ok || m->failed || m->retry || has(e, p, END);
	/* a name and nothing else: it is done when it is written */
	if (m->label && !m->has_done && !m->counts_down && !m->begin && !m->queued)
		m->end = true;
	m->elapsed_ns = get_duration(e, p, ELAPSED, line, NSEC_PER_SEC);
	m->bare = p->preset && m->elapsed_ns >= 0 && is_bare(e, p, line);
	if (m->elapsed_ns < 0)
		m->elapsed_ns = get_duration(e, p, ELAPSED_MS, line, NSEC_PER_MSEC);
	m->remaining_ns = get_duration(e, p, REMAINING, line, NSEC_PER_SEC);
}

/* The first name by that pattern that is not the counter itself ("item 12/340"). */
static bool find_label(const struct engine *e, const struct pattern *p, const struct text_line *line,
		       struct match *m, const char *counter)
{
	const size_t *at = pcre2_get_ovector_pointer(e->data);

	for (size_t from = 0; from <= line->len && run(e, p, line, from);) {
		get_label(e, p, line, m);
		if (!m->label || counter < m->label || counter >= m->label + m->label_len)
			break;
		m->label = NULL;
		from = at[1] > from ? at[1] : from + 1;
	}
	return m->label;
}

/*
 * What a preset's pattern did not ask for, but lines of all kinds say in the same words.
 * counter: where `done` is, or NULL.
 */
static void fill_more(const struct engine *e, const struct pattern *p, const struct text_line *line,
		      struct match *m, const char *counter)
{
	if (m->remaining_ns < 0 && run(e, &e->remaining, line, 0))
		m->remaining_ns = get_duration(e, &e->remaining, REMAINING, line, NSEC_PER_SEC);
	/* beside an estimate, and a bar, stands what all of it took so far, or will */
	if (m->elapsed_ns < 0 && m->remaining_ns < 0 && !m->begin && !m->queued && line->end != '\r' &&
	    run(e, &e->took, line, 0))
		m->elapsed_ns = get_duration(e, &e->took, ELAPSED, line, NSEC_PER_SEC);
	if (!m->label && !find_label(e, &e->named, line, m, counter))
		find_label(e, &e->file, line, m, counter);
	if (!m->begin && !m->queued && !m->ok && !m->failed && p->preset->evidence != COUNT)
		m->failed = run(e, &e->failed, line, 0);
}

/* Whether a counter of a preset's is one, and not a date or an amount of memory. */
static bool makes_sense(const struct engine *e, const struct pattern *p,
			const struct text_line *line, const struct match *m)
{
	const char *done, *total;
	size_t done_n, total_n;

	if (!p->preset || !m->has_total)
		return true;
	if (!get(e, p, DONE, line, &done, &done_n))
		return m->done <= m->total;
	if (!get(e, p, TOTAL, line, &total, &total_n)) {
		total = done;
		total_n = done_n;
	}
	return counter_makes_sense(m, line, done - line->bytes, total + total_n - line->bytes);
}

bool pattern__match(const struct engine *e, const struct pattern *p, const struct text_line *line,
		    size_t *from, struct match *m)
{
	const size_t *at = pcre2_get_ovector_pointer(e->data);
	const char *counter = NULL;
	size_t counter_n;
	bool sense;

	do {
		if (*from > line->len || !run(e, p, line, *from))
			return false;
		*from = at[1] > *from ? at[1] : *from + 1;
		fill(e, p, line, m);
		sense = makes_sense(e, p, line, m);
	} while (!sense && p->preset->anywhere);
	if (sense && p->preset && p->preset->evidence != CLEAR) {
		get(e, p, DONE, line, &counter, &counter_n);
		fill_more(e, p, line, m, counter);
		/* "12 assets in 5.0 s": that is all of them */
		if (p->preset->evidence == COUNT)
			m->elapsed_ns = -1;
	}
	/* else a pattern with a number that none is, or not all of one */
	return sense && (m->has_done || m->counts_down || m->label || m->begin || m->end || m->queued);
}
