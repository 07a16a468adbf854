/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * python.bpf.h - what a walk through Python frames keeps, in wt_scratch: for the
 * verifier, as struct wt_walk.
 */
#ifndef WT_PYTHON_BPF_H
#define WT_PYTHON_BPF_H

#define WT_PY_BEGUN 1
#define WT_PY_NONE 2		/* the thread runs no Python */
#define WT_PY_HIDDEN 0xfffffffffULL	/* instead of its number: code that is not to be seen */
#define WT_PY_WORDS 64		/* registers, and words of the loop's native frame */

struct wt_py_walk {
	struct wt_py py;		/* of the process, once begun */
	__u64 frame;			/* the next Python frame, 0: there is none */
	__u64 cframe;			/* the C frame it was found by (3.11, 3.12) */
	__u64 shim;			/* the last shim met */
	__u64 sp;			/* shims and C frames below it have no native frame any more */
	__u64 cfa;			/* the end of the native frame at hand, 0: not known */
	__u64 depth;			/* of a C frame below that, by which the next one is found; 0: it is known */
	/* where the frames of the native frame at hand begin: to take them back */
	__u64 mark_hash, mark_frame;
	__u32 mark_n;
	__u32 run_n;			/* the same, as it was when that frame was met: */
	__u64 run_hash, run_frame, run_cframe;
	__u64 ts;			/* the thread's PyThreadState */
	__u64 gone[2];			/* from … to …: frames that are no more */
	__u64 word[WT_PY_WORDS];	/* where the innermost frame's caller is looked for */
	__u32 best, best_n;		/* the one that led to most frames, and to how many */
	__u32 kept;			/* while the interpreter's own frames are taken out: how many there were */
	__u8 begun;			/* WT_PY_* */
	__u8 bad;			/* something was not what it must be */
	__u8 leaf;			/* the innermost native frame is the evaluation loop's … */
	__u8 first;			/* … and this is it */
	__u8 torn;			/* what is there does not hold together */
	__u8 missing;			/* native frames of the loop that found no Python frame */
	__u8 check;			/* where the run at hand ends must be right */
	__u8 tried;			/* words, of those */
	__u8 hidden;			/* a frame that is the interpreter's own may be among them */
	__u8 loop;			/* the frame that the walk could not leave is the loop's */
	__u8 zero_after[2];
	/* up to 3.10: which frames of the stack stand for a native frame of the loop */
	__u64 loops[4];
	__u64 carry;			/* while they are moved */
	/* where the walk is over: frames that are the outermost of their native frame */
	__u64 ends[4], kept_ends[4];
	__u64 f[16];			/* a frame */
	__u64 c[32];			/* a code object */
	__u64 str[5];			/* a string's head */
	/* as it was where a scan of the stack began */
	__u64 scan_frame, scan_cframe, scan_depth, scan_loops[4];
	__u8 scan_begun, scan_leaf, scan_first, scan_missing;
	__u8 zero[4];
	struct wt_ev_pycode ev;
};

static __always_inline void wt_py_save(struct wt_py_walk *y)
{
	y->scan_frame = y->frame;
	y->scan_cframe = y->cframe;
	y->scan_depth = y->depth;
	y->scan_begun = y->begun;
	y->scan_leaf = y->leaf;
	y->scan_first = y->first;
	y->scan_missing = y->missing;
	__builtin_memcpy(y->scan_loops, y->loops, sizeof(y->loops));
}

static __always_inline void wt_py_restore(struct wt_py_walk *y)
{
	y->frame = y->scan_frame;
	y->cframe = y->scan_cframe;
	y->depth = y->scan_depth;
	y->begun = y->scan_begun;
	y->leaf = y->scan_leaf;
	y->first = y->scan_first;
	y->missing = y->scan_missing;
	__builtin_memcpy(y->loops, y->scan_loops, sizeof(y->loops));
	y->bad = 0;
	y->torn = 0;
}

#endif /* WT_PYTHON_BPF_H */
