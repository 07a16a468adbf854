/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/strpool.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static char *at(const struct strpool *p, __u32 id)
{
	return p->chunk[(id - 1) / STRPOOL_CHUNK] + (id - 1) % STRPOOL_CHUNK;
}

/* Room for len bytes; returns its id or 0. */
static __u32 reserve(struct strpool *p, size_t len)
{
	char **chunk;

	if (!p->n_chunks || p->used + len > STRPOOL_CHUNK) {
		chunk = reallocarray(p->chunk, p->n_chunks + 1, sizeof(*chunk));
		if (!chunk)
			return 0;
		p->chunk = chunk;
		p->chunk[p->n_chunks] = malloc(STRPOOL_CHUNK);
		if (!p->chunk[p->n_chunks])
			return 0;
		p->n_chunks++;
		p->used = 0;
	}
	p->used += len;
	return (p->n_chunks - 1) * STRPOOL_CHUNK + (p->used - len) + 1;
}

const char *strpool__intern(struct strpool *p, const char *str)
{
	size_t len = strlen(str) + 1;
	__u32 hash = hash_bytes(0, str, len), id, pos;

	for (id = idtab__first(&p->tab, hash, &pos); id; id = idtab__next(&p->tab, hash, &pos))
		if (!strcmp(at(p, id), str))
			return at(p, id);
	if (len > STRPOOL_CHUNK || (p->max_bytes && p->bytes + len > p->max_bytes) ||
	    p->n_chunks >= UINT32_MAX / STRPOOL_CHUNK)
		return NULL;
	id = reserve(p, len);
	if (!id || idtab__add(&p->tab, hash, id))
		return NULL;
	memcpy(at(p, id), str, len);
	p->bytes += len;
	return at(p, id);
}

void strpool__clear(struct strpool *p)
{
	while (p->n_chunks)
		free(p->chunk[--p->n_chunks]);
	free(p->chunk);
	idtab__clear(&p->tab);
	memset(p, 0, sizeof(*p));
}
