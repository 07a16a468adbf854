/* SPDX-License-Identifier: GPL-2.0-or-later */
/* u64map.c - open addressing, linear probing, deletion by shifting back. */
#include "util/u64map.h"

#include <stdlib.h>
#include <string.h>

void u64map__free(struct u64map *m)
{
	free(m->slots);
	memset(m, 0, sizeof(*m));
}

static struct u64map_slot *probe(const struct u64map *m, __u64 key)
{
	__u32 i = u64_mix(key) & m->mask;

	while (m->slots[i].used && m->slots[i].key != key)
		i = (i + 1) & m->mask;
	return &m->slots[i];
}

struct u64map_slot *u64map__find(const struct u64map *m, __u64 key)
{
	struct u64map_slot *s;

	if (!m->slots)
		return NULL;
	s = probe(m, key);
	return s->used ? s : NULL;
}

static bool grow(struct u64map *m)
{
	struct u64map old = *m;
	__u32 n = old.slots ? (old.mask + 1) * 2 : 64;

	m->slots = calloc(n, sizeof(*m->slots));
	if (!m->slots) {
		*m = old;
		return false;
	}
	m->mask = n - 1;
	for (__u32 i = 0; old.slots && i <= old.mask; i++)
		if (old.slots[i].used)
			*probe(m, old.slots[i].key) = old.slots[i];
	free(old.slots);
	return true;
}

struct u64map_slot *u64map__put(struct u64map *m, __u64 key, __u32 value)
{
	struct u64map_slot *s = u64map__find(m, key);

	if (!s) {
		/* at most three quarters full, so that probes stay short */
		if ((!m->slots || m->n >= (m->mask + 1) / 4 * 3) && !grow(m))
			return NULL;
		s = probe(m, key);
		s->key = key;
		s->used = 1;
		m->n++;
	}
	s->value = value;
	return s;
}

static void delete_at(struct u64map *m, __u32 hole)
{
	__u32 i = hole;

	for (;;) {
		__u32 home;

		i = (i + 1) & m->mask;
		if (!m->slots[i].used)
			break;
		home = u64_mix(m->slots[i].key) & m->mask;
		/* it may move back unless its home lies between the hole and it */
		if (((i - home) & m->mask) >= ((i - hole) & m->mask)) {
			m->slots[hole] = m->slots[i];
			hole = i;
		}
	}
	m->slots[hole].used = 0;
	m->n--;
}

bool u64map__delete(struct u64map *m, __u64 key)
{
	struct u64map_slot *s = u64map__find(m, key);

	if (!s)
		return false;
	delete_at(m, s - m->slots);
	return true;
}

void u64map__filter(struct u64map *m, bool (*keep)(struct u64map_slot *s, void *arg),
		    void *arg)
{
	__u32 start = 0;

	if (!m->slots || !m->n)
		return;
	/* start behind a free slot: no run of entries then wraps around the start */
	while (m->slots[start].used)
		start++;
	for (__u32 k = 0; k <= m->mask; ) {
		__u32 i = (start + k) & m->mask;

		if (m->slots[i].used && !keep(&m->slots[i], arg))
			delete_at(m, i);	/* another entry may have moved here */
		else
			k++;
	}
}
