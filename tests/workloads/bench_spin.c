/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench_spin - computes on one CPU, a few calls deep and never waiting, so that
 * a sampler's interrupts are all that can slow it down.
 *
 *     bench_spin [CPU]		pinned to CPU (default: the one it starts on)
 *
 * Prints "ready PID".  Every line "N" on standard input is answered, after N
 * rounds of work, with "N NS" (elapsed nanoseconds); end of input ends it.
 */
#define _GNU_SOURCE
#include <unistd.h>
#include "bench_common.h"

#define DEPTH 12
#define STEPS 2000

static volatile uint64_t sink;

/* xorshift: a chain of dependent steps, so the time is the CPU's alone */
static __attribute__((noinline)) uint64_t mix(uint64_t x)
{
	for (int i = 0; i < STEPS; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
	}
	return x;
}

static __attribute__((noinline)) uint64_t descend(uint64_t x, int depth)
{
	return depth ? descend(x + (uint64_t)depth, depth - 1) ^ 1 : mix(x);
}

int main(int argc, char **argv)
{
	char line[64];
	uint64_t x = 88172645463325252u;

	if (argc > 2 || pin("bench_spin", argv[1]))
		return 2;
	printf("ready %d\n", getpid());
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		unsigned long n = strtoul(line, NULL, 10);
		uint64_t start_ns = now_ns();

		for (unsigned long i = 0; i < n; i++)
			x = descend(x, DEPTH);
		sink = x;
		printf("%lu %llu\n", n, (unsigned long long)(now_ns() - start_ns));
		fflush(stdout);
	}
	return 0;
}
