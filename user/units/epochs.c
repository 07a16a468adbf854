/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "units/epochs_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int epochs__init(struct epochs *e, unsigned max, const struct epochs_sink *sink)
{
	memset(e, 0, sizeof(*e));
	pool__init(&e->procs, sizeof(struct uproc));
	pool__init(&e->epochs, sizeof(struct epoch));
	e->max = max;
	e->sink = *sink;
	return 0;
}

void epochs__free_proc(struct epochs *e, struct uproc *p)
{
	free(p->stretches);
	free(p->speakers);
	if (p->form)
		e->sink.free_form(p->form);
}

void epochs__destroy(struct epochs *e)
{
	for (__u32 i = 1; i < e->procs.end; i++) {
		struct uproc *p = pool__at(&e->procs, i);

		if (p->used)
			epochs__free_proc(e, p);
	}
	for (__u32 i = 1; i < e->epochs.end; i++) {
		struct epoch *ep = pool__at(&e->epochs, i);

		if (ep->used)
			free(ep->parts);
	}
	pool__destroy(&e->procs);
	pool__destroy(&e->epochs);
	u64map__free(&e->by_image);
	u64map__free(&e->by_id);
	u64map__free(&e->resolved);
	free(e->early);
}

struct epoch *epochs__at(const struct epochs *e, __u32 i)
{
	return pool__at(&e->epochs, i);
}

/* One that process p goes through; made over already or unknown: NULL. */
static struct epoch *find_epoch(const struct epochs *e, __u32 id)
{
	struct u64map_slot *slot = id ? u64map__find(&e->by_id, id) : NULL;

	return slot ? epochs__at(e, slot->value) : NULL;
}

struct uproc *epochs__find_proc(const struct epochs *e, __u64 image)
{
	struct u64map_slot *slot = u64map__find(&e->by_image, image);

	return slot ? pool__at(&e->procs, slot->value) : NULL;
}

struct uproc *epochs__proc(struct epochs *e, __u64 image, __u32 tgid, __u32 epoch, __u64 ts_ns)
{
	struct uproc *p = epochs__find_proc(e, image), *from;
	__u32 i;

	if (p) {
		p->touched_ns = ts_ns;
		return p;
	}
	i = pool__get(&e->procs);
	if (!i)
		return NULL;
	if (!u64map__put(&e->by_image, image, i)) {
		pool__put(&e->procs, i);
		return NULL;
	}
	p = pool__at(&e->procs, i);
	p->used = true;
	p->image = image;
	p->tgid = tgid;
	p->inherited = epoch;
	from = find_epoch(e, epoch) ? pool__at(&e->procs, find_epoch(e, epoch)->proc) : NULL;
	p->parent = from ? from->image : 0;
	/* forked only to be another program: it was started by whoever forked it */
	if (from && from->forked && from->tgid == tgid && from->first == from->last) {
		p->inherited = from->inherited;
		p->parent = from->parent;
	}
	p->touched_ns = ts_ns;
	return p;
}

static __u32 proc_number(const struct epochs *e, const struct uproc *p)
{
	struct u64map_slot *slot = u64map__find(&e->by_image, p->image);

	return slot ? slot->value : 0;
}

int epochs__spoke(struct uproc *p, __u32 serial, __u32 task)
{
	struct speaker *v;

	if (!serial || p->n_speakers == SPEAKERS_MAX || epochs__speaker(p, serial) >= 0)
		return 0;
	if (!(p->n_speakers & (p->n_speakers - 1))) {	/* 0, 1, 2, 4 …: full */
		v = reallocarray(p->speakers, p->n_speakers ? 2 * p->n_speakers : 1, sizeof(*v));
		if (!v)
			return -ENOMEM;
		p->speakers = v;
	}
	p->speakers[p->n_speakers++] = (struct speaker){ .serial = serial, .task = task };
	return 0;
}

/*
 * What a thread's time in an epoch is added to; NULL when memory is out.  As long as only
 * one thread writes there is nothing to tell apart.
 */
static struct account *account_of(struct uproc *p, struct epoch *ep, __u32 thread)
{
	struct account *v;
	int i;

	/* of a pool the first that a thread writes may be that its first unit is over */
	if (p->pool && thread && p->n_speakers < SPEAKERS_MAX / 2 && epochs__spoke(p, thread, thread))
		return NULL;
	i = p->n_speakers > 1 ? epochs__speaker(p, thread) : -1;
	if (i < 0)
		return &ep->account;
	if ((unsigned)i >= ep->n_parts) {
		v = reallocarray(ep->parts, p->n_speakers, sizeof(*v));
		if (!v)
			return NULL;
		memset(v + ep->n_parts, 0, (p->n_speakers - ep->n_parts) * sizeof(*v));
		ep->parts = v;
		ep->n_parts = p->n_speakers;
	}
	return &ep->parts[i];
}

/* A new one between that process's prev and next, 0: none there; NULL when memory is out. */
static struct epoch *add_epoch(struct epochs *e, struct uproc *p, __u32 id, __u64 ts_ns, __u32 prev, __u32 next)
{
	__u32 i = pool__get(&e->epochs);
	struct epoch *ep;

	if (!i)
		return NULL;
	if (!u64map__put(&e->by_id, id, i)) {
		pool__put(&e->epochs, i);
		return NULL;
	}
	ep = epochs__at(e, i);
	ep->used = true;
	ep->id = id;
	if (e->last_id < id)
		e->last_id = id;
	ep->proc = proc_number(e, p);
	ep->begin_ns = ts_ns;
	ep->prev = prev;
	ep->next = next;
	*(prev ? &epochs__at(e, prev)->next : &p->first) = i;
	*(next ? &epochs__at(e, next)->prev : &p->last) = i;
	return ep;
}

void epochs__close_last(struct epochs *e, struct uproc *p, __u64 ts_ns)
{
	struct epoch *ep = p->last ? epochs__at(e, p->last) : NULL;

	if (ep && !ep->end_ns)
		ep->end_ns = ts_ns > ep->begin_ns ? ts_ns : ep->begin_ns + 1;
}

/*
 * Two threads write at once, and the later number is told of first: that one's epoch goes on,
 * for the process is in the highest.  This one was over as it began.
 */
static struct epoch *overtaken(struct epochs *e, struct uproc *p, __u32 id)
{
	__u32 next = p->last, prev = epochs__at(e, next)->prev;
	__u64 begin_ns = epochs__at(e, next)->begin_ns;
	struct epoch *ep;

	while (prev && epochs__at(e, prev)->id > id) {
		next = prev;
		begin_ns = epochs__at(e, next)->begin_ns;
		prev = epochs__at(e, prev)->prev;
	}
	ep = add_epoch(e, p, id, begin_ns, prev, next);
	if (ep)
		ep->end_ns = begin_ns + 1;
	return ep;
}

int epochs__bound(struct epochs *e, struct uproc *p, __u32 after, __u64 ts_ns, bool binary)
{
	struct epoch *ep;

	e->n_bounds++;
	if (p->last && epochs__at(e, p->last)->id > after) {
		ep = overtaken(e, p, after);
	} else {
		epochs__close_last(e, p, ts_ns);
		ep = add_epoch(e, p, after, ts_ns, p->last, 0);
	}
	if (!ep)
		return -ENOMEM;
	ep->binary = binary;
	return 0;
}

static int put_early(struct epochs *e, __u32 id, __u32 thread, unsigned what, __u64 ns)
{
	if (e->n_early == e->cap_early) {
		size_t cap = e->cap_early ? 2 * e->cap_early : 256;
		struct early *v = reallocarray(e->early, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		e->early = v;
		e->cap_early = cap;
	}
	e->early[e->n_early++] = (struct early){ id, thread, what, ns };
	return 0;
}

struct u64map_slot *epochs__resolved(const struct epochs *e, __u32 id, __u32 thread)
{
	struct u64map_slot *slot = thread ? u64map__find(&e->resolved, epochs__resolved_key(id, thread)) : NULL;

	return slot ? slot : u64map__find(&e->resolved, id);
}

int epochs__charge(struct epochs *e, __u32 id, unsigned what, __u64 ns)
{
	return epochs__charge_thread(e, id, 0, what, ns);
}

int epochs__charge_thread(struct epochs *e, __u32 id, __u32 thread, unsigned what, __u64 ns)
{
	struct epoch *ep = find_epoch(e, id);
	struct u64map_slot *slot;
	struct account a = {}, *to;

	if (!id || !ns)
		return 0;
	if (ep) {
		to = account_of(pool__at(&e->procs, ep->proc), ep, thread);
		if (!to)
			return -ENOMEM;
		to->ns[what] += ns;
		return 0;
	}
	if (id > e->last_id)
		return put_early(e, id, thread, what, ns);
	slot = epochs__resolved(e, id, thread);
	if (!slot) {
		e->late_ns += what < WT_STATES ? ns : 0;
		return 0;
	}
	a.ns[what] = ns;
	if (slot->value)
		e->sink.charge(e->sink.ctx, slot->value, &a);
	return 0;
}

/* Charges that came before the boundary they were about. */
int epochs__charge_early(struct epochs *e)
{
	size_t n = e->n_early;
	int err = 0;

	e->n_early = 0;
	for (size_t i = 0; i < n; i++) {
		struct early c = e->early[i];	/* it may be put back in its place */

		err = first_error(err, epochs__charge_thread(e, c.epoch, c.thread, c.what, c.ns));
	}
	return err;
}

int epochs__charge_time(struct epochs *e, __u64 image, __u32 id, __u64 from, __u64 to,
			unsigned what, __u64 ns)
{
	return epochs__charge_thread_time(e, image, id, 0, from, to, what, ns);
}

#define PASS_MOST 16		/* generations of processes */

/*
 * What a process with units of its own did belongs to the unit that it was started in as well.
 * That one's process may be such a one, too: it passes on what its epoch has when that is made
 * over; what comes later for it is passed on here.
 */
int epochs__pass_on(struct epochs *e, const struct uproc *p, const struct account *a)
{
	int err = 0;

	for (unsigned turn = 0; turn < PASS_MOST && p && p->matched && p->inherited; turn++) {
		bool open = find_epoch(e, p->inherited);

		if (!open && !epochs__resolved(e, p->inherited, p->inherited_by))
			break;
		for (unsigned k = 0; k < ACCOUNT_SIZE; k++)
			err = first_error(err, epochs__charge_thread(e, p->inherited, p->inherited_by, k, a->ns[k]));
		if (open)
			break;
		p = p->parent ? epochs__find_proc(e, p->parent) : NULL;
	}
	return err;
}

/*
 * Whose units the time of p belongs to as it goes by, NULL: no such one.  A worker that a program forks
 * before it begins, or with its first unit, works for each of them by turns; a program that it starts, for that one.
 */
const struct uproc *epochs__serves(const struct epochs *e, const struct uproc *p)
{
	const struct uproc *q = p->forked && !p->matched && p->parent ? epochs__find_proc(e, p->parent) : NULL;

	return q && q->matched ? q : NULL;
}

/* What came when its time had been made over already, in [from, to]: it goes where that went. */
static int charge_late(struct epochs *e, const struct uproc *p, __u64 from, __u64 to, unsigned what, __u64 ns,
		       __u32 thread)
{
	const struct uproc *served = epochs__serves(e, p), *whose = served ? served : p;
	struct account a = {};

	if (!whose->matched)
		return epochs__charge_thread(e, p->inherited, p->inherited_by, what, ns);
	a.ns[what] = ns;
	epochs__make_over(e, whose, from, to, &a, served ? 0 : thread);
	return epochs__pass_on(e, whose, &a);
}

int epochs__charge_thread_time(struct epochs *e, __u64 image, __u32 id, __u32 thread, __u64 from,
			       __u64 to, unsigned what, __u64 ns)
{
	struct uproc *p = epochs__find_proc(e, image);
	struct account *of;
	__u64 at = from, until;
	int err = 0;

	if (!p || from >= to)
		return epochs__charge_thread(e, id, thread, what, ns);
	/* before its first boundary: the epoch it came from */
	if (p->first && at < epochs__at(e, p->first)->begin_ns && !p->resolved_ns) {
		until = epochs__at(e, p->first)->begin_ns;
		until = until < to ? until : to;
		err = epochs__charge_thread(e, id, thread, what, epochs__part(ns, from, to, at, until));
		at = until;
	}
	/* whose it was is not known any more */
	if (at < to && at < p->dropped_ns) {
		until = p->dropped_ns < to ? p->dropped_ns : to;
		e->late_ns += epochs__part(ns, from, to, at, until);
		at = until;
	}
	/* what is made over already */
	if (at < to && at < p->resolved_ns) {
		until = p->resolved_ns < to ? p->resolved_ns : to;
		err = first_error(err, charge_late(e, p, at, until, what,
						   epochs__part(ns, from, to, at, until), thread));
		at = until;
	}
	for (__u32 i = p->first; i && at < to; i = epochs__at(e, i)->next) {
		struct epoch *ep = epochs__at(e, i);

		until = ep->end_ns && ep->end_ns < to ? ep->end_ns : to;
		if (until <= at)
			continue;
		of = account_of(p, ep, thread);
		if (of)
			of->ns[what] += epochs__part(ns, from, to, at, until);
		else
			err = first_error(err, -ENOMEM);
		at = until;
	}
	return err;
}

void epochs__decided(struct uproc *p, __u64 ts_ns)
{
	if (p->decided_ns < ts_ns)
		p->decided_ns = ts_ns;
}

__u64 epochs__nearest(const struct epochs *e, const struct uproc *p, __u64 ts)
{
	__u64 best = 0;

	for (__u32 i = p->last; i; i = epochs__at(e, i)->prev) {
		__u64 b = epochs__at(e, i)->begin_ns;

		if (!best || (b > ts ? b - ts : ts - b) < (best > ts ? best - ts : ts - best))
			best = b;
		if (b <= ts)
			break;
	}
	return best;
}

__u64 epochs__silent(const struct epochs *e, const struct uproc *p, __u64 ts)
{
	for (__u32 i = p->last; i; i = epochs__at(e, i)->prev)
		if (epochs__at(e, i)->begin_ns <= ts && epochs__at(e, i)->binary)
			return epochs__at(e, i)->begin_ns;
	return 0;
}

__u64 epochs__after(const struct epochs *e, const struct uproc *p, __u64 ts)
{
	for (__u32 i = p->first; i; i = epochs__at(e, i)->next)
		if (epochs__at(e, i)->begin_ns > ts && epochs__at(e, i)->binary)
			return epochs__at(e, i)->begin_ns;
	return 0;
}

__u64 epochs__before(const struct epochs *e, const struct uproc *p, __u64 ts)
{
	for (__u32 i = p->last; i; i = epochs__at(e, i)->prev)
		if (epochs__at(e, i)->begin_ns < ts)
			return epochs__at(e, i)->begin_ns;
	return 0;
}

void epochs__exited(struct epochs *e, __u64 image, __u64 ts_ns)
{
	struct uproc *p = epochs__find_proc(e, image);

	if (!p)
		return;
	epochs__close_last(e, p, ts_ns);
	epochs__decided(p, ts_ns + 1);
	p->exited = true;
	p->exit_ns = ts_ns;
	p->over_gen = e->gen;
}

__u32 epochs__row(const struct epochs *e, __u32 id)
{
	return epochs__row_of(e, id, 0);
}

__u32 epochs__row_of(const struct epochs *e, __u32 id, __u32 thread)
{
	struct u64map_slot *slot;

	if (!id)
		return 0;
	if (id > e->last_id || u64map__find(&e->by_id, id))
		return UNITS_OPEN;
	slot = epochs__resolved(e, id, thread);
	return slot ? slot->value : 0;
}
