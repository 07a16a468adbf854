/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * settle.c - lines against records.  A record is exact; its lines are made to
 * fit it in whole nanoseconds, and what they do not cover is said.
 */
#include "ledger/internal.h"
#include "ledger/hist.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Samples that a user/kernel split needs; with fewer the kernel's ticks decide. */
#define SPLIT_SAMPLES 10

struct remainder {
	__u64 rest;
	__u32 index;
};

int scratch__push(struct ledger *l, struct line *line)
{
	if (l->n_scratch == l->max_scratch) {
		__u32 max = l->max_scratch ? l->max_scratch * 2 : 256;
		struct line **v = realloc(l->scratch, max * sizeof(*v));

		if (!v)
			return -ENOMEM;
		l->scratch = v;
		l->max_scratch = max;
	}
	l->scratch[l->n_scratch++] = line;
	return 0;
}

static int by_rest(const void *a, const void *b)
{
	const struct remainder *x = a, *y = b;

	if (x->rest != y->rest)
		return x->rest > y->rest ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

static __u64 weight(const struct line *line)
{
	return line->state == WT_CPU ? line->count : line->ns;
}

static __u64 stack_weight(const struct line *line)
{
	return line->weighted_ns ? line->weighted_ns : line->ns;
}

/*
 * Shares total among v in proportion to their weights, which sum to weights, to the
 * nanosecond: every line gets its share rounded down, the largest remainders get one more.
 */
static int share_out(struct ledger *l, struct line **v, __u32 n, __u64 total, __u64 weights,
		     __u64 (*weight_of)(const struct line *line))
{
	__u64 left = total;

	if (n > l->max_remainders) {
		struct remainder *r = realloc(l->remainders, n * sizeof(*r));

		if (!r)
			return -ENOMEM;
		l->remainders = r;
		l->max_remainders = n;
	}
	for (__u32 i = 0; i < n; i++) {
		unsigned __int128 x = (unsigned __int128)total * weight_of(v[i]);

		v[i]->settled_ns = weights ? x / weights : 0;
		l->remainders[i].rest = weights ? x % weights : 0;
		l->remainders[i].index = i;
		left -= v[i]->settled_ns;
	}
	if (!left || !weights)
		return 0;
	/* left < n: the remainders sum to left × weights, and each is smaller than weights */
	qsort(l->remainders, n, sizeof(*l->remainders), by_rest);
	for (__u32 i = 0; i < left; i++)
		v[l->remainders[i].index]->settled_ns++;
	return 0;
}

/*
 * CPU time from samples.  One sample stands for as much as they all do on
 * average, but for no more than two nominal periods: a thread that ran a second
 * and was hit once did not spend that second where it was hit.  The rest is
 * unsampled.
 */
static int settle_cpu(struct ledger *l, struct line **v, __u32 n, __u64 cpu_ns,
		      struct settled *out)
{
	__u64 samples = 0, sampled_ns = cpu_ns;
	unsigned __int128 most;

	for (__u32 i = 0; i < n; i++)
		samples += v[i]->count;
	most = (unsigned __int128)samples * 2 * l->opts.period_ns;
	if (!samples)
		sampled_ns = 0;
	else if (l->opts.period_ns && most < cpu_ns)
		sampled_ns = most;
	out->unsampled_ns = cpu_ns - sampled_ns;
	return share_out(l, v, n, sampled_ns, samples, weight);
}

static bool is_shed(const struct line *line)
{
	return line->ustack == STACK_SHED || line->kstack == STACK_SHED;
}

static int by_reason(const void *a, const void *b)
{
	const struct line *x = *(struct line *const *)a, *y = *(struct line *const *)b;

	if (x->reason != y->reason)
		return x->reason < y->reason ? -1 : 1;
	return (int)is_shed(y) - (int)is_shed(x);
}

/* Waits of one reason, those without a stack first: the others take over their time. */
static int share_shed_reason(struct ledger *l, struct line **v, __u32 n, struct settled *out)
{
	__u64 total = 0, weights = 0;
	__u32 shed = 0;

	for (; shed < n && is_shed(v[shed]); shed++) {
		out->shed_ns += v[shed]->settled_ns;
		total += v[shed]->settled_ns;
	}
	for (__u32 i = shed; i < n; i++) {
		total += v[i]->settled_ns;
		weights += stack_weight(v[i]);
	}
	if (!shed || !weights)
		return 0;
	for (__u32 i = 0; i < shed; i++)
		v[i]->settled_ns = 0;
	return share_out(l, v + shed, n - shed, total, weights, stack_weight);
}

/*
 * Stacks that were shed are made good by those that were taken for the same
 * reason, in proportion to what each of these stands for.
 */
static int share_shed(struct ledger *l, struct line **v, __u32 n, struct settled *out)
{
	__u32 first = 0, shed = 0;
	int err = 0;

	for (__u32 i = 0; i < n; i++)
		shed += is_shed(v[i]);
	if (!shed)
		return 0;
	qsort(v, n, sizeof(*v), by_reason);
	for (__u32 i = 1; i <= n && !err; i++) {
		if (i < n && v[i]->reason == v[first]->reason)
			continue;
		err = share_shed_reason(l, v + first, i - first, out);
		first = i;
	}
	return err;
}

static int settle_wait(struct ledger *l, struct line **v, __u32 n, __u64 exact_ns, unsigned state,
		       struct settled *out)
{
	__u64 lines_ns = 0;
	int err;

	for (__u32 i = 0; i < n; i++) {
		v[i]->settled_ns = v[i]->ns;
		lines_ns += v[i]->ns;
	}
	if (lines_ns <= exact_ns) {
		out->unattributed_ns[state] = exact_ns - lines_ns;
		return share_shed(l, v, n, out);
	}
	out->over_ns += lines_ns - exact_ns;
	err = share_out(l, v, n, exact_ns, lines_ns, weight);
	return err ? err : share_shed(l, v, n, out);
}

/* CPU time in proportion to two numbers; all of it is the user's where both are 0. */
static void split(__u64 cpu_ns, __u64 user, __u64 kernel, struct settled *out)
{
	out->user_ns = cpu_ns;
	if (user + kernel)
		out->user_ns = (unsigned __int128)cpu_ns * user / (user + kernel);
	out->sys_ns = cpu_ns - out->user_ns;
}

void settle__by_ticks(const struct wt_thread_rec *rec, struct settled *out)
{
	split(rec->st_ns[WT_CPU], rec->utime_ns, rec->stime_ns, out);
}

static void split_cpu(struct line **v, __u32 n, __u64 cpu_ns, __u64 utime_ns, __u64 stime_ns,
		      struct settled *out)
{
	__u64 user = 0, kernel = 0;

	for (__u32 i = 0; i < n; i++) {
		if (WT_REASON_KIND(v[i]->reason) == WT_K_USER)
			user += v[i]->count;
		else if (WT_REASON_KIND(v[i]->reason) == WT_K_KERNEL)
			kernel += v[i]->count;
	}
	if (user + kernel < SPLIT_SAMPLES && utime_ns + stime_ns) {
		user = utime_ns;
		kernel = stime_ns;
	}
	split(cpu_ns, user, kernel, out);
}

static int by_state(const void *a, const void *b)
{
	const struct line *x = *(struct line *const *)a, *y = *(struct line *const *)b;

	return (int)x->state - (int)y->state;
}

int settle__owner(struct ledger *l, const __u64 *st_ns, __u64 utime_ns, __u64 stime_ns,
		  struct settled *out)
{
	/* nothing may be added to a null pointer, not even 0 */
	struct line *none = NULL, **v = l->scratch ? l->scratch : &none;
	__u32 n = l->n_scratch, i = 0;

	memset(out, 0, sizeof(*out));
	if (n > 1)
		qsort(v, n, sizeof(*v), by_state);
	for (unsigned s = 0; s < WT_STATES; s++) {
		__u32 first = i;
		int err;

		while (i < n && v[i]->state == s)
			i++;
		if (s == WT_CPU) {
			err = settle_cpu(l, v + first, i - first, st_ns[s], out);
			split_cpu(v + first, i - first, st_ns[s], utime_ns, stime_ns, out);
		} else {
			err = settle_wait(l, v + first, i - first, st_ns[s], s, out);
		}
		if (err)
			return err;
	}
	return 0;
}

int settle__prog(struct ledger *l, struct prog *p)
{
	struct line open[PROG_OPEN] = {};
	struct open o;
	int err = 0;

	l->n_scratch = 0;
	for (__u32 i = p->lines; i && !err; ) {
		struct line *line = pool__at(&l->lines, i);

		err = scratch__push(l, line);
		i = line->next;
	}
	for (unsigned i = 0; i < PROG_OPEN && !err; i++) {
		if (!prog__open(p, i, &o))
			continue;
		open[i] = (struct line){ .state = o.state, .ns = o.ns, .count = 1 };
		err = scratch__push(l, &open[i]);
	}
	if (!err)
		err = settle__owner(l, p->rec.st_ns, p->rec.utime_ns, p->rec.stime_ns, &p->settled);
	for (unsigned i = 0; i < PROG_OPEN; i++)
		p->open_settled_ns[i] = open[i].settled_ns;
	return err;
}

/* Lines whose record was lost share the row of the lost records. */
static int settle_lost(struct ledger *l)
{
	l->n_scratch = 0;
	for (__u32 i = 1; i < l->progs.end; i++) {
		const struct prog *p = pool__at(&l->progs, i);

		if (!p->used || p->has_rec)
			continue;
		for (__u32 j = p->lines; j; ) {
			struct line *line = pool__at(&l->lines, j);
			int err = scratch__push(l, line);

			if (err)
				return err;
			j = line->next;
		}
	}
	return settle__owner(l, l->lost.st_ns, 0, 0, &l->lost_settled);
}

void taken__add_rec(struct ledger_taken *t, const struct wt_thread_rec *rec)
{
	t->steal_ns += rec->steal_ns;
	t->irq_ns += rec->irq_ns;
	t->softirq_ns += rec->softirq_ns;
	t->migrations += rec->migrations;
}

void totals__add_rec(struct ledger_totals *t, struct clock_diff *clock, const struct wt_thread_rec *rec)
{
	t->wall_ns += rec->end_ns - rec->birth_ns;
	for (unsigned s = 0; s < WT_STATES; s++)
		t->st_ns[s] += rec->st_ns[s];
	taken__add_rec(&t->taken, rec);
	t->preempt_ns += rec->preempt_ns;
	t->cpu_kernel_ns += rec->audit_cpu_kernel_ns;
	t->cpu_ours_ns += rec->audit_cpu_ours_ns;
	t->runq_kernel_ns += rec->audit_runq_kernel_ns;
	t->runq_ours_ns += rec->audit_runq_ours_ns;
	t->switches += rec->switches;
	t->migrations += rec->migrations;
	clock->cpu_ns += rec->audit_ledger_cpu_ns - rec->audit_cpu_ours_ns;
	clock->runq_ns += rec->audit_ledger_runq_ns - rec->audit_runq_ours_ns;
}

static void add_settled(struct ledger_totals *t, const struct settled *s)
{
	for (unsigned i = 0; i < WT_STATES; i++)
		t->unattributed_st_ns[i] += s->unattributed_ns[i];
	t->user_ns += s->user_ns;
	t->sys_ns += s->sys_ns;
	t->overattributed_ns += s->over_ns;
	t->shed_ns += s->shed_ns;
}

/* Where there is no user stack, the kernel's is the whole. */
static void count_cut(__u64 *cuts, enum ledger_cut cut, __u64 count)
{
	cuts[cut] += count;
	if (cut == LEDGER_EXITING || cut == LEDGER_EXECING)
		cuts[LEDGER_COMPLETE] += count;
}

static void judge_line(struct ledger *l, struct ledger_totals *t, __u8 state, __u32 ustack,
		       __u32 kstack, __u64 count, bool kthread)
{
	struct stack *u = stacks__get(&l->stacks, ustack), *k = stacks__get(&l->stacks, kstack);
	enum ledger_cut cut;

	if (u)
		stack__judge(u, &l->frames);
	if (k)
		stack__judge(k, &l->frames);
	cut = stacks__cut(&l->stacks, ustack, kstack, kthread);
	if (state == WT_CPU) {
		t->oncpu_samples += count;
		count_cut(t->cut, cut, count);
		if (cut == LEDGER_COMPLETE && u && u->guessed)
			t->guessed += count;
		return;
	}
	/* no stack is taken where a thread waits for a CPU */
	if (state == WT_RUNQ || state == WT_THROTTLED)
		return;
	count_cut(t->offcpu_stacks, cut, count);
	if (!k || !k->witness)
		return;
	t->witness_waits += count;
	if (!(k->witness >> state & 1))
		t->witness_disagreements += count;
}

static bool is_kthread(__u32 flags)
{
	return flags & (WT_F_KTHREAD | WT_F_IOWORKER);
}

static void judge_lines(struct ledger *l, struct ledger_totals *t)
{
	for (__u32 i = 1; i < l->lines.end; i++) {
		const struct line *line = pool__at(&l->lines, i);
		__u32 flags;

		if (!line->used)
			continue;
		if (line->flags & LINE_GROUP)
			flags = ((struct group *)pool__at(&l->groups, line->owner))->flags;
		else
			flags = ((struct prog *)pool__at(&l->progs, line->owner))->rec.flags;
		judge_line(l, t, line->state, line->ustack, line->kstack, line->count,
			   is_kthread(flags));
		if (line->state != WT_CPU && (line->ustack == STACK_FOLDED || line->kstack == STACK_FOLDED))
			t->folded_ns += line->ns;
	}
}

static int judge_open(struct ledger *l, struct ledger_totals *t, const struct prog *p)
{
	__u32 ustack, kstack;
	struct open o;
	int err = 0;

	for (unsigned i = 0; i < PROG_OPEN && !err; i++) {
		if (!prog__open(p, i, &o))
			continue;
		err = stacks__ref(&l->stacks, p->rec.open_ustack, l->now_ds, &ustack);
		if (!err)
			err = stacks__ref(&l->stacks, p->rec.open_kstack, l->now_ds, &kstack);
		if (!err)
			judge_line(l, t, o.state, ustack, kstack, 1, is_kthread(p->rec.flags));
	}
	return err;
}

static int settle_progs(struct ledger *l, struct ledger_totals *t, struct clock_diff *clock)
{
	for (__u32 i = 1; i < l->progs.end; i++) {
		struct prog *p = pool__at(&l->progs, i);
		int err;

		if (!p->used || !p->has_rec)
			continue;
		err = settle__prog(l, p);
		if (!err)
			err = judge_open(l, t, p);
		if (err)
			return err;
		totals__add_rec(t, clock, &p->rec);
		add_settled(t, &p->settled);
	}
	return 0;
}

static void add_lost(const struct ledger *l, struct ledger_totals *t)
{
	t->threads += l->lost.threads;
	t->wall_ns += l->lost.wall_ns;
	t->preempt_ns += l->lost.preempt_ns;
	for (unsigned s = 0; s < WT_STATES; s++)
		t->st_ns[s] += l->lost.st_ns[s];
	add_settled(t, &l->lost_settled);
}

static double ppm(__u64 ours, __u64 theirs, __u64 wall)
{
	return wall ? 1e6 * ((double)(__s64)(ours - theirs)) / (double)wall : 0;
}

static void derive(struct ledger_totals *t, const struct clock_diff *clock)
{
	for (unsigned s = 0; s < WT_STATES; s++) {
		t->accounted_ns += t->st_ns[s];
		t->unattributed_ns += t->unattributed_st_ns[s];
	}
	t->residual_ns = t->wall_ns - t->accounted_ns;
	t->wakeup_ns = t->st_ns[WT_RUNQ] - t->preempt_ns;
	t->cpu_residual_ppm = ppm(t->cpu_ours_ns, t->cpu_kernel_ns, t->wall_ns);
	t->runq_residual_ppm = ppm(t->runq_ours_ns, t->runq_kernel_ns, t->wall_ns);
	if (!t->switches)
		return;
	t->clock_ns_per_switch = (double)(__s64)clock->cpu_ns / (double)t->switches;
	t->clock_runq_ns_per_switch = (double)(__s64)clock->runq_ns / (double)t->switches;
}

int ledger__settle(struct ledger *l, const struct ledger_frames *f, struct ledger_totals *t)
{
	struct clock_diff clock = l->clock;
	int err;

	l->frames = *f;
	*t = l->folded;
	t->threads = l->folded.folded_threads + l->tasks.n;
	t->processes = l->n_processes + l->lost.processes;
	err = settle_progs(l, t, &clock);
	if (!err)
		err = settle_lost(l);
	if (err)
		return err;
	add_lost(l, t);
	/* a group's lines were settled when they were folded */
	for (__u32 i = 1; i < l->lines.end; i++) {
		struct line *line = pool__at(&l->lines, i);

		if (line->used && line->flags & LINE_GROUP)
			line->settled_ns = line->ns;
	}
	judge_lines(l, t);
	derive(t, &clock);
	ledger__settle_programs(l);
	return ledger__make_rows(l);
}
