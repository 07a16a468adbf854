/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inlines.h - the functions that the compiler has put into others, from the DWARF
 * of a file or of its debug file, by libdw.
 *
 * DWARF is the one thing here that is read by a library that does not expect
 * enemies: it is asked for on request only (--inlines).
 */
#ifndef WT_INLINES_H
#define WT_INLINES_H

#include <linux/types.h>
#include <stddef.h>

/* The DWARF of one file. */
struct inlines;

/* Innermost first; name is a symbol as the file has it, or a plain name. */
typedef void (*inlines_fn)(void *ctx, const char *name);

/*
 * fd: the file, or its debug file; borrowed as long as the object lives.  NULL:
 * there is no DWARF in it (or more than 256 MiB, or it is split over several files
 * of which one is not there under its build id), or no memory.
 */
struct inlines *inlines__open(int fd);
void inlines__close(struct inlines *in);
/* Calls fn for each function that is inlined at that address of the file. */
void inlines__at(struct inlines *in, __u64 vaddr, inlines_fn fn, void *ctx);

#endif /* WT_INLINES_H */
