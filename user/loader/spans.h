/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spans.h - the probes of spans: one BPF program at many places, each with a cookie
 * that says which span it is of and what it means to be there.
 */
#ifndef WT_LOADER_SPANS_H
#define WT_LOADER_SPANS_H

#include <linux/types.h>

#include "spans/resolve.h"
#include "worktrace.h"

struct tracer;
struct span_probes;

int span_probes__new(struct span_probes **out, struct tracer *t);
void span_probes__free(struct span_probes *p);
/*
 * Puts the probes of span number `span` at places of the file fd, in all processes that
 * map it, now and later.  0 or a negative errno, or WT_ESAID, printed; name and
 * shown are for the sentence.
 */
int span_probes__attach(struct span_probes *p, __u32 span, int fd, const struct span_places *places,
			const char *name, const char *shown);
/* How many probes it has. */
unsigned span_probes__count(const struct span_probes *p, __u32 span);
/* Takes away all probes of that span. */
void span_probes__detach(struct span_probes *p, __u32 span);
/* The totals of a span, summed over the CPUs; *busiest: most hits of one CPU.  0 or a negative errno. */
int span_probes__total(const struct span_probes *p, __u32 span, struct wt_span_total *out,
		       __u64 *busiest);

#endif /* WT_LOADER_SPANS_H */
