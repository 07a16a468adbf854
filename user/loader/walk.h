/* SPDX-License-Identifier: GPL-2.0-or-later */
/* walk.h - reads what a BPF iterator writes, record by record. */
#ifndef WT_WALK_H
#define WT_WALK_H

#include <stddef.h>

/*
 * Runs the iterator behind a link once.  fn (may be NULL) gets each record of size
 * bytes (at most 4096), and ends the walk by returning other than 0, which is
 * returned.  what: "the kernel's tasks", for the sentence that is printed on failure.
 */
typedef int (*walk_fn)(void *arg, void *rec);
int walk__run(int link_fd, size_t size, const char *what, walk_fn fn, void *arg);

#endif /* WT_WALK_H */
