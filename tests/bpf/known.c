/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * known.c - a program that knows where its time went, for guests without a C
 * library: link it statically.
 *
 *   known STATE=MS…   spends about MS in each of cpu, sleep, ipc, lock, child,
 *                     net, idle, disk; prints "pid N" and, for each,
 *                     "truth STATE NS": what passed, less the CPU time used
 *   known loop        a little of everything, until it is killed
 *
 * Waits are charged to the leader alone; helpers are children or threads.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))
#define MS 1000000LL

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int64_t now_of(clockid_t c)
{
	struct timespec t;

	clock_gettime(c, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void pause_ns(int64_t ns)
{
	struct timespec t = { ns / 1000000000LL, ns % 1000000000LL };

	while (clock_nanosleep(CLOCK_MONOTONIC, 0, &t, &t))
		;
}

/* A child of ours that sleeps, writes a byte to fd (if any) and ends. */
static pid_t sleeper(int64_t ns, int fd)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		prctl(PR_SET_NAME, "known-child");
		pause_ns(ns);
		if (fd >= 0 && write(fd, "x", 1) != 1)
			_exit(1);
		_exit(0);
	}
	return pid;
}

NOINLINE static void spend_cpu(int64_t ns)
{
	int64_t end = now_of(CLOCK_THREAD_CPUTIME_ID) + ns;
	volatile uint64_t x = 1;

	while (now_of(CLOCK_THREAD_CPUTIME_ID) < end)
		for (int i = 0; i < 10000; i++)
			x = x * 6364136223846793005ULL + 1;
}

NOINLINE static void spend_sleep(int64_t ns)
{
	pause_ns(ns);
}

NOINLINE static void spend_child(int64_t ns)
{
	if (waitpid(sleeper(ns, -1), NULL, 0) < 0)
		die("waitpid");
}

NOINLINE static void spend_ipc(int64_t ns)
{
	int fd[2];
	pid_t pid;
	char c;

	if (pipe(fd))
		die("pipe");
	pid = sleeper(ns, fd[1]);
	if (read(fd[0], &c, 1) != 1)
		die("read");
	close(fd[0]);
	close(fd[1]);
	waitpid(pid, NULL, 0);
}

NOINLINE static void spend_net(int64_t ns)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t len = sizeof(a);
	int l = socket(AF_INET, SOCK_STREAM, 0), to = socket(AF_INET, SOCK_STREAM, 0), from;
	pid_t pid;
	char c;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (bind(l, (void *)&a, sizeof(a)) || listen(l, 1) || getsockname(l, (void *)&a, &len) ||
	    connect(to, (void *)&a, sizeof(a)))
		die("loopback");
	from = accept(l, NULL, NULL);
	pid = sleeper(ns, from);
	if (recv(to, &c, 1, 0) != 1)
		die("recv");
	close(l);
	close(to);
	close(from);
	waitpid(pid, NULL, 0);
}

NOINLINE static void spend_idle(int64_t ns)
{
	struct epoll_event e = { .events = EPOLLIN };
	int ep = epoll_create1(0), fd[2];

	if (ep < 0 || pipe(fd) || epoll_ctl(ep, EPOLL_CTL_ADD, fd[0], &e))
		die("epoll");
	/* a set with a descriptor in it: waiting for work, not asleep */
	epoll_wait(ep, &e, 1, ns / MS);
	close(ep);
	close(fd[0]);
	close(fd[1]);
}

static atomic_int word;

static void *waker(void *arg)
{
	pause_ns(*(int64_t *)arg);
	atomic_store(&word, 1);
	syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	return NULL;
}

NOINLINE static void spend_lock(int64_t ns)
{
	pthread_t t;

	atomic_store(&word, 0);
	if (pthread_create(&t, NULL, waker, &ns))
		die("thread");
	while (atomic_load(&word) == 0)
		syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
	pthread_join(t, NULL);
}

NOINLINE static void spend_disk(int64_t ns)
{
	int64_t end = now_of(CLOCK_MONOTONIC) + ns;
	char path[] = "known.XXXXXX";
	int fd = mkostemp(path, O_DIRECT);
	void *block;

	if (fd < 0 || posix_memalign(&block, 4096, 65536))
		die(path);
	unlink(path);
	memset(block, 7, 65536);
	for (int n = 0; now_of(CLOCK_MONOTONIC) < end; n++)
		if (pwrite(fd, block, 65536, n % 16 * 65536LL) != 65536 || fsync(fd))
			die("write");
	free(block);
	close(fd);
}

static const struct {
	const char *name;
	void (*spend)(int64_t ns);
} states[] = {
	{ "cpu", spend_cpu }, { "sleep", spend_sleep }, { "ipc", spend_ipc },
	{ "lock", spend_lock }, { "child", spend_child }, { "net", spend_net },
	{ "idle", spend_idle }, { "disk", spend_disk },
};
#define N_STATES (sizeof(states) / sizeof(states[0]))

NOINLINE static void spend(const char *arg)
{
	const char *eq = strchr(arg, '=');
	int64_t wall, cpu;

	for (size_t i = 0; eq && i < N_STATES; i++) {
		if (strlen(states[i].name) != (size_t)(eq - arg) ||
		    strncmp(states[i].name, arg, eq - arg))
			continue;
		wall = now_of(CLOCK_MONOTONIC);
		cpu = now_of(CLOCK_THREAD_CPUTIME_ID);
		states[i].spend(atoi(eq + 1) * MS);
		cpu = now_of(CLOCK_THREAD_CPUTIME_ID) - cpu;
		wall = now_of(CLOCK_MONOTONIC) - wall;
		printf("truth %s %lld\n", states[i].name, (long long)(i ? wall - cpu : cpu));
		return;
	}
	fprintf(stderr, "known: %s is not STATE=MS\n", arg);
	exit(2);
}

int main(int argc, char **argv)
{
	printf("pid %d\n", getpid());
	if (argc == 2 && !strcmp(argv[1], "loop"))
		for (;;)
			for (size_t i = 0; i + 1 < N_STATES; i++)
				states[i].spend(10 * MS);
	for (int i = 1; i < argc; i++)
		spend(argv[i]);
	printf("truth total_cpu %lld\n", (long long)now_of(CLOCK_THREAD_CPUTIME_ID));
	return 0;
}
