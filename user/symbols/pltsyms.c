/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pltsyms.c - names for the stubs of the procedure linkage table (x86-64 psABI,
 * "Procedure Linkage Table"): each jumps through a slot of the GOT, and the
 * relocation of that slot says whose it is.  That holds for .plt, .plt.sec (with
 * branch tracking) and .plt.got (bound at start) alike.
 */
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "symbols/elfsyms_impl.h"

#define MAX_RELOCS ((size_t)64 << 20)	/* bytes of all tables of them and their symbols */
#define MAX_PLT ((size_t)16 << 20)	/* bytes of all kinds of it */
#define JMP_SIZE 6			/* ff 25, 4 bytes: jmp *[rip + offset] */

struct slot {
	__u64 addr;
	__u32 name;
};

struct slots {
	struct slot *s;
	size_t n, cap;
};

static int by_addr(const void *a, const void *b)
{
	const struct slot *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

static int add_slot(struct slots *t, __u64 addr, __u32 name)
{
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 256;
		struct slot *s = reallocarray(t->s, cap, sizeof(*s));

		if (!s)
			return -ENOMEM;
		t->s = s;
		t->cap = cap;
	}
	t->s[t->n++] = (struct slot){ addr, name };
	return 0;
}

/* The slots that one table of relocations fills with functions' addresses. */
static int read_relocs(struct slots *t, Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh, size_t *room)
{
	Elf_Scn *sym = elf_getscn(elf, sh->sh_link);
	Elf_Data *rela = elfimg__section_of(scn, room), *syms;
	const Elf64_Rela *r;
	GElf_Sym s;
	int err = 0;
	size_t n;

	syms = sym ? elfimg__section_of(sym, room) : NULL;
	if (!rela || !rela->d_buf || !syms)
		return 0;
	/* 64 bits and our own byte order: as it is */
	r = rela->d_buf;
	for (n = rela->d_size / sizeof(*r); n && !err; n--, r++) {
		unsigned type = ELF64_R_TYPE(r->r_info);

		if ((type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT) &&
		    gelf_getsym(syms, ELF64_R_SYM(r->r_info), &s) && s.st_name)
			err = add_slot(t, r->r_offset, s.st_name);
	}
	return err;
}

/* The names of all of them are in .dynstr. */
static int read_slots(struct elfsyms *es, struct slots *t, Elf *elf)
{
	Elf_Scn *scn = NULL, *str = NULL;
	GElf_Shdr sh, dynsym, strsh;
	size_t room = MAX_RELOCS;
	int err = 0;

	while (!err && (scn = elf_nextscn(elf, scn))) {
		Elf_Scn *sym;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_RELA || !(sh.sh_flags & SHF_ALLOC))
			continue;
		sym = elf_getscn(elf, sh.sh_link);
		if (!sym || !gelf_getshdr(sym, &dynsym) || dynsym.sh_type != SHT_DYNSYM)
			continue;
		str = elf_getscn(elf, dynsym.sh_link);
		err = read_relocs(t, elf, scn, &sh, &room);
	}
	if (err || !t->n || !str || !gelf_getshdr(str, &strsh) || strsh.sh_type != SHT_STRTAB ||
	    (strsh.sh_flags & SHF_COMPRESSED)) {
		t->n = 0;
		return err;
	}
	es->src[SRC_PLT].img = es->img;
	es->src[SRC_PLT].str_off = strsh.sh_offset;
	es->src[SRC_PLT].str_size = strsh.sh_size;
	qsort(t->s, t->n, sizeof(*t->s), by_addr);
	return 0;
}

/* The slot that the stub of size bytes at p, at that address, jumps through, or NULL. */
static const struct slot *slot_of(const struct slots *t, const __u8 *p, size_t size, __u64 addr)
{
	struct slot key;
	__s32 rel;

	for (size_t i = 0; i + JMP_SIZE <= size; i++) {
		if (p[i] != 0xff || p[i + 1] != 0x25)
			continue;
		memcpy(&rel, p + i + 2, 4);
		key.addr = addr + i + JMP_SIZE + rel;
		return bsearch(&key, t->s, t->n, sizeof(key), by_addr);
	}
	return NULL;
}

static int add_stubs(struct elfsyms *es, const struct slots *t, Elf_Scn *scn, const GElf_Shdr *sh,
		     size_t *room)
{
	Elf_Data *data = elfimg__section_of(scn, room);
	size_t step = sh->sh_entsize == 8 ? 8 : 16;
	int err = 0;

	for (size_t at = 0; data && data->d_buf && at + step <= data->d_size && !err; at += step) {
		const struct slot *s = slot_of(t, (__u8 *)data->d_buf + at, step, sh->sh_addr + at);
		const struct esym sym = {
			.addr = sh->sh_addr + at, .size = step, .rank = RANK_FUNC, .src = SRC_PLT,
			.name = s ? s->name : 0,
		};

		if (s)
			err = elfsyms__add(es, &sym);
	}
	return err;
}

int pltsyms__add(struct elfsyms *es, Elf *elf)
{
	struct slots t = { 0 };
	size_t room = MAX_PLT;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;
	int err;

	if (!es->is_x86_64 || !es->is64)
		return 0;
	err = read_slots(es, &t, elf);
	while (!err && t.n && (scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_PROGBITS &&
		    (sh.sh_flags & SHF_EXECINSTR) &&
		    !strncmp(elfimg__section_name(elf, &sh), ".plt", 4))
			err = add_stubs(es, &t, scn, &sh, &room);
	free(t.s);
	return err;
}
