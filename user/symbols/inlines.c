/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/inlines.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

/* Bounds against files that were made to hurt. */
#define MAX_RANGES (4U << 20)
#define MAX_STEPS 2000000
#define MAX_DEPTH 64

/* Code of a compilation unit. */
struct range {
	__u64 start, end;
	Dwarf_Off die;
};

struct inlines {
	Dwarf *dw;
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

/* .debug_aranges would tell the same, but not every compiler writes it. */
static void read_units(struct inlines *in)
{
	Dwarf_CU *cu = NULL;
	Dwarf_Die die;
	uint8_t type;

	while (!dwarf_get_units(in->dw, cu, &cu, NULL, &type, &die, NULL)) {
		Dwarf_Addr base, start, end;
		ptrdiff_t off = 0;

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
	in->dw = dwarf_begin(fd, DWARF_C_READ);
	if (in->dw)
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
	dwarf_end(in->dw);
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
	    !dwarf_offdie(in->dw, in->range[lo - 1].die, &unit))
		return;
	descend(&s, &unit, 0);
	while (s.n) {
		name = name_of(&s.inlined[--s.n]);
		if (name && *name)
			fn(ctx, name);
	}
}
