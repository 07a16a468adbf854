/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * walk.bpf.h - what the parts of the user stack walk share: adding a frame,
 * ending, reading a word of the stack so that the walk can be verified later.
 */
#ifndef WT_WALK_BPF_H
#define WT_WALK_BPF_H

#include "calls.bpf.h"

/*
 * The compiler drops a mask that it sees is not needed, but 6.1 needs it: it loses
 * the bounds of a 32-bit product that is compared, and of an exclusive or.
 */
#define MASKED(n, mask) ({ __u64 n_ = (n); asm volatile("" : "+r"(n_)); n_ & (mask); })

static __always_inline void wt_emit(struct wt_scratch *s, __u64 frame)
{
	struct wt_walk *w = &s->walk;

	s->ip[w->n & WT_MAX_FRAMES] = frame;
	w->hash = wt_hash_add(w->hash, frame);
	w->n++;
}

static __always_inline void wt_end_walk(struct wt_walk *w, enum wt_end end)
{
	w->end = end;
	w->over = 1;
}

/* A word of the stack that the walk rests on. */
static __always_inline void wt_note_slot(struct wt_walk *w, __u64 at)
{
	__u64 off = at - w->sp0;

	if (!w->context)	/* a sample: nothing will be remembered */
		return;
	if (w->slots >= WT_USLOTS || (off & 7) || off >= WT_UREACH) {
		w->dirty = 1;
		return;
	}
	/* the mask is for the verifier alone */
	w->slot[(w->slots < WT_USLOTS ? w->slots : 0)] = off >> 3;
	w->slots++;
	if (off + 8 > w->slot_end)
		w->slot_end = off + 8;
}

/* A word of the stack that the walk rests on; -1: it cannot be read. */
static __always_inline int wt_read_slot(struct wt_walk *w, __u64 at, __u64 *out)
{
	if (wt_slot(w, at))
		return -1;
	*out = w->word;
	return 0;
}

/* A call instruction ends at that address: e8 rel32, or ff /2 in one of its lengths. */
static __always_inline bool wt_after_call(__u64 address)
{
	__u8 b[8];

	if (address < 4096 || bpf_probe_read_user(b, sizeof(b), (void *)(address - 8)))
		return false;
	return b[3] == 0xe8 ||
	       (b[6] == 0xff && (b[7] & 0x38) == 0x10) ||
	       (b[5] == 0xff && (b[6] & 0x38) == 0x10) ||
	       (b[4] == 0xff && (b[5] & 0x38) == 0x10) ||
	       (b[2] == 0xff && (b[3] & 0x38) == 0x10) ||
	       (b[1] == 0xff && (b[2] & 0x38) == 0x10);
}

/* On to the caller, whose registers these are. */
static __always_inline void wt_go_caller(struct wt_walk *w, __u64 ip, __u64 sp, __u64 fp)
{
	w->ip = ip;
	w->sp = sp;
	w->fp = fp;
	w->fp_lost = 0;
	w->bx_at = WT_BX_LOST;
	w->caller = 1;
}

#endif /* WT_WALK_BPF_H */
