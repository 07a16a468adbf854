/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asked.h - requests of disks that were made in epochs of which it is not known yet
 * which unit they belong to; pure, and bounded.
 */
#ifndef WT_UNITS_ASKED_H
#define WT_UNITS_ASKED_H

#include "ledger/pool.h"
#include "units/objects.h"
#include "util/u64map.h"

struct asked {
	struct pool items;	/* struct asked_item */
	struct u64map by_key;
	__u64 left_out;		/* requests beyond the bound: in no unit's objects */
};

struct asked_item {
	__u32 pad;		/* see pool.h */
	__u32 epoch, thread;	/* 0: a free item */
	__u32 dev;
	enum object_what what;
	__u64 ns, bytes, count;
};

void asked__init(struct asked *a);
void asked__destroy(struct asked *a);
/* 0 or -ENOMEM */
int asked__put(struct asked *a, const struct asked_item *x);
/* Those of which tell() says 1 are done with; < 0: an error, which is returned. */
int asked__settle(struct asked *a, int (*tell)(void *ctx, const struct asked_item *x), void *ctx);

#endif /* WT_UNITS_ASKED_H */
