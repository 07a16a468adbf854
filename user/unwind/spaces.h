/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spaces.h - what the traced processes have mapped, as the kernel side reads it:
 * a pool of mappings, in which each process has a run, and a map from process to
 * run.  Processes that share all their mappings (forks) share the run.
 *
 * A run that is replaced stays untouched for a while: a walk may be reading it.
 */
#ifndef WT_SPACES_H
#define WT_SPACES_H

#include <linux/types.h>
#include <stdbool.h>
#include "worktrace.h"

struct spaces;

/*
 * pool: WT_POOL_MAPPINGS entries that the kernel side reads.  get, set and drop are
 * for the map from process to run: 0, or a negative errno.
 */
struct spaces_maps {
	struct wt_mapping *pool;
	void *ctx;
	int (*get)(void *ctx, __u32 tgid, struct wt_space *sp);
	int (*set)(void *ctx, __u32 tgid, const struct wt_space *sp);
	int (*drop)(void *ctx, __u32 tgid);
	/* Mappings of that object came or went: as many as change says.  NULL: nobody cares. */
	void *user;
	void (*mapped)(void *user, __u32 object, int change);
};

struct spaces_stats {
	__u64 spaces;		/* processes known to the kernel side now */
	__u64 mappings;		/* entries of the pool in use */
	__u64 full;		/* processes for which the pool had no room: loss.spaces */
	__u64 pushed;
};

/* 0 or -ENOMEM. */
int spaces__new(struct spaces **out, const struct spaces_maps *maps);
void spaces__free(struct spaces *s);

/*
 * From now on the process, if it still is that program, has these n mappings, sorted
 * by start; flags are those of struct wt_space.  now_ns: CLOCK_MONOTONIC.  0, -ENOSPC (counted) or -ENOMEM.
 */
int spaces__set(struct spaces *s, __u32 tgid, __u64 image, const struct wt_mapping *m, unsigned n,
		__u32 flags, __u64 now_ns);
/*
 * A child begins with its parent's; nothing happens when those are not known.  If the kernel side
 * has not seen the fork yet, spaces__late() will tell.
 */
void spaces__fork(struct spaces *s, __u32 tgid, __u32 ptgid, __u64 now_ns);
/* A child whose fork the kernel side has seen in the meantime, and which is known now; 0: no (more). */
__u32 spaces__late(struct spaces *s, __u64 now_ns);
/* The process is gone, or another program. */
void spaces__drop(struct spaces *s, __u32 tgid, __u64 now_ns);
/* The program it is known to the kernel side as, 0: it is not. */
__u64 spaces__image(const struct spaces *s, __u32 tgid);

void spaces__stats(const struct spaces *s, struct spaces_stats *out);

#endif /* WT_SPACES_H */
