/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wl_rw.c - what futexes are used for that is no mutex, by turns of TURN_MS each.
 *
 *   wl_rw rwlock     waits for a reader, then a reader for it
 *   wl_rw shared     waits for a semaphore that another process posts
 *   wl_rw join       waits for the end of a thread
 *   wl_rw asleep     a reader waits for the main thread, and that for a mutex whose holder never
 *                    wanted one, until it is killed
 *   wl_rw exec       wants a lock as `before`; is executed again, and has a mutex that another wants
 *
 * Prints how long each waited, in ns.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TURN_MS 400

static pthread_rwlock_t rw = PTHREAD_RWLOCK_INITIALIZER;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int64_t waited;

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void *read_lock(void *arg)
{
	int64_t begun = now();

	pthread_setname_np(pthread_self(), "reader");
	pthread_rwlock_rdlock(&rw);
	waited = now() - begun;
	pthread_rwlock_unlock(&rw);
	return arg;
}

/* Has it for a while, after it has told by the pipe that it does. */
static void *has_read_lock(void *arg)
{
	pthread_setname_np(pthread_self(), "reader");
	pthread_rwlock_rdlock(&rw);
	if (write(*(int *)arg, "", 1) != 1)
		abort();
	usleep(TURN_MS * 1000);
	pthread_rwlock_unlock(&rw);
	return NULL;
}

static void *lock(void *arg)
{
	int64_t begun = now();

	pthread_setname_np(pthread_self(), "wanter");
	pthread_mutex_lock(&mutex);
	waited = now() - begun;
	pthread_mutex_unlock(&mutex);
	return arg;
}

static void *naps(void *arg)
{
	usleep(TURN_MS * 1000);
	return arg;
}

static void *holds(void *arg)
{
	pthread_setname_np(pthread_self(), "holder");
	pthread_mutex_lock(&mutex);
	if (write(*(int *)arg, "", 1) != 1)
		abort();
	pause();
	return NULL;
}

/* A thread that has begun what the pipe tells of. */
static pthread_t begun(void *(*fn)(void *))
{
	static int fds[2];
	pthread_t t;
	char c;

	if (pipe(fds) || pthread_create(&t, NULL, fn, &fds[1]) || read(fds[0], &c, 1) != 1)
		abort();
	return t;
}

static void shared_semaphore(void)
{
	sem_t *sem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int64_t at;

	sem_init(sem, 1, 0);
	if (!fork()) {
		usleep(TURN_MS * 1000);
		sem_post(sem);
		_exit(0);
	}
	at = now();
	sem_wait(sem);
	waited = now() - at;
	wait(NULL);
}

static void exec_again(char **argv)
{
	char *again[] = { argv[0], "after", NULL };
	pthread_t t;

	pthread_setname_np(pthread_self(), "before");
	pthread_mutex_lock(&mutex);
	pthread_create(&t, NULL, lock, NULL);
	usleep(50000);
	pthread_mutex_unlock(&mutex);
	usleep(1000);
	/* now it waits itself: `wanter` is done with, this one has it */
	pthread_join(t, NULL);
	begun(has_read_lock);
	pthread_rwlock_wrlock(&rw);
	execv("/proc/self/exe", again);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	pthread_t t;
	int64_t at;

	pthread_setname_np(pthread_self(), "main");
	if (!strcmp(how, "asleep")) {
		pthread_rwlock_wrlock(&rw);
		pthread_create(&t, NULL, read_lock, NULL);
		begun(holds);
		lock(NULL);
	} else if (!strcmp(how, "rwlock")) {
		begun(has_read_lock);
		at = now();
		pthread_rwlock_wrlock(&rw);
		printf("%lld ", (long long)(now() - at));
		pthread_create(&t, NULL, read_lock, NULL);
		usleep(TURN_MS * 1000);
		pthread_rwlock_unlock(&rw);
		pthread_join(t, NULL);
	} else if (!strcmp(how, "shared")) {
		shared_semaphore();
	} else if (!strcmp(how, "join")) {
		pthread_create(&t, NULL, naps, NULL);
		at = now();
		pthread_join(t, NULL);
		waited = now() - at;
	} else if (!strcmp(how, "exec")) {
		exec_again(argv);
	} else if (!strcmp(how, "after")) {
		pthread_mutex_lock(&mutex);
		pthread_create(&t, NULL, lock, NULL);
		usleep(TURN_MS * 1000);
		pthread_mutex_unlock(&mutex);
		pthread_join(t, NULL);
	}
	printf("%lld\n", (long long)waited);
	return 0;
}
