/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cfi_exec.c - executes the instructions of an FDE once, for all of its rows; libdw does
 * it again from the function's first byte for each of them, and looks for the FDE
 * before.  What is known here is what nearly all functions have: the CFA is a register and an
 * offset, registers lie at the CFA and an offset.  All else is libdw's: expressions, signal
 * frames, and whatever cannot be said in a rule.
 *
 * DWARF 5 section 6.4; the defaults are those of the System V ABI for AMD64.
 */
#include <dwarf.h>
#include <limits.h>

#include "unwind/cfi_impl.h"
#include "unwind/cfi_read.h"

#define REG_RBX 3
#define REG_RBP 6
#define REG_RSP 7
#define REG_RA 16
#define MAX_STATES 8		/* remembered at once; compilers use 1 or 2 */

enum kind { SAME, AT_CFA, UNDEFINED };

/* Where a register's value is. */
struct place {
	enum kind kind;
	__s64 off;		/* AT_CFA: from there */
};

struct state {
	__s64 cfa_off;
	__u32 cfa_reg;		/* NO_CFA: none was said */
	struct place bx, fp, ra;
};
#define NO_CFA UINT_MAX

struct machine {
	struct state now, first;	/* first: as the CIE leaves it */
	struct state kept[MAX_STATES];
	unsigned n_kept;
	__u64 code_align;
	__s64 data_align;
	__u64 loc;
};

/* NULL: one that no rule has; its instructions have no effect. */
static struct place *place_of(struct state *s, __u64 reg)
{
	switch (reg) {
	case REG_RBX:
		return &s->bx;
	case REG_RBP:
		return &s->fp;
	case REG_RA:
		return &s->ra;
	}
	return NULL;
}

static bool set_place(struct machine *m, __u64 reg, enum kind kind, __s64 off)
{
	struct place *p = place_of(&m->now, reg);

	if (p)
		*p = (struct place){ kind, off };
	return reg != REG_RSP;		/* the CFA is taken for the caller's */
}

/* It lies at the CFA and so many times the factor. */
static bool at_cfa(struct machine *m, __u64 reg, __u64 factored)
{
	return factored <= INT_MAX && set_place(m, reg, AT_CFA, (__s64)factored * m->data_align);
}

static bool restore(struct machine *m, __u64 reg)
{
	struct place *p = place_of(&m->first, reg);

	return set_place(m, reg, p ? p->kind : SAME, p ? p->off : 0);
}

/* A register is somewhere that no rule can say: fine, unless a rule speaks of it. */
static bool is_other(__u64 reg)
{
	return reg != REG_RSP && reg != REG_RBX && reg != REG_RBP && reg != REG_RA;
}

static bool define_cfa(struct machine *m, __u64 reg, __u64 off)
{
	if (reg >= NO_CFA || off > INT_MAX)
		return false;
	m->now.cfa_reg = reg;
	m->now.cfa_off = off;
	return true;
}

static bool remember(struct machine *m)
{
	if (m->n_kept == MAX_STATES)
		return false;
	m->kept[m->n_kept++] = m->now;
	return true;
}

static bool recall(struct machine *m)
{
	if (!m->n_kept)
		return false;
	m->now = m->kept[--m->n_kept];
	return true;
}

/* An instruction without an operand in its first byte that does not move on.  False: libdw's. */
static bool instruction(struct machine *m, struct cursor *c, __u8 op)
{
	__u64 reg;

	switch (op) {
	case DW_CFA_nop:
		return true;
	case DW_CFA_GNU_args_size:
		cursor__uleb(c);
		return true;
	case DW_CFA_remember_state:
		return remember(m);
	case DW_CFA_restore_state:
		return recall(m);
	case DW_CFA_def_cfa:
		reg = cursor__uleb(c);
		return define_cfa(m, reg, cursor__uleb(c));
	case DW_CFA_def_cfa_register:
		return m->now.cfa_reg != NO_CFA && define_cfa(m, cursor__uleb(c), m->now.cfa_off);
	case DW_CFA_def_cfa_offset:
		return m->now.cfa_reg != NO_CFA && define_cfa(m, m->now.cfa_reg, cursor__uleb(c));
	case DW_CFA_offset_extended:
		reg = cursor__uleb(c);
		return at_cfa(m, reg, cursor__uleb(c));
	case DW_CFA_undefined:
		return set_place(m, cursor__uleb(c), UNDEFINED, 0);
	case DW_CFA_same_value:
		reg = cursor__uleb(c);
		return reg != REG_RA && set_place(m, reg, SAME, 0);
	case DW_CFA_restore_extended:
		return restore(m, cursor__uleb(c));
	case DW_CFA_expression:
	case DW_CFA_val_expression:
		reg = cursor__uleb(c);
		cursor__skip(c, cursor__uleb(c));
		return is_other(reg);
	}
	return false;
}

/* By how much the instruction moves on in the code, 0: it is another one. */
static __u64 advance(struct machine *m, struct cursor *c, __u8 op)
{
	switch (op) {
	case DW_CFA_advance_loc1:
		return cursor__fixed(c, 1) * m->code_align;
	case DW_CFA_advance_loc2:
		return cursor__fixed(c, 2) * m->code_align;
	case DW_CFA_advance_loc4:
		return cursor__fixed(c, 4) * m->code_align;
	}
	return (op & 0xc0) == DW_CFA_advance_loc ? (op & 0x3f) * m->code_align : 0;
}

static bool moves(__u8 op)
{
	return (op & 0xc0) == DW_CFA_advance_loc || op == DW_CFA_advance_loc1 ||
	       op == DW_CFA_advance_loc2 || op == DW_CFA_advance_loc4;
}

/* Up to the next instruction that moves on (op), or the end.  False: there is something for libdw. */
static bool run(struct machine *m, struct cursor *c, __u8 *op)
{
	while (c->p < c->end) {
		*op = *c->p++;
		if (moves(*op))
			return true;
		if ((*op & 0xc0) == DW_CFA_offset) {
			if (!at_cfa(m, *op & 0x3f, cursor__uleb(c)))
				return false;
		} else if ((*op & 0xc0) == DW_CFA_restore) {
			if (!restore(m, *op & 0x3f))
				return false;
		} else if (!instruction(m, c, *op)) {
			return false;
		}
		if (c->over)
			return false;
	}
	*op = 0;
	return true;
}

static bool fits(__s64 v)
{
	return v == (__s32)v;
}

/* What cfi__rule() would say; false: not known here. */
static bool rule_of(const struct state *s, struct wt_rule *r)
{
	*r = (struct wt_rule){ 0 };
	if (s->ra.kind == UNDEFINED) {
		*r = (struct wt_rule){ .cfa = WT_CFA_SP, .ra = WT_RA_ROOT };
		return true;
	}
	if (s->ra.kind != AT_CFA || s->ra.off != -8)
		return false;
	switch (s->cfa_reg) {
	case REG_RSP:
		r->cfa = WT_CFA_SP;
		break;
	case REG_RBP:
		r->cfa = WT_CFA_FP;
		break;
	case REG_RBX:
		r->cfa = WT_CFA_BX;
		break;
	case NO_CFA:
		return false;
	default:		/* clang has it in r11 while it makes room for a large frame */
		r->cfa = WT_CFA_BAD;
		return true;
	}
	r->cfa_off = s->cfa_off;
	if (s->fp.kind == AT_CFA && fits(s->fp.off)) {
		r->fp = WT_FP_CFA;
		r->fp_off = s->fp.off;
	} else if (s->fp.kind != SAME) {
		r->fp = WT_FP_LOST;
	}
	if (s->bx.kind == AT_CFA)
		r->bx_off = s->bx.off && s->bx.off != WT_BX_LOST && fits(s->bx.off) ? s->bx.off : WT_BX_LOST;
	return true;
}

static bool begin(struct machine *m, const struct cfi_cie *cie)
{
	struct cursor c = { cie->start, cie->end, false };
	__u8 op;

	*m = (struct machine){
		.now = { .cfa_reg = NO_CFA, .ra = { .kind = SAME } },
		.code_align = cie->code_align, .data_align = cie->data_align,
	};
	/* nothing moves on before the function begins */
	if (!cie->plain || !run(m, &c, &op) || op)
		return false;
	m->first = m->now;
	return true;
}

int cfi__execute(const struct cfi_cie *cie, const struct cfi_range *r, cfi_row_fn row, void *ctx)
{
	struct cursor c = { r->code, r->code_end, false };
	struct machine m;
	struct wt_rule rule;
	__u64 at = 0, size = r->end - r->start, next;
	__u8 op;
	int err;

	if (!begin(&m, cie))
		return 1;
	do {
		if (!run(&m, &c, &op) || !rule_of(&m.now, &rule))
			return 1;
		next = op ? at + advance(&m, &c, op) : size;
		if (c.over)
			return 1;
		if (next > size)
			next = size;
		if (next > at) {
			err = row(ctx, r->start + at, next - at, &rule);
			if (err)
				return err;
		}
		at = next;
	} while (at < size);
	return 0;
}
