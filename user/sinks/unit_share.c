/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit_share.c - a wait's share of a job's units of work. */
#include "sinks/unit_share.h"
#include "units/verdict.h"

#include <string.h>

/* The job's units that took the most time; NULL: it has none. */
static const struct cost_report *units_of(const struct recording *r, const char *job)
{
	const struct cost_report *best = NULL;

	for (unsigned i = 0; i < r->n_judged; i++) {
		const struct cost_report *c = &r->judged[i].report;

		if (strcmp(cost__job(c->cost), job) || !c->t.units)
			continue;
		if (!best || c->t.elapsed_ns > best->t.elapsed_ns)
			best = c;
	}
	return best;
}

/*
 * Over the windows but the first, which has the program's start in it: the first
 * unit begins where its process does, long before the work that a program times itself.
 */
static void add_up(struct unit_share *out, const struct cost_report *c, const struct cost_key *k)
{
	const struct cost_figure *told = cost_report__told(c);
	__u64 lock_ns = 0, told_ns = 0;

	for (unsigned i = 1; i < c->n_windows; i++) {
		const struct cost_window *w = &c->windows[i];

		for (unsigned s = 0; s < WT_STATES; s++)
			if (s != WT_IDLE && s != WT_STOPPED && s != WT_CHILD && s != WT_LOCK)
				out->of_ns += w->st_ns[s];
		lock_ns += w->st_ns[WT_LOCK];
		told_ns += told ? told->key->by_window[i] : 0;
		out->ns += k->by_window[i];
		out->units += w->units;
	}
	/* see cost_report__told_ns() */
	out->of_ns += lock_ns > told_ns ? lock_ns - told_ns : 0;
}

bool unit_share__of(struct unit_share *out, const struct recording *r, const struct job_total *t,
		    const struct wait_row *row)
{
	const struct cost_report *c = units_of(r, t->job->name);
	const struct cost_figure *f;
	unsigned n;

	if (!c)
		return false;
	f = cost_report__kind(c, COST_WAIT, &n);
	for (; n && (f->key->state != row->state || strcmp(f->key->name, row->reason)); n--)
		f++;
	if (!n)
		return false;
	*out = (struct unit_share){ .kind = cost__kind(c->cost) };
	add_up(out, c, f->key);
	return out->of_ns && out->units;
}
