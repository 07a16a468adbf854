/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sideband.h - perf's side-band: every executable mapping (with build id), fork,
 * exec and exit of the machine, from one dummy event per CPU with mmap2, task and
 * comm records stamped with CLOCK_MONOTONIC (perf_event_open(2)).
 */
#ifndef WT_SIDEBAND_H
#define WT_SIDEBAND_H

#include <linux/types.h>
#include "symbols/symbols.h"

struct sideband;

struct sideband_stats {
	__u64 lost;		/* records the kernel says it lost: loss.sideband */
	__u64 records;
	__u64 bytes_mapped;	/* memory of the rings */
};

/* pages: data pages of each CPU's ring, a power of two.  0 or a negative errno, printed. */
int sideband__open(struct sideband **out, unsigned pages);
/* An epoll descriptor that is readable when a ring has something.  Owned by sb. */
int sideband__fd(const struct sideband *sb);
/*
 * Takes everything that is in the rings now, in time order, into s.
 */
int sideband__drain(struct sideband *sb, struct symbols *s);
void sideband__stats(const struct sideband *sb, struct sideband_stats *out);
void sideband__close(struct sideband *sb);

#endif /* WT_SIDEBAND_H */
