/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * form_hear.c - before lines are settled, all there are have been heard: what their times are,
 * by what their numbers grow, and whether each thread counts for itself.
 */
#include "units/form_impl.h"

#include <errno.h>
#include <stdlib.h>

#define LATE_NS 10000000ULL	/* between looking at the clock and writing */
#define LEAST_FAR 16		/* a first number that is less is no sign of anything … */
#define FAR 8			/* … nor one that so many steps make up for */
#define STEPS_HEARD 4
#define HELD_TURNS 60		/* settlings that a first number waits for the second */
#define IN_COMMON 3		/* numbers in a row that two threads both said: each has its own counter */

/* Whether so long a time before ts lies before the program began. */
static bool reaches_back(const struct uproc *p, const struct unit_mark *m, __u64 elapsed)
{
	return elapsed > m->ts_ns - p->since_ns + LATE_NS + elapsed / 64;
}

/*
 * "duration":9.5 may be seconds, milliseconds or less.  No unit began before its program did: if one
 * seems to, the figures of its series are of a smaller unit; and one that names its unit is no time of its own.
 */
static void hear_scale(struct uproc *p, struct seq *s, const struct unit_mark *m)
{
	while (m->bare && s->scale < 1000000000 && reaches_back(p, m, m->said_ns / s->scale))
		s->scale *= 1000;
}

static void apply_scale(struct uproc *p, const struct seq *s, struct unit_mark *m)
{
	m->elapsed_ns = m->bare ? m->said_ns / s->scale : m->said_ns;
	if (reaches_back(p, m, m->elapsed_ns))
		m->elapsed_ns = 0;
}

int form__hear_scales(struct form *f)
{
	for (int turn = 0; turn < 2; turn++) {
		for (size_t i = 0; i < f->n_marks; i++) {
			struct unit_mark *m = &f->marks[i];
			struct uproc *p = epochs__find_proc(f->epochs, m->image);
			struct seq *s;

			if (!p || !m->said_ns || m->handed || m->paired || !p->since_ns || m->ts_ns < p->since_ns)
				continue;
			s = form__seq_of(p, m);
			if (!s)
				return -ENOMEM;
			if (turn)
				apply_scale(p, s, m);
			else
				hear_scale(p, s, m);
		}
	}
	return 0;
}

/* By how much it grows, at most, at first. */
static void hear_step(struct seq *s, const struct unit_mark *m)
{
	if (s->has_heard && m->done > s->heard && s->n_steps < STEPS_HEARD) {
		if (m->done - s->heard > s->step)
			s->step = m->done - s->heard;
		s->n_steps++;
	}
	s->heard = m->done;
	s->has_heard = true;
}

bool form__resumes(const struct seq *s, __u64 done)
{
	return s->step && done > LEAST_FAR && done / FAR > s->step;
}

static struct said_by *said_by(struct seq *s, __u32 thread)
{
	struct said_by *v;

	for (unsigned i = 0; i < s->n_by; i++)
		if (s->by[i].thread == thread)
			return &s->by[i];
	if (s->n_by == SAID_BY_MAX)
		return NULL;
	if (!s->by) {
		v = calloc(SAID_BY_MAX, sizeof(*v));
		if (!v)
			return NULL;
		s->by = v;
	}
	s->by[s->n_by] = (struct said_by){ .thread = thread };
	return &s->by[s->n_by++];
}

static bool both_said(const struct said_by *a, const struct said_by *b)
{
	__u64 low = a->first > b->first ? a->first : b->first, high = a->last < b->last ? a->last : b->last;

	return low <= high && high - low + 1 >= IN_COMMON && a->first_ns < b->last_ns && b->first_ns < a->last_ns;
}

/*
 * Threads that count for themselves to the same total say the same numbers, each in its own order and
 * beside each other.  Of one counter that they move on together none is said twice.
 */
static void hear_threads(struct seq *s, const struct unit_mark *m)
{
	struct said_by *own = m->thread && !s->by_thread ? said_by(s, m->thread) : NULL;

	if (!own || m->done == own->last)
		return;
	if (!own->last || m->done != own->last + 1) {
		own->first = m->done;
		own->first_ns = m->ts_ns;
	}
	own->last = m->done;
	own->last_ns = m->ts_ns;
	for (unsigned i = 0; i < s->n_by && !s->by_thread; i++)
		s->by_thread = &s->by[i] != own && both_said(own, &s->by[i]);
}

static int hear(struct form *f, struct uproc *p, struct unit_mark *m)
{
	struct seq *s;

	if (m->begin || m->queued || m->paired || m->heard || (!m->has_done && !m->elapsed_ns) || form__is_relayed(f, p, m))
		return 0;
	s = form__seq_of(p, m);
	if (!s)
		return -ENOMEM;
	m->heard = true;
	if (m->has_done) {
		hear_step(s, m);
		hear_threads(s, m);
		s = form__seq_of(p, m);
		if (!s)
			return -ENOMEM;
	}
	if (m->elapsed_ns && !m->handed)
		told__line(&s->told, m->ts_ns, m->elapsed_ns, m->has_done, m->done);
	return 0;
}

int form__hear(struct form *f)
{
	int err = 0;

	for (size_t i = 0; i < f->n_marks; i++) {
		struct uproc *p = epochs__find_proc(f->epochs, f->marks[i].image);

		if (p)
			err = first_error(err, hear(f, p, &f->marks[i]));
	}
	return err;
}

/* Whether other processes write the same to the same place: then it is not for this one alone to say. */
static bool others_tell(const struct form *f, const struct unit_mark *m)
{
	for (size_t i = 0; i < f->n_marks; i++)
		if (f->marks[i].sink == m->sink && f->marks[i].image != m->image && f->marks[i].has_done)
			return true;
	return false;
}

bool form__waits(const struct form *f, struct uproc *p, const struct unit_mark *m)
{
	struct seq *s;

	if (f->over || !m->has_done || m->done <= LEAST_FAR || !p->born || !p->since_ns || p->exited)
		return false;
	s = form__seq_of(p, m);
	return s && !s->has_done && !s->step && !s->last_ns && s->turns < HELD_TURNS && !others_tell(f, m) && ++s->turns;
}
