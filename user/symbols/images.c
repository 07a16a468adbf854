/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/images.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "symbols/mapvec.h"

static __u32 find_id(const struct images *im, __u32 tgid)
{
	__u32 h = hash_u64(0, tgid), pos, id;

	for (id = idtab__first(&im->by_tgid, h, &pos); id; id = idtab__next(&im->by_tgid, h, &pos))
		if (im->proc[id]->tgid == tgid)
			return id;
	return 0;
}

static __u32 free_id(struct images *im)
{
	__u32 cap, id = im->n;

	if (id + 1 >= im->cap) {
		struct process **proc;

		cap = im->cap ? im->cap * 2 : 256;
		proc = reallocarray(im->proc, cap, sizeof(*proc));
		if (!proc)
			return 0;
		im->proc = proc;
		im->cap = cap;
	}
	im->n++;
	return id + 1;
}

static struct process *get(struct images *im, __u32 tgid, bool create)
{
	__u32 id = find_id(im, tgid);
	struct process *p;

	if (id || !create)
		return id ? im->proc[id] : NULL;
	p = calloc(1, sizeof(*p));
	id = p ? free_id(im) : 0;
	if (!id || idtab__add(&im->by_tgid, hash_u64(0, tgid), id)) {
		im->n -= !!id;
		free(p);
		return NULL;
	}
	p->tgid = tgid;
	im->proc[id] = p;
	return p;
}

static void free_generations(struct generation *g)
{
	while (g) {
		struct generation *older = g->older;

		mapvec__put(g->maps);
		free(g->gone);
		free(g);
		g = older;
	}
}

/* Linked in by its time: events of other processes' making may be late. */
static struct generation *add_generation(struct process *p, __u64 start_ns)
{
	struct generation *g = calloc(1, sizeof(*g)), **at = &p->newest;

	if (!g)
		return NULL;
	g->start_ns = start_ns;
	while (*at && (*at)->start_ns > start_ns)
		at = &(*at)->older;
	g->older = *at;
	*at = g;
	return g;
}

static struct generation *running_at(const struct process *p, __u64 time_ns)
{
	struct generation *g;

	for (g = p->newest; g && g->start_ns > time_ns; g = g->older)
		;
	return g;
}

struct generation *images__at(struct images *im, __u32 tgid, __u64 time_ns, bool create)
{
	struct process *p = get(im, tgid, create);
	struct generation *g;

	if (!p)
		return NULL;
	g = running_at(p, time_ns);
	/* its first thread has ended, but others ask on: keep it */
	if (g && p->end_ns && p->end_ns < time_ns)
		p->end_ns = time_ns;
	return g || !create ? g : add_generation(p, 0);
}

int images__map(struct images *im, __u32 tgid, __u64 time_ns, const struct mapping *m)
{
	struct generation *g = images__at(im, tgid, time_ns, true);
	struct mapping new = *m;

	if (!g)
		return -ENOMEM;
	new.from_ns = time_ns;
	new.until_ns = UINT64_MAX;
	return mapvec__add(&g->maps, &new);
}

int images__seed_mapping(struct generation *g, __u64 time_ns, const struct mapping *m)
{
	struct mapping new = *m;

	if (mapvec__has(g->maps, m, time_ns))
		return 0;
	new.from_ns = g->whole ? time_ns : g->start_ns;
	new.until_ns = UINT64_MAX;
	return mapvec__add(&g->maps, &new);
}

void images__fork(struct images *im, __u32 tgid, __u32 ptgid, __u64 time_ns)
{
	struct generation *parent = images__at(im, ptgid, time_ns, false), *g;
	struct process *p;

	/* nothing known to copy: a child that somebody asks about is looked up in /proc */
	p = get(im, tgid, parent != NULL);
	if (!p)
		return;
	p->end_ns = 0;
	g = add_generation(p, time_ns);
	if (!g || !parent)
		return;
	g->maps = mapvec__copy_at(parent->maps, time_ns);
	g->whole = parent->whole;
}

void images__exec(struct images *im, __u32 tgid, __u64 time_ns)
{
	struct process *p = get(im, tgid, true);
	struct generation *g = p ? add_generation(p, time_ns) : NULL;

	if (!g)
		return;
	p->end_ns = 0;
	g->whole = true;
}

void images__exit(struct images *im, __u32 tgid, __u64 time_ns)
{
	struct process *p = get(im, tgid, false);

	if (p)
		p->end_ns = time_ns;
}

static void drop_replaced(struct process *p, __u64 time_ns)
{
	struct generation *g = running_at(p, time_ns);

	if (!g)
		return;
	free_generations(g->older);
	g->older = NULL;
}

void images__expire(struct images *im, __u64 time_ns)
{
	__u32 id = 1;

	while (id <= im->n) {
		struct process *p = im->proc[id];
		__u32 last = im->n;

		if (!p->end_ns || p->end_ns >= time_ns) {
			drop_replaced(p, time_ns);
			id++;
			continue;
		}
		idtab__del(&im->by_tgid, hash_u64(0, p->tgid), id);
		free_generations(p->newest);
		free(p);
		/* the last one moves into the hole */
		if (id != last) {
			__u32 h = hash_u64(0, im->proc[last]->tgid);

			im->proc[id] = im->proc[last];
			idtab__del(&im->by_tgid, h, last);
			idtab__add(&im->by_tgid, h, id);
		}
		im->n--;
	}
}

const struct mapping *images__find(const struct generation *g, __u64 time_ns, __u64 ip)
{
	return mapvec__find(g->maps, time_ns, ip);
}

void images__each_object(const struct images *im, images_object_fn fn, void *ctx)
{
	const struct generation *g;
	__u32 id, i;

	for (id = 1; id <= im->n; id++)
		for (g = im->proc[id]->newest; g; g = g->older)
			for (i = 0; g->maps && i < g->maps->n; i++)
				fn(ctx, g->maps->m[i].object);
}

void images__clear(struct images *im)
{
	__u32 id;

	for (id = 1; id <= im->n; id++) {
		free_generations(im->proc[id]->newest);
		free(im->proc[id]);
	}
	free(im->proc);
	idtab__clear(&im->by_tgid);
	memset(im, 0, sizeof(*im));
}
