/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wl_locks.c - three threads that fight for a mutex, beside four that idle on a condition.
 *
 *   wl_locks normal|pi|robust|stack|musl
 *
 * stack: the mutex lies on the stack of one who wants it.  musl: the four wait as musl's
 * conditions and its pthread_join() do.  Prints, of each fighter, its
 * name and the ns that it was in pthread_mutex_lock().
 */
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FIGHTERS 3
#define IDLERS 4
#define ROUNDS 20

static pthread_mutex_t fought, *mutex = &fought;
static pthread_mutex_t pool_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t pool_cond = PTHREAD_COND_INITIALIZER;
static bool pool_over;
static int64_t waited[FIGHTERS];

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void *idle(void *arg)
{
	pthread_mutex_lock(&pool_mutex);
	while (!pool_over)
		pthread_cond_wait(&pool_cond, &pool_mutex);
	pthread_mutex_unlock(&pool_mutex);
	return arg;
}

/* Until the word is no longer 2, with nothing around it; or behind a pointer to itself. */
static void *idle_musl(void *arg)
{
	struct {
		void *self;
		uint64_t fields[6];
		uint32_t state, other[7];
	} thread = { .self = &thread, .state = 2 };
	struct {
		void *prev, *next;
		uint32_t state, barrier;
		void *notify;
	} waiter = { .barrier = 2 };
	uint32_t *word = arg ? &thread.state : &waiter.barrier;
	struct timespec t = { 0, 50000000 };

	while (!__atomic_load_n(&pool_over, __ATOMIC_RELAXED))
		syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, 2, &t);
	return NULL;
}

static void *fight(void *arg)
{
	int64_t *mine = arg, begun;
	char name[16];

	snprintf(name, sizeof(name), "fighter%d", (int)(mine - waited));
	pthread_setname_np(pthread_self(), name);
	for (int i = 0; i < ROUNDS; i++) {
		begun = now();
		pthread_mutex_lock(mutex);
		*mine += now() - begun;
		usleep(mine == waited ? 10000 : 1000);
		pthread_mutex_unlock(mutex);
		usleep(500);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	pthread_t pool[IDLERS], fighter[FIGHTERS];
	pthread_mutexattr_t attr;
	pthread_mutex_t on_stack;

	pthread_mutexattr_init(&attr);
	if (!strcmp(how, "pi"))
		pthread_mutexattr_setprotocol(&attr, PTHREAD_PRIO_INHERIT);
	if (!strcmp(how, "robust"))
		pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	if (!strcmp(how, "stack"))
		mutex = &on_stack;
	pthread_mutex_init(mutex, &attr);
	for (int i = 0; i < IDLERS; i++)
		pthread_create(&pool[i], NULL, strcmp(how, "musl") ? idle : idle_musl, i % 2 ? &pool : NULL);
	for (int i = 1; i < FIGHTERS; i++)
		pthread_create(&fighter[i], NULL, fight, &waited[i]);
	fight(&waited[0]);
	for (int i = 1; i < FIGHTERS; i++)
		pthread_join(fighter[i], NULL);
	pthread_mutex_lock(&pool_mutex);
	pool_over = true;
	pthread_cond_broadcast(&pool_cond);
	pthread_mutex_unlock(&pool_mutex);
	for (int i = 0; i < IDLERS; i++)
		pthread_join(pool[i], NULL);
	for (int i = 0; i < FIGHTERS; i++)
		printf("fighter%d %lld\n", i, (long long)waited[i]);
	return 0;
}
