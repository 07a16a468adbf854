// SPDX-License-Identifier: GPL-2.0-or-later
/* charge.bpf.c - one detail line of the ledger. */
#include "calls.bpf.h"

static __always_inline int wt_detail_into(void *map, struct wt_detail_key *k, __u64 ns)
{
	struct wt_detail_val fresh = { .ns = ns, .max_ns = ns, .count = 1 };
	struct wt_detail_val *v = bpf_map_lookup_elem(map, k);

	if (v) {
		/* lines belong to one thread: nobody else adds to this one */
		v->ns += ns;
		v->count++;
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

int wt_detail_add(struct wt_detail_key *k, __u64 ns)
{
	if (!k)
		return -1;
	if (run_generation & 1)
		return wt_detail_into(&detail_b, k, ns);
	return wt_detail_into(&detail_a, k, ns);
}
