/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * images.h - what was mapped where, in every process, at every time that may
 * still be asked for.
 *
 * A process has generations, one for each program it ran (fork and exec start
 * one), a generation has mappings with the times from and until which they were
 * there.  A fork shares its parent's mappings until one of the two changes.
 */
#ifndef WT_IMAGES_H
#define WT_IMAGES_H

#include <linux/types.h>
#include <stdbool.h>
#include "symbols/idtab.h"

struct mapping {
	__u64 start, end, pgoff;
	__u64 from_ns, until_ns;	/* until_ns UINT64_MAX: it is still there */
	__u32 object;
	__u32 zero;
};

/* A process's program from start_ns on, to the start of the next one. */
struct generation {
	struct generation *older;
	__u64 start_ns;
	struct mapvec *maps;		/* may be shared with other processes */
	bool whole;			/* from its exec on or seeded: nothing is missing */
	bool asked;			/* /proc was asked for what is missing */
	__u32 *gone;			/* objects already counted as gone for it */
	__u32 n_gone;
	const char *runtime;		/* what makes its code, found when it had so many mappings */
	__u32 runtime_maps;
};

struct process {
	__u32 tgid;
	__u64 end_ns;			/* 0: it lives */
	struct generation *newest;
};

struct images {
	struct process **proc;		/* by id; NULL: free */
	__u32 n, cap;
	struct idtab by_tgid;
};

void images__clear(struct images *im);

/* One mapping of that object from time_ns on; what it overlaps ends there. */
int images__map(struct images *im, __u32 tgid, __u64 time_ns, const struct mapping *m);
void images__fork(struct images *im, __u32 tgid, __u32 ptgid, __u64 time_ns);
void images__exec(struct images *im, __u32 tgid, __u64 time_ns);
void images__exit(struct images *im, __u32 tgid, __u64 time_ns);
/* Drops processes that ended, and generations that were replaced, before time_ns. */
void images__expire(struct images *im, __u64 time_ns);

/*
 * The generation that ran at that time, or NULL.  create: one that starts at the
 * beginning of time is made where none is known.
 */
struct generation *images__at(struct images *im, __u32 tgid, __u64 time_ns, bool create);
/* Its mapping that held ip at that time, or NULL. */
const struct mapping *images__find(const struct generation *g, __u64 time_ns, __u64 ip);
/* Adds what /proc says was there at time_ns and is not known yet. */
int images__seed_mapping(struct generation *g, __u64 time_ns, const struct mapping *m);

typedef void (*images_object_fn)(void *ctx, __u32 object);
/* Every object that some mapping refers to, repeatedly. */
void images__each_object(const struct images *im, images_object_fn fn, void *ctx);

#endif /* WT_IMAGES_H */
