// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * jvm_leaf.bpf.c - the innermost frame, when it is HotSpot's: the program counter
 * can be anywhere, where there is no frame yet, where it is gone already, or in
 * code that never makes one.  The instructions around it tell (x86-64 encodings,
 * as MacroAssembler emits them from JDK 8 to 25); where they do not, a return
 * address is looked for in the first words of the stack.
 */
#include "walk.bpf.h"

#define PROLOGUE 48		/* bytes within which a stub of unknown prologue has its frame */
#define NEAR (64 << 10)
#define PUSHED_WORDS 8	/* at most, by code within its frame */

enum wt_leaf {
	WT_LEAF_UNKNOWN = 0,
	WT_LEAF_NONE = 1,	/* no frame: the return address is on top */
	WT_LEAF_PUSHED = 2,	/* the frame pointer is on top, then the return address */
	WT_LEAF_WHOLE = 3,	/* the frame is set up … */
	WT_LEAF_LIVE = 4,	/* … but the frame pointer is not saved yet */
};

/* The n bytes (at most 4) of code at pc + off are v, in memory order from the lowest byte. */
static __always_inline bool wt_code_is(struct wt_jvm_walk *j, int off, int n, __u32 v)
{
	__u8 *b = j->at + WT_JVM_BEFORE + off;
	__u32 is = 0;

	/* put together first: a branch for each byte is so much more for the verifier */
	for (int i = 0; i < n; i++)
		is |= (__u32)b[i] << (8 * i);
	return is == v;
}

/*
 * On the way out: … pop %rbp; [poll;] ret.  The poll is, by version, test %eax,x(%rip);
 * mov x(%r15),%r10 and test %eax,(%r10); or cmp x(%r15),%rsp and ja to a stub that notes
 * pc (lea, mov) and leaves by jmp.
 */
static __always_inline enum wt_leaf wt_leaf_epilogue(struct wt_jvm_walk *j)
{
	if (wt_code_is(j, 0, 1, 0xc3) || wt_code_is(j, 0, 2, 0xc3f3))
		return WT_LEAF_NONE;			/* ret */
	if (wt_code_is(j, 0, 1, 0x5d))
		return WT_LEAF_PUSHED;			/* pop %rbp */
	if ((wt_code_is(j, 0, 3, 0xa73b49) && wt_code_is(j, 7, 2, 0x870f)) ||
	    (wt_code_is(j, 0, 3, 0x673b49) && wt_code_is(j, 4, 2, 0x870f)))
		return WT_LEAF_NONE;			/* cmp */
	if (wt_code_is(j, 0, 2, 0x870f) &&
	    (wt_code_is(j, -7, 3, 0xa73b49) || wt_code_is(j, -4, 3, 0x673b49)))
		return WT_LEAF_NONE;			/* ja */
	if ((wt_code_is(j, 0, 3, 0x158d4c) && wt_code_is(j, 7, 3, 0x97894d)) ||
	    (wt_code_is(j, 0, 3, 0x97894d) && wt_code_is(j, 7, 1, 0xe9)) ||
	    (wt_code_is(j, 0, 1, 0xe9) && wt_code_is(j, -7, 3, 0x97894d)))
		return WT_LEAF_NONE;			/* the stub */
	if (wt_code_is(j, 0, 4, 0xc3028541) ||
	    (wt_code_is(j, 0, 2, 0x0585) && wt_code_is(j, 6, 1, 0xc3)) ||
	    (wt_code_is(j, 0, 3, 0x978b4d) && wt_code_is(j, 7, 4, 0xc3028541)) ||
	    (wt_code_is(j, 0, 3, 0x578b4d) && wt_code_is(j, 4, 4, 0xc3028541)) ||
	    (wt_code_is(j, 0, 2, 0xba49) && wt_code_is(j, 10, 4, 0xc3028541)))
		return WT_LEAF_NONE;			/* test … ret */
	return WT_LEAF_UNKNOWN;
}

/*
 * On the way in: [inline cache check;] [stack bang;] push %rbp; [mov %rsp,%rbp;]
 * sub n,%rsp; [barrier].
 */
static __always_inline enum wt_leaf wt_leaf_prologue(struct wt_jvm_walk *j)
{
	if (wt_code_is(j, -4, 4, 0xec8b4855) || wt_code_is(j, -4, 4, 0xe5894855) ||
	    wt_code_is(j, -1, 1, 0x55))
		return WT_LEAF_PUSHED;
	if (wt_code_is(j, -4, 3, 0xec8348) || wt_code_is(j, -7, 3, 0xec8148))
		return wt_code_is(j, 0, 4, 0x246c8948) || wt_code_is(j, 0, 4, 0x24ac8948) ?
			       WT_LEAF_LIVE : WT_LEAF_WHOLE;
	if (wt_code_is(j, 0, 3, 0x7f8141) || wt_code_is(j, 0, 3, 0xbf8141) ||
	    wt_code_is(j, -8, 3, 0x7f8141))
		return WT_LEAF_WHOLE;			/* the entry barrier: cmpl $n,x(%r15) */
	return WT_LEAF_NONE;
}

/* An address in the VM's own code, or (not java) in the library that calls it. */
static __always_inline bool wt_is_code(struct wt_jvm *vm, __u64 v, bool java)
{
#pragma unroll
	for (int i = 0; i < WT_JVM_HEAPS; i++)
		if (v >= vm->heap[i].low && v < vm->heap[i].high)
			return true;
	return !java && v >= vm->library && v < vm->library_end;
}

/* Something that code of the VM returns to: behind a call, or the interpreter's. */
static __always_inline bool wt_returns_to(struct wt_scratch *s, __u64 v, bool java)
{
	__u32 tgid = s->walk.tgid;
	struct wt_jvm *vm = bpf_map_lookup_elem(&jvm_procs, &tgid);

	if (!vm || !wt_is_code(vm, v - 1, java))
		return false;
	/* the interpreter pushes the address of one of its entries, then jumps */
	return (v >= vm->interpreter && v < vm->interpreter_end) || wt_after_call(v);
}

/* A function, so that it is proved once; wt_jvm_scan is too deep down to call one. */
int wt_is_return(struct wt_scratch *s, __u64 v, __u32 java)
{
	if (!s)
		return 0;
	return wt_returns_to(s, v, java);
}

/* The call before v goes to the blob at hand: call rel32, or mov $n,%r10 and call *%r10. */
static __always_inline bool wt_calls_blob(struct wt_jvm_walk *j, __u64 v)
{
	__u8 b[16] = {};
	__u64 to;

	if (bpf_probe_read_user(b, 13, (void *)(v - 13)))
		return false;
	if (b[10] == 0x41 && b[11] == 0xff && b[12] == 0xd2 && b[0] == 0x49 && b[1] == 0xba)
		to = (__u64)b[2] | (__u64)b[3] << 8 | (__u64)b[4] << 16 | (__u64)b[5] << 24 |
		     (__u64)b[6] << 32 | (__u64)b[7] << 40 | (__u64)b[8] << 48 | (__u64)b[9] << 56;
	else if (b[8] == 0xe8)
		to = v + (__s32)((__u32)b[9] | (__u32)b[10] << 8 | (__u32)b[11] << 16 |
				 (__u32)b[12] << 24);
	else
		return false;
	return to >= j->blob && to < j->end;
}

static long wt_jvm_scan_word(__u32 turn, struct wt_scratch **p)
{
	struct wt_scratch *s = *p;
	struct wt_jvm_walk *j = &s->jvm;
	struct wt_walk *w = &s->walk;
	__u32 i = j->word;
	__u64 slot = w->sp + i * 8, v, fp, below;

	if (i >= j->words_n)
		return 1;
	j->word = i + 1;
	v = j->words[i & (WT_JVM_SCAN_WORDS - 1)];
	/* only adapters, stubs and native code are called from outside of the code cache */
	if (!wt_returns_to(s, v, j->kind <= WT_BLOB_NATIVE))
		return 0;
	if (j->strict && !wt_calls_blob(j, v))
		return 0;
	/* below a return address lies the frame pointer, if it was saved */
	below = j->words[(i - 1) & (WT_JVM_SCAN_WORDS - 1)];
	fp = i && below > slot && below - slot < NEAR && !(below & 7) ? below : w->fp;
	wt_go_caller(w, v, slot + 8, fp);
	j->hit = 1;
	return 1;
}

int wt_jvm_scan(struct wt_scratch *s, __u32 words, __u32 strict)
{
	struct wt_jvm_walk *j;
	struct wt_walk *w;

	if (!s)
		return -1;
	j = &s->jvm;
	w = &s->walk;
	w->dirty = 1;
	j->hit = 0;
	j->word = 0;
	j->words_n = words < WT_JVM_SCAN_WORDS ? words : WT_JVM_SCAN_WORDS;
	if (bpf_probe_read_user(j->words, sizeof(j->words), (void *)w->sp)) {
		j->words_n = 8;			/* the top of the stack is near */
		if (bpf_probe_read_user(j->words, 8 * 8, (void *)w->sp))
			return -1;
	}
	j->strict = strict;
	bpf_loop(WT_JVM_SCAN_WORDS, wt_jvm_scan_word, &s, 0);
	return j->hit ? 0 : -1;
}

/*
 * Compiled code pushes a few words within its frame (C2, where it compares strings).  The
 * return address then lies so much further up; 0: found there.
 */
static __always_inline int wt_pushed(struct wt_scratch *s)
{
	struct wt_walk *w = &s->walk;
	__u64 sp = w->sp;

	w->sp = sp + (__u64)s->jvm.frame_size * 8 - 8;
	if (!wt_jvm_scan(s, 1 + PUSHED_WORDS, 0))
		return 0;
	w->sp = sp;
	return -1;
}

/* The return address is so many words up; below it, if at all, lies the frame pointer. */
static __always_inline int wt_leaf_pop(struct wt_walk *w, __u32 words)
{
	__u64 fp = w->fp, ra;

	if (wt_read_slot(w, w->sp + words * 8, &ra) ||
	    (words && wt_read_slot(w, w->sp + words * 8 - 8, &fp)))
		return -1;
	wt_go_caller(w, ra, w->sp + words * 8 + 8, fp);
	return 0;
}

static __always_inline int wt_leaf_sized(struct wt_scratch *s, enum wt_leaf at)
{
	struct wt_jvm_walk *j = &s->jvm;
	struct wt_walk *w = &s->walk;
	__u64 end = w->sp + (__u64)j->frame_size * 8, ra = 0, fp = w->fp;
	__u32 tgid = w->tgid;
	struct wt_jvm *vm = bpf_map_lookup_elem(&jvm_procs, &tgid);

	if (at == WT_LEAF_NONE || at == WT_LEAF_PUSHED)
		return wt_leaf_pop(w, at == WT_LEAF_PUSHED);
	if (!vm || bpf_probe_read_user(&ra, sizeof(ra), (void *)(end - 8)) ||
	    !wt_is_code(vm, ra - 1, j->kind <= WT_BLOB_NATIVE)) {
		if (j->kind == WT_BLOB_NMETHOD && !wt_pushed(s))
			return 0;
		return wt_jvm_scan(s, WT_JVM_SCAN_WORDS, 0);
	}
	if (at != WT_LEAF_LIVE)
		return 1;
	wt_note_slot(w, end - 8);
	wt_go_caller(w, ra, end, fp);
	return 0;
}

#if defined(__TARGET_ARCH_x86)
/*
 * Where a method's entry code has not made the interpreter's frame yet, %r13 is the
 * caller's stack pointer; where the frame was just taken away, %rbx is.  The return
 * address is on top, or in %rax (on the way in), or in %r13 (on the way out).
 */
static __always_inline int wt_leaf_interpreter(struct wt_scratch *s)
{
	struct pt_regs *r = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	struct wt_walk *w = &s->walk;
	__u64 r13 = r->r13, rbx = r->bx, rax = r->ax, sp = w->sp, fp = w->fp, top = 0, up[2];

	if (w->n > 1)
		return -1;		/* a signal frame was walked: these are not its registers */
	w->dirty = 1;
	/* the frame is being made: its frame pointer is set, its words are not */
	if (fp >= sp && fp - sp < 128 && !(fp & 7) &&
	    !bpf_probe_read_user(up, sizeof(up), (void *)fp) && wt_is_return(s, up[1], true)) {
		wt_go_caller(w, up[1], r13 - fp < NEAR ? r13 : fp + 16, up[0]);
		return 0;
	}
	bpf_probe_read_user(&top, sizeof(top), (void *)sp);
	if (wt_is_return(s, top, true))
		sp += 8;
	else if (wt_is_return(s, rax, true))
		top = rax;
	else if (wt_is_return(s, r13, true))
		top = r13;
	else
		return wt_jvm_scan(s, WT_JVM_SCAN_WORDS, 0);
	if (r13 - sp < NEAR && !(r13 & 7))
		sp = r13;
	else if (rbx - sp < NEAR && !(rbx & 7))
		sp = rbx;
	wt_go_caller(w, top, sp, fp);
	return 0;
}

/* An adapter from compiled to interpreted code: the return address on top or in %rax. */
static __always_inline int wt_leaf_thin(struct wt_scratch *s)
{
	struct pt_regs *r = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	struct wt_walk *w = &s->walk;
	__u64 r13 = r->r13, rax = r->ax, top = 0;

	if (bpf_probe_read_user(&top, sizeof(top), (void *)w->sp))
		return -1;
	if (wt_is_return(s, top, false)) {
		/* arguments for the interpreter may lie between it and the caller's frame already */
		if (w->n > 1 || rax != top || r13 - w->sp >= NEAR || r13 <= w->sp || (r13 & 7))
			return wt_leaf_pop(w, 0);
		w->dirty = 1;
		wt_go_caller(w, top, r13, w->fp);
		return 0;
	}
	if (!wt_jvm_scan(s, WT_JVM_SCAN_WORDS, 1))
		return 0;
	if (w->n <= 1 && wt_is_return(s, rax, true)) {
		wt_go_caller(w, rax, r13 - w->sp < NEAR ? r13 : w->sp, w->fp);
		return 0;
	}
	return wt_jvm_scan(s, WT_JVM_SCAN_WORDS, 0);
}
#else
static __always_inline int wt_leaf_interpreter(struct wt_scratch *s)
{
	return -1;
}

static __always_inline int wt_leaf_thin(struct wt_scratch *s)
{
	return -1;
}
#endif

/*
 * A stub of many in a blob.  Most keep a frame pointer, but for their first and last
 * instructions; some (those for mathematics) do not, and then it is the frame pointer
 * of some frame further up.
 */
static __always_inline int wt_leaf_stub(struct wt_scratch *s)
{
	struct wt_walk *w = &s->walk;
	__u64 fp = w->fp, ra = 0, above[2];
	bool framed = false;

	if (wt_code_is(&s->jvm, 0, 1, 0xc3))
		return wt_leaf_pop(w, 0);
	if (wt_code_is(&s->jvm, -1, 1, 0x55) || wt_code_is(&s->jvm, 0, 1, 0x5d))
		return wt_leaf_pop(w, 1);
	if (!w->fp_lost && fp >= w->sp && fp - w->sp < NEAR && !(fp & 7) &&
	    !bpf_probe_read_user(above, sizeof(above), (void *)(fp + 8))) {
		ra = above[0] == WT_JVM_COOKIE ? above[1] : above[0];
		framed = wt_is_return(s, ra, false);
	}
	if (framed && wt_calls_blob(&s->jvm, ra))
		return 1;
	if (!wt_jvm_scan(s, WT_JVM_SCAN_WORDS, 1))
		return 0;
	return framed ? 1 : wt_jvm_scan(s, WT_JVM_SCAN_WORDS, 0);
}

/*
 * A stub that saves all registers takes long to make its frame, and says from where on it is
 * made, if at all, behind that.  Until then it has a frame pointer, when it begins with push %rbp;
 * mov %rsp,%rbp.
 */
static __always_inline bool wt_leaf_enters(struct wt_jvm_walk *j, __u64 pc)
{
	__u32 first = 0;

	if (j->kind != WT_BLOB_SIZED || pc == j->code ||
	    (j->complete > 0 && pc - j->code >= (__u64)j->complete))
		return false;
	bpf_probe_read_user(&first, sizeof(first), (void *)j->code);
	return first == 0xec8b4855 || first == 0xe5894855;
}

/* By way of memory, where the verifier forgets which it is: what follows is proved once, not for each. */
static __always_inline void wt_leaf_put(struct wt_jvm_walk *j, enum wt_leaf at)
{
	*(volatile __u32 *)&j->leaf = at;
}

static __always_inline enum wt_leaf wt_leaf_get(struct wt_jvm_walk *j)
{
	return *(volatile __u32 *)&j->leaf;
}

int wt_jvm_leaf(struct wt_scratch *s)
{
	struct wt_jvm_walk *j;
	struct wt_walk *w;
	__u64 pc;

	if (!s)
		return -1;
	j = &s->jvm;
	w = &s->walk;
	pc = w->ip;
	if (j->kind == WT_BLOB_INTERPRETER)
		return wt_leaf_interpreter(s);
	if (bpf_probe_read_user(j->at, sizeof(j->at), (void *)(pc - WT_JVM_BEFORE)))
		return -1;
	if (j->kind == WT_BLOB_THIN)
		return wt_leaf_thin(s);
	if (wt_leaf_enters(j, pc))
		j->kind = WT_BLOB_STUBS;
	if (j->kind == WT_BLOB_STUBS || j->kind == WT_BLOB_CONT)
		return wt_leaf_stub(s);
	wt_leaf_put(j, wt_leaf_epilogue(j));
	if (wt_leaf_get(j) == WT_LEAF_UNKNOWN &&
	    pc - j->code < (__u64)(j->complete > 0 ? j->complete : PROLOGUE))
		wt_leaf_put(j, wt_leaf_prologue(j));
	return wt_leaf_sized(s, wt_leaf_get(j));
}
