/* SPDX-License-Identifier: GPL-2.0-or-later */
/* log.h - messages to the operator: one sentence each, on standard error. */
#ifndef WT_LOG_H
#define WT_LOG_H

#include <stdarg.h>
#include <stdbool.h>

/* More messages (debug) on standard error, libbpf's among them. */
extern bool wt_verbose;

/*
 * Prints "worktrace: <sentence>[: strerror]" once and returns err, so that an
 * error path reads `err = wt_error(-errno, "cannot open %s", path); goto out;`.
 * err: a negative errno, whose text is appended; -1000 and below are codes
 * without a text of their own (see WT_ESAID).
 */
int wt_error(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* An error whose sentence says all: no errno text is appended. */
#define WT_ESAID (-1000)
/* Like WT_ESAID, but the command line is at fault: exit status 2. */
#define WT_EUSAGE (-1001)

/* A warning: the work goes on. */
void wt_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Information for a person at a terminal; silent with --quiet. */
void wt_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void wt_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
extern bool wt_quiet;

#endif /* WT_LOG_H */
