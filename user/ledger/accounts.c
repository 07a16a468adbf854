/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accounts.c - the exact times of programs, for those who sum them by something else than threads. */
#include "ledger/internal.h"

#include <string.h>

/* Whether the thread ended, or stands, as this program. */
static bool is_last(const struct ledger *l, const struct prog *p)
{
	const struct u64map_slot *slot = u64map__find(&l->by_task, p->rec.task);
	const struct task *t = slot ? pool__at(&l->tasks, slot->value) : NULL;
	const struct prog *last = NULL;
	bool listed = false;

	/*
	 * The same choice as row_of_task(): of several that end at one instant the last listed.
	 * A record that contradicts an earlier one on whose program it is counts for nobody here.
	 */
	for (__u32 i = t ? t->first : 0; i; ) {
		const struct prog *q = pool__at(&l->progs, i);

		listed |= q == p;
		if (!last || q->rec.end_ns >= last->rec.end_ns)
			last = q;
		i = q->next_of_task;
	}
	return listed && last == p;
}

static int account_of_prog(const struct ledger *l, const struct prog *p, ledger_account_fn fn,
			   void *arg)
{
	const struct wt_thread_rec *rec = &p->rec;
	struct ledger_account a = {
		.job = rec->job, .cgroup = rec->cgroup, .flags = rec->flags,
		.threads = is_last(l, p), .start_ns = rec->birth_ns, .end_ns = rec->end_ns,
		.thread_ns = rec->end_ns - rec->birth_ns,
	};

	a.processes = a.threads && rec->flags & WT_F_LEADER;
	memcpy(a.st_ns, rec->st_ns, sizeof(a.st_ns));
	taken__add_rec(&a.taken, rec);
	return fn(arg, &a);
}

static int account_of_group(const struct group *g, ledger_account_fn fn, void *arg)
{
	struct ledger_account a = {
		.job = g->job, .cgroup = g->cgroup, .flags = g->flags, .threads = g->count,
		.processes = g->leaders, .start_ns = g->first_ns, .end_ns = g->last_ns,
		.taken = g->program_taken,
	};

	/* threads that went on as another program: their last one's group counts them */
	if (!a.start_ns) {
		a.start_ns = g->start_ns;
		a.end_ns = g->end_ns;
	}
	for (unsigned s = 0; s < WT_STATES; s++) {
		a.st_ns[s] = g->program_st_ns[s];
		a.thread_ns += a.st_ns[s];
	}
	return fn(arg, &a);
}

static int account_of_lost(const struct ledger *l, ledger_account_fn fn, void *arg)
{
	struct ledger_account a = { .job = LEDGER_JOB_LOST, .threads = l->lost.threads,
				    .processes = l->lost.processes, .thread_ns = l->lost.wall_ns };

	if (!l->lost.wall_ns && !l->lost.threads)
		return 0;
	memcpy(a.st_ns, l->lost.st_ns, sizeof(a.st_ns));
	if (l->lost_row) {
		a.start_ns = l->rows[l->lost_row - 1].t.start_ns;
		a.end_ns = l->rows[l->lost_row - 1].t.end_ns;
	}
	return fn(arg, &a);
}

int ledger__each_account(struct ledger *l, ledger_account_fn fn, void *arg)
{
	int err = 0;

	for (__u32 i = 1; i < l->progs.end && !err; i++) {
		const struct prog *p = pool__at(&l->progs, i);

		if (p->used && p->has_rec)
			err = account_of_prog(l, p, fn, arg);
	}
	for (__u32 i = 1; i < l->groups.end && !err; i++) {
		const struct group *g = pool__at(&l->groups, i);

		if (g->used)
			err = account_of_group(g, fn, arg);
	}
	return err ? err : account_of_lost(l, fn, arg);
}
