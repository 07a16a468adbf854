/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/thread.h"

#include <signal.h>

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
