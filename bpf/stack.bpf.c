// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stack.bpf.c - user stacks by frame pointer, and the memory of the last kernel
 * stacks of each thread.
 */
#include "calls.bpf.h"

/* Registers that a user walk starts from. */
struct wt_uregs {
	__u64 ip, sp, fp;
};

static __always_inline void wt_read_uregs(struct task_struct *t, struct wt_uregs *u)
{
	struct pt_regs *r = (void *)bpf_task_pt_regs(t);

#if defined(__TARGET_ARCH_x86)
	u->ip = r->ip;
	u->sp = r->sp;
	u->fp = r->bp;
#elif defined(__TARGET_ARCH_arm64)
	u->ip = r->pc;
	u->sp = r->sp;
	u->fp = r->regs[29];
#endif
}

/*
 * The user stack of the current task into s->ip, sent if new.  Returns its id,
 * 0 when the task has none.  On both architectures a frame record is the
 * caller's frame pointer followed by the return address.
 */
__u64 wt_user_stack(struct wt_scratch *s, struct wt_task *w)
{
	struct wt_uregs u = {};
	__u64 rec[2], h;
	__u32 n = 1;

	if (!s || !w)
		return 0;
	h = w->image;
	wt_read_uregs(bpf_get_current_task_btf(), &u);
	if (!u.ip)
		return 0;
	s->ip[0] = u.ip;
	h = wt_hash_add(h, u.ip);
	for (__u32 i = 1; i < WT_MAX_FRAMES; i++) {
		if (u.fp < u.sp || (u.fp & 7) || u.fp - u.sp > (8 << 20))
			break;
		if (bpf_probe_read_user(rec, sizeof(rec), (void *)u.fp)) {
			if (i == 1)
				wt_lost(WT_LOSS_USTACK);
			break;
		}
		if (rec[1] < 4096 || rec[1] >= 1ULL << 56)
			break;
		s->ip[i] = rec[1];
		h = wt_hash_add(h, rec[1]);
		n = i + 1;
		u.sp = u.fp + 16;
		u.fp = rec[0];
	}
	h = wt_mix(h);
	if (h != w->last_ustack) {
		wt_send_stack(s, h, n, w->tgid);
		w->last_ustack = h;
	}
	return h;
}

__u64 wt_kernel_stack_id(struct wt_scratch *s, __u32 n)
{
	__u64 h = 0x6b;

	if (!s)
		return 0;
	for (__u32 i = 0; i < WT_MAX_FRAMES; i++) {
		if (i >= n)
			break;
		h = wt_hash_add(h, s->ip[i]);
	}
	h = wt_mix(h);
	wt_send_stack(s, h, n, 0);
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
