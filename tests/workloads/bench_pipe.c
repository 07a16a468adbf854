/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench_pipe - two processes on one CPU pass a byte to and fro through pipes:
 * two context switches per round trip and hardly anything else, so what a
 * tracer adds to a switch is what the round trip grows by.
 *
 *     bench_pipe [CPU]		pinned to CPU (default: the one it starts on)
 *
 * Prints "ready PID PID".  Every line "N" on standard input is answered, after N
 * round trips, with "N NS" (elapsed nanoseconds); end of input ends it.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench_common.h"

/* The other end: gives every byte back until its pipe is closed. */
static int echo(int in, int out)
{
	char byte;

	while (read(in, &byte, 1) == 1)
		if (write(out, &byte, 1) != 1)
			return 1;
	return 0;
}

static int round_trips(int out, int in, unsigned long n)
{
	char byte = 'w';

	for (unsigned long i = 0; i < n; i++)
		if (write(out, &byte, 1) != 1 || read(in, &byte, 1) != 1)
			return -1;
	return 0;
}

static int serve(int out, int in)
{
	char line[64];

	while (fgets(line, sizeof(line), stdin)) {
		unsigned long n = strtoul(line, NULL, 10);
		uint64_t start_ns = now_ns();

		if (round_trips(out, in, n)) {
			fprintf(stderr, "bench_pipe: the other process is gone\n");
			return 1;
		}
		printf("%lu %llu\n", n, (unsigned long long)(now_ns() - start_ns));
		fflush(stdout);
	}
	return 0;
}

int main(int argc, char **argv)
{
	int to[2], from[2], status, rc;
	pid_t child;

	if (argc > 2 || pin("bench_pipe", argv[1]))
		return 2;
	if (pipe(to) || pipe(from)) {
		perror("bench_pipe: pipe");
		return 1;
	}
	signal(SIGPIPE, SIG_IGN);
	child = fork();
	if (child < 0) {
		perror("bench_pipe: fork");
		return 1;
	}
	if (!child) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(to[1]);
		close(from[0]);
		_exit(echo(to[0], from[1]));
	}
	close(to[0]);
	close(from[1]);
	printf("ready %d %d\n", getpid(), child);
	fflush(stdout);
	rc = serve(to[1], from[0]);
	close(to[1]);
	if (waitpid(child, &status, 0) == child && status)
		rc = 1;
	return rc;
}
