/* SPDX-License-Identifier: GPL-2.0-or-later */
/* figures.h - numbers and durations as programs print them for people. */
#ifndef WT_FIGURES_H
#define WT_FIGURES_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * "76255", "76,255", "76.255", "76'255", "76_255", with thin or unbreakable spaces;
 * of "28.2" or "28,2" the whole part; "1.2k" is 1200.  False: it is none, or too big.
 */
bool figure__count(const char *s, size_t n, __u64 *out);

/*
 * "12.3 s", "6,1 min", "1h 5m", "00:14", "1:02:03", "1 day, 2:03:04", "150ms", "12"
 * (of unit_ns).  Nanoseconds, or -1 when it is none.
 */
__s64 figure__duration(const char *s, size_t n, __u64 unit_ns);

#endif /* WT_FIGURES_H */
