/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bench_common.h - the clock and the pinning of the benchmark's programs. */
#ifndef BENCH_COMMON_H
#define BENCH_COMMON_H

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Pins to CPU arg, or where it is NULL to the one it runs on; 0, or -1 after a sentence. */
static int pin(const char *name, const char *arg)
{
	cpu_set_t set;
	long cpu = sched_getcpu();

	if (arg) {
		char *end;

		errno = 0;
		cpu = strtol(arg, &end, 10);
		if (errno || *end || end == arg || cpu < 0 || cpu >= CPU_SETSIZE) {
			fprintf(stderr, "%s: '%s' is not a CPU number\n", name, arg);
			return -1;
		}
	}
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set)) {
		fprintf(stderr, "%s: cannot pin to CPU %ld: %s\n", name, cpu,
			strerror(errno));
		return -1;
	}
	return 0;
}

#endif /* BENCH_COMMON_H */
