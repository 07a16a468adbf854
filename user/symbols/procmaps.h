/* SPDX-License-Identifier: GPL-2.0-or-later */
/* procmaps.h - /proc/PID/maps (proc_pid_maps(5)) and when a process started. */
#ifndef WT_PROCMAPS_H
#define WT_PROCMAPS_H

#include <linux/types.h>
#include "symbols/symbols.h"

typedef void (*procmaps_fn)(void *ctx, const struct symbols_mmap *m);
/*
 * Calls fn for every executable mapping, build id NULL, time_ns 0.  0, or
 * -ESRCH when the process is gone, or another negative errno; nothing is printed.
 */
int procmaps__each(__u32 tgid, procmaps_fn fn, void *ctx);
/* The same for a file or a text in that format, for the process tgid. */
void procmaps__parse(char *text, __u32 tgid, procmaps_fn fn, void *ctx);
/* CLOCK_MONOTONIC time of its start, to 10 ms; -ESRCH when it is gone. */
int procmaps__start(__u32 tgid, __s64 *start_ns);

#endif /* WT_PROCMAPS_H */
