// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * rows.bpf.c - from an address to its mapping, from a place in a file to the
 * rule that holds there.
 *
 * The bounds of a search live in the scratch map: in registers, every turn of
 * the loop would be a new state to the verifier.
 */
#include "walk.bpf.h"

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

int wt_find_rule(struct wt_scratch *s, __u64 frame)
{
	__u32 object = WT_FRAME_OBJECT(frame), zero = 0;
	__u64 *wanted;
	struct wt_pc_cache *cache;
	struct wt_object *o;
	struct wt_pc *pc;
	struct wt_row *r;

	if (!s)
		return -1;
	o = bpf_map_lookup_elem(&cfi_objects, &object);
	if (!o || !(o->flags & WT_OBJ_READY)) {
		wanted = bpf_map_lookup_elem(&cfi_wanted, &object);
		if (wanted && !(*wanted)++)
			wt_want_space(0, 0, 0);
		return -1;
	}
	cache = bpf_map_lookup_elem(&pc_cache, &zero);
	if (!cache)
		return -1;
	pc = &cache->way[(frame ^ frame >> 12 ^ frame >> 40) & (WT_PC_WAYS - 1)];
	if (pc->frame == frame) {
		wt_counted(WT_CNT_ROW_HIT);
		return pc->rule;
	}
	wt_counted(WT_CNT_ROW_MISS);
	s->walk.off = WT_FRAME_OFFSET(frame);
	s->walk.lo = o->row0;
	s->walk.hi = o->row0 + o->rows;
	s->walk.rule = 0;
	bpf_loop(24, wt_row_step, &s, 0);
	if (s->walk.lo > o->row0) {
		r = wt_row(s->walk.lo - 1);
		if (r)
			s->walk.rule = r->rule;
	}
	/* a program that interrupts this one must not find half an entry */
	pc->frame = 0;
	pc->rule = s->walk.rule;
	pc->frame = frame;
	return s->walk.rule;
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

int wt_find_mapping(struct wt_scratch *s, __u64 address)
{
	struct wt_mapping *m;
	struct wt_walk *w;
	__u32 i;

	if (!s)
		return -1;
	w = &s->walk;
	if (address >= w->map.start && address < w->map.end)
		return 0;
	w->off = address;
	w->lo = w->first_map;
	w->hi = w->first_map + w->n_maps;
	bpf_loop(12, wt_mapping_step, &s, 0);
	if (w->lo <= w->first_map)
		return -1;
	i = w->lo - 1;
	m = bpf_map_lookup_elem(&map_pool, &i);
	if (!m || address < m->start || address >= m->end)
		return -1;
	w->map = *m;
	return 0;
}
