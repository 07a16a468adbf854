// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wl_pingpong - two threads pinned to one CPU hand a byte to and fro through
 * pipes: as many context switches a second as the machine can do.
 *
 *     wl_pingpong [SECONDS]
 *
 * Prints the rounds, the kernel's count of switches of both threads, their CPU
 * time and run-queue wait.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sys/resource.h>

#include "wl.h"

static int ping[2], pong[2];
static struct wl_clock from[2], to[2];
static long switches[2];

static void book(int who, int end)
{
	struct rusage r;

	(end ? to : from)[who] = wl_read();
	getrusage(RUSAGE_THREAD, &r);
	if (end)
		switches[who] = r.ru_nvcsw + r.ru_nivcsw - switches[who];
	else
		switches[who] = r.ru_nvcsw + r.ru_nivcsw;
}

static void *echo(void *arg)
{
	char c;

	(void)arg;
	pthread_setname_np(pthread_self(), "wl-pong");
	book(1, 0);
	while (read(ping[0], &c, 1) == 1 && write(pong[1], &c, 1) == 1)
		;
	book(1, 1);
	return NULL;
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 1;
	pthread_t thread;
	int64_t end;
	long rounds = 0;
	char c = 'x';

	wl_pin(wl_last_cpu());
	if (pipe(ping) || pipe(pong))
		wl_die("pipe");
	if (pthread_create(&thread, NULL, echo, NULL))
		wl_die("thread");
	book(0, 0);
	end = wl_now() + seconds * 1e9;
	do {
		for (int i = 0; i < 100; i++, rounds++)
			if (write(ping[1], &c, 1) != 1 || read(pong[0], &c, 1) != 1)
				wl_die("pipe");
	} while (wl_now() < end);
	book(0, 1);
	close(ping[1]);
	pthread_join(thread, NULL);
	printf("{\"program\": \"wl_pingpong\", \"pid\": %d, \"rounds\": %ld, \"switches\": %ld, "
	       "\"wall_ns\": %lld, \"cpu_ns\": %lld, \"runq_ns\": %lld}\n", getpid(), rounds,
	       switches[0] + switches[1], (long long)(to[0].wall_ns - from[0].wall_ns),
	       (long long)(to[0].cpu_ns - from[0].cpu_ns + to[1].cpu_ns - from[1].cpu_ns),
	       (long long)(to[0].runq_ns - from[0].runq_ns + to[1].runq_ns - from[1].runq_ns));
	return 0;
}
