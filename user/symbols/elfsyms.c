/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/elfsyms_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbols/names.h"

/* Bounds against files that were made to hurt: the largest real ones have 1 M. */
#define MAX_SYMBOLS (2U << 20)
#define MAX_WALK 1024
#define MAX_ALIASES 16

int elfsyms__add(struct elfsyms *es, const struct esym *s)
{
	if (es->n >= MAX_SYMBOLS)
		return 0;
	if (es->n == es->cap) {
		unsigned cap = es->cap ? es->cap * 2 : 256;
		struct esym *sym = reallocarray(es->sym, cap, sizeof(*sym));

		if (!sym)
			return -ENOMEM;
		es->sym = sym;
		es->cap = cap;
	}
	es->sym[es->n++] = *s;
	return 0;
}

/* At one address the best comes last: with a size, then by rank. */
static int by_address(const void *a, const void *b)
{
	const struct esym *x = a, *y = b;

	if (x->addr != y->addr)
		return x->addr < y->addr ? -1 : 1;
	if (x->zero != y->zero)
		return x->zero ? -1 : 1;
	if (x->rank != y->rank)
		return x->rank < y->rank ? -1 : 1;
	if (x->src != y->src)
		return x->src < y->src ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

void elfsyms__finish(struct elfsyms *es)
{
	__u64 next = UINT64_MAX;
	struct esym *sym;
	unsigned i;

	if (!es->n)
		return;
	qsort(es->sym, es->n, sizeof(*es->sym), by_address);
	for (i = es->n; i-- > 0;) {
		if (i + 1 < es->n && es->sym[i + 1].addr != es->sym[i].addr)
			next = es->sym[i + 1].addr;
		if (es->sym[i].zero && es->sym[i].size > next - es->sym[i].addr)
			es->sym[i].size = next - es->sym[i].addr;
	}
	sym = reallocarray(es->sym, es->n, sizeof(*sym));
	if (sym) {
		es->sym = sym;
		es->cap = es->n;
	}
}

/* The last symbol that starts at or before vaddr, or -1. */
static long last_before(const struct elfsyms *es, __u64 vaddr)
{
	unsigned lo = 0, hi = es->n;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (es->sym[mid].addr <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return (long)lo - 1;
}

long elfsyms__covering(const struct elfsyms *es, __u64 vaddr)
{
	unsigned steps = 0;
	long i, zero = -1;

	/* the innermost one whose end is known; a label inside a function is no end of it */
	for (i = last_before(es, vaddr); i >= 0 && steps++ < MAX_WALK; i--) {
		if (vaddr - es->sym[i].addr >= es->sym[i].size)
			continue;
		if (!es->sym[i].zero)
			return i;
		if (zero < 0)
			zero = i;
	}
	return zero;
}

bool elfsyms__read_name(const struct elfsyms *es, const struct esym *s, char *buf, size_t sz)
{
	__u64 room, off;
	ssize_t n;

	buf[0] = '\0';
	if (s->src == SRC_MADE) {
		if (s->name == MADE_START)
			snprintf(buf, sz, "_start");
		return s->name == MADE_START;
	}
	if (s->name >= es->src[s->src].str_size)
		return false;
	room = es->src[s->src].str_size - s->name;
	off = es->src[s->src].str_off + s->name;
	/* most names are short: read little, and once more when that was not enough */
	n = elfimg__read(&es->src[s->src].img, off, buf, sz < 128 ? sz - 1 : room < 127 ? room : 127);
	if (n == 127 && !memchr(buf, 0, n) && sz > 128)
		n = elfimg__read(&es->src[s->src].img, off, buf, room < sz - 1 ? room : sz - 1);
	buf[n > 0 ? n : 0] = '\0';
	if (s->src == SRC_PLT && buf[0])
		strncat(buf, "@plt", sz - 1 - strlen(buf));
	return buf[0];
}

static bool better(const char *a, const char *b, bool underscores, bool local)
{
	size_t ua = strspn(a, "_"), ub = strspn(b, "_"), la, lb;

	if (ua != ub)
		return underscores ? ua > ub : ua < ub;
	la = strlen(a);
	lb = strlen(b);
	/* of what is not exported the longer, as perf does: __memmove_…, not __memcpy_… */
	if (la != lb)
		return local ? la > lb : la < lb;
	return strcmp(a, b) < 0;
}

/* The best of the names at that address. */
static bool name_among_aliases(const struct elfsyms *es, long i, __u64 vaddr, bool underscores,
			       char *buf, size_t sz)
{
	bool named = elfsyms__read_name(es, &es->sym[i], buf, sz);
	char other[SYMBOL_MAX_SZ];
	long j;

	for (j = i - 1; j >= 0 && i - j < MAX_ALIASES; j--) {
		const struct esym *s = &es->sym[j];

		if (s->addr != es->sym[i].addr || s->zero != es->sym[i].zero ||
		    (named && s->rank != es->sym[i].rank))
			break;
		if (vaddr - s->addr >= s->size || !elfsyms__read_name(es, s, other, sizeof(other)))
			continue;
		if (!named || better(other, buf, underscores, s->hidden || !(s->rank & RANK_GLOBAL)))
			snprintf(buf, sz, "%s", other);
		named = true;
	}
	return named;
}

bool elfsyms__is_code(const struct elfsyms *es, __u64 vaddr)
{
	unsigned i;

	for (i = 0; i < es->n_seg; i++)
		if (es->seg[i].exec && vaddr >= es->seg[i].vaddr &&
		    vaddr - es->seg[i].vaddr < es->seg[i].filesz)
			return true;
	return false;
}

/* Where the code without a symbol that holds vaddr begins: a function, or what is left between two. */
static __u64 piece_start(const struct elfsyms *es, __u64 vaddr, const struct elfunit *unit)
{
	__u64 start = unit->start;
	unsigned i, steps = 0;
	long j;

	if (unit->function)
		return start;
	for (i = 0; i < es->n_seg; i++)
		if (es->seg[i].exec && es->seg[i].vaddr <= vaddr && es->seg[i].vaddr > start)
			start = es->seg[i].vaddr;
	for (i = 0; i < es->n_sect; i++)
		if (es->sect[i].start <= vaddr && es->sect[i].start > start)
			start = es->sect[i].start;
	for (j = last_before(es, vaddr); j >= 0 && steps++ < MAX_ALIASES; j--) {
		__u64 end = es->sym[j].addr + es->sym[j].size;

		if (end <= vaddr && end > start)
			start = end;
	}
	return elfunits__cut(es, start, vaddr);
}

/*
 * A symbol without a size ends with the function that it is in.  Where it is in
 * none, and the file has lost most of its symbols, the next one may be far away:
 * libx264 exports 12 of its 1,000 functions in assembly.
 */
static bool reaches(const struct elfsyms *es, const struct esym *s, __u64 vaddr,
		    const struct elfunit *unit)
{
	if (s->addr < unit->start)
		return false;
	return unit->function || s->src != SRC_DYNSYM ||
	       elfunits__cut(es, s->addr, vaddr) == s->addr;
}

struct elfsym elfsyms__find(const struct elfsyms *es, __u64 vaddr, bool underscores,
			    char *buf, size_t sz)
{
	struct elfsym found = { 0 };
	long i = elfsyms__covering(es, vaddr);
	struct elfunit unit;

	buf[0] = '\0';
	if (i >= 0 && !es->sym[i].zero) {
		found.start = es->sym[i].addr;
		found.named = name_among_aliases(es, i, vaddr, underscores, buf, sz);
		return found;
	}
	if (!elfsyms__is_code(es, vaddr))
		return found;
	unit = elfunits__find(es, vaddr);
	if (i >= 0 && reaches(es, &es->sym[i], vaddr, &unit)) {
		found.start = es->sym[i].addr;
		found.named = name_among_aliases(es, i, vaddr, underscores, buf, sz);
	} else {
		found.start = piece_start(es, vaddr, &unit);
	}
	return found;
}

__u64 elfsyms__vaddr(const struct elfsyms *es, __u64 file_off)
{
	const struct eseg *best = NULL;
	unsigned i;

	/* two segments may share a page of the file: it is the executable one that runs */
	for (i = 0; i < es->n_seg; i++) {
		const struct eseg *g = &es->seg[i];

		if (file_off < g->off || file_off - g->off >= g->filesz)
			continue;
		if (!best || (g->exec && !best->exec))
			best = g;
	}
	return best ? file_off - best->off + best->vaddr : file_off;
}

__u64 elfsyms__file_off(const struct elfsyms *es, __u64 vaddr)
{
	unsigned i;

	for (i = 0; i < es->n_seg; i++)
		if (vaddr >= es->seg[i].vaddr && vaddr - es->seg[i].vaddr < es->seg[i].filesz)
			return vaddr - es->seg[i].vaddr + es->seg[i].off;
	return UINT64_MAX;
}

void elfsyms__sources(const struct elfsyms *es, struct elfsyms_sources *out)
{
	unsigned by[SRC_MADE + 1] = { 0 }, i;

	for (i = 0; i < es->n; i++)
		by[es->sym[i].src]++;
	*out = (struct elfsyms_sources){
		.symtab = by[SRC_SYMTAB], .debug = by[SRC_DEBUG], .dynsym = by[SRC_DYNSYM],
		.mini = by[SRC_MINI], .go = by[SRC_GO], .plt = by[SRC_PLT],
	};
	out->uncovered = elfunits__uncovered(es);
	for (i = 0; i < es->units->count; i++) {
		__u64 start = elfunits__start(es, i);

		if (start && elfsyms__covering(es, start) < 0)
			out->nameless++;
	}
}

unsigned elfsyms__count(const struct elfsyms *es)
{
	return es->n;
}

size_t elfsyms__bytes(const struct elfsyms *es)
{
	size_t bytes = sizeof(*es) + es->cap * sizeof(*es->sym) + es->n_seg * sizeof(*es->seg) +
		       es->n_sect * sizeof(*es->sect) + es->mini_names_sz;
	unsigned i;

	/* what elfunits__cut() may need, so that the sum does not change with its first call */
	for (i = 0; i < es->n_seg; i++)
		if (es->seg[i].exec && es->seg[i].filesz <= ELFUNITS_CUT_MAX)
			bytes += es->seg[i].filesz / 128;
	return bytes;
}

void elfsyms__free(struct elfsyms *es)
{
	if (!es)
		return;
	if (es->debug_fd >= 0)
		close(es->debug_fd);
	elfunits__free(es->units);
	free(es->mini_names);
	free(es->sym);
	free(es->seg);
	free(es->sect);
	free(es);
}
