/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ranges.h - hands out ranges of numbers: the lowest that fits, with neighbours
 * joined when they come back.  A range that is given back rests before it is
 * handed out again: the kernel side may be reading it at this moment.
 */
#ifndef WT_RANGES_H
#define WT_RANGES_H

#include <linux/types.h>

struct range {
	__u32 start, n;
	__u64 at;		/* of a resting one: until then */
};

struct range_list {
	struct range *r;
	__u32 n, cap;
};

struct ranges {
	struct range_list free;		/* sorted by start */
	struct range_list resting;	/* sorted by .at */
	__u32 left;			/* numbers in free and resting */
};

/* All of 0 … n − 1 are free.  0 or -ENOMEM. */
int ranges__init(struct ranges *r, __u32 n);
void ranges__clear(struct ranges *r);
/* n consecutive numbers from *start on; 0, -ENOSPC or -ENOMEM. */
int ranges__take(struct ranges *r, __u32 n, __u64 now, __u32 *start);
/* Gives them back, free again from the instant at on; -ENOMEM: they are lost. */
int ranges__give(struct ranges *r, __u32 start, __u32 n, __u64 at);
/* Would n fit once all that rests is free? */
int ranges__will_fit(struct ranges *r, __u32 n);
/* When something becomes free by itself, 0: never. */
__u64 ranges__next(const struct ranges *r);

#endif /* WT_RANGES_H */
