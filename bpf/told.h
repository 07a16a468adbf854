/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * told.h - part of worktrace.h: tasks of Celery, by the frame of the function that
 * runs them.
 *
 * A call of a Python function takes a reference to its code object, its return gives
 * it back.  So a hardware watchpoint on that counter fires at each call and each
 * return of this one function, and at nothing else.
 */
#ifndef WT_TOLD_H
#define WT_TOLD_H

/* What such a counter belongs to: a value of `told_codes`, by its address. */
struct wt_told_code {
	__u64 tss;		/* as in struct wt_py */
	__u64 code_type;
	struct wt_py_layout l;
	__u16 f_locals;		/* frame: its arguments */
	__u8 inner;		/* the function that runs a task; else one that calls it */
	__u8 zero;
};
_Static_assert(sizeof(struct wt_told_code) == 72, "wt_told_code is on the wire");
#define WT_MAX_TOLD_CODES 1024

#define WT_TOLD_NAME 128	/* bytes of a task's name, and … */
#define WT_TOLD_ID 64		/* … of its id; both are cut */
#define WT_TOLD_LABEL 256

#endif /* WT_TOLD_H */
