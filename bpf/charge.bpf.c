// SPDX-License-Identifier: GPL-2.0-or-later
/* charge.bpf.c - an interval is over: the thread's total, and one detail line. */
#include "charge.bpf.h"

static __always_inline int wt_detail_into(void *map, struct wt_detail_key *k, __u64 ns,
					  __u64 weighted)
{
	struct wt_detail_val fresh = { .ns = ns, .max_ns = ns, .count = 1,
				       .weighted_ns = weighted };
	struct wt_detail_val *v = bpf_map_lookup_elem(map, k);

	if (v) {
		/* lines belong to one thread: nobody else adds to this one */
		v->ns += ns;
		v->count++;
		v->weighted_ns += weighted;
		if (ns > v->max_ns)
			v->max_ns = ns;
		return 0;
	}
	if (bpf_map_update_elem(map, k, &fresh, BPF_NOEXIST)) {
		wt_lost(k->state == WT_CPU ? WT_LOSS_SAMPLE : WT_LOSS_DETAIL);
		return -1;
	}
	wt_counted(WT_CNT_DETAIL);
	return 0;
}

int wt_detail_add(struct wt_detail_key *k, __u64 ns, __u64 weighted)
{
	struct wt_detail_key key;

	if (!k)
		return -1;
	/* 6.1 takes no key from an argument's memory, only from the stack */
	key = *k;
	if (run_generation & 1)
		return wt_detail_into(&detail_b, &key, ns, weighted);
	return wt_detail_into(&detail_a, &key, ns, weighted);
}

static __always_inline int wt_request_into(void *map, struct wt_detail_key *k, __u64 ns, __u64 bytes)
{
	struct wt_detail_val fresh = {};
	struct wt_detail_val *v = bpf_map_lookup_elem(map, k);

	if (!v) {
		/* another CPU may be the one that makes it */
		bpf_map_update_elem(map, k, &fresh, BPF_NOEXIST);
		v = bpf_map_lookup_elem(map, k);
	}
	if (!v) {
		wt_lost(WT_LOSS_BLOCK_UNIT);
		return -1;
	}
	__sync_fetch_and_add(&v->ns, ns);
	__sync_fetch_and_add(&v->count, 1);
	__sync_fetch_and_add(&v->weighted_ns, bytes);
	return 0;
}

int wt_detail_request(struct wt_detail_key *k, __u64 ns, __u64 bytes)
{
	struct wt_detail_key key;

	if (!k)
		return -1;
	key = *k;
	if (run_generation & 1)
		return wt_request_into(&detail_b, &key, ns, bytes);
	return wt_request_into(&detail_a, &key, ns, bytes);
}

int wt_charge(struct wt_task *w, __u64 at, __u32 state, __u64 reason)
{
	struct wt_detail_key k = {};
	__u64 ns;

	if (!w)
		return -1;
	wt_not_started(w, at);
	ns = wt_within(w->since, at);
	w->since = at;
	if (!ns || state >= WT_STATES)
		return 0;
	w->st_ns[state] += ns;
	if (state == WT_RUNQ && reason == WT_K_PREEMPT)
		w->preempt_ns += ns;
	k.ustack = w->ustack;
	k.kstack = w->kstack;
	k.reason = reason;
	k.thread = w->serial;
	k.epoch = w->epoch;
	k.state = state;
	k.bucket = wt_bucket(ns);
	k.span = w->span;
	if (wt_crosses(w) && !wt_epoch_split(w, &k, at, ns))
		return 0;
	return wt_detail_add(&k, ns, ns * w->stack_weight / WT_WEIGHT_ONE);
}
