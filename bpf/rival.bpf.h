/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rival.bpf.h - who ran on this CPU of late. */
#ifndef WT_RIVAL_BPF_H
#define WT_RIVAL_BPF_H

#include "calls.bpf.h"

/* One stay on the CPU, or several in a row of threads of one process and name. */
struct wt_run {
	__u64 end_ns;			/* it began where the one before it ended */
	__u64 job, cgroup;
	__u64 comm[WT_COMM_LEN / 8];
	__u32 tgid;			/* 0: nobody, the CPU was idle */
	__u32 kthread;
};

#define WT_RUNS 512		/* a power of two */
struct wt_runs {
	__u64 n;			/* stays so far; the last WT_RUNS of them are here */
	struct wt_run run[WT_RUNS];
};

struct wt_runs_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_runs);
};

extern struct wt_runs_map runs SEC(".maps");

static __always_inline bool wt_rivals_on(void)
{
	return cfg_opts & WT_OPT_RIVALS;
}

static __always_inline struct wt_runs *wt_runs(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&runs, &zero);
}

/* t leaves this CPU now; w: its storage if it is traced. */
static __always_inline void wt_note_run(struct task_struct *t, struct wt_task *w, __u64 now)
{
	struct wt_runs *r = wt_runs();
	__u64 comm[WT_COMM_LEN / 8];
	struct wt_run *last;
	__u32 tgid;

	if (!r)
		return;
	bpf_core_read(comm, sizeof(comm), &t->comm);
	tgid = t->tgid;
	last = &r->run[(r->n - 1) & (WT_RUNS - 1)];
	if (r->n && last->tgid == tgid && last->comm[0] == comm[0] && last->comm[1] == comm[1]) {
		last->end_ns = now;
		return;
	}
	last = &r->run[r->n & (WT_RUNS - 1)];
	last->end_ns = now;
	last->tgid = tgid;
	last->comm[0] = comm[0];
	last->comm[1] = comm[1];
	last->kthread = (t->flags & PF_KTHREAD) != 0;
	last->job = w ? w->job : 0;
	last->cgroup = w ? w->cgroup : 0;
	r->n++;
}

#endif /* WT_RIVAL_BPF_H */
