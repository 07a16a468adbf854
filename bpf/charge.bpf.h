/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * charge.bpf.h - the ledger in the kernel: one timestamp closes an interval and
 * opens the next, so that a thread's states always sum to its wall time.
 */
#ifndef WT_CHARGE_BPF_H
#define WT_CHARGE_BPF_H

#include "epoch.bpf.h"

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

/*
 * Until the programs see the start, an account begins anew at every boundary:
 * user space reads the clock before it can tell them.
 */
static __always_inline void wt_not_started(struct wt_task *w, __u64 at)
{
	if (run_start_ns == ~0ULL)
		w->birth_ns = at;
}

/* No detail for CPU time: its shape comes from the samples. */
static __always_inline void wt_charge_cpu(struct wt_task *w, __u64 at)
{
	__u64 ns = wt_within(w->since, at);

	wt_not_started(w, at);
	w->st_ns[WT_CPU] += ns;
	if (wt_epochs_on())
		wt_epoch_cpu(w, at, ns);
	w->since = at;
}

/*
 * What of the wait [w->since, wake] the thread lay in a freezer.  A freezer of
 * cgroup version 1 stops a sleeper where it is: no switch, no wakeup.  Which part
 * of the wait that was is told by the walks that user space asks for when a group
 * changes its state.
 */
static __always_inline __u64 wt_frozen_part(struct wt_task *w, __u64 wake)
{
	__u64 since = w->frozen_since, ns = w->frozen_ns;

	if (since && since < w->since)
		since = w->since;
	if (since && since < wake)
		ns += wt_within(since, wake);
	return ns < wake - w->since ? ns : wake - w->since;
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

/* 1 or 0, without a branch, whatever the compiler thinks of that. */
static __always_inline __u64 wt_nonzero(__u64 v)
{
	__u64 minus = -v;

	asm volatile("" : "+r"(minus));
	return (v | minus) >> 63;
}

/* See WT_BUCKETS in worktrace.h.  Without branches: each would double the verifier's work. */
static __always_inline __u32 wt_bucket(__u64 ns)
{
	__u64 v = ns | 16, e = 0, step;
	__u32 b;

#pragma unroll
	for (int shift = 5; shift >= 0; shift--) {
		step = wt_nonzero(v >> (1 << shift)) << shift;
		v >>= step;
		e += step;
	}
	b = 1 + ((__u32)e - 4) * 4 + ((ns >> ((e - 2) & 63)) & 3);
	if (ns < 16)
		return 0;
	return b < WT_BUCKETS ? b : WT_BUCKETS - 1;
}

#endif /* WT_CHARGE_BPF_H */
