/* SPDX-License-Identifier: GPL-2.0-or-later */
/* form_begun.c - units that have begun, or wait, and have not ended: who is at which. */
#include "units/form_impl.h"

#include <errno.h>
#include <stdio.h>
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

#define PATIENCE 16		/* of its longest units: so long a thread may be silent … */
#define PATIENCE_NS 1000000000ULL	/* … and so long at least */

/* A thread that counts for itself has more to say of the time since its last line. */
static bool goes_on(const struct seq *s, __u64 ts)
{
	if (!s->thread || (s->total && s->done >= s->total))
		return false;
	return ts < s->last_ns + PATIENCE * s->longest_ns + PATIENCE_NS;
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
	for (const struct seq *s = pf->seqs; s; s = s->next) {
		if (s->n_held && s->held[0].ts_ns < ts)
			ts = s->held[0].ts_ns;
		if (goes_on(s, ts) && s->last_ns < ts)
			ts = s->last_ns;
	}
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

/* The place of that thread's unit, of the longest at work when there are too many; NULL: memory is out. */
static struct open *open_of(struct seq *s, __u32 thread)
{
	unsigned oldest = 0;
	struct open *v;

	for (unsigned i = 0; i < s->n_opens; i++) {
		if (s->opens[i].thread == thread)
			return &s->opens[i];
		if (s->opens[i].ts_ns < s->opens[oldest].ts_ns)
			oldest = i;
	}
	if (s->n_opens == SPEAKERS_MAX) {
		s->opens[oldest] = (struct open){ .thread = thread };
		return &s->opens[oldest];
	}
	v = reallocarray(s->opens, s->n_opens + 1, sizeof(*v));
	if (!v)
		return NULL;
	s->opens = v;
	v[s->n_opens] = (struct open){ .thread = thread };
	return &v[s->n_opens++];
}

/* A unit that the begin of the next one of its thread ended. */
static int add_open(struct form *f, struct uproc *p, struct seq *s, const struct open *o)
{
	struct unit_mark m = { .pattern = s->pattern, .label = o->label, .label_len = strlen(o->label),
			       .remaining_ns = ~0ULL };
	int err = form__add_row(f, p, s, &m, o->ts_ns, o->to_ns, 1, 1, o->thread, NULL, 0);

	s->n++;
	return err;
}

/* No ends come: what began was over with the next begin. */
static int add_held(struct form *f, struct uproc *p, struct seq *s)
{
	int err = 0;

	for (unsigned i = 0; i < s->n_held; i++)
		err = first_error(err, add_open(f, p, s, &s->held[i]));
	s->n_held = 0;
	return err;
}

/*
 * The next unit begins: the last one is over, unless ends are told of as well, and several are
 * at work at once.  That shows when the first one ends.
 */
static int next_began(struct form *f, struct uproc *p, struct proc_form *pf, struct seq *s,
		      const struct open *o)
{
	int err = 0;

	if (!s->alone) {
		if (!s->held)
			s->held = calloc(HELD_MAX, sizeof(*s->held));
		if (!s->held)
			return -ENOMEM;
		s->held[s->n_held++] = *o;
		if (s->n_held < HELD_MAX)
			return 0;
		s->alone = true;
		err = add_held(f, p, s);
	} else {
		err = add_open(f, p, s, o);
	}
	form__decide(f, p, pf, o->to_ns);
	return err;
}

/* … and what its threads were at when it was over, with that: nothing will say so. */
static int add_unended(struct form *f, struct uproc *p, struct seq *s)
{
	int err = 0;

	for (unsigned i = 0; i < s->n_opens && !s->ends && p->exit_ns; i++) {
		struct open *o = &s->opens[i];

		o->to_ns = p->exit_ns;
		if (o->ts_ns && o->ts_ns < o->to_ns)
			err = first_error(err, add_open(f, p, s, o));
		o->ts_ns = 0;
	}
	return err;
}

int form__flush(struct form *f, bool all)
{
	int err = 0;

	for (__u32 i = 1; i < f->epochs->procs.end; i++) {
		struct uproc *p = pool__at(&f->epochs->procs, i);
		struct proc_form *pf = p->used && (all || p->exited) ? p->form : NULL;

		for (struct seq *s = pf ? pf->seqs : NULL; s; s = s->next) {
			err = first_error(err, add_held(f, p, s));
			err = first_error(err, add_unended(f, p, s));
		}
	}
	return err;
}

/* A unit begins; where none is ever said to end, the last one of its thread ends with that. */
int form__begin(struct form *f, struct uproc *p, struct proc_form *pf, const struct unit_mark *m)
{
	struct seq *s = form__seq_of(p, m);
	unsigned beside = 0;
	struct open *o;
	int err = 0;

	if (s)
		s->ends |= m->paired;
	if (s && (m->paired || m->thread))
		err = form__pause_all(pf, m, true, &beside);
	o = s && !s->ends ? open_of(s, m->thread) : NULL;

	if (!s || (!s->ends && !o))
		return -ENOMEM;
	form__note_begun(pf, s, m);
	if (m->paired || m->thread) {
		parts__resume(&pf->begun[pf->n_begun - 1].parts, m->ts_ns);
		pf->begun[pf->n_begun - 1].parts.beside = beside;
	}
	if (s->over.thread == m->thread)
		s->over.ts_ns = 0;
	if (!o)
		return err;
	if (o->ts_ns) {
		o->to_ns = m->ts_ns;
		err = next_began(f, p, pf, s, o);
	}
	o->ts_ns = m->ts_ns;
	snprintf(o->label, sizeof(o->label), "%.*s", (int)(m->label ? m->label_len : 0),
		 m->label ? m->label : "");
	return err;
}
