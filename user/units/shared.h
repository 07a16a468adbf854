/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * shared.h - one counter that several processes move on.
 *
 * Workers of a pool that count together write 1, 2, 3 … of 400 by turns to the same place:
 * from one line of a worker to its next the others have moved it on as well, and what lies
 * between is not all its own.  Whether it is so, or each has a counter of its own with the
 * same total, is told by the numbers: of one counter none is said twice.
 */
#ifndef WT_UNITS_SHARED_H
#define WT_UNITS_SHARED_H

#include <linux/types.h>
#include <stdbool.h>

struct shared_line {
	__u64 counter;			/* which it may be: place, job, pattern and total, as one number, not 0 */
	__u64 image;			/* of the process that says it */
	__u32 tgid;
	__u64 ts_ns;
	__u64 done, total;		/* total 0: not said */
};

struct shared;

/*
 * Takes note of a line.  True: the counter is several processes', *units of it are new with
 * this line (0: they have been told of by others' lines), and *source is the process that
 * told of it first.  False: it is, as far as is known, that process's own.
 * *s is made when it is NULL; without memory the answer is false.
 */
bool shared__tell(struct shared **s, const struct shared_line *l, __u64 *units, __u32 *source);
void shared__free(struct shared *s);

#endif /* WT_UNITS_SHARED_H */
