/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * elfsyms.h - the functions of one ELF file, as a sorted array of 16 bytes each.
 * Names stay in the file and are read when one is wanted, so the file must stay
 * open as long as the table is used.
 *
 * Sources: .symtab, else the one of the file's debug file (debugfile.h), else
 * .dynsym and the one in .gnu_debugdata (minidebug.h) and Go's own table.  The
 * stubs of the PLT are "name@plt".  Where none of them says anything, what
 * else the file tells of its functions (elfunits.h) keeps them apart.
 */
#ifndef WT_ELFSYMS_H
#define WT_ELFSYMS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "symbols/elfimg.h"

struct elfsyms;

/*
 * Reads the tables of img, which is borrowed until elfsyms__free (the descriptor
 * or the memory, not the struct).  path: where to look for a debug file beside
 * it, or NULL.  A file without any symbols gives an empty table; -ENOEXEC when it
 * is no ELF file, -ENOMEM.
 */
int elfsyms__load(struct elfsyms **out, const struct elfimg *img, const char *path);
/* The same with a debug file that is known already: a descriptor, borrowed for the call, or -1. */
int elfsyms__load_with(struct elfsyms **out, const struct elfimg *img, const char *path,
		       int debug_fd);
void elfsyms__free(struct elfsyms *es);

/* The address that the file itself gives to the byte at this offset of it. */
__u64 elfsyms__vaddr(const struct elfsyms *es, __u64 file_off);

struct elfsym {
	__u64 start;		/* of the function or piece of code; 0: vaddr is no code */
	bool named;		/* buf has its symbol as the file spells it */
};
/*
 * The function that holds vaddr: inside its st_size, or for one of size 0 up to
 * the next one, the end of its section or the start of other code that the unwind
 * tables know.  Functions before plain labels, global
 * before local; among aliases the one with the fewest leading underscores, then
 * the shortest (of local ones the longest, as perf has it), then the first by strcmp (underscores: the most instead).
 */
struct elfsym elfsyms__find(const struct elfsyms *es, __u64 vaddr, bool underscores,
			    char *buf, size_t sz);

/* Every symbol, by rising address; aliases and stubs of the PLT ("name@plt") are among them. */
struct elfsyms_entry {
	__u64 start, end;	/* addresses of the file; end: as far as is known */
	bool sized;		/* the file itself gives the size */
	bool function;		/* else a plain label */
	bool stub;		/* "name@plt" */
	bool dynamic;		/* of .dynsym */
	const char *name;	/* as the file spells it, for this call */
};
typedef int (*elfsyms_entry_fn)(void *ctx, const struct elfsyms_entry *e);
/* Stops at the first non-zero return and returns it. */
int elfsyms__each(const struct elfsyms *es, elfsyms_entry_fn fn, void *ctx);
/* The function or piece of code that holds vaddr; false: it is in none, or a stub of the PLT. */
bool elfsyms__extent(const struct elfsyms *es, __u64 vaddr, __u64 *start, __u64 *end);
/* Where the byte at that address lies in the file; UINT64_MAX: nowhere. */
__u64 elfsyms__file_off(const struct elfsyms *es, __u64 vaddr);
/* That address is in a segment with code. */
bool elfsyms__is_code(const struct elfsyms *es, __u64 vaddr);

/* How many functions have a name from where, and how many that unwind tables know have none. */
struct elfsyms_sources {
	unsigned symtab, debug, dynsym, mini, go, plt;
	unsigned nameless;
	__u64 uncovered;	/* elfunits__uncovered() */
};
void elfsyms__sources(const struct elfsyms *es, struct elfsyms_sources *out);
unsigned elfsyms__count(const struct elfsyms *es);
size_t elfsyms__bytes(const struct elfsyms *es);

#endif /* WT_ELFSYMS_H */
