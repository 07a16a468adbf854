// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wl_step COMMAND [ARGUMENT...] - runs a command and stops it at every instruction
 * between the two SIGSTOPs that it sends itself: each is a wait with the stack of
 * just that instruction.  Prints how many there were.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_STEPS 2000000	/* a program that never sends its second SIGSTOP */

static void die(const char *what)
{
	fprintf(stderr, "wl_step: %s: %s\n", what, strerror(errno));
	exit(1);
}

int main(int argc, char **argv)
{
	enum __ptrace_request how = PTRACE_CONT;
	unsigned long steps = 0, stops = 0;
	int status, sig;
	cpu_set_t one;
	pid_t pid;

	if (argc < 2) {
		fprintf(stderr, "usage: wl_step COMMAND [ARGUMENT...]\n");
		return 2;
	}
	/* on one CPU, or it might be told to go on before it has been switched out */
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		die("sched_setaffinity");
	pid = fork();
	if (pid < 0)
		die("fork");
	if (!pid) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
			die("ptrace");
		execvp(argv[1], argv + 1);
		die(argv[1]);
	}
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		sig = WSTOPSIG(status);
		if (sig == SIGSTOP)
			how = stops++ ? PTRACE_CONT : PTRACE_SINGLESTEP;
		if (sig == SIGTRAP && how == PTRACE_SINGLESTEP && ++steps > MAX_STEPS) {
			kill(pid, SIGKILL);
			fprintf(stderr, "wl_step: no second SIGSTOP after %d steps\n", MAX_STEPS);
			return 1;
		}
		if (sig == SIGSTOP || sig == SIGTRAP)
			sig = 0;
		if (ptrace(how, pid, NULL, (void *)(long)sig) && errno != ESRCH)
			die("ptrace");
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status) || stops != 2) {
		fprintf(stderr, "wl_step: the command ended with status %#x and %lu stops\n", status, stops);
		return 1;
	}
	printf("{\"steps\": %lu}\n", steps);
	return 0;
}
