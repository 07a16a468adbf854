/* SPDX-License-Identifier: GPL-2.0-or-later */
/* python_lines.h - the line that an instruction of a code object belongs to. */
#ifndef WT_PYTHON_LINES_H
#define WT_PYTHON_LINES_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

/*
 * The line of the instruction at byte offset lasti of the bytecode of a CPython of
 * that minor version; 0: the table does not reach that far (it is cut, or damaged)
 * or the instruction belongs to no line and none before it does.  table: n bytes of
 * co_lnotab (up to 3.9) or co_linetable, cut: not all of them; firstlineno: where it
 * begins.
 */
unsigned python_line(unsigned minor, const __u8 *table, size_t n, bool cut, unsigned firstlineno,
		     __u32 lasti);

#endif /* WT_PYTHON_LINES_H */
