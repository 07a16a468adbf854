/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cfi_impl.h - what the parts of the compiler share.
 *
 * Nearly all functions' instructions are executed here (cfi_exec.c), all others by
 * libdw; but it takes memory as a file tells it (a
 * register's number is an index), trusts the table in .eh_frame_hdr, and starts
 * at the function's beginning for each row.  So it never sees the file: a section
 * is copied into an image of its own (cfi_elf.c), everything in it that it should
 * not execute becomes DW_CFA_nop (cfi_entries.c), and each row is asked for once.
 */
#ifndef WT_CFI_IMPL_H
#define WT_CFI_IMPL_H

#include <elfutils/libdw.h>
#include <stdbool.h>

#include "symbols/elfimg.h"
#include "unwind/cfi.h"

#define CFI_MAX_SEGMENTS 16
#define CFI_MAX_FIXED 25

/* An executable segment: where its addresses lie in the file. */
struct cfi_segment {
	__u64 vaddr, off, size;
};

/* What FDEs have in common; the instructions lie in the section. */
struct cfi_cie {
	__u64 off;
	const unsigned char *start, *end;	/* of its instructions */
	__u64 code_align;
	__s64 data_align;
	__u8 encoding;		/* of an FDE's addresses, DW_EH_PE_* */
	bool sized;		/* 'z': FDEs have augmentation data */
	bool bad;
	bool plain;		/* cfi__execute() may be asked */
};

/* One section in an image for libdw. */
struct cfi_section {
	unsigned char *image;	/* the image; owned */
	size_t image_sz;
	unsigned char *data;	/* the section in it */
	size_t size;
	__u64 vaddr;
	bool eh;		/* .eh_frame, else .debug_frame */
	struct cfi_cie *cie;	/* by place; owned */
	__u32 n_cie;
	Elf *elf;
	Dwarf *dwarf;		/* of .debug_frame */
	Dwarf_CFI *cfi;
};

/* What one FDE covers, where its segment lies in the file. */
struct cfi_range {
	__u64 vaddr;		/* of its first byte */
	__u32 start, end;	/* offsets in the file */
	__u32 order;		/* earlier ones win: .eh_frame, then by place in the section */
	bool eh;
	bool bad;		/* its instructions are not to be executed */
	__u8 fixed;		/* 1 + index in cfi_source.fixed: the rule for all of it; 0: none */
	__u32 cie;		/* its number in the section */
	/* its instructions; NULL: they are libdw's */
	const unsigned char *code, *code_end;
	bool down;		/* the rule is CFA = sp + 8 + sp_down for all of it */
	__s32 sp_down;
};

struct cfi_source {
	struct elfimg img;
	struct cfi_limits lim;
	struct cfi_segment seg[CFI_MAX_SEGMENTS];
	unsigned n_seg;
	struct cfi_section eh, debug;
	struct cfi_range *range;
	__u32 n_range, cap_range;
	struct wt_rule fixed[CFI_MAX_FIXED];
	unsigned n_fixed;
	__u64 entry;		/* e_entry */
	__u32 bad_fdes;
	__u64 deadline;		/* CLOCK_THREAD_CPUTIME_ID */
};

/* cfi_elf.c.  0 with no segments: not for this machine.  Negative errno. */
int cfi__open(struct cfi_source *src);
void cfi__close(struct cfi_source *src);
/* Ready for dwarf_cfi_addrframe(); once its entries are vetted.  Negative errno. */
int cfi__begin(struct cfi_section *sec);

/* cfi_entries.c: vets the entries of a section and adds its FDEs to range.  Negative errno. */
int cfi__entries(struct cfi_source *src, struct cfi_section *sec);

/*
 * Adds a range of code, like that template but for its place, which is filled in.  0, also
 * when no code of the file is there; -E2BIG, -ENOMEM.
 */
int cfi__add_range(struct cfi_source *src, __u64 vaddr, __u64 size, struct cfi_range range);

/* cfi_go.c: rules for functions of Go's runtime that have none, or wrong ones.  Negative errno. */
int cfi__go(struct cfi_source *src, Elf *elf);

/* cfi_start.c: the start of the dynamic linker, once all other ranges are there.  Negative errno. */
int cfi__start(struct cfi_source *src);

/*
 * cfi_exec.c: calls row for each row of that FDE, in order: offset in the file, bytes, rule.
 * 0, row's error, or 1: libdw has to be asked; what row was told so far is void.
 */
typedef int (*cfi_row_fn)(void *ctx, __u32 off, __u32 size, const struct wt_rule *rule);
int cfi__execute(const struct cfi_cie *cie, const struct cfi_range *r, cfi_row_fn row, void *ctx);

/* cfi_rule.c: the frame's rule, WT_CFA_BAD for what cannot be said in one. */
struct wt_rule cfi__rule(Dwarf_Frame *frame);

/* cfi_fp.c: does the code between those rows keep frame pointers? */
bool cfi__keeps_fp(const struct cfi_source *src, const struct cfi_table *t);

__u64 cfi__cpu_ns(void);

#endif /* WT_CFI_IMPL_H */
