/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lost.c - exit records that are lost, on the way here or for lack of memory: what they were
 * about has no name any more, but its sums are in the account, and its lines are held to them.
 */
#include "ledger/internal.h"

#include <string.h>

static void add(struct lost *to, const struct lost *x)
{
	to->threads += x->threads;
	to->processes += x->processes;
	to->wall_ns += x->wall_ns;
	for (unsigned s = 0; s < WT_STATES; s++)
		to->st_ns[s] += x->st_ns[s];
	to->preempt_ns += x->preempt_ns;
}

void ledger__put_lost_exits(struct ledger *l, const struct wt_stats *stats)
{
	l->lost = (struct lost){
		.threads = stats->lost_threads, .processes = stats->lost_processes,
		.wall_ns = stats->lost_wall_ns, .preempt_ns = stats->lost_preempt_ns,
	};
	memcpy(l->lost.st_ns, stats->lost_st_ns, sizeof(l->lost.st_ns));
	add(&l->lost, &l->unkept);
}

void lost__add_rec(struct ledger *l, const struct wt_thread_rec *rec, bool known)
{
	struct prog p = { .rec = *rec };
	struct lost x = { .wall_ns = rec->end_ns - rec->birth_ns, .preempt_ns = rec->preempt_ns };

	settle__by_ticks(rec, &p.settled);
	/* after an exec the thread comes again */
	x.threads = rec->why == WT_REC_EXIT && !known;
	x.processes = x.threads && rec->flags & WT_F_LEADER && !proc__is_known(l, rec);
	memcpy(x.st_ns, rec->st_ns, sizeof(x.st_ns));
	add(&l->unkept, &x);
	add(&l->lost, &x);
	l->no_memory.records++;
	programs__fold(l, &p);
}

void ledger__no_memory(const struct ledger *l, struct ledger_no_memory *out)
{
	*out = l->no_memory;
}
