/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/idtab.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

__u32 hash_u64(__u32 seed, __u64 v)
{
	v = (v ^ seed) * 0x9e3779b97f4a7c15ULL;
	v ^= v >> 32;
	v *= 0xd6e8feb86659fd93ULL;
	return v ^ v >> 32;
}

__u32 hash_bytes(__u32 seed, const void *p, size_t n)
{
	const char *c = p;
	__u64 w;

	seed ^= n;
	for (; n >= sizeof(w); n -= sizeof(w), c += sizeof(w)) {
		memcpy(&w, c, sizeof(w));
		seed = hash_u64(seed, w);
	}
	w = 0;
	memcpy(&w, c, n);
	return hash_u64(seed, w);
}

static __u32 scan(const struct idtab *t, __u32 hash, __u32 *pos)
{
	for (;; *pos = (*pos + 1) & (t->cap - 1)) {
		const struct idtab_slot *s = &t->slot[*pos];

		if (!s->id || s->hash == hash)
			return s->id;
	}
}

__u32 idtab__first(const struct idtab *t, __u32 hash, __u32 *pos)
{
	if (!t->cap)
		return 0;
	*pos = hash & (t->cap - 1);
	return scan(t, hash, pos);
}

__u32 idtab__next(const struct idtab *t, __u32 hash, __u32 *pos)
{
	*pos = (*pos + 1) & (t->cap - 1);
	return scan(t, hash, pos);
}

static void put(struct idtab_slot *slot, __u32 cap, struct idtab_slot s)
{
	__u32 i = s.hash & (cap - 1);

	while (slot[i].id)
		i = (i + 1) & (cap - 1);
	slot[i] = s;
}

static int grow(struct idtab *t)
{
	__u32 cap = t->cap ? t->cap * 2 : 64, i;
	struct idtab_slot *slot = calloc(cap, sizeof(*slot));

	if (!slot)
		return -ENOMEM;
	for (i = 0; i < t->cap; i++)
		if (t->slot[i].id)
			put(slot, cap, t->slot[i]);
	free(t->slot);
	t->slot = slot;
	t->cap = cap;
	return 0;
}

int idtab__add(struct idtab *t, __u32 hash, __u32 id)
{
	/* at most three quarters full: scan() relies on an empty slot */
	if ((__u64)(t->n + 1) * 4 > (__u64)t->cap * 3 && grow(t))
		return -ENOMEM;
	put(t->slot, t->cap, (struct idtab_slot){ hash, id });
	t->n++;
	return 0;
}

void idtab__del(struct idtab *t, __u32 hash, __u32 id)
{
	__u32 mask = t->cap - 1, hole, i, found;

	for (found = idtab__first(t, hash, &hole); found && found != id;)
		found = idtab__next(t, hash, &hole);
	if (!found)
		return;
	/* close the gap, so that no probe sequence is broken by it */
	for (i = (hole + 1) & mask; t->slot[i].id; i = (i + 1) & mask) {
		__u32 home = t->slot[i].hash & mask;

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			t->slot[hole] = t->slot[i];
			hole = i;
		}
	}
	t->slot[hole].id = 0;
	t->n--;
}

void idtab__clear(struct idtab *t)
{
	free(t->slot);
	memset(t, 0, sizeof(*t));
}
