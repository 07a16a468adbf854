/* SPDX-License-Identifier: GPL-2.0-or-later */
/* threads.h - the threads of a target as /proc and the cgroup file systems show them. */
#ifndef WT_THREADS_H
#define WT_THREADS_H

#include <stdbool.h>
#include <sys/types.h>
#include "target/target.h"

/* One thread of /proc (proc(5)). */
struct proc_thread {
	char state;			/* 'R', 'S', 'Z' … */
	pid_t ppid;			/* the parent's process */
	unsigned long long start;	/* clock ticks since boot: tells two of one number apart */
};

/* 0, or a negative errno: -ENOENT or -ESRCH when there is none. */
int proc_thread__read(pid_t tid, struct proc_thread *out);

/*
 * Calls fn with every thread that t means at this moment: the same choice as the
 * kernel side's wt_wanted().  A thread that is born or ends meanwhile may be
 * missed or gone.  Returns 0, -ENOMEM, or what fn returned when it was not 0.
 */
typedef int (*target_thread_fn)(void *arg, pid_t tid);
int target__threads(const struct target *t, target_thread_fn fn, void *arg);

#endif /* WT_THREADS_H */
