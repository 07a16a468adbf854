/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * object_sums.h - what programs that are units, and spans, waited for: summed from the ledger's
 * lines, which say whose they are.
 */
#ifndef WT_OBJECT_SUMS_H
#define WT_OBJECT_SUMS_H

#include "sinks/recording.h"
#include "sinks/rowmap.h"

/* Whose: of a program its image; of a span its job's index and its number, from 1 on. */
struct object_owner {
	__u64 image;
	unsigned job, span;
};

struct object_sum {
	struct rowkey key;
	struct object_owner owner;
	char text[128];			/* as in waits.csv, without the names of files */
	__u64 reason;			/* one of those that read so */
	__u64 ns, count;
	__u8 state;
};

struct object_sums {
	struct rowmap map;
	struct object_sum **v;		/* each owner's together, the longest first */
	unsigned n;
};

/* 0 or -ENOMEM; object_sums__free() in both cases. */
int object_sums__collect(struct object_sums *s, const struct recording *r);
void object_sums__free(struct object_sums *s);
/* The first of that owner's, and how many. */
struct object_sum *const *object_sums__of(const struct object_sums *s, const struct object_owner *o, unsigned *n);

#endif /* WT_OBJECT_SUMS_H */
