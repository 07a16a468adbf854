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
#include "walk.bpf.h"
#include "pystate.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WT_MAX_PY_PROCS);
	__type(key, __u32);
	__type(value, struct wt_py);
} py_procs SEC(".maps");

/* Numbers of code objects; one that is evicted gets another number. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, WT_MAX_PY_CODES);
	__type(key, struct wt_py_key);
	__type(value, __u64);
} py_code SEC(".maps");

volatile __u64 run_py_codes = 0;	/* last number given out */

/* The masks hold the verifier: user space writes offsets that fit. */
static __always_inline __u64 f_word(struct wt_py_walk *y, __u32 off)
{
	return *(__u64 *)((char *)y->f + (off & 0x78));
}

static __always_inline __s32 f_int(struct wt_py_walk *y, __u32 off)
{
	return *(__s32 *)((char *)y->f + (off & 0x7c));
}

static __always_inline __u8 f_byte(struct wt_py_walk *y, __u32 off)
{
	return *((__u8 *)y->f + (off & 0x7f));
}

static __always_inline __u64 c_word(struct wt_py_walk *y, __u32 off)
{
	return *(__u64 *)((char *)y->c + (off & 0xf8));
}

static __always_inline __u32 c_int(struct wt_py_walk *y, __u32 off)
{
	return *(__u32 *)((char *)y->c + (off & 0xfc));
}

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
	y->loops[0] = 0;
	y->loops[1] = 0;
	y->cframe = 0;
	y->depth = 0;
	y->frame = wt_user_word(ts + y->py.l.ts_frame);
	if (y->py.l.cf_frame != 0xffff && y->frame) {
		y->cframe = y->frame;
		y->frame = wt_user_word(y->cframe + y->py.l.cf_frame);
	}
}

/* The n bytes at the end (tail) or the start of a str; their number and what a character takes. */
static __always_inline void wt_py_str(struct wt_py_walk *y, __u64 at, char *to, __u16 *len,
				      __u8 *kind, bool tail, __u8 cut)
{
	__u32 state, width, bytes, skip = 0;
	__u64 n;

	*kind = 0;
	*len = 0;
	/* PyASCIIObject: length at 16, state at 32 (kind: bits 2-4, compact: 5, ascii: 6) */
	if (bpf_probe_read_user(y->str, sizeof(y->str), (void *)at))
		return;
	state = y->str[4];
	width = state >> 2 & 7;
	if (!(state & 32) || (width != 1 && width != 2 && width != 4) || y->str[2] > 1 << 16)
		return;
	bytes = (__u32)y->str[2] * width;
	n = bytes;
	if (bytes > 252) {
		n = 252;
		y->ev.cut |= cut;
		if (tail)
			skip = bytes - 252;
	}
	at += (state & 64 ? y->py.l.s_ascii : y->py.l.s_other) + skip;
	n = MASKED(n, 255);
	if (bpf_probe_read_user(to, n, (void *)at))
		return;
	*len = n;
	*kind = width;
}

/* Tells user space what the code object in y->c is called. */
int wt_py_send(struct wt_scratch *s, __u64 number)
{
	struct wt_py_walk *y;
	struct wt_ev_pycode *e;
	__u64 table, size = 0, n;

	if (!s)
		return -1;
	y = &s->py;
	e = &y->ev;
	e->h.type = WT_EV_PYCODE;
	e->h.zero = 0;
	e->h.ts_ns = bpf_ktime_get_ns();
	e->code = number;
	e->tgid = s->walk.tgid;
	e->firstlineno = c_int(y, y->py.l.c_firstlineno);
	e->major = y->py.l.major;
	e->minor = y->py.l.minor;
	e->cut = 0;
	e->zero = 0;
	wt_py_str(y, c_word(y, y->py.l.c_name), e->name, &e->name_len, &e->name_kind, false,
		  WT_PY_CUT_NAME);
	wt_py_str(y, c_word(y, y->py.l.c_filename), e->file, &e->file_len, &e->file_kind, true,
		  WT_PY_CUT_FILE);
	/* PyBytesObject: size at 16, bytes at 32 */
	table = c_word(y, y->py.l.c_table);
	size = wt_user_word(table + 16);
	e->table_at = table + 32;
	e->table_size = size < 1 << 30 ? size : 0;
	n = e->table_size;
	if (n > WT_PY_TABLE - 1)
		n = WT_PY_TABLE - 1;
	n = MASKED(n, WT_PY_TABLE - 1);
	if (bpf_probe_read_user(e->table, n, (void *)e->table_at))
		n = 0;
	e->table_len = n;
	size = __builtin_offsetof(struct wt_ev_pycode, table) + n;
	if (bpf_ringbuf_output(&ring, e, MASKED(size, 4095), BPF_RB_NO_WAKEUP)) {
		wt_lost(WT_LOSS_PYCODE);
		return -1;
	}
	return 0;
}

/*
 * Is the code in y->c the interpreter's own?  From 3.12 on a call of a class puts a frame between
 * the caller and __init__, which throws away what __init__ returns (_Py_InitCleanup).  Nothing
 * marks it but its code, a constant: one interned string for all of its names and that
 * for its file's, and line 0, at which no source begins.
 */
static __always_inline bool wt_py_internal(struct wt_py_walk *y)
{
	struct wt_py_layout *l = &y->py.l;

	return l->style == WT_PY_SHIMS && !c_int(y, l->c_firstlineno) &&
	       c_word(y, l->c_name) == c_word(y, l->c_filename);
}

/* The number of that code object, 0: it is none. */
static __always_inline __u64 wt_py_number(struct wt_scratch *s, __u64 code)
{
	struct wt_py_walk *y = &s->py;
	struct wt_py_layout *l = &y->py.l;
	struct wt_py_key key;	/* 6.1 takes no key from an argument's memory, only from the stack */
	__u64 *known, n, h;

	if (bpf_probe_read_user(y->c, l->c_size & 255, (void *)code))
		return 0;
	if (y->c[1] != y->py.code_type)		/* ob_type */
		return 0;
	if (wt_py_internal(y)) {
		y->hidden = 1;
		return WT_PY_HIDDEN;
	}
	h = wt_hash_add(0x70, (__u64)c_int(y, l->c_argcount) << 32 | c_int(y, l->c_flags));
	h = wt_hash_add(h, c_int(y, l->c_firstlineno));
	h = wt_hash_add(h, c_word(y, l->c_name));
	h = wt_hash_add(h, c_word(y, l->c_filename));
	h = wt_hash_add(h, c_word(y, l->c_table));
	key.image = s->walk.image;
	key.address = code;
	key.check = h;
	known = bpf_map_lookup_elem(&py_code, &key);
	if (known)
		return *known;
	n = __sync_fetch_and_add(&run_py_codes, 1) + 1;
	if (!wt_py_send(s, n))
		bpf_map_update_elem(&py_code, &key, &n, BPF_ANY);
	return n;
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
	return n >= s->walk.n || WT_FRAME_LASTI(s->ip[n & 127]) != WT_PY_NOWHERE;
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
	wt_py_back(s, y->run_n + 1, wt_hash_add(y->run_hash, s->ip[y->run_n & 127]), v);
}

/*
 * Can the second frame have called the first?  It has begun then, and is elsewhere: a
 * generator's frame is a copy of the one that made it.
 */
static __always_inline bool wt_py_can_call(struct wt_scratch *s)
{
	__u32 n = s->py.run_n;

	return n + 1 >= s->walk.n || (wt_py_has_begun(s, n + 1) && s->ip[(n + 1) & 127] != s->ip[n & 127]);
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
	y->loops[n >> 6 & 1] |= 1ULL << (n & 63);
	if (w->n == n) {
		y->missing++;
		wt_emit(s, frame);
	}
	return 0;
}

static long wt_py_move(__u32 i, struct wt_scratch **p)
{
	struct wt_scratch *s = *p;
	__u64 *ip = &s->ip[i & 127], carry = s->py.carry;

	if (i >= s->walk.n)
		return 1;
	if (s->py.loops[i >> 6 & 1] >> (i & 63) & 1) {
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
	__u64 frame = s->ip[i & 127];

	if (i >= s->py.kept)
		return 1;
	if (WT_FRAME_TAG(frame) != WT_FRAME_PY || WT_FRAME_CODE(frame) != WT_PY_HIDDEN)
		wt_emit(s, frame);
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
	bpf_loop(WT_MAX_FRAMES, wt_py_keep, &s, 0);
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

/* The innermost frame of a thread state that has a code object, whose code is in y->c; 0: none. */
static __always_inline __u64 wt_py_top(struct wt_py_walk *y, __u64 ts)
{
	struct wt_py_layout *l = &y->py.l;
	__u64 frame = wt_user_word(ts + l->ts_frame), code;

	if (l->cf_frame != 0xffff && frame)
		frame = wt_user_word(frame + l->cf_frame);
	/* a shim and a frame of the interpreter's own may lie before it */
	for (__u32 i = 0; i < 3; i++) {
		if (!frame || bpf_probe_read_user(y->f, l->f_size & 127, (void *)frame))
			return 0;
		if (l->style != WT_PY_SHIMS || f_byte(y, l->f_owner) < l->shim) {
			code = f_word(y, l->f_code) & ~(__u64)l->tag;
			if (bpf_probe_read_user(y->c, l->c_size & 255, (void *)code) ||
			    y->c[1] != y->py.code_type)
				return 0;
			if (!wt_py_internal(y))
				return frame;
		}
		frame = f_word(y, l->f_prev);
	}
	return 0;
}

/*
 * What the holder of the GIL is at: the name of its innermost Python function.  It
 * runs while we read: a name counts if its frame still has the same code afterwards.
 */
static __always_inline void wt_py_holder(struct wt_scratch *s, __u64 holder)
{
	struct wt_reason *r = &s->reason.reason;
	struct wt_py_walk *y = &s->py;
	struct wt_py_layout *l = &y->py.l;
	__u64 frame = wt_py_top(y, holder), thread;
	__u32 tid = 0;

	if (frame) {
		wt_py_str(y, c_word(y, l->c_name), y->ev.name, &y->ev.name_len, &y->ev.name_kind,
			  false, 0);
		if (y->ev.name_kind == 1 && wt_user_word(frame + l->f_code) == f_word(y, l->f_code)) {
			__u32 len = y->ev.name_len;

			__builtin_memset(r->name, 0, WT_NAME_LEN);
			if (len < WT_NAME_LEN)
				bpf_probe_read_kernel(r->name, len & 63, y->ev.name);
			return;
		}
	}
	/* struct pthread has the thread's id at 0x2d0 (glibc, x86-64) */
	thread = l->ts_native != 0xffff ? holder + l->ts_native :
		 wt_user_word(holder + l->ts_thread) + 0x2d0;
	if (!bpf_probe_read_user(&tid, sizeof(tid), (void *)thread))
		r->n = tid;
}

int wt_python_gil(struct wt_scratch *s, __u32 tgid)
{
	__u32 id = tgid, locked = 0;
	struct wt_reason *r;
	__u64 ts, gil, off;
	struct wt_py *p;

	if (!s)
		return -1;
	p = bpf_map_lookup_elem(&py_procs, &id);
	if (!p)
		return -1;
	gil = p->gil;
	ts = wt_py_state(p->tss);
	if (!gil && ts)
		gil = wt_user_word(wt_user_word(ts + p->l.ts_interp) + p->l.i_gil);
	off = s->call.arg[0] - gil;
	if (!gil || off < WT_PY_GIL_COND || off >= WT_PY_GIL_SIZE)
		return -1;
	s->py.py = *p;
	s->py.begun = 0;
	r = &s->reason.reason;
	__builtin_memset(r, 0, sizeof(*r));
	r->state = WT_LOCK;
	r->kind = WT_K_GIL;
	off = wt_user_word(gil + WT_PY_GIL_HOLDER);
	if (off && off != ts && !bpf_probe_read_user(&locked, sizeof(locked),
						     (void *)(gil + WT_PY_GIL_LOCKED)) && locked)
		wt_py_holder(s, off);
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
