// SPDX-License-Identifier: GPL-2.0-or-later
/* match.c - see match.h: the order in which patterns, presets and auto are asked. */
#include "units/match.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "units/match_impl.h"
#include "util/log.h"

#define MAX_LINES 32
#define KIND_NAME 16

struct matcher {
	struct engine engine;
	struct matcher_stats stats;
	struct pattern *patterns;	/* the user's, then those of presets in their order */
	unsigned n_patterns;
	struct pattern *auto_patterns;
	unsigned n_auto_patterns;
	struct auto_streams *streams;	/* NULL: no auto */
	unsigned n_lines;
	char line_names[MAX_LINES][KIND_NAME];
};

/* The kind of a preset's pattern: all patterns of a preset are of one kind. */
static unsigned kind_of(const struct matcher *m, const struct preset_pattern *p)
{
	for (unsigned i = 0; i < n_preset_patterns; i++)
		if (!strcmp(preset_patterns[i].preset, p->preset))
			return m->n_lines + i;
	return 0;
}

const char *matcher__kind(const struct matcher *m, unsigned kind)
{
	return kind < m->n_lines ? m->line_names[kind] : preset_patterns[kind - m->n_lines].preset;
}

static int add_lines(struct matcher *m, const struct match_opts *o)
{
	if (o->n_lines > MAX_LINES)
		return wt_error(WT_EUSAGE, "--unit-line: at most %d patterns can be given", MAX_LINES);
	for (unsigned i = 0; i < o->n_lines; i++) {
		int err = pattern__user(&m->patterns[m->n_patterns++], o->lines[i], i);

		if (err)
			return err;
		snprintf(m->line_names[i], KIND_NAME, "line %u", i + 1);
	}
	m->n_lines = o->n_lines;
	return 0;
}

static int add_preset(struct matcher *m, const char *name, size_t len)
{
	for (unsigned i = 0; i < n_preset_patterns; i++) {
		const struct preset_pattern *p = &preset_patterns[i];
		int err;

		if (!preset_has(name, len, p))
			continue;
		err = pattern__preset(&m->patterns[m->n_patterns++], p, kind_of(m, p));
		if (err)
			return err;
	}
	return 0;
}

static int add_auto(struct matcher *m)
{
	if (m->streams)
		return 0;
	m->auto_patterns = calloc(n_preset_patterns, sizeof(*m->auto_patterns));
	if (!m->auto_patterns)
		return wt_error(-ENOMEM, "--unit-preset");
	for (unsigned i = 0; i < n_preset_patterns; i++) {
		const struct preset_pattern *p = &preset_patterns[i];
		int err;

		if (p->explicit_only)
			continue;
		err = pattern__preset(&m->auto_patterns[m->n_auto_patterns++], p, kind_of(m, p));
		if (err)
			return err;
	}
	if (auto__new(&m->streams, &m->engine, m->auto_patterns, m->n_auto_patterns, &m->stats))
		return wt_error(-ENOMEM, "--unit-preset");
	return 0;
}

/* Whether the list has that name before this place, so that it is there twice. */
static bool had(const char *list, const char *name, size_t len)
{
	while (list < name) {
		size_t n = strcspn(list, ",");

		if (n == len && !memcmp(list, name, n))
			return true;
		list += n + 1;
	}
	return false;
}

static int add_presets(struct matcher *m, const char *list)
{
	for (const char *p = list;; p++) {
		size_t len = strcspn(p, ",");
		int err;

		if (!preset_exists(p, len))
			return wt_error(WT_EUSAGE, "--unit-preset: there is no preset \"%.*s\"; there are %s",
					(int)(len < KIND_NAME ? len : KIND_NAME), p, matcher__presets());
		err = had(list, p, len) ? 0 : len == 4 && !memcmp(p, "auto", 4) ? add_auto(m) :
									       add_preset(m, p, len);
		if (err)
			return err;
		p += len;
		if (!*p)
			return 0;
	}
}

int matcher__new(struct matcher **out, const struct match_opts *o)
{
	struct matcher *m = calloc(1, sizeof(*m));
	int err;

	*out = NULL;
	if (!m)
		return wt_error(-ENOMEM, "--unit-line");
	m->patterns = calloc(o->n_lines + n_preset_patterns, sizeof(*m->patterns));
	err = m->patterns ? engine__new(&m->engine, &m->stats) : wt_error(-ENOMEM, "--unit-line");
	if (!err)
		err = add_lines(m, o);
	if (!err && o->presets)
		err = add_presets(m, o->presets);
	if (err) {
		matcher__free(m);
		return err;
	}
	*out = m;
	return 0;
}

void matcher__free(struct matcher *m)
{
	if (!m)
		return;
	auto__free(m->streams);
	for (unsigned i = 0; i < m->n_patterns; i++)
		pattern__free(&m->patterns[i]);
	for (unsigned i = 0; i < m->n_auto_patterns; i++)
		pattern__free(&m->auto_patterns[i]);
	engine__free(&m->engine);
	free(m->patterns);
	free(m->auto_patterns);
	free(m);
}

unsigned matcher__line(struct matcher *m, __u64 key, const struct text_line *line, match_fn fn,
		       void *ctx)
{
	return matcher__line_of(m, key, key, line, fn, ctx);
}

unsigned matcher__line_of(struct matcher *m, __u64 key, __u64 group, const struct text_line *line,
			  match_fn fn, void *ctx)
{
	unsigned n = 0;
	struct match found;

	m->stats.lines++;
	for (unsigned i = 0; i < m->n_patterns; i++) {
		size_t from = 0;

		if (!pattern__match(&m->engine, &m->patterns[i], line, &from, &found))
			continue;
		fn(ctx, key, &found);
		n = 1;
		break;
	}
	if (!n && m->streams)
		n = auto__line(m->streams, key, group, line, fn, ctx);
	m->stats.matches += n;
	return n;
}

void matcher__forget(struct matcher *m, __u64 key)
{
	if (m->streams)
		auto__forget(m->streams, key);
}

const struct matcher_stats *matcher__stats(const struct matcher *m)
{
	return &m->stats;
}
