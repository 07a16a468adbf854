// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stack.bpf.c - the user stack of a thread, and its memory of the last user and
 * kernel stacks: what can be verified need not be unwound again.
 */
#include "hot.bpf.h"

static __always_inline void wt_begin_walk(struct wt_walk *w, struct wt_task *t)
{
	/* an exec shows in the account only at the next switch-out */
	w->image = t->exec_ns ? t->exec_image : t->image;
	w->tgid = t->tgid;
	w->sp0 = w->sp;
	w->fp0 = w->fp;
	w->ip0 = w->ip;
	w->bx_at = 0;
	w->hash = WT_WALK_HASH;
	w->line_at = WT_NO_LINE;
	w->map.start = 0;
	w->map.end = 0;
	w->n = 0;
	w->end = 0;
	w->over = 0;
	w->caller = 0;
	w->fp_lost = 0;
	w->own = 0;
	w->guess = 0;
	w->dirty = 0;
	w->scans = 0;
	w->scanning = 0;
	w->lacked = 0;
	w->head = 0;
	w->believed = 0;
	w->slots = 0;
	w->slot_end = 0;
}

/*
 * What the process has mapped.  A thread keeps what it has found: a search costs some 60 ns, and
 * 200 where it is not in the CPU's caches.
 */
static __always_inline void wt_enter_space(struct wt_walk *w, struct wt_task *t)
{
	__u64 changes = run_space_changes + 1;
	__u32 tgid = t->tgid;
	struct wt_space *sp;

	w->space_known = 0;
	if (t->space_changes != changes || t->space.image != w->image) {
		sp = bpf_map_lookup_elem(&spaces, &tgid);
		if (!sp || sp->image != w->image)
			return;
		t->space = *sp;
		t->space_changes = changes;
	}
	w->first_map = t->space.first;
	w->n_maps = t->space.n;
	w->space_flags = t->space.flags;
	w->space_version = t->space.version;
	w->space_known = 1;
}

/* Random odd numbers: of the eight words of a turn each is multiplied by another. */
static const __u64 wt_factor[8] = {
	0x9e6c63d0876a9a47, 0xc4d31a7b5f2e8d63, 0x8b1f54e9d07c3a95, 0xd6e8feb86659fd93,
	0xa3b195354a39b70d, 0xf39cc0605cedc835, 0x94d049bb133111eb, 0xbf58476d1ce4e5b9,
};

/*
 * A walk is a function of the first registers, the words it read and the tables:
 * the same of all these is the same stack.  The words of a turn are multiplied side by
 * side and not one after the other: a chain of multiplications takes longer than all the rest.
 */
__u64 wt_slots_hash(struct wt_scratch *s, struct wt_ucache *c)
{
	__u64 h, sum, v;

	if (!s || !c)
		return 0;
	h = s->walk.fp0;
	/* eight at a time: each turn is a state for the verifier to compare */
	for (__u32 i = 0; i < WT_USLOTS; i += 8) {
		if (i >= c->n)
			break;
		sum = 0;
#pragma unroll
		for (__u32 k = 0; k < 8; k++) {
			v = *(__u64 *)(s->span + (c->slot[i + k] & (WT_USPAN / 8 - 1)) * 8);
			sum += (v ^ v >> 32) * wt_factor[k];
		}
		h = wt_hash_add(h, sum);
	}
	return wt_mix(h);
}

/* What fills the last eight is the first slot again, not what a longer walk left there. */
static __always_inline void wt_pad_slots(struct wt_ucache *c)
{
#pragma unroll
	for (__u32 k = 0; k < 7; k++) {
		c->slot[(c->n + k) & (WT_USLOTS_ROOM - 1)] = c->slot[0];
	}
}

static __always_inline struct wt_ucache *wt_uway(struct wt_task *t, struct wt_walk *w)
{
	return &t->ucache[wt_mix(w->ip0 ^ w->sp0) & (WT_UWAYS - 1)];
}

/* The words as they are now, to where the slots say. */
static __always_inline int wt_read_segs(struct wt_scratch *s, struct wt_ucache *c)
{
#pragma unroll
	for (__u32 k = 0; k < WT_USEGS; k++) {
		__u32 len = c->seg_len[k];

		if (k >= c->segs)
			break;
		if (len > WT_USEG ||
		    bpf_probe_read_user(s->span + k * WT_USEG, len, (void *)(c->sp + c->seg_at[k])))
			return -1;
	}
	return 0;
}

struct wt_pack {
	struct wt_walk *w;
	struct wt_ucache *c;
};

/* The place that the word lies in becomes so large, or there is one more; 1: there is no more room. */
static long wt_pack_slot(__u32 i, struct wt_pack *p)
{
	struct wt_ucache *c = p->c;
	__u32 off, lo, end, k = (c->segs - 1) & (WT_USEGS - 1);

	i = i < WT_USLOTS ? i : 0;
	off = (__u32)p->w->slot[i] << 3;
	lo = c->seg_at[k];
	end = lo + c->seg_len[k];
	if (off + 8 > lo + WT_USEG) {
		if (c->segs >= WT_USEGS)
			return 1;
		k = c->segs & (WT_USEGS - 1);
		c->segs++;
		lo = off;
		end = off + 8;
	} else if (off < lo) {
		lo = off;
	} else if (off + 8 > end) {
		end = off + 8;
	}
	if (end - lo > WT_USEG)
		return 1;
	c->seg_at[k] = lo;
	c->seg_len[k] = end - lo;
	c->n = i + 1;
	return 0;
}

/* Where it is in what is read. */
static long wt_place_slot(__u32 i, struct wt_pack *p)
{
	struct wt_ucache *c = p->c;
	__u32 off;

	i = i < WT_USLOTS ? i : 0;
	off = (__u32)p->w->slot[i] << 3;
#pragma unroll
	for (__u32 k = 0; k < WT_USEGS; k++) {
		if (off - c->seg_at[k] < c->seg_len[k] && k < c->segs) {
			c->slot[i] = (k * WT_USEG + off - c->seg_at[k]) >> 3;
			return 0;
		}
	}
	return 1;
}

/*
 * A frame with a large array lies far from its caller's: what is between them is not read, and
 * cannot be, where it is a page that nobody has touched.  A walk comes by higher words, but
 * for those of one frame, which lie close together.  -1: they are in more places than there is room for.
 */
static __always_inline int wt_pack_slots(struct wt_walk *w, struct wt_ucache *c)
{
	struct wt_pack p = { w, c };
	__u32 n = w->slots;

	c->segs = 1;
	c->seg_at[0] = n ? (__u32)w->slot[0] << 3 : 0;
	c->seg_len[0] = 0;
	c->n = 0;
	/* loops of their own would be proved anew for each slot */
	bpf_loop(n, wt_pack_slot, &p, 0);
	if (c->n != n)
		return -1;
	bpf_loop(n, wt_place_slot, &p, 0);
	return 0;
}

__u64 wt_recall_user(struct wt_scratch *s, struct wt_task *t)
{
	struct wt_ucache *c;
	__u32 span;

	if (!s || !t)
		return 0;
	c = wt_uway(t, &s->walk);
	if (!c->id || c->ip != s->walk.ip0 || c->sp != s->walk.sp0)
		return 0;
	span = c->span;
	if (!s->walk.space_known || s->walk.space_version != c->version || span > WT_USPAN)
		return 0;
	if (c->segs ? wt_read_segs(s, c) : bpf_probe_read_user(s->span, span, (void *)c->sp))
		return 0;
	return wt_slots_hash(s, c) == c->hash ? c->id : 0;
}

int wt_remember_user(struct wt_scratch *s, struct wt_task *t, __u64 id)
{
	struct wt_ucache *c;
	struct wt_walk *w;
	__u32 span;

	if (!s || !t)
		return -1;
	w = &s->walk;
	c = wt_uway(t, w);
	c->id = 0;
	span = w->slot_end;
	if (w->dirty || w->end != WT_END_ROOT || w->slots > WT_USLOTS)
		return -1;
	c->ip = w->ip0;
	c->sp = w->sp0;
	c->version = w->space_version;
	c->n = w->slots;
	if (span > WT_USPAN) {
		if (wt_pack_slots(w, c) || wt_read_segs(s, c))
			return -1;
	} else {
		barrier_var(span);	/* 6.1 forgets its bounds */
		if (span > WT_USPAN || bpf_probe_read_user(s->span, span, (void *)w->sp0))
			return -1;
		c->segs = 0;
		c->span = span;
		__builtin_memcpy(c->slot, w->slot, sizeof(w->slot));
	}
	wt_pad_slots(c);
	c->hash = wt_slots_hash(s, c);
	c->id = id;
	return 0;
}

/*
 * What a thread's registers point to is gone when it has given back its memory, or is about
 * to begin another program.  The first frame is all that can be told, and not even that where
 * nobody knows any more what was mapped there.
 */
int wt_memory_gone(struct wt_scratch *s, struct wt_task *t)
{
	struct task_struct *cur = bpf_get_current_task_btf();
	__u64 mm = (__u64)cur->mm;

	if (!s || !t)
		return 0;
	if (mm && (mm == t->mm || !BPF_CORE_READ_BITFIELD(cur, in_execve)))
		return 0;
	s->walk.end = mm ? WT_END_EXECING : WT_END_EXITING;
	s->walk.n = WT_FRAME_TAG(s->ip[0]) == WT_FRAME_OBJ;
	s->walk.hash = wt_hash_add(WT_WALK_HASH, s->walk.n ? s->ip[0] : 0);
	s->walk.own = 0;
	return 1;
}

/* It came to a root, but through a VM's code by frame pointers, which that does not keep. */
static __always_inline bool wt_unsure(struct wt_walk *w)
{
	if (!w->own || !(w->space_flags & WT_SPACE_JVM_SOON))
		return false;
	w->dirty = 1;
	return true;
}

static __always_inline __u64 wt_walk_user(struct wt_scratch *s, struct wt_task *t, __u32 slot)
{
	struct wt_walk *w = &s->walk;
	__u64 id;

	wt_counted(WT_CNT_USTACK);
	if (cfg_opts & WT_OPT_FP)
		wt_walk_fp(s);
	else
		wt_walk_tables(s);
	if ((w->scanning && w->end == WT_END_ROOT) || w->believed)
		wt_scan_learn(s);
	if ((w->end == WT_END_ROOT ? wt_unsure(w) : !wt_memory_gone(s, t)) && !(cfg_opts & WT_OPT_FP)) {
		id = wt_send_raw(s, slot);
		if (id)
			return id;
	}
	id = wt_hash_add(w->hash, w->end);
	if (w->own)		/* the same words would be other frames elsewhere */
		id = wt_hash_add(id, w->image);
	id = wt_mix(id);
	if (id != t->last_ustack) {
		if (s->sampling)
			s->unsent = 1;
		else
			wt_send_stack(s, id, w->n, t->tgid, w->end);
		t->last_ustack = id;
	}
	return id;
}

__u64 wt_user_stack(struct wt_scratch *s, struct wt_task *t, __u32 recall)
{
	__u64 id = 0, known = 0;
	__u32 slot = recall;		/* a switch, which remembers, or a sample */

	if (!s || !t)
		return 0;
	if (!s->walk.ip)
		return 0;
	s->walk.context = slot != 0;
	wt_begin_walk(&s->walk, t);
	wt_enter_space(&s->walk, t);
	if (!slot)
		wt_hot_ahead(&s->walk);
	s->py.begun = 0;
	if (cfg_opts & (WT_OPT_NOREMEMBER | WT_OPT_FP))
		recall = 0;
	if (recall) {
		known = wt_recall_user(s, t);
		if (known && wt_fault(WT_FAULT_RECALL, 4))
			known ^= 1ULL << 40;
	}
	if (known && !(cfg_opts & WT_OPT_CHECK)) {
		wt_counted(WT_CNT_USTACK_HIT);
		return known;
	}
	id = wt_walk_user(s, t, slot);
	if (known && known != id)
		wt_counted(WT_CNT_USTACK_WRONG);
	else if (known)
		wt_counted(WT_CNT_USTACK_HIT);
	if (recall)
		wt_remember_user(s, t, id);
	return id;
}

static long wt_hash_frame(__u32 i, struct wt_scratch **p)
{
	struct wt_scratch *s = *p;

	s->walk.hash = wt_hash_add(s->walk.hash, s->ip[i & WT_MAX_FRAMES]);
	return 0;
}

__u64 wt_kernel_stack_id(struct wt_scratch *s, __u32 n)
{
	__u64 h;

	if (!s)
		return 0;
	s->walk.hash = 0x6b;
	bpf_loop(n < WT_MAX_KFRAMES ? n : WT_MAX_KFRAMES, wt_hash_frame, &s, 0);
	h = wt_mix(s->walk.hash);
	wt_send_stack(s, h, n, 0, n >= WT_MAX_KFRAMES ? WT_END_DEEP : WT_END_KERNEL);
	return h;
}

/*
 * A blocked task's kernel stack lies still in memory.  If every slot where a
 * return address lay the last time holds the same address again, the stack is
 * the same: the frame below each return address is fixed by that address.  The
 * outermost two are left out, CONFIG_RANDOMIZE_KSTACK_OFFSET moves them.
 */
__u64 wt_recall(struct wt_scratch *s, struct wt_kcache *c, __u64 sp)
{
	__u32 size;

	if (!s || !c || !c->id || c->n < 2 || c->n > WT_KSLOTS)
		return 0;
	if (cfg_word) {			/* a word is a load: no more is read than what is compared */
		for (__u32 i = 0; i < WT_KSLOTS; i++) {
			if (i >= c->n)
				break;
			if (WT_LOAD(__u64, sp + (c->off[i] & 2040)) != c->ip[i])
				return 0;
		}
		return c->id;
	}
	/* no further than the last slot: the stack may end soon after */
	size = c->off[(c->n - 1) & 15] + 8;
	if (size > WT_KSPAN || bpf_probe_read_kernel(s->span, size, (void *)sp))
		return 0;
	for (__u32 i = 0; i < WT_KSLOTS; i++) {
		if (i >= c->n)
			break;
		if (*(__u64 *)(s->span + (c->off[i] & 2040)) != c->ip[i])
			return 0;
	}
	return c->id;
}

struct wt_remember_ctx {
	struct wt_scratch *s;
	struct wt_kcache *c;
	bool refine;		/* the stack is the one in c: its slots lie no lower than noted */
};

static long wt_remember_word(__u32 i, struct wt_remember_ctx *x)
{
	struct wt_scratch *s = x->s;
	struct wt_kcache *c = x->c;
	__u32 found = s->found;
	__u64 word;

	if (found >= s->want || i * 8 >= s->span_used)
		return 1;
	word = *(__u64 *)(s->span + ((i * 8) & 2040));
	if (x->refine && i * 8 < c->off[found & 15])
		return 0;
	if (word == s->ip[found & 31]) {
		c->ip[found & 15] = word;
		c->off[found & 15] = i * 8;
		s->found = found + 1;
	}
	return 0;
}

/*
 * Which slot a return address lies in, the unwinder does not say.  The first
 * place above sp that holds it is the slot, or an old copy below it; as the
 * stack moves (CONFIG_RANDOMIZE_KSTACK_OFFSET) an old copy does not stay in
 * place, and the search goes on from there.  So the slots settle from below.
 */
int wt_remember(struct wt_scratch *s, struct wt_kcache *c, __u64 sp, __u32 n, __u64 id)
{
	struct wt_remember_ctx x = { .s = s, .c = c };
	__u32 size = cfg_stack_size - (sp & (cfg_stack_size - 1));	/* stacks are aligned to their size */

	if (!s || !c)
		return -1;
	x.refine = c->id == id;
	c->id = 0;
	c->confirmed = 0;
	if (size > WT_KSPAN)
		size = WT_KSPAN;
	if (n < 4 || n - 2 > 16 || bpf_probe_read_kernel(s->span, size, (void *)sp))
		return -1;
	s->span_used = size;
	s->want = n - 2;
	s->found = 0;
	bpf_loop(WT_KSPAN / 8, wt_remember_word, &x, 0);
	if (s->found != s->want)
		return -1;
	c->n = s->want;
	c->id = id;
	return 0;
}
