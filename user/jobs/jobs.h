/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jobs.h - what jobs there are and what they are called; pure: no BPF, no I/O.
 *
 * A thread's job is, in this order: the build that its environment names; the
 * target, where that is one command, process or name; its control group; the rest
 * of the machine.  Kernel threads and worktrace's own are jobs of their own.
 */
#ifndef WT_JOBS_USER_H
#define WT_JOBS_USER_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "worktrace.h"

#define JOBS_MAX 10000	/* beyond, jobs are one: "[other jobs]" */

struct job {
	unsigned index;				/* 0, 1 … in order of appearance: for arrays */
	const char *name;			/* distinct, printable: "immich-batch-A#1041" */
	/* jenkins, gitlab, github, buildkite, env, unit, container, cgroup, command, pid, name, … */
	const char *kind;
	bool build;				/* by its environment */
	const char *field[WT_JOB_ROLES];	/* printable; "" where it has none */
};

struct jobs;

/*
 * target_kind, target_name: of what has no build, both borrowed; NULL: control groups
 * name it.  0 or -ENOMEM.
 */
int jobs__new(struct jobs **out, const char *target_kind, const char *target_name);
void jobs__free(struct jobs *j);
/* What the kernel side has found; the first of its identity counts.  0 or -ENOMEM. */
int jobs__put_build(struct jobs *j, const struct wt_ev_job *e);
int jobs__put_cgroup(struct jobs *j, const struct wt_ev_cgroup *e);
/*
 * job, cgroup, flags: see wt_thread_rec and LEDGER_JOB_*.  Never NULL; owned by j and
 * valid until it is freed.  One whose identity was lost has a name made of its number.
 */
const struct job *jobs__of(struct jobs *j, __u64 job, __u64 cgroup, __u32 flags);
/* Those that were put or asked for so far. */
unsigned jobs__count(const struct jobs *j);
const struct job *jobs__at(const struct jobs *j, unsigned index);

/*
 * cgname.c: what a control group is called as a job: "jenkins.service",
 * "docker:3f2a91bc44de", else its path.  Returns its kind: unit, container or cgroup.
 */
const char *cgroup_job_name(const struct wt_ev_cgroup *e, char *buf, size_t sz);

#endif /* WT_JOBS_USER_H */
