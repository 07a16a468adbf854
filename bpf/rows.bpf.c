// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rows.bpf.c - from an address to its mapping, from a place in a file to the
 * rule that holds there.
 *
 * The bounds of a search live in the scratch map: in registers, every turn of
 * the loop would be a new state to the verifier.
 */
#include "hot.bpf.h"

struct wt_hot_map hot SEC(".maps");
struct wt_hot_hints_map hot_hints SEC(".maps");

/* Chunks of rows; inner maps are made by user space when they are needed. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, WT_MAX_CHUNKS);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_ARRAY);
		__uint(map_flags, BPF_F_MMAPABLE);
		__uint(max_entries, WT_CHUNK_ROWS);
		__uint(key_size, sizeof(__u32));
		__uint(value_size, sizeof(struct wt_row));
	});
} cfi_rows SEC(".maps");

#define WT_NEAR_ROWS 16		/* two cache lines */

static __always_inline struct wt_row *wt_row(__u32 n)
{
	__u32 chunk = n / WT_CHUNK_ROWS, i = n % WT_CHUNK_ROWS;
	void *inner = bpf_map_lookup_elem(&cfi_rows, &chunk);

	return inner ? bpf_map_lookup_elem(inner, &i) : NULL;
}

/* One halving of [lo, hi): afterwards the rows below lo begin at or before off. */
static long wt_row_step(__u32 turn, struct wt_scratch **p)
{
	struct wt_scratch *s = *p;
	__u32 lo = s->walk.lo, hi = s->walk.hi, mid;
	struct wt_row *r;

	if (lo >= hi)
		return 1;
	mid = lo + (hi - lo) / 2;
	r = wt_row(mid);
	if (!r || r->off > (__u32)s->walk.off)
		s->walk.hi = mid;
	else
		s->walk.lo = mid + 1;
	return 0;
}

/* The number of the row behind the one that held, the last time, for a place near that one. */
static __always_inline __u32 *wt_row_hint(__u64 frame)
{
	__u32 zero = 0;
	struct wt_hot_hints *h = bpf_map_lookup_elem(&hot_hints, &zero);
	__u64 near = frame >> 8 & 0xffffffffffffULL;

	return h ? &h->row[MASKED(near ^ near >> 32 << 5, WT_HOT_ROWS - 1)] : NULL;
}

/* [lo, hi), in which the row behind the wanted one is, down to a few if it is near row n. */
static __always_inline void wt_narrow_rows(struct wt_walk *w, __u32 n)
{
	__u32 lo = w->lo, hi = w->hi, far;
	struct wt_row *r;

	if (n <= lo || n >= hi)
		return;
	r = wt_row(n);
	if (!r)
		return;
	if (r->off > (__u32)w->off) {
		w->hi = n;
		far = n - lo > WT_NEAR_ROWS ? n - WT_NEAR_ROWS : lo;
		r = wt_row(far);
		if (r && r->off <= (__u32)w->off)
			w->lo = far;
	} else {
		w->lo = n;
		far = hi - n > WT_NEAR_ROWS ? n + WT_NEAR_ROWS : hi;
		r = far < hi ? wt_row(far) : NULL;
		if (r && r->off > (__u32)w->off)
			w->hi = far;
	}
}

/* The object, if its rows are there; else it is asked for. */
static __always_inline struct wt_object *wt_ready_object(__u64 frame)
{
	__u32 object = WT_FRAME_OBJECT(frame);
	struct wt_object *o = bpf_map_lookup_elem(&cfi_objects, &object);
	__u64 *wanted;

	if (o && (o->flags & WT_OBJ_READY))
		return o;
	wanted = bpf_map_lookup_elem(&cfi_wanted, &object);
	if (wanted && !(*wanted)++)
		wt_want_space(0, 0, 0);
	return NULL;
}

/* The rule at a frame of that object; it holds from walk.row_from up to walk.row_to. */
static __always_inline __u32 wt_search_rows(struct wt_scratch *s, struct wt_object *o, __u64 frame)
{
	struct wt_walk *w = &s->walk;
	__u32 *hint = wt_row_hint(frame), rule = 0;
	struct wt_row *r;

	wt_counted(WT_CNT_ROW_MISS);
	w->off = WT_FRAME_OFFSET(frame);
	w->lo = o->row0;
	w->hi = o->row0 + o->rows;
	w->row_from = 0;
	w->row_to = ~0U;
	if (hint)
		wt_narrow_rows(w, *hint);
	bpf_loop(24, wt_row_step, &s, 0);
	if (hint)
		*hint = w->lo;
	if (w->lo > o->row0) {
		r = wt_row(w->lo - 1);
		if (r) {
			rule = r->rule;
			w->row_from = r->off;
		}
	}
	if (w->lo < o->row0 + o->rows) {
		r = wt_row(w->lo);
		if (r)
			w->row_to = r->off;
	}
	return rule;
}

int wt_find_rows(struct wt_scratch *s, __u64 frame)
{
	struct wt_object *o;

	if (!s)
		return -1;
	o = wt_ready_object(frame);
	if (!o)
		return -1;
	s->walk.object_flags = o->flags;
	return wt_search_rows(s, o, frame);
}

int wt_find_rule(struct wt_scratch *s, __u64 frame)
{
	struct wt_pc_cache *cache;
	struct wt_object *o;
	struct wt_pc *pc;
	__u32 context;

	if (!s)
		return -1;
	o = wt_ready_object(frame);
	if (!o)
		return -1;
	s->walk.object_flags = o->flags;
	context = s->walk.context;
	cache = bpf_map_lookup_elem(&pc_cache, &context);
	if (!cache)
		return -1;
	pc = &cache->way[(frame ^ frame >> 12 ^ frame >> 40) & (WT_PC_WAYS - 1)];
	/* a number may have come to mean another object, whose rows lie elsewhere */
	if (pc->frame == frame && pc->row0 == o->row0) {
		wt_counted(WT_CNT_ROW_HIT);
		return pc->rule;
	}
	pc->rule = wt_search_rows(s, o, frame);
	pc->row0 = o->row0;
	pc->frame = frame;
	return pc->rule;
}

static long wt_mapping_step(__u32 turn, struct wt_scratch **p)
{
	struct wt_scratch *s = *p;
	__u32 lo = s->walk.lo, hi = s->walk.hi, mid;
	struct wt_mapping *m;

	if (lo >= hi)
		return 1;
	mid = lo + (hi - lo) / 2;
	m = bpf_map_lookup_elem(&map_pool, &mid);
	if (!m || m->start > s->walk.off)
		s->walk.hi = mid;
	else
		s->walk.lo = mid + 1;
	return 0;
}

/* The pool's number of the mapping that an address near that one was in the last time. */
static __always_inline __u32 *wt_map_hint(struct wt_walk *w, __u64 address)
{
	__u32 zero = 0;
	struct wt_hot_hints *h = bpf_map_lookup_elem(&hot_hints, &zero);

	return h ? &h->map[MASKED(address >> 14 ^ address >> 25 ^ w->first_map, WT_HOT_MAPS - 1)] : NULL;
}

/* That mapping of the process, if the address lies in it. */
static __always_inline struct wt_mapping *wt_mapping_at(struct wt_walk *w, __u32 i, __u64 address)
{
	struct wt_mapping *m;

	if (i - w->first_map >= w->n_maps)
		return NULL;
	m = bpf_map_lookup_elem(&map_pool, &i);
	return m && address >= m->start && address < m->end ? m : NULL;
}

/* Nothing is mapped between mapping i - 1 and mapping i of the pool, if those are the process's. */
static __always_inline void wt_note_gap(struct wt_walk *w, __u32 i)
{
	__u64 start = 0, end = ~0ULL;
	struct wt_mapping *m;
	struct wt_gap *g;
	__u32 before = i - 1;

	if (i > w->first_map) {
		m = bpf_map_lookup_elem(&map_pool, &before);
		start = m ? m->end : ~0ULL;
	}
	if (i < w->first_map + w->n_maps) {
		m = bpf_map_lookup_elem(&map_pool, &i);
		end = m ? m->start : 0;
	}
	if (start >= end)		/* user space is writing them anew */
		return;
	if (w->gap_version != w->space_version) {
		__builtin_memset(w->gap, 0, sizeof(w->gap));
		w->gap_version = w->space_version;
	}
	g = &w->gap[w->gap_next++ & (WT_GAPS - 1)];
	g->start = start;
	g->end = end;
}

int wt_find_mapping(struct wt_scratch *s, __u64 address)
{
	struct wt_mapping *m = NULL;
	struct wt_walk *w;
	__u32 *hint;

	if (!s)
		return -1;
	w = &s->walk;
	if (address >= w->map.start && address < w->map.end)
		return 0;
	if (wt_in_gap(w, address))
		return -1;
	hint = wt_map_hint(w, address);
	if (hint)
		m = wt_mapping_at(w, *hint, address);
	if (!m) {
		w->off = address;
		w->lo = w->first_map;
		w->hi = w->first_map + w->n_maps;
		bpf_loop(12, wt_mapping_step, &s, 0);
		if (w->lo > w->first_map)
			m = wt_mapping_at(w, w->lo - 1, address);
		if (!m) {
			wt_note_gap(w, w->lo);
			return -1;
		}
		if (hint)
			*hint = w->lo - 1;
	}
	w->map = *m;
	return 0;
}
