/* SPDX-License-Identifier: GPL-2.0-or-later */
/* track.c - figures over the ticks of a recording, in bounded memory; pure. */
#include "system/system.h"

#include <string.h>

/* Steal below is none, above is plenty; as busy as this spends a credit. */
#define STEAL_NONE 0.02
#define STEAL_PLENTY 0.10
#define BUSY 0.50
#define CELLS_BEFORE 3
#define CELLS_AFTER 3

void sys_gauge__add(struct sys_gauge *g, double v)
{
	if (!g->n || v < g->min)
		g->min = v;
	if (!g->n || v > g->max)
		g->max = v;
	g->sum += v;
	g->n++;
}

double sys_gauge__mean(const struct sys_gauge *g)
{
	return g->n ? g->sum / (double)g->n : 0;
}

static void into(struct sys_cell *to, const struct sys_cell *c)
{
	to->ticks += c->ticks;
	to->busy += c->busy;
	to->steal += c->steal;
}

static void halve(struct sys_track *t)
{
	for (unsigned i = 0; i < SYS_CELLS / 2; i++) {
		t->cell[i] = t->cell[2 * i];
		into(&t->cell[i], &t->cell[2 * i + 1]);
	}
	memset(&t->cell[SYS_CELLS / 2], 0, sizeof(t->cell) / 2);
	t->n = SYS_CELLS / 2;
	t->per *= 2;
}

void sys_track__add(struct sys_track *t, const struct sys_cell *c)
{
	if (!t->per)
		t->per = 1;
	if (!t->n || t->in_last == t->per) {
		if (t->n == SYS_CELLS)
			halve(t);
		t->n++;
		t->in_last = 0;
	}
	into(&t->cell[t->n - 1], c);
	t->in_last++;
}

static double share(__u64 part, __u64 whole)
{
	return whole ? (double)part / (double)whole : 0;
}

void sys_track__burst(const struct sys_track *t, struct sys_burst *out)
{
	struct sys_cell before = { 0 }, all = { 0 };
	double best = 0;

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < t->n; i++)
		into(&all, &t->cell[i]);
	for (unsigned i = 0; i < t->n; i++) {
		struct sys_cell after = { all.ticks - before.ticks, all.busy - before.busy,
					  all.steal - before.steal };
		double was = share(before.steal, before.ticks), is = share(after.steal, after.ticks);

		if (i >= CELLS_BEFORE && t->n - i >= CELLS_AFTER && is - was > best &&
		    was < STEAL_NONE && is > STEAL_PLENTY &&
		    share(before.busy + before.steal, before.ticks) > BUSY) {
			best = is - was;
			*out = (struct sys_burst){ true, i, was, is,
				share(before.busy + before.steal, before.ticks) };
		}
		into(&before, &t->cell[i]);
	}
}
