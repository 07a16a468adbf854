// SPDX-License-Identifier: GPL-2.0-or-later
/* epoch.bpf.c - CPU time by epoch, and intervals that reach over a boundary. */
#include "charge.bpf.h"
#include "epoch.bpf.h"

/* What has come to a sum of the thread's since its last line. */
static __always_inline void wt_tell(struct wt_detail_key *k, __u32 what, __u64 sum, __u64 *told)
{
	__u64 n = sum - *told;

	if (!n)
		return;
	*told = sum;
	k->reason = WT_EXACT_REASON(what);
	wt_detail_add(k, n, 0);
}

int wt_epoch_flush(struct wt_task *w)
{
	struct wt_detail_key k = { .state = WT_CPU };

	if (!w)
		return -1;
	k.thread = w->serial;
	k.epoch = w->epoch;
	wt_tell(&k, WT_EXACT_STEAL, w->steal_ns, &w->told_steal_ns);
	wt_tell(&k, WT_EXACT_IRQ, w->irq_ns, &w->told_irq_ns);
	wt_tell(&k, WT_EXACT_SOFTIRQ, w->softirq_ns, &w->told_softirq_ns);
	wt_tell(&k, WT_EXACT_MIGRATIONS, w->migrations, &w->told_migrations);
	if (!w->epoch_cpu_ns)
		return 0;
	k.reason = WT_EXACT_REASON(WT_EXACT_CPU);
	wt_detail_add(&k, w->epoch_cpu_ns, w->epoch_cpu_ns);
	w->epoch_cpu_ns = 0;
	return 0;
}

int wt_epoch_split(struct wt_task *w, struct wt_detail_key *k, __u64 to, __u64 ns)
{
	struct wt_ev_split e = { .h.type = WT_EV_SPLIT };

	if (!w || !k)
		return -1;
	e.h.ts_ns = to;
	e.key = *k;
	e.from_ns = to - ns;
	e.to_ns = to;
	e.weighted_ns = ns * w->stack_weight / WT_WEIGHT_ONE;
	e.image = w->image;
	if (!bpf_ringbuf_output(&ring, &e, sizeof(e), BPF_RB_NO_WAKEUP))
		return 0;
	wt_lost(WT_LOSS_SPLIT);
	return -1;
}

int wt_epoch_cpu(struct wt_task *w, __u64 at, __u64 ns)
{
	struct wt_detail_key k = { .state = WT_CPU, .reason = WT_K_EXACT };

	if (!w)
		return -1;
	if (!wt_crosses(w)) {
		w->epoch_cpu_ns += ns;
		return 0;
	}
	wt_epoch_flush(w);
	if (!ns)
		return 0;
	k.thread = w->serial;
	k.epoch = w->epoch;
	if (wt_epoch_split(w, &k, at, ns))
		wt_detail_add(&k, ns, ns);
	return 0;
}
