/* SPDX-License-Identifier: GPL-2.0-or-later */
/* strpool.h - strings that are kept once and live as long as the pool. */
#ifndef WT_STRPOOL_H
#define WT_STRPOOL_H

#include <linux/types.h>
#include "symbols/idtab.h"

struct strpool {
	char **chunk;		/* of STRPOOL_CHUNK bytes each */
	__u32 n_chunks;
	__u32 used;		/* of the last chunk */
	__u64 bytes, max_bytes;	/* max_bytes 0: no limit */
	struct idtab tab;	/* ids: position in chunks + 1 */
};

#define STRPOOL_CHUNK (256 * 1024)

/* The one copy of that string, or NULL: no memory, too long or the pool is full. */
const char *strpool__intern(struct strpool *p, const char *str);
void strpool__clear(struct strpool *p);

#endif /* WT_STRPOOL_H */
