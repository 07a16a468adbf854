// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * python.bpf.c - a thread's Python frames, in place of the native frames of
 * CPython's evaluation loop.
 *
 * The loop's native frame stands for one Python frame or, from 3.11 on, for a run
 * of them that call each other without another native frame.  From 3.11 on
 * something of each run lies in the native frame itself: its C frame (3.11), or
 * the frame that ends the run (the "shim", 3.12).  So each run is matched with
 * its native frame by address, and a loop that has no run yet or any more
 * (it is being entered or left) stays a native frame.
 *
 * What is read belongs to the thread that runs: its frames cannot change while it
 * is in here.  But the chain may just be half-linked, and whatever the process
 * does not want us to see we shall not see: a frame counts only if its code is an
 * object of the type that code objects have.
 */
#include "pyloop.bpf.h"

/* The thread's innermost Python frame, once for each walk. */
static __always_inline void wt_py_begin(struct wt_scratch *s)
{
	struct wt_py_walk *y = &s->py;
	__u32 tgid = s->walk.tgid;
	struct wt_py *p = bpf_map_lookup_elem(&py_procs, &tgid);
	__u64 ts;

	y->begun = WT_PY_NONE;
	if (!p)
		return;
	y->py = *p;
	ts = wt_py_state(p->tss);
	if (!ts)
		return;
	y->begun = WT_PY_BEGUN;
	y->ts = ts;
	y->bad = 0;
	y->torn = 0;
	y->leaf = 0;
	y->first = 1;
	y->missing = 0;
	y->hidden = 0;
	__builtin_memset(y->loops, 0, sizeof(y->loops));
	__builtin_memset(y->ends, 0, sizeof(y->ends));
	y->loop = 0;
	y->cframe = 0;
	y->depth = 0;
	y->frame = wt_user_word(ts + y->py.l.ts_frame);
	if (y->py.l.cf_frame != 0xffff && y->frame) {
		y->cframe = y->frame;
		y->frame = wt_user_word(y->cframe + y->py.l.cf_frame);
	}
}

/* The frame in y->f goes into s; −1: it is no frame. */
static __always_inline int wt_py_emit(struct wt_scratch *s)
{
	struct wt_py_walk *y = &s->py;
	struct wt_py_layout *l = &y->py.l;
	__u64 code = f_word(y, l->f_code) & ~(__u64)l->tag, n, at;

	n = wt_py_number(s, code);
	if (!n)
		return -1;
	if (l->has_pointer)
		at = f_word(y, l->f_instr) - code - l->c_bytecode;
	else
		at = (__s64)f_int(y, l->f_instr) << (l->lasti_shift & 3);
	if (at >= WT_PY_NOWHERE)	/* or negative: it has not begun */
		at = WT_PY_NOWHERE;
	wt_emit(s, WT_FRAME_MAKE(WT_FRAME_PY) | (n & 0xfffffffffULL) << 24 | at);
	return 0;
}

static __always_inline void wt_py_mark(struct wt_scratch *s)
{
	s->py.mark_n = s->walk.n;
	s->py.mark_hash = s->walk.hash;
	s->py.mark_frame = s->py.frame;
}

static __always_inline void wt_py_take_back(struct wt_scratch *s)
{
	s->walk.n = s->py.mark_n;
	s->walk.hash = s->py.mark_hash;
	s->py.frame = s->py.mark_frame;
}

/* The run that goes with a C frame is over: on to the next C frame. */
static __always_inline void wt_py_next_cframe(struct wt_py_walk *y)
{
	if (y->py.l.cf_prev != 0xffff && y->cframe)
		y->cframe = wt_user_word(y->cframe + y->py.l.cf_prev);
}

/* Frame n - 1 is the outermost of its native frame. */
static __always_inline void wt_py_ends(__u64 *ends, __u32 n)
{
	__u32 i = n - 1;

	if (n)
		ends[i >> 6 & 3] |= 1ULL << (i & 63);
}

/* One Python frame; 1: the last of its native frame. */
static __always_inline long wt_py_frame(struct wt_scratch *s)
{
	struct wt_py_walk *y = &s->py;
	struct wt_py_layout *l = &y->py.l;
	__u64 frame = y->frame;
	__u8 owner;

	if (!frame || s->walk.n >= WT_MAX_FRAMES)
		return 1;
	if (bpf_probe_read_user(y->f, l->f_size & 127, (void *)frame)) {
		y->bad = 1;
		return 1;
	}
	y->frame = f_word(y, l->f_prev);
	owner = l->style == WT_PY_OBJECTS ? 1 : f_byte(y, l->f_owner);
	/* a frame within the loop's native frame is its shim, though it may not say so yet */
	if (l->style == WT_PY_SHIMS && (owner >= l->shim || (frame >= y->sp && frame < y->cfa))) {
		y->shim = frame;
		wt_py_ends(y->ends, s->walk.n);
		if (frame >= y->sp)
			return 1;
		wt_py_mark(s);
		return 0;
	}
	if (wt_py_emit(s)) {
		y->bad = 1;
		return 1;
	}
	if (l->style == WT_PY_SHIMS || !owner)
		return 0;
	wt_py_ends(y->ends, s->walk.n);
	wt_py_next_cframe(y);
	/* a run whose C frame lies below the native frame at hand is not its */
	if (y->sp == ~0ULL || (l->style == WT_PY_ENTRIES && y->cframe && y->cframe < y->sp)) {
		wt_py_mark(s);
		return 0;
	}
	return 1;
}

static long wt_py_step(__u32 turn, struct wt_scratch **p)
{
	struct wt_scratch *s = *p;

	if (!wt_py_frame(s))
		return 0;
	return s->py.check ? wt_py_judge(s) : 1;
}

static __always_inline void wt_py_inconsistent(struct wt_scratch *s)
{
	s->py.frame = 0;
	s->py.torn = 1;
	wt_end_walk(&s->walk, WT_END_RUNTIME);
}

int wt_python_at(struct wt_scratch *s, __u64 frame)
{
	struct wt_py_walk *y;
	__u64 off = WT_FRAME_OFFSET(frame);

	if (!s)
		return 0;
	y = &s->py;
	if (!y->begun)
		wt_py_begin(s);
	if (y->begun != WT_PY_BEGUN || WT_FRAME_OBJECT(frame) != y->py.object)
		return 0;
	if ((off >= y->py.range[0].start && off < y->py.range[0].end) ||
	    (off >= y->py.range[1].start && off < y->py.range[1].end) ||
	    (off >= y->py.range[2].start && off < y->py.range[2].end) ||
	    (off >= y->py.range[3].start && off < y->py.range[3].end)) {
		if (y->first)
			y->leaf = !s->walk.caller;
		return 1;
	}
	return 0;
}

/* Python frames of that native frame into s; false: it has none, though there are more. */
static __always_inline bool wt_py_run(struct wt_scratch *s)
{
	struct wt_py_walk *y = &s->py;
	struct wt_walk *w = &s->walk;

	wt_py_mark(s);
	y->shim = 0;
	if (y->py.l.style == WT_PY_ENTRIES && !w->over && y->frame && y->cframe >= w->sp)
		return false;
	bpf_loop(WT_MAX_FRAMES * 4, wt_py_step, &s, 0);
	if (y->check && !wt_py_ended(y) && w->n < WT_MAX_FRAMES)
		y->bad = 1;
	if (!w->over && y->shim >= w->sp) {
		wt_py_take_back(s);
		return false;
	}
	return true;
}

/* A native frame of the loop is at hand: where it lies, and what its run begins with. */
static __always_inline void wt_py_arrive(struct wt_scratch *s, __u64 sp)
{
	struct wt_py_walk *y = &s->py;
	struct wt_walk *w = &s->walk;

	y->sp = w->over ? ~0ULL : sp;
	y->cfa = w->over ? 0 : w->sp;
	if (y->depth && y->cfa)
		wt_py_find_cframe(y);
	y->run_n = w->n;
	y->run_hash = w->hash;
	y->run_frame = y->frame;
	y->run_cframe = y->cframe;
	y->tried = 0;
	y->best = WT_PY_WORDS;
	y->best_n = 0;
}

int wt_python(struct wt_scratch *s, __u64 frame, __u64 sp)
{
	bool matched = true, prologue, half;
	struct wt_py_walk *y;
	struct wt_walk *w;
	__u32 n;

	if (!s)
		return -1;
	w = &s->walk;
	y = &s->py;
	n = w->n;
	w->dirty = 1;
	if (w->over) {
		__builtin_memset(y->ends, 0, sizeof(y->ends));
		y->loop = 1;
	}
	wt_py_arrive(s, sp);
	prologue = wt_py_in_prologue(y, frame);
	half = y->first && y->leaf && y->frame && y->py.l.style != WT_PY_OBJECTS &&
	       (y->py.l.cf_prev == 0xffff || wt_py_has_cframe(y));
	y->check = half && !prologue && y->cfa;
	/* the frame that a C frame is going to name is in a register */
	if (prologue && (!y->cfa || !wt_in_register(y->frame)))
		y->bad = 1;
	else
		matched = wt_py_run(s);
	/* where no table says how far the native frame goes, one run cannot be told from the next */
	if (prologue ? !wt_py_linked(s) : half && y->bad && (!y->cfa || y->py.l.cf_prev != 0xffff))
		wt_py_unlinked(s);
	/* only a loop that is being entered or left has no frame, and it calls nobody then */
	if (y->bad || (!matched && !(y->first && y->leaf)))
		wt_py_inconsistent(s);
	if (y->first)
		y->carry = frame;
	y->first = 0;
	y->loops[n >> 6 & 3] |= 1ULL << (n & 63);
	if (w->n == n) {
		y->missing++;
		wt_emit(s, frame);
	}
	return 0;
}

static long wt_py_move(__u32 i, struct wt_scratch **p)
{
	struct wt_scratch *s = *p;
	__u64 *ip = &s->ip[i & WT_MAX_FRAMES], carry = s->py.carry;

	if (i >= s->walk.n)
		return 1;
	if (s->py.loops[i >> 6 & 3] >> (i & 63) & 1) {
		s->py.carry = *ip;
		*ip = carry;
	}
	s->walk.hash = wt_hash_add(s->walk.hash, *ip);
	return 0;
}

/*
 * Up to 3.10 nothing says which native frame a Python frame goes with, but each has
 * one.  If one Python frame is missing at the end, then the innermost native frame
 * had none (yet, or any more), and all the others go one further out.
 */
static __always_inline void wt_py_move_out(struct wt_scratch *s)
{
	s->walk.hash = WT_WALK_HASH;
	bpf_loop(WT_MAX_FRAMES, wt_py_move, &s, 0);
}

static long wt_py_keep(__u32 i, struct wt_scratch **p)
{
	struct wt_scratch *s = *p;
	__u64 frame = s->ip[i & WT_MAX_FRAMES];

	if (i >= s->py.kept)
		return 1;
	if (WT_FRAME_TAG(frame) != WT_FRAME_PY || WT_FRAME_CODE(frame) != WT_PY_HIDDEN)
		wt_emit(s, frame);
	else if (s->walk.n + 1 < s->walk.head)
		s->walk.head--;
	if (s->py.ends[i >> 6 & 3] >> (i & 63) & 1)
		wt_py_ends(s->py.kept_ends, s->walk.n);
	return 0;
}

/*
 * The walk needs the interpreter's own frames, for they have callers and instructions as
 * others have; nobody wants to see them.  A stack of nothing else is that of the loop itself.
 */
static __always_inline void wt_py_hide(struct wt_scratch *s)
{
	s->py.kept = s->walk.n;
	s->walk.n = 0;
	s->walk.hash = WT_WALK_HASH;
	__builtin_memset(s->py.kept_ends, 0, sizeof(s->py.kept_ends));
	bpf_loop(WT_MAX_FRAMES, wt_py_keep, &s, 0);
	__builtin_memcpy(s->py.ends, s->py.kept_ends, sizeof(s->py.ends));
	if (!s->walk.n)
		wt_emit(s, s->py.carry);
}

/* The native walk is at its root, and Python frames are left that are more than a shim. */
static __always_inline bool wt_py_left(struct wt_py_walk *y)
{
	struct wt_py_layout *l = &y->py.l;

	if (!y->frame)
		return false;
	if (l->style != WT_PY_SHIMS)
		return true;
	return bpf_probe_read_user(y->f, l->f_size & 127, (void *)y->frame) ||
	       f_byte(y, l->f_owner) < l->shim || f_word(y, l->f_prev);
}

static __always_inline int wt_py_end(struct wt_scratch *s)
{
	struct wt_py_walk *y = &s->py;

	if (s->walk.end == WT_END_DEEP)
		return 0;
	if (s->walk.end == WT_END_ROOT) {
		if (y->begun != WT_PY_BEGUN)
			return 0;
		if (y->missing == 1 && y->py.l.style == WT_PY_OBJECTS)
			wt_py_move_out(s);
		if (wt_py_left(y))
			wt_py_inconsistent(s);
		return 0;
	}
	if (!y->begun)
		wt_py_begin(s);
	if (y->begun != WT_PY_BEGUN || !y->frame)
		return 0;
	s->walk.dirty = 1;
	if (!y->loop)
		__builtin_memset(y->ends, 0, sizeof(y->ends));
	y->sp = ~0ULL;
	y->cfa = 0;
	y->check = 0;
	bpf_loop(WT_MAX_FRAMES, wt_py_step, &s, 0);
	if (y->bad)
		wt_py_inconsistent(s);
	return 0;
}

int wt_python_end(struct wt_scratch *s)
{
	if (!s)
		return -1;
	wt_py_end(s);
	/* not before: a scan's candidate that is none tears them, too, and the next one may be it */
	if (s->py.begun == WT_PY_BEGUN && s->py.torn)
		wt_lost(WT_LOSS_PYTHON);
	if (s->py.begun == WT_PY_BEGUN && s->py.hidden)
		wt_py_hide(s);
	return 0;
}

int wt_python_fork(__u32 parent, __u32 child)
{
	__u32 from = parent, to = child;
	struct wt_py *p = bpf_map_lookup_elem(&py_procs, &from);

	if (!p)
		return 0;
	return bpf_map_update_elem(&py_procs, &to, p, BPF_ANY);
}

int wt_python_forget(__u32 tgid)
{
	__u32 id = tgid;

	bpf_map_delete_elem(&py_procs, &id);
	return 0;
}
