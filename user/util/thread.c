/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/thread.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int thread__start(pthread_t *out, void *(*fn)(void *), void *arg)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(out, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return err;
}

#define EAGER (-10)

/* Linux has a priority for each thread. */
void thread__eager(void)
{
	pid_t tid = syscall(SYS_gettid);

	if (!getpriority(PRIO_PROCESS, tid))
		setpriority(PRIO_PROCESS, tid, EAGER);
}

void thread__relaxed(void)
{
	pid_t tid = syscall(SYS_gettid);

	if (getpriority(PRIO_PROCESS, tid) == EAGER)
		setpriority(PRIO_PROCESS, tid, 0);
}
