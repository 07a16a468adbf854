/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench_span SECONDS: calls a function 10,000 times a second and says what a call takes
 * by its own clock: {"calls": n, "median_ns": …, "mean_ns": …}.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define PERIOD_NS 100000

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

__attribute__((noinline, noclone)) int bench_span(int n)
{
	__asm__ volatile("" : "+r"(n));
	return n + 1;
}

static int by_size(const void *a, const void *b)
{
	long long x = *(const long long *)a, y = *(const long long *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	long long calls = (argc > 1 ? atof(argv[1]) : 1) * 1e9 / PERIOD_NS, start = now(), sum = 0;
	long long *took = calls > 0 ? calloc(calls, sizeof(*took)) : NULL;
	volatile int sink = 0;

	if (!took)
		return 1;
	for (long long i = 0; i < calls; i++) {
		long long t;

		while ((t = now()) < start + i * PERIOD_NS)
			;
		sink += bench_span(sink);
		took[i] = now() - t;
		sum += took[i];
	}
	qsort(took, calls, sizeof(*took), by_size);
	printf("{\"calls\": %lld, \"median_ns\": %lld, \"mean_ns\": %.0f}\n", calls, took[calls / 2],
	       (double)sum / calls);
	return 0;
}
