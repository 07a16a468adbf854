/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cost_impl.h - what the files behind cost.h share. */
#ifndef WT_COST_IMPL_H
#define WT_COST_IMPL_H

#include "units/cost.h"
#include "util/u64map.h"

/* Sixteen buckets to the octave: a bucket's middle is within 3.2 % of all in it. */
#define COST_SUB 16
#define COST_SUB_BITS 4
#define COST_BUCKETS ((64 - COST_SUB_BITS) * COST_SUB)

/* A detail that came before its unit. */
struct pending {
	__u64 seq, key, ns;	/* key: its hash */
	__u32 kind, state;
};

/* A counter on its way to its total. */
struct source {
	__u32 source, run;
	__u64 at_ns;		/* of its last line */
	__u64 done, total;
};

struct worker {
	__u32 id;
	__u64 end_ns;		/* of its last unit */
};

struct cost {
	char *job, *kind;
	unsigned max_keys;
	struct cost_window w[COST_WINDOWS];
	unsigned n_windows;
	__u64 capacity;			/* records that a window holds before the next begins */
	struct cost_key *keys;
	unsigned n_keys, room;
	struct u64map by_hash;
	__u32 stamp;
	char main_file[64];
	__u64 main_file_ns;		/* its lead over others (majority vote) */
	__u64 hist[COST_BUCKETS];
	struct pending *pending;
	unsigned n_pending, pending_room;
	struct source sources[COST_SOURCES];
	unsigned n_sources;
	__u32 runs;
	struct worker workers[COST_WORKERS];
	unsigned n_workers;
	__u64 gone_done, gone_total;	/* of sources that had to make room */
	struct cost_guess guesses[COST_GUESSES];
	unsigned n_guesses, skip, skipped;	/* of the guesses that come, skip that many */
	struct cost_totals t;
};

/* The window of a number that is not new; the last whose first is not beyond it. */
unsigned cost__window_of(const struct cost *c, __u64 seq);
/* cost_keys.c: what waited for units up to the last that is final.  0 or -ENOMEM. */
int cost__charge_pending(struct cost *c);

#endif /* WT_COST_IMPL_H */
