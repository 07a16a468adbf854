/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * target.h - what the options name, found on this machine and said in the
 * kernel side's terms.
 */
#ifndef WT_TARGET_H
#define WT_TARGET_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>
#include "options.h"
#include "target/cgroup.h"

struct target {
	enum wt_target type;
	/*
	 * WT_TARGET_PIDS: the processes named.  WT_TARGET_COMM: those of that name
	 * now, perhaps none.  WT_TARGET_JOB: none before target__set_pids.  Else none.
	 */
	pid_t *pids;
	unsigned n_pids;
	char comm[WT_COMM_LEN];		/* WT_TARGET_COMM: as the kernel would cut it */
	struct cgroup cgroup;		/* WT_TARGET_CGROUP */
	/* WT_TARGET_JOB: padded with zeroes; build "": any */
	char job[WT_JOB_VALUE], build[WT_JOB_VALUE];

	/* of WT_TARGET_PIDS only, see target__alive */
	int *pidfds;
	int epoll_fd;
};

/*
 * Resolves -p, -n, -g, -J or -a.  Returns 0, or a negative errno or WT_ESAID after a
 * sentence: no such process, a thread id, a zombie, nobody of that name or an
 * empty control group (unless o->wait).
 */
int target__open(struct target **out, const struct options *o);
/* A process of our own making: a command. */
int target__open_pid(struct target **out, pid_t pid);
/*
 * WT_TARGET_PIDS: a descriptor for poll or epoll, readable while there are ended
 * processes that target__alive has not been told of; owned by t.  Else -1.
 */
int target__fd(const struct target *t);
/*
 * How many of the named processes still live, not counting their descendants;
 * takes those that ended out of target__fd's sight.  WT_TARGET_PIDS only.
 */
unsigned target__alive(struct target *t);
/* WT_TARGET_JOB: the processes that the kernel side has found; pids is taken over. */
void target__set_pids(struct target *t, pid_t *pids, unsigned n);
/* For summary.json's "target": {"type": …, …}; a new reference, NULL without memory. */
json_t *target__json(const struct target *t);
void target__close(struct target *t);

#endif /* WT_TARGET_H */
