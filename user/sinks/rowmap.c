/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sinks/rowmap.h"

#include <stdlib.h>
#include <string.h>

static __u64 hash(const char *key, size_t len)
{
	__u64 h = 0xcbf29ce484222325ULL;

	while (len--)
		h = (h ^ (unsigned char)*key++) * 0x100000001b3ULL;
	return u64_mix(h);
}

static struct rowkey *find(const struct rowmap *m, __u64 *h, const char *key, size_t len)
{
	struct u64map_slot *slot;

	while ((slot = u64map__find(&m->by_hash, *h))) {
		struct rowkey *k = rowmap__at(m, slot->value);

		if (k->len == len && !memcmp(k->bytes, key, len))
			return k;
		++*h;
	}
	return NULL;
}

void *rowmap__find(const struct rowmap *m, const char *key, size_t len)
{
	__u64 h = hash(key, len);

	return find(m, &h, key, len);
}

static int grow(struct rowmap *m)
{
	unsigned max = m->max ? m->max * 2 : 64;
	char *rows = realloc(m->rows, max * m->size);

	if (!rows)
		return -1;
	m->rows = rows;
	m->max = max;
	return 0;
}

void *rowmap__get(struct rowmap *m, const char *key, size_t len)
{
	__u64 h = hash(key, len);
	struct rowkey *k = find(m, &h, key, len);

	if (k)
		return k;
	if (m->n == m->max && grow(m))
		return NULL;
	k = rowmap__at(m, m->n);
	memset(k, 0, m->size);
	k->bytes = malloc(len ? len : 1);
	if (!k->bytes)
		return NULL;
	memcpy(k->bytes, key, len);
	k->len = len;
	if (!u64map__put(&m->by_hash, h, m->n)) {
		free(k->bytes);
		return NULL;
	}
	m->n++;
	return k;
}

void *rowmap__sorted(const struct rowmap *m, int (*order)(const void *a, const void *b))
{
	void **v = calloc(m->n + 1, sizeof(*v));

	if (!v)
		return NULL;
	for (unsigned i = 0; i < m->n; i++)
		v[i] = rowmap__at(m, i);
	if (m->n)
		qsort(v, m->n, sizeof(*v), order);
	return v;
}

void rowmap__free(struct rowmap *m)
{
	for (unsigned i = 0; i < m->n; i++)
		free(((struct rowkey *)rowmap__at(m, i))->bytes);
	free(m->rows);
	u64map__free(&m->by_hash);
	m->rows = NULL;
	m->n = m->max = 0;
}
