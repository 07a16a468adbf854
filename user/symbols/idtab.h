/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * idtab.h - a hash table from a 32-bit hash to small non-zero ids.  The things
 * themselves and what makes two of them equal stay with the caller.
 *
 *	for (id = idtab__first(t, h, &pos); id; id = idtab__next(t, h, &pos))
 *		if (things[id] is the one) ...
 */
#ifndef WT_IDTAB_H
#define WT_IDTAB_H

#include <linux/types.h>
#include <stddef.h>

struct idtab_slot {
	__u32 hash, id;
};

/* All zero is an empty table. */
struct idtab {
	struct idtab_slot *slot;
	__u32 cap;		/* a power of two, or 0 */
	__u32 n;
};

__u32 idtab__first(const struct idtab *t, __u32 hash, __u32 *pos);
__u32 idtab__next(const struct idtab *t, __u32 hash, __u32 *pos);
/* 0 or -ENOMEM. */
int idtab__add(struct idtab *t, __u32 hash, __u32 id);
/* Removes that pair, if it is there. */
void idtab__del(struct idtab *t, __u32 hash, __u32 id);
void idtab__clear(struct idtab *t);

/* Mixes words and bytes into a hash; start with any seed. */
__u32 hash_u64(__u32 seed, __u64 v);
__u32 hash_bytes(__u32 seed, const void *p, size_t n);

#endif /* WT_IDTAB_H */
