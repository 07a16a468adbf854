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

#endif /* WT_GOSYMS_H */
