/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "units/parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Of one unit; by then epochs of the oldest have been given up, as there are two for each. */
#define PARTS_MAX 16384

void parts__free(struct parts *p)
{
	free(p->v);
	*p = (struct parts){ 0 };
}

int parts__pause(struct parts *p, __u64 ts_ns)
{
	struct part *v;

	if (!p->since_ns)
		return 0;
	if (p->n == PARTS_MAX) {
		p->n /= 2;
		memmove(p->v, p->v + p->n, p->n * sizeof(*p->v));
	} else if (p->n == p->cap) {
		unsigned cap = p->cap ? 2 * p->cap : 4;

		v = reallocarray(p->v, cap, sizeof(*v));
		if (!v)
			return -ENOMEM;
		p->v = v;
		p->cap = cap;
	}
	p->v[p->n++] = (struct part){ p->since_ns, ts_ns > p->since_ns ? ts_ns : p->since_ns };
	p->since_ns = 0;
	return 0;
}

void parts__resume(struct parts *p, __u64 ts_ns)
{
	if (!p->since_ns)
		p->since_ns = ts_ns;
}
