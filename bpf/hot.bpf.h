/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hot.bpf.h - what walks met lately, on each CPU: between two samples a program turns
 * over its CPU's caches, so a walk costs what it touches of memory.  A search through
 * the tables touches a line at each halving, these one or two in all.
 *
 * Each context that can interrupt another has its own: nobody finds half an entry.
 */
#ifndef WT_HOT_BPF_H
#define WT_HOT_BPF_H

#include "walk.bpf.h"

#define WT_HOT_CODE 1024	/* 32 KiB, the most that a per-CPU value may be */
#define WT_HOT_LONG 8192	/* bytes, of a piece */
#define WT_HOT_ROWS 2048
#define WT_HOT_MAPS 2048
#define WT_HOT_SITES 1024
#define WT_CONTEXTS 2		/* a sample may interrupt a switch */

/* A piece of code that one rule holds for, in that version of its process's mappings. */
struct wt_hot {
	__u64 where;		/* page of offset 0 of its file << 16 | object << 2 | WT_OBJ_* >> 1 */
	__u32 version;		/* wt_space.version: no two processes' mappings share one, unless forked */
	__u32 from, to;		/* offsets in the file */
	__u8 cfa, fp, ra, cfa_add;	/* of struct wt_rule */
	__s32 cfa_off;
	__s16 fp_off, bx_off;
};
_Static_assert(sizeof(struct wt_hot) == 32, "two to a cache line");
_Static_assert(WT_MAX_OBJECTS <= 1 << 14 && (WT_OBJ_FP | WT_OBJ_NOSCAN) >> 1 < 4, "as they are packed");

struct wt_hot_values {
	struct wt_hot at[WT_HOT_CODE];
};

/* Where a search ended the last time: a place to look first, no more. */
struct wt_hot_hints {
	__u32 row[WT_HOT_ROWS];	/* by object and offset */
	__u32 map[WT_HOT_MAPS];	/* by address */
	/* addresses behind a call, hashed with the version of the mappings; lowest bit: below */
	__u64 site[WT_HOT_SITES];
};
#define WT_SITE_CALLS_ROWS 1	/* the call is none straight to code without rows */

struct wt_hot_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2 * WT_CONTEXTS);	/* of return addresses; of where threads were interrupted */
	__type(key, __u32);
	__type(value, struct wt_hot_values);
};

struct wt_hot_hints_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_hot_hints);
};

extern struct wt_hot_map hot SEC(".maps");
extern struct wt_hot_hints_map hot_hints SEC(".maps");

/* A word of its own for each address and version, but for one in 2^63. */
static __always_inline __u64 wt_site_tag(struct wt_walk *w, __u64 v)
{
	return wt_mix(v ^ (__u64)w->space_version << 47 ^ (__u64)w->space_version >> 17) &
	       ~(__u64)WT_SITE_CALLS_ROWS;
}

static __always_inline __u64 *wt_site(__u64 tag)
{
	__u32 zero = 0;
	struct wt_hot_hints *h = bpf_map_lookup_elem(&hot_hints, &zero);

	return h ? &h->site[MASKED(tag >> 20, WT_HOT_SITES - 1)] : NULL;
}

/* 1 if a < b, else 0: the borrow of a - b, which the compiler must not make a jump of. */
static __always_inline __u64 wt_below(__u64 a, __u64 b)
{
	__u64 d = a - b;

	asm volatile("" : "+r"(d));
	return ((~a & b) | ((~a | b) & d)) >> 63;
}

/* The offset of pc in the file of that piece. */
static __always_inline __u64 wt_hot_offset(struct wt_hot *h, __u64 pc)
{
	return pc - (h->where >> 16 << 12);
}

/* The innermost frame is somewhere else each time: it shall not take a caller's place. */
static __always_inline struct wt_hot_values *wt_hot_values(struct wt_walk *w)
{
	__u32 i = 2 * w->context + !w->caller;

	return bpf_map_lookup_elem(&hot, &i);
}

/*
 * The pieces of the last walk are asked for before any of them is waited for, so that their lines
 * come side by side: most frames further out are the same the next time, and from frame to frame
 * the way leads through the stack.
 */
static __always_inline void wt_hot_ahead(struct wt_walk *w)
{
	struct wt_hot_values *h;
	__u32 i = 2 * w->context;	/* of callers */

	h = bpf_map_lookup_elem(&hot, &i);
	if (!h)
		return;
#pragma unroll
	for (i = 1; i < WT_PATH; i++)
		(void)*(const volatile __u32 *)&h->at[w->path[i] & (WT_HOT_CODE - 1)].version;
}

/*
 * A piece's place goes by the address, to the 64 bytes: or to the page, for a long one.  Those
 * are hand-written assembly without rows, in which each sample is somewhere else.
 */
static __always_inline __u64 wt_hot_number(struct wt_walk *w, __u64 pc, bool is_long)
{
	__u64 near = is_long ? ~(pc >> 12) : pc >> 6;

	return MASKED(near ^ pc >> 16 ^ pc >> 26 ^ w->space_version * 0x9e3779b1u, WT_HOT_CODE - 1);
}

static __always_inline struct wt_hot *wt_hot_slot(struct wt_walk *w, struct wt_hot_values *h, __u64 pc,
						  bool is_long)
{
	return &h->at[wt_hot_number(w, pc, is_long)];
}

static __always_inline bool wt_hot_holds(struct wt_walk *w, struct wt_hot *h, __u64 pc)
{
	__u64 off = wt_hot_offset(h, pc);

	return wt_below(off - h->from, h->to - h->from) & (h->version == w->space_version);
}

/* The piece that pc lies in, NULL: not met lately. */
static __always_inline struct wt_hot *wt_hot_find(struct wt_walk *w, __u64 pc)
{
	struct wt_hot_values *h = wt_hot_values(w);
	__u64 n = wt_hot_number(w, pc, false);
	struct wt_hot *at;

	if (!h)
		return NULL;
	at = &h->at[n];
	if (wt_hot_holds(w, at, pc)) {
		w->path[w->n & (WT_PATH - 1)] = n;
		return at;
	}
	at = wt_hot_slot(w, h, pc, true);
	return wt_hot_holds(w, at, pc) ? at : NULL;
}

static __always_inline __u64 wt_hot_frame(struct wt_hot *h, __u64 pc)
{
	return WT_FRAME_MAKE(WT_FRAME_OBJ) | (h->where >> 2 & 0x3fff) << 40 | wt_hot_offset(h, pc);
}

static __always_inline __u32 wt_hot_flags(struct wt_hot *h)
{
	return (h->where & 3) << 1;
}

static __always_inline void wt_hot_rule(struct wt_hot *h, struct wt_rule *r)
{
	r->cfa = h->cfa;
	r->fp = h->fp;
	r->ra = h->ra;
	r->cfa_add = h->cfa_add;
	r->cfa_off = h->cfa_off;
	r->fp_off = h->fp_off;
	r->bx_off = h->bx_off;
}

/*
 * pc lies in the mapping at hand, and r in force from file offset w->row_from up to
 * w->row_to.  What is rare is not kept: large numbers, files of which more than the
 * mapping can say.
 */
static __always_inline void wt_hot_keep(struct wt_walk *w, __u64 pc, __u32 flags, struct wt_rule *r)
{
	__u64 low = w->map.pgoff, high = low + (w->map.end - w->map.start), base;
	struct wt_hot_values *v;
	struct wt_hot *h;

	base = w->map.start - low;
	if (w->map.flags || base >> 47 || base & 4095 || high >> 32 || r->cfa == WT_CFA_GO ||
	    r->fp_off != (__s16)r->fp_off || r->bx_off != (__s16)r->bx_off)
		return;
	low = w->row_from > low ? w->row_from : low;
	high = w->row_to < high ? w->row_to : high;
	v = wt_hot_values(w);
	if (!v)
		return;
	h = wt_hot_slot(w, v, pc, high - low >= WT_HOT_LONG);
	h->where = base >> 12 << 16 | w->map.object << 2 | (flags >> 1 & 3);
	h->version = w->space_version;
	h->from = low;
	h->to = high;
	h->cfa = r->cfa;
	h->fp = r->fp;
	h->ra = r->ra;
	h->cfa_add = r->cfa_add;
	h->cfa_off = r->cfa_off;
	h->fp_off = r->fp_off;
	h->bx_off = r->bx_off;
}

/* No executable mapping is there, as a walk has found before. */
static __always_inline bool wt_in_gap(struct wt_walk *w, __u64 address)
{
	__u64 in = 0;

	/* without branches: each would double the verifier's work */
#pragma unroll
	for (__u32 i = 0; i < WT_GAPS; i++)
		in |= wt_below(address - w->gap[i].start, w->gap[i].end - w->gap[i].start);
	return in && w->gap_version == w->space_version;
}

#endif /* WT_HOT_BPF_H */
