/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mapvec.h - a counted vector of mappings, sorted by start; see images.h. */
#ifndef WT_MAPVEC_H
#define WT_MAPVEC_H

#include "symbols/images.h"

struct mapvec {
	__u32 refs, n, cap;
	__u64 longest;		/* bytes: no mapping reaches further back */
	__u64 newest_ns;	/* latest from_ns or until_ns in it */
	struct mapping m[];
};

/* All take NULL for an empty one.  -ENOMEM leaves *v as it was. */
struct mapvec *mapvec__share(struct mapvec *v);
void mapvec__put(struct mapvec *v);
/* A copy of what was there at time_ns: later changes are not in it. */
struct mapvec *mapvec__copy_at(struct mapvec *v, __u64 time_ns);
/* Adds m; what it overlaps ends at m->from_ns, but for the parts outside m.  -ENOSPC: too many. */
int mapvec__add(struct mapvec **v, const struct mapping *m);
/* True when one that was alive at time_ns says the same already. */
bool mapvec__has(const struct mapvec *v, const struct mapping *m, __u64 time_ns);
const struct mapping *mapvec__find(const struct mapvec *v, __u64 time_ns, __u64 ip);

#endif /* WT_MAPVEC_H */
