// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cfi_rule.c - what libdw says of a frame, as one of the few rules that the
 * kernel side follows.  Register numbers: System V ABI for AMD64, figure 3.36.
 */
#include <dwarf.h>
#include <stdint.h>
#include <stdlib.h>

#include "unwind/cfi_impl.h"

#define REG_RBX 3
#define REG_RBP 6
#define REG_RSP 7
#define REG_RA 16

/* Offsets in the kernel's struct ucontext, which starts a signal frame's data: signal.h. */
#define UC_RBP (40 + 10 * 8)
#define UC_RSP (40 + 15 * 8)
#define UC_RIP (40 + 16 * 8)

static const struct wt_rule bad = { .cfa = WT_CFA_BAD };

static bool fits(__s64 v)
{
	return v == (__s32)v;
}

/* A register plus an offset; its number, or -1. */
static int breg(const Dwarf_Op *op, __s64 *off)
{
	if (op->atom >= DW_OP_breg0 && op->atom <= DW_OP_breg31) {
		*off = (__s64)op->number;
		return op->atom - DW_OP_breg0;
	}
	if (op->atom == DW_OP_bregx) {
		*off = (__s64)op->number2;
		return op->number < 256 ? (int)op->number : -1;
	}
	return -1;
}

static int literal(const Dwarf_Op *op)
{
	return op->atom >= DW_OP_lit0 && op->atom <= DW_OP_lit31 ? op->atom - DW_OP_lit0 : -1;
}

/*
 * What the linkers write for .plt: sp + 8 + ((ip & 15) >= n) * 8; the second
 * instruction of a slot, at n, pushes its number.
 */
static int plt(const Dwarf_Op *op, size_t n)
{
	__s64 sp, ip;

	if (n != 9 || breg(&op[0], &sp) != REG_RSP || sp != 8 || breg(&op[1], &ip) != REG_RA || ip ||
	    literal(&op[2]) != 15 || op[3].atom != DW_OP_and || op[5].atom != DW_OP_ge ||
	    literal(&op[6]) != 3 || op[7].atom != DW_OP_shl || op[8].atom != DW_OP_plus)
		return -1;
	return literal(&op[4]);
}

/* Behind the first operation: what it points to, and perhaps a little more. */
static bool deref(const Dwarf_Op *op, size_t n, __u8 *add)
{
	if (n < 2 || op[1].atom != DW_OP_deref)
		return false;
	if (n == 2)
		return true;
	if (n != 3 || op[2].atom != DW_OP_plus_uconst || op[2].number > UINT8_MAX)
		return false;
	*add = op[2].number;
	return true;
}

static void cfa_rule(struct wt_rule *r, const Dwarf_Op *op, size_t n)
{
	__s64 off = 0;
	int reg, at;

	at = plt(op, n);
	if (at >= 0) {
		r->cfa = WT_CFA_PLT;
		r->cfa_off = at;
		return;
	}
	reg = n ? breg(&op[0], &off) : -1;
	if (!fits(off))
		reg = -1;
	if (n == 1 && reg == REG_RSP)
		r->cfa = WT_CFA_SP;
	else if (n == 1 && reg == REG_RBP)
		r->cfa = WT_CFA_FP;
	else if (n == 1 && reg == REG_RBX)
		r->cfa = WT_CFA_BX;
	else if (deref(op, n, &r->cfa_add) && reg == REG_RBP)
		r->cfa = WT_CFA_DEREF_FP;
	else if (deref(op, n, &r->cfa_add) && reg == REG_RSP)
		r->cfa = WT_CFA_DEREF_SP;
	else
		r->cfa = WT_CFA_BAD;
	r->cfa_off = off;
}

enum where { UNDEFINED, SAME, AT_CFA, AT_REG, IS_CFA, ELSEWHERE };

/*
 * Where a register's value is.  libdw gives an expression: the CFA, for a rule
 * "at CFA + n" an addition, and for a register's own expression all of that
 * behind the CFA, which such an expression starts with on its stack.
 */
static enum where where(Dwarf_Frame *f, int regno, int *base, __s64 *off)
{
	Dwarf_Op mem[3], *op;
	size_t n;

	*off = 0;
	if (dwarf_frame_register(f, regno, mem, &op, &n))
		return ELSEWHERE;
	if (!n)
		return op == mem ? UNDEFINED : SAME;
	if (op[0].atom != DW_OP_call_frame_cfa)
		return ELSEWHERE;
	if (n == 1)
		return AT_CFA;
	if (op[1].atom == DW_OP_stack_value)
		return IS_CFA;
	if (n != 2)
		return ELSEWHERE;
	if (op[1].atom == DW_OP_plus_uconst) {
		*off = (__s64)op[1].number;
		return AT_CFA;
	}
	*base = breg(&op[1], off);
	return *base >= 0 ? AT_REG : ELSEWHERE;
}

/* The registers lie in a ucontext at sp + n, all of them as the kernel puts them there. */
static bool signal_rule(struct wt_rule *r, Dwarf_Frame *f, const Dwarf_Op *op, size_t n)
{
	__s64 sp, off;
	int base = -1;

	if (n != 2 || breg(&op[0], &sp) != REG_RSP || op[1].atom != DW_OP_deref || !fits(sp))
		return false;
	if (where(f, REG_RA, &base, &off) != AT_REG || base != REG_RSP || off - sp != UC_RIP - UC_RSP)
		return false;
	if (where(f, REG_RBP, &base, &off) != AT_REG || base != REG_RSP || off - sp != UC_RBP - UC_RSP)
		return false;
	*r = (struct wt_rule){ .cfa = WT_CFA_SIGNAL, .cfa_off = sp - UC_RSP };
	return true;
}

static void fp_rule(struct wt_rule *r, Dwarf_Frame *f)
{
	int base = -1;
	__s64 off;

	switch (where(f, REG_RBP, &base, &off)) {
	case SAME:
		r->fp = WT_FP_SAME;
		return;
	case AT_CFA:
		r->fp = WT_FP_CFA;
		break;
	case AT_REG:
		r->fp = base == REG_RBP ? WT_FP_DEREF_FP : WT_FP_LOST;
		break;
	default:
		r->fp = WT_FP_LOST;
	}
	if (!fits(off))
		r->fp = WT_FP_LOST;
	r->fp_off = r->fp == WT_FP_LOST ? 0 : off;
}

/* rbx is a CFA here and there: for that it must be known where each function saves it. */
static void bx_rule(struct wt_rule *r, Dwarf_Frame *f)
{
	int base = -1;
	__s64 off;

	switch (where(f, REG_RBX, &base, &off)) {
	case SAME:
	case UNDEFINED:
		return;
	case AT_CFA:
		r->bx_off = off && off != WT_BX_LOST && fits(off) ? off : WT_BX_LOST;
		return;
	default:
		r->bx_off = WT_BX_LOST;
	}
}

struct wt_rule cfi__rule(Dwarf_Frame *f)
{
	struct wt_rule r = { 0 };
	Dwarf_Addr from, to;
	enum where ra;
	Dwarf_Op *op;
	bool signal;
	int base;
	__s64 off;
	size_t n;

	if (dwarf_frame_info(f, &from, &to, &signal) != REG_RA)
		return bad;
	ra = where(f, REG_RA, &base, &off);
	if (ra == UNDEFINED)
		return (struct wt_rule){ .cfa = WT_CFA_SP, .ra = WT_RA_ROOT };
	if (dwarf_frame_cfa(f, &op, &n) || !n)
		return bad;
	if (signal)
		return signal_rule(&r, f, op, n) ? r : bad;
	if (ra != AT_CFA || off != -8)
		return bad;
	/* the caller's sp is the CFA, if nothing else is said */
	if (where(f, REG_RSP, &base, &off) != IS_CFA)
		return bad;
	cfa_rule(&r, op, n);
	if (r.cfa == WT_CFA_BAD)
		return bad;
	fp_rule(&r, f);
	bx_rule(&r, f);
	return r;
}
