/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wl.h - what the workloads share: clocks, a thread's own books, small talk.
 *
 * A workload knows where its time went without any tracer: wall time from
 * CLOCK_MONOTONIC, CPU time from CLOCK_THREAD_CPUTIME_ID, run-queue wait from
 * schedstat.  What remains of the wall time is the wait.  All times are ns.
 */
#ifndef WL_H
#define WL_H

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define WL_MS 1000000LL
#define WL_NOINLINE __attribute__((noinline, noclone))

struct wl_clock {
	int64_t wall_ns;
	int64_t cpu_ns;
	int64_t runq_ns;		/* the kernel's run_delay: throttled time included */
};

static inline void wl_die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static inline int64_t wl_clock_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static inline int64_t wl_now(void)
{
	return wl_clock_ns(CLOCK_MONOTONIC);
}

static inline int64_t wl_runq(void)
{
	char b[128];
	char *space;
	ssize_t n;
	int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return 0;
	n = read(fd, b, sizeof(b) - 1);
	close(fd);
	b[n > 0 ? n : 0] = 0;
	space = strchr(b, ' ');
	return space ? strtoll(space + 1, NULL, 10) : 0;
}

/* All three at one instant: read again if a wait for the CPU came between. */
static inline struct wl_clock wl_read(void)
{
	struct wl_clock c;

	do {
		c.runq_ns = wl_runq();
		c.cpu_ns = wl_clock_ns(CLOCK_THREAD_CPUTIME_ID);
		c.wall_ns = wl_now();
	} while (wl_runq() != c.runq_ns);
	return c;
}

static inline void wl_sleep(int64_t ns)
{
	struct timespec t = { ns / 1000000000LL, ns % 1000000000LL };

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t) == EINTR)
		;
}

static volatile uint64_t wl_sink;

/* Computes for so much CPU time of the calling thread. */
WL_NOINLINE __attribute__((unused)) static void wl_burn(int64_t ns)
{
	int64_t end = wl_clock_ns(CLOCK_THREAD_CPUTIME_ID) + ns;

	do {
		uint64_t x = wl_sink;

		for (int i = 0; i < 20000; i++)
			x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		wl_sink = x;
	} while (wl_clock_ns(CLOCK_THREAD_CPUTIME_ID) < end);
}

static inline void wl_pin(int cpu)
{
	cpu_set_t s;

	CPU_ZERO(&s);
	CPU_SET(cpu, &s);
	if (sched_setaffinity(0, sizeof(s), &s))
		wl_die("sched_setaffinity");
}

/* The last CPU that this process may use. */
static inline int wl_last_cpu(void)
{
	cpu_set_t s;
	int last = 0;

	if (sched_getaffinity(0, sizeof(s), &s))
		wl_die("sched_getaffinity");
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &s))
			last = i;
	return last;
}

static inline void wl_futex_wait(atomic_int *word, int value)
{
	syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

static inline void wl_futex_wake(atomic_int *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

/* A helper process: named, and gone when its parent is. */
static inline pid_t wl_fork(const char *name)
{
	pid_t pid = fork();

	if (pid < 0)
		wl_die("fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, name);
	}
	return pid;
}

#endif /* WL_H */
