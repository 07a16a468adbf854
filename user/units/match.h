/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * match.h - what a program's line says about its units of work.
 *
 * Three ways to know: patterns of the user's (--unit-line), presets, and "auto", which
 * tries the presets on each stream and believes one once several lines agree.  The
 * first that fits a line is taken: patterns in their order, then presets, then auto.
 */
#ifndef WT_MATCH_H
#define WT_MATCH_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "units/text.h"

#define MATCH_LABEL_MAX 200	/* bytes of a label that are kept */

struct match {
	unsigned kind;		/* for matcher__kind() */
	/*
	 * Counters within one stream that go on independently have different numbers;
	 * with patterns and presets that were asked for it is always 0.
	 */
	unsigned series;
	const char *label;	/* the unit's name, not terminated; NULL: the line says none */
	size_t label_len;
	/*
	 * done: units that are finished, counted by the program; it may stay the same
	 * (a bar that is drawn again), skip some, or begin anew.
	 */
	bool has_done, has_total;
	__u64 done, total;
	bool counts_down;	/* it says neither: `total` is how many are left */
	/*
	 * queued: it was taken in and waits; begin: work on it begins, which also ends
	 * what the stream was at when no end is ever said; end: it has ended, with ok or
	 * failed where the line says so; retry: this attempt has ended, another comes.
	 * With none of these the line is a counter's: unit number `done` has ended.
	 */
	bool queued, begin, end, ok, failed, retry;
	__s64 elapsed_ns;	/* what the program says this unit took; -1: nothing */
	bool bare;		/* … in a figure without a unit, taken for seconds */
	__s64 remaining_ns;	/* the program's own estimate for the rest; -1: none */
	/* of the line it comes from; bytes is NULL: it may be gone */
	struct text_line line;
	bool credited;		/* the line came earlier, before auto believed it */
};

/* label is borrowed until it returns. */
typedef void (*match_fn)(void *ctx, __u64 key, const struct match *m);

struct match_opts {
	const char *const *lines;	/* --unit-line, in their order */
	unsigned n_lines;
	const char *presets;		/* names separated by commas; NULL: none */
};

struct matcher_stats {
	__u64 lines, matches;
	__u64 limit_hits;	/* matching was given up: it took too long, or (*UTF) met what is none */
	__u64 unbelieved;	/* lines that auto kept as possible units and gave up */
	__u64 evicted;		/* streams that auto forgot because there were too many */
	__u64 no_memory;	/* lines that auto could not keep */
};

struct matcher;

/*
 * 0; WT_EUSAGE after one sentence on standard error that says what is wrong where with
 * a pattern, or which presets there are; -ENOMEM.
 */
int matcher__new(struct matcher **out, const struct match_opts *o);
void matcher__free(struct matcher *m);
/*
 * Hands out what the line says; with auto, earlier lines of the stream may come first.
 * Returns how many matches that were.  fn must not call the matcher.
 */
unsigned matcher__line(struct matcher *m, __u64 key, const struct text_line *line, match_fn fn,
		       void *ctx);
/* The same; streams of one group go to the same place: of a pool's workers, say, who count together. */
unsigned matcher__line_of(struct matcher *m, __u64 key, __u64 group, const struct text_line *line,
			  match_fn fn, void *ctx);
/* The stream is over. */
void matcher__forget(struct matcher *m, __u64 key);
/* The preset's name, or "line 1" for the first pattern; lives as long as the matcher. */
const char *matcher__kind(const struct matcher *m, unsigned kind);
const struct matcher_stats *matcher__stats(const struct matcher *m);
/*
 * Tasks of Celery by the frames of its interpreter: no pattern, but the worker's log, where
 * there is one, says which failed and which wait.
 */
#define PRESET_CELERY_FRAMES "celery-frames"
/* Whether that list (--unit-preset, or NULL) has that name. */
bool preset_list_has(const char *list, const char *name);
/* The names of all presets, with ", " between them. */
const char *matcher__presets(void);

#endif /* WT_MATCH_H */
