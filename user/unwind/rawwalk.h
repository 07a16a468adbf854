/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rawwalk.h - the kernel side's walk over a user stack (bpf/walk.bpf.c and
 * scan.bpf.c) once more, over a copy of the stack.  Keep the two parallel: the
 * same stack must give the same frames on either side.
 *
 * What is not here: Python's and HotSpot's frames (rawpy.h, rawvm.h) and Go's switches between
 * stacks, which only the living process can tell, and what scans have learned.  Pure: all that it reads comes from the
 * copy or through struct rawwalk_ops.
 */
#ifndef WT_RAWWALK_H
#define WT_RAWWALK_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "worktrace.h"

#define WT_MAX_STACK (8 << 20)	/* what is further up is no part of it */

struct rawwalk_ops {
	void *ctx;
	/*
	 * The rule at that file offset of the object (rule 0 where no row covers it):
	 * 0, -EAGAIN (its rows are being compiled) or -ENOENT (there will be none).
	 */
	int (*rule)(void *ctx, __u32 object, __u64 off, struct wt_rule *rule);
	/* WT_OBJ_* of an object whose rules are there. */
	__u32 (*flags)(void *ctx, __u32 object);
	/* 8 bytes of the object's file; false: they cannot be read. */
	bool (*code)(void *ctx, __u32 object, __u64 off, __u8 bytes[8]);
};

struct rawwalk {
	__u64 frame[WT_MAX_FRAMES + 1];	/* as in struct wt_ev_stack */
	unsigned n;
	enum wt_end end;
	__u32 awaits;	/* the object whose rows it waits for; 0: nothing will change the outcome */
};

/*
 * Walks e, and more of it (NULL: there is none, and so is each of the two), with the mappings that the process had, sorted by start.  Frames found
 * and the end of it are in *out; with awaits set, those so far and WT_END_NO_TABLE.
 */
void rawwalk(const struct wt_ev_raw *e, const struct wt_ev_rawmore *const more[WT_RAW_MORES],
	     const struct wt_mapping *map, unsigned n_map, const struct rawwalk_ops *ops, struct rawwalk *out);

/* The 8 bytes of the stack at that address; false: they were not copied. */
bool rawwalk__word(const struct wt_ev_raw *e, const struct wt_ev_rawmore *const more[WT_RAW_MORES], __u64 at,
		   __u64 *out);

#endif /* WT_RAWWALK_H */
