/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rows.h - the units as they are kept: one row each, the oldest folded when there
 * are too many.
 */
#ifndef WT_UNITS_ROWS_H
#define WT_UNITS_ROWS_H

#include "ledger/pool.h"
#include "units/epochs.h"
#include "units/units.h"
#include "util/u64map.h"

struct unit_item {
	__u32 pad;		/* see pool.h */
	bool used, final;
	bool folded;		/* it stands for units that were folded */
	__u32 number;
	char *text;		/* label, behind it its pattern */
	struct unit_row row;
};

struct rows {
	struct pool items;
	struct u64map by_number;	/* a row's number is never used again */
	struct u64map folds;	/* (job, kind, pattern) → number */
	__u32 last;		/* number given out */
	__u32 oldest;		/* no row before this one can be folded */
	unsigned max;
	__u64 folded;
	struct objects *objects;	/* of all rows; borrowed, NULL: they have none */
};

void rows__init(struct rows *r, unsigned max);
void rows__destroy(struct rows *r);
/* A copy of *row, its number; 0 when memory is out. */
__u32 rows__add(struct rows *r, const struct unit_row *row);
void rows__charge(struct rows *r, __u32 row, const struct account *a);
struct unit_item *rows__at(const struct rows *r, __u32 row);
/* Its account is complete: it may be folded when there are too many. */
int rows__final(struct rows *r, __u32 row);
int rows__each(const struct rows *r, unit_row_fn fn, void *arg);

#endif /* WT_UNITS_ROWS_H */
