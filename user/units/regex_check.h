/* SPDX-License-Identifier: GPL-2.0-or-later */
/* regex_check.h - finds the repetitions by which a pattern could take exponential time. */
#ifndef WT_REGEX_CHECK_H
#define WT_REGEX_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Looks for a repeated group whose body repeats something that the body's other parts
 * cannot be told from, as in (a+)+ or (\w+\s?)*, and for repeated alternatives that
 * overlap, as in (\w|\d)+.  The pattern must be one that PCRE2 compiles.
 *
 * Returns false when there is one; *start and *end: its bytes.  Not every slow pattern
 * is found: matching needs a limit of its own.
 */
bool regex_check(const char *pattern, size_t *start, size_t *end);

#endif /* WT_REGEX_CHECK_H */
