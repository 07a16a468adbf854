# SPDX-License-Identifier: GPL-2.0-or-later
"""Medians and their bootstrap intervals."""

import random
import statistics

RESAMPLES = 2000


def median(values):
    return statistics.median(values) if values else None


def interval(values, rng=None):
    """(median, low, high): the percentile bootstrap's 95 % interval of the median.

    With fewer than three values there is no interval: low and high are None."""
    if not values:
        return None, None, None
    mid = statistics.median(values)
    if len(values) < 3:
        return mid, None, None
    rng = rng or random.Random(1)
    medians = sorted(statistics.median(rng.choices(values, k=len(values)))
                     for _ in range(RESAMPLES))
    return mid, medians[int(0.025 * RESAMPLES)], medians[int(0.975 * RESAMPLES) - 1]


def smallest_difference(null_ratios):
    """What the run could have seen: how far from 1 the interval of ratios of the
    untraced workload to itself reaches.  None when it cannot be told."""
    mid, low, high = interval(null_ratios)
    if low is None:
        return None
    return max(abs(low - 1), abs(high - 1))
