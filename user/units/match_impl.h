/* SPDX-License-Identifier: GPL-2.0-or-later */
/* match_impl.h - what the files of match share. */
#ifndef WT_MATCH_IMPL_H
#define WT_MATCH_IMPL_H

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include "units/match.h"

/* What a named group of a pattern is about. */
enum role {
	UNIT, DONE, TOTAL, BEGIN, END, OK, FAILED, ELAPSED, REMAINING,
	LEFT,			/* units that are still to be done: total = done + left */
	/* from here on in presets only */
	QUEUED, RETRY,
	ELAPSED_MS,
	SHARE,			/* 0.35: 35 of 100 */
	KEY,			/* what the pattern itself looks for again */
	N_ROLES,
};
#define N_PUBLIC_ROLES QUEUED

#define MAX_GROUPS 6		/* of one role in a pattern */

/* How much a preset's lines have to agree before auto believes them. */
enum evidence {
	CLEAR,			/* nobody else writes like this */
	COUNTER,		/* done and total: grows, by small steps, to the same total */
	COUNT,			/* done only: grows */
	EVENTS,			/* different units */
};

/* A pattern of a preset. */
struct preset_pattern {
	const char *preset;
	const char *regex;
	enum evidence evidence;
	unsigned rank;		/* auto listens to lower ones first, and then no longer to others */
	bool anywhere;		/* a line may have several: the first that makes sense */
	bool explicit_only;	/* auto has something that does the same */
	unsigned needs;		/* of a line, else there is no point in trying: enum line_feature */
	unsigned total;		/* where lines do not say it */
};

struct pattern {
	pcre2_code *code;
	const struct preset_pattern *preset;	/* NULL: the user's */
	unsigned kind;
	unsigned char groups[N_ROLES][MAX_GROUPS];	/* numbers, 0: no more */
};

/* match_pattern.c: PCRE2. */
#define FEATURE_WORDS 192
#define PREFIXES (32 * 32 * 32)	/* of three letters */
struct engine {
	__u64 prefixes[PREFIXES / 64];	/* with which preset_words and preset_things begin */
	const char *words[FEATURE_WORDS];	/* those, and from n_words on preset_things */
	unsigned n_words, n_things;
	pcre2_match_context *context;
	pcre2_match_data *data;
	pcre2_jit_stack *stack;
	struct matcher_stats *stats;
	struct pattern remaining, took, named, file, failed;	/* what else a line may say */
};

int engine__new(struct engine *e, struct matcher_stats *stats);
void engine__free(struct engine *e);
/* 0, -ENOMEM, or WT_EUSAGE after one sentence about the user's pattern. */
int pattern__user(struct pattern *p, const char *regex, unsigned kind);
int pattern__preset(struct pattern *p, const struct preset_pattern *preset, unsigned kind);
void pattern__free(struct pattern *p);
/*
 * Looks for the pattern in the line from byte *from on; fills what it says into m and
 * sets *from to where the next may be.  m->label points into the line.  Counters of
 * presets that make no sense (a date, memory that is used) are passed over.
 */
bool pattern__match(const struct engine *e, const struct pattern *p, const struct text_line *line,
		    size_t *from, struct match *m);

/* match_features.c: what a glance at a line finds; most lines have neither. */
enum line_feature {
	LINE_WORDS = 1,		/* one that begins like one of preset_words, or "ok" */
	LINE_KEYS = 2,		/* two numbers behind '=' or ':', each behind a word */
	LINE_SHARE = 4,		/* a % */
	LINE_DOTS = 8,		/* an ellipsis */
	LINE_DASH = 16,		/* a - between two numbers */
	LINE_TOOK = 32,		/* a number of seconds or milliseconds, or one behind a key that speaks of them */
	LINE_THING = 64,	/* a word that begins like one of preset_things */
	LINE_FILE = 128,	/* a . with two to five letters or digits behind it */
};
void features__init(struct engine *e);
unsigned line_features(const struct engine *e, const struct text_line *line);

/* match_sense.c: whether done of total, from byte `from` of the line to `to`, counts units. */
bool counter_makes_sense(const struct match *m, const struct text_line *line, size_t from, size_t to);

/* The line itself says what share done of total is, within one per cent. */
bool share_agrees(const struct match *m, const struct text_line *line);

/* match_presets.c */
extern const struct preset_pattern preset_patterns[];
extern const unsigned n_preset_patterns;
extern const char preset_remaining[], preset_took[], preset_named[], preset_file[], preset_failed[], preset_words[], preset_things[];
/* Whether these bytes are a list of presets' name. */
bool preset_exists(const char *name, size_t len);
/* Whether the preset of that name has the pattern. */
bool preset_has(const char *name, size_t len, const struct preset_pattern *p);

/* match_auto.c */
struct auto_streams;
int auto__new(struct auto_streams **out, const struct engine *e, const struct pattern *patterns,
	      unsigned n, struct matcher_stats *stats);
void auto__free(struct auto_streams *a);
unsigned auto__line(struct auto_streams *a, __u64 key, __u64 group, const struct text_line *line,
		    match_fn fn, void *ctx);
void auto__forget(struct auto_streams *a, __u64 key);

#endif /* WT_MATCH_IMPL_H */
