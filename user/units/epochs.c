/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "units/epochs_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RESOLVED_KEPT 100000	/* epochs made over that late charges still find */
#define OVER_GENS 4		/* generations that a process is kept once it is over */
#define RESOLVED_GENS 600	/* … and for so many generations at least, unless there are more */

int epochs__init(struct epochs *e, unsigned max, const struct epochs_sink *sink)
{
	memset(e, 0, sizeof(*e));
	pool__init(&e->procs, sizeof(struct uproc));
	pool__init(&e->epochs, sizeof(struct epoch));
	e->max = max;
	e->sink = *sink;
	return 0;
}

static void free_proc(struct epochs *e, struct uproc *p)
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
			free_proc(e, p);
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

static struct epoch *epoch_at(const struct epochs *e, __u32 i)
{
	return pool__at(&e->epochs, i);
}

/* One that process p goes through; made over already or unknown: NULL. */
static struct epoch *find_epoch(const struct epochs *e, __u32 id)
{
	struct u64map_slot *slot = id ? u64map__find(&e->by_id, id) : NULL;

	return slot ? epoch_at(e, slot->value) : NULL;
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
	ep = epoch_at(e, i);
	ep->used = true;
	ep->id = id;
	if (e->last_id < id)
		e->last_id = id;
	ep->proc = proc_number(e, p);
	ep->begin_ns = ts_ns;
	ep->prev = prev;
	ep->next = next;
	*(prev ? &epoch_at(e, prev)->next : &p->first) = i;
	*(next ? &epoch_at(e, next)->prev : &p->last) = i;
	return ep;
}

static void close_last(struct epochs *e, struct uproc *p, __u64 ts_ns)
{
	struct epoch *ep = p->last ? epoch_at(e, p->last) : NULL;

	if (ep && !ep->end_ns)
		ep->end_ns = ts_ns > ep->begin_ns ? ts_ns : ep->begin_ns + 1;
}

/*
 * Two threads write at once, and the later number is told of first: that one's epoch goes on,
 * for the process is in the highest.  This one was over as it began.
 */
static struct epoch *overtaken(struct epochs *e, struct uproc *p, __u32 id)
{
	__u32 next = p->last, prev = epoch_at(e, next)->prev;
	__u64 begin_ns = epoch_at(e, next)->begin_ns;
	struct epoch *ep;

	while (prev && epoch_at(e, prev)->id > id) {
		next = prev;
		begin_ns = epoch_at(e, next)->begin_ns;
		prev = epoch_at(e, prev)->prev;
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
	if (p->last && epoch_at(e, p->last)->id > after) {
		ep = overtaken(e, p, after);
	} else {
		close_last(e, p, ts_ns);
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

/* Where it is noted whose an epoch was for that thread, if for it it was another's. */
static __u64 resolved_key(__u32 id, __u32 thread)
{
	return id | (__u64)thread << 32;
}

static struct u64map_slot *find_resolved(const struct epochs *e, __u32 id, __u32 thread)
{
	struct u64map_slot *slot = thread ? u64map__find(&e->resolved, resolved_key(id, thread)) : NULL;

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
	slot = find_resolved(e, id, thread);
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
static int charge_early(struct epochs *e)
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
static int pass_on(struct epochs *e, const struct uproc *p, const struct account *a)
{
	int err = 0;

	for (unsigned turn = 0; turn < PASS_MOST && p && p->matched && p->inherited; turn++) {
		bool open = find_epoch(e, p->inherited);

		if (!open && !find_resolved(e, p->inherited, p->inherited_by))
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
static const struct uproc *serves(const struct epochs *e, const struct uproc *p)
{
	const struct uproc *q = p->forked && !p->matched && p->parent ? epochs__find_proc(e, p->parent) : NULL;

	return q && q->matched ? q : NULL;
}

/* What came when its time had been made over already, in [from, to]: it goes where that went. */
static int charge_late(struct epochs *e, const struct uproc *p, __u64 from, __u64 to, unsigned what, __u64 ns,
		       __u32 thread)
{
	const struct uproc *served = serves(e, p), *whose = served ? served : p;
	struct account a = {};

	if (!whose->matched)
		return epochs__charge_thread(e, p->inherited, p->inherited_by, what, ns);
	a.ns[what] = ns;
	epochs__make_over(e, whose, from, to, &a, served ? 0 : thread);
	return pass_on(e, whose, &a);
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
	if (p->first && at < epoch_at(e, p->first)->begin_ns && !p->resolved_ns) {
		until = epoch_at(e, p->first)->begin_ns;
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
	for (__u32 i = p->first; i && at < to; i = epoch_at(e, i)->next) {
		struct epoch *ep = epoch_at(e, i);

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

	for (__u32 i = p->last; i; i = epoch_at(e, i)->prev) {
		__u64 b = epoch_at(e, i)->begin_ns;

		if (!best || (b > ts ? b - ts : ts - b) < (best > ts ? best - ts : ts - best))
			best = b;
		if (b <= ts)
			break;
	}
	return best;
}

__u64 epochs__silent(const struct epochs *e, const struct uproc *p, __u64 ts)
{
	for (__u32 i = p->last; i; i = epoch_at(e, i)->prev)
		if (epoch_at(e, i)->begin_ns <= ts && epoch_at(e, i)->binary)
			return epoch_at(e, i)->begin_ns;
	return 0;
}

__u64 epochs__after(const struct epochs *e, const struct uproc *p, __u64 ts)
{
	for (__u32 i = p->first; i; i = epoch_at(e, i)->next)
		if (epoch_at(e, i)->begin_ns > ts && epoch_at(e, i)->binary)
			return epoch_at(e, i)->begin_ns;
	return 0;
}

__u64 epochs__before(const struct epochs *e, const struct uproc *p, __u64 ts)
{
	for (__u32 i = p->last; i; i = epoch_at(e, i)->prev)
		if (epoch_at(e, i)->begin_ns < ts)
			return epoch_at(e, i)->begin_ns;
	return 0;
}

void epochs__exited(struct epochs *e, __u64 image, __u64 ts_ns)
{
	struct uproc *p = epochs__find_proc(e, image);

	if (!p)
		return;
	close_last(e, p, ts_ns);
	epochs__decided(p, ts_ns + 1);
	p->exited = true;
	p->exit_ns = ts_ns;
	p->over_gen = e->gen;
}

static int note_resolved(struct epochs *e, __u64 key, __u32 row)
{
	struct u64map_slot *slot = u64map__put(&e->resolved, key, row);

	if (!slot)
		return -ENOMEM;
	slot->used = 1 + e->gen;
	return 0;
}

/* What single threads did in an epoch whose other threads' time was row's. */
static int resolve_parts(struct epochs *e, const struct uproc *p, const struct epoch *ep, __u32 row)
{
	int err = 0;

	for (unsigned i = 0; i < p->n_speakers && p->n_speakers > 1; i++) {
		static const struct account none;
		const struct speaker *s = &p->speakers[i];
		const struct account *a = i < ep->n_parts ? &ep->parts[i] : &none;
		__u32 own = epochs__make_over(e, p, ep->begin_ns, ep->end_ns, a, s->serial);

		if (own == row)
			continue;
		err = first_error(err, note_resolved(e, resolved_key(ep->id, s->serial), own));
		if (s->task != s->serial)
			err = first_error(err, note_resolved(e, resolved_key(ep->id, s->task), own));
	}
	return err;
}

static void add_parts(struct epoch *ep)
{
	for (unsigned i = 0; i < ep->n_parts; i++)
		for (unsigned k = 0; k < ACCOUNT_SIZE; k++)
			ep->account.ns[k] += ep->parts[i].ns[k];
}

/*
 * The first epoch of p is made over: to p's own units, to those of the process it serves, or to
 * the one it was started in.
 */
static int resolve_first(struct epochs *e, struct uproc *p, const struct uproc *served, __u32 inherited_row)
{
	__u32 i = p->first, row;
	struct epoch *ep = epoch_at(e, i);
	__u32 id = ep->id;
	int err = 0;

	if (p->matched) {
		row = epochs__make_over(e, p, ep->begin_ns, ep->end_ns, &ep->account, 0);
		err = resolve_parts(e, p, ep, row);
		add_parts(ep);
		err = first_error(err, pass_on(e, p, &ep->account));
	} else if (served) {
		add_parts(ep);
		row = epochs__make_over(e, served, ep->begin_ns, ep->end_ns, &ep->account, 0);
		err = pass_on(e, served, &ep->account);
	} else {
		add_parts(ep);
		row = inherited_row;
		if (row)
			e->sink.charge(e->sink.ctx, row, &ep->account);
	}
	p->resolved_ns = ep->end_ns;
	p->first = ep->next;
	if (p->first)
		epoch_at(e, p->first)->prev = 0;
	else
		p->last = 0;
	u64map__delete(&e->by_id, id);
	free(ep->parts);
	pool__put(&e->epochs, i);
	return first_error(err, note_resolved(e, id, row));
}

/* The row that p's time belongs to while p itself tells of no units; UNITS_OPEN: it is not known. */
static __u32 inherited_row(const struct epochs *e, const struct uproc *p)
{
	return p->inherited ? epochs__row_of(e, p->inherited, p->inherited_by) : UNITS_OPEN;
}

static int finalize(struct epochs *e, struct uproc *p)
{
	int err = 0;

	for (; p->final < p->n_stretches; p->final++) {
		if (p->stretches[p->final].to_ns > p->resolved_ns)
			break;
		if (!p->stretches[p->final].more)
			err = first_error(err, e->sink.final(e->sink.ctx, p->stretches[p->final].row));
	}
	return err;
}

static int resolve_proc(struct epochs *e, struct uproc *p)
{
	const struct uproc *served = serves(e, p);
	__u32 row = p->matched || served ? 0 : inherited_row(e, p);
	int err = 0;

	while (p->first) {
		struct epoch *ep = epoch_at(e, p->first);

		if (!ep->end_ns || !ep->complete)
			break;
		if (p->matched || served ? ep->end_ns > (served ? served : p)->decided_ns : row == UNITS_OPEN)
			break;
		err = first_error(err, resolve_first(e, p, served, row));
	}
	return first_error(err, finalize(e, p));
}

/* Too many wait: the oldest of processes that tell of no units belong to none. */
static int give_up(struct epochs *e)
{
	int err = 0;

	for (__u32 i = 1; i < e->procs.end && e->epochs.n > e->max / 2; i++) {
		struct uproc *p = pool__at(&e->procs, i);

		if (!p->used || p->matched)
			continue;
		while (p->first) {
			struct epoch *ep = epoch_at(e, p->first);

			if (!ep->end_ns || !ep->complete)
				break;
			e->given_up++;
			err = first_error(err, resolve_first(e, p, NULL, 0));
		}
	}
	/* a unit longer than all: its epochs run together */
	for (__u32 i = 1; i < e->procs.end && e->epochs.n > e->max; i++) {
		struct uproc *p = pool__at(&e->procs, i);

		while (p->used && p->first && e->epochs.n > e->max / 2) {
			struct epoch *ep = epoch_at(e, p->first);

			if (!ep->end_ns || !ep->complete)
				break;
			e->given_up++;
			epochs__decided(p, ep->end_ns);
			err = first_error(err, resolve_first(e, p, NULL, 0));
		}
	}
	return err;
}

/*
 * Processes that are over and made over, so that however many come and go cost
 * nothing.  What comes late for one finds its epochs among the resolved ones.
 */
static void forget_over(struct epochs *e)
{
	for (__u32 i = 1; i < e->procs.end; i++) {
		struct uproc *p = pool__at(&e->procs, i);

		if (!p->used || !p->exited || p->first || p->final < p->n_stretches ||
		    e->gen - p->over_gen < OVER_GENS)
			continue;
		free_proc(e, p);
		u64map__delete(&e->by_image, p->image);
		pool__put(&e->procs, i);
	}
}

struct keep {
	__u32 gen;
	__u32 kept;
};

static bool keep_resolved(struct u64map_slot *s, void *arg)
{
	const struct keep *k = arg;

	return k->gen - (s->used - 1) < k->kept;
}

static void expire(struct epochs *e)
{
	struct keep k = { e->gen, RESOLVED_GENS };

	while (e->resolved.n > RESOLVED_KEPT && k.kept) {
		u64map__filter(&e->resolved, keep_resolved, &k);
		k.kept /= 2;
	}
}

int epochs__generation(struct epochs *e)
{
	int err = charge_early(e);

	e->gen++;
	for (__u32 i = 1; i < e->epochs.end; i++) {
		struct epoch *ep = epoch_at(e, i);

		if (ep->used && ep->end_ns)
			ep->complete = true;
	}
	for (__u32 i = 1; i < e->procs.end; i++) {
		struct uproc *p = pool__at(&e->procs, i);

		if (p->used)
			err = first_error(err, resolve_proc(e, p));
	}
	if (e->epochs.n > e->max)
		err = first_error(err, give_up(e));
	forget_over(e);
	expire(e);
	return err;
}

int epochs__finish(struct epochs *e, __u64 end_ns)
{
	int err = 0;

	for (__u32 i = 1; i < e->procs.end; i++) {
		struct uproc *p = pool__at(&e->procs, i);

		if (!p->used)
			continue;
		close_last(e, p, end_ns);
		epochs__decided(p, ~0ULL);
	}
	err = epochs__generation(e);
	/* what was started in an epoch that goes on to the end: now in order of birth */
	for (__u32 i = 1; i < e->procs.end; i++) {
		struct uproc *p = pool__at(&e->procs, i);
		__u32 row = p->used ? inherited_row(e, p) : 0;

		while (p->used && p->first)
			err = first_error(err, resolve_first(e, p, serves(e, p), row == UNITS_OPEN ? 0 : row));
		if (p->used)
			err = first_error(err, finalize(e, p));
	}
	return err;
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
	slot = find_resolved(e, id, thread);
	return slot ? slot->value : 0;
}
