/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cfi_read.h - the numbers of call frame information, read within bounds. */
#ifndef WT_CFI_READ_H
#define WT_CFI_READ_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct cursor {
	const unsigned char *p, *end;
	bool over;		/* something ended too early */
};

/* A number of n bytes, at most 8. */
static inline __u64 cursor__fixed(struct cursor *c, unsigned n)
{
	__u64 v = 0;

	if (n > (size_t)(c->end - c->p)) {
		c->over = true;
		return 0;
	}
	memcpy(&v, c->p, n);
	c->p += n;
	return v;
}

static inline void cursor__skip(struct cursor *c, __u64 n)
{
	if (n > (size_t)(c->end - c->p))
		c->over = true;
	else
		c->p += n;
}

/* Bits beyond the 64th are lost; for skipping it serves signed ones, too. */
static inline __u64 cursor__uleb(struct cursor *c)
{
	__u64 v = 0, b;
	unsigned shift = 0;

	do {
		b = cursor__fixed(c, 1);
		if (shift < 64)
			v |= (b & 0x7f) << shift;
		else if (b & 0x7f)
			c->over = true;
		shift += 7;
	} while ((b & 0x80) && !c->over);
	return v;
}

#endif /* WT_CFI_READ_H */
