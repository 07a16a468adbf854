/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WT_CSV_H
#define WT_CSV_H

#include <linux/types.h>
#include <stdio.h>

/* One field as RFC 4180 wants it: quoted only where it must be. */
void csv_field(FILE *f, const char *text);
/* An instant of CLOCK_MONOTONIC as UTC in ISO 8601; offset: see struct recording. */
void csv_utc(FILE *f, __u64 ns, __s64 offset_ns);
/* The heads of the columns of STATES, a comma before each. */
void csv_states(FILE *f);
/* A signal by its name: "SIGKILL". */
void csv_signal(FILE *f, int sig);
/* An instant of CLOCK_MONOTONIC as ISO 8601; offset: CLOCK_REALTIME − CLOCK_MONOTONIC.  Returns buf. */
char *sink_utc(char *buf, size_t sz, __u64 ns, __s64 offset_ns);
/* 0, or the error that the stream has met. */
int sink_result(FILE *f);

#endif /* WT_CSV_H */
