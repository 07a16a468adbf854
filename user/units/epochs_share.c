/* SPDX-License-Identifier: GPL-2.0-or-later */
/* epochs_share.c - which unit has which part of a process's time: stretches, and accounts over them. */
#include "units/epochs_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STRETCHES_MAX (1U << 17)	/* kept of one process */

int epochs__speaker(const struct uproc *p, __u32 thread)
{
	for (unsigned i = 0; thread && i < p->n_speakers; i++)
		if (p->speakers[i].serial == thread || p->speakers[i].task == thread)
			return i;
	return -1;
}

__u64 epochs__part(__u64 ns, __u64 begin, __u64 end, __u64 from, __u64 to)
{
	unsigned __int128 x = ns;

	return (__u64)(x * (to - begin) / (end - begin)) - (__u64)(x * (from - begin) / (end - begin));
}

/* The first stretch that ends behind ts. */
static unsigned first_stretch(const struct uproc *p, __u64 ts)
{
	unsigned lo = 0, hi = p->n_stretches;

	while (lo < hi) {
		unsigned mid = (lo + hi) / 2;

		if (p->stretches[mid].to_ns > ts)
			hi = mid;
		else
			lo = mid + 1;
	}
	return lo;
}

/* Neither this stretch, nor any after it, begins before ts: they are in order of their ends. */
static bool all_behind(const struct uproc *p, const struct stretch *s, __u64 ts)
{
	return s->to_ns > p->longest_ns && s->to_ns - p->longest_ns >= ts;
}

/* An account on its way to the units that have claimed parts of its time. */
struct make_over {
	struct epochs *e;
	const struct account *a;
	__u64 begin, end;
	__u64 most;		/* the longest part, … */
	__u32 row;		/* … whose it was; 0: none has any */
};

static struct account share_of(const struct make_over *m, __u64 from, __u64 to)
{
	struct account share;

	for (unsigned k = 0; k < ACCOUNT_SIZE; k++)
		share.ns[k] = epochs__part(m->a->ns[k], m->begin, m->end, from, to);
	return share;
}

static void hand_over(struct make_over *m, __u32 row, __u64 from, __u64 to)
{
	struct account share = share_of(m, from, to);
	__u64 any = 0;

	for (unsigned k = 0; k < ACCOUNT_SIZE; k++)
		any |= share.ns[k];
	if (any)
		m->e->sink.charge(m->e->sink.ctx, row, &share);
	if (to - from > m->most) {
		m->most = to - from;
		m->row = row;
	}
}

/* Of a thread with units of its own; thread 0: no unit is only a thread's. */
static void make_over_own(struct make_over *m, const struct uproc *p, __u32 thread)
{
	for (unsigned i = first_stretch(p, m->begin); i < p->n_stretches; i++) {
		const struct stretch *s = &p->stretches[i];
		__u64 from = s->from_ns > m->begin ? s->from_ns : m->begin;
		__u64 to = s->to_ns < m->end ? s->to_ns : m->end;

		if (all_behind(p, s, m->end))
			break;
		if (from < to && (!s->thread || s->thread == thread))
			hand_over(m, s->row, from, to);
	}
}

/* Of threads without: where one unit is at work, it is that one's. */
static void make_over_shared(struct make_over *m, const struct uproc *p)
{
	unsigned first = first_stretch(p, m->begin);

	for (__u64 at = m->begin, next; at < m->end; at = next) {
		unsigned at_work = 0;
		__u32 row = 0;

		next = m->end;
		for (unsigned i = first; i < p->n_stretches; i++) {
			const struct stretch *s = &p->stretches[i];

			if (all_behind(p, s, next))
				break;
			if (s->from_ns <= at && at < s->to_ns) {
				at_work++;
				row = s->row;
				next = s->to_ns < next ? s->to_ns : next;
			} else if (s->from_ns > at && s->from_ns < s->to_ns) {
				next = s->from_ns < next ? s->from_ns : next;
			}
		}
		while (first < p->n_stretches && p->stretches[first].to_ns <= next)
			first++;
		if (at_work == 1)
			hand_over(m, row, at, next);
		for (unsigned k = 0; at_work > 1 && k < WT_STATES; k++)
			m->e->shared_ns += epochs__part(m->a->ns[k], m->begin, m->end, at, next);
	}
}

__u32 epochs__make_over(struct epochs *e, const struct uproc *p, __u64 begin, __u64 end,
		       const struct account *a, __u32 thread)
{
	struct make_over m = { .e = e, .a = a, .begin = begin, .end = end };
	int i = epochs__speaker(p, thread);

	if (!p->scoped || (i >= 0 && p->speakers[i].has_units))
		make_over_own(&m, p, p->scoped ? p->speakers[i].serial : 0);
	else
		make_over_shared(&m, p);
	return m.row;
}

/* The end of the last stretch before which [from, …] of that thread may not begin; 0: there is none. */
static __u64 taken_until(const struct uproc *p, __u64 from, __u32 thread)
{
	for (unsigned i = p->n_stretches; i-- > 0 && p->stretches[i].to_ns > from; )
		if (!thread || !p->stretches[i].thread || p->stretches[i].thread == thread)
			return p->stretches[i].to_ns;
	return 0;
}

__u64 epochs__thread_end(const struct uproc *p, __u32 thread)
{
	for (unsigned i = p->n_stretches; i-- > 0; )
		if (p->stretches[i].thread == thread)
			return p->stretches[i].to_ns;
	return 0;
}

static void insert_stretch(struct uproc *p, const struct stretch *s)
{
	unsigned i = p->n_stretches++;

	if (p->longest_ns < s->to_ns - s->from_ns)
		p->longest_ns = s->to_ns - s->from_ns;
	for (; i && p->stretches[i - 1].to_ns > s->to_ns; i--)
		p->stretches[i] = p->stretches[i - 1];
	p->stretches[i] = *s;
}

/* The older half of those that are final: what comes late for them is counted as that. */
static void drop_final(struct uproc *p)
{
	unsigned n = p->n_stretches / 2;

	p->dropped_ns = p->stretches[n - 1].to_ns;
	p->n_stretches -= n;
	p->final -= n;
	memmove(p->stretches, p->stretches + n, p->n_stretches * sizeof(*p->stretches));
}

static int add_stretch(struct uproc *p, __u64 from, __u64 to, __u32 row, __u32 thread, bool more)
{
	int who = epochs__speaker(p, thread);

	if (from < p->resolved_ns)
		from = p->resolved_ns;
	if (to <= from)
		to = from;
	if (thread)
		p->scoped = p->speakers[who].has_units = true;
	if (p->n_stretches >= STRETCHES_MAX && p->final > p->n_stretches / 2)
		drop_final(p);
	if (p->n_stretches == p->cap_stretches) {
		unsigned cap = p->cap_stretches ? 2 * p->cap_stretches : 16;
		struct stretch *s = reallocarray(p->stretches, cap, sizeof(*s));

		if (!s)
			return -ENOMEM;
		p->stretches = s;
		p->cap_stretches = cap;
	}
	insert_stretch(p, &(struct stretch){ from, to, row, thread, more });
	p->matched = true;
	return 0;
}

int epochs__claim(struct epochs *e, struct uproc *p, __u64 from, __u64 to, __u32 row, __u32 thread)
{
	int who = epochs__speaker(p, thread);
	__u64 taken;

	(void)e;
	thread = who < 0 ? 0 : p->speakers[who].serial;
	taken = taken_until(p, from, thread);
	return add_stretch(p, from < taken ? taken : from, to, row, thread, false);
}

int epochs__claim_part(struct epochs *e, struct uproc *p, __u64 from, __u64 to, __u32 row,
		       __u32 thread, bool last)
{
	int who = epochs__speaker(p, thread);

	(void)e;
	return add_stretch(p, from, to, row, who < 0 ? 0 : p->speakers[who].serial, !last);
}
