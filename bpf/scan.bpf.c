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
#include "hot.bpf.h"

/*
 * What is known of a frame, in one word: words above sp, how often the return address
 * lay there and how often elsewhere, and 16 bits of the frame's hash: whose word it is.
 */
#define WT_LEARNED_AFTER 5
#define WT_LEARN(words, agreed, differed, tag) \
	((__u64)(tag) << 48 | (__u64)(differed) << 32 | (__u64)(agreed) << 16 | (words))
#define WT_LEARN_WORDS(l) ((__u32)(l) & 0xffff)
#define WT_LEARN_AGREED(l) ((__u32)((l) >> 16) & 0xffff)
#define WT_LEARN_DIFFERED(l) ((__u32)((l) >> 32) & 0xffff)
#define WT_LEARN_TAG(l) ((__u32)((l) >> 48))

/* The place of what is learned of a frame, and the tag of its word. */
static __always_inline struct wt_learned *wt_learned(__u64 frame, __u32 *tag)
{
	__u64 h = wt_mix(frame);
	__u32 i = h & (WT_LEARNED - 1);

	*tag = h >> 48;
	return bpf_map_lookup_elem(&learned, &i);
}

/* A call ends at v, in executable memory of the process's. */
static __always_inline bool wt_call_ends(struct wt_scratch *s, __u64 v)
{
	struct wt_walk *w = &s->walk;
	__u64 tag = wt_site_tag(w, v), *site;

	site = wt_site(tag);
	if (site && (*site & ~(__u64)WT_SITE_CALLS_ROWS) == tag)
		return true;
	if (wt_find_mapping(s, v - 1) || !wt_after_call(v))
		return false;
	/* a file's code stays as it is */
	if (site && w->map.object)
		*site = tag;
	return true;
}

/* An address of code, for all that can be seen without looking at memory. */
static __always_inline bool wt_may_be_code(__u64 v)
{
	return v >= 4096 && v < 1ULL << 47;
}

/* Goes on as if word number i above the scan's sp were the return address, if it can be one. */
static __always_inline bool wt_try_word(struct wt_scratch *s, __u32 i, __u64 v)
{
	struct wt_walk *w = &s->walk;
	__u64 slot = w->scan_sp + i * 8;

	if (!wt_may_be_code(v) || ((slot + 8) & 15))
		return false;
	if (!wt_call_ends(s, v))
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
	/* from there every second one lies where the stack would be aligned behind it */
	w->scan_at = w->scan_sp & 8 ? 0 : 1;
	w->scan_words = WT_SCAN_WORDS;
	if (!bpf_probe_read_user(w->words, sizeof(w->words), at))
		return 0;
	w->scan_words = WT_SCAN_WORDS / 4;
	return bpf_probe_read_user(w->words, sizeof(w->words) / 4, at);
}

/*
 * The next few words: most are no addresses, or of data, and that is seen from the word
 * itself and what is known of the gaps between executable mappings.
 */
static long wt_scan_word(__u32 turn, struct wt_scratch **p)
{
	struct wt_scratch *s = *p;
	struct wt_walk *w = &s->walk;
	__u32 i = w->scan_at;
	__u64 v = 0;

	if (i >= w->scan_words) {
		if (w->scan_words < WT_SCAN_WORDS || w->scan_base >= WT_SCAN_SPAN ||
		    wt_scan_load(w, w->scan_base + WT_SCAN_WORDS))
			return 1;
		i = w->scan_at;
	}
#pragma unroll
	for (int k = 0; k < 4; k++, i += 2) {
		if (i >= w->scan_words)
			break;
		v = w->words[i & (WT_SCAN_WORDS - 1)];
		if (wt_may_be_code(v) && !wt_in_gap(w, v - 1))
			goto candidate;
	}
	w->scan_at = i;
	return 0;
candidate:
	w->scan_at = i + 2;
	w->found = wt_try_word(s, w->scan_base + i, v);
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
	struct wt_learned *l;
	__u64 v, word;
	__u32 tag;

	l = wt_learned(frame, &tag);
	if (!l || l->frame != frame)
		return -1;
	word = l->word;
	if (WT_LEARN_TAG(word) != tag || WT_LEARN_DIFFERED(word) ||
	    WT_LEARN_AGREED(word) < WT_LEARNED_AFTER)
		return -1;
	if (wt_read_slot(w, w->sp + WT_LEARN_WORDS(word) * 8, &v))
		return -1;
	if (!wt_try_word(s, WT_LEARN_WORDS(word), v))
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
	__u64 target, frame, tag, *site;
	struct wt_rule *r;
	struct wt_walk *w;
	__u8 b[8];
	__u32 i;
	int n;

	if (!s || v < 4096)
		return 0;
	w = &s->walk;
	tag = wt_site_tag(w, v);
	site = wt_site(tag);
	if (site && *site == (tag | WT_SITE_CALLS_ROWS))
		return 0;
	if (bpf_probe_read_user(b, sizeof(b), (void *)(v - 8)) || b[3] != 0xe8)
		return 0;
	target = v + (__s64)(__s32)(b[4] | b[5] << 8 | b[6] << 16 | (__u32)b[7] << 24);
	if (wt_find_mapping(s, target) || !w->map.object || w->map.object >= WT_MAX_OBJECTS)
		return 0;
	frame = WT_FRAME_MAKE(WT_FRAME_OBJ) | (__u64)w->map.object << 40 |
		((target - w->map.start + w->map.pgoff) & (WT_FRAME_GUESS - 1));
	n = wt_find_rule(s, frame);
	i = n;
	r = n < 0 ? NULL : bpf_map_lookup_elem(&cfi_rules, &i);
	if (r && r->cfa == WT_CFA_NONE)
		return 1;
	if (r && site && *site == tag)
		*site = tag | WT_SITE_CALLS_ROWS;
	return 0;
}

/* What was believed led nowhere: not again. */
static __always_inline void wt_unlearn(struct wt_walk *w)
{
	struct wt_learned *l;
	__u32 tag;

	if (w->end != WT_END_BACK && w->end != WT_END_NO_RULE && w->end != WT_END_BAD_RULE &&
	    w->end != WT_END_RUNTIME)
		return;
	l = wt_learned(w->believed, &tag);
	if (l && l->frame == w->believed)
		l->word = WT_LEARN(0, 0, 1, tag);
}

int wt_scan_learn(struct wt_scratch *s)
{
	__u32 words, agreed, differed, tag;
	struct wt_learned *l;
	struct wt_walk *w;
	__u64 word;

	if (!s)
		return -1;
	w = &s->walk;
	if (w->believed)
		wt_unlearn(w);
	if (!w->scanning || w->end != WT_END_ROOT || !w->scan_frame)
		return 0;
	words = w->scan_word;
	l = wt_learned(w->scan_frame, &tag);
	if (!l || words > 0xffff)
		return 0;
	word = l->word;
	if (l->frame != w->scan_frame || WT_LEARN_TAG(word) != tag) {
		l->word = WT_LEARN(words, 1, 0, tag);
		l->frame = w->scan_frame;
		return 0;
	}
	agreed = WT_LEARN_AGREED(word);
	differed = WT_LEARN_DIFFERED(word);
	if (words == WT_LEARN_WORDS(word))
		agreed += agreed < 0xffff;
	else
		differed += differed < 0xffff;
	l->word = WT_LEARN(WT_LEARN_WORDS(word), agreed, differed, tag);
	return 0;
}
