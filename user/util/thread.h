/* SPDX-License-Identifier: GPL-2.0-or-later */
/* thread.h - threads beside the main one, to which all signals go. */
#ifndef WT_THREAD_H
#define WT_THREAD_H

#include <pthread.h>

/* pthread_create() of a thread that no signal reaches; 0 or a positive errno. */
int thread__start(pthread_t *out, void *(*fn)(void *), void *arg);

#endif /* WT_THREAD_H */
