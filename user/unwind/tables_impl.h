/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tables_impl.h - what tables.c (the owner's side) and worker.c share. */
#ifndef WT_TABLES_IMPL_H
#define WT_TABLES_IMPL_H

#include <pthread.h>

#include "unwind/ranges.h"
#include "unwind/ruleset.h"
#include "unwind/tables.h"

enum state {
	UNKNOWN = 0,
	QUEUED,			/* or being compiled */
	READY,
	FULL,			/* until not_before */
};

struct entry {
	__u64 used;		/* when, CLOCK_MONOTONIC ns */
	__u64 not_before;	/* FULL: no new try; else: its place in `objects` rests */
	__u32 row0, rows;
	__s32 mapped;
	__u8 state;
};

struct job {
	__u32 object;
	int fd;			/* or -1: an image */
	void *image;
	size_t image_sz;
	__u64 heat;
	__u64 not_before;
};

struct tables {
	struct tables_maps maps;
	struct tables_opts opts;
	pthread_mutex_t lock;	/* all that follows */
	pthread_cond_t cond;	/* a job was added, or stop */
	struct entry *entry;	/* WT_MAX_OBJECTS */
	struct job *job;
	__u32 n_jobs, cap_jobs;
	struct ranges ranges;
	struct ruleset rules;
	struct tables_stats stats;
	__u32 *finished;	/* WT_MAX_OBJECTS */
	__u32 n_finished;
	__u32 working;		/* the object being compiled, 0: none */
	int cancel;		/* … shall not be, or is not wanted any more */
	bool stop, threaded, said_full;
	__u64 chunks[(WT_MAX_CHUNKS + 63) / 64];	/* bit set: made */
	pthread_t thread;
};

/* worker.c */
void *tables__worker(void *t);
/* One job, if one is due; called with the lock held, which it gives up meanwhile. */
bool tables__run_one(struct tables *t);
/* tables.c; with the lock held.  Adds a job, which then is the queue's: 0 or -ENOMEM. */
int tables__add_job(struct tables *t, const struct job *job);
/* Takes a ready object's rows away. */
void tables__take_away(struct tables *t, __u32 object, __u64 now);

#endif /* WT_TABLES_IMPL_H */
