/* SPDX-License-Identifier: GPL-2.0-or-later */
/* thread.h - threads beside the main one, to which all signals go. */
#ifndef WT_THREAD_H
#define WT_THREAD_H

#include <pthread.h>

/* pthread_create() of a thread that no signal reaches; 0 or a positive errno. */
int thread__start(pthread_t *out, void *(*fn)(void *), void *arg);

/*
 * From now on the calling thread, and those that it starts, go before what is traced, unless
 * worktrace was started with a priority of its own; thread__relaxed() takes that back for
 * the calling thread.  Without the right to it, it stays as it is.
 */
void thread__eager(void);
void thread__relaxed(void);

#endif /* WT_THREAD_H */
