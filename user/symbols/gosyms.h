/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gosyms.h - single functions of a Go program, by name, stripped or not. */
#ifndef WT_GOSYMS_H
#define WT_GOSYMS_H

#include <libelf.h>
#include <linux/types.h>

struct go_function {
	__u64 addr, size;	/* address as in the file; size 0: not there */
};
/*
 * Looks up n names ("runtime.mcall") in the table that Go's tracebacks use.  Returns 1, or
 * 0 and nothing found when the file is no Go program of a version that is understood.
 */
int gosyms__find(Elf *elf, const char *const *names, unsigned n, struct go_function *out);

/*
 * How far the stack pointer is below where it was when the function was entered, from
 * each address on; Go's tracebacks unwind by that.  Calls fn(ctx, address, bytes) for
 * every change in every function, in order, and fn(ctx, end, -1) at each function's
 * end.  Stops when fn returns other than 0 and returns that; 0 otherwise, also when there is no
 * table.  A damaged one gives less.
 */
int gosyms__stack(Elf *elf, int (*fn)(void *ctx, __u64 addr, __s32 bytes), void *ctx);

#endif /* WT_GOSYMS_H */
