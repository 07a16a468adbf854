/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * told_codes.h - where a process that imported Celery keeps the reference counts of the
 * code objects of the functions that run its tasks: see bpf/told.h.
 *
 * They are searched for in the process's writable memory, which is read, not stopped.
 */
#ifndef WT_TOLD_CODES_H
#define WT_TOLD_CODES_H

#include <linux/types.h>
#include <sys/types.h>

#include "worktrace.h"

#define TOLD_CODES_MAX 3	/* the inner function, and two that call it */
#define TOLD_WORDS_MAX 4	/* … and what tells a thread's greenlets apart */

struct told_code {
	__u64 address;		/* of the counter, the first field of the object */
	struct wt_told_code code;
};

struct told_finder;

/* 0 or -ENOMEM. */
int told_finder__new(struct told_finder **out);
void told_finder__free(struct told_finder *f);
/*
 * How many were found: 0, Celery is not there (yet), TOLD_CODES_MAX, or one more where there
 * are greenlets: that one is of the process's first thread only; -ENOENT: it is no
 * Python that is supported (yet); another negative errno: it is gone, or cannot be read.
 */
int told_finder__look(struct told_finder *f, pid_t tgid, struct told_code out[TOLD_WORDS_MAX]);

#endif /* WT_TOLD_CODES_H */
