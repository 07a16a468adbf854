/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pool.h - items of one size, addressed by a small number that is never 0.
 * Items never move; freed ones are used again.
 */
#ifndef WT_POOL_H
#define WT_POOL_H

#include <linux/types.h>
#include <stddef.h>

#define POOL_CHUNK 1024

struct pool {
	size_t size;		/* bytes of an item, ≥ 4 */
	char **chunks;
	__u32 n_chunks;
	__u32 end;		/* numbers in [1, end) have been handed out at least once */
	__u32 free;		/* first free item, linked through their first four bytes */
	__u32 n;		/* items in use */
};

void pool__init(struct pool *p, size_t size);
void pool__destroy(struct pool *p);
/* A zeroed item's number, or 0 when memory is out. */
__u32 pool__get(struct pool *p);
/* The item is zeroed, so that a walk over the pool can tell. */
void pool__put(struct pool *p, __u32 i);

static inline void *pool__at(const struct pool *p, __u32 i)
{
	return p->chunks[i / POOL_CHUNK] + i % POOL_CHUNK * p->size;
}

#endif /* WT_POOL_H */
