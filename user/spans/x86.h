/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * x86.h - how long an x86-64 instruction is, and whether it leaves its function.
 * No more than that: where a probe may stand, and where functions end.
 */
#ifndef WT_X86_H
#define WT_X86_H

#include <linux/types.h>
#include <stddef.h>

enum x86_kind {
	X86_OTHER = 0,
	X86_RET = 1,		/* near ret, with or without bytes to pop */
	X86_JUMP = 2,		/* jmp to a place that the instruction names */
	X86_BRANCH = 3,		/* the same on a condition */
	X86_JUMP_REG = 4,	/* jmp to what a register holds */
	X86_JUMP_TABLE = 5,	/* … an element of an array in memory: base, index and scale */
	X86_JUMP_MEM = 6,	/* … any other word of memory */
	X86_CALL = 7,
	X86_LOAD_INDEXED = 8,	/* movslq from an array: the first half of a jump by a table of offsets */
	X86_ADD_REG = 9,	/* add of two registers: its second half */
};

struct x86_insn {
	unsigned len;
	enum x86_kind kind;
	__s64 rel;		/* of JUMP, BRANCH and CALL by number: from the instruction's end */
	unsigned notrack: 1;	/* … a jump that control-flow protection is told not to check: by a table */
};

/* Decodes what starts at code, of which n bytes are there.  0, or -1: no instruction known to us. */
int x86__decode(const __u8 *code, size_t n, struct x86_insn *out);

#endif /* WT_X86_H */
