/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * perfmap.h - /tmp/perf-PID.map: lines "START SIZE NAME", both numbers in
 * hexadecimal, that a runtime appends as it compiles (Linux'
 * tools/perf/Documentation/jit-interface.txt).  Code moves and its memory is used
 * again: of several lines for one address the last one counts.
 *
 * Names stay in the file, which stays open.  It belongs to whoever is traced:
 * every number is bounded, and a line is read again before its name is believed.
 */
#ifndef WT_PERFMAP_H
#define WT_PERFMAP_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

struct perfmap;

/* Lines remembered: beyond, those whose code is gone are dropped, then the oldest. */
#define PERFMAP_MAX_ENTRIES (1U << 18)

/* fd is taken over, also on failure.  NULL: no memory. */
struct perfmap *perfmap__new(int fd);
void perfmap__free(struct perfmap *m);
/*
 * Reads what came since the last time, all of it when the file was written anew.
 * fd: the file of that name as it is opened now, taken over: it may be another
 * one, then that counts from now on; -1: the one that is open.  0 or -ENOMEM.
 */
int perfmap__refresh(struct perfmap *m, int fd);
/* There are lines, or there were until it was cut, that were not read. */
bool perfmap__has_grown(const struct perfmap *m);
/* More was there than one refresh reads (16 MiB). */
bool perfmap__more(const struct perfmap *m);
/* The name of the code at that address as the file has it. */
bool perfmap__find(struct perfmap *m, __u64 addr, char *buf, size_t sz);
size_t perfmap__bytes(const struct perfmap *m);
unsigned perfmap__count(const struct perfmap *m);

#endif /* WT_PERFMAP_H */
