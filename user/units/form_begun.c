/* SPDX-License-Identifier: GPL-2.0-or-later */
/* form_begun.c - units that have begun, or wait, and have not ended: who is at which. */
#include "units/form_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MISSED_MAX 256		/* ends of others after which that of one is no longer expected */

__u64 form__label_hash(const char *label, size_t len)
{
	__u64 h = len + 1;

	for (size_t i = 0; i < len; i++)
		h = u64_mix(h ^ (unsigned char)label[i]);
	return h;
}

/* Its parts are the caller's to free. */
static void forget_begun(struct proc_form *pf, unsigned i)
{
	memmove(pf->begun + i, pf->begun + i + 1, (--pf->n_begun - i) * sizeof(*pf->begun));
}

static void drop_begun(struct proc_form *pf, unsigned i)
{
	parts__free(&pf->begun[i].parts);
	forget_begun(pf, i);
}

void form__note_begun(struct proc_form *pf, struct seq *s, const struct unit_mark *m)
{
	__u64 hash = form__label_hash(m->label, m->label_len);

	/* what has no name is told apart by who said so */
	for (unsigned i = 0; i < pf->n_begun; i++)
		if (pf->begun[i].hash == hash && (m->label_len || pf->begun[i].thread == m->thread))
			drop_begun(pf, i--);
	if (pf->n_begun == OPEN_MAX)
		drop_begun(pf, 0);
	pf->begun[pf->n_begun++] = (struct begun){ .hash = hash, .ts_ns = m->ts_ns, .thread = m->thread, .seq = s };
}

/* When the unit of that label began, as the process itself said; false: it did not. */
bool form__take_begun(struct proc_form *pf, const struct unit_mark *m, struct begun *out)
{
	__u64 hash = form__label_hash(m->label, m->label_len);
	unsigned found = OPEN_MAX;

	for (unsigned i = 0; i < pf->n_begun; i++) {
		if (pf->begun[i].hash != hash)
			continue;
		if (found == OPEN_MAX || pf->begun[i].thread == m->thread)
			found = i;
		if (pf->begun[i].thread == m->thread)
			break;
	}
	if (found == OPEN_MAX)
		return false;
	*out = pf->begun[found];
	forget_begun(pf, found);
	return true;
}

/* Its thread leaves whatever it is at.  begins: for a unit that begins, which it may not have left it for. */
int form__pause_all(struct proc_form *pf, const struct unit_mark *m, bool begins, unsigned *beside)
{
	int err = 0;

	*beside = 0;
	for (unsigned i = 0; i < pf->n_begun && !err; i++) {
		struct begun *b = &pf->begun[i];

		if (b->thread != m->thread || !b->parts.since_ns)
			continue;
		b->parts.beside += begins;
		++*beside;
		err = parts__pause(&b->parts, m->ts_ns);
	}
	return err;
}

/*
 * A unit of its thread ends.  Where one that began later goes on, they are coroutines: the time
 * between two lines is that of the unit that began with the first, else of the one that ended
 * with the second, and the rest is nobody's.
 */
int form__end_turn(struct proc_form *pf, const struct unit_mark *m, struct begun *b)
{
	struct seq *s = b->seq;
	unsigned left;
	int err = 0;

	for (unsigned i = 0; i < pf->n_begun; i++) {
		struct begun *o = &pf->begun[i];

		if (o->seq != s || o->thread != b->thread)
			continue;
		s->switches |= o->ts_ns > b->ts_ns;
		if (++o->missed == MISSED_MAX)
			drop_begun(pf, i--);
	}
	if (s->switches) {
		err = form__pause_all(pf, m, false, &left);
		if (s->over.ts_ns && s->over.thread == m->thread)
			parts__resume(&b->parts, s->over.ts_ns);
	}
	s->over.thread = m->thread;
	s->over.ts_ns = m->ts_ns;
	return err ? err : parts__pause(&b->parts, m->ts_ns);
}

/* The thread goes on with another unit, or with none. */
int form__switch_to(struct uproc *p, struct proc_form *pf, const struct unit_mark *m)
{
	__u64 hash = form__label_hash(m->label, m->label_len);
	struct seq *s = form__seq_of(p, m);
	unsigned left;
	int err = s ? form__pause_all(pf, m, false, &left) : -ENOMEM;

	if (err)
		return err;
	s->switches = true;
	for (unsigned i = 0; i < pf->n_begun && m->label_len; i++)
		if (pf->begun[i].hash == hash && pf->begun[i].thread == m->thread)
			parts__resume(&pf->begun[i].parts, m->ts_ns);
	return 0;
}

/* The unit of that label that is at work has failed. */
void form__note_failed(struct proc_form *pf, const struct unit_mark *m)
{
	__u64 hash = form__label_hash(m->label, m->label_len);

	for (unsigned i = 0; i < pf->n_begun; i++)
		if (pf->begun[i].hash == hash)
			pf->begun[i].failed = true;
}

/* The earliest that the process itself took in and that has not ended: a thread of it may be at it. */
static __u64 first_waiting(const struct form *f, const struct uproc *p, __u64 ts)
{
	for (unsigned i = 0; f->waiting && i < WAITING_MAX; i++)
		if (f->waiting[i].hash && f->waiting[i].image == p->image && f->waiting[i].ts_ns < ts)
			ts = f->waiting[i].ts_ns;
	return ts;
}

/*
 * Before the mark's time it is known whose time is; but for what a thread has begun and
 * will say the end of.  What it began before that, it is no longer expected to end.
 */
void form__decide(const struct form *f, struct uproc *p, const struct proc_form *pf, __u64 ts)
{
	if (p->n_speakers > 1)
		ts = first_waiting(f, p, ts);
	for (unsigned i = pf->n_begun; i-- > 0; ) {
		const struct begun *b = &pf->begun[i];
		bool last = (p->n_speakers > 1 || b->seq->switches) &&
			    (b->seq->ends || b->seq->n_opens > 1) && b->thread && b->ts_ns < ts;

		for (unsigned k = i + 1; k < pf->n_begun && last && !b->seq->switches; k++)
			last = pf->begun[k].thread != b->thread;
		if (last)
			ts = b->ts_ns;
	}
	for (const struct seq *s = pf->seqs; s; s = s->next)
		if (s->n_held && s->held[0].ts_ns < ts)
			ts = s->held[0].ts_ns;
	epochs__decided(p, ts);
}

int form__note_waiting(struct form *f, const struct unit_mark *m)
{
	if (!f->waiting)
		f->waiting = calloc(WAITING_MAX, sizeof(*f->waiting));
	if (!f->waiting)
		return -ENOMEM;
	f->waiting[f->queued++ % WAITING_MAX] =
		(struct waiting){ form__label_hash(m->label, m->label_len), m->ts_ns, m->image };
	return 0;
}

/* How long the unit was said to have waited, by any process, before it began; ~0: nobody said. */
__u64 form__take_waiting(struct form *f, const struct unit_mark *m, __u64 begin_ns)
{
	__u64 hash, since;

	if (!f->waiting || !m->label)
		return ~0ULL;
	hash = form__label_hash(m->label, m->label_len);
	for (unsigned i = 0; i < WAITING_MAX; i++) {
		if (f->waiting[i].hash != hash)
			continue;
		since = f->waiting[i].ts_ns;
		f->waiting[i].hash = 0;
		return begin_ns > since ? begin_ns - since : 0;
	}
	return ~0ULL;
}

/* When this process itself took the unit in; 0: it did not. */
__u64 form__taken_in(const struct form *f, const struct unit_mark *m)
{
	__u64 hash = form__label_hash(m->label, m->label_len);

	for (unsigned i = 0; f->waiting && m->label && i < WAITING_MAX; i++)
		if (f->waiting[i].hash == hash && f->waiting[i].image == m->image)
			return f->waiting[i].ts_ns;
	return 0;
}
