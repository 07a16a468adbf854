/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ledger.c - what the drain puts in: records, lines, and who they belong to. */
#include "ledger/internal.h"
#include "ledger/text.h"
#include "util/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MAX_EXITED 10000
#define DEFAULT_MAX_STACKS 100000
#define DEFAULT_MAX_LINES 100000
#define NSEC_PER_DS (NSEC_PER_SEC / 10)
#define DEFAULT_IDLE_DS 600

static const char *const state_names[WT_STATES] = {
	"cpu", "runq", "throttled", "disk", "net", "ipc", "lock",
	"child", "mem", "sleep", "idle", "stopped", "other",
};

const char *ledger__state_name(unsigned state)
{
	return state < WT_STATES ? state_names[state] : "unknown";
}

int ledger__new(struct ledger **out, const struct ledger_opts *opts)
{
	struct ledger *l = calloc(1, sizeof(*l));

	*out = NULL;
	if (!l)
		return -ENOMEM;
	l->opts = *opts;
	if (!l->opts.max_exited)
		l->opts.max_exited = DEFAULT_MAX_EXITED;
	if (!l->opts.max_stacks)
		l->opts.max_stacks = DEFAULT_MAX_STACKS;
	if (!l->opts.idle_ds)
		l->opts.idle_ds = DEFAULT_IDLE_DS;
	if (!l->opts.max_lines)
		l->opts.max_lines = DEFAULT_MAX_LINES;
	pool__init(&l->progs, sizeof(struct prog));
	pool__init(&l->tasks, sizeof(struct task));
	pool__init(&l->lines, sizeof(struct line));
	pool__init(&l->groups, sizeof(struct group));
	pool__init(&l->procs, sizeof(struct proc));
	pool__init(&l->reasons, sizeof(struct reason_slot));
	pool__init(&l->paths, sizeof(struct path_slot));
	programs__init(l);
	if (stacks__init(&l->stacks, l->opts.max_stacks)) {
		ledger__free(l);
		return -ENOMEM;
	}
	*out = l;
	return 0;
}

void ledger__free(struct ledger *l)
{
	if (!l)
		return;
	pool__destroy(&l->progs);
	pool__destroy(&l->tasks);
	pool__destroy(&l->lines);
	pool__destroy(&l->groups);
	pool__destroy(&l->procs);
	pool__destroy(&l->reasons);
	paths__free(l);
	pool__destroy(&l->watched);
	u64map__free(&l->by_serial);
	u64map__free(&l->by_task);
	u64map__free(&l->by_proc);
	u64map__free(&l->by_group);
	u64map__free(&l->by_reason);
	u64map__free(&l->by_image);
	stacks__destroy(&l->stacks);
	free(l->line_hash);
	free(l->rows);
	free(l->scratch);
	free(l->remainders);
	free(l);
}

/* The program of this serial, made if it is new; 0 when memory is out. */
__u32 ledger__prog(struct ledger *l, __u32 serial)
{
	struct u64map_slot *slot = u64map__find(&l->by_serial, serial);
	struct prog *p;
	__u32 i;

	if (slot)
		return slot->value;
	i = pool__get(&l->progs);
	if (!i)
		return 0;
	if (!u64map__put(&l->by_serial, serial, i)) {
		pool__put(&l->progs, i);
		return 0;
	}
	p = pool__at(&l->progs, i);
	p->used = true;
	p->serial = serial;
	return i;
}

static __u32 get_task(struct ledger *l, __u32 number)
{
	struct u64map_slot *slot = u64map__find(&l->by_task, number);
	struct task *t;
	__u32 i;

	if (slot)
		return slot->value;
	i = pool__get(&l->tasks);
	if (!i)
		return 0;
	if (!u64map__put(&l->by_task, number, i)) {
		pool__put(&l->tasks, i);
		return 0;
	}
	t = pool__at(&l->tasks, i);
	t->used = true;
	t->number = number;
	return i;
}

/* The kernel's word on a program gets more final, never less. */
static unsigned finality(__u8 why)
{
	return why == WT_REC_SNAPSHOT ? 0 : why == WT_REC_END ? 1 : 2;
}

static void clean_name(char *name)
{
	char clean[WT_COMM_LEN];

	text__clean(clean, sizeof(clean), name, WT_COMM_LEN, false);
	if (!clean[0])
		strcpy(clean, "[unnamed]");
	memset(name, 0, WT_COMM_LEN);
	strcpy(name, clean);
}

static void mark_exited(struct ledger *l, __u32 task)
{
	struct task *t = pool__at(&l->tasks, task);

	if (t->exited)
		return;
	t->exited = true;
	t->exit_gen = l->gen;
	if (l->exited_tail)
		((struct task *)pool__at(&l->tasks, l->exited_tail))->next_exited = task;
	else
		l->exited_head = task;
	l->exited_tail = task;
	l->n_exited++;
}

/*
 * The program and the thread of a record, made if they are new.  -ENOMEM: nothing is left that
 * would be counted.
 */
static int make_owners(struct ledger *l, const struct wt_thread_rec *rec, __u32 *prog, __u32 *task)
{
	struct task *t;
	int err;

	*task = 0;
	*prog = ledger__prog(l, rec->serial);
	if (*prog)
		*task = get_task(l, rec->task);
	if (!*task)
		return -ENOMEM;
	t = pool__at(&l->tasks, *task);
	err = proc__join(l, t, rec);
	if (err && !t->first) {
		u64map__delete(&l->by_task, rec->task);
		pool__put(&l->tasks, *task);
	}
	return err;
}

/* Threads that are known and end are folded some day, whether their record is kept or not. */
static void lose_record(struct ledger *l, const struct wt_thread_rec *rec)
{
	const struct u64map_slot *task = u64map__find(&l->by_task, rec->task);

	if (finality(rec->why) < 2)
		return;		/* a later one replaces it, or nothing is written */
	lost__add_rec(l, rec, task);
	if (task && rec->why == WT_REC_EXIT)
		mark_exited(l, task->value);
}

static void set_record(struct prog *p, const struct wt_thread_rec *rec)
{
	p->rec = *rec;
	p->has_rec = true;
	clean_name(p->rec.comm);
	clean_name(p->rec.pcomm);
	if (p->rec.open_state >= WT_STATES)
		p->rec.open_ns = 0;
}

int ledger__put_thread(struct ledger *l, const struct wt_thread_rec *rec)
{
	const struct u64map_slot *known = u64map__find(&l->by_serial, rec->serial);
	struct prog *p = known ? pool__at(&l->progs, known->value) : NULL;
	__u32 i, task;
	struct task *t;
	int err;

	if (p && p->has_rec && finality(rec->why) < finality(p->rec.why))
		return 0;
	err = make_owners(l, rec, &i, &task);
	if (err) {
		/* one that has a record has its place: what is new of it needs no memory */
		if (p && p->has_rec)
			set_record(p, rec);
		else
			lose_record(l, rec);
		return err;
	}
	t = pool__at(&l->tasks, task);
	p = pool__at(&l->progs, i);
	if (!p->has_rec) {
		p->next_of_task = t->first;
		t->first = i;
	}
	set_record(p, rec);
	if (rec->why == WT_REC_EXIT)
		mark_exited(l, task);
	return 0;
}

int ledger__put_detail(struct ledger *l, const struct wt_detail_key *k,
		       const struct wt_detail_val *v)
{
	struct line add = {
		.epoch = k->epoch,
		.state = k->state,
		.bucket = k->bucket < WT_BUCKETS ? k->bucket : WT_BUCKETS - 1,
		.span = k->span,
		.reason = k->reason,
		.ns = v->ns,
		.weighted_ns = v->weighted_ns,
		.max_ns = v->max_ns,
		.count = v->count,
	};
	__u32 i;
	int err;

	if (k->state >= WT_STATES || (!v->ns && !v->count))
		return 0;
	if (k->state == WT_CPU)
		add.ns = add.max_ns = 0;
	i = ledger__prog(l, k->thread);
	if (!i)
		return -ENOMEM;
	ledger__prune(l);
	/* a line without its stacks is better than none */
	err = stacks__ref(&l->stacks, k->ustack, l->now_ds, &add.ustack);
	err = first_error(err, stacks__ref(&l->stacks, k->kstack, l->now_ds, &add.kstack));
	return first_error(err, lines__add(l, i, 0, &add));
}

int ledger__generation(struct ledger *l, __u64 now_ns)
{
	int err = ledger__fold_old(l);

	if (!l->gen)		/* what came before it came just now */
		l->first_ds = now_ns / NSEC_PER_DS;
	l->now_ds = now_ns / NSEC_PER_DS - l->first_ds + 1;
	ledger__prune(l);
	l->gen++;
	return err;
}
