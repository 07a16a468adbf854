/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * charge.bpf.h - the ledger in the kernel: one timestamp closes an interval and
 * opens the next, so that a thread's states always sum to its wall time.
 */
#ifndef WT_CHARGE_BPF_H
#define WT_CHARGE_BPF_H

#include "calls.bpf.h"

/* See WT_BUCKETS in worktrace.h. */
static __always_inline __u32 wt_bucket(__u64 ns)
{
	__u32 e = 0, b;
	__u64 v = ns;

	if (ns < 16)
		return 0;
	if (v >> 32) { e += 32; v >>= 32; }
	if (v >> 16) { e += 16; v >>= 16; }
	if (v >> 8) { e += 8; v >>= 8; }
	if (v >> 4) { e += 4; v >>= 4; }
	if (v >> 2) { e += 2; v >>= 2; }
	if (v >> 1)
		e += 1;
	b = 1 + (e - 4) * 4 + ((ns >> ((e - 2) & 63)) & 3);
	return b < WT_BUCKETS ? b : WT_BUCKETS - 1;
}

/* The part of [from, to] that lies within the recording. */
static __always_inline __u64 wt_within(__u64 from, __u64 to)
{
	__u64 start = run_start_ns, end = run_end_ns;

	if (from < start)
		from = start;
	if (to > end)
		to = end;
	return to > from ? to - from : 0;
}

/* Charges [since, at] to the thread's open state, with its reason and stacks. */
static __always_inline void wt_charge(struct wt_task *w, __u64 at, __u8 state, __u64 reason)
{
	__u64 ns = wt_within(w->since, at);
	struct wt_detail_key k = {
		.ustack = w->ustack,
		.kstack = w->kstack,
		.reason = reason,
		.thread = w->serial,
		.epoch = w->epoch,
		.state = state,
	};

	w->since = at;
	if (!ns || state >= WT_STATES)
		return;
	w->st_ns[state] += ns;
	if (state == WT_RUNQ && reason == WT_K_PREEMPT)
		w->preempt_ns += ns;
	k.bucket = wt_bucket(ns);
	wt_detail_add(&k, ns);
}

/* No detail for CPU time: its shape comes from the samples. */
static __always_inline void wt_charge_cpu(struct wt_task *w, __u64 at)
{
	w->st_ns[WT_CPU] += wt_within(w->since, at);
	w->since = at;
}

/* A timestamp that never runs backwards within a thread. */
static __always_inline __u64 wt_not_before(__u64 at, __u64 since)
{
	if (at >= since)
		return at;
	if (since - at > 1000000)	/* a few ns are the clocks of two CPUs */
		wt_lost(WT_LOSS_CLOCK);
	return since;
}

#endif /* WT_CHARGE_BPF_H */
