/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spans.h - the spans of a recording: found in files, probed, limited, added up.
 *
 * Life: new (every --span is looked up: bad input is said here) → attach → put and
 * tick while the recording runs → rows → free.
 */
#ifndef WT_SPANS_H
#define WT_SPANS_H

#include <linux/types.h>
#include <stdbool.h>

#include "loader/tracer.h"
#include "options.h"
#include "spans/row.h"
#include "target/target.h"
#include "worktrace.h"

struct spans;

/* A span that is over, for whoever keeps units of work. */
struct span_done {
	const char *name;		/* of the span; NULL: the unit is the name of a thread */
	const struct wt_ev_span *ev;	/* times, states, whose it was */
};
typedef int (*span_done_fn)(void *ctx, const struct span_done *d);

/* t: the target; command: argv[0] of a command that will be run, or NULL.  0 or an error, printed. */
int spans__new(struct spans **out, const struct options *o, const struct target *t,
	       const char *command);
void spans__free(struct spans *s);
/* Who gets each span that is over, in the order of their ends; 0 or a negative errno ends the recording. */
void spans__on_done(struct spans *s, span_done_fn fn, void *ctx);
/* Puts the probes in.  0 or a negative errno or WT_ESAID, printed. */
int spans__attach(struct spans *s, struct tracer *t);
struct symbols_mmap;
/*
 * A process has mapped a file: of one that is traced and a name that is wanted, it gets
 * its probes now.  What is wrong with it is a warning.
 */
void spans__on_mapping(struct spans *s, const struct symbols_mmap *m);
/* A WT_EV_SPAN of the ring. */
int spans__put(struct spans *s, const void *data, size_t size);
/* To be called ten times a second: takes away the probes of a span that is hit too often. */
void spans__tick(struct spans *s, __u64 now_ns);

/* The rows as of now, s's until the next call; *n of them. */
const struct span_row *spans__rows(struct spans *s, unsigned *n);

#endif /* WT_SPANS_H */
