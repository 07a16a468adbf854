/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tables.h - the kernel side's unwind tables: compiles the objects that walks
 * asked for and puts their rules and rows where the kernel side finds them.
 *
 * Compiling takes up to a few hundred milliseconds, so a thread of its own does
 * it the object that is wanted most first.  Everything else is for
 * one thread, the owner's.  Only whole tables are ever seen: rules and rows are
 * written first, WT_OBJ_READY last; what is taken away rests before its place is
 * used again, as a walk may be reading it.
 *
 * Life of an object: unknown → queued → ready; → full, when there is no room for
 * it, and queued again when it is asked for later.  A file that cannot be compiled
 * is ready without rows: nothing better will come.
 */
#ifndef WT_TABLES_H
#define WT_TABLES_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "unwind/cfi.h"
#include "worktrace.h"

struct tables;

/* What the kernel side reads (and `wanted`: writes).  All borrowed, and outlive the tables. */
struct tables_maps {
	struct wt_rule *rules;		/* WT_MAX_RULES */
	struct wt_object *objects;	/* WT_MAX_OBJECTS */
	__u64 *wanted;			/* WT_MAX_OBJECTS: walks that ended for want of it */
	/*
	 * The WT_CHUNK_ROWS rows of that chunk, or NULL.  One that is there already may be
	 * asked for by any thread, a new one by one thread at a time.
	 */
	struct wt_row *(*chunk)(void *ctx, unsigned index);
	void *ctx;
	/* Makes those of chunks first to last that are not there, as far as it can, at once. */
	void (*make_chunks)(void *ctx, unsigned first, unsigned last);	/* NULL: one after the other */
};

/* 0 in a field: the default. */
struct tables_opts {
	size_t max_bytes;		/* of rows, in whole chunks; 40 MiB */
	struct cfi_limits limits;	/* for one object */
	__u64 grace_ns;			/* that a place rests, 1 s */
	__u64 idle_ns;			/* unused as long as that: may be evicted, 30 s */
	__u64 retry_ns;			/* after it did not fit, 30 s */
	__u64 late_ns;			/* after which an object is compiled that was asked for, 0 */
	bool no_thread;			/* tables__work() does the work: for tests */
	__u64 (*now_ns)(void);		/* CLOCK_MONOTONIC */
};

struct tables_stats {
	__u64 objects;			/* ready now */
	__u64 queued;			/* waiting now, or being compiled */
	__u64 rows, rules;		/* in use now */
	__u64 bytes;			/* of chunks made, the rules not among them */
	__u64 compiled;			/* ever, with rows or not */
	__u64 failed;			/* among them: damaged, too large, or took too long */
	__u64 full;			/* times that one did not fit: no table for it */
	__u64 evicted;
	__u64 bad_fdes;			/* functions whose entry was damaged */
	__u64 compile_ns;		/* CPU time of all compiling */
};

/* opts: NULL for the defaults.  0 or a negative errno. */
int tables__new(struct tables **out, const struct tables_maps *maps, const struct tables_opts *opts);
/* Ends the thread.  The kernel side's maps stay as they are.  NULL is fine. */
void tables__free(struct tables *t);

/*
 * Asks for the object's table.  fd is borrowed: it is duplicated.  heat: how much
 * it is wanted, if `wanted` does not say.  0 (also when it is known already), or a negative errno.
 */
int tables__request(struct tables *t, __u32 object, int fd, __u64 heat);
/* The same for an image in memory, which is copied. */
int tables__request_image(struct tables *t, __u32 object, const void *image, size_t size, __u64 heat);
/* There is no point in asking for it now: it is queued, ready, or did not fit a moment ago. */
bool tables__known(struct tables *t, __u32 object);
/* WT_OBJ_* of a ready one, else 0. */
__u32 tables__flags(struct tables *t, __u32 object);

/* Processes that map it: +1, −1.  Evicted are only those that none maps, the longest unused first. */
void tables__mapped(struct tables *t, __u32 object, int change);
/* Frames of it were seen. */
void tables__used(struct tables *t, __u32 object);
/* The number will mean another object, or none. */
void tables__forget(struct tables *t, __u32 object);

/* Objects that became ready since the last call: their numbers, at most n of them; how many. */
unsigned tables__finished(struct tables *t, __u32 *objects, unsigned n);
void tables__stats(struct tables *t, struct tables_stats *out);

/* raw_tables.c: what the kernel side reads, for user space's own walk. */
/*
 * The rule at that file offset of the object, rule 0 where no row covers it: 0, -EAGAIN
 * (the object is queued, or being compiled) or -ENOENT (it has no table).
 */
int tables__rule(struct tables *t, __u32 object, __u64 off, struct wt_rule *rule);
/* It is queued, or being compiled. */
bool tables__coming(struct tables *t, __u32 object);

/* With no_thread: compiles the object that is wanted most, if any is due.  True when it did. */
bool tables__work(struct tables *t);

#endif /* WT_TABLES_H */
