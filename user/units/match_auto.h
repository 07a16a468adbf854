/* SPDX-License-Identifier: GPL-2.0-or-later */
/* match_auto.h - streams and what auto thinks of them: match_auto.c and match_group.c. */
#ifndef WT_MATCH_AUTO_H
#define WT_MATCH_AUTO_H

#include "units/match_impl.h"
#include "util/u64map.h"

#define STREAMS 1024
#define CANDIDATES 8		/* of a stream */
#define NEEDED 3		/* lines that agree */
#define KEPT_MAX 16
#define KEPT_LABEL 96
#define LATE 64			/* a counter behind another thread's is no more than that behind */
#define NO_RANK 0xff
#define BY_MAX 4		/* threads that are told apart before a counter is believed */
#define GROUP_MAX 64		/* streams that count together */
#define GROUP_EVENTS 256	/* a place of each group's and pattern's own: of two that meet, the newer stays */

/* What processes that come and go say of units to one place, each of few: a shell's children, those of xargs. */
struct group_events {
	__u64 group;
	const struct pattern *pattern;
	__u64 label;		/* of the last */
	unsigned hits;
};

struct kept {
	struct match m;
	char label[KEPT_LABEL];
};

struct candidate {
	const struct pattern *pattern;	/* NULL: a free entry */
	unsigned occurrence;
	bool believed;
	unsigned series;
	__u64 total;		/* 0: none */
	__u64 max;		/* the highest `done` */
	__u64 label;		/* of the last event */
	unsigned hits, late, breaks;
	__u64 min, said;	/* of one that is not believed: the lowest; bit i: max - i was there */
	unsigned fills;		/* numbers that came late, but once */
	unsigned shares;	/* of the hits: lines that say themselves what share that is */
	bool even;		/* the second was twice the first */
	/* threads of which each may count for itself: the last number of each, and how many it said in a row */
	struct { __u32 serial; __u64 last; unsigned run; } by[BY_MAX];
	__u64 stamp;
	struct kept *kept;
	unsigned n_kept, room;
	unsigned given;		/* of those: handed out */
};

struct stream {
	__u64 key, group, stamp;
	unsigned n_series;
	unsigned rank;		/* of the best that is believed, or NO_RANK */
	struct candidate candidates[CANDIDATES];
};

struct auto_streams {
	const struct engine *e;
	const struct pattern **patterns;	/* by rank */
	unsigned n_patterns;
	struct matcher_stats *stats;
	struct u64map by_key;
	struct stream *streams[STREAMS];
	struct group_events events[GROUP_EVENTS];
	__u64 clock;
};

/* Streams of one group go to the same place; s is the one that the line is of. */

/*
 * The same candidate of other streams of the group, not believed yet, and those streams: how
 * many, GROUP_MAX - 1 at most.
 */
unsigned group__others(const struct auto_streams *a, const struct stream *s, const struct candidate *c,
		       struct stream **of, struct candidate **v);
/*
 * Whether workers of a pool move one counter on: as many lines as are needed, of more than one
 * process, no number twice and hardly one left out.  The last line is not among those that are kept.
 */
bool group__counts(const struct auto_streams *a, const struct stream *s, const struct candidate *c);
/*
 * One more event (label: a hash of whose, and whether it begins) in a group of processes: whether
 * there are enough by now, of different units.
 */
bool group__event(struct auto_streams *a, const struct stream *s, const struct candidate *c, __u64 label);
/* Another process writes the same to the same place, and is believed. */
bool group__believes(const struct auto_streams *a, const struct stream *s, const struct candidate *c);

#endif /* WT_MATCH_AUTO_H */
