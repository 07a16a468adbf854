// SPDX-License-Identifier: GPL-2.0-or-later
/* match_group.c - streams of several processes that tell of the same: a pool's workers. */
#include "units/match_auto.h"

unsigned group__others(const struct auto_streams *a, const struct stream *s, const struct candidate *c,
		       struct stream **of, struct candidate **v)
{
	bool events = c->pattern->preset->evidence == EVENTS;
	unsigned n = 0;

	for (unsigned i = 0; i < STREAMS && (c->total || events) && n < GROUP_MAX - 1; i++) {
		struct stream *other = a->streams[i];

		if (!other || other == s || other->group != s->group)
			continue;
		for (unsigned k = 0; k < CANDIDATES; k++) {
			struct candidate *o = &other->candidates[k];

			if (o->pattern != c->pattern || o->believed || o->occurrence != c->occurrence || o->total != c->total)
				continue;
			of[n] = other;
			v[n++] = o;
			break;
		}
	}
	return n;
}

bool group__counts(const struct auto_streams *a, const struct stream *s, const struct candidate *c)
{
	struct stream *of[GROUP_MAX];
	struct candidate *v[GROUP_MAX];
	unsigned n = group__others(a, s, c, of, v), lines = c->n_kept + 1;
	__u64 min = c->min, max = c->max, said = c->said;

	for (unsigned i = 0; i < n; i++) {
		__u64 low = v[i]->min < min ? v[i]->min : min, high = v[i]->max > max ? v[i]->max : max;
		__u64 its;

		if (high - low >= LATE)
			return false;
		its = v[i]->said << (high - v[i]->max);
		said <<= high - max;
		if (its & said)
			return false;
		said |= its;
		min = low;
		max = high;
		lines += v[i]->n_kept;
	}
	return n && lines >= NEEDED && max - min + 1 <= lines + 1;
}

bool group__event(struct auto_streams *a, const struct stream *s, const struct candidate *c, __u64 label)
{
	struct group_events *g = &a->events[u64_mix(s->group ^ (__u64)c->pattern) % GROUP_EVENTS];

	if (s->group == s->key)		/* it is not known where it goes */
		return false;
	if (g->group != s->group || g->pattern != c->pattern)
		*g = (struct group_events){ .group = s->group, .pattern = c->pattern };
	if (g->hits < NEEDED && label != g->label)
		g->hits++;
	g->label = label;
	return g->hits == NEEDED;
}

bool group__believes(const struct auto_streams *a, const struct stream *s, const struct candidate *c)
{
	for (unsigned i = 0; i < STREAMS; i++) {
		const struct stream *other = a->streams[i];

		if (!other || other == s || other->group != s->group)
			continue;
		for (unsigned k = 0; k < CANDIDATES; k++) {
			const struct candidate *o = &other->candidates[k];

			if (o->pattern == c->pattern && o->believed && o->occurrence == c->occurrence && o->total == c->total)
				return true;
		}
	}
	return false;
}
