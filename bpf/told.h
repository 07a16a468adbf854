/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * told.h - part of worktrace.h: tasks of Celery, by the frame of the function that
 * runs them.
 *
 * A call of a Python function takes a reference to its code object, its return gives
 * it back.  So a hardware watchpoint on that counter fires at each call and each
 * return of this one function, and at nothing else.  In the same way the greenlets of a
 * thread are told apart: each has its own memory for frames, and the thread's state says
 * which it is and where it ends.
 */
#ifndef WT_TOLD_H
#define WT_TOLD_H

enum wt_told_what {
	WT_TOLD_CALLER = 0,	/* the counter of a function that calls … */
	WT_TOLD_TASK = 1,	/* … the one that runs a task */
	WT_TOLD_STACK = 2,	/* PyThreadState.datastack_limit */
};

/* What is watched: a value of `told_codes`, by its address. */
struct wt_told_code {
	__u64 tss;		/* as in struct wt_py */
	__u64 code_type;
	struct wt_py_layout l;
	__u16 f_locals;		/* frame: its arguments */
	__u8 what;		/* enum wt_told_what */
	__u8 zero;
	__u32 ts_limit;		/* offset of datastack_limit; 0: there are no greenlets, or they are not told apart */
	__u32 zero2;
};
_Static_assert(sizeof(struct wt_told_code) == 80, "wt_told_code is on the wire");
#define WT_MAX_TOLD_CODES 1024

#define WT_TOLD_NAME 128	/* bytes of a task's name, and … */
#define WT_TOLD_ID 64		/* … of its id; both are cut */
#define WT_TOLD_LABEL 256

#endif /* WT_TOLD_H */
