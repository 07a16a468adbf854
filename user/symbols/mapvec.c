/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/mapvec.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "symbols/objects.h"

/* Lookups come up to a second late (symbols.h); five are kept. */
#define KEEP_NS 5000000000ULL
/* vm.max_map_count is 65530 by default, and few of a process's mappings are executable. */
#define MAX_MAPPINGS 65536

struct mapvec *mapvec__share(struct mapvec *v)
{
	if (v)
		v->refs++;
	return v;
}

void mapvec__put(struct mapvec *v)
{
	if (v && !--v->refs)
		free(v);
}

static bool alive_at(const struct mapping *m, __u64 t)
{
	return m->from_ns <= t && t < m->until_ns;
}

static struct mapvec *resize(struct mapvec *v, __u32 cap)
{
	struct mapvec *new = realloc(v, sizeof(*v) + (size_t)cap * sizeof(v->m[0]));

	if (!new)
		return NULL;
	if (!v)
		memset(new, 0, sizeof(*new));
	new->cap = cap;
	return new;
}

struct mapvec *mapvec__copy_at(struct mapvec *v, __u64 time_ns)
{
	struct mapvec *new;
	__u32 i;

	if (!v || v->newest_ns <= time_ns)
		return mapvec__share(v);
	new = resize(NULL, v->n);
	if (!new)
		return NULL;
	new->refs = 1;
	new->longest = v->longest;
	new->newest_ns = time_ns;
	for (i = 0; i < v->n; i++) {
		if (v->m[i].from_ns > time_ns)
			continue;
		new->m[new->n] = v->m[i];
		if (v->m[i].until_ns > time_ns)
			new->m[new->n].until_ns = UINT64_MAX;
		new->n++;
	}
	return new;
}

/* Where the first mapping lies that starts after addr. */
static __u32 after(const struct mapvec *v, __u64 addr)
{
	__u32 lo = 0, hi = v->n;

	while (lo < hi) {
		__u32 mid = lo + (hi - lo) / 2;

		if (v->m[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static void compact(struct mapvec *v, __u64 time_ns)
{
	__u32 i, n = 0;

	v->longest = 0;
	for (i = 0; i < v->n; i++) {
		if (v->m[i].until_ns != UINT64_MAX && v->m[i].until_ns + KEEP_NS < time_ns)
			continue;
		v->m[n] = v->m[i];
		if (v->m[n].end - v->m[n].start > v->longest)
			v->longest = v->m[n].end - v->m[n].start;
		n++;
	}
	v->n = n;
}

/* One of our own, with room for n more. */
static int own(struct mapvec **vp, __u32 room, __u64 time_ns)
{
	struct mapvec *v = *vp, *new;

	if (v && v->refs > 1) {
		new = resize(NULL, v->n + room);
		if (!new)
			return -ENOMEM;
		new->refs = 1;
		new->n = v->n;
		new->longest = v->longest;
		new->newest_ns = v->newest_ns;
		memcpy(new->m, v->m, v->n * sizeof(v->m[0]));
		v->refs--;
		*vp = v = new;
	}
	if (v && v->n + room <= v->cap)
		return 0;
	if (v)
		compact(v, time_ns);
	if (v && v->n >= MAX_MAPPINGS)
		return -ENOSPC;
	new = resize(v, v ? v->n + v->n / 2 + room : room + 3);
	if (!new)
		return -ENOMEM;
	new->refs = 1;
	*vp = new;
	return 0;
}

static void insert(struct mapvec *v, const struct mapping *m)
{
	__u32 at = after(v, m->start);

	memmove(&v->m[at + 1], &v->m[at], (v->n - at) * sizeof(v->m[0]));
	v->m[at] = *m;
	v->n++;
	if (m->end - m->start > v->longest)
		v->longest = m->end - m->start;
	if (m->from_ns > v->newest_ns)
		v->newest_ns = m->from_ns;
}

/* Does the old mapping already say what the new one does? */
static bool covers(const struct mapping *old, const struct mapping *m)
{
	return old->start <= m->start && old->end >= m->end && old->object == m->object &&
	       (m->object == OBJ_ANON || old->pgoff + (m->start - old->start) == m->pgoff);
}

bool mapvec__has(const struct mapvec *v, const struct mapping *m, __u64 time_ns)
{
	__u32 i;

	for (i = v ? after(v, m->start) : 0; i-- > 0 && m->start - v->m[i].start < v->longest;)
		if (alive_at(&v->m[i], time_ns) && covers(&v->m[i], m))
			return true;
	return false;
}

/*
 * Ends what m overlaps, as of its own time.  What lived then did not overlap
 * itself, so at most two parts of it lie outside of m and go on: they are
 * returned in rest.  An event that comes late ends where a later one began.
 */
static unsigned end_overlapped(struct mapvec *v, struct mapping *m, struct mapping rest[2])
{
	__u64 first = m->start > v->longest ? m->start - v->longest : 0;
	bool head = false, tail = false;
	unsigned n = 0;
	__u32 i;

	for (i = first ? after(v, first - 1) : 0; i < v->n && v->m[i].start < m->end; i++) {
		struct mapping *o = &v->m[i], old = *o;

		if (o->end <= m->start)
			continue;
		if (o->from_ns > m->from_ns && o->from_ns < m->until_ns)
			m->until_ns = o->from_ns;
		if (!alive_at(o, m->from_ns))
			continue;
		o->until_ns = m->from_ns;
		if (old.start < m->start && !head) {
			head = true;
			rest[n] = old;
			rest[n].from_ns = m->from_ns;
			rest[n++].end = m->start;
		}
		if (old.end > m->end && !tail) {
			tail = true;
			rest[n] = old;
			rest[n].from_ns = m->from_ns;
			rest[n].pgoff += m->end - old.start;
			rest[n++].start = m->end;
		}
	}
	if (m->from_ns > v->newest_ns)
		v->newest_ns = m->from_ns;
	return n;
}

int mapvec__add(struct mapvec **vp, const struct mapping *m)
{
	struct mapping new = *m, rest[2];
	unsigned n;
	int err;

	if (m->start >= m->end || mapvec__has(*vp, m, m->from_ns))
		return 0;
	err = own(vp, 3, m->from_ns);
	if (err)
		return err;
	n = end_overlapped(*vp, &new, rest);
	insert(*vp, &new);
	while (n)
		insert(*vp, &rest[--n]);
	return 0;
}

const struct mapping *mapvec__find(const struct mapvec *v, __u64 time_ns, __u64 ip)
{
	const struct mapping *later = NULL;
	__u32 i;

	if (!v)
		return NULL;
	for (i = after(v, ip); i-- > 0 && ip - v->m[i].start < v->longest;) {
		const struct mapping *m = &v->m[i];

		if (ip >= m->end)
			continue;
		if (alive_at(m, time_ns))
			return m;
		if (m->object == OBJ_ANON && m->from_ns > time_ns)
			later = m;
	}
	return later;
}
