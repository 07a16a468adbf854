/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wl_sites - sleeps at three places that differ by their stack alone, and knows how
 * long at each.  Built like all workloads; the places share everything below them.
 *
 * Usage: wl_sites SECONDS
 * Prints {"short_ns": …, "long_ns": …, "deep_ns": …, "sleeps": …}
 */
#define _GNU_SOURCE
#include "wl.h"

static int64_t slept[3], sleeps;

static WL_NOINLINE void nap(int64_t us, int64_t *total)
{
	struct timespec t = { 0, us * 1000 };
	int64_t begun = wl_now(), cpu = wl_clock_ns(CLOCK_THREAD_CPUTIME_ID);

	nanosleep(&t, NULL);
	/* without what it costs to fall asleep and to wake up */
	*total -= wl_clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu;
	*total += wl_now() - begun;
	sleeps++;
}

static WL_NOINLINE void site_short(void)
{
	nap(20, &slept[0]);
	sleeps += 0;
}

static WL_NOINLINE void site_long(void)
{
	nap(300, &slept[1]);
	sleeps += 0;
}

static WL_NOINLINE int site_deep(int depth)
{
	if (depth)
		return site_deep(depth - 1) + 1;
	nap(60, &slept[2]);
	return 0;
}

int main(int argc, char **argv)
{
	int64_t end = wl_now() + (int64_t)((argc > 1 ? atof(argv[1]) : 1) * 1e9);

	prctl(PR_SET_TIMERSLACK, 1);
	/* a pattern that repeats: taking every nth would see one place only */
	while (wl_now() < end) {
		for (int i = 0; i < 5; i++)
			site_short();
		site_long();
		for (int i = 0; i < 2; i++)
			site_deep(20);
	}
	printf("{\"short_ns\": %lld, \"long_ns\": %lld, \"deep_ns\": %lld, \"sleeps\": %lld}\n",
	       (long long)slept[0], (long long)slept[1], (long long)slept[2], (long long)sleeps);
	return 0;
}
