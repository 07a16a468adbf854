/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frames.h - (object, offset) pairs as small integers, each once. */
#ifndef WT_FRAMES_H
#define WT_FRAMES_H

#include <linux/types.h>
#include <stdbool.h>
#include "symbols/idtab.h"

/* Beyond this many, frames become FRAME_FOLDED. */
#define FRAMES_MAX (1U << 20)
#define FRAME_FOLDED 1

struct frame {
	__u64 off;		/* in the file; an address for what is no file */
	const char *name;	/* NULL: not asked for yet */
	__u32 object : 24;
	__u32 root : 1;
	__u32 unnamed : 1;	/* asked for, and there was no symbol */
	__u32 next;		/* the next frame of this object that may lack a name */
};

struct frames {
	struct frame **chunk;
	__u32 n;		/* ids handed out + 1 */
	__u32 max;
	__u64 evicted;
	struct idtab tab;
};

int frames__init(struct frames *f);
void frames__clear(struct frames *f);
/* The frame's id; *fresh when it was not there before.  FRAME_FOLDED when full. */
__u32 frames__intern(struct frames *f, __u32 object, __u64 off, bool *fresh);
/* NULL for what is no frame. */
struct frame *frames__get(const struct frames *f, __u32 id);

#endif /* WT_FRAMES_H */
