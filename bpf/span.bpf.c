// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * span.bpf.c - spans: what a thread's account grew by between two places in its
 * program.
 *
 * The account is only read here, never charged: a probe may be preempted, and the
 * switch program is the one that writes.  What of the open interval has passed is
 * added to the copy.  Two copies differ by exactly the time between them.
 *
 * A function's span is found again by where its return address lies.  The stack
 * grows down: a span whose place lies at or below the stack pointer of now was left
 * another way (longjmp, an exception).
 */
#include "charge.bpf.h"

#define WT_SPAN_STACK (8 << 20)		/* places that far apart are of different stacks */

static __always_inline struct wt_span_total *wt_span_total(__u32 span)
{
	return bpf_map_lookup_elem(&span_totals, &span);
}

/* The places in the order, oldest first. */
static __always_inline __u32 wt_span_place(struct wt_span_stack *k, __u32 i)
{
	return (k->order >> ((i & 7) * 8)) & (WT_SPAN_DEPTH - 1);
}

static __always_inline void wt_span_remove(struct wt_span_stack *k, __u32 i)
{
	__u32 bit = (i & 7) * 8, place = wt_span_place(k, i);
	__u64 below = k->order & ((1ULL << bit) - 1);

	k->order = below | (k->order >> bit >> 8 << bit);
	k->used &= ~(1U << place);
	if (k->n)
		k->n--;
}

/* What the detail lines of the thread are to say from now on. */
static __always_inline void wt_span_set(struct wt_task *w, struct wt_span_stack *k)
{
	__u32 n = k->n;

	w->span = n ? k->frame[wt_span_place(k, n - 1)].span : 0;
}

/*
 * While we copy, the thread may be switched out and in again: then its count of
 * switches tells.
 */
int wt_span_account(struct wt_task *w, struct wt_span_stack *k, __u64 at)
{
	__u64 now = at, since = 0, before, end = run_end_ns;
	volatile struct wt_task *v = w;
	__u32 state = WT_CPU;

	if (!w || !k)
		return -1;
	for (int try = 0; try < 4; try++) {
		before = v->switches;
		if (!at)
			now = bpf_ktime_get_ns();
		if (now > end)
			now = end;
		state = v->state;
		since = v->since;
		/* an exec that no switch-out has split yet: nothing of the new program but CPU time */
		if (v->exec_ns && v->exec_serial) {
			__builtin_memset(k->st_ns, 0, sizeof(k->st_ns));
			if (since < v->exec_ns)
				since = v->exec_ns;
			state = WT_CPU;
		} else {
			__builtin_memcpy(k->st_ns, w->st_ns, sizeof(k->st_ns));
		}
		if (now < since)
			now = since;
		if (v->switches == before)
			break;
	}
	k->at_ns = now;
	/* it runs, but was never seen to come: it waited until it was woken, as far as is known now */
	if (state >= WT_DISK && v->wake_ns > since && v->wake_ns < now) {
		if (state < WT_STATES)
			k->st_ns[state] += wt_within(since, v->wake_ns);
		since = v->wake_ns;
		state = WT_CPU;
	}
	if (state < WT_STATES)
		k->st_ns[state] += wt_within(since, now);
	return 0;
}

/*
 * A switch that was not traced and repaired between the two copies may have taken back
 * what a state had in the first: so much less of the others.
 */
static __always_inline void wt_span_level(struct wt_ev_span *e)
{
	__u64 owed = 0;

	for (int i = 0; i < WT_STATES; i++) {
		__u64 negative = (__s64)e->st_ns[i] < 0;

		owed -= negative ? e->st_ns[i] : 0;
		e->st_ns[i] = negative ? 0 : e->st_ns[i];
	}
	if (!owed)
		return;
	for (int i = 0; i < WT_STATES; i++) {
		__u64 take = e->st_ns[i] < owed ? e->st_ns[i] : owed;

		e->st_ns[i] -= take;
		owed -= take;
	}
}

static __always_inline void wt_span_add(struct wt_span_total *t, struct wt_ev_span *e)
{
	__u64 ns = e->end_ns - e->start_ns;
	__u32 b = wt_bucket(ns);

	/* per CPU, but another thread's probe may come in between */
	__sync_fetch_and_add(&t->count, 1);
	__sync_fetch_and_add(&t->total_ns, ns);
	for (int i = 0; i < WT_STATES; i++)
		__sync_fetch_and_add(&t->st_ns[i], e->st_ns[i]);
	if (b < WT_BUCKETS)
		__sync_fetch_and_add(&t->bucket[b], 1);
	if (!(e->flags & WT_SPAN_F_NAME) &&
	    (e->flags & (WT_SPAN_F_ABANDONED | WT_SPAN_F_EXIT | WT_SPAN_F_EXEC)))
		__sync_fetch_and_add(&t->abandoned, 1);
	for (int i = 0; i < 4; i++) {
		__u64 max = t->max_ns;

		if (ns <= max || __sync_val_compare_and_swap(&t->max_ns, max, ns) == max)
			break;
	}
}

/* Into the totals, and to user space. */
int wt_span_close(struct wt_task *w, struct wt_span_stack *k, struct wt_span_frame *f, __u32 why)
{
	struct wt_span_total *t;
	struct wt_ev_span *e;

	if (!w || !k || !f)
		return -1;
	e = &k->ev;
	e->h.type = WT_EV_SPAN;
	e->h.ts_ns = k->at_ns;
	e->start_ns = f->start_ns;
	e->end_ns = k->at_ns;
	for (int i = 0; i < WT_STATES; i++)
		e->st_ns[i] = k->st_ns[i] - f->st_ns[i];
	wt_span_level(e);
	e->job = w->exec_ns ? w->exec_job : w->job;
	e->cgroup = w->cgroup;
	e->serial = k->serial;
	e->epoch = f->epoch;
	e->tid = w->tid;
	e->tgid = w->tgid;
	e->span = f->span;
	e->flags = f->flags | why;
	__builtin_memset(e->name, 0, sizeof(e->name));
	if (!f->span)
		__builtin_memcpy(e->name, k->name, WT_COMM_LEN);
	t = wt_span_total(f->span);
	if (t && !(why & WT_SPAN_F_OPEN))
		wt_span_add(t, e);
	if (bpf_ringbuf_output(&ring, e, sizeof(*e), BPF_RB_NO_WAKEUP))
		wt_lost(WT_LOSS_SPAN);
	return 0;
}

static __always_inline __u32 wt_span_serial(struct wt_task *w)
{
	return w->exec_ns && w->exec_serial ? w->exec_serial : w->serial;
}

static __always_inline void wt_span_open(struct wt_task *w, struct wt_span_stack *k,
					 struct wt_span_frame *f, __u32 span)
{
	f->start_ns = k->at_ns;
	__builtin_memcpy(f->st_ns, k->st_ns, sizeof(f->st_ns));
	f->epoch = w->epoch;
	f->span = span;
	f->flags = 0;
}

/* On the stack that signal handlers were given. */
static __always_inline bool wt_on_altstack(__u64 sp)
{
	struct task_struct *t = bpf_get_current_task_btf();
	__u64 base = t->sas_ss_sp, size = t->sas_ss_size;

	return size && sp > base && sp - base <= size;
}

/*
 * The function of that span is no longer on the stack, of which sp is the top.
 * entry: of a function that begins there, number span; it may have been jumped to.
 */
static __always_inline bool wt_span_dead(struct wt_span_frame *f, __u64 sp, bool entry, __u32 span)
{
	bool alt = wt_on_altstack(sp), its_alt = wt_on_altstack(f->sp);
	__u64 ra;

	if (!f->sp || (alt && !its_alt))
		return false;		/* a signal handler's stack says nothing of what it interrupted */
	if (!alt && its_alt)
		return true;
	if (f->sp < sp && sp - f->sp < WT_SPAN_STACK)
		return true;
	if (f->sp == sp && (!entry || f->span == span))
		return true;
	/* further up all the same: by then something else may lie in its place */
	return f->ra && !bpf_probe_read_user(&ra, sizeof(ra), (void *)f->sp) && ra != f->ra;
}

/* Ends what was left without a return.  k->at_ns 0: the account was not copied yet. */
int wt_span_purge(struct wt_task *w, struct wt_span_stack *k, __u64 sp, __u32 span)
{
	if (!w || !k)
		return -1;
	for (__u32 turn = 0; turn < WT_SPAN_DEPTH; turn++) {
		__u32 i = WT_SPAN_DEPTH - 1 - turn;
		struct wt_span_frame *f;

		if (i >= k->n)
			continue;
		f = &k->frame[wt_span_place(k, i)];
		if (!wt_span_dead(f, sp, span != 0, span))
			continue;
		if (!k->at_ns)
			wt_span_account(w, k, 0);
		wt_span_close(w, k, f, WT_SPAN_F_ABANDONED);
		wt_span_remove(k, i);
	}
	return 0;
}

/* The place in the order of the innermost one of that span that is open; −1: none.  sp 0: any. */
static __always_inline int wt_span_find(struct wt_span_stack *k, __u32 span, __u64 sp)
{
	for (__u32 turn = 0; turn < WT_SPAN_DEPTH; turn++) {
		__u32 i = WT_SPAN_DEPTH - 1 - turn;
		struct wt_span_frame *f;

		if (i >= k->n)
			continue;
		f = &k->frame[wt_span_place(k, i)];
		if (f->span == span && (!sp || f->sp == sp))
			return i;
	}
	return -1;
}

static __noinline int wt_span_begin(struct wt_task *w, struct wt_span_stack *k, __u64 sp, __u32 span,
				    __u32 flags)
{
	struct wt_span_total *t = wt_span_total(span);
	struct wt_span_frame *f;
	__u32 place;
	int i;

	if (!t)
		return -1;
	if (sp)
		wt_span_purge(w, k, sp, span);
	i = wt_span_find(k, span, 0);
	if (i >= 0 && sp) {
		k->frame[wt_span_place(k, i)].flags |= WT_SPAN_F_RECURSED;
		__sync_fetch_and_add(&t->recursive, 1);
		return 0;
	}
	if (!k->at_ns)
		wt_span_account(w, k, 0);
	if (i >= 0) {		/* it begins again before it has come to its end */
		wt_span_close(w, k, &k->frame[wt_span_place(k, i)], WT_SPAN_F_ABANDONED);
		wt_span_remove(k, i);
	}
	for (place = 0; place < WT_SPAN_DEPTH; place++)
		if (!(k->used & 1U << place))
			break;
	if (place >= WT_SPAN_DEPTH || k->n >= WT_SPAN_DEPTH) {
		__sync_fetch_and_add(&t->deep, 1);
		wt_lost(WT_LOSS_SPAN_DEEP);
		return -1;
	}
	f = &k->frame[place];
	wt_span_open(w, k, f, span);
	f->sp = sp;
	f->ra = 0;
	if (sp && !(flags & (WT_SPAN_HIJACKED >> 16)))
		bpf_probe_read_user(&f->ra, sizeof(f->ra), (void *)sp);
	k->order &= ~(0xffULL << ((k->n & 7) * 8));
	k->order |= (__u64)place << ((k->n & 7) * 8);
	k->used |= 1U << place;
	k->n++;
	return 0;
}

static __noinline int wt_span_end(struct wt_task *w, struct wt_span_stack *k, __u64 sp, __u32 span,
				  bool counted)
{
	struct wt_span_total *t = wt_span_total(span);
	struct wt_span_frame *f;
	int i = wt_span_find(k, span, sp);

	if (!t)
		return -1;
	if (i < 0) {
		/* an inner call of a recursion returns: that is no end */
		i = sp ? wt_span_find(k, span, 0) : -1;
		if (counted && (i < 0 || k->frame[wt_span_place(k, i)].sp < sp))
			__sync_fetch_and_add(&t->unmatched, 1);
		return 0;
	}
	wt_span_account(w, k, 0);
	f = &k->frame[wt_span_place(k, i)];
	wt_span_close(w, k, f, 0);
	wt_span_remove(k, i);
	/* functions that it called and that have not returned before it */
	if (sp)
		wt_span_purge(w, k, sp - 1, 0);
	return 0;
}

static __always_inline __u64 wt_span_sp(struct pt_regs *ctx, __u32 at)
{
	__u64 sp = PT_REGS_SP(ctx);

#if defined(__TARGET_ARCH_x86)
	return at == WT_SPAN_RETURN ? sp - 8 : sp;
#else
	return sp;
#endif
}

static __always_inline struct wt_span_stack *wt_span_stack(struct task_struct *t, struct wt_task *w,
							   bool create)
{
	struct wt_span_stack *k;

	k = bpf_task_storage_get(&span_stacks, t, 0, create ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
	if (!k)
		return NULL;
	if (k->serial != wt_span_serial(w)) {
		k->serial = wt_span_serial(w);
		k->n = 0;
		k->used = 0;
		k->order = 0;
		k->name_frame.start_ns = 0;
	}
	k->at_ns = 0;
	w->spans = 1;
	return k;
}

SEC("?uprobe")
int wt_span(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx), now, sp;
	struct task_struct *t = bpf_get_current_task_btf();
	__u32 span = cookie & 0xffff, at = cookie >> 16 & 0xff;
	struct wt_span_total *total = wt_span_total(span);
	struct wt_span_stack *k;
	struct wt_task *w;
	bool begins = at == WT_SPAN_ENTRY || at == WT_SPAN_BEGIN || at == WT_SPAN_LAP;

	if (!total || !span)
		return 0;
	__sync_fetch_and_add(&total->hits, 1);
	w = wt_task_of(t);
	if (!w || w->done)
		return 0;
	now = bpf_ktime_get_ns();
	if (!wt_recording(now))
		return 0;
	k = wt_span_stack(t, w, begins);
	if (!k) {
		if (begins)
			wt_lost(WT_LOSS_SPAN_DEEP);
		if (at != WT_SPAN_FOLLOW)
			__sync_fetch_and_add(begins ? &total->deep : &total->unmatched, 1);
		return 0;
	}
	sp = wt_span_sp(ctx, at);
	switch (at) {
	case WT_SPAN_ENTRY:
		wt_span_begin(w, k, sp, span, cookie >> 16);
		break;
	case WT_SPAN_RET:
	case WT_SPAN_FOLLOW:
	case WT_SPAN_RETURN:
		wt_span_end(w, k, sp, span, at != WT_SPAN_FOLLOW);
		break;
	case WT_SPAN_BEGIN:
		wt_span_begin(w, k, 0, span, 0);
		break;
	case WT_SPAN_END:
		wt_span_end(w, k, 0, span, true);
		break;
	case WT_SPAN_LAP:
		if (wt_span_find(k, span, 0) >= 0)
			wt_span_end(w, k, 0, span, true);
		wt_span_begin(w, k, 0, span, 0);
		break;
	}
	wt_span_set(w, k);
	return 0;
}

int wt_spans_close(struct wt_task *w, struct wt_span_stack *k, __u32 why)
{
	if (!w || !k)
		return -1;
	for (__u32 i = 0; i < WT_SPAN_DEPTH; i++)
		if (i < k->n)
			wt_span_close(w, k, &k->frame[wt_span_place(k, i)], why);
	if (k->name_frame.start_ns)
		wt_span_close(w, k, &k->name_frame, why | WT_SPAN_F_NAME);
	return 0;
}

int wt_spans_over(struct wt_task *w, __u64 at, __u32 why)
{
	struct wt_span_stack *k;

	if (!w)
		return -1;
	k = bpf_task_storage_get(&span_stacks, bpf_get_current_task_btf(), 0, 0);
	if (!k)
		return 0;
	wt_span_account(w, k, at);
	wt_spans_close(w, k, why);
	k->n = 0;
	k->used = 0;
	k->order = 0;
	k->name_frame.start_ns = 0;
	w->span = 0;
	return 0;
}

int wt_span_name(struct wt_task *w, struct wt_span_stack *k)
{
	if (!w || !k)
		return -1;
	if (k->serial != wt_span_serial(w)) {
		k->serial = wt_span_serial(w);
		k->n = 0;
		k->used = 0;
		k->order = 0;
		k->name_frame.start_ns = 0;
	}
	wt_span_account(w, k, 0);
	if (k->name_frame.start_ns)
		wt_span_close(w, k, &k->name_frame, WT_SPAN_F_NAME);
	wt_span_open(w, k, &k->name_frame, 0);
	__builtin_memcpy(k->name, k->next, WT_COMM_LEN);
	return 0;
}

int wt_spans_open(struct wt_scratch *s, struct wt_task *w, struct wt_span_stack *k)
{
	if (!s || !w || !k || k->serial != s->rec.serial)
		return -1;
	k->at_ns = s->rec.end_ns;
	__builtin_memcpy(k->st_ns, s->rec.st_ns, sizeof(k->st_ns));
	return wt_spans_close(w, k, WT_SPAN_F_OPEN);
}
