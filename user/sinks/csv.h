/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef WT_CSV_H
#define WT_CSV_H

#include <stdio.h>

/* One field as RFC 4180 wants it: quoted only where it must be. */
void csv_field(FILE *f, const char *text);
/* 0, or the error that the stream has met. */
int sink_result(FILE *f);

#endif /* WT_CSV_H */
