// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * scan.bpf.c - hand-written assembly has no call frame information, and most of
 * a video encoder's time is spent in it.  There the return address is looked for
 * in the first words of the stack: it is one that lies in executable memory,
 * behind a call instruction, at a place where the stack would be aligned, and
 * from which the walk reaches its root.  An old return address that nothing has
 * overwritten may be all that; it is found out when the next one after it is of a
 * call straight to code without rows, such as the walk came from.  What has been found often enough at one
 * program counter, and never elsewhere, is looked for there alone.
 */
#include "walk.bpf.h"

#define WT_LEARNED_AFTER 5

/* Goes on as if word number i above the scan's sp were the return address, if it can be one. */
static __always_inline bool wt_try_word(struct wt_scratch *s, __u32 i, __u64 v)
{
	struct wt_walk *w = &s->walk;
	__u64 slot = w->scan_sp + i * 8;

	if (v < 4096 || v >= 1ULL << 47 || ((slot + 8) & 15))
		return false;
	if (wt_find_mapping(s, v - 1) || !wt_after_call(v))
		return false;
	w->ip = v;
	w->sp = slot + 8;
	w->fp = w->scan_fp;
	w->bx_at = WT_BX_LOST;
	w->caller = 1;
	w->guess = 1;
	w->scan_word = i;
	return true;
}

/* The next words of the stack, fewer where it ends. */
static __always_inline int wt_scan_load(struct wt_walk *w, __u32 base)
{
	void *at = (void *)(w->scan_sp + base * 8);

	w->scan_base = base;
	w->scan_at = 0;
	w->scan_words = WT_SCAN_WORDS;
	if (!bpf_probe_read_user(w->words, sizeof(w->words), at))
		return 0;
	w->scan_words = WT_SCAN_WORDS / 4;
	return bpf_probe_read_user(w->words, sizeof(w->words) / 4, at);
}

static long wt_scan_word(__u32 turn, struct wt_scratch **p)
{
	struct wt_scratch *s = *p;
	struct wt_walk *w = &s->walk;
	__u32 i = w->scan_at;

	if (i >= w->scan_words) {
		if (w->scan_words < WT_SCAN_WORDS || w->scan_base >= WT_SCAN_SPAN ||
		    wt_scan_load(w, w->scan_base + WT_SCAN_WORDS))
			return 1;
		i = 0;
	}
	w->scan_at = i + 1;
	w->found = wt_try_word(s, w->scan_base + i, w->words[i & (WT_SCAN_WORDS - 1)]);
	return w->found ? 1 : 0;
}

/* The next candidate; −1 when there is none left. */
static __always_inline int wt_scan_next(struct wt_scratch *s)
{
	struct wt_walk *w = &s->walk;

	w->found = 0;
	bpf_loop(WT_SCAN_SPAN + WT_SCAN_WORDS, wt_scan_word, &s, 0);
	return w->found ? 0 : -1;
}

static __always_inline int wt_scan_learned(struct wt_scratch *s, __u64 frame)
{
	struct wt_walk *w = &s->walk;
	struct wt_learned *l = bpf_map_lookup_elem(&learned, &frame);
	__u64 v;

	if (!l || l->differed || l->agreed < WT_LEARNED_AFTER)
		return -1;
	if (wt_read_slot(w, w->sp + l->words * 8, &v))
		return -1;
	if (!wt_try_word(s, l->words, v))
		return -1;
	w->believed = frame;
	return 0;
}

int wt_scan(struct wt_scratch *s, __u64 frame)
{
	__u64 key = frame, sp;
	struct wt_walk *w;

	if (!s)
		return -1;
	w = &s->walk;
	sp = w->sp;
	if (w->scans >= WT_SCANS || (sp & 7))
		return -1;
	w->scan_sp = sp;
	w->scan_fp = w->fp;
	if (key && !wt_scan_learned(s, key)) {
		wt_counted(WT_CNT_SCAN);
		return 0;
	}
	w->scans++;
	w->dirty = 1;
	if (wt_scan_load(w, 0))
		return -1;
	w->scan_frame = frame;
	w->scan_hash = w->hash;
	w->scan_n = w->n;
	wt_py_save(&s->py);
	w->scan_tries = 0;
	w->scanning = 1;
	if (wt_scan_next(s))
		return -1;
	wt_counted(WT_CNT_SCAN);
	return 0;
}

int wt_scan_again(struct wt_scratch *s)
{
	struct wt_walk *w;

	if (!s)
		return -1;
	w = &s->walk;
	/* the frames that were there before stay, whatever comes of it */
	w->n = w->scan_n;
	w->hash = w->scan_hash;
	wt_py_restore(&s->py);
	w->over = 0;
	if (++w->scan_tries < WT_SCAN_TRIES && !wt_scan_next(s))
		return 0;
	w->scanning = 0;
	w->end = WT_END_NO_RULE;
	w->over = 1;
	return 0;
}

int wt_calls_bare(struct wt_scratch *s, __u64 v)
{
	__u64 target, frame;
	struct wt_rule *r;
	struct wt_walk *w;
	__u8 b[8];
	__u32 i;
	int n;

	if (!s || v < 4096 || bpf_probe_read_user(b, sizeof(b), (void *)(v - 8)) || b[3] != 0xe8)
		return 0;
	w = &s->walk;
	target = v + (__s64)(__s32)(b[4] | b[5] << 8 | b[6] << 16 | (__u32)b[7] << 24);
	if (wt_find_mapping(s, target) || !w->map.object || w->map.object >= WT_MAX_OBJECTS)
		return 0;
	frame = WT_FRAME_MAKE(WT_FRAME_OBJ) | (__u64)w->map.object << 40 |
		((target - w->map.start + w->map.pgoff) & (WT_FRAME_GUESS - 1));
	n = wt_find_rule(s, frame);
	i = n;
	r = n < 0 ? NULL : bpf_map_lookup_elem(&cfi_rules, &i);
	return r && r->cfa == WT_CFA_NONE;
}

/* What was believed led nowhere: not again. */
static __always_inline void wt_unlearn(struct wt_walk *w)
{
	struct wt_learned *l;
	__u64 key = w->believed;

	if (w->end != WT_END_BACK && w->end != WT_END_NO_RULE && w->end != WT_END_BAD_RULE &&
	    w->end != WT_END_RUNTIME)
		return;
	l = bpf_map_lookup_elem(&learned, &key);
	if (l)
		l->differed = 1;
}

int wt_scan_learn(struct wt_scratch *s)
{
	struct wt_learned fresh = { .agreed = 1 }, *l;
	struct wt_walk *w;
	__u64 key;

	if (!s)
		return -1;
	w = &s->walk;
	if (w->believed)
		wt_unlearn(w);
	key = w->scan_frame;
	if (!w->scanning || w->end != WT_END_ROOT || !key)
		return 0;
	fresh.words = w->scan_word;
	l = bpf_map_lookup_elem(&learned, &key);
	if (!l) {
		bpf_map_update_elem(&learned, &key, &fresh, BPF_ANY);
		return 0;
	}
	if (l->words == w->scan_word) {
		if (l->agreed < 0xffff)
			l->agreed++;
	} else if (l->differed < 0xffff) {
		l->differed++;
	}
	return 0;
}
