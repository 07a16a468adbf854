/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pool.c - chunks, so that growing copies nothing and pointers stay good. */
#include "ledger/pool.h"

#include <stdlib.h>
#include <string.h>

void pool__init(struct pool *p, size_t size)
{
	memset(p, 0, sizeof(*p));
	p->size = size;
	p->end = 1;
}

void pool__destroy(struct pool *p)
{
	for (__u32 i = 0; i < p->n_chunks; i++)
		free(p->chunks[i]);
	free(p->chunks);
	pool__init(p, p->size);
}

static int add_chunk(struct pool *p)
{
	char **chunks = realloc(p->chunks, (p->n_chunks + 1) * sizeof(*chunks));

	if (!chunks)
		return -1;
	p->chunks = chunks;
	chunks[p->n_chunks] = calloc(POOL_CHUNK, p->size);
	if (!chunks[p->n_chunks])
		return -1;
	p->n_chunks++;
	return 0;
}

__u32 pool__get(struct pool *p)
{
	__u32 i = p->free;

	if (i) {
		memcpy(&p->free, pool__at(p, i), sizeof(p->free));
		memset(pool__at(p, i), 0, sizeof(p->free));
	} else {
		if (p->end / POOL_CHUNK >= p->n_chunks && add_chunk(p))
			return 0;
		i = p->end++;
	}
	p->n++;
	return i;
}

void pool__put(struct pool *p, __u32 i)
{
	void *item = pool__at(p, i);

	memset(item, 0, p->size);
	memcpy(item, &p->free, sizeof(p->free));
	p->free = i;
	p->n--;
}
