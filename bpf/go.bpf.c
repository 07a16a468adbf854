// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * go.bpf.c - from the stack of a thread of a Go program to that of its goroutine.
 *
 * Go's runtime does much of its work on the thread's own stack, that of g0.  What
 * switches there (user/unwind/cfi_go.c) has put the goroutine's registers into its g.
 */
#include "walk.bpf.h"

static __always_inline int wt_read_word(__u64 at, __u64 *out)
{
	return at < 4096 ? -1 : bpf_probe_read_user(out, sizeof(*out), (void *)at);
}

static __always_inline __u64 wt_go_g(__s32 off)
{
#if defined(__TARGET_ARCH_x86)
	struct task_struct *t = bpf_get_current_task_btf();

	return t->thread.fsbase + off;
#else
	return 0;	/* the rule is of x86-64 */
#endif
}

/* Not on the thread's stack (yet, or any more): a function that keeps no frame. */
static __always_inline int wt_go_plain(struct wt_walk *w)
{
	__u64 ra;

	if (wt_read_slot(w, w->sp, &ra))
		return -1;
	w->ip = ra;
	w->sp += 8;
	w->caller = 1;
	return 0;
}

int wt_step_go(struct wt_scratch *s, struct wt_rule *r)
{
	__u64 g, m, g0, curg, back, sp, ra;
	struct wt_walk *w;

	if (!s || !r)
		return -1;
	w = &s->walk;
	if (!r->cfa_off) {
		if (!w->caller)
			return wt_go_plain(w);
		wt_end_walk(w, WT_END_ROOT);
		return 0;
	}
	/* it rests on more than the stack */
	w->dirty = 1;
	if (wt_read_word(wt_go_g(r->cfa_off), &g) || wt_read_word(g + r->cfa_add, &m) ||
	    wt_read_word(m, &g0))
		return -1;
	if (g != g0)
		return wt_go_plain(w);
	if (r->ra == WT_RA_ROOT) {
		wt_end_walk(w, WT_END_ROOT);
		return 0;
	}
	if (wt_read_word(m + (r->fp_off & 0xffff), &curg))
		return -1;
	/* the goroutine must know its thread, or this is not what we think it is */
	if (wt_read_word(curg + r->cfa_add, &back) || back != m)
		return -1;
	if (wt_read_word(curg + ((__u32)r->fp_off >> 16), &sp) || wt_read_word(sp, &ra))
		return -1;
	w->ip = ra;
	w->sp = sp + 8;
	w->bx_at = WT_BX_LOST;
	w->caller = 1;
	return 0;
}
