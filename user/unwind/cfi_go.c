// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cfi_go.c - Go's runtime changes stacks in functions that do not say so in their call
 * frame information: by that, the caller of what runs on the thread's own
 * stack would be whatever word lies at its top.
 *
 *   runtime.systemstack   calls a function there and comes back: its caller is on the
 *                         goroutine's stack, at m.curg.sched.sp
 *   runtime.mcall         the same, but never comes back: the scheduler starts here,
 *   runtime.morestack     and soon looks for another goroutine
 *   runtime.sigreturn     the kernel's signal frame lies there; as the handler returns
 *                         to its first byte, the byte before belongs to it
 *
 *   time.now, runtime.nanotime1, runtime.walltime
 *                         ask the vdso there, and keep what they came with in r12, which
 *                         no walk follows: but their frame pointer stays
 *
 * and three are the outermost of their stack, whatever word lies above: runtime.goexit,
 * to which a goroutine would return; runtime.rt0_go, the start of the first thread;
 * runtime.clone, where it calls something: that is the start of another.
 *
 * Go's own tracebacks know most of them by their names, as this file does
 * (src/runtime/traceback.go, asm_amd64.s of Go 1.19).  The rest of a stripped program
 * is unwound by the table that they use.  Where g, m and curg lie is in
 * the instructions of systemstack; there are few enough to look for them.
 */
#include <stdint.h>
#include <string.h>

#include "symbols/gosyms.h"
#include "unwind/cfi_impl.h"

#define CODE 160		/* bytes of systemstack that are looked at */
#define CLOCK_CODE 512

enum {
	SYSTEMSTACK = 0,
	MCALL = 1,
	MORESTACK = 2,
	SIGRETURN = 3,
	SIGRETURN_21 = 4,	/* its name since Go 1.21 */
	GOEXIT = 5,
	RT0_GO = 6,
	CLONE = 7,
	CLOCKS = 8,		/* the first of those that ask the vdso */
	FUNCTIONS = 12,
};
static const char *const names[FUNCTIONS] = {
	"runtime.systemstack", "runtime.mcall", "runtime.morestack", "runtime.sigreturn",
	"runtime.sigreturn__sigaction", "runtime.goexit", "runtime.rt0_go", "runtime.clone",
	"time.now", "runtime.nanotime1", "runtime.walltime", "runtime.walltime1",
};

/* Where the operand of the first such instruction lies, or NULL. */
static const __u8 *operand(const __u8 *code, size_t n, const char *insn, size_t len, size_t size)
{
	const __u8 *at = memmem(code, n, insn, len);

	return at && (size_t)(at - code) + len + size <= n ? at + len : NULL;
}

/* What systemstack reads: false when it is not written as we know it. */
static bool read_layout(const __u8 *code, size_t n, struct wt_rule *r)
{
	/* mov %fs:g,%rax; mov m(%rax),%rbx; cmp curg(%rbx),%rax; mov sched.sp(%rdx),%rbx or %rsp */
	const __u8 *g = operand(code, n, "\x64\x48\x8b\x04\x25", 5, 4);
	const __u8 *m = operand(code, n, "\x48\x8b\x58", 3, 1);
	const __u8 *curg = operand(code, n, "\x48\x3b\x83", 3, 4);
	const __u8 *sp = operand(code, n, "\x48\x8b\x5a", 3, 1);
	__u32 at;

	if (!sp)
		sp = operand(code, n, "\x48\x8b\x62", 3, 1);
	if (!g || !m || !curg || !sp)
		return false;
	memcpy(&r->cfa_off, g, 4);
	memcpy(&at, curg, 4);
	if (at > 0xffff || *m > 0x7f || *sp > 0x7f)
		return false;
	r->cfa = WT_CFA_GO;
	r->cfa_add = *m;
	r->fp_off = at | (__u32)*sp << 16;
	return true;
}

static size_t read_code(struct cfi_source *src, const struct go_function *f, __u8 *buf, size_t n)
{
	if (f->size < n)
		n = f->size;
	for (unsigned i = 0; i < src->n_seg; i++) {
		const struct cfi_segment *s = &src->seg[i];
		ssize_t got;

		if (f->addr < s->vaddr || f->addr - s->vaddr >= s->size)
			continue;
		got = elfimg__read(&src->img, s->off + (f->addr - s->vaddr), buf, n);
		return got > 0 ? got : 0;
	}
	return 0;
}

static int add(struct cfi_source *src, __u64 addr, __u64 size, const struct wt_rule *r)
{
	if (!size || src->n_fixed == CFI_MAX_FIXED)
		return 0;
	src->fixed[src->n_fixed++] = *r;
	return cfi__add_range(src, addr, size, (struct cfi_range){ .fixed = src->n_fixed });
}

/* The end of the function's frame: where it gives rbp back, and its ret. */
struct epilogue {
	size_t at, ret;
	__s32 cfa_off;		/* from sp, at the former */
};

static bool find_epilogue(const __u8 *c, size_t n, size_t from, struct epilogue *e)
{
	for (size_t i = from; i + 10 <= n; i++) {
		/* mov x(%rsp),%rbp; add $y,%rsp; ret */
		if (!memcmp(c + i, "\x48\x8b\x6c\x24", 4) && !memcmp(c + i + 5, "\x48\x83\xc4", 3) &&
		    c[i + 9] == 0xc3 && c[i + 8] == c[i + 4] + 8) {
			*e = (struct epilogue){ i, i + 9, c[i + 8] + 8 };
			return true;
		}
		/* add $y,%rsp; pop %rbp; ret */
		if (!memcmp(c + i, "\x48\x83\xc4", 3) && c[i + 4] == 0x5d && c[i + 5] == 0xc3) {
			*e = (struct epilogue){ i + 4, i + 5, 16 };
			return true;
		}
	}
	return false;
}

/* Where rbp has been set, 0: not as we know it; lea x(%rsp),%rbp or mov %rsp,%rbp. */
static size_t find_frame(const __u8 *c, size_t n)
{
	for (size_t i = 0; i < 24 && i + 5 <= n; i++) {
		if (!memcmp(c + i, "\x48\x8d\x6c\x24", 4))
			return i + 5;
		if (!memcmp(c + i, "\x48\x89\xe5", 3))
			return i + 3;
	}
	return 0;
}

/* A function that goes to the thread's own stack and comes back by mov %r12,%rsp. */
static int add_clock(struct cfi_source *src, const struct go_function *f)
{
	static const struct wt_rule by_fp = {
		.cfa = WT_CFA_FP, .cfa_off = 16, .cfa_add = 1, .fp = WT_FP_CFA, .fp_off = -16,
	};
	static const struct wt_rule at_ret = { .cfa = WT_CFA_SP, .cfa_off = 8 };
	struct wt_rule given_back = { .cfa = WT_CFA_SP, .fp = WT_FP_CFA, .fp_off = -16 };
	struct epilogue e;
	__u8 code[CLOCK_CODE];
	size_t n = read_code(src, f, code, sizeof(code)), from = find_frame(code, n);
	int err;

	if (!from || !memmem(code, n, "\x4c\x89\xe4", 3) || !find_epilogue(code, n, from, &e))
		return 0;
	given_back.cfa_off = e.cfa_off;
	err = add(src, f->addr + from, e.at - from, &by_fp);
	if (!err)
		err = add(src, f->addr + e.at, e.ret - e.at, &given_back);
	if (!err)
		err = add(src, f->addr + e.ret, 1, &at_ret);
	/* the system call, where there is no vdso */
	return err ? err : add(src, f->addr + e.ret + 1, f->size - e.ret - 1, &by_fp);
}

/* Ranges from the table of stack pointers. */
struct stack {
	struct cfi_source *src;
	__u64 from;
	__s32 bytes;		/* that hold from there on; -1: none */
};

static int on_change(void *ctx, __u64 addr, __s32 bytes)
{
	struct stack *s = ctx;
	int err = 0;

	/* half a table is better than none; there may be C in the program, too */
	if (s->src->n_range > s->src->lim.fdes - s->src->lim.fdes / 8)
		return 1;
	if (s->bytes >= 0 && addr > s->from)
		err = cfi__add_range(s->src, s->from, addr - s->from, (struct cfi_range){
			.order = UINT32_MAX, .down = true, .sp_down = s->bytes,
		});
	s->from = addr;
	s->bytes = bytes;
	return err;
}

int cfi__go(struct cfi_source *src, Elf *elf)
{
	static const struct wt_rule signal_frame = { .cfa = WT_CFA_SIGNAL };
	static const struct wt_rule root = { .cfa = WT_CFA_SP, .cfa_off = 8, .ra = WT_RA_ROOT };
	static const struct wt_rule calls = { .cfa = WT_CFA_GO };
	struct go_function f[FUNCTIONS];
	struct wt_rule stack = { 0 };
	__u8 code[CODE];
	int err = 0;

	if (!gosyms__find(elf, names, FUNCTIONS, f))
		return 0;
	/* a stripped program has no .debug_frame, but it has this */
	if (!src->debug.image) {
		struct stack s = { .src = src, .bytes = -1 };

		err = gosyms__stack(elf, on_change, &s);
		if (err > 0)
			err = 0;
	}
	for (int i = SIGRETURN; !err && i <= SIGRETURN_21; i++)
		if (f[i].size)
			err = add(src, f[i].addr - 1, f[i].size + 1, &signal_frame);
	for (int i = GOEXIT; !err && i <= RT0_GO; i++)
		err = add(src, f[i].addr, f[i].size, &root);
	for (int i = CLOCKS; !err && i < FUNCTIONS; i++)
		err = add_clock(src, &f[i]);
	if (!err)
		err = add(src, f[CLONE].addr, f[CLONE].size, &calls);
	if (err || !read_layout(code, read_code(src, &f[SYSTEMSTACK], code, sizeof(code)), &stack))
		return err;
	err = add(src, f[SYSTEMSTACK].addr, f[SYSTEMSTACK].size, &stack);
	stack.ra = WT_RA_ROOT;
	for (int i = MCALL; !err && i <= MORESTACK; i++)
		err = add(src, f[i].addr, f[i].size, &stack);
	return err;
}
