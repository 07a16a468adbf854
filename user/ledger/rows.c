/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rows.c - the settled ledger as its readers see it: threads and lines. */
#include "ledger/internal.h"
#include "ledger/hist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void row_of_task(struct ledger *l, const struct task *t, __u32 index, struct row *row)
{
	struct ledger_thread *out = &row->t;
	__u64 last_end = 0;

	out->count = 1;
	out->start_ns = ~0ULL;
	for (__u32 i = t->first; i; ) {
		struct prog *p = pool__at(&l->progs, i);
		const struct wt_thread_rec *rec = &p->rec;

		p->row = index;
		if (rec->birth_ns < out->start_ns)
			out->start_ns = rec->birth_ns;
		if (rec->end_ns >= last_end) {
			last_end = rec->end_ns;
			out->tgid = rec->tgid;
			out->tid = rec->tid;
			out->flags = rec->flags;
			out->comm = rec->comm;
			out->pcomm = rec->pcomm;
			out->job = rec->job;
			out->cgroup = rec->cgroup;
		}
		out->thread_ns += rec->end_ns - rec->birth_ns;
		for (unsigned s = 0; s < WT_STATES; s++)
			out->st_ns[s] += rec->st_ns[s];
		out->user_ns += p->settled.user_ns;
		out->sys_ns += p->settled.sys_ns;
		taken__add_rec(&out->taken, rec);
		i = p->next_of_task;
	}
	out->end_ns = last_end;
}

static void row_of_group(struct group *g, __u32 index, struct row *row)
{
	struct ledger_thread *out = &row->t;

	g->row = index;
	out->count = g->count;
	out->flags = g->flags;
	out->comm = g->comm;
	out->pcomm = g->pcomm;
	out->job = g->job;
	out->cgroup = g->cgroup;
	out->start_ns = g->start_ns;
	out->end_ns = g->end_ns;
	out->thread_ns = g->thread_ns;
	memcpy(out->st_ns, g->st_ns, sizeof(out->st_ns));
	out->user_ns = g->user_ns;
	out->sys_ns = g->sys_ns;
	out->taken = g->taken;
}

static void row_of_lost(const struct ledger *l, struct row *rows, __u32 n)
{
	struct ledger_thread *out = &rows[n].t;

	out->count = l->lost.threads;
	out->comm = out->pcomm = LEDGER_LOST_ROW;
	out->job = LEDGER_JOB_LOST;
	out->thread_ns = l->lost.wall_ns;
	memcpy(out->st_ns, l->lost.st_ns, sizeof(out->st_ns));
	out->user_ns = l->lost_settled.user_ns;
	out->sys_ns = l->lost_settled.sys_ns;
	/* they lived at some time while the others did */
	for (__u32 i = 0; i < n; i++) {
		if (!i || out->start_ns > rows[i].t.start_ns)
			out->start_ns = rows[i].t.start_ns;
		if (out->end_ns < rows[i].t.end_ns)
			out->end_ns = rows[i].t.end_ns;
	}
}

int ledger__make_rows(struct ledger *l)
{
	__u32 max = l->tasks.n + l->groups.n + 1, n = 0;
	struct row *rows = calloc(max, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	for (__u32 i = 1; i < l->tasks.end; i++) {
		const struct task *t = pool__at(&l->tasks, i);

		if (t->used && t->first) {
			row_of_task(l, t, n, &rows[n]);
			n++;
		}
	}
	for (__u32 i = 1; i < l->groups.end; i++) {
		struct group *g = pool__at(&l->groups, i);

		if (g->used) {
			row_of_group(g, n, &rows[n]);
			n++;
		}
	}
	l->lost_row = 0;
	/* of a thread that called exec only the first record may be lost: then it is none of those lost */
	if (l->lost.threads || l->lost.wall_ns) {
		row_of_lost(l, rows, n);
		l->lost_row = ++n;
	}
	free(l->rows);
	l->rows = rows;
	l->n_rows = n;
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct ledger_thread *x = *(const struct ledger_thread *const *)a;
	const struct ledger_thread *y = *(const struct ledger_thread *const *)b;

	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	if (x->tid != y->tid)
		return x->tid < y->tid ? -1 : 1;
	return x < y ? -1 : x > y;
}

int ledger__each_thread(struct ledger *l, ledger_thread_fn fn, void *arg)
{
	const struct ledger_thread **v = calloc(l->n_rows + 1, sizeof(*v));
	__u32 n = 0;
	int err = 0;

	if (!v)
		return -ENOMEM;
	/* a group of programs that went on under other names has no threads itself */
	for (__u32 i = 0; i < l->n_rows; i++)
		if (l->rows[i].t.count || i + 1 == l->lost_row)
			v[n++] = &l->rows[i].t;
	if (n)
		qsort(v, n, sizeof(*v), by_start);
	for (__u32 i = 0; i < n && !err; i++)
		err = fn(arg, v[i]);
	free(v);
	return err;
}

struct emit {
	struct ledger *l;
	ledger_line_fn fn;
	void *arg;
	struct ledger_thread thread;
	__u32 serial, epoch;
	__u64 job, cgroup;
};

static void set_stacks(const struct emit *e, struct ledger_line *out, __u32 ustack, __u32 kstack)
{
	const struct stack *u = stacks__get(&e->l->stacks, ustack);
	const struct stack *k = stacks__get(&e->l->stacks, kstack);

	if (u && u->n) {
		out->ustack = u->frames;
		out->n_ustack = u->n;
	}
	if (k && k->n) {
		out->kstack = k->frames;
		out->n_kstack = k->n;
	}
	out->cut = stacks__cut(&e->l->stacks, ustack, kstack,
			       e->thread.flags & (WT_F_KTHREAD | WT_F_IOWORKER));
}

static int emit_lines(struct emit *e, __u32 i)
{
	int err = 0;

	while (i && !err) {
		const struct line *line = pool__at(&e->l->lines, i);
		struct ledger_line out = {
			.thread = &e->thread,
			.serial = e->serial,
			.epoch = line->epoch,
			.unit = line->unit,
			.span = line->span,
			.job = e->job,
			.cgroup = e->cgroup,
			.state = line->state,
			.bucket = line->bucket,
			.reason = line->reason,
			.ns = line->settled_ns,
			.max_ns = line->max_ns,
			.count = line->count,
		};

		set_stacks(e, &out, line->ustack, line->kstack);
		err = e->fn(e->arg, &out);
		i = line->next;
	}
	return err;
}

int ledger__line_detail(struct ledger *l, const struct prog *p, const struct line *line,
			const struct ledger_retire *r)
{
	struct emit e = { .l = l, .thread = { .comm = p->rec.comm, .pcomm = p->rec.pcomm,
					      .tgid = p->rec.tgid, .tid = p->rec.tid,
					      .flags = p->rec.flags, .count = 1 } };
	struct ledger_line out = {
		.thread = &e.thread,
		.serial = p->serial,
		.epoch = line->epoch,
		.unit = line->unit,
		.span = line->span,
		.job = p->rec.job,
		.cgroup = p->rec.cgroup,
		.state = line->state,
		.bucket = line->bucket,
		.reason = line->reason,
		.ns = line->ns,
		.max_ns = line->max_ns,
		.count = line->count,
	};

	set_stacks(&e, &out, line->ustack, line->kstack);
	return r->detail(r->ctx, line->unit, &out);
}

static int emit_open(struct emit *e, const struct prog *p, unsigned i)
{
	struct ledger_line out = {
		.thread = &e->thread,
		.serial = e->serial,
		.epoch = p->rec.epoch,
		.job = e->job,
		.cgroup = e->cgroup,
		.open = true,
		.ns = p->open_settled_ns[i],
		.count = 1,
	};
	__u32 ustack, kstack;
	struct open o;
	int err;

	if (!prog__open(p, i, &o))
		return 0;
	out.state = o.state;
	out.bucket = hist__bucket(o.ns);
	out.reason = o.reason;
	out.max_ns = o.ns;
	err = stacks__ref(&e->l->stacks, p->rec.open_ustack, e->l->now_ds, &ustack);
	if (!err)
		err = stacks__ref(&e->l->stacks, p->rec.open_kstack, e->l->now_ds, &kstack);
	if (err)
		return err;
	set_stacks(e, &out, ustack, kstack);
	return e->fn(e->arg, &out);
}

static int emit_rest(struct emit *e, const __u64 *unattributed_ns, __u64 unsampled_ns)
{
	int err = 0;

	for (unsigned s = 0; s < WT_STATES && !err; s++) {
		struct ledger_line out = {
			.thread = &e->thread,
			.serial = e->serial,
			.epoch = e->epoch,
			.job = e->job,
			.cgroup = e->cgroup,
			.state = s,
			.unattributed = true,
			.ns = unattributed_ns[s],
		};

		if (out.ns)
			err = e->fn(e->arg, &out);
	}
	if (!err && unsampled_ns) {
		struct ledger_line out = {
			.thread = &e->thread,
			.serial = e->serial,
			.epoch = e->epoch,
			.job = e->job,
			.cgroup = e->cgroup,
			.state = WT_CPU,
			.unsampled = true,
			.ns = unsampled_ns,
		};

		err = e->fn(e->arg, &out);
	}
	return err;
}

static int emit_prog(struct emit *e, const struct prog *p)
{
	int err;

	e->thread = e->l->rows[p->row].t;
	e->thread.comm = p->rec.comm;
	e->thread.pcomm = p->rec.pcomm;
	e->thread.flags = p->rec.flags;
	e->serial = p->serial;
	e->epoch = p->rec.epoch;
	e->job = p->rec.job;
	e->cgroup = p->rec.cgroup;
	err = emit_lines(e, p->lines);
	for (unsigned i = 0; i < PROG_OPEN && !err; i++)
		err = emit_open(e, p, i);
	return err ? err : emit_rest(e, p->settled.unattributed_ns, p->settled.unsampled_ns);
}

static int emit_lost(struct emit *e)
{
	struct ledger *l = e->l;
	int err = 0;

	/* without lost records such lines are newer than the snapshot: all were cut to 0 */
	if (!l->lost_row)
		return 0;
	e->thread = l->rows[l->lost_row - 1].t;
	e->job = LEDGER_JOB_LOST;
	e->cgroup = 0;
	for (__u32 i = 1; i < l->progs.end && !err; i++) {
		const struct prog *p = pool__at(&l->progs, i);

		e->serial = p->serial;
		if (p->used && !p->has_rec)
			err = emit_lines(e, p->lines);
	}
	e->serial = 0;
	return err ? err : emit_rest(e, l->lost_settled.unattributed_ns,
				     l->lost_settled.unsampled_ns);
}

int ledger__each_line(struct ledger *l, ledger_line_fn fn, void *arg)
{
	struct emit e = { .l = l, .fn = fn, .arg = arg };
	int err = 0;

	for (__u32 i = 1; i < l->progs.end && !err; i++) {
		const struct prog *p = pool__at(&l->progs, i);

		if (p->used && p->has_rec)
			err = emit_prog(&e, p);
	}
	e.serial = e.epoch = 0;
	for (__u32 i = 1; i < l->groups.end && !err; i++) {
		const struct group *g = pool__at(&l->groups, i);

		if (!g->used)
			continue;
		e.thread = l->rows[g->row].t;
		e.job = g->job;
		e.cgroup = g->cgroup;
		err = emit_lines(&e, g->lines);
		if (!err)
			err = emit_rest(&e, g->unattributed_ns, g->unsampled_ns);
	}
	return err ? err : emit_lost(&e);
}
