// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * walk.bpf.c - one user stack, frame by frame: the mapping an address lies in,
 * the rule that holds there, the caller's registers.
 */
#include "hot.bpf.h"

/*
 * The registers that a frame saved lie beside its return address.  A line is read as fast as a
 * word, most of which is the call; more than one is not, they are out of the CPU's caches.
 */
static __always_inline int wt_read_line(struct wt_walk *w, __u64 at, __u64 *out)
{
	__u64 line = at & ~(__u64)(WT_LINE - 1);

	if (at & 7)
		return bpf_probe_read_user(out, sizeof(*out), (void *)at);
	if (w->line_at != line) {
		w->line_at = WT_NO_LINE;
		if (bpf_probe_read_user(w->line, WT_LINE, (void *)line))
			return -1;
		w->line_at = line;
	}
	*out = w->line[at / 8 % (WT_LINE / 8)];
	return 0;
}

int wt_slot(struct wt_walk *w, __u64 at)
{
	if (!w || wt_read_line(w, at, &w->word))
		return -1;
	wt_note_slot(w, at);
	return 0;
}

/* The caller's frame by frame pointer: for code that keeps them and has no rows. */
static __always_inline int wt_step_fp(struct wt_walk *w)
{
	__u64 fp = w->fp, ra, up;

	if (w->fp_lost || fp < w->sp || fp - w->sp > WT_FP_SPAN || (fp & 7))
		return -1;
	if (wt_read_slot(w, fp, &up) || wt_read_slot(w, fp + 8, &ra))
		return -1;
	w->sp = fp + 16;
	w->fp = up;
	w->ip = ra;
	w->bx_at = WT_BX_LOST;
	w->caller = 1;
	return 0;
}

/* A signal frame holds every register of what was interrupted. */
static __always_inline int wt_step_signal(struct wt_walk *w, __u64 at)
{
	__u64 gregs = at + WT_UC_GREGS, ip, sp, fp;

	if (wt_read_slot(w, gregs + WT_GREG_RIP * 8, &ip) ||
	    wt_read_slot(w, gregs + WT_GREG_RSP * 8, &sp) ||
	    wt_read_slot(w, gregs + WT_GREG_RBP * 8, &fp)) {
		wt_end_walk(w, WT_END_READ);
		return -1;
	}
	w->ip = ip;
	w->sp = sp;
	w->fp = fp;
	w->fp_lost = 0;
	w->bx_at = gregs + WT_GREG_RBX * 8;
	w->caller = 0;
	return 0;
}

/* rbx of the frame at hand: few ask for it, so it is read no sooner. */
static __always_inline int wt_rbx(struct wt_walk *w, __u64 *out)
{
	if (w->bx_at)
		return wt_read_slot(w, w->bx_at, out);
	*out = w->bx0;
	w->dirty = 1;		/* by which a remembered stack is not verified */
	return 0;
}

/* The canonical frame address by that rule; 0 and the walk's end when there is none. */
static __always_inline __u64 wt_cfa(struct wt_walk *w, struct wt_rule *r)
{
	__s64 off = r->cfa_off;
	__u64 v = 0;

	switch (r->cfa) {
	case WT_CFA_SP:
		return w->sp + off;
	case WT_CFA_FP:
		if (!w->fp_lost)
			return w->fp + off;
		break;
	case WT_CFA_PLT:
		return w->sp + 8 + ((w->ip & 15) >= (__u64)off ? 8 : 0);
	case WT_CFA_DEREF_FP:
	case WT_CFA_DEREF_SP:
		if (r->cfa == WT_CFA_DEREF_FP && w->fp_lost)
			break;
		if (wt_read_slot(w, (r->cfa == WT_CFA_DEREF_FP ? w->fp : w->sp) + off, &v)) {
			wt_end_walk(w, WT_END_READ);
			return 0;
		}
		return v + r->cfa_add;
	case WT_CFA_BX:
		if (w->bx_at == WT_BX_LOST)
			break;
		if (wt_rbx(w, &v)) {
			wt_end_walk(w, WT_END_READ);
			return 0;
		}
		return v + off;
	}
	wt_end_walk(w, WT_END_BAD_RULE);
	return 0;
}

static __always_inline void wt_step_cfi(struct wt_walk *w, struct wt_rule *r)
{
	__u64 cfa, ra, fp = w->fp, sp = w->sp;

	if (r->ra == WT_RA_ROOT) {
		wt_end_walk(w, WT_END_ROOT);
		return;
	}
	if (r->cfa == WT_CFA_SIGNAL) {
		wt_step_signal(w, w->sp + r->cfa_off);
		return;
	}
	cfa = wt_cfa(w, r);
	if (w->over)
		return;
	if (cfa <= sp && !(r->cfa == WT_CFA_FP && r->cfa_add)) {
		wt_end_walk(w, WT_END_BACK);
		return;
	}
	if (wt_read_slot(w, cfa - 8, &ra)) {
		wt_end_walk(w, WT_END_READ);
		return;
	}
	if (r->fp == WT_FP_CFA || r->fp == WT_FP_DEREF_FP) {
		if (wt_read_slot(w, (r->fp == WT_FP_CFA ? cfa : w->fp) + r->fp_off, &fp)) {
			wt_end_walk(w, WT_END_READ);
			return;
		}
		w->fp_lost = 0;
	} else if (r->fp == WT_FP_LOST) {
		w->fp_lost = 1;
	}
	if (r->bx_off)
		w->bx_at = r->bx_off == WT_BX_LOST ? WT_BX_LOST : cfa + r->bx_off;
	w->sp = cfa;
	w->fp = fp;
	w->ip = ra;
	w->caller = 1;
	if (!ra)
		wt_end_walk(w, WT_END_ROOT);
}

/*
 * A return address that is a function's first byte, behind no call: nobody called from
 * there, it was put on the stack for that function to come next.  So the restorer of
 * a signal handler is entered, and what follows the function of a makecontext(); but
 * for the former, there the stack begins.  −1: it is not such an address.
 */
static __always_inline int wt_step_planted(struct wt_scratch *s, __u64 frame)
{
	struct wt_walk *w = &s->walk;
	struct wt_rule *r;
	__u32 i;
	int rule;

	rule = wt_find_rule(s, frame + 1);
	i = rule;
	r = rule < 0 ? NULL : bpf_map_lookup_elem(&cfi_rules, &i);
	if (!r || r->cfa == WT_CFA_NONE || wt_after_call(w->ip))
		return -1;
	if (r->cfa == WT_CFA_SIGNAL)
		wt_step_signal(w, w->sp + r->cfa_off);
	else
		wt_end_walk(w, WT_END_ROOT);
	return 0;
}

/* By that rule, of an object with those flags, from a frame that is in s already to its caller. */
static __always_inline void wt_step_rule(struct wt_scratch *s, __u64 frame, struct wt_rule *r, __u32 flags)
{
	struct wt_walk *w = &s->walk;
	enum wt_end end;

	if (r->cfa == WT_CFA_GO) {
		if (wt_step_go(s, r))
			wt_end_walk(w, WT_END_BACK);
		return;
	}
	if (r->cfa != WT_CFA_NONE && r->cfa != WT_CFA_BAD) {
		wt_step_cfi(w, r);
		return;
	}
	if (r->cfa == WT_CFA_NONE && w->caller && !wt_step_planted(s, frame))
		return;
	end = r->cfa == WT_CFA_BAD ? WT_END_BAD_RULE : WT_END_NO_RULE;
	if ((flags & WT_OBJ_FP) && !wt_step_fp(w))
		return;
	if (flags & WT_OBJ_NOSCAN) {
		wt_end_walk(w, end);
		return;
	}
	/* a frame by another register is one that was aligned, this time so, next time so */
	if (wt_scan(s, end == WT_END_BAD_RULE ? 0 : frame))
		wt_end_walk(w, end);
}

/*
 * The rule at a frame in the mapping at hand into r, to be met again, and the flags of its
 * object.  -1: there is none yet, and the walk is over.
 */
static __always_inline int wt_rule_at(struct wt_scratch *s, __u64 frame, struct wt_rule *r, __u32 *flags)
{
	struct wt_walk *w = &s->walk;
	struct wt_rule *known;
	__u32 i;
	int n;

	n = w->map.flags ? wt_find_rule(s, frame) : wt_find_rows(s, frame);
	i = n;
	known = n < 0 ? NULL : bpf_map_lookup_elem(&cfi_rules, &i);
	if (!known) {
		w->lacked = 1;
		wt_end_walk(w, WT_END_NO_TABLE);
		return -1;
	}
	*r = *known;
	*flags = w->object_flags;
	wt_hot_keep(w, w->ip - w->caller, *flags, r);
	return 0;
}

/*
 * The mapping of the frame at hand.  What lies in no file may be the kernel's, for a
 * probe.  -1: there is none.
 */
static __always_inline int wt_enter_mapping(struct wt_scratch *s)
{
	struct wt_walk *w = &s->walk;
	int err = wt_find_mapping(s, w->ip - w->caller);
	__u64 ip;

	if (!err && (w->map.object || (w->map.flags & WT_MAP_JVM)))
		return 0;
	ip = wt_unprobed(w->ip, w->caller ? w->sp - 8 : 0);
	if (!ip)
		return err;
	/* it is not on the stack: the same stack may have come from elsewhere */
	w->dirty = 1;
	w->ip = ip;
	return wt_find_mapping(s, ip - w->caller);
}

/* The frame at hand by its mapping; 0: the walk is over, or has gone on already. */
static __always_inline __u64 wt_frame_at(struct wt_scratch *s)
{
	struct wt_walk *w = &s->walk;
	__u64 pc;

	if (wt_enter_mapping(s)) {
		/* nothing to call a frame, but for where the program counter itself is */
		if (!w->n) {
			w->own = 1;
			wt_emit(s, (w->ip - w->caller) & ((1ULL << 60) - 1));
		}
		wt_end_walk(w, WT_END_UNMAPPED);
		wt_want_space(w->tgid, w->image, w->space_version);
		return 0;
	}
	pc = w->ip - w->caller;
	if (w->map.flags & WT_MAP_JVM) {
		w->guess = 0;
		wt_jvm(s);
		return 0;
	}
	if (w->map.object && w->map.object < WT_MAX_OBJECTS)
		return WT_FRAME_MAKE(WT_FRAME_OBJ) | (__u64)w->map.object << 40 |
		       ((pc - w->map.start + w->map.pgoff) & (WT_FRAME_GUESS - 1));
	w->own = 1;
	return pc & ((1ULL << 60) - 1);
}

/* The frame at hand goes into s, and the walk on to its caller. */
static __always_inline void wt_one_frame(struct wt_scratch *s)
{
	struct wt_walk *w = &s->walk;
	__u64 frame, sp = w->sp;
	struct wt_rule rule = {};
	struct wt_hot *hot;
	bool py = false;
	__u32 flags = 0;

	/* a scan's candidate, which has rows, was not what this frame called */
	if (w->scanning && w->caller && w->n == w->scan_n + 1 && wt_calls_bare(s, w->ip)) {
		wt_end_walk(w, WT_END_BACK);
		return;
	}
	hot = wt_hot_find(w, w->ip - w->caller);
	if (hot) {
		wt_counted(WT_CNT_ROW_HIT);
		wt_hot_rule(hot, &rule);
		flags = wt_hot_flags(hot);
		frame = wt_hot_frame(hot, w->ip - w->caller);
	} else {
		frame = wt_frame_at(s);
		if (!frame)
			return;
		py = (w->map.flags & WT_MAP_PY) && wt_python_at(s, frame);
	}
	if (w->guess && WT_FRAME_TAG(frame) == WT_FRAME_OBJ)
		frame |= WT_FRAME_GUESS;
	w->guess = 0;
	if (!py)
		wt_emit(s, frame);
	if (WT_FRAME_TAG(frame) != WT_FRAME_OBJ) {
		/* anonymous code: a JIT's, which keep frame pointers as a rule */
		if (wt_step_fp(w))
			wt_end_walk(w, WT_END_NO_RULE);
		return;
	}
	if (hot || !wt_rule_at(s, frame & ~WT_FRAME_GUESS, &rule, &flags))
		wt_step_rule(s, frame & ~WT_FRAME_GUESS, &rule, flags);
	else
		w->head = w->n + py;
	if (py)
		wt_python(s, frame, sp);
}

static long wt_walk_step(__u32 turn, struct wt_scratch **p)
{
	struct wt_scratch *s = *p;
	struct wt_walk *w = &s->walk;

	if (!w->over)
		wt_one_frame(s);
	if (!w->over && w->n >= WT_MAX_FRAMES)
		wt_end_walk(w, WT_END_DEEP);
	/* the right candidate may lead to an object whose table is on its way: not on to a wrong one */
	if (w->over && w->end != WT_END_ROOT && w->end != WT_END_DEEP &&
	    w->end != WT_END_NO_TABLE && w->scanning)
		wt_scan_again(s);
	return w->over ? 1 : 0;
}

int wt_walk_tables(struct wt_scratch *s)
{
	struct wt_walk *w;

	if (!s)
		return -1;
	w = &s->walk;
	if (!w->space_known) {
		w->own = 1;
		wt_emit(s, w->ip & ((1ULL << 60) - 1));
		wt_end_walk(w, WT_END_NO_SPACE);
		wt_want_space(w->tgid, w->image, 0);
		return 0;
	}
	/* a scan that went wrong goes back: more turns than frames */
	bpf_loop(WT_MAX_FRAMES + 128, wt_walk_step, &s, 0);
	if (!w->over)
		wt_end_walk(w, WT_END_DEEP);
	if (w->space_flags & WT_SPACE_PY)
		wt_python_end(s);
	return 0;
}

int wt_walk_fp(struct wt_scratch *s)
{
	__u64 rec[2], sp, fp;
	struct wt_walk *w;

	if (!s)
		return -1;
	w = &s->walk;
	sp = w->sp;
	fp = w->fp;
	w->own = 1;
	wt_emit(s, w->ip);
	wt_end_walk(w, WT_END_FP);
	for (__u32 i = 1; i < WT_MAX_FRAMES; i++) {
		if (fp < sp || (fp & 7) || fp - sp > (8 << 20))
			return 0;
		if (bpf_probe_read_user(rec, sizeof(rec), (void *)fp)) {
			if (i == 1)
				wt_lost(WT_LOSS_USTACK);
			return 0;
		}
		if (rec[1] < 4096 || rec[1] >= 1ULL << 56)
			return 0;
		wt_emit(s, rec[1] - 1);
		sp = fp + 16;
		fp = rec[0];
	}
	w->end = WT_END_DEEP;
	return 0;
}
