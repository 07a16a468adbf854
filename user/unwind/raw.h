/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * raw.h - user stacks that the kernel side could not walk, because the tables it
 * needs were not there yet, and copied instead: they wait here until those are,
 * and are walked then (rawwalk.h).  What is found takes the way of any stack.
 *
 * Each keeps the mappings that its process had at its time, since the process may
 * be gone by then; copies of one program share them as long as they are the same.
 */
#ifndef WT_RAW_H
#define WT_RAW_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "unwind/rawwalk.h"
#include "worktrace.h"

struct raw;

/* A VM whose code a stack may go through. */
enum raw_vm {
	RAW_VM_NONE,
	RAW_VM_COMING,		/* it is about to be known */
	RAW_VM_KNOWN,
};

struct raw_ops {
	struct rawwalk_ops walk;
	/* Of the process of e, which had those mappings, as of now.  NULL: none ever has one. */
	enum raw_vm (*vm)(void *ctx, const struct wt_ev_raw *e, const struct wt_mapping *map, unsigned n_map);
	/*
	 * Walks e by what is known of that; false: it cannot, and *out is as it was.  Nobody need have
	 * asked for the rows of the object that out->awaits.
	 */
	bool (*walk_vm)(void *ctx, const struct wt_ev_raw *e,
			const struct wt_ev_rawmore *const more[WT_RAW_MORES], struct rawwalk *out);
	/*
	 * What that process had mapped executable at that time, sorted, at most max
	 * into map: how many, or a negative errno: nothing is known of it.
	 */
	int (*mappings)(void *ctx, __u32 tgid, __u64 time_ns, struct wt_mapping *map, unsigned max);
	/* The object's rows are being compiled, or wait for it. */
	bool (*coming)(void *ctx, __u32 object);
	/* How that process's interpreter is known to the kernel side; untouched when it is not (any more). */
	void (*python)(void *ctx, __u32 tgid, struct wt_py *py);
	void *ctx;
};

struct raw_stats {
	__u64 walked;		/* raw stacks walked to an end, whichever */
	__u64 given_up;		/* … that ended for want of tables or of room to wait in */
	__u64 bytes;		/* kept now */
	__u32 waiting;		/* now */
};

/* A stack as if the kernel side had sent it; e is the callee's for the call only.  0 or a negative errno. */
typedef int (*raw_done_fn)(void *ctx, const struct wt_ev_stack *e, size_t size);

/* max_bytes: of what waits; beyond, the oldest ends without its tables.  0 or -ENOMEM. */
int raw__new(struct raw **out, const struct raw_ops *ops, size_t max_bytes);
/* NULL is fine. */
void raw__free(struct raw *r);

/* Takes in more of a stack that raw__put() is called for next, or soon.  0 or -ENOMEM. */
int raw__put_more(struct raw *r, const struct wt_ev_rawmore *e, size_t size);
/*
 * Takes in one event of size bytes, copied; one that is not whole is ignored.  Call
 * when the mappings of its time are known.  0 or -ENOMEM.
 */
int raw__put(struct raw *r, const struct wt_ev_raw *e, size_t size);
/* Walks what need not wait (any more), oldest first; last: everything.  0, or what done returned. */
int raw__work(struct raw *r, bool last, raw_done_fn done, void *ctx);
void raw__stats(const struct raw *r, struct raw_stats *out);

#endif /* WT_RAW_H */
