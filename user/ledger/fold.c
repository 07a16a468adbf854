/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fold.c - bounded memory: threads long gone become part of one row per job and
 * (process, thread) name; their lines merge by what they were made of.
 */
#include "ledger/internal.h"
#include "ledger/hist.h"

#include <errno.h>
#include <string.h>

#define MAX_GROUPS 4096		/* distinct names; beyond, threads fold into their process's row */
#define GROUP_FLAGS (WT_F_KTHREAD | WT_F_SELF | WT_F_IOWORKER)
#define PENDING_SWEEP 16384

static __u64 name_key(const struct group *g)
{
	__u64 h = u64_mix(u64_mix(u64_mix(g->flags + 1) ^ g->job) ^ g->cgroup), words[2];

	memcpy(words, g->pcomm, sizeof(words));
	h = u64_mix(u64_mix(h ^ words[0]) ^ words[1]);
	memcpy(words, g->comm, sizeof(words));
	return u64_mix(u64_mix(h ^ words[0]) ^ words[1]);
}

/* The group of a program's job and name, made if it is new; 0 when memory is out. */
static __u32 get_group(struct ledger *l, const struct wt_thread_rec *rec)
{
	static const char folded[WT_COMM_LEN] = "[folded]";
	struct group key = { .used = true, .flags = rec->flags & GROUP_FLAGS, .job = rec->job,
			     .cgroup = rec->job ? 0 : rec->cgroup };
	struct u64map_slot *slot;
	__u32 i;

	memcpy(key.comm, rec->comm, WT_COMM_LEN);
	memcpy(key.pcomm, rec->pcomm, WT_COMM_LEN);
	slot = u64map__find(&l->by_group, name_key(&key));
	if (slot)
		return slot->value;
	if (l->groups.n >= MAX_GROUPS)
		memcpy(key.comm, folded, WT_COMM_LEN);
	if (l->groups.n >= 2 * MAX_GROUPS)
		memcpy(key.pcomm, folded, WT_COMM_LEN);
	if (l->groups.n >= 3 * MAX_GROUPS) {
		key.job = LEDGER_JOB_OTHERS;
		key.cgroup = 0;
	}
	slot = u64map__find(&l->by_group, name_key(&key));
	if (slot)
		return slot->value;
	i = pool__get(&l->groups);
	if (!i || !u64map__put(&l->by_group, name_key(&key), i)) {
		if (i)
			pool__put(&l->groups, i);
		return 0;
	}
	*(struct group *)pool__at(&l->groups, i) = key;
	return i;
}

/* What finds no room, or no memory, is time of the group's that no line tells of. */
static void fold_line(struct ledger *l, struct prog *p, struct line line)
{
	__u64 dropped = l->dropped_ns;
	struct settled *s = &p->settled;

	line.ustack = stacks__resolve(&l->stacks, line.ustack);
	line.kstack = stacks__resolve(&l->stacks, line.kstack);
	line.ns = line.settled_ns;
	line.weighted_ns = 0;
	if (line.state == WT_CPU)
		line.max_ns = 0;
	line.epoch = 0;
	if (lines__add(l, p->group, LINE_GROUP, &line)) {
		l->dropped_ns += line.ns;
		l->no_memory.lines++;
	}
	if (line.state == WT_CPU)
		s->unsampled_ns += l->dropped_ns - dropped;
	else
		s->unattributed_ns[line.state] += l->dropped_ns - dropped;
}

static void fold_open(struct ledger *l, struct prog *p, unsigned i)
{
	struct line line = { .count = 1, .settled_ns = p->open_settled_ns[i] };
	struct open o;

	if (!prog__open(p, i, &o))
		return;
	line.state = o.state;
	line.bucket = hist__bucket(o.ns);
	line.reason = o.reason;
	line.max_ns = o.ns;
	/* without memory they are lost ones */
	stacks__ref(&l->stacks, p->rec.open_ustack, l->now_ds, &line.ustack);
	stacks__ref(&l->stacks, p->rec.open_kstack, l->now_ds, &line.kstack);
	fold_line(l, p, line);
}

/* A program's lines join those of its name, once it is prepared. */
static void fold_lines(struct ledger *l, struct prog *p)
{
	struct line line;

	/* each is taken out before it is put in: there is room for it */
	while (lines__take(l, &p->lines, &line))
		fold_line(l, p, line);
	for (unsigned i = 0; i < PROG_OPEN; i++)
		fold_open(l, p, i);
}

/* Its exact sums join the ledger's. */
static void fold_prog(struct ledger *l, struct prog *p)
{
	struct settled *s = &p->settled;
	struct group *g = pool__at(&l->groups, p->group);

	fold_lines(l, p);
	g->unsampled_ns += s->unsampled_ns;
	if (!g->first_ns || g->first_ns > p->rec.birth_ns)
		g->first_ns = p->rec.birth_ns;
	if (g->last_ns < p->rec.end_ns)
		g->last_ns = p->rec.end_ns;
	for (unsigned i = 0; i < WT_STATES; i++) {
		g->program_st_ns[i] += p->rec.st_ns[i];
		g->unattributed_ns[i] += s->unattributed_ns[i];
		l->folded.unattributed_st_ns[i] += s->unattributed_ns[i];
	}
	taken__add_rec(&g->program_taken, &p->rec);
	l->folded.user_ns += s->user_ns;
	l->folded.sys_ns += s->sys_ns;
	l->folded.overattributed_ns += s->over_ns;
	totals__add_rec(&l->folded, &l->clock, &p->rec);
	programs__fold(l, p);
}

/* Adds one program's record to the row of its thread's last name. */
static void add_to_row(struct group *g, const struct prog *p)
{
	if (!g->start_ns || g->start_ns > p->rec.birth_ns)
		g->start_ns = p->rec.birth_ns;
	if (g->end_ns < p->rec.end_ns)
		g->end_ns = p->rec.end_ns;
	g->thread_ns += p->rec.end_ns - p->rec.birth_ns;
	for (unsigned s = 0; s < WT_STATES; s++)
		g->st_ns[s] += p->rec.st_ns[s];
	g->user_ns += p->settled.user_ns;
	g->sys_ns += p->settled.sys_ns;
	taken__add_rec(&g->taken, &p->rec);
}

static const struct prog *last_prog(const struct ledger *l, const struct task *t)
{
	const struct prog *last = pool__at(&l->progs, t->first);

	for (__u32 i = t->first; i; ) {
		const struct prog *p = pool__at(&l->progs, i);

		if (p->rec.end_ns > last->rec.end_ns)
			last = p;
		i = p->next_of_task;
	}
	return last;
}

/* All that needs memory, before anything is changed that would be counted twice by trying again. */
static int prepare(struct ledger *l, const struct task *t)
{
	int err = 0;

	for (__u32 i = t->first; i && !err; ) {
		struct prog *p = pool__at(&l->progs, i);

		p->group = get_group(l, &p->rec);
		err = p->group ? settle__prog(l, p) : -ENOMEM;
		i = p->next_of_task;
	}
	return err;
}

static int fold_task(struct ledger *l, struct task *t)
{
	const struct prog *last = last_prog(l, t);
	__u32 row = get_group(l, &last->rec), leader = !!(last->rec.flags & WT_F_LEADER);
	int err = row ? prepare(l, t) : -ENOMEM;
	struct group *g;

	if (err)
		return err;
	g = pool__at(&l->groups, row);
	while (t->first) {
		__u32 i = t->first;
		struct prog *p = pool__at(&l->progs, i);

		fold_prog(l, p);
		add_to_row(g, p);
		t->first = p->next_of_task;
		u64map__delete(&l->by_serial, p->serial);
		pool__put(&l->progs, i);
	}
	g->count++;
	g->leaders += leader;
	l->folded.folded_threads++;
	proc__leave(l, t);
	return 0;
}

static bool too_many(const struct ledger *l)
{
	return l->n_exited > l->opts.max_exited ||
	       l->lines.n - l->n_epoch_lines - l->n_group_lines > l->opts.max_lines / 2;
}

void ledger__sweep_pending(struct ledger *l)
{
	for (__u32 i = 1; i < l->lines.end; i++) {
		const struct line *line = pool__at(&l->lines, i);

		if (line->used && (line->ustack | line->kstack) & STACK_PENDING)
			lines__resolve(l, i);
	}
	stacks__free_resolved(&l->stacks);
}

int ledger__fold_old(struct ledger *l)
{
	while (too_many(l) && l->exited_head) {
		__u32 i = l->exited_head;
		struct task *t = pool__at(&l->tasks, i);
		int err;

		/* its last lines may have come with this generation: wait for the next */
		if (t->exit_gen >= l->gen)
			break;
		err = fold_task(l, t);
		if (err)
			return err;
		ledger__prune(l);
		l->exited_head = t->next_exited;
		if (!l->exited_head)
			l->exited_tail = 0;
		l->n_exited--;
		u64map__delete(&l->by_task, t->number);
		pool__put(&l->tasks, i);
	}
	if (l->stacks.pending.n >= PENDING_SWEEP)
		ledger__sweep_pending(l);
	return 0;
}
