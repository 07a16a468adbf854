/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "units/shared.h"

#include <stdlib.h>

#include "util/u64map.h"

#define COUNTERS 1024		/* a place of each one's own number: of two that meet, the newer stays */
#define SAID 64			/* numbers below the highest that are remembered */
#define LATE_MAX 4		/* lines behind another's, more than half as many as those ahead: no one counter */

struct counter {
	__u64 key, image;		/* of the process that spoke last */
	__u64 max, ts_ns;		/* the highest number, and when it was said */
	__u64 said;			/* bit i: max - i was */
	__u32 tgid;			/* of the first */
	unsigned late, ahead;
	bool several, own;
};

struct shared {
	struct counter v[COUNTERS];
};

void shared__free(struct shared *s)
{
	free(s);
}

static void begin(struct counter *c, const struct shared_line *l)
{
	c->max = l->done;
	c->ts_ns = l->ts_ns;
	c->said = 1;
	c->image = l->image;
}

static void advance(struct counter *c, const struct shared_line *l)
{
	__u64 step = l->done - c->max;

	c->said = (step < SAID ? c->said << step : 0) | 1;
	c->max = l->done;
	c->ts_ns = l->ts_ns;
	c->image = l->image;
}

/* A number below the highest: true, a line that comes late; false, of another counter. */
static bool comes_late(struct counter *c, const struct shared_line *l)
{
	__u64 back = c->max - l->done;

	if (back >= SAID || c->said >> back & 1)
		return false;
	c->said |= 1ULL << back;
	/* written before, and only known later: that says nothing */
	if (l->ts_ns < c->ts_ns)
		return true;
	c->late++;
	return c->late <= LATE_MAX || 2 * c->late <= c->ahead;
}

bool shared__tell(struct shared **s, const struct shared_line *l, __u64 *units, __u32 *source)
{
	struct counter *c;

	if (!*s)
		*s = calloc(1, sizeof(**s));
	if (!*s)
		return false;
	c = &(*s)->v[u64_mix(l->counter) % COUNTERS];
	if (c->key != l->counter) {
		*c = (struct counter){ .key = l->counter, .tgid = l->tgid };
		begin(c, l);
		return false;
	}
	if (c->own)
		return false;
	if (!c->several && c->image == l->image) {
		if (l->done > c->max)
			advance(c, l);
		else
			begin(c, l);
		return false;
	}
	c->several = true;
	*units = 0;
	if (l->done > c->max) {
		*units = l->done - c->max;
		c->ahead++;
		advance(c, l);
	} else if (l->total && c->max == l->total && l->done <= l->total / 2) {
		/* the next round of the same pool, or of another */
		*units = l->done;
		begin(c, l);
	} else if (!comes_late(c, l)) {
		c->own = true;
	}
	if (!c->own)
		*source = c->tgid;
	return !c->own;
}
