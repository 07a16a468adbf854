/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * process.h - how the stacks of one process will be unwound and named: for each
 * file and each kind of memory that it has mapped executable, asked of the same
 * parts that a recording uses.
 */
#ifndef WT_DOCTOR_PROCESS_H
#define WT_DOCTOR_PROCESS_H

#include <linux/types.h>
#include <stdbool.h>

/* What frames in a binary are unwound by. */
enum doctor_unwind {
	UNWIND_TABLES = 0,	/* call frame information */
	UNWIND_FP = 1,		/* frame pointers */
	UNWIND_SCAN = 2,	/* a checked search of the stack: guessed */
	UNWIND_HOTSPOT = 3,	/* the VM's own code blobs */
	UNWIND_NONE = 4,
};

/* What gives them names. */
enum doctor_names {
	NAMES_SYMTAB = 0,
	NAMES_DEBUG_FILE = 1,
	NAMES_MINIDEBUG = 2,
	NAMES_GO = 3,
	NAMES_DYNSYM = 4,	/* exported functions only */
	NAMES_STARTS = 5,	/* none: grouped by where functions start */
	NAMES_PERF_MAP = 6,
	NAMES_HOTSPOT = 7,
	NAMES_NONE = 8,
};

struct doctor_binary {
	char *path;		/* as mapped; "[anon]" for memory, "[vdso]" */
	__u64 bytes;		/* mapped executable */
	unsigned mappings;
	enum doctor_unwind unwind;
	__u64 uncovered;	/* bytes of its code that tables leave out */
	bool fp;		/* code without tables keeps frame pointers */
	char python[128];	/* an interpreter: its version or why it is not supported */
	int python_ok;		/* 1: its frames are walked, -1: not, 0: no interpreter */
	enum doctor_names names;
	unsigned named;		/* functions with a name, or lines of a perf map */
	unsigned unnamed;	/* functions that unwind tables know and no symbol names */
	char build_id[41];	/* in hexadecimal, "" : none */
	char lacking[256];	/* what is lost, "" : nothing */
	char remedy[256];	/* what to do about it */
};

struct doctor_process {
	__u32 tgid;
	char comm[32];
	char *exe;
	const char *runtime;	/* what makes code in it, or NULL */
	struct doctor_binary *binary;
	unsigned n;
};

/* Fills out, for doctor_process__clear(), also on failure.  0 or a negative errno, printed. */
int doctor_process__look(struct doctor_process *out, __u32 tgid);
void doctor_process__clear(struct doctor_process *p);

/* report.c: to standard output.  0, or 1 when memory ran out (said). */
void doctor_report__text(const struct doctor_process *p);
int doctor_report__json(const struct doctor_process *p);

#endif /* WT_DOCTOR_PROCESS_H */
