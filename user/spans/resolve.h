/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * resolve.h - from what --span says of one file to the places where probes must
 * stand in it.
 */
#ifndef WT_SPAN_RESOLVE_H
#define WT_SPAN_RESOLVE_H

#include <linux/types.h>
#include <stdbool.h>

#include "spans/row.h"
#include "spans/spec.h"

struct span_place {
	__u64 off;		/* offset in the file */
	__u64 semaphore;	/* offset in the file of its USDT semaphore, 0: none */
	__u32 at;		/* enum wt_span_at, with WT_SPAN_HIJACKED where it applies */
	bool ret;		/* the kernel's return probe */
};

struct span_places {
	struct span_place *v;
	unsigned n;
	enum span_method method;
	char *name;		/* of the function or the first point, as people read it */
};

/*
 * return_probe: the kernel's return probe is preferred where it is safe.
 * fd: the file, borrowed; shown: what it is called in sentences; path: where to look
 * for a debug file beside it, or NULL.  Returns 0, or WT_ESAID or -ENOMEM after one
 * sentence.
 */
int span_resolve(const struct span_spec *s, bool return_probe, int fd, const char *shown,
		 const char *path, struct span_places *out);
void span_places__free(struct span_places *p);

#endif /* WT_SPAN_RESOLVE_H */
