/* SPDX-License-Identifier: GPL-2.0-or-later */
/* elfsyms_impl.h - what the files that fill the table (elfload.c) and search it share. */
#ifndef WT_ELFSYMS_IMPL_H
#define WT_ELFSYMS_IMPL_H

#include "symbols/elfsyms.h"
#include "symbols/elfunits.h"

enum elf_source {
	SRC_SYMTAB = 0,
	SRC_DYNSYM = 1,
	SRC_DEBUG = 2,		/* .symtab of the debug file */
	SRC_MINI = 3,		/* .symtab of .gnu_debugdata (minidebug.h) */
	SRC_GO = 4,		/* .gopclntab */
	SRC_PLT = 5,		/* .dynsym, by way of a relocation; "@plt" is added */
	SRC_MADE = 6,		/* name: enum made_name */
};

enum made_name {
	MADE_START = 0,		/* "_start", at e_entry */
};

/* bit 0: global, bit 1: a function */
#define RANK_GLOBAL 1
#define RANK_FUNC 2

struct esym {
	__u64 addr;
	__u32 size : 25;	/* bytes, at most ESYM_MAX_SIZE */
	__u32 hidden : 1;	/* global for the linker alone: nobody else calls it by that name */
	__u32 zero : 1;		/* the file gives no size: up to its neighbour */
	__u32 rank : 2;
	__u32 src : 3;		/* enum elf_source */
	__u32 name;		/* offset in the source's string table */
};
_Static_assert(sizeof(struct esym) == 16, "one symbol is 16 bytes");
#define ESYM_MAX_SIZE ((1U << 25) - 1)

struct eseg {
	__u64 off, filesz, vaddr;
	bool exec;
};

struct esect {
	__u64 start, end;	/* addresses */
};

struct elfsyms {
	struct esym *sym;
	unsigned n, cap;
	struct eseg *seg;	/* PT_LOAD */
	unsigned n_seg;
	struct esect *sect;	/* sections with code */
	unsigned n_sect;
	struct elfimg img;
	struct elfunits *units;
	bool is64, is_x86_64;
	struct {
		struct elfimg img;
		__u64 str_off, str_size;
	} src[SRC_MADE];
	int debug_fd;		/* ours, or -1 */
	char *mini_names;	/* the string table of SRC_MINI, or NULL */
	size_t mini_names_sz;
};

/* Makes room and adds; 0, or -ENOMEM, or 0 without adding beyond the bound. */
int elfsyms__add(struct elfsyms *es, const struct esym *s);
/* Sorts, and gives symbols without a size one. */
void elfsyms__finish(struct elfsyms *es);
/* The last symbol at or before vaddr that covers it, or -1. */
long elfsyms__covering(const struct elfsyms *es, __u64 vaddr);

/* gosyms.c, pltsyms.c: functions that have no symbols; 0 or -ENOMEM. */
int gosyms__add(struct elfsyms *es, Elf *elf);
int pltsyms__add(struct elfsyms *es, Elf *elf);

/* The name of s as its file spells it; false: it has none. */
bool elfsyms__read_name(const struct elfsyms *es, const struct esym *s, char *buf, size_t sz);

/* elfentry.c: what the program headers tell where symbols are missing. */
int elfentry__add_start(struct elfsyms *es, Elf *elf);

#endif /* WT_ELFSYMS_IMPL_H */
