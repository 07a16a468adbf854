/* SPDX-License-Identifier: GPL-2.0-or-later */
/* epochs_resolve.c - once it is known whose an epoch was, its account is made over, and it is forgotten. */
#include "units/epochs_impl.h"

#include <errno.h>
#include <stdlib.h>

#define RESOLVED_KEPT 100000	/* epochs made over that late charges still find */
#define OVER_GENS 4		/* generations that a process is kept once it is over */
#define RESOLVED_GENS 600	/* … and for so many generations at least, unless there are more */

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
		err = first_error(err, note_resolved(e, epochs__resolved_key(ep->id, s->serial), own));
		if (s->task != s->serial)
			err = first_error(err, note_resolved(e, epochs__resolved_key(ep->id, s->task), own));
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
	struct epoch *ep = epochs__at(e, i);
	__u32 id = ep->id;
	int err = 0;

	if (p->matched) {
		row = epochs__make_over(e, p, ep->begin_ns, ep->end_ns, &ep->account, 0);
		err = resolve_parts(e, p, ep, row);
		add_parts(ep);
		err = first_error(err, epochs__pass_on(e, p, &ep->account));
	} else if (served) {
		add_parts(ep);
		row = epochs__make_over(e, served, ep->begin_ns, ep->end_ns, &ep->account, 0);
		err = epochs__pass_on(e, served, &ep->account);
	} else {
		add_parts(ep);
		row = inherited_row;
		if (row)
			e->sink.charge(e->sink.ctx, row, &ep->account);
	}
	p->resolved_ns = ep->end_ns;
	p->first = ep->next;
	if (p->first)
		epochs__at(e, p->first)->prev = 0;
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
	const struct uproc *served = epochs__serves(e, p);
	__u32 row = p->matched || served ? 0 : inherited_row(e, p);
	int err = 0;

	while (p->first) {
		struct epoch *ep = epochs__at(e, p->first);

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
			struct epoch *ep = epochs__at(e, p->first);

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
			struct epoch *ep = epochs__at(e, p->first);

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
		epochs__free_proc(e, p);
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
	int err = epochs__charge_early(e);

	e->gen++;
	for (__u32 i = 1; i < e->epochs.end; i++) {
		struct epoch *ep = epochs__at(e, i);

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
		epochs__close_last(e, p, end_ns);
		epochs__decided(p, ~0ULL);
	}
	err = epochs__generation(e);
	/* what was started in an epoch that goes on to the end: now in order of birth */
	for (__u32 i = 1; i < e->procs.end; i++) {
		struct uproc *p = pool__at(&e->procs, i);
		__u32 row = p->used ? inherited_row(e, p) : 0;

		while (p->used && p->first)
			err = first_error(err, resolve_first(e, p, epochs__serves(e, p), row == UNITS_OPEN ? 0 : row));
		if (p->used)
			err = first_error(err, finalize(e, p));
	}
	return err;
}
