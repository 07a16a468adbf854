/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tracer_impl.h - what the files of the tracer share, the only ones that know the skeleton. */
#ifndef WT_TRACER_IMPL_H
#define WT_TRACER_IMPL_H

#include <pthread.h>

#include "loader/tracer.h"
#include "worktrace.skel.h"

/* The programs are loaded in two parts, at the same time: what threads do and wait for, the rest. */
enum tracer_part {
	TRACER_EVENTS,
	TRACER_REST,
	TRACER_PARTS
};

struct tracer {
	struct worktrace_bpf *skel;	/* the maps and the shared memory; none of its programs */
	struct worktrace_bpf *part[TRACER_PARTS];	/* the programs, with skel's maps */
	struct sampler *sampler;
	struct ring_buffer *ring;
	const struct options *o;
	pthread_mutex_t iter_lock;	/* run_iter, and the one walk that it is for */
	unsigned n_cpus;
	struct wt_stats *per_cpu;	/* room to read them: losses are told when memory is out, too */
	__u32 execs_seen, execs_ended;	/* run_execs at the last look; how many had ended then */
	bool follows;			/* TCP connections */
	__u64 details_before;		/* count[WT_CNT_DETAIL] at the last swap */
	int stats_fd;			/* of a cost window, -1: none is open */
	__u64 window_start, window_ns;	/* of the open one; sum of all */
	__u64 window_before, window_cost;
};

/* BPF_TRACE_UPROBE_MULTI, which the headers that we build with need not know. */
#define TRACER_UPROBE_MULTI ((enum bpf_attach_type)48)

/* A program or a link of TRACER_REST. */
#define TRACER_PROG(t, name) ((t)->part[TRACER_REST]->progs.name)
#define TRACER_LINK(t, name) ((t)->part[TRACER_REST]->links.name)

/* tracer_config.c: before loading */
/* Constants and sizes of maps.  0 or a negative error, said. */
int tracer__configure(struct worktrace_bpf *skel, const struct options *o, const struct target *t,
		      const struct features *f);
/* Which programs the options and this kernel allow. */
void tracer__choose(struct worktrace_bpf *skel, const struct options *o, const struct features *f);

/* tracer_load.c: 0 or a negative error, said but for attaching; unload: what load left, at any stage */
int tracer__load(struct tracer *t, const struct target *target, const struct features *f,
		 struct btf **kernel);
int tracer__attach_parts(struct tracer *t);
void tracer__detach_parts(struct tracer *t);
void tracer__unload(struct tracer *t);

/* tracer_net.c */
/* Before loading.  follows: TCP connections. */
void tracer__choose_net(struct worktrace_bpf *skel, bool follows);
/* After the others were attached. */
int tracer__attach_net(struct tracer *t);

#endif /* WT_TRACER_IMPL_H */
