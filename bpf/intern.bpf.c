// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * intern.bpf.c - stacks and reasons are hashed here and sent to user space once.
 * A hash is 64 bits wide; user space never has to ask for what it stands for.
 */
#include "calls.bpf.h"

/* True when id is new and its record, if it can be sent, is now known to user space. */
static __always_inline bool wt_send_once(__u64 id, void *rec, __u64 size, enum wt_loss loss)
{
	__u8 one = 1;

	if (bpf_map_lookup_elem(&seen, &id))
		return false;
	if (bpf_ringbuf_output(&ring, rec, size, BPF_RB_NO_WAKEUP)) {
		wt_lost(loss);
		return false;
	}
	bpf_map_update_elem(&seen, &id, &one, BPF_ANY);
	return true;
}

/*
 * Stacks of samples sent lately, on each CPU.  Most samples have a stack of their own, by the
 * place they were taken at, and what a place in `seen` costs is more than to send one twice.
 */
#define WT_LATELY 4096
struct wt_lately {
	__u64 id[WT_LATELY];
};
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_lately);
} lately SEC(".maps");

/* 0: it has been sent, with what comes before it; -1: not, as it was lately, or the ring is full. */
static __always_inline int wt_send_lately(__u64 id, void *rec, __u64 size)
{
	__u32 zero = 0;
	struct wt_lately *l = bpf_map_lookup_elem(&lately, &zero);
	__u64 *known = l ? &l->id[id >> 20 & (WT_LATELY - 1)] : NULL;

	if (known && *known == id)
		return -1;
	if (bpf_ringbuf_output(&ring, rec, size, BPF_RB_NO_WAKEUP)) {
		wt_lost(WT_LOSS_STACK);
		return -1;
	}
	if (known)
		*known = id;
	return 0;
}

/* The size of the struct wt_ev_stack that begins at s->stack_h now. */
static __always_inline __u64 wt_stack_event(struct wt_scratch *s, __u64 id, __u32 n, __u32 tgid, __u32 end)
{
	if (n > WT_MAX_FRAMES)
		n = WT_MAX_FRAMES;
	s->stack_h.type = WT_EV_STACK;
	s->stack_h.ts_ns = bpf_ktime_get_ns();
	s->stack_id = id;
	s->stack_tgid = tgid;
	s->stack_user = tgid != 0;
	s->stack_n = n;
	s->stack_end = end;
	return sizeof(struct wt_ev_stack) + n * sizeof(__u64);
}

/* Sends the n frames in s->ip under id, unless user space has them. */
int wt_send_stack(struct wt_scratch *s, __u64 id, __u32 n, __u32 tgid, __u32 end)
{
	__u64 size;

	if (!s)
		return -1;
	size = wt_stack_event(s, id, n, tgid, end);
	if (s->sampling)
		wt_send_lately(id, &s->stack_h, size & 4095);
	else
		wt_send_once(id, &s->stack_h, size & 4095, WT_LOSS_STACK);
	return 0;
}

/*
 * Most samples' stacks are new, and so would their detail lines be: one record has both, which
 * costs half of what making a line does.
 */
int wt_send_sample(struct wt_scratch *s, __u32 tgid)
{
	__u64 size;

	if (!s)
		return -1;
	size = wt_stack_event(s, s->sample_key.ustack, s->walk.n, tgid, s->walk.end);
	size += __builtin_offsetof(struct wt_ev_sample, stack);
	s->sample_h.type = WT_EV_SAMPLE;
	s->sample_h.ts_ns = s->stack_h.ts_ns;
	return wt_send_lately(s->stack_id, s, size & 4095);
}

int wt_forget_stacks(struct wt_task *w)
{
	if (!w)
		return 0;
	for (__u32 i = 0; i < WT_KSETS * WT_KWAYS; i++)
		w->kcache[i].id = 0;
	for (__u32 i = 0; i < WT_UWAYS; i++)
		w->ucache[i].id = 0;
	w->last_ustack = 0;
	w->forgot = run_forgot;
	return 0;
}

/* Requests are remembered beside the stacks: those have 64-bit hashes for ids, too. */
int wt_want_space(__u32 tgid, __u64 image, __u32 version)
{
	struct wt_ev_want e = { .h.type = WT_EV_WANT_SPACE, .tgid = tgid, .image = image };
	__u64 id = wt_mix(image ^ version + 1);
	__u8 one = 1;

	/* 0 asks for rows: their counter was 0, so it is the first to ask */
	if (tgid && bpf_map_lookup_elem(&seen, &id))
		return 0;
	e.h.ts_ns = bpf_ktime_get_ns();
	/* at once: until the answer is there, the process has no stacks */
	if (bpf_ringbuf_output(&ring, &e, sizeof(e), BPF_RB_FORCE_WAKEUP)) {
		wt_lost(WT_LOSS_SPACE);
		return -1;
	}
	if (tgid)
		bpf_map_update_elem(&seen, &id, &one, BPF_ANY);
	return 0;
}

/* Interns s->reason.reason, which the caller has filled in after zeroing it. */
__u64 wt_intern_reason(struct wt_scratch *s, struct wt_task *w)
{
	__u64 *word, *sent, h = 0;

	if (!s || !w)
		return 0;
	word = (__u64 *)&s->reason.reason;
	for (__u32 i = 0; i < sizeof(struct wt_reason) / 8; i++)
		h = wt_hash_add(h, word[i]);
	h = wt_mix(h) | WT_REASON_INTERNED;
	sent = &w->sent_reasons[h >> 60 & (WT_SENT_REASONS - 1)];
	if (h == *sent)
		return h;
	s->reason.h.type = WT_EV_REASON;
	s->reason.h.ts_ns = bpf_ktime_get_ns();
	s->reason.id = h;
	wt_send_once(h, &s->reason, sizeof(s->reason), WT_LOSS_REASON);
	*sent = h;
	return h;
}
