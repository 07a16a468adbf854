/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wl_phases.c - one function after the other is what is hot, and sleeps in between; the first two
 * come back at the end.  Prints for each function the CPU time and how long it meant to sleep, ns.
 */
#define _GNU_SOURCE
#include "wl.h"

#define PHASES 8
#define PHASE_NS (500 * WL_MS)
#define TURN_NS (50 * WL_MS)
#define NAP_NS (10 * WL_MS)

static int64_t cpu_ns(void)
{
	return wl_clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static volatile unsigned sink;

/* A function of its own for each phase, with its own loop and its own sleep. */
#define HOT(k) \
static WL_NOINLINE int64_t hot_##k(int64_t until) \
{ \
	const struct timespec nap = { 0, NAP_NS }; \
\
	while (cpu_ns() < until) \
		for (unsigned i = 0; i < 20000; i++) \
			sink += i * (k + 3); \
	nanosleep(&nap, NULL); \
	return NAP_NS; \
}
HOT(0) HOT(1) HOT(2) HOT(3) HOT(4) HOT(5) HOT(6) HOT(7)

static int64_t (*const hot[PHASES])(int64_t) = {
	hot_0, hot_1, hot_2, hot_3, hot_4, hot_5, hot_6, hot_7,
};

int main(void)
{
	int64_t cpu[PHASES] = { 0 }, naps[PHASES] = { 0 };

	for (unsigned i = 0; i < PHASES + 2; i++) {
		unsigned k = i % PHASES;
		int64_t start = cpu_ns();

		while (cpu_ns() < start + PHASE_NS)
			naps[k] += hot[k](cpu_ns() + TURN_NS);
		cpu[k] += cpu_ns() - start;
	}
	for (unsigned k = 0; k < PHASES; k++)
		printf("%s\"hot_%u\": [%lld, %lld]", k ? ", " : "{", k, (long long)cpu[k], (long long)naps[k]);
	printf("}\n");
	return 0;
}
