/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * asleep.h - user stacks of threads that slept as the recording began, and sleep on: the
 * kernel side sends their registers, and the walk is made here (walker.h), over their memory.
 *
 * A stack counts only if the thread has not run since.  So a wait that ends before its turn
 * comes has none.  Threads of processes that the kernel side knows nothing of wait for half a
 * second first: who sleeps for less is not worth tables.  So do stacks with frames in no file,
 * which may be a VM's that is about to be known.  Processes are asked for once; five seconds
 * after the start each thread has what frames can be had.
 *
 * Threads that block while the tables of their process are not there yet have a copy of their
 * stack (raw.h), in which a VM's methods have no names: those of a runtime that can be asked are
 * walked here, too, and the copy's stack stands where they slept no longer.  Single-threaded.
 */
#ifndef WT_ASLEEP_H
#define WT_ASLEEP_H

#include <linux/types.h>
#include <stdbool.h>

#include "runtime/python.h"
#include "unwind/raw.h"
#include "unwind/spaces.h"
#include "unwind/tables.h"
#include "worktrace.h"

struct asleep;

/* Borrowed, and outlive it. */
struct asleep_ops {
	const struct spaces_maps *spaces;
	const struct tables_maps *tables;
	int py_procs_fd, py_code_fd, jvm_procs_fd;
	struct python *python;
	void *ctx;
	/* The program that the kernel side knows the process as, 0: it does not. */
	__u64 (*image)(void *ctx, __u32 tgid);
	/* Has it told of the process, as that program. */
	void (*ask)(void *ctx, __u32 tgid, __u64 image);
	/* The process has a VM, which may be about to be known. */
	bool (*has_vm)(void *ctx, __u32 tgid);
	__u64 (*now_ns)(void);		/* CLOCK_MONOTONIC */
};

/* 0 or -ENOMEM. */
int asleep__new(struct asleep **out, const struct asleep_ops *ops);
/* NULL is fine. */
void asleep__free(struct asleep *a);

/* Takes in one event, copied.  0 or -ENOMEM. */
int asleep__put(struct asleep *a, const struct wt_ev_asleep *e);
/*
 * Hands out those that are known by now, for some 20 ms; last: all of them, for half a second,
 * and those that are left without frames.  0, or what done returned.
 */
int asleep__work(struct asleep *a, bool last, raw_done_fn done, void *ctx);
/*
 * The stack that the copy gave, which waits for the thread's if that is still asked for: true, and
 * *err is 0 or -ENOMEM.
 */
bool asleep__keep(struct asleep *a, const struct wt_ev_stack *copy, size_t size, int *err);
/* Threads that wait for their turn. */
unsigned asleep__waiting(const struct asleep *a);

#endif /* WT_ASLEEP_H */
