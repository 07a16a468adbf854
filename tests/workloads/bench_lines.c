/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench_lines: how much work (ROUNDS) a line may have for 50,000 lines a second: {"rounds": n}.
 * bench_lines SECONDS ROUNDS FILE: works, writes a line of 80 bytes of its progress to the end of the
 * file, and so on; {"lines": n, "cpu_ns": of a line, "wall_ns": of a line}.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define LINE_NS 20000
#define LINE 80

static long long clock_of(clockid_t which)
{
	struct timespec t;

	clock_gettime(which, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void work(long rounds)
{
	unsigned long x = 88172645463325252UL;

	for (long i = 0; i < rounds; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		__asm__ volatile("" : "+r"(x));
	}
}

static int say(int fd, long long i)
{
	char line[LINE + 1];

	memset(line, '.', LINE);
	line[snprintf(line, sizeof(line), "[PERF] %lld/100000000 (0.1%%) Avg: 0.018 s ", i)] = '.';
	line[LINE - 1] = '\n';
	return write(fd, line, LINE) == LINE ? 0 : -1;
}

/* What n lines take with so much work each, ns of CPU a line. */
static double lines(int fd, long n, long rounds)
{
	long long start = clock_of(CLOCK_THREAD_CPUTIME_ID);

	for (long i = 0; i < n; i++) {
		work(rounds);
		if (say(fd, i))
			exit(1);
	}
	return (double)(clock_of(CLOCK_THREAD_CPUTIME_ID) - start) / n;
}

static int calibrate(void)
{
	FILE *f = tmpfile();
	double bare, more;

	if (!f)
		return 1;
	bare = lines(fileno(f), 20000, 0);
	more = lines(fileno(f), 20000, 2000);
	printf("{\"rounds\": %ld}\n", (long)((LINE_NS - bare) / ((more - bare) / 2000)));
	return 0;
}

int main(int argc, char **argv)
{
	long long end, start, cpu, n = 0;
	long rounds;
	int fd;

	if (argc < 4)
		return calibrate();
	rounds = atol(argv[2]);
	fd = open(argv[3], O_WRONLY | O_CREAT | O_APPEND | O_TRUNC, 0600);
	if (fd < 0)
		return 1;
	start = clock_of(CLOCK_MONOTONIC);
	cpu = clock_of(CLOCK_THREAD_CPUTIME_ID);
	for (end = start + atof(argv[1]) * 1e9; clock_of(CLOCK_MONOTONIC) < end; n++) {
		work(rounds);
		if (say(fd, n + 1))
			return 1;
	}
	printf("{\"lines\": %lld, \"cpu_ns\": %.1f, \"wall_ns\": %.1f}\n", n,
	       (double)(clock_of(CLOCK_THREAD_CPUTIME_ID) - cpu) / n,
	       (double)(clock_of(CLOCK_MONOTONIC) - start) / n);
	return 0;
}
