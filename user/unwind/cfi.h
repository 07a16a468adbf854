/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cfi.h - compiles the call frame information of one ELF file (.eh_frame, and
 * .debug_frame for what that leaves out) into the rows that the kernel side
 * walks by: see unwind.h.  The files belong to whoever is traced: read, never
 * mapped, and never trusted with memory or time.
 */
#ifndef WT_CFI_H
#define WT_CFI_H

#include <linux/types.h>
#include <stddef.h>

#include "worktrace.h"

/* What one file may cost; 0 in a field: the default. */
struct cfi_limits {
	__u32 rows;		/* 4 Mi */
	__u32 fdes;		/* 512 Ki; libLLVM has 95,000.  About 160 bytes each while compiling */
	__u32 section;		/* bytes of one section, 64 MiB */
	__u32 program;		/* bytes of one function's instructions, 256 KiB */
	__u64 cpu_ns;		/* of the calling thread, 5 s */
	const int *cancel;	/* not 0 there: give up, -ECANCELED; set by any thread */
};

struct cfi_table {
	/* sorted by offset in the file; .rule is an index into rules */
	struct wt_row *rows;
	__u32 n_rows;
	__u32 n_rules;		/* distinct ones; rule 0 is WT_CFA_NONE */
	struct wt_rule *rules;
	__u32 flags;		/* WT_OBJ_FP or 0 */
	__u32 fdes;		/* that became rows */
	__u32 bad_rows;		/* rows whose rule is WT_CFA_BAD */
	__u32 bad_fdes;		/* FDEs that were not acceptable; those with a known place have BAD rows */
	__u64 code;		/* bytes that are mapped executable */
	__u64 covered;		/* of them, bytes with a rule */
	size_t bytes;		/* of rows and rules */
	__u64 cpu_ns;		/* what compiling took */
};

/*
 * The table of that file.  fd is borrowed, and its file offset is not moved.
 * limits: NULL for the defaults.  *out is the caller's, for cfi__free().
 *
 * Returns 0 (with no rows for a file without call frame information, and for
 * one of another machine or of 32 bits), -ENOEXEC: not an ELF file, -E2BIG: a
 * limit on size, -ETIME: the limit on CPU time, -ECANCELED, -ENOMEM, -EIO: libdw refused.
 */
int cfi__compile(int fd, const struct cfi_limits *limits, struct cfi_table **out);
/* The same for an image in memory (the vdso), borrowed. */
int cfi__compile_image(const void *image, size_t size, const struct cfi_limits *limits,
		       struct cfi_table **out);
/* NULL is fine. */
void cfi__free(struct cfi_table *t);

/* The rule at that offset, as the kernel side looks it up; for tests and reports. */
const struct wt_rule *cfi__lookup(const struct cfi_table *t, __u64 off);

#endif /* WT_CFI_H */
