/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clock.h - instants in nanoseconds. */
#ifndef WT_CLOCK_H
#define WT_CLOCK_H

#include <linux/types.h>
#include <time.h>

#define NSEC_PER_SEC 1000000000ULL
#define NSEC_PER_MSEC 1000000ULL

static inline __u64 clock_ns(clockid_t c)
{
	struct timespec t;

	clock_gettime(c, &t);
	return (__u64)t.tv_sec * NSEC_PER_SEC + t.tv_nsec;
}

static inline __u64 now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

#endif /* WT_CLOCK_H */
