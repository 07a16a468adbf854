/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * parts.h - when a thread was at a unit, where it is at several by turns: greenlets.
 * All zeroes is empty.
 */
#ifndef WT_UNITS_PARTS_H
#define WT_UNITS_PARTS_H

#include <linux/types.h>
#include <stdbool.h>

struct part {
	__u64 from_ns, to_ns;
};

struct parts {
	struct part *v;		/* in order, without overlap */
	unsigned n, cap;
	__u64 since_ns;		/* the thread is at it since then; 0: it is not */
	unsigned beside;	/* units that began while it was at this, and nobody said that it left it */
};

void parts__free(struct parts *p);
/* The thread leaves the unit, if it is at it.  0 or -ENOMEM. */
int parts__pause(struct parts *p, __u64 ts_ns);
/* It goes on with it. */
void parts__resume(struct parts *p, __u64 ts_ns);

#endif /* WT_UNITS_PARTS_H */
