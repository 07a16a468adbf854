// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cfi_entries.c - walks the CIEs and FDEs of a section: where each FDE's code
 * lies, and whether libdw may execute its instructions.  What it may not becomes
 * DW_CFA_nop in our copy.
 *
 * Formats: DWARF 5 sections 6.4 and 7.24; for .eh_frame LSB 5.0 Core, 10.6.
 */
#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "unwind/cfi_impl.h"
#include "unwind/cfi_read.h"

#define MAX_REGISTER 255	/* the ABI's last is 130; libdw keeps 16 bytes for each below */
#define MAX_REMEMBERED 64	/* states, each a copy of all registers; compilers use 1 or 2 */
#define MAX_EXPRESSION 512	/* bytes; libdw keeps 32 for each operation */

/* An address in that encoding, relative to nothing yet. */
static __u64 encoded(struct cursor *c, __u8 encoding)
{
	switch (encoding & 0xf) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8:
		return cursor__fixed(c, 8);
	case DW_EH_PE_udata2:
		return cursor__fixed(c, 2);
	case DW_EH_PE_sdata2:
		return (__s64)(__s16)cursor__fixed(c, 2);
	case DW_EH_PE_udata4:
		return cursor__fixed(c, 4);
	case DW_EH_PE_sdata4:
		return (__s64)(__s32)cursor__fixed(c, 4);
	case DW_EH_PE_uleb128:
		return cursor__uleb(c);
	}
	c->over = true;
	return 0;
}

/* The CIE's augmentation: how the FDEs' addresses are written.  False: not known. */
static bool augmentation(const Dwarf_CIE *e, struct cfi_cie *cie)
{
	struct cursor c = { e->augmentation_data, e->augmentation_data + e->augmentation_data_size };
	const char *a = e->augmentation;
	__u8 enc;

	cie->encoding = DW_EH_PE_absptr;
	/* .debug_frame has no 'z', and of the others 'S' only */
	if (*a != 'z')
		return !*a || !strcmp(a, "S");
	cie->sized = true;
	for (a++; *a && !c.over; a++) {
		switch (*a) {
		case 'R':
			cie->encoding = cursor__fixed(&c, 1);
			break;
		case 'L':
			cursor__fixed(&c, 1);
			break;
		case 'P':
			enc = cursor__fixed(&c, 1);
			if ((enc & 0x70) == DW_EH_PE_aligned)
				return false;
			encoded(&c, enc);
			break;
		case 'S':
		case 'B':
			break;
		default:
			return false;
		}
	}
	enc = cie->encoding & 0xf0;
	return !c.over && (enc == DW_EH_PE_absptr || enc == DW_EH_PE_pcrel);
}

static bool reg_ok(struct cursor *c)
{
	return cursor__uleb(c) <= MAX_REGISTER;
}

static bool block_ok(struct cursor *c)
{
	__u64 n = cursor__uleb(c);

	cursor__skip(c, n);
	return n <= MAX_EXPRESSION;
}

/* One instruction past those whose operand is in the opcode; *depth: states remembered. */
static bool instruction_ok(struct cursor *c, __u8 op, __u8 encoding, unsigned *depth)
{
	switch (op) {
	case DW_CFA_nop:
	case DW_CFA_GNU_window_save:
		return true;
	case DW_CFA_set_loc:
		encoded(c, encoding);
		return true;
	case DW_CFA_advance_loc1:
		cursor__skip(c, 1);
		return true;
	case DW_CFA_advance_loc2:
		cursor__skip(c, 2);
		return true;
	case DW_CFA_advance_loc4:
		cursor__skip(c, 4);
		return true;
	case DW_CFA_MIPS_advance_loc8:
		cursor__skip(c, 8);
		return true;
	case DW_CFA_remember_state:
		return ++*depth <= MAX_REMEMBERED;
	case DW_CFA_restore_state:
		return (*depth)-- > 0;
	case DW_CFA_restore_extended:
	case DW_CFA_undefined:
	case DW_CFA_same_value:
	case DW_CFA_def_cfa_register:
		return reg_ok(c);
	case DW_CFA_register:
		return reg_ok(c) && reg_ok(c);
	case DW_CFA_def_cfa_offset:
	case DW_CFA_def_cfa_offset_sf:
	case DW_CFA_GNU_args_size:
		cursor__uleb(c);
		return true;
	case DW_CFA_offset_extended:
	case DW_CFA_offset_extended_sf:
	case DW_CFA_def_cfa:
	case DW_CFA_def_cfa_sf:
	case DW_CFA_val_offset:
	case DW_CFA_val_offset_sf:
	case DW_CFA_GNU_negative_offset_extended:
		if (!reg_ok(c))
			return false;
		cursor__uleb(c);
		return true;
	case DW_CFA_def_cfa_expression:
		return block_ok(c);
	case DW_CFA_expression:
	case DW_CFA_val_expression:
		return reg_ok(c) && block_ok(c);
	}
	return false;
}

static bool program_ok(const struct cfi_source *src, struct cursor c, __u8 encoding)
{
	unsigned depth = 0;
	__u8 op;

	if ((size_t)(c.end - c.p) > src->lim.program)
		return false;
	while (c.p < c.end && !c.over) {
		op = *c.p++;
		if ((op & 0xc0) == DW_CFA_offset)
			cursor__uleb(&c);
		else if (!(op & 0xc0) && !instruction_ok(&c, op, encoding, &depth))
			return false;
	}
	return !c.over;
}

/* libdw shall find nothing to execute there.  The image is ours, const is libdw's. */
static void blank(const unsigned char *from, const unsigned char *to)
{
	memset((unsigned char *)from, DW_CFA_nop, to - from);
}

struct walk {
	struct cfi_source *src;
	struct cfi_section *sec;
	__u32 cap_cie;
	__u32 order;
};

static int add_cie(struct walk *w, Dwarf_Off off, const Dwarf_CIE *e)
{
	struct cursor c = { e->initial_instructions, e->initial_instructions_end };
	struct cfi_section *sec = w->sec;
	struct cfi_cie *cie;

	if (sec->n_cie == w->src->lim.fdes)
		return -E2BIG;
	if (sec->n_cie == w->cap_cie) {
		__u32 cap = w->cap_cie ? w->cap_cie * 2 : 16;

		cie = realloc(sec->cie, cap * sizeof(*cie));
		if (!cie)
			return -ENOMEM;
		sec->cie = cie;
		w->cap_cie = cap;
	}
	cie = &sec->cie[sec->n_cie++];
	*cie = (struct cfi_cie){ .off = off, .start = c.p, .end = c.end,
				 .code_align = e->code_alignment_factor,
				 .data_align = e->data_alignment_factor };
	cie->bad = !augmentation(e, cie) || !program_ok(w->src, c, cie->encoding);
	if (cie->bad)
		blank(c.p, c.end);
	/* not a signal frame, and of this machine: within what no program's numbers overflow */
	cie->plain = !cie->bad && !strchr(e->augmentation, 'S') && e->return_address_register == 16 &&
		     e->code_alignment_factor <= 16 && e->data_alignment_factor == -8;
	return 0;
}

static int cmp_cie(const void *key, const void *member)
{
	__u64 off = *(const __u64 *)key;
	const struct cfi_cie *c = member;

	return off < c->off ? -1 : off > c->off;
}

int cfi__add_range(struct cfi_source *src, __u64 vaddr, __u64 size, struct cfi_range range)
{
	const struct cfi_segment *s = src->seg;
	struct cfi_range *r;
	__u64 at;

	while (s < src->seg + src->n_seg && (vaddr < s->vaddr || vaddr - s->vaddr >= s->size))
		s++;
	/* of a section that was discarded at link time, or of data */
	if (s == src->seg + src->n_seg || !size)
		return 0;
	if (src->n_range == src->lim.fdes)
		return -E2BIG;
	if (src->n_range == src->cap_range) {
		__u32 cap = src->cap_range ? src->cap_range * 2 : 1024;

		r = realloc(src->range, cap * sizeof(*r));
		if (!r)
			return -ENOMEM;
		src->range = r;
		src->cap_range = cap;
	}
	at = vaddr - s->vaddr;
	if (size > s->size - at)
		size = s->size - at;
	range.vaddr = vaddr;
	range.start = s->off + at;
	range.end = s->off + at + size;
	src->range[src->n_range++] = range;
	return 0;
}

static int add_fde(struct walk *w, const Dwarf_FDE *e)
{
	struct cursor c = { e->start, e->end };
	const struct cfi_section *sec = w->sec;
	const struct cfi_cie *cie;
	__u64 vaddr, size;
	bool ok;

	w->order++;
	cie = sec->n_cie ? bsearch(&e->CIE_pointer, sec->cie, sec->n_cie, sizeof(*cie), cmp_cie) : NULL;
	if (!cie || cie->bad)
		goto bad;
	vaddr = encoded(&c, cie->encoding);
	if ((cie->encoding & 0x70) == DW_EH_PE_pcrel)
		vaddr += sec->vaddr + (e->start - sec->data);
	size = encoded(&c, cie->encoding & 0x7);
	if (cie->sized)
		cursor__skip(&c, cursor__uleb(&c));
	if (c.over)
		goto bad;
	ok = program_ok(w->src, c, cie->encoding);
	if (!ok) {
		w->src->bad_fdes++;
		blank(c.p, c.end);
	}
	return cfi__add_range(w->src, vaddr, size, (struct cfi_range){
		.order = w->order, .eh = sec->eh, .bad = !ok, .cie = cie - sec->cie,
		.code = ok && cie->plain ? c.p : NULL, .code_end = c.end,
	});
bad:
	w->src->bad_fdes++;
	blank(e->start, e->end);
	return 0;
}

/* All CIEs, or all FDEs: in .debug_frame an FDE may come before its CIE. */
static int pass(struct walk *w, bool cies)
{
	Elf_Data data = { .d_buf = w->sec->data, .d_size = w->sec->size, .d_type = ELF_T_BYTE,
			  .d_version = EV_CURRENT };
	Dwarf_Off off = 0, next;
	Dwarf_CFI_Entry e;
	int ret, err = 0;

	while (!err) {
		next = off;
		ret = dwarf_next_cfi(w->sec->image, &data, w->sec->eh, off, &next, &e);
		if (ret > 0 || next == (Dwarf_Off)-1 || next <= off)
			break;
		if (ret)
			;	/* damaged, but its length is known */
		else if (dwarf_cfi_cie_p(&e))
			err = cies ? add_cie(w, off, &e.cie) : 0;
		else
			err = cies ? 0 : add_fde(w, &e.fde);
		off = next;
	}
	return err;
}

int cfi__entries(struct cfi_source *src, struct cfi_section *sec)
{
	/* those of .debug_frame come behind all of .eh_frame's */
	struct walk w = { .src = src, .sec = sec, .order = sec->eh ? 0 : 1u << 31 };
	int err;

	if (!sec->image)
		return 0;
	err = pass(&w, true);
	if (!err)
		err = pass(&w, false);
	return err;
}
