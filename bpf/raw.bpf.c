// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * raw.bpf.c - the first stacks of a process meet mappings and objects that user
 * space has no tables of yet.  Of those a raw copy is sent, the registers and the
 * stack's bytes, and user space walks it as soon as the tables are there
 * (user/unwind/raw.h).
 *
 * A copy is a hundred times as large as a stack's frames, so it is rationed: by
 * bytes a second, by what lies in the ring unread, and for each program.
 */
#include "probed.bpf.h"

#define WT_RAW_WINDOW 30		/* 2^30 ns, about a second … */
#define WT_RAW_BYTES (16 << 20)		/* … in which no more than that is copied */
#define WT_RAW_SHARE 2			/* of the ring, one part in so many at most */
#define WT_RAW_BURST 2048		/* copies of one program at once … */
#define WT_RAW_REFILL 26		/* … and one more every 2^26 ns, 15 a second */
#define WT_RAW_TOP 128			/* above the first word that the kernel laid on a stack, argc */
#define WT_RAW_DEEPEST (8 << 20)	/* a stack that begins further up is another one */
#define WT_RAW_LOWER 16384		/* of a stack that is longer than a copy */
#define WT_RAW_UPPER (WT_RAW_STACK - WT_RAW_LOWER)

#define WT_RAW_MASK 32767
#define WT_RAW_LAST (WT_RAW_STACK - 4096)
/* A struct wt_ev_raw with its stack. */
struct wt_raw_buf {
	__u64 word[4096];
};
_Static_assert(sizeof(struct wt_raw_buf) == WT_RAW_MASK + 1 &&
	       sizeof(struct wt_ev_raw) + WT_RAW_STACK <= WT_RAW_MASK, "sizes are masked for the verifier");

/* One for each context that can interrupt the other. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct wt_raw_buf);
} raw_buf SEC(".maps");

struct wt_raw_spent {
	__u64 window;			/* the time that `bytes` is of, in units of a window */
	__u64 bytes;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_raw_spent);
} raw_spent SEC(".maps");

struct wt_raw_image {
	__u64 since;			/* of the last refill */
	__u64 left;			/* copies */
};
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct wt_raw_image);
} raw_images SEC(".maps");

/* CPUs may disagree by a copy or two: it is a limit, no account. */
static __always_inline bool wt_raw_image_may(__u64 image, __u64 now)
{
	struct wt_raw_image fresh = { .since = now, .left = WT_RAW_BURST - 1 }, *i;
	__u64 more;

	i = bpf_map_lookup_elem(&raw_images, &image);
	if (!i) {
		bpf_map_update_elem(&raw_images, &image, &fresh, BPF_ANY);
		return true;
	}
	more = now > i->since ? (now - i->since) >> WT_RAW_REFILL : 0;
	if (more) {
		i->since = now;
		i->left = i->left + more < WT_RAW_BURST ? i->left + more : WT_RAW_BURST;
	}
	if (!i->left)
		return false;
	i->left--;
	return true;
}

static __always_inline __u64 wt_raw_unread(void)
{
	return bpf_ringbuf_query(&ring, BPF_RB_AVAIL_DATA);
}

static __always_inline __u64 wt_raw_share(void)
{
	return bpf_ringbuf_query(&ring, BPF_RB_RING_SIZE) / WT_RAW_SHARE;
}

static __always_inline bool wt_raw_bytes_may(__u64 now)
{
	__u64 window = now >> WT_RAW_WINDOW;
	struct wt_raw_spent *spent;
	__u32 zero = 0;

	if (wt_raw_unread() + WT_RAW_MASK + WT_RAW_MORES * WT_RAW_HALF > wt_raw_share())
		return false;
	spent = bpf_map_lookup_elem(&raw_spent, &zero);
	if (!spent)
		return false;
	if (spent->window != window) {
		spent->window = window;
		spent->bytes = 0;
	}
	return spent->bytes < WT_RAW_BYTES;
}

static __always_inline void wt_raw_spend(__u64 size)
{
	struct wt_raw_spent *spent;
	__u32 zero = 0;

	spent = bpf_map_lookup_elem(&raw_spent, &zero);
	if (spent)
		__sync_fetch_and_add(&spent->bytes, size);
}

/* The end of the stack for signals if sp lies in one of the thread's, else 0. */
static __always_inline __u64 wt_raw_signals(__u64 sp)
{
	struct task_struct *t = bpf_get_current_task_btf();
	__u64 start = BPF_CORE_READ(t, sas_ss_sp), size = BPF_CORE_READ(t, sas_ss_size);

	return sp - start < size ? (start + size) & ~7ULL : 0;
}

/*
 * Where the stack that sp lies in begins, 0: not known.  The initial thread's does
 * where the kernel put argc; above another's lies the thread's own block, which fs
 * points to.
 */
static __always_inline __u64 wt_raw_top(__u64 sp)
{
	struct task_struct *t = bpf_get_current_task_btf();
	__u64 top = BPF_CORE_READ(t, mm, start_stack) + WT_RAW_TOP, best = 0;

	if (top > sp && top - sp < WT_RAW_DEEPEST)
		best = top;
#if defined(__TARGET_ARCH_x86)
	top = BPF_CORE_READ(t, thread.fsbase);
	if (top > sp && top - sp < WT_RAW_DEEPEST && (!best || top < best))
		best = top;
#endif
	return best & ~7ULL;
}

/* Where the thread's own stack begins, on whichever it is. */
static __always_inline __u64 wt_raw_own_top(void)
{
	struct task_struct *t = bpf_get_current_task_btf();

#if defined(__TARGET_ARCH_x86)
	if (t->pid != t->tgid)
		return BPF_CORE_READ(t, thread.fsbase) & ~7ULL;
#endif
	return (BPF_CORE_READ(t, mm, start_stack) + WT_RAW_TOP) & ~7ULL;
}

/* What is put where a page cannot be read: nobody has touched it yet, most often. */
static const __u64 wt_raw_hole[512] = { [0 ... 511] = WT_RAW_HOLE };

struct wt_raw_pages {
	struct wt_raw_buf *buf;
	__u64 at, size;			/* of what is copied … */
	__u64 to;			/* … into its stack, from that byte on */
	__u64 read;			/* some of it could be; a count would be proved for each of its values */
};

static long wt_raw_page(__u32 i, struct wt_raw_pages *p)
{
	__u64 from = i ? (p->at & ~4095ULL) + i * 4096ULL : p->at, end = p->at + p->size;
	__u64 len = 4096 - (from & 4095), to = p->to + (from - p->at);
	struct wt_raw_buf *buf = p->buf;
	void *dst;

	if (!buf || from >= end)
		return 1;
	if (len > end - from)
		len = end - from;
	/* the verifier knows no sums: of the last page some comes twice */
	if (to > WT_RAW_LAST) {
		from -= to - WT_RAW_LAST;
		len += to - WT_RAW_LAST;
		to = WT_RAW_LAST;
	}
	barrier_var(len);
	if (len > 4096)
		len = 4096;
	dst = (void *)buf + sizeof(struct wt_ev_raw) + to;
	if (!bpf_probe_read_user(dst, len, (void *)from))
		p->read = 1;
	else
		bpf_probe_read_kernel(dst, len, wt_raw_hole);
	return 0;
}

/*
 * The stack's bytes from `at` on to byte `to` of the copy, multiples of 8, page by page.  0, or -1:
 * none of them can be read.
 */
__noinline int wt_raw_read(struct wt_raw_buf *buf, __u64 at, __u64 size, __u64 to)
{
	struct wt_raw_pages p = { buf, at, size, to, 0 };

	if (!buf)
		return -1;
	bpf_loop(WT_RAW_STACK / 4096 + 2, wt_raw_page, &p, 0);
	return p.read ? 0 : -1;
}

/* The last bytes of a stack that begins at top, behind what e has of its lower end. */
static __always_inline void wt_raw_upper(struct wt_ev_raw *e, __u64 top)
{
	if (wt_raw_read((void *)e, top - WT_RAW_UPPER, WT_RAW_UPPER, e->low))
		return;
	e->upper = top - WT_RAW_UPPER;
	e->size = e->low + WT_RAW_UPPER;
}

/* On a signal's stack: what there is of it, and the beginning of what was interrupted. */
static __always_inline int wt_raw_copy_signal(struct wt_ev_raw *e, __u64 end)
{
	__u64 size = end - e->sp;

	if (size > WT_RAW_LOWER)
		size = WT_RAW_LOWER;
	if (wt_raw_read((void *)e, e->sp, size & ~7ULL, 0))
		return -1;
	e->low = size & ~7ULL;
	e->size = e->low;
	wt_raw_upper(e, wt_raw_own_top());
	return 0;
}

/* The stack behind e->sp into e, whole or its two ends.  0, or -1: it cannot be read. */
static __always_inline int wt_raw_copy(struct wt_ev_raw *e)
{
	__u64 signals = wt_raw_signals(e->sp), top = wt_raw_top(e->sp);
	__u64 size = top ? top - e->sp : WT_RAW_STACK;

	e->upper = 0;
	if (signals)
		return wt_raw_copy_signal(e, signals);
	e->low = size <= WT_RAW_STACK ? size & ~7ULL : WT_RAW_LOWER;
	e->size = e->low;
	if (wt_raw_read((void *)e, e->sp, e->low, 0))
		return -1;
	if (size > WT_RAW_STACK)
		wt_raw_upper(e, top);
	return 0;
}

struct wt_raw_mend {
	struct wt_ev_raw *e;
	__u64 at;			/* struct return_instance */
};

static long wt_raw_mend_one(__u32 i, struct wt_raw_mend *m)
{
	struct return_instance *r = (void *)m->at;
	struct wt_ev_raw *e = m->e;
	__u64 off;

	if (!r)
		return 1;
	off = BPF_CORE_READ(r, stack) - e->sp;
	if (off < e->low && off < WT_RAW_STACK && !(off & 7))
		e->stack[off >> 3] = BPF_CORE_READ(r, orig_ret_vaddr);
	m->at = (__u64)BPF_CORE_READ(r, next);
	return 0;
}

/* What probes have put into the copy, replaced by what was there (probed.bpf.c). */
static __always_inline void wt_raw_mend(struct wt_ev_raw *e)
{
	struct uprobe_task *u = wt_utask();
	struct wt_raw_mend m = { e, 0 };
	__u64 ip;

	if (!u)
		return;
	ip = wt_probed_ip(u, e->ip);
	if (ip)
		e->ip = ip;
	m.at = (__u64)BPF_CORE_READ(u, return_instances);
	bpf_loop(WT_RETURNS, wt_raw_mend_one, &m, 0);
}

/*
 * The pages of the stack from `at` on, as many as there are of size bytes and room for; each size
 * of an event is a constant to the verifier.  All of that is read: to ask each time whether
 * it is wanted multiplies the verifier's work.
 */
#define WT_RAW_MORE_OF(room) \
static __always_inline int wt_raw_more_##room(__u64 id, __u64 at, __u64 size) \
{ \
	struct { struct wt_ev_rawmore e; __u8 bytes[room]; } *m; \
	\
	if (size > room) \
		size = room; \
	wt_raw_spend(room); \
	m = bpf_ringbuf_reserve(&ring, sizeof(*m), 0); \
	if (!m) \
		return -1; \
	m->e.h.type = WT_EV_RAWMORE; \
	m->e.h.zero = 0; \
	m->e.h.ts_ns = 0; \
	m->e.id = id; \
	m->e.at = at; \
	m->e.size = size; \
	_Pragma("unroll") \
	for (__u32 i = 0; i < room / 4096; i++) { \
		if (bpf_probe_read_user(m->bytes + i * 4096, 4096, (void *)(at + i * 4096))) \
			bpf_probe_read_kernel(m->bytes + i * 4096, 4096, wt_raw_hole); \
	} \
	bpf_ringbuf_submit(m, BPF_RB_NO_WAKEUP); \
	return 0; \
}
WT_RAW_MORE_OF(WT_RAW_MORE)
WT_RAW_MORE_OF(WT_RAW_HALF)

/*
 * What a copy of two ends leaves out between them: a large program's stacks are not small.  Where
 * that is too much it is the middle that is left out: a frame that is so large has an array there.
 */
int wt_raw_between(struct wt_ev_raw *e)
{
	__u64 at, end, id;

	if (!e || !e->upper)
		return -1;
	id = e->id;
	at = (e->sp + e->low) & ~4095ULL;
	end = (e->upper + 4095) & ~4095ULL;
	/* on a signal's stack the other end is that of another one */
	if (end <= at || end - at > WT_RAW_DEEPEST || wt_raw_signals(e->sp))
		return -1;
	if (end - at <= WT_RAW_MORE)
		return wt_raw_more_WT_RAW_MORE(id, at, end - at);
	if (wt_raw_more_WT_RAW_HALF(id, at, end - at))
		return -1;
	if (end - at <= WT_RAW_HALF)
		return 0;
	return wt_raw_more_WT_RAW_HALF(id, end - WT_RAW_HALF, WT_RAW_HALF);
}

/*
 * The walk came as far as a frame of an object without rows, and what it found is sure: it
 * can be gone on with from there, so that nothing is lost that only the living process tells.
 */
static __always_inline bool wt_raw_resumes(struct wt_scratch *s)
{
	struct wt_walk *w = &s->walk;

	return w->end == WT_END_NO_TABLE && !w->scanning && w->head && w->n < WT_MAX_FRAMES &&
	       (w->n > 1 || s->py.begun == WT_PY_BEGUN);
}

/* The walk ended, or went wrong, because user space has not been told enough (yet). */
static __always_inline bool wt_raw_helps(struct wt_scratch *s)
{
	struct wt_walk *w = &s->walk;

	/* what it says of Python or of Java would be lost: no copy can tell */
	if (s->py.begun == WT_PY_BEGUN)
		return w->end == WT_END_NO_SPACE || (wt_raw_resumes(s) && !s->py.torn);
	/* frame pointers led through it, or did not */
	if (w->own && (w->space_flags & WT_SPACE_JVM_SOON))
		return true;
	if (w->own && (w->space_flags & WT_SPACE_JVM))
		return w->end == WT_END_NO_SPACE || wt_raw_resumes(s);
	switch (w->end) {
	case WT_END_NO_SPACE:
	case WT_END_NO_TABLE:
	case WT_END_UNMAPPED:		/* perhaps by something mapped just now */
		return true;
	}
	return w->lacked && w->end != WT_END_ROOT;
}

/* The registers of the first frame. */
static __always_inline void wt_raw_begin(struct wt_ev_raw *e, struct wt_walk *w)
{
	e->ip = w->ip0;
	e->sp = w->sp0;
	e->fp = w->fp0;
	e->bx = w->bx0;
	e->n = 0;
	e->head = 0;
	__builtin_memset(e->ends, 0, sizeof(e->ends));
	e->flags = 0;
}

/* Those of the one that the walk could not leave; behind it there may be Python's. */
static __always_inline void wt_raw_resume(struct wt_ev_raw *e, struct wt_scratch *s)
{
	struct wt_walk *w = &s->walk;
	__u64 bx = w->bx0, at = s->ip[(w->head - 1) & WT_MAX_FRAMES];
	bool py = s->py.begun == WT_PY_BEGUN, loop = py && s->py.loop;

	e->ip = w->ip;
	e->sp = w->sp;
	e->fp = w->fp;
	e->n = bpf_probe_read_kernel(e->frame, sizeof(e->frame), s->ip) ? 0 : w->n;
	e->head = e->n ? w->head - 1 : 0;
	if (py)
		__builtin_memcpy(e->ends, s->py.ends, sizeof(e->ends));
	else
		__builtin_memset(e->ends, 0, sizeof(e->ends));
	e->flags = (loop ? WT_RAW_LOOP : 0) | (w->caller ? WT_RAW_CALLER : 0) | (w->fp_lost ? WT_RAW_FP_LOST : 0);
	if (w->bx_at == WT_BX_LOST || (w->bx_at && bpf_probe_read_user(&bx, sizeof(bx), (void *)w->bx_at)))
		e->flags |= WT_RAW_BX_LOST;
	e->bx = bx;
	if (!loop && WT_FRAME_TAG(at) == WT_FRAME_OBJ && (at & WT_FRAME_GUESS))
		e->flags |= WT_RAW_GUESS;
}

/* Fills in e, within the budget; 0, or -1: over it, 1: there is nothing to send. */
static __always_inline int wt_raw_fill(struct wt_ev_raw *e, struct wt_scratch *s)
{
	struct wt_walk *w = &s->walk;
	__u64 now = bpf_ktime_get_ns();

	if (!wt_raw_image_may(w->image, now) || !wt_raw_bytes_may(now))
		return -1;
	e->h.type = WT_EV_RAWSTACK;
	e->h.ts_ns = now;
	e->id = wt_mix(wt_hash_add(wt_hash_add(wt_hash_add(w->image, w->sp0), w->ip0), now));
	e->image = w->image;
	e->tgid = w->tgid;
	if (wt_raw_resumes(s))
		wt_raw_resume(e, s);
	else
		wt_raw_begin(e, w);
	if (wt_raw_copy(e))
		return 1;
	wt_raw_mend(e);
	return 0;
}

/*
 * What only a living process tells is not in a copy: a VM's methods.  Whoever blocks for long
 * can be asked later.
 */
int wt_raw_tell(struct wt_scratch *s, __u64 id, __u64 ts_ns)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct wt_ev_asleep *a;
	struct wt_walk *w;

	if (!s || !s->walk.context)
		return 0;
	w = &s->walk;
	a = bpf_ringbuf_reserve(&ring, sizeof(*a), 0);
	if (!a)
		return 0;
	wt_asleep_head(a, t, ts_ns);
	a->id = id;
	a->image = w->image;
	a->ip = w->ip0;
	a->sp = w->sp0;
	a->fp = w->fp0;
	a->bx = w->bx0;
	a->copied = 1;
	bpf_ringbuf_submit(a, BPF_RB_NO_WAKEUP);
	return 0;
}

__u64 wt_send_raw(struct wt_scratch *s, __u32 slot)
{
	__u32 key = slot != 0;
	struct wt_ev_raw *e;
	__u64 size, flags;
	int err;

	if (!s || !wt_raw_helps(s))
		return 0;
	e = bpf_map_lookup_elem(&raw_buf, &key);
	if (!e)
		return 0;
	err = wt_raw_fill(e, s);
	if (err > 0)
		return 0;
	if (!err) {
		/* in time: it reads the ring ten times a second else */
		flags = wt_raw_unread() > wt_raw_share() / 2 ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
		size = (sizeof(*e) + e->size) & WT_RAW_MASK;
		wt_raw_spend(size);
		wt_raw_between(e);
		if (!bpf_ringbuf_output(&ring, e, size, flags)) {
			wt_raw_tell(s, e->id, e->h.ts_ns);
			return e->id;
		}
	}
	/* an address that is in no mapping is likely to stay so: nothing is lost by that; nor of a whole stack */
	if (s->walk.end != WT_END_UNMAPPED && s->walk.end != WT_END_ROOT)
		wt_lost(WT_LOSS_RAW);
	return 0;
}
