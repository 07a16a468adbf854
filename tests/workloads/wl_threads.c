// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wl_threads - many threads at once, all alive at the same time.
 *
 *     wl_threads [COUNT [BURN_US [HOLD_MS]]]
 *
 * Each computes for BURN_US, waits until all have (a futex), then sleeps for
 * HOLD_MS.  Prints how many there were and their CPU time.
 */
#define _GNU_SOURCE
#include <pthread.h>

#include "wl.h"

static atomic_int arrived, gate;
static atomic_llong cpu_ns;
static int64_t burn_ns = 200000, hold_ns = 100 * WL_MS;

static void *work(void *arg)
{
	(void)arg;
	wl_burn(burn_ns);
	atomic_fetch_add(&arrived, 1);
	while (!atomic_load(&gate))
		wl_futex_wait(&gate, 0);
	wl_sleep(hold_ns);
	atomic_fetch_add(&cpu_ns, wl_clock_ns(CLOCK_THREAD_CPUTIME_ID));
	return NULL;
}

int main(int argc, char **argv)
{
	int count = argc > 1 ? atoi(argv[1]) : 2000;
	pthread_t *threads = calloc(count, sizeof(*threads));
	pthread_attr_t attr;

	if (argc > 2)
		burn_ns = atoll(argv[2]) * 1000;
	if (argc > 3)
		hold_ns = atoll(argv[3]) * WL_MS;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	for (int i = 0; i < count; i++) {
		errno = pthread_create(&threads[i], &attr, work, NULL);
		if (errno)
			wl_die("pthread_create");
	}
	while (atomic_load(&arrived) < count)
		wl_sleep(WL_MS);
	atomic_store(&gate, 1);
	wl_futex_wake(&gate);
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
	printf("{\"program\": \"wl_threads\", \"pid\": %d, \"threads\": %d, \"cpu_ns\": %lld, "
	       "\"process_cpu_ns\": %lld}\n", getpid(), count + 1, (long long)cpu_ns,
	       (long long)wl_clock_ns(CLOCK_PROCESS_CPUTIME_ID));
	free(threads);
	return 0;
}
