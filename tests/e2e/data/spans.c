/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * spans PHASE…: calls functions whose number and time it knows, by its own clock, and
 * prints both as JSON: {"phase": {"count": n, "ns": t, …}, …}.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))

static long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static long long cpu(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

NOINLINE void nap(long us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	while (nanosleep(&t, &t) && errno == EINTR)
		;
}

NOINLINE void burn(long us)
{
	long long end = now() + us * 1000;

	while (now() < end)
		;
}

/* The time between the first and the last of what these do: the rest of a call is a few ns. */
static __thread long long spent;

NOINLINE int mixed(int n)
{
	long long t = now();

	burn(1000);
	if (n % 2)
		nap(1000);
	spent += now() - t;
	return n + 1;
}

NOINLINE int recursive(int depth)
{
	int n = 1;

	if (depth)
		n += recursive(depth - 1);
	else
		nap(1000);
	burn(20);
	return n;
}

static jmp_buf out;

NOINLINE int jumps(int n)
{
	burn(200);
	if (n % 2)
		longjmp(out, 1);
	return n;
}

NOINLINE void *leaves(void *arg)
{
	nap(2000);
	pthread_exit(arg);
	return arg;
}

NOINLINE int quick(int n)
{
	__asm__ volatile("" : "+r"(n));
	return n + 1;
}

NOINLINE int inner(int n)
{
	nap(1000);
	return n + 1;
}

NOINLINE int outer(int n)
{
	burn(500);
	n += inner(n);
	burn(500);
	return n;
}

/* It ends with a jump to inner(): the span is over when that returns. */
NOINLINE int tail(int n)
{
	burn(100);
	return inner(n + 1);
}

static int (*volatile through)(int) = quick;

/* It ends with a jump through a pointer, which nobody can follow. */
NOINLINE int indirect(int n)
{
	n += inner(n);
	return through(n);
}

NOINLINE int handler_work(int n)
{
	burn(100);
	return n;
}

static void on_signal(int sig)
{
	handler_work(sig);
}

NOINLINE int interrupted(int n)
{
	raise(SIGUSR1);
	burn(100);
	return n;
}

NOINLINE int forks(int n)
{
	pid_t pid = fork();

	if (!pid)
	{
		nap(1000);
		_exit(quick(n) == 0);
	}
	waitpid(pid, NULL, 0);
	return n;
}

NOINLINE void execs(char **argv)
{
	nap(1000);
	execv("/bin/true", argv);
}

NOINLINE void begins(int n)
{
	__asm__ volatile("" : : "r"(n));
}

NOINLINE void ends(int n)
{
	__asm__ volatile("" : : "r"(n), "i"(1));
}

#define LEVEL(k, next) NOINLINE int level##k(int n) { int r = next(n) + 1; __asm__ volatile("" : "+r"(r)); return r; }
LEVEL(9, quick)
LEVEL(8, level9)
LEVEL(7, level8)
LEVEL(6, level7)
LEVEL(5, level6)
LEVEL(4, level5)
LEVEL(3, level4)
LEVEL(2, level3)
LEVEL(1, level2)
LEVEL(0, level1)

static volatile int sink;

static int run(const char *phase, char **argv)
{
	long long t = now();
	int n = 0;

	spent = 0;
	if (!strcmp(phase, "mixed")) {
		for (n = 0; n < 200; n++)
			sink += mixed(n);
		t = now() - spent;
	} else if (!strcmp(phase, "recursive")) {
		for (n = 0; n < 50; n++)
			sink += recursive(5);
	} else if (!strcmp(phase, "jumps")) {
		static volatile int i;

		for (i = 0; i < 100; i++)
			if (!setjmp(out))
				sink += jumps(i);
		n = 100;
	} else if (!strcmp(phase, "leaves")) {
		for (n = 0; n < 5; n++) {
			pthread_t p;

			if (pthread_create(&p, NULL, leaves, NULL))
				return -1;
			pthread_join(p, NULL);
		}
	} else if (!strcmp(phase, "hot")) {
		/* ns: the CPU time of those hundreds of calls that took more than 1 µs each */
		for (n = 0; now() - t < 1500000000LL; n++) {
			long long c = cpu();

			for (int i = 0; i < 100; i++)
				sink += quick(i);
			c = cpu() - c;
			spent += c > 100000 ? c : 0;
		}
		n *= 100;
		t = now() - spent;
	} else if (!strcmp(phase, "steady")) {
		/* 10,000 a second */
		for (n = 0; n < 20000; n++) {
			sink += quick(n);
			while (now() < t + (n + 1) * 100000LL)
				;
		}
	} else if (!strcmp(phase, "nested")) {
		for (n = 0; n < 50; n++)
			sink += outer(n);
	} else if (!strcmp(phase, "tail")) {
		for (n = 0; n < 50; n++)
			sink += tail(n);
	} else if (!strcmp(phase, "indirect")) {
		for (n = 0; n < 50; n++) {
			long long s = now();

			sink += indirect(n);
			spent += now() - s;
		}
		t = now() - spent;
	} else if (!strcmp(phase, "altstack")) {
		stack_t ss = { .ss_sp = malloc(65536), .ss_size = 65536 };
		struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_ONSTACK };

		sigaltstack(&ss, NULL);
		sigaction(SIGUSR1, &sa, NULL);
		for (n = 0; n < 50; n++)
			sink += interrupted(n);
	} else if (!strcmp(phase, "forks")) {
		for (n = 0; n < 10; n++)
			sink += forks(n);
	} else if (!strcmp(phase, "wait")) {
		while (access("go", F_OK))
			nap(10000);
	} else if (!strcmp(phase, "points")) {
		for (n = 0; n < 50; n++) {
			long long s = now();

			begins(n);
			nap(1000);
			ends(n);
			spent += now() - s;
		}
		t = now() - spent;
	} else if (!strcmp(phase, "levels")) {
		for (n = 0; n < 10; n++)
			sink += level0(n);
	} else if (!strcmp(phase, "names")) {
		char name[16];

		for (n = 0; n < 5; n++) {
			snprintf(name, sizeof(name), "asset-%d", n);
			prctl(PR_SET_NAME, name);
			nap(5000);
		}
		prctl(PR_SET_NAME, "idle");
	} else if (!strcmp(phase, "open")) {
		nap(100000);
		inner(1);
		nap(3000000);
	} else if (!strcmp(phase, "exec")) {
		printf("\"exec\": {\"count\": 1, \"ns\": 0}}\n");
		fflush(stdout);
		execs(argv);
	} else {
		return -1;
	}
	printf("\"%s\": {\"count\": %d, \"ns\": %lld}, ", phase, n, now() - t);
	return 0;
}

int main(int argc, char **argv)
{
	printf("{");
	for (int i = 1; i < argc; i++)
		if (run(argv[i], argv))
			return 2;
	printf("\"pid\": %d}\n", getpid());
	return 0;
}
