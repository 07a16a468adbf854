/* SPDX-License-Identifier: GPL-2.0-or-later */
/* text.h - names that came from the kernel or a program, made fit to print. */
#ifndef WT_TEXT_H
#define WT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Copies at most n bytes of src (less if a NUL comes first) to dst, always
 * terminated, cut at a character's boundary when sz is short.  Control
 * characters become ' ' (tab, newline, CR) or '?', bytes that are not UTF-8
 * '?'.  frame: ';' becomes ':', as in a folded stack.  Returns dst.
 */
char *text__clean(char *dst, size_t sz, const char *src, size_t n, bool frame);
/* Whether text__clean() would change it. */
bool text__is_clean(const char *s, bool frame);

#endif /* WT_TEXT_H */
