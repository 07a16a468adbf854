/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pyloop.bpf.h - the innermost native frame of CPython's evaluation loop, while it is being
 * entered or left: is what its frames say of their callers true (yet)?  Part of python.bpf.c.
 */
#ifndef WT_PYLOOP_BPF_H
#define WT_PYLOOP_BPF_H

#include "pycode.bpf.h"

/* Is that value in one of the registers that can hold a variable of the loop's prologue? */
static __always_inline bool wt_in_register(__u64 v)
{
#if defined(__TARGET_ARCH_x86)
	struct pt_regs *r = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());

	return v == r->si || v == r->bx || v == r->bp || v == r->r12 || v == r->r13 ||
	       v == r->r14 || v == r->r15;
#else
	return true;
#endif
}

/*
 * The order in which the loop links what it enters is the compiler's, so for some
 * instructions a frame or C frame is there that does not name the next one yet, but
 * whatever lay there before.  It calls nobody meanwhile: it is the innermost native
 * frame then, and what it is going to link is in its registers or in that frame.
 */

/* Its prologue, in which a C frame is linked first and filled later. */
#define PROLOGUE 256		/* bytes; the longest one seen takes 190 */

static __always_inline bool wt_py_has_cframe(struct wt_py_walk *y)
{
	return y->py.l.cf_prev != 0xffff && (!y->cfa || (y->cframe >= y->sp && y->cframe < y->cfa));
}

static __always_inline bool wt_py_in_prologue(struct wt_py_walk *y, __u64 frame)
{
	__u32 at = WT_FRAME_OFFSET(frame) - y->py.range[0].start;

	return y->first && y->leaf && at < PROLOGUE && wt_py_has_cframe(y);
}

/* Does the run that was read have an end: the entry frame, the shim? */
static __always_inline bool wt_py_ended(struct wt_py_walk *y)
{
	return !y->bad && (y->py.l.style == WT_PY_SHIMS ? y->shim >= y->sp : y->cframe != y->run_cframe);
}

/* … and is that the end of this native frame's, where the C frame before it goes on? */
static __always_inline bool wt_py_linked(struct wt_scratch *s)
{
	struct wt_py_walk *y = &s->py;

	if (s->walk.n >= WT_MAX_FRAMES)
		return true;
	if (!y->cfa || !wt_py_ended(y))
		return false;
	if (y->py.l.cf_prev == 0xffff)
		return true;
	if (y->py.l.style == WT_PY_SHIMS && y->shim >= y->cfa)
		return false;
	return wt_user_word(wt_user_word(y->run_cframe + y->py.l.cf_prev) + y->py.l.cf_frame) == y->frame;
}

/* Back to n frames; the next one is that. */
static __always_inline void wt_py_back(struct wt_scratch *s, __u32 n, __u64 hash, __u64 frame)
{
	struct wt_py_walk *y = &s->py;

	s->walk.n = n;
	s->walk.hash = hash;
	y->frame = frame;
	y->cframe = y->run_cframe;
	y->shim = 0;
	y->bad = 0;
	y->mark_n = y->run_n;
	y->mark_hash = y->run_hash;
	y->mark_frame = y->run_frame;
}

/*
 * What the C frame names does not count, not even the one before: the next loop's is to be
 * found by its place, the same in each native frame of the loop.
 */
static __always_inline void wt_py_unlinked(struct wt_scratch *s)
{
	struct wt_py_walk *y = &s->py;

	wt_py_back(s, y->run_n, y->run_hash, 0);
	y->depth = y->cfa ? y->cfa - y->run_cframe : 0;
	y->cframe = 0;
}

static __always_inline void wt_py_find_cframe(struct wt_py_walk *y)
{
	y->cframe = y->cfa - y->depth;
	y->depth = 0;
	y->frame = wt_user_word(y->cframe + y->py.l.cf_frame);
}

/*
 * The innermost frame does not name its caller (yet, or any more), or what it names may be
 * another's that was called from there before: then it has not begun.  The caller is in a
 * register or in the loop's native frame, and it is the one from which the most frames
 * lead to the end that the run must have.
 */
#define PY_REGS 15		/* those of struct pt_regs that can hold a pointer come first */

/* Has the frame that was emitted as number n executed anything, if there is one? */
static __always_inline bool wt_py_has_begun(struct wt_scratch *s, __u32 n)
{
	return n >= s->walk.n || WT_FRAME_LASTI(s->ip[n & WT_MAX_FRAMES]) != WT_PY_NOWHERE;
}

/* The words in which a caller is looked for; false: there is no frame to look for one. */
static __always_inline bool wt_py_words(struct wt_scratch *s)
{
	struct wt_py_walk *y = &s->py;
	void *regs = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());

	if (!y->py.l.ts_top || bpf_probe_read_user(y->gone, sizeof(y->gone),
						   (void *)(y->ts + y->py.l.ts_top * 8)))
		y->gone[0] = y->gone[1] = 0;
	return s->walk.n > y->run_n && !bpf_probe_read_kernel(y->word, PY_REGS * 8, regs) &&
	       !bpf_probe_read_user(y->word + PY_REGS, (WT_PY_WORDS - PY_REGS) * 8, (void *)y->sp);
}

/* That word as the innermost frame's caller, from WT_PY_WORDS on what it names itself. */
static __always_inline void wt_py_as_caller(struct wt_scratch *s, __u32 i)
{
	struct wt_py_walk *y = &s->py;
	__u64 v;

	if (i >= WT_PY_WORDS) {
		wt_py_back(s, y->run_n, y->run_hash, y->run_frame);
		return;
	}
	v = y->word[i & (WT_PY_WORDS - 1)];
	if (v == y->run_frame || (v & 7) || v < 1 << 16 || v >> 47 ||
	    (v >= y->gone[0] && v < y->gone[1]))
		v = 0;
	wt_py_back(s, y->run_n + 1, wt_hash_add(y->run_hash, s->ip[y->run_n & WT_MAX_FRAMES]), v);
}

/*
 * Can the second frame have called the first?  It has begun then, and is elsewhere: a
 * generator's frame is a copy of the one that made it.
 */
static __always_inline bool wt_py_can_call(struct wt_scratch *s)
{
	__u32 n = s->py.run_n;

	return n + 1 >= s->walk.n || (wt_py_has_begun(s, n + 1) && s->ip[(n + 1) & WT_MAX_FRAMES] != s->ip[n & WT_MAX_FRAMES]);
}

/* A run has been read: 1, the run is this one; 0, another is to be read. */
static __always_inline long wt_py_judge(struct wt_scratch *s)
{
	struct wt_py_walk *y = &s->py;
	bool linked = wt_py_linked(s);
	__u32 i = y->tried;

	if (!i && ((linked && wt_py_has_begun(s, y->run_n)) || !wt_py_words(s)))
		return 1;
	if (i > WT_PY_WORDS)
		return 1;
	if (linked && s->walk.n > y->best_n && (!i || wt_py_can_call(s))) {
		y->best_n = s->walk.n;
		y->best = i ? i - 1 : WT_PY_WORDS;
	}
	y->tried = i + 1;
	wt_py_as_caller(s, i < WT_PY_WORDS ? i : y->best);
	return 0;
}

#endif /* WT_PYLOOP_BPF_H */
