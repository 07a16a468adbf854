/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * elfunits.h - code without symbols, cut into pieces that are one function each,
 * as far as a stripped file still tells.
 *
 * What an entry of .eh_frame covers is a function.  What none covers, mostly
 * hand-written assembly, is cut at the 16-byte boundaries that a call or a lea
 * (x86-64) somewhere in the file refers to: such code is entered by pointers that
 * an init function takes.  Where nothing refers to it, all of the gap is one piece.
 */
#ifndef WT_ELFUNITS_H
#define WT_ELFUNITS_H

#include <gelf.h>
#include <linux/types.h>
#include <stdbool.h>
#include "symbols/elfimg.h"

struct elfsyms;

/* Code that is searched for references: the largest library we know has 140 MiB. */
#define ELFUNITS_CUT_MAX ((__u64)256 << 20)

/* Where .eh_frame_hdr has its search table; count 0: there is none that we can read. */
struct elfunits {
	__u64 table_off;	/* file offset of the first pair */
	__u64 hdr_vaddr;	/* what the pairs count from */
	__u32 count;
	bool cutting_tried;
	__u8 *referred;		/* a bit for each 16 bytes from cut_start on, or NULL */
	__u64 cut_start, cut_end;
};

/* The code [start, end); function: it has an entry, so it is one and no gap. */
struct elfunit {
	__u64 start, end;
	bool function;
};

/* NULL: no memory.  A file without a table has no units. */
struct elfunits *elfunits__new(Elf *elf, const struct elfimg *img);
void elfunits__free(struct elfunits *u);
/* Where the code of the i-th entry of the table starts; 0: unknown. */
__u64 elfunits__start(const struct elfsyms *es, __u32 i);
/*
 * Bytes of code that no entry covers, in gaps larger than padding; UINT64_MAX: the
 * file has no table to tell.
 */
__u64 elfunits__uncovered(const struct elfsyms *es);
/* The piece that holds vaddr; a gap may reach from 0 or to UINT64_MAX. */
struct elfunit elfunits__find(const struct elfsyms *es, __u64 vaddr);
/*
 * Where in the gap (lo, vaddr] the last piece starts that something refers to, or
 * lo.  Reads the file's code at its first call.
 */
__u64 elfunits__cut(const struct elfsyms *es, __u64 lo, __u64 vaddr);

#endif /* WT_ELFUNITS_H */
