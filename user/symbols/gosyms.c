/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * gosyms.c - the functions of a stripped Go program, from the table that its own
 * tracebacks need (.gopclntab).  Layout: src/debug/gosym/pclntab.go and
 * src/internal/abi/symtab.go of Go 1.16 to 1.24.
 */
#include <errno.h>
#include <gelf.h>
#include <string.h>

#include "symbols/elfsyms_impl.h"
#include "symbols/gosyms.h"

#define MAX_TABLE ((size_t)128 << 20)
#define MAX_RELOCS ((size_t)64 << 20)	/* bytes of all tables of them */
#define MAX_FUNCTIONS (1U << 21)

enum {
	GO_116 = 0xfffffffa,	/* 1.16, 1.17: addresses */
	GO_118 = 0xfffffff0,	/* 1.18, 1.19: offsets from the start of the text */
	GO_120 = 0xfffffff1,	/* 1.20 on: the same */
};

/* The header's fields, all of the machine's word size, in this order. */
enum {
	W_NFUNC = 0,
	W_NFILES = 1,
	W_TEXT = 2,		/* 1.18 on; what follows is one earlier in 1.16 */
	W_NAMES = 3,
	W_PCTAB = 6,		/* tables of changes from one address to another */
	W_FUNCTIONS = 7,
};
#define HEADER 8		/* magic, two zeros, quantum, word size */
#define WORD 8

struct table {
	const __u8 *p;
	size_t size;
	__u64 off, addr;	/* of the section */
	bool addresses;		/* Go 1.16 */
	__u64 text, names, functions, pctab;
	__u32 n;
};

static __u64 read_at(const struct table *t, __u64 off, size_t bytes)
{
	__u64 v = 0;

	if (off <= t->size && bytes <= t->size - off)
		memcpy(&v, t->p + off, bytes);
	return v;
}

static __u64 word(const struct table *t, unsigned i)
{
	return read_at(t, HEADER + WORD * (t->addresses && i > W_NFILES ? i - 1 : i), WORD);
}

/* In a position-independent program the loader fills the field in: its relocation has the value. */
static __u64 relocated_text(const struct table *t, Elf *elf)
{
	__u64 field = t->addr + HEADER + WORD * W_TEXT;
	size_t room = MAX_RELOCS;
	Elf_Scn *scn = NULL;
	Elf_Data *data;
	GElf_Shdr sh;
	GElf_Rela r;

	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_RELA || !(sh.sh_flags & SHF_ALLOC))
			continue;
		data = elfimg__section_of(scn, &room);
		for (int i = 0; data && gelf_getrela(data, i, &r); i++)
			if (r.r_offset == field)
				return r.r_addend;
	}
	return 0;
}

static bool read_header(struct table *t, Elf *elf)
{
	__u32 magic = read_at(t, 0, 4);

	if ((magic != GO_116 && magic != GO_118 && magic != GO_120) || read_at(t, 4, 2) ||
	    read_at(t, 7, 1) != WORD)
		return false;
	t->addresses = magic == GO_116;
	t->n = word(t, W_NFUNC) < MAX_FUNCTIONS ? word(t, W_NFUNC) : 0;
	t->names = word(t, W_NAMES);
	t->functions = word(t, W_FUNCTIONS);
	t->pctab = word(t, W_PCTAB);
	if (!t->addresses) {
		t->text = word(t, W_TEXT);
		if (!t->text)
			t->text = relocated_text(t, elf);
	}
	return t->n && t->names < t->size && t->functions < t->size &&
	       (t->addresses || t->text);
}

/* Where the i-th function starts; the one after the last is where that ends. */
static __u64 start_of(const struct table *t, __u32 i)
{
	if (t->addresses)
		return read_at(t, t->functions + 2ULL * WORD * i, WORD);
	return t->text + read_at(t, t->functions + 8ULL * i, 4);
}

/* Its name, as an offset from where the names start. */
static __u32 name_of(const struct table *t, __u32 i)
{
	if (t->addresses)
		return read_at(t, t->functions + read_at(t, t->functions + 2ULL * WORD * i + WORD,
							 WORD) + WORD, 4);
	return read_at(t, t->functions + read_at(t, t->functions + 8ULL * i + 4, 4) + 4, 4);
}

/* Reads the header; false when there is no such table, or none that is understood. */
static bool open_table(struct table *t, Elf *elf)
{
	Elf_Scn *scn = elfimg__find_section(elf, ".gopclntab");
	Elf_Data *data;
	GElf_Shdr sh;

	if (!scn)
		scn = elfimg__find_section(elf, ".data.rel.ro.gopclntab");
	data = scn && gelf_getclass(elf) == ELFCLASS64 ? elfimg__section(scn, MAX_TABLE) : NULL;
	if (!data || !data->d_buf || !gelf_getshdr(scn, &sh))
		return false;
	t->p = data->d_buf;
	t->size = data->d_size;
	t->off = sh.sh_offset;
	t->addr = sh.sh_addr;
	return read_header(t, elf);
}

int gosyms__add(struct elfsyms *es, Elf *elf)
{
	struct table t = { 0 };
	int err = 0;

	if (!open_table(&t, elf))
		return 0;
	es->src[SRC_GO].img = es->img;
	es->src[SRC_GO].str_off = t.off + t.names;
	es->src[SRC_GO].str_size = t.size - t.names;
	for (__u32 i = 0; i < t.n && !err; i++) {
		__u64 start = start_of(&t, i), size = start_of(&t, i + 1) - start;
		const struct esym s = {
			.addr = start, .rank = RANK_FUNC, .src = SRC_GO, .name = name_of(&t, i),
			.size = size < ESYM_MAX_SIZE ? size : ESYM_MAX_SIZE,
		};

		/* a table that is not sorted is damaged; an end marker has no size */
		if (size && size < (1ULL << 40))
			err = elfsyms__add(es, &s);
	}
	return err;
}

int gosyms__find(Elf *elf, const char *const *names, unsigned n, struct go_function *out)
{
	struct table t = { 0 };

	memset(out, 0, n * sizeof(*out));
	if (!open_table(&t, elf))
		return 0;
	for (__u32 i = 0; i < t.n; i++) {
		__u64 start = start_of(&t, i), size = start_of(&t, i + 1) - start;
		__u64 at = t.names + name_of(&t, i);

		if (!size || size > (1 << 20) || at >= t.size)
			continue;
		for (unsigned k = 0; k < n; k++) {
			size_t len = strlen(names[k]);

			if (t.size - at > len && !memcmp(t.p + at, names[k], len + 1))
				out[k] = (struct go_function){ start, size };
		}
	}
	return 1;
}

/* Where its table of stack pointers starts, 0: it has none.  struct _func, runtime/runtime2.go. */
static __u64 stack_table(const struct table *t, __u32 i)
{
	__u64 func, at;

	if (t->addresses) {
		func = t->functions + read_at(t, t->functions + 2ULL * WORD * i + WORD, WORD);
		at = read_at(t, func + WORD + 12, 4);
	} else {
		func = t->functions + read_at(t, t->functions + 8ULL * i + 4, 4);
		at = read_at(t, func + 16, 4);
	}
	return at && t->pctab < t->size && at < t->size - t->pctab ? t->pctab + at : 0;
}

/* A number in groups of seven bits, lowest first; false at the end of the table. */
static bool varint(const struct table *t, __u64 *at, __u32 *out)
{
	__u32 v = 0;

	for (unsigned shift = 0; shift < 32; shift += 7) {
		__u8 b;

		if (*at >= t->size)
			return false;
		b = t->p[(*at)++];
		v |= (__u32)(b & 0x7f) << shift;
		if (!(b & 0x80)) {
			*out = v;
			return true;
		}
	}
	return false;
}

static int stack_of(const struct table *t, __u64 at, __u64 start, __u64 end,
		    int (*fn)(void *ctx, __u64 addr, __s32 bytes), void *ctx)
{
	__u32 change, len;
	__u64 pc = start;
	__s32 value = -1;
	int err = 0;

	/* pairs of a change of the value (zigzag) and for how many bytes it then holds */
	while (!err && pc < end && varint(t, &at, &change) && (change || pc == start) &&
	       varint(t, &at, &len) && len) {
		value += (__s32)(change >> 1) ^ -(__s32)(change & 1);
		if (value < 0)
			break;
		err = fn(ctx, pc, value);
		pc += len;
	}
	return err ? err : fn(ctx, pc < end ? pc : end, -1);
}

int gosyms__stack(Elf *elf, int (*fn)(void *ctx, __u64 addr, __s32 bytes), void *ctx)
{
	struct table t = { 0 };
	__u64 last = 0;
	int err = 0;

	if (!open_table(&t, elf))
		return 0;
	for (__u32 i = 0; i < t.n && !err; i++) {
		__u64 start = start_of(&t, i), end = start_of(&t, i + 1), at = stack_table(&t, i);

		if (end <= start || end - start > (1 << 24) || start < last)
			continue;
		last = end;
		if (at)
			err = stack_of(&t, at, start, end, fn, ctx);
	}
	return err;
}
