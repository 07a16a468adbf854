/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exits.h - where a function of x86-64 code is left: its ret instructions, those of
 * the pieces and functions that it jumps to, and jumps that cannot be followed.
 *
 * Probes there do what the kernel's return probes do, but leave the return address
 * on the stack as it is: an exception that is thrown through the function finds its
 * way, a stack is whole.
 */
#ifndef WT_EXITS_H
#define WT_EXITS_H

#include <linux/types.h>
#include <stdbool.h>

#define EXITS_MAX 256		/* instructions */
#define EXITS_PIECES 24		/* functions and pieces of functions */

/* The code that is asked about; addresses are those of the file. */
struct exits_code {
	void *ctx;
	/* Bytes from addr on into buf; how many could be read. */
	unsigned (*read)(void *ctx, __u64 addr, __u8 *buf, unsigned n);
	/* The function that addr lies in; false: none is known, or it is a stub that leads elsewhere. */
	bool (*function)(void *ctx, __u64 addr, __u64 *start, __u64 *end);
};

struct exits {
	__u64 ret[EXITS_MAX];	/* addresses of ret instructions */
	unsigned n_ret;
	unsigned own_ret;	/* the first so many are of the function itself */
	__u64 leave[EXITS_MAX];	/* … of jumps to where we cannot follow */
	unsigned n_leave;
	unsigned pieces;	/* beside the function itself */
};

/*
 * 0, or -1: the code of [start, end) cannot be decoded for certain, or leads to more
 * than the above.
 */
int exits__find(const struct exits_code *c, __u64 start, __u64 end, struct exits *out);
/* An instruction of the function [start, end) begins at addr. */
bool exits__is_boundary(const struct exits_code *c, __u64 start, __u64 end, __u64 addr);

#endif /* WT_EXITS_H */
