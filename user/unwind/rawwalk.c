/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unwind/rawwalk.h"

#include <errno.h>
#include <string.h>

/* struct wt_walk of the kernel side, what of it is needed here. */
struct walk {
	const struct wt_ev_raw *e;
	const struct wt_ev_rawmore *const *more;
	const struct wt_mapping *map, *at;	/* of the process; the one that pc lies in */
	unsigned n_map;
	const struct rawwalk_ops *ops;
	struct rawwalk *out;
	__u64 ip, sp, fp;
	__u64 bx_at;		/* where rbx is saved; 0: nobody has, WT_BX_LOST */
	bool over, caller, fp_lost, guess, cut;
	/* the scan that may go back */
	bool scanning;
	unsigned scans, scan_tries, scan_next, scan_n;
	__u64 scan_sp, scan_fp;
};

static void emit(struct walk *w, __u64 frame)
{
	if (w->out->n <= WT_MAX_FRAMES)
		w->out->frame[w->out->n++] = frame;
}

static void end_walk(struct walk *w, enum wt_end end)
{
	w->out->end = end;
	w->over = true;
}

/* The 8 bytes at that address, which are within [from, from + len), bytes of the copy at src. */
static bool copied(__u64 at, __u64 from, __u64 len, const void *src, __u64 *out)
{
	if (at < from || len < 8 || at - from > len - 8)
		return false;
	memcpy(out, (const char *)src + (at - from), sizeof(*out));
	return *out != WT_RAW_HOLE;
}

bool rawwalk__word(const struct wt_ev_raw *e, const struct wt_ev_rawmore *const more[WT_RAW_MORES], __u64 at,
		   __u64 *out)
{
	if (copied(at, e->sp, e->low, e->stack, out) ||
	    copied(at, e->upper, e->size - e->low, (const char *)e->stack + e->low, out))
		return true;
	for (unsigned i = 0; more && i < WT_RAW_MORES && more[i]; i++)
		if (copied(at, more[i]->at, more[i]->size, more[i] + 1, out))
			return true;
	return false;
}

static bool in_copy(const struct walk *w, __u64 at, __u64 *out)
{
	return rawwalk__word(w->e, w->more, at, out);
}

/* A word of the stack.  Beyond the copy there may be more of it, which nobody knows. */
static int read_slot(struct walk *w, __u64 at, __u64 *out)
{
	const struct wt_ev_raw *e = w->e;

	if (in_copy(w, at, out))
		return 0;
	w->cut = (at >= e->sp && at - e->sp < WT_MAX_STACK) || (at < e->upper && e->upper - at < WT_MAX_STACK);
	return -1;
}

/* What could not be read may only not have been copied: then tables came too late. */
static void end_read(struct walk *w)
{
	end_walk(w, w->cut ? WT_END_NO_TABLE : WT_END_READ);
}

static int find_mapping(struct walk *w, __u64 address)
{
	unsigned lo = 0, hi = w->n_map;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (w->map[mid].start > address)
			hi = mid;
		else
			lo = mid + 1;
	}
	if (!lo || address >= w->map[lo - 1].end)
		return -1;
	w->at = &w->map[lo - 1];
	return 0;
}

static int step_fp(struct walk *w)
{
	__u64 fp = w->fp, ra, up;

	if (w->fp_lost || fp < w->sp || fp - w->sp > WT_FP_SPAN || (fp & 7))
		return -1;
	if (read_slot(w, fp, &up) || read_slot(w, fp + 8, &ra))
		return -1;
	w->sp = fp + 16;
	w->fp = up;
	w->ip = ra;
	w->bx_at = WT_BX_LOST;
	w->caller = true;
	return 0;
}

static void step_signal(struct walk *w, __u64 at)
{
	__u64 gregs = at + WT_UC_GREGS, ip, sp, fp;

	if (read_slot(w, gregs + WT_GREG_RIP * 8, &ip) ||
	    read_slot(w, gregs + WT_GREG_RSP * 8, &sp) ||
	    read_slot(w, gregs + WT_GREG_RBP * 8, &fp)) {
		end_read(w);
		return;
	}
	w->ip = ip;
	w->sp = sp;
	w->fp = fp;
	w->fp_lost = false;
	w->bx_at = gregs + WT_GREG_RBX * 8;
	w->caller = false;
}

static __u64 cfa_of(struct walk *w, const struct wt_rule *r)
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
		if (read_slot(w, (r->cfa == WT_CFA_DEREF_FP ? w->fp : w->sp) + off, &v)) {
			end_read(w);
			return 0;
		}
		return v + r->cfa_add;
	case WT_CFA_BX:
		if (w->bx_at == WT_BX_LOST)
			break;
		if (!w->bx_at)
			return w->e->bx + off;
		if (read_slot(w, w->bx_at, &v)) {
			end_read(w);
			return 0;
		}
		return v + off;
	}
	end_walk(w, WT_END_BAD_RULE);
	return 0;
}

static void step_cfi(struct walk *w, const struct wt_rule *r)
{
	__u64 cfa, ra, fp = w->fp, sp = w->sp;

	if (r->ra == WT_RA_ROOT) {
		end_walk(w, WT_END_ROOT);
		return;
	}
	if (r->cfa == WT_CFA_SIGNAL) {
		step_signal(w, w->sp + r->cfa_off);
		return;
	}
	cfa = cfa_of(w, r);
	if (w->over)
		return;
	/* what is on another stack was not copied */
	w->cut = r->cfa == WT_CFA_FP && r->cfa_add;
	if (cfa <= sp && !w->cut) {
		end_walk(w, WT_END_BACK);
		return;
	}
	if (w->cut ? !in_copy(w, cfa - 8, &ra) : read_slot(w, cfa - 8, &ra)) {
		end_read(w);
		return;
	}
	w->cut = false;
	if (r->fp == WT_FP_CFA || r->fp == WT_FP_DEREF_FP) {
		if (read_slot(w, (r->fp == WT_FP_CFA ? cfa : w->fp) + r->fp_off, &fp)) {
			end_read(w);
			return;
		}
		w->fp_lost = false;
	} else if (r->fp == WT_FP_LOST) {
		w->fp_lost = true;
	}
	if (r->bx_off)
		w->bx_at = r->bx_off == WT_BX_LOST ? WT_BX_LOST : cfa + r->bx_off;
	w->sp = cfa;
	w->fp = fp;
	w->ip = ra;
	w->caller = true;
	if (!ra)
		end_walk(w, WT_END_ROOT);
}

/* What a goroutine's switch needs lies in the process's memory: that came too late, too. */
static void step_go(struct walk *w, const struct wt_rule *r)
{
	__u64 ra;

	if (r->cfa_off) {
		end_walk(w, WT_END_NO_TABLE);
	} else if (w->caller) {
		end_walk(w, WT_END_ROOT);
	} else if (read_slot(w, w->sp, &ra)) {
		end_walk(w, WT_END_BACK);
	} else {
		w->ip = ra;
		w->sp += 8;
		w->caller = true;
	}
}

/* The 8 bytes before an address in the mapping at hand: from its file, so anonymous code has none. */
static bool code_before(struct walk *w, __u64 address, __u8 b[8])
{
	__u64 off = address - w->at->start + w->at->pgoff;

	return w->at->object && off >= 8 && w->ops->code(w->ops->ctx, w->at->object, off - 8, b);
}

/* A call instruction ends at that address: e8 rel32, or ff /2 in one of its lengths. */
static bool after_call(struct walk *w, __u64 address)
{
	__u8 b[8];

	if (!code_before(w, address, b))
		return false;
	return b[3] == 0xe8 ||
	       (b[6] == 0xff && (b[7] & 0x38) == 0x10) ||
	       (b[5] == 0xff && (b[6] & 0x38) == 0x10) ||
	       (b[4] == 0xff && (b[5] & 0x38) == 0x10) ||
	       (b[2] == 0xff && (b[3] & 0x38) == 0x10) ||
	       (b[1] == 0xff && (b[2] & 0x38) == 0x10);
}

/* A return address that is a function's first byte, behind no call; −1: it is none. */
static int step_planted(struct walk *w, __u64 frame)
{
	struct wt_rule r;

	if (w->ops->rule(w->ops->ctx, WT_FRAME_OBJECT(frame), WT_FRAME_OFFSET(frame) + 1, &r) ||
	    r.cfa == WT_CFA_NONE || after_call(w, w->ip))
		return -1;
	if (r.cfa == WT_CFA_SIGNAL)
		step_signal(w, w->sp + r.cfa_off);
	else
		end_walk(w, WT_END_ROOT);
	return 0;
}

/* The call that ends at v leads straight to code without rows. */
static bool calls_bare(struct walk *w, __u64 v)
{
	struct wt_rule r;
	__u64 target;
	__u8 b[8];

	if (v < 4096 || find_mapping(w, v - 1) || !code_before(w, v, b) || b[3] != 0xe8)
		return false;
	target = v + (__s64)(__s32)(b[4] | b[5] << 8 | b[6] << 16 | (__u32)b[7] << 24);
	if (find_mapping(w, target) || !w->at->object || w->at->object >= WT_MAX_OBJECTS)
		return false;
	return !w->ops->rule(w->ops->ctx, w->at->object, target - w->at->start + w->at->pgoff, &r) &&
	       r.cfa == WT_CFA_NONE;
}

static bool try_word(struct walk *w, unsigned i, __u64 v)
{
	__u64 slot = w->scan_sp + i * 8;

	if (v < 4096 || v >= 1ULL << 47 || ((slot + 8) & 15))
		return false;
	if (find_mapping(w, v - 1) || !after_call(w, v))
		return false;
	w->ip = v;
	w->sp = slot + 8;
	w->fp = w->scan_fp;
	w->bx_at = WT_BX_LOST;
	w->caller = true;
	w->guess = true;
	return true;
}

/* The next candidate; −1 when there is none left. */
static int scan_next(struct walk *w)
{
	__u64 v;

	while (w->scan_next < WT_SCAN_SPAN) {
		unsigned i = w->scan_next++;

		if (read_slot(w, w->scan_sp + i * 8, &v))
			return -1;
		if (try_word(w, i, v))
			return 0;
	}
	return -1;
}

static int scan(struct walk *w)
{
	if (w->scans >= WT_SCANS || (w->sp & 7))
		return -1;
	w->scan_sp = w->sp;
	w->scan_fp = w->fp;
	w->scans++;
	w->scan_n = w->out->n;
	w->scan_tries = 0;
	w->scan_next = 0;
	w->scanning = true;
	return scan_next(w);
}

/* The walk from a candidate failed: on with the next one, or over for good. */
static void scan_again(struct walk *w)
{
	w->out->n = w->scan_n;
	w->over = false;
	w->cut = false;
	if (++w->scan_tries < WT_SCAN_TRIES && !scan_next(w))
		return;
	w->scanning = false;
	end_walk(w, WT_END_NO_RULE);
}

static void step_native(struct walk *w, __u64 frame)
{
	struct wt_rule r;
	__u32 object, flags;
	enum wt_end end;
	int err;

	if (WT_FRAME_TAG(frame) != WT_FRAME_OBJ) {
		if (step_fp(w))
			end_walk(w, WT_END_NO_RULE);
		return;
	}
	object = WT_FRAME_OBJECT(frame);
	err = w->ops->rule(w->ops->ctx, object, WT_FRAME_OFFSET(frame & ~WT_FRAME_GUESS), &r);
	if (err) {
		w->out->awaits = err == -EAGAIN ? object : 0;
		end_walk(w, WT_END_NO_TABLE);
		return;
	}
	if (r.cfa == WT_CFA_GO) {
		step_go(w, &r);
		return;
	}
	if (r.cfa != WT_CFA_NONE && r.cfa != WT_CFA_BAD) {
		step_cfi(w, &r);
		return;
	}
	if (r.cfa == WT_CFA_NONE && w->caller && !step_planted(w, frame & ~WT_FRAME_GUESS))
		return;
	end = r.cfa == WT_CFA_BAD ? WT_END_BAD_RULE : WT_END_NO_RULE;
	flags = w->ops->flags(w->ops->ctx, object);
	if ((flags & WT_OBJ_FP) && !step_fp(w))
		return;
	if ((flags & WT_OBJ_NOSCAN) || scan(w))
		end_walk(w, end);
}

static void one_frame(struct walk *w)
{
	__u64 pc = w->ip - w->caller, frame;

	/* a scan's candidate, which has rows, was not what this frame called */
	if (w->scanning && w->caller && w->out->n == w->scan_n + 1 && calls_bare(w, w->ip)) {
		end_walk(w, WT_END_BACK);
		return;
	}
	if (find_mapping(w, pc)) {
		/* nothing to call a frame, but for where the program counter itself is */
		if (!w->out->n)
			emit(w, pc & ((1ULL << 60) - 1));
		end_walk(w, WT_END_UNMAPPED);
		return;
	}
	if (w->at->object && w->at->object < WT_MAX_OBJECTS) {
		frame = WT_FRAME_MAKE(WT_FRAME_OBJ) | (__u64)w->at->object << 40 |
			((pc - w->at->start + w->at->pgoff) & (WT_FRAME_GUESS - 1));
		if (w->guess)
			frame |= WT_FRAME_GUESS;
	} else {
		frame = pc & ((1ULL << 60) - 1);
	}
	w->guess = false;
	emit(w, frame);
	step_native(w, frame);
}

void rawwalk(const struct wt_ev_raw *e, const struct wt_ev_rawmore *const more[WT_RAW_MORES],
	     const struct wt_mapping *map, unsigned n_map, const struct rawwalk_ops *ops, struct rawwalk *out)
{
	struct walk w = {
		.e = e, .more = more, .map = map, .n_map = n_map, .ops = ops, .out = out,
		.ip = e->ip, .sp = e->sp, .fp = e->fp,
		.caller = e->flags & WT_RAW_CALLER, .fp_lost = e->flags & WT_RAW_FP_LOST,
		.guess = e->flags & WT_RAW_GUESS, .bx_at = e->flags & WT_RAW_BX_LOST ? WT_BX_LOST : 0,
	};

	/* what the kernel side has found of it */
	out->n = e->head < WT_MAX_FRAMES ? e->head : WT_MAX_FRAMES;
	memcpy(out->frame, e->frame, out->n * sizeof(out->frame[0]));
	out->awaits = 0;
	/* as many turns as the kernel side takes: a scan that went wrong goes back */
	for (unsigned turn = 0; turn < WT_MAX_FRAMES + 128 && !w.over; turn++) {
		one_frame(&w);
		if (!w.over && out->n >= WT_MAX_FRAMES)
			end_walk(&w, WT_END_DEEP);
		if (w.over && out->end != WT_END_ROOT && out->end != WT_END_DEEP &&
		    w.scanning && !out->awaits)
			scan_again(&w);
	}
	if (!w.over)
		end_walk(&w, WT_END_DEEP);
}
