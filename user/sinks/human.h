/* SPDX-License-Identifier: GPL-2.0-or-later */
/* human.h - figures for people: three digits and a unit. */
#ifndef WT_HUMAN_H
#define WT_HUMAN_H

#include <linux/types.h>
#include <stddef.h>
#include <stdio.h>

/* "12.3 s", "4.56 ms", "789 ns", "2 m 05 s", "3 h 04 m"; returns buf. */
char *human_ns(char *buf, size_t sz, __u64 ns);
/* "12.3 %", "<0.1 %", "0 %" or "-" when the whole is nothing; returns buf. */
char *human_share(char *buf, size_t sz, __u64 part, __u64 whole);
/* "950", "12.3 k", "4.56 M"; returns buf. */
char *human_count(char *buf, size_t sz, __u64 n);
/* "950 B", "12.3 KiB", "4.56 MiB"; returns buf. */
char *human_bytes(char *buf, size_t sz, __u64 n);
/* Columns that a UTF-8 text takes (no wide characters are expected). */
unsigned human_width(const char *text);
/* Right-aligned in width columns. */
void human_cell(FILE *f, const char *text, unsigned width);
/* Left-aligned, cut to width columns with "…" when it is longer. */
void human_label(FILE *f, const char *text, unsigned width);

#endif /* WT_HUMAN_H */
