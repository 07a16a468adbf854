/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watchpoints.h - hardware watchpoints on words of processes' memory, with a BPF
 * program that runs when one is written.  A process has four at most, a debugger's
 * included.
 */
#ifndef WT_WATCHPOINTS_H
#define WT_WATCHPOINTS_H

#include <linux/types.h>
#include <sys/types.h>

struct bpf_program;
struct watchpoints;

/* prog: borrowed, loaded.  0 or -ENOMEM. */
int watchpoints__new(struct watchpoints **out, struct bpf_program *prog);
/* Takes all of them away. */
void watchpoints__free(struct watchpoints *w);
/*
 * On the 8 bytes at that address, in that thread and in the threads and processes that it
 * starts from now on, as long as they do not call exec.  0 or a negative errno, not printed:
 * -ESRCH: it is gone, -ENOSPC: all are taken.
 */
int watchpoints__add(struct watchpoints *w, pid_t tid, __u64 address);

#endif /* WT_WATCHPOINTS_H */
