/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rowmap.h - rows found by a text key, kept in order of arrival. */
#ifndef WT_ROWMAP_H
#define WT_ROWMAP_H

#include <stddef.h>
#include "util/u64map.h"

/* All zeroes but size is an empty map. */
struct rowmap {
	size_t size;		/* bytes of a row, which starts with its key */
	char *rows;
	unsigned n, max;
	struct u64map by_hash;
};

/*
 * The row of this key, made (zeroed, its first member the key's copy) if it is
 * new; NULL when memory is out.  Valid until the next call.
 */
void *rowmap__get(struct rowmap *m, const char *key, size_t len);
/* The row of this key, NULL: there is none. */
void *rowmap__find(const struct rowmap *m, const char *key, size_t len);
static inline void *rowmap__at(const struct rowmap *m, unsigned i)
{
	return m->rows + i * m->size;
}
/*
 * Pointers to all rows in the order of qsort(), m->n of them, to be freed; the rows stay m's.
 * NULL when memory is out.
 */
void *rowmap__sorted(const struct rowmap *m, int (*order)(const void *a, const void *b));
void rowmap__free(struct rowmap *m);

/* The first member of a row. */
struct rowkey {
	char *bytes;
	size_t len;
};

#endif /* WT_ROWMAP_H */
