/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tracer_impl.h - what the files of the tracer share, the only ones that know the skeleton. */
#ifndef WT_TRACER_IMPL_H
#define WT_TRACER_IMPL_H

#include "loader/tracer.h"
#include "worktrace.skel.h"

struct tracer {
	struct worktrace_bpf *skel;
	struct sampler *sampler;
	struct ring_buffer *ring;
	const struct options *o;
	unsigned n_cpus;
	__u32 execs_seen, execs_ended;	/* run_execs at the last look; how many had ended then */
	bool follows;			/* TCP connections */
	__u64 details_before;		/* count[WT_CNT_DETAIL] at the last swap */
	int stats_fd;			/* of a cost window, -1: none is open */
	__u64 window_start, window_ns;	/* of the open one; sum of all */
	__u64 window_before, window_cost;
};

/* BPF_TRACE_UPROBE_MULTI, which the headers that we build with need not know. */
#define TRACER_UPROBE_MULTI ((enum bpf_attach_type)48)

/* tracer_net.c */
/* Before loading: which programs, whose reads are idle.  follows: TCP connections. */
void tracer__configure_net(struct worktrace_bpf *skel, const struct options *o, bool follows);
/* After the others were attached. */
int tracer__attach_net(struct tracer *t);

#endif /* WT_TRACER_IMPL_H */
