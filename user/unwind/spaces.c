/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unwind/spaces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/u64map.h"
#include "util/clock.h"

/* No walk takes so long: a run given back may be used again after this. */
#define GRACE_NS NSEC_PER_SEC

/* Entries [first, first + n) of the pool. */
struct run {
	__u32 first, n;
	__u32 refs;
	__u64 freed_ns;		/* while it waits to be free */
	struct run *next;
};

struct space {
	struct run *run;	/* NULL: not known to the kernel side */
	__u32 flags;
	__u64 image;
};

/* A fork that the kernel side has not seen yet, with what its parent had mapped. */
struct late {
	__u32 tgid, flags;
	struct run *run;	/* NULL: it has by now, and has been told */
	__u64 until_ns;
};

struct spaces {
	struct spaces_maps maps;
	struct u64map by_tgid;		/* → index in space */
	struct space *space;
	__u32 n_space, cap_space;
	__u32 *spare;			/* indices in space that are free */
	__u32 n_spare;
	struct run *waiting;		/* given back, oldest first */
	struct run **waiting_end;
	struct run *gaps;		/* free entries, by first; neighbours are joined */
	struct late *late;
	__u32 n_late, cap_late;
	__u32 version;
	struct spaces_stats stats;
};

int spaces__new(struct spaces **out, const struct spaces_maps *maps)
{
	struct spaces *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (!s)
		return -ENOMEM;
	s->maps = *maps;
	s->waiting_end = &s->waiting;
	s->gaps = calloc(1, sizeof(*s->gaps));
	if (!s->gaps) {
		free(s);
		return -ENOMEM;
	}
	s->gaps->n = WT_POOL_MAPPINGS;
	*out = s;
	return 0;
}

static void free_runs(struct run *r)
{
	while (r) {
		struct run *next = r->next;

		free(r);
		r = next;
	}
}

void spaces__free(struct spaces *s)
{
	if (!s)
		return;
	/* a shared run belongs to all its spaces: the last one frees it */
	for (__u32 i = 0; i < s->n_space; i++)
		if (s->space[i].run && !--s->space[i].run->refs)
			free(s->space[i].run);
	for (__u32 i = 0; i < s->n_late; i++)
		if (s->late[i].run && !--s->late[i].run->refs)
			free(s->late[i].run);
	free(s->late);
	free_runs(s->waiting);
	free_runs(s->gaps);
	u64map__free(&s->by_tgid);
	free(s->space);
	free(s->spare);
	free(s);
}

/* The run's entries are free again; r is freed or becomes a gap. */
static void add_gap(struct spaces *s, struct run *r)
{
	struct run **at = &s->gaps, *next;

	s->stats.mappings -= r->n;
	while (*at && (*at)->first + (*at)->n < r->first)
		at = &(*at)->next;
	if (*at && (*at)->first + (*at)->n == r->first) {
		(*at)->n += r->n;
		free(r);
		r = *at;
	} else {
		r->next = *at;
		*at = r;
	}
	next = r->next;
	if (next && r->first + r->n == next->first) {
		r->n += next->n;
		r->next = next->next;
		free(next);
	}
}

static void reclaim(struct spaces *s, __u64 now_ns)
{
	while (s->waiting && s->waiting->freed_ns + GRACE_NS <= now_ns) {
		struct run *r = s->waiting;

		s->waiting = r->next;
		if (!s->waiting)
			s->waiting_end = &s->waiting;
		add_gap(s, r);
	}
}

static void tell_objects(struct spaces *s, const struct run *r, int change)
{
	if (!s->maps.mapped)
		return;
	for (__u32 i = r->first; i < r->first + r->n; i++)
		if (s->maps.pool[i].object)
			s->maps.mapped(s->maps.user, s->maps.pool[i].object, change);
}

static void put_run(struct spaces *s, struct run *r, __u64 now_ns)
{
	if (!r || --r->refs)
		return;
	tell_objects(s, r, -1);
	r->freed_ns = now_ns;
	r->next = NULL;
	*s->waiting_end = r;
	s->waiting_end = &r->next;
}

static struct late *find_late(const struct spaces *s, __u32 tgid)
{
	for (__u32 i = 0; i < s->n_late; i++)
		if (s->late[i].tgid == tgid)
			return &s->late[i];
	return NULL;
}

static void end_late(struct spaces *s, struct late *l, __u64 now_ns)
{
	if (!l)
		return;
	put_run(s, l->run, now_ns);
	*l = s->late[--s->n_late];
}

/* First fit; NULL: no gap is large enough, or no memory. */
static struct run *get_run(struct spaces *s, __u32 n)
{
	struct run *r;

	for (struct run **at = &s->gaps; *at; at = &(*at)->next) {
		struct run *gap = *at;

		if (gap->n < n)
			continue;
		r = calloc(1, sizeof(*r));
		if (!r)
			return NULL;
		r->first = gap->first;
		r->n = n;
		r->refs = 1;
		gap->first += n;
		gap->n -= n;
		if (!gap->n) {
			*at = gap->next;
			free(gap);
		}
		s->stats.mappings += n;
		return r;
	}
	return NULL;
}

static struct space *find(const struct spaces *s, __u32 tgid)
{
	struct u64map_slot *slot = u64map__find(&s->by_tgid, tgid);

	return slot ? &s->space[slot->value] : NULL;
}

static struct space *get(struct spaces *s, __u32 tgid)
{
	struct space *sp = find(s, tgid);
	__u32 i;

	if (sp)
		return sp;
	if (s->n_spare) {
		i = s->spare[--s->n_spare];
	} else {
		if (s->n_space == s->cap_space) {
			__u32 cap = s->cap_space ? s->cap_space * 2 : 64;
			struct space *grown = reallocarray(s->space, cap, sizeof(*grown));
			__u32 *spare;

			if (!grown)
				return NULL;
			s->space = grown;
			spare = reallocarray(s->spare, cap, sizeof(*spare));
			if (!spare)
				return NULL;
			s->spare = spare;
			s->cap_space = cap;
		}
		i = s->n_space++;
	}
	s->space[i] = (struct space){ 0 };
	if (!u64map__put(&s->by_tgid, tgid, i)) {
		s->spare[s->n_spare++] = i;
		return NULL;
	}
	s->stats.spaces++;
	return &s->space[i];
}

/* The kernel side learns of it only now, when the run is filled in. */
static int publish(struct spaces *s, __u32 tgid, const struct space *sp)
{
	struct wt_space k = {
		.image = sp->image, .first = sp->run->first, .n = sp->run->n, .flags = sp->flags,
		.version = ++s->version,
	};

	s->stats.pushed++;
	return s->maps.set(s->maps.ctx, tgid, &k);
}

static bool same(const struct spaces *s, const struct space *sp, const struct wt_mapping *m,
		 unsigned n, __u32 flags)
{
	return sp->run && sp->run->n == n && sp->flags == flags &&
	       !memcmp(&s->maps.pool[sp->run->first], m, n * sizeof(*m));
}

int spaces__set(struct spaces *s, __u32 tgid, __u64 image, const struct wt_mapping *m, unsigned n,
		__u32 flags, __u64 now_ns)
{
	struct space *sp;
	struct run *r;
	int err;

	reclaim(s, now_ns);
	end_late(s, find_late(s, tgid), now_ns);
	sp = get(s, tgid);
	if (!sp)
		return -ENOMEM;
	if (sp->image == image && same(s, sp, m, n, flags))
		return 0;
	r = n && n <= WT_MAX_MAPPINGS ? get_run(s, n) : NULL;
	if (!r) {
		spaces__drop(s, tgid, now_ns);
		s->stats.full += n != 0;
		return -ENOSPC;
	}
	memcpy(&s->maps.pool[r->first], m, n * sizeof(*m));
	tell_objects(s, r, 1);
	put_run(s, sp->run, now_ns);
	sp->run = r;
	sp->flags = flags;
	sp->image = image;
	err = publish(s, tgid, sp);
	if (err) {
		spaces__drop(s, tgid, now_ns);
		s->stats.full++;
	}
	return err;
}

/* Not known to be of any process any more, but for the kernel side. */
static void forget(struct spaces *s, __u32 tgid, __u64 now_ns)
{
	struct u64map_slot *slot = u64map__find(&s->by_tgid, tgid);

	if (!slot)
		return;
	put_run(s, s->space[slot->value].run, now_ns);
	s->space[slot->value].run = NULL;
	s->spare[s->n_spare++] = slot->value;
	u64map__delete(&s->by_tgid, tgid);
	s->stats.spaces--;
}

void spaces__drop(struct spaces *s, __u32 tgid, __u64 now_ns)
{
	s->maps.drop(s->maps.ctx, tgid);
	end_late(s, find_late(s, tgid), now_ns);
	forget(s, tgid, now_ns);
}

/* The process has that run from now on, whose reference is the caller's to give. */
static void adopt(struct spaces *s, __u32 tgid, __u64 image, struct run *run, __u32 flags, __u64 now_ns)
{
	struct space *sp = get(s, tgid);

	if (!sp) {
		put_run(s, run, now_ns);
		return;
	}
	put_run(s, sp->run, now_ns);
	sp->run = run;
	sp->flags = flags;
	sp->image = image;
	if (publish(s, tgid, sp)) {
		s->maps.drop(s->maps.ctx, tgid);
		forget(s, tgid, now_ns);
	}
}

static void wait_for_fork(struct spaces *s, __u32 tgid, struct run *run, __u32 flags, __u64 now_ns)
{
	if (s->n_late == s->cap_late) {
		__u32 cap = s->cap_late ? 2 * s->cap_late : 16;
		struct late *grown = reallocarray(s->late, cap, sizeof(*grown));

		if (!grown)
			return;
		s->late = grown;
		s->cap_late = cap;
	}
	run->refs++;
	s->late[s->n_late++] = (struct late){ tgid, flags, run, now_ns + GRACE_NS };
}

/* Has the kernel side seen that fork by now? */
static bool settle(struct spaces *s, struct late *l, __u64 now_ns)
{
	struct run *run = l->run;
	struct wt_space known;

	if (run && s->maps.get(s->maps.ctx, l->tgid, &known))
		return false;
	l->run = NULL;
	if (run)
		adopt(s, l->tgid, known.image, run, l->flags, now_ns);
	return true;
}

void spaces__fork(struct spaces *s, __u32 tgid, __u32 ptgid, __u64 now_ns)
{
	struct late *l = find_late(s, ptgid);
	struct space *parent;
	struct wt_space known;

	/* a parent that forks has run, so the kernel side has seen its own fork */
	if (l)
		settle(s, l, now_ns);
	parent = find(s, ptgid);
	if (!parent || !parent->run) {
		spaces__drop(s, tgid, now_ns);
		return;
	}
	end_late(s, find_late(s, tgid), now_ns);
	/*
	 * The kernel side copies the entry, as it is then.  If it is not there, an exec came, or
	 * it is still to come: the side-band tells of a fork before the tracepoint does, and
	 * who forks may be preempted in between.  What may come any moment is not taken away.
	 */
	if (s->maps.get(s->maps.ctx, tgid, &known)) {
		forget(s, tgid, now_ns);
		wait_for_fork(s, tgid, parent->run, parent->flags, now_ns);
		return;
	}
	parent->run->refs++;
	adopt(s, tgid, known.image, parent->run, parent->flags, now_ns);
}

__u32 spaces__late(struct spaces *s, __u64 now_ns)
{
	for (__u32 i = 0; i < s->n_late;) {
		__u32 tgid = s->late[i].tgid;
		bool seen = settle(s, &s->late[i], now_ns);

		if (seen || s->late[i].until_ns <= now_ns)
			end_late(s, &s->late[i], now_ns);
		else
			i++;
		if (seen)
			return tgid;
	}
	return 0;
}

__u64 spaces__image(const struct spaces *s, __u32 tgid)
{
	const struct space *sp = find(s, tgid);

	return sp && sp->run ? sp->image : 0;
}

void spaces__stats(const struct spaces *s, struct spaces_stats *out)
{
	*out = s->stats;
}
