/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/inlines.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <gelf.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbols/debugfile.h"
#include "symbols/elfimg.h"

/* Bounds against files that were made to hurt. */
#define MAX_RANGES (4U << 20)
#define MAX_STEPS 2000000
#define MAX_DEPTH 64
#define MAX_DEBUG ((__u64)256 << 20)	/* bytes of sections that libdw reads, unpacked */

/* Code of a compilation unit. */
struct range {
	__u64 start, end;
	Dwarf_Off die;
};

/* A file's DWARF: libelf reads, where libdw's own way would map what its owner may cut short. */
struct opened {
	int fd;			/* ours, or -1 */
	Elf *elf;
	Dwarf *dw;
};

struct inlines {
	struct opened file, alt;	/* alt: what dwz(1) moved out */
	struct range *range;	/* by start */
	unsigned n, cap;
};

static int by_start(const void *a, const void *b)
{
	const struct range *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static bool add_range(struct inlines *in, __u64 start, __u64 end, Dwarf_Off die)
{
	if (start >= end)
		return true;
	if (in->n == in->cap) {
		unsigned cap = in->cap ? in->cap * 2 : 256;
		struct range *r = cap <= MAX_RANGES ? reallocarray(in->range, cap, sizeof(*r)) : NULL;

		if (!r)
			return false;
		in->range = r;
		in->cap = cap;
	}
	in->range[in->n++] = (struct range){ start, end, die };
	return true;
}

/* What a section holds when it is unpacked. */
static __u64 unpacked_size(const struct elfimg *img, Elf *elf, const GElf_Shdr *sh)
{
	Elf64_Chdr c64;
	Elf32_Chdr c32;

	if (!(sh->sh_flags & SHF_COMPRESSED))
		return sh->sh_size;
	if (gelf_getclass(elf) == ELFCLASS64)
		return elfimg__read(img, sh->sh_offset, &c64, sizeof(c64)) == sizeof(c64) ?
			       c64.ch_size : UINT64_MAX;
	return elfimg__read(img, sh->sh_offset, &c32, sizeof(c32)) == sizeof(c32) ?
		       c32.ch_size : UINT64_MAX;
}

/* libdw reads all sections with such names at once. */
static bool is_affordable(const struct elfimg *img, Elf *elf)
{
	__u64 left = MAX_DEBUG, size;
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn))) {
		const char *name = gelf_getshdr(scn, &sh) ? elfimg__section_name(elf, &sh) : "";

		/* ".zdebug_": packed in an older way, by what factor only unpacking tells */
		if (!strncmp(name, ".zdebug", 7))
			return false;
		if (sh.sh_type == SHT_NOBITS || (strncmp(name, ".debug", 6) &&
						 strncmp(name, ".gnu.debug", 10)))
			continue;
		size = unpacked_size(img, elf, &sh);
		if (sh.sh_size > left || size > left)
			return false;
		left -= size > sh.sh_size ? size : sh.sh_size;
	}
	return true;
}

static bool has_strings(const char *name)
{
	return !strcmp(name, ".debug_info") || !strcmp(name, ".debug_types") ||
	       !strcmp(name, ".debug_str") || !strcmp(name, ".debug_line_str");
}

/*
 * libdw hands out strings as they lie there, whether they end or not.  They do where
 * the section's last byte is zero: the end of a string, or of a unit's entries.
 */
static bool is_terminated(Elf *elf)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn))) {
		const char *name = gelf_getshdr(scn, &sh) ? elfimg__section_name(elf, &sh) : "";
		Elf_Data *d;

		if (sh.sh_type == SHT_NOBITS || !has_strings(name))
			continue;
		/* unpacked by libdw if it had to be */
		d = elf_rawdata(scn, NULL);
		if (!d || (d->d_size && (!d->d_buf || ((char *)d->d_buf)[d->d_size - 1])))
			return false;
	}
	return true;
}

static bool open_file(struct opened *f, int fd)
{
	const struct elfimg img = { .fd = fd };

	f->elf = elfimg__begin(&img);
	f->dw = f->elf && is_affordable(&img, f->elf) ?
			dwarf_begin_elf(f->elf, DWARF_C_READ, NULL) : NULL;
	return f->dw && is_terminated(f->elf);
}

static void close_file(struct opened *f)
{
	dwarf_end(f->dw);
	elf_end(f->elf);
	if (f->fd >= 0)
		close(f->fd);
}

/*
 * The file that .gnu_debugaltlink names, by its build id.  libdw would open whatever
 * has that name, a FIFO for one: it must never have to look itself.
 */
static bool open_alt(struct inlines *in)
{
	const void *id;
	const char *name;
	ssize_t n = dwelf_dwarf_gnu_debugaltlink(in->file.dw, &name, &id);

	if (!n)
		return true;
	in->alt.fd = n > 0 && n <= BUILD_ID_MAX ? debugfile__by_build_id(id, n) : -1;
	if (in->alt.fd < 0 || !open_file(&in->alt, in->alt.fd))
		return false;
	dwarf_setalt(in->file.dw, in->alt.dw);
	return true;
}

/* .debug_aranges would tell the same, but not every compiler writes it. */
static void read_units(struct inlines *in)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	uint8_t type;

	while (!dwarf_get_units(in->file.dw, cu, &cu, NULL, &type, &die, NULL)) {
		Dwarf_Addr base, start, end;
		ptrdiff_t off = 0;

		/* libdw would look for the file that the rest was split off to, and open anything */
		if (type == DW_UT_skeleton) {
			in->n = 0;
			return;
		}
		if (type != DW_UT_compile)
			continue;
		while ((off = dwarf_ranges(&die, off, &base, &start, &end)) > 0)
			if (!add_range(in, start, end, dwarf_dieoffset(&die)))
				break;
	}
	if (in->n)
		qsort(in->range, in->n, sizeof(*in->range), by_start);
}

struct inlines *inlines__open(int fd)
{
	struct inlines *in = calloc(1, sizeof(*in));

	if (!in)
		return NULL;
	in->file.fd = in->alt.fd = -1;
	if (open_file(&in->file, fd) && open_alt(in))
		read_units(in);
	if (in->n)
		return in;
	inlines__close(in);
	return NULL;
}

void inlines__close(struct inlines *in)
{
	if (!in)
		return;
	close_file(&in->file);
	close_file(&in->alt);
	free(in->range);
	free(in);
}

/* A search: the functions found so far that are inlined at that address, outermost first. */
struct search {
	__u64 vaddr;
	unsigned steps, n;
	Dwarf_Die inlined[MAX_DEPTH];
};

static bool is_scope(int tag)
{
	return tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine ||
	       tag == DW_TAG_lexical_block || tag == DW_TAG_try_block ||
	       tag == DW_TAG_catch_block || tag == DW_TAG_with_stmt;
}

/* True when the address was found below parent. */
static bool descend(struct search *s, Dwarf_Die *parent, unsigned depth)
{
	Dwarf_Die die;

	if (depth == MAX_DEPTH || dwarf_child(parent, &die))
		return false;
	do {
		int tag = dwarf_tag(&die);

		if (++s->steps > MAX_STEPS)
			return true;
		/* some compilers put functions where they are declared */
		if (tag == DW_TAG_namespace || tag == DW_TAG_module ||
		    tag == DW_TAG_structure_type || tag == DW_TAG_class_type) {
			if (dwarf_haschildren(&die) == 1 && descend(s, &die, depth + 1))
				return true;
			continue;
		}
		if (!is_scope(tag) || dwarf_haspc(&die, s->vaddr) <= 0)
			continue;
		if (tag == DW_TAG_inlined_subroutine && s->n < MAX_DEPTH)
			s->inlined[s->n++] = die;
		descend(s, &die, depth + 1);
		return true;
	} while (!dwarf_siblingof(&die, &die));
	return false;
}

/* The symbol it would have had, else its plain name. */
static const char *name_of(Dwarf_Die *die)
{
	static const unsigned attrs[] = {
		DW_AT_linkage_name, DW_AT_MIPS_linkage_name, DW_AT_name,
	};
	const char *name = NULL;
	Dwarf_Attribute attr;

	for (unsigned i = 0; i < 3 && !name; i++)
		name = dwarf_formstring(dwarf_attr_integrate(die, attrs[i], &attr));
	return name;
}

void inlines__at(struct inlines *in, __u64 vaddr, inlines_fn fn, void *ctx)
{
	struct search s = { .vaddr = vaddr };
	unsigned lo = 0, hi = in->n;
	const char *name;
	Dwarf_Die unit;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (in->range[mid].start <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || vaddr >= in->range[lo - 1].end ||
	    !dwarf_offdie(in->file.dw, in->range[lo - 1].die, &unit))
		return;
	descend(&s, &unit, 0);
	while (s.n) {
		name = name_of(&s.inlined[--s.n]);
		if (name && *name)
			fn(ctx, name);
	}
}
