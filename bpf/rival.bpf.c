// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rival.bpf.c - a wait for a CPU is charged to who had the CPU meanwhile.
 *
 * A thread waits on one CPU's queue for as long as others run there.  Each CPU
 * remembers its last stays; the wait is cut where one ended and the next began.
 * What lies further back than that, and a wait on another CPU before a migration,
 * count for who ran here at that time, or for nobody.
 */
#include "charge.bpf.h"
#include "rival.bpf.h"

struct wt_runs_map runs SEC(".maps");

/* A walk over the stays that a wait reached over; its numbers are in s->rival. */
struct wt_rival_ctx {
	struct wt_scratch *s;
	struct wt_task *w;
	struct wt_runs *r;
};

static __always_inline __u32 wt_relation(struct wt_task *w, struct wt_run *run)
{
	if (!run->tgid)
		return WT_RIVAL_IDLE;
	if (run->kthread)
		return WT_RIVAL_SYSTEM;
	if (run->tgid == w->tgid)
		return WT_RIVAL_SELF;
	if ((w->job && run->job == w->job) || (!w->job && !run->job && w->cgroup && run->cgroup == w->cgroup))
		return WT_RIVAL_JOB;
	return run->job || run->cgroup ? WT_RIVAL_OTHER_JOB : WT_RIVAL_OTHER;
}

static __always_inline __u64 wt_rival_reason(struct wt_scratch *s, struct wt_task *w,
					     struct wt_run *run, __u32 kind)
{
	struct wt_reason *r = &s->reason.reason;

	__builtin_memset(r, 0, sizeof(*r));
	r->state = WT_RUNQ;
	r->kind = kind;
	r->n = wt_relation(w, run);
	if (r->n != WT_RIVAL_IDLE)
		__builtin_memcpy(r->name, run->comm, sizeof(run->comm));
	if (r->n == WT_RIVAL_OTHER_JOB) {
		*(__u64 *)r->addr = run->job;
		*(__u64 *)(r->addr + 8) = run->cgroup;
	}
	return wt_intern_reason(s, w);
}

/* The stays behind this one are older than the wait. */
static long wt_rival_back(__u32 i, struct wt_rival_ctx *x)
{
	struct wt_run *run;

	if (i >= x->r->n)
		return 1;
	run = &x->r->run[(x->r->n - 1 - i) & (WT_RUNS - 1)];
	if (run->end_ns <= x->w->since)
		return 1;
	x->s->rival.n = i + 1;
	return 0;
}

/* Charges the part of the wait that lies in the i-th of the stays, the oldest first. */
static long wt_rival_charge(__u32 i, struct wt_rival_ctx *x)
{
	struct wt_rival_walk *v = &x->s->rival;
	struct wt_run *run;
	__u64 end;

	if (i >= v->n)
		return 1;
	run = &x->r->run[(x->r->n - v->n + i) & (WT_RUNS - 1)];
	end = i + 1 == v->n ? v->at : run->end_ns;
	if (end > v->at)
		end = v->at;
	if (end > x->w->since)
		wt_charge(x->w, end, WT_RUNQ, wt_rival_reason(x->s, x->w, run, v->kind));
	return 0;
}

/* A wait that reached over several stays. */
static __always_inline void wt_rival_walk(struct wt_scratch *s, struct wt_task *w, struct wt_runs *r,
					  __u64 at, __u32 kind)
{
	struct wt_rival_ctx x = { .s = s, .w = w, .r = r };

	s->rival.at = at;
	s->rival.n = 0;
	s->rival.kind = kind;
	bpf_loop(WT_RUNS, wt_rival_back, &x, 0);
	if (s->rival.n == WT_RUNS) {
		/* further back than is remembered: when the oldest stay began is not known */
		__u64 end = r->run[r->n & (WT_RUNS - 1)].end_ns;

		if (end < at)
			wt_charge(w, end, WT_RUNQ, kind);
	}
	bpf_loop(WT_RUNS, wt_rival_charge, &x, 0);
	if (w->since < at)
		wt_charge(w, at, WT_RUNQ, kind);
}

int wt_charge_queued(struct wt_scratch *s, struct wt_task *w, __u64 at, __u32 kind)
{
	struct wt_runs *r;
	struct wt_run *last;
	__u64 preempt, before;

	if (!s || !w)
		return -1;
	r = wt_rivals_on() ? wt_runs() : NULL;
	if (!r || at <= w->since)
		return wt_charge(w, at, WT_RUNQ, kind);
	before = w->st_ns[WT_RUNQ];
	preempt = w->preempt_ns;
	last = &r->run[(r->n - 1) & (WT_RUNS - 1)];
	if (r->n < 2 || r->run[(r->n - 2) & (WT_RUNS - 1)].end_ns > w->since)
		wt_rival_walk(s, w, r, at, kind);
	else
		wt_charge(w, at, WT_RUNQ,
			  last->end_ns > w->since ? wt_rival_reason(s, w, last, kind) : kind);
	if (kind == WT_K_PREEMPT)
		w->preempt_ns = preempt + w->st_ns[WT_RUNQ] - before;
	return 0;
}
