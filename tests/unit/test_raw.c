/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_raw.c - copies of stacks: walked like the kernel side would, and kept until that can be done. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>
#include <cmocka.h>

#include "unwind/raw.h"
#include "unwind/rawpy.h"
#include "unwind/tables.h"

#define SP 0x7ffc00001000ULL
#define CODE 0x400000ULL	/* object 20 */
#define LIB 0x7f0000000000ULL	/* object 21 */
#define ANON 0x7e0000000000ULL

static const struct wt_mapping maps[] = {
	{ .start = CODE, .end = CODE + 0x10000, .pgoff = 0x1000, .object = 20 },
	{ .start = ANON, .end = ANON + 0x10000, .flags = WT_MAP_ANON },
	{ .start = LIB, .end = LIB + 0x10000, .pgoff = 0, .object = 21 },
};

/* One rule for each 0x100 bytes of a file. */
struct world {
	struct wt_rule rule[2][0x120];
	int missing[2];		/* of that object: -EAGAIN or -ENOENT */
	__u32 flags;
	__u8 code[2][0x12000];
	bool unknown;		/* nothing is known of any process */
	enum raw_vm vm;
	struct rawwalk vm_walk;	/* what the VM tells; n 0: it is gone */
	/* what came out */
	unsigned done;
	struct { __u64 id; __u32 tgid; unsigned n, end; __u64 ip[WT_MAX_FRAMES]; } out[8];
};

static int w_rule(void *ctx, __u32 object, __u64 off, struct wt_rule *rule)
{
	struct world *w = ctx;

	assert_in_range(object, 20, 21);
	if (w->missing[object - 20])
		return w->missing[object - 20];
	*rule = w->rule[object - 20][off >> 8];
	return 0;
}

static __u32 w_flags(void *ctx, __u32 object)
{
	(void)object;
	return ((struct world *)ctx)->flags;
}

static bool w_code(void *ctx, __u32 object, __u64 off, __u8 bytes[8])
{
	memcpy(bytes, ((struct world *)ctx)->code[object - 20] + off, 8);
	return true;
}

static int w_mappings(void *ctx, __u32 tgid, __u64 time_ns, struct wt_mapping *m, unsigned max)
{
	assert_int_equal(tgid, 7);
	assert_int_equal(time_ns, 99);
	assert_true(max >= 3);
	if (((struct world *)ctx)->unknown)
		return -ESRCH;
	memcpy(m, maps, sizeof(maps));
	return 3;
}

static void w_python(void *ctx, __u32 tgid, struct wt_py *py)
{
	(void)ctx;
	(void)tgid;
	(void)py;
}

static bool w_coming(void *ctx, __u32 object)
{
	return ((struct world *)ctx)->missing[object - 20] == -EAGAIN;
}

static enum raw_vm w_vm(void *ctx, const struct wt_ev_raw *e, const struct wt_mapping *map, unsigned n)
{
	assert_int_equal(e->tgid, 7);
	assert_memory_equal(map, maps, n * sizeof(*map));
	return ((struct world *)ctx)->vm;
}

static bool w_walk_vm(void *ctx, const struct wt_ev_raw *e,
		      const struct wt_ev_rawmore *const more[WT_RAW_MORES], struct rawwalk *out)
{
	struct world *w = ctx;

	(void)e;
	assert_null(more[0]);
	if (w->vm_walk.n)
		*out = w->vm_walk;
	return w->vm_walk.n;
}

static int w_done(void *ctx, const struct wt_ev_stack *e, size_t size)
{
	struct world *w = ctx;

	assert_int_equal(size, sizeof(*e) + e->n * 8);
	assert_int_equal(e->h.type, WT_EV_STACK);
	assert_int_equal(e->h.ts_ns, 99);
	assert_int_equal(e->user, 1);
	assert_true(w->done < 8);
	w->out[w->done].id = e->id;
	w->out[w->done].tgid = e->tgid;
	w->out[w->done].n = e->n;
	w->out[w->done].end = e->end;
	memcpy(w->out[w->done].ip, e->ip, e->n * 8);
	w->done++;
	return 0;
}

/* CFA = sp + off, everywhere; the outermost frame is LIB + 0xff00. */
static struct world *new_world(int cfa_off)
{
	struct world *w = calloc(1, sizeof(*w));

	for (unsigned i = 0; i < 0x120; i++)
		w->rule[0][i] = w->rule[1][i] = (struct wt_rule){ .cfa = WT_CFA_SP, .cfa_off = cfa_off };
	w->rule[1][0xff].ra = WT_RA_ROOT;
	return w;
}

static struct rawwalk_ops walk_ops(struct world *w)
{
	return (struct rawwalk_ops){ .ctx = w, .rule = w_rule, .flags = w_flags, .code = w_code };
}

static struct raw *new_raw(struct world *w, size_t max)
{
	const struct raw_ops ops = { .walk = walk_ops(w), .mappings = w_mappings, .coming = w_coming,
				     .python = w_python, .vm = w_vm, .walk_vm = w_walk_vm, .ctx = w };
	struct raw *r;

	assert_int_equal(raw__new(&r, &ops, max), 0);
	return r;
}

/* A stack of n words above sp, all 0. */
static struct wt_ev_raw *new_stack(__u64 ip, unsigned n)
{
	struct wt_ev_raw *e = calloc(1, sizeof(*e) + n * 8);

	e->h.type = WT_EV_RAWSTACK;
	e->h.ts_ns = 99;
	e->id = 1000 + n;
	e->image = 5;
	e->tgid = 7;
	e->ip = ip;
	e->sp = SP;
	e->size = e->low = n * 8;
	return e;
}

static size_t size_of(const struct wt_ev_raw *e)
{
	return sizeof(*e) + e->size;
}

static __u64 frame(__u32 object, __u64 off)
{
	return WT_FRAME_MAKE(WT_FRAME_OBJ) | (__u64)object << 40 | off;
}

static struct rawwalk *walk(struct world *w, const struct wt_ev_raw *e)
{
	static struct rawwalk out;
	const struct rawwalk_ops ops = walk_ops(w);

	rawwalk(e, NULL, maps, 3, &ops, &out);
	return &out;
}

static void test_by_rules(void **state)
{
	struct world *w = new_world(16);
	struct wt_ev_raw *e = new_stack(CODE + 0x40, 6);
	struct rawwalk *out;

	(void)state;
	e->stack[1] = LIB + 0x500;
	e->stack[3] = CODE + 0x700;
	e->stack[5] = LIB + 0xff01;
	out = walk(w, e);
	assert_int_equal(out->end, WT_END_ROOT);
	assert_int_equal(out->n, 4);
	/* the first is where it runs, the others the byte before they return to */
	assert_true(out->frame[0] == frame(20, 0x1040));
	assert_true(out->frame[1] == frame(21, 0x4ff));
	assert_true(out->frame[2] == frame(20, 0x16ff));
	assert_true(out->frame[3] == frame(21, 0xff00));
	free(e);
	free(w);
}

static void test_by_rbx(void **state)
{
	struct world *w = new_world(16);
	struct wt_ev_raw *e = new_stack(CODE + 0x40, 16);
	struct rawwalk *out;

	(void)state;
	/* two frames by rbx: as it is, and as the first saved it; the next has lost it */
	w->rule[0][0x10] = (struct wt_rule){ .cfa = WT_CFA_BX, .cfa_off = 24, .bx_off = -24 };
	w->rule[1][0x05] = (struct wt_rule){ .cfa = WT_CFA_BX, .cfa_off = 16, .bx_off = WT_BX_LOST };
	w->rule[1][0x06] = (struct wt_rule){ .cfa = WT_CFA_BX, .cfa_off = 16 };
	e->bx = SP + 4 * 8;
	e->stack[4] = SP + 9 * 8;
	e->stack[6] = LIB + 0x501;
	e->stack[10] = LIB + 0x601;
	out = walk(w, e);
	assert_int_equal(out->n, 3);
	assert_true(out->frame[1] == frame(21, 0x500));
	assert_true(out->frame[2] == frame(21, 0x600));
	assert_int_equal(out->end, WT_END_BAD_RULE);
	free(e);
	free(w);
}

static void test_frame_pointers(void **state)
{
	struct world *w = new_world(16);
	struct wt_ev_raw *e = new_stack(CODE + 0x40, 12);
	struct rawwalk *out;

	(void)state;
	/* pushed rbp; a realigned caller; and one that has lost it */
	w->rule[0][0x10] = (struct wt_rule){ .cfa = WT_CFA_FP, .cfa_off = 16, .fp = WT_FP_CFA, .fp_off = -16 };
	w->rule[1][0x05] = (struct wt_rule){ .cfa = WT_CFA_DEREF_FP, .cfa_off = -8, .cfa_add = 8,
					     .fp = WT_FP_LOST };
	w->rule[1][0x06] = (struct wt_rule){ .cfa = WT_CFA_FP, .cfa_off = 16 };
	e->fp = SP + 2 * 8;
	e->stack[2] = SP + 6 * 8;	/* the caller's rbp */
	e->stack[3] = LIB + 0x501;
	e->stack[5] = SP + 8 * 8;	/* at rbp − 8: its CFA − 8 */
	e->stack[8] = LIB + 0x601;
	out = walk(w, e);
	assert_int_equal(out->n, 3);
	assert_true(out->frame[1] == frame(21, 0x500));
	assert_true(out->frame[2] == frame(21, 0x600));
	assert_int_equal(out->end, WT_END_BAD_RULE);
	free(e);
	free(w);
}

static void test_signal_frame(void **state)
{
	struct world *w = new_world(16);
	struct wt_ev_raw *e = new_stack(LIB + 0x800, 40);
	struct rawwalk *out;

	(void)state;
	w->rule[1][0x08] = (struct wt_rule){ .cfa = WT_CFA_SIGNAL };
	e->stack[(WT_UC_GREGS + WT_GREG_RIP * 8) / 8] = CODE + 0x900;
	e->stack[(WT_UC_GREGS + WT_GREG_RSP * 8) / 8] = SP + 30 * 8;
	e->stack[31] = LIB + 0xff01;
	out = walk(w, e);
	assert_int_equal(out->end, WT_END_ROOT);
	assert_int_equal(out->n, 3);
	/* what was interrupted is looked up as it stands */
	assert_true(out->frame[1] == frame(20, 0x1900));
	free(e);
	free(w);
}

/* A handler on a stack of its own: what was interrupted lies in the other end, of another stack. */
static void test_signal_stack(void **state)
{
	struct world *w = new_world(16);
	struct wt_ev_raw *e = new_stack(LIB + 0x800, 60);
	const __u64 main_stack = 0x7ffc00000000ULL;
	struct rawwalk *out;

	(void)state;
	w->rule[1][0x08] = (struct wt_rule){ .cfa = WT_CFA_SIGNAL };
	e->low = 40 * 8;
	e->upper = main_stack;
	e->stack[(WT_UC_GREGS + WT_GREG_RIP * 8) / 8] = CODE + 0x900;
	e->stack[(WT_UC_GREGS + WT_GREG_RSP * 8) / 8] = main_stack + 4 * 8;
	e->stack[40 + 5] = LIB + 0xff01;
	out = walk(w, e);
	assert_int_equal(out->end, WT_END_ROOT);
	assert_int_equal(out->n, 3);
	assert_true(out->frame[1] == frame(20, 0x1900));
	/* below what was copied of it: too late, not broken */
	e->stack[(WT_UC_GREGS + WT_GREG_RSP * 8) / 8] = main_stack - 64 * 8;
	out = walk(w, e);
	assert_int_equal(out->end, WT_END_NO_TABLE);
	assert_int_equal(out->n, 2);
	assert_int_equal(out->awaits, 0);
	free(e);
	free(w);
}

/* The kernel side came some way: its frames go before, and its registers are a caller's. */
static void test_gone_on_with(void **state)
{
	struct world *w = new_world(16);
	struct wt_ev_raw *e = new_stack(CODE + 0x700, 6);
	struct rawwalk *out;

	(void)state;
	e->n = 2;
	e->head = 2;
	e->frame[0] = WT_FRAME_MAKE(WT_FRAME_JVM) | 0x1234;
	e->frame[1] = frame(21, 0x4ff);
	e->flags = WT_RAW_CALLER | WT_RAW_GUESS;
	e->stack[1] = LIB + 0xff01;
	out = walk(w, e);
	assert_int_equal(out->end, WT_END_ROOT);
	assert_int_equal(out->n, 4);
	assert_true(out->frame[0] == e->frame[0] && out->frame[1] == e->frame[1]);
	assert_true(out->frame[2] == (frame(20, 0x16ff) | WT_FRAME_GUESS));
	assert_true(out->frame[3] == frame(21, 0xff00));
	/* what the walk had lost by then stays lost */
	w->rule[0][0x16] = (struct wt_rule){ .cfa = WT_CFA_FP, .cfa_off = 16 };
	e->fp = SP;
	assert_int_equal(walk(w, e)->end, WT_END_ROOT);
	e->flags |= WT_RAW_FP_LOST;
	assert_int_equal(walk(w, e)->end, WT_END_BAD_RULE);
	w->rule[0][0x16] = (struct wt_rule){ .cfa = WT_CFA_BX, .cfa_off = 16 };
	e->bx = SP;
	assert_int_equal(walk(w, e)->end, WT_END_ROOT);
	e->flags |= WT_RAW_BX_LOST;
	assert_int_equal(walk(w, e)->end, WT_END_BAD_RULE);
	/* a full stack has no room for more */
	e->n = WT_MAX_FRAMES;
	e->head = WT_MAX_FRAMES;
	out = walk(w, e);
	assert_true(out->n >= WT_MAX_FRAMES && out->n <= WT_MAX_FRAMES + 1);
	free(e);
	free(w);
}

/* Python's frames, read before, go to the loop's frames that the walk finds; a run of them to each. */
static void test_python(void **state)
{
	const struct wt_py py = { .object = 21, .range = { { 0x400, 0x500 } } };
	const __u64 code = WT_FRAME_MAKE(WT_FRAME_PY);
	struct wt_ev_raw e = { .n = 6, .head = 1, .ends = { 1 << 3 | 1 << 5 } };
	struct rawwalk w = { .n = 5, .end = WT_END_ROOT }, was;

	(void)state;
	/* one frame was found on the way, the next could not be left */
	w.frame[0] = e.frame[0] = frame(20, 0x10);
	w.frame[1] = e.frame[1] = frame(20, 0x20);
	w.frame[2] = frame(21, 0x4ff);
	w.frame[3] = frame(21, 0x500);		/* behind the loop */
	w.frame[4] = frame(21, 0x400);
	for (unsigned i = 2; i < 6; i++)
		e.frame[i] = code | i;
	was = w;
	assert_true(rawpy__needed(&e));
	rawpy__merge(&e, &py, &w);
	assert_int_equal(w.end, WT_END_ROOT);
	assert_int_equal(w.n, 7);
	assert_true(w.frame[1] == frame(20, 0x20) && w.frame[4] == frame(21, 0x500));
	assert_true(w.frame[2] == (code | 2) && w.frame[3] == (code | 3));
	assert_true(w.frame[5] == (code | 4) && w.frame[6] == (code | 5));
	/* one run for two loops: what the kernel side had */
	w = was;
	e.ends[0] = 1 << 5;
	rawpy__merge(&e, &py, &w);
	assert_int_equal(w.end, WT_END_NO_TABLE);
	assert_int_equal(w.n, 6);
	assert_memory_equal(w.frame, e.frame, 6 * sizeof(w.frame[0]));
	/* … but the innermost frame of all may be a loop that is being entered */
	w = was;
	w.n = 3;
	w.frame[0] = frame(21, 0x440);
	w.frame[1] = frame(20, 0x20);
	w.frame[2] = frame(21, 0x440);
	e.head = 0;
	e.n = 2;
	e.flags = WT_RAW_LOOP;
	e.frame[0] = code | 7;
	e.frame[1] = code | 8;
	e.ends[0] = 2;
	rawpy__merge(&e, &py, &w);
	assert_int_equal(w.end, WT_END_ROOT);
	assert_int_equal(w.n, 4);
	assert_true(w.frame[0] == frame(21, 0x440) && w.frame[2] == (code | 7) && w.frame[3] == (code | 8));
	/* the loop that the walk stood in has no frame of its own among those of the kernel side */
	e.n = 0;
	assert_false(rawpy__needed(&e));
	e.n = 1;
	e.flags = 0;
	assert_false(rawpy__needed(&e));
}

/* Assembly without rules, at LIB + 0x200: the return address is the one behind a call. */
static void test_scan(void **state)
{
	struct world *w = new_world(16);
	struct wt_ev_raw *e = new_stack(LIB + 0x240, 12);
	struct rawwalk *out;

	(void)state;
	w->rule[1][0x02] = (struct wt_rule){ .cfa = WT_CFA_NONE };
	e->stack[1] = CODE + 0x300;		/* no call is before it */
	e->stack[2] = CODE + 0x400;		/* a call, but its slot is not aligned */
	w->code[0][0x1400 - 5] = 0xe8;
	e->stack[3] = CODE + 0x500;		/* a call, but nothing leads on from there */
	w->code[0][0x1500 - 5] = 0xe8;
	e->stack[5] = 1;
	e->stack[7] = CODE + 0x600;		/* call *%rax */
	w->code[0][0x1600 - 2] = 0xff;
	w->code[0][0x1600 - 1] = 0xd0;
	e->stack[9] = LIB + 0xff01;
	out = walk(w, e);
	assert_int_equal(out->end, WT_END_ROOT);
	assert_int_equal(out->n, 3);
	assert_true(out->frame[0] == frame(21, 0x240));
	assert_true(out->frame[1] == (frame(20, 0x15ff) | WT_FRAME_GUESS));
	assert_true(out->frame[2] == frame(21, 0xff00));
	/* an object may forbid it, or keep frame pointers */
	w->flags = WT_OBJ_NOSCAN;
	assert_int_equal(walk(w, e)->end, WT_END_NO_RULE);
	assert_int_equal(walk(w, e)->n, 1);
	w->flags = WT_OBJ_FP;
	e->fp = SP + 8 * 8;
	assert_int_equal(walk(w, e)->end, WT_END_ROOT);
	assert_int_equal(walk(w, e)->n, 2);
	free(e);
	free(w);
}

/* An old return address is no caller of code that was called from further out. */
static void test_scan_old_address(void **state)
{
	struct world *w = new_world(16);
	struct wt_ev_raw *e = new_stack(CODE + 0x240, 12);
	struct rawwalk *out;
	__s32 rel = 0x240 - 0x600;

	(void)state;
	w->rule[0][0x12] = (struct wt_rule){ .cfa = WT_CFA_NONE };
	e->stack[3] = CODE + 0x500;
	w->code[0][0x1500 - 5] = 0xe8;
	e->stack[5] = CODE + 0x600;
	w->code[0][0x1600 - 5] = 0xe8;
	e->stack[7] = LIB + 0xff01;
	/* that call leads nowhere near: the first address stands */
	out = walk(w, e);
	assert_int_equal(out->end, WT_END_ROOT);
	assert_int_equal(out->n, 4);
	/* it leads to where the walk began: so it was made from there */
	memcpy(&w->code[0][0x1600 - 4], &rel, sizeof(rel));
	out = walk(w, e);
	assert_int_equal(out->end, WT_END_ROOT);
	assert_int_equal(out->n, 3);
	assert_true(out->frame[1] == (frame(20, 0x15ff) | WT_FRAME_GUESS));
	free(e);
	free(w);
}

/* A return address that is a function's first byte was put there: a stack begins, or a signal came. */
static void test_planted(void **state)
{
	struct world *w = new_world(16);
	struct wt_ev_raw *e = new_stack(CODE + 0x40, 60);

	(void)state;
	w->rule[0][0x17] = (struct wt_rule){ .cfa = WT_CFA_NONE };
	e->stack[1] = CODE + 0x800;
	assert_int_equal(walk(w, e)->end, WT_END_ROOT);
	assert_int_equal(walk(w, e)->n, 2);
	w->rule[0][0x18] = (struct wt_rule){ .cfa = WT_CFA_SIGNAL };
	e->stack[2 + (WT_UC_GREGS + WT_GREG_RIP * 8) / 8] = LIB + 0xff00;
	assert_int_equal(walk(w, e)->end, WT_END_ROOT);
	assert_int_equal(walk(w, e)->n, 3);
	assert_true(walk(w, e)->frame[2] == frame(21, 0xff00));
	/* behind a call it is an address like any other, in code without rows */
	w->code[0][0x1800 - 5] = 0xe8;
	assert_int_equal(walk(w, e)->end, WT_END_NO_RULE);
	free(e);
	free(w);
}

/* In anonymous code frame pointers are followed; what is mapped nowhere ends the stack. */
static void test_anonymous_and_unmapped(void **state)
{
	struct world *w = new_world(16);
	struct wt_ev_raw *e = new_stack(ANON + 0x40, 8);
	struct rawwalk *out;

	(void)state;
	e->fp = SP + 16;
	e->stack[3] = CODE + 0x101;
	e->stack[5] = 0x1234567;
	out = walk(w, e);
	assert_int_equal(out->n, 2);
	assert_true(out->frame[0] == ANON + 0x40);
	assert_true(out->frame[1] == frame(20, 0x1100));
	assert_int_equal(out->end, WT_END_UNMAPPED);
	e->fp = SP - 16;
	assert_int_equal(walk(w, e)->end, WT_END_NO_RULE);
	e->ip = 0x99;
	out = walk(w, e);
	assert_int_equal(out->end, WT_END_UNMAPPED);
	assert_int_equal(out->n, 1);
	free(e);
	free(w);
}

/* Go's runtime: where a goroutine begins, and where the way on is not in the copy. */
static void test_go(void **state)
{
	struct world *w = new_world(16);
	struct wt_ev_raw *e = new_stack(CODE + 0x40, 4);

	(void)state;
	w->rule[0][0x13] = (struct wt_rule){ .cfa = WT_CFA_GO };
	e->stack[1] = CODE + 0x301;
	assert_int_equal(walk(w, e)->end, WT_END_ROOT);
	assert_int_equal(walk(w, e)->n, 2);
	/* interrupted there, it keeps no frame */
	e->ip = CODE + 0x300;
	e->stack[0] = LIB + 0xff01;
	assert_int_equal(walk(w, e)->end, WT_END_ROOT);
	assert_true(walk(w, e)->frame[1] == frame(21, 0xff00));
	w->rule[0][0x13].cfa_off = -8;
	assert_int_equal(walk(w, e)->end, WT_END_NO_TABLE);
	assert_int_equal(walk(w, e)->awaits, 0);
	free(e);
	free(w);
}

static void test_endless(void **state)
{
	struct world *w = new_world(16);
	struct wt_ev_raw *e = new_stack(CODE, 2 * 400);

	(void)state;
	for (unsigned i = 0; i < 400; i++)
		e->stack[2 * i + 1] = CODE + 0x101;
	assert_int_equal(walk(w, e)->end, WT_END_DEEP);
	assert_int_equal(walk(w, e)->n, WT_MAX_FRAMES);
	free(e);
	free(w);
}

/* A deep stack of which the two ends are there: a large frame leads from one to the other. */
static void test_two_ends(void **state)
{
	struct world *w = new_world(16);
	struct wt_ev_raw *e = new_stack(CODE + 0x40, 6);
	struct rawwalk *out;

	(void)state;
	w->rule[0][0x17].cfa_off = 0x10000;
	e->stack[1] = CODE + 0x701;
	e->low = 4 * 8;
	e->upper = SP + 16 + 0x10000 - 8;
	e->stack[4] = LIB + 0xff01;
	out = walk(w, e);
	assert_int_equal(out->end, WT_END_ROOT);
	assert_int_equal(out->n, 3);
	/* beyond the copy: there is more, which came too late */
	e->upper += 8;
	out = walk(w, e);
	assert_int_equal(out->end, WT_END_NO_TABLE);
	assert_int_equal(out->awaits, 0);
	assert_int_equal(out->n, 2);
	free(e);
	free(w);
}

/* … and what lies between them came before, in an event of its own. */
static void test_between_the_ends(void **state)
{
	struct wt_ev_rawmore *m = calloc(1, sizeof(*m) + 16);
	struct world *w = new_world(16);
	struct wt_ev_raw *e = new_stack(CODE + 0x40, 6);
	struct raw *r = new_raw(w, 1 << 20);
	struct raw_stats st;
	size_t bytes;

	(void)state;
	w->rule[0][0x17].cfa_off = 0x10000;
	e->stack[1] = CODE + 0x701;
	e->low = 4 * 8;
	e->upper = SP + 0x40000;
	m->id = e->id;
	m->at = SP + 16 + 0x10000 - 16;
	m->size = 16;
	((__u64 *)(m + 1))[1] = LIB + 0xff01;
	assert_int_equal(raw__put_more(r, m, sizeof(*m) + 16), 0);
	assert_int_equal(raw__work(r, false, w_done, w), 0);
	assert_int_equal(raw__put(r, e, size_of(e)), 0);
	assert_int_equal(raw__work(r, false, w_done, w), 0);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->out[0].end, WT_END_ROOT);
	assert_int_equal(w->out[0].n, 3);
	/* there are two of them where the middle is left out: the words are in one, or in the other */
	m->at = SP + 0x40000 - 16;
	assert_int_equal(raw__put_more(r, m, sizeof(*m) + 16), 0);
	m->at = SP + 16 + 0x10000 - 16;
	assert_int_equal(raw__put_more(r, m, sizeof(*m) + 16), 0);
	assert_int_equal(raw__put(r, e, size_of(e)), 0);
	assert_int_equal(raw__work(r, false, w_done, w), 0);
	assert_int_equal(w->done, 2);
	assert_int_equal(w->out[1].end, WT_END_ROOT);
	raw__stats(r, &st);
	bytes = st.bytes;
	m->at = SP + 16 + 0x10000 - 16;
	/* another stack's is nothing to this one, and does not stay for ever; nor is one taken that is cut */
	m->id++;
	assert_int_equal(raw__put_more(r, m, sizeof(*m) + 16), 0);
	assert_int_equal(raw__put_more(r, m, sizeof(*m) + 15), 0);
	assert_int_equal(raw__put(r, e, size_of(e)), 0);
	assert_int_equal(raw__work(r, false, w_done, w), 0);
	assert_int_equal(w->out[2].end, WT_END_NO_TABLE);
	raw__stats(r, &st);
	assert_true(st.bytes >= bytes + sizeof(*m) + 16);
	assert_int_equal(raw__work(r, false, w_done, w), 0);
	raw__stats(r, &st);
	m->id = e->id;
	assert_int_equal(raw__put_more(r, m, sizeof(*m) + 16), 0);
	assert_int_equal(raw__put(r, e, size_of(e)), 0);
	raw__free(r);
	free(m);
	free(e);
	free(w);
}

static void test_waits_for_tables(void **state)
{
	struct world *w = new_world(16);
	struct wt_ev_raw *e = new_stack(CODE + 0x40, 4);
	struct raw *r = new_raw(w, 1 << 20);
	struct raw_stats st;

	(void)state;
	e->stack[1] = LIB + 0x501;
	e->stack[3] = LIB + 0xff01;
	w->missing[1] = -EAGAIN;
	assert_int_equal(raw__put(r, e, size_of(e)), 0);
	assert_int_equal(raw__work(r, false, w_done, w), 0);
	assert_int_equal(w->done, 0);
	raw__stats(r, &st);
	assert_int_equal(st.waiting, 1);
	assert_true(st.bytes >= size_of(e) + sizeof(maps));
	/* one that needs nothing does not wait for it */
	e->ip = LIB + 0xff00;
	e->id = 2;
	w->missing[1] = 0;
	assert_int_equal(raw__put(r, e, size_of(e)), 0);
	assert_int_equal(raw__work(r, false, w_done, w), 0);
	assert_int_equal(w->done, 2);
	assert_int_equal(w->out[0].id, 1004);
	assert_int_equal(w->out[0].tgid, 7);
	assert_int_equal(w->out[0].end, WT_END_ROOT);
	assert_int_equal(w->out[0].n, 3);
	assert_int_equal(w->out[1].id, 2);
	assert_int_equal(w->out[1].n, 1);
	raw__stats(r, &st);
	assert_int_equal(st.waiting, 0);
	assert_int_equal(st.walked, 2);
	assert_int_equal(st.given_up, 0);
	raw__free(r);
	free(e);
	free(w);
}

/* A stack through code of no file, which a VM may know more of, or one that is yet to be known. */
static void test_waits_for_a_vm(void **state)
{
	struct world *w = new_world(16);
	struct wt_ev_raw *e = new_stack(ANON + 0x40, 8);
	struct raw *r = new_raw(w, 1 << 20);

	(void)state;
	e->fp = SP + 16;
	e->stack[3] = LIB + 0xff01;
	w->vm = RAW_VM_COMING;
	assert_int_equal(raw__put(r, e, size_of(e)), 0);
	assert_int_equal(raw__work(r, false, w_done, w), 0);
	assert_int_equal(w->done, 0);
	/* it is known, and leads to an object without rows: that is waited for, too */
	w->vm = RAW_VM_KNOWN;
	w->vm_walk = (struct rawwalk){ .frame = { 1, 2, frame(20, 3) }, .n = 3, .end = WT_END_NO_TABLE,
				       .awaits = 20 };
	w->missing[0] = -EAGAIN;
	assert_int_equal(raw__work(r, false, w_done, w), 0);
	assert_int_equal(raw__work(r, false, w_done, w), 0);
	assert_int_equal(w->done, 0);
	w->missing[0] = 0;
	w->vm_walk = (struct rawwalk){ .frame = { 1, 2, 3, 4 }, .n = 4, .end = WT_END_ROOT };
	assert_int_equal(raw__work(r, false, w_done, w), 0);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->out[0].n, 4);
	/* there will be no rows for it */
	w->vm_walk = (struct rawwalk){ .frame = { 1, 2, frame(20, 3) }, .n = 3, .end = WT_END_NO_TABLE,
				       .awaits = 20 };
	w->missing[0] = -ENOENT;
	assert_int_equal(raw__put(r, e, size_of(e)), 0);
	assert_int_equal(raw__work(r, false, w_done, w), 0);
	assert_int_equal(w->done, 2);
	assert_int_equal(w->out[1].end, WT_END_NO_TABLE);
	/* the VM is gone, there is none, or it does not come: frame pointers are all there is */
	w->missing[0] = 0;
	w->vm_walk.n = 0;
	assert_int_equal(raw__put(r, e, size_of(e)), 0);
	assert_int_equal(raw__work(r, false, w_done, w), 0);
	w->vm = RAW_VM_NONE;
	assert_int_equal(raw__put(r, e, size_of(e)), 0);
	assert_int_equal(raw__work(r, false, w_done, w), 0);
	w->vm = RAW_VM_COMING;
	assert_int_equal(raw__put(r, e, size_of(e)), 0);
	assert_int_equal(raw__work(r, false, w_done, w), 0);
	assert_int_equal(w->done, 4);
	assert_int_equal(raw__work(r, true, w_done, w), 0);
	assert_int_equal(w->done, 5);
	for (unsigned i = 2; i < 5; i++) {
		assert_int_equal(w->out[i].n, 2);
		assert_int_equal(w->out[i].end, WT_END_ROOT);
	}
	/* what goes through files alone waits for no VM */
	e->ip = LIB + 0xff00;
	assert_int_equal(raw__put(r, e, size_of(e)), 0);
	assert_int_equal(raw__work(r, false, w_done, w), 0);
	assert_int_equal(w->done, 6);
	raw__free(r);
	free(e);
	free(w);
}

static void test_gives_up(void **state)
{
	struct world *w = new_world(16);
	struct wt_ev_raw *e = new_stack(CODE + 0x40, 4);
	struct raw *r = new_raw(w, 1 << 20);
	struct raw_stats st;

	(void)state;
	e->stack[1] = LIB + 0x501;
	/* no table will ever come */
	w->missing[1] = -ENOENT;
	raw__put(r, e, size_of(e));
	raw__work(r, false, w_done, w);
	assert_int_equal(w->done, 1);
	assert_int_equal(w->out[0].end, WT_END_NO_TABLE);
	assert_int_equal(w->out[0].n, 2);
	/* it would come, but the recording is over */
	w->missing[1] = -EAGAIN;
	raw__put(r, e, size_of(e));
	raw__work(r, false, w_done, w);
	assert_int_equal(w->done, 1);
	raw__work(r, true, w_done, w);
	assert_int_equal(w->done, 2);
	assert_int_equal(w->out[1].end, WT_END_NO_TABLE);
	assert_int_equal(w->out[1].n, 2);
	/* a process of which nothing is known */
	w->unknown = true;
	raw__put(r, e, size_of(e));
	raw__work(r, false, w_done, w);
	assert_int_equal(w->out[2].end, WT_END_NO_SPACE);
	assert_int_equal(w->out[2].n, 1);
	assert_true(w->out[2].ip[0] == CODE + 0x40);
	raw__stats(r, &st);
	assert_int_equal(st.given_up, 3);
	raw__free(r);
	free(e);
	free(w);
}

/* Beyond its bytes the oldest go first, and newer ones are taken in after that. */
static void test_is_bounded(void **state)
{
	struct world *w = new_world(16);
	struct wt_ev_raw *e = new_stack(CODE + 0x40, 100);
	const size_t max = 3 * (sizeof(*e) + 900);
	struct raw *r = new_raw(w, max);
	struct raw_stats st;

	(void)state;
	w->missing[0] = -EAGAIN;
	for (e->id = 1; e->id <= 5; e->id++)
		raw__put(r, e, size_of(e));
	raw__work(r, false, w_done, w);
	raw__stats(r, &st);
	assert_true(st.bytes <= max);
	assert_in_range(st.waiting, 2, 3);
	assert_int_equal(w->done, 5 - st.waiting);
	for (unsigned i = 0; i < w->done; i++)
		assert_int_equal(w->out[i].id, i + 1);
	e->id = 6;
	raw__put(r, e, size_of(e));
	w->missing[0] = 0;
	raw__work(r, true, w_done, w);
	assert_int_equal(w->done, 6);
	assert_int_equal(w->out[5].id, 6);
	raw__stats(r, &st);
	assert_int_equal(st.waiting, 0);
	raw__free(r);
	free(e);
	free(w);
}

static void test_damaged_events(void **state)
{
	struct world *w = new_world(16);
	struct wt_ev_raw *e = new_stack(CODE + 0x40, 4);
	struct raw *r = new_raw(w, 1 << 20);
	struct raw_stats st;

	(void)state;
	raw__put(r, e, sizeof(*e) - 1);
	raw__put(r, e, size_of(e) - 1);
	e->low = e->size + 8;
	raw__put(r, e, size_of(e));
	e->low = e->size = WT_RAW_STACK + 8;
	raw__put(r, e, 1 << 20);
	raw__stats(r, &st);
	assert_int_equal(st.waiting, 0);
	raw__free(r);
	free(e);
	free(w);
}

/* ---- this very process, by the tables of its own files ---- */

struct self {
	struct tables *t;
	struct wt_rule rules[WT_MAX_RULES];
	struct wt_object objects[WT_MAX_OBJECTS];
	__u64 wanted[WT_MAX_OBJECTS];
	struct wt_row *chunk[WT_MAX_CHUNKS];
	struct wt_mapping map[64];
	unsigned n;
	int fd[64];		/* by object, from 1 on */
};

static struct wt_row *s_chunk(void *ctx, unsigned i)
{
	struct self *s = ctx;

	if (!s->chunk[i])
		s->chunk[i] = calloc(WT_CHUNK_ROWS, sizeof(struct wt_row));
	return s->chunk[i];
}

static int s_rule(void *ctx, __u32 object, __u64 off, struct wt_rule *rule)
{
	return tables__rule(((struct self *)ctx)->t, object, off, rule);
}

static __u32 s_flags(void *ctx, __u32 object)
{
	return tables__flags(((struct self *)ctx)->t, object);
}

static bool s_code(void *ctx, __u32 object, __u64 off, __u8 bytes[8])
{
	return pread(((struct self *)ctx)->fd[object], bytes, 8, off) == 8;
}

static void read_maps(struct self *s)
{
	char line[512], path[256], perms[8];
	FILE *f = fopen("/proc/self/maps", "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		unsigned long start, end, off;

		if (sscanf(line, "%lx-%lx %7s %lx %*s %*s %255s", &start, &end, perms, &off, path) != 5 ||
		    perms[2] != 'x' || path[0] != '/' || s->n == 60)
			continue;
		s->map[s->n] = (struct wt_mapping){ .start = start, .end = end, .pgoff = off,
						    .object = s->n + 1 };
		s->fd[s->n + 1] = open(path, O_RDONLY | O_CLOEXEC);
		assert_true(s->fd[s->n + 1] >= 0);
		s->n++;
	}
	fclose(f);
}

#define OWN_STACK 65536
static char **initial_environ;
static __u64 returns[3];
static struct wt_ev_raw *taken;
static volatile int sink;

/* Word by word: the stack has what a sanitizer keeps between variables, which memcpy may not read. */
static __attribute__((noinline, no_sanitize_address)) void copy_stack(__u64 *to, __u64 sp, __u32 size)
{
	const volatile __u64 *from = (void *)sp;

	for (__u32 i = 0; i < size / 8; i++)
		to[i] = from[i];
}

/* The stack as it stands here; returns[]: where the frames above return to. */
static __attribute__((noinline)) int innermost(int depth)
{
	ucontext_t uc;
	__u64 sp;

	returns[0] = (__u64)__builtin_return_address(0);
	getcontext(&uc);
	sp = uc.uc_mcontext.gregs[REG_RSP];
	taken->ip = uc.uc_mcontext.gregs[REG_RIP];
	taken->sp = sp;
	taken->fp = uc.uc_mcontext.gregs[REG_RBP];
	/* the environment's vector lies above all frames */
	taken->size = taken->low = (__u64)initial_environ - sp;
	assert_true(taken->size <= OWN_STACK);
	copy_stack((void *)taken->stack, sp, taken->size);
	sink += depth;
	return sink;
}

static __attribute__((noinline)) int middle(int depth)
{
	volatile char room[300];

	room[depth] = 1;
	returns[1] = (__u64)__builtin_return_address(0);
	return innermost(depth) + room[depth];
}

static __attribute__((noinline)) int outermost(int depth)
{
	volatile char *room = __builtin_alloca(16 * (depth + 10));

	room[depth] = 1;
	returns[2] = (__u64)__builtin_return_address(0);
	return middle(depth) + room[depth];
}

static __u64 address(const struct self *s, __u64 f)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->map[i].object == WT_FRAME_OBJECT(f) && WT_FRAME_OFFSET(f) >= s->map[i].pgoff &&
		    WT_FRAME_OFFSET(f) - s->map[i].pgoff < s->map[i].end - s->map[i].start)
			return WT_FRAME_OFFSET(f) - s->map[i].pgoff + s->map[i].start;
	return 0;
}

static void test_own_stack(void **state)
{
	const struct tables_opts opts = { .no_thread = true };
	struct self *s = calloc(1, sizeof(*s));
	const struct tables_maps tm = { s->rules, s->objects, s->wanted, s_chunk, s };
	const struct rawwalk_ops ops = { .ctx = s, .rule = s_rule, .flags = s_flags, .code = s_code };
	static struct rawwalk out;

	(void)state;
	taken = calloc(1, sizeof(*taken) + OWN_STACK);
	assert_int_equal(tables__new(&s->t, &tm, &opts), 0);
	read_maps(s);
	outermost(5);
	/* nothing is compiled yet, then it is on its way */
	rawwalk(taken, NULL, s->map, s->n, &ops, &out);
	assert_int_equal(out.end, WT_END_NO_TABLE);
	assert_int_equal(out.awaits, 0);
	for (unsigned i = 1; i <= s->n; i++)
		assert_int_equal(tables__request(s->t, i, s->fd[i], 1), 0);
	rawwalk(taken, NULL, s->map, s->n, &ops, &out);
	assert_int_equal(out.awaits, WT_FRAME_OBJECT(out.frame[0]));
	assert_true(tables__coming(s->t, out.awaits));
	while (tables__work(s->t))
		;
	assert_false(tables__coming(s->t, out.awaits));
	rawwalk(taken, NULL, s->map, s->n, &ops, &out);
	assert_true(out.n > 4);
	for (unsigned i = 0; i < 3; i++)
		assert_true(address(s, out.frame[i + 1]) == returns[i] - 1);
	assert_int_equal(out.end, WT_END_ROOT);
	tables__free(s->t);
	for (unsigned i = 1; i <= s->n; i++)
		close(s->fd[i]);
	for (unsigned i = 0; i < WT_MAX_CHUNKS; i++)
		free(s->chunk[i]);
	free(taken);
	free(s);
}

int main(int argc, char **argv, char **envp)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_by_rules),
		cmocka_unit_test(test_by_rbx),
		cmocka_unit_test(test_frame_pointers),
		cmocka_unit_test(test_signal_frame),
		cmocka_unit_test(test_signal_stack),
		cmocka_unit_test(test_gone_on_with),
		cmocka_unit_test(test_python),
		cmocka_unit_test(test_scan),
		cmocka_unit_test(test_scan_old_address),
		cmocka_unit_test(test_planted),
		cmocka_unit_test(test_anonymous_and_unmapped),
		cmocka_unit_test(test_go),
		cmocka_unit_test(test_endless),
		cmocka_unit_test(test_two_ends),
		cmocka_unit_test(test_between_the_ends),
		cmocka_unit_test(test_waits_for_tables),
		cmocka_unit_test(test_waits_for_a_vm),
		cmocka_unit_test(test_gives_up),
		cmocka_unit_test(test_is_bounded),
		cmocka_unit_test(test_damaged_events),
#if defined(__x86_64__)
		cmocka_unit_test(test_own_stack),
#endif
	};

	(void)argc;
	(void)argv;
	initial_environ = envp;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
