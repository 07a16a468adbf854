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

long elfsyms__covering(const struct elfsyms *es, __u64 vaddr)
{
	unsigned lo = 0, hi = es->n, steps = 0;
	long i, zero = -1;

	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;

		if (es->sym[mid].addr <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	/* the innermost one whose end is known; a label inside a function is no end of it */
	for (i = (long)lo - 1; i >= 0 && steps++ < MAX_WALK; i--) {
		if (vaddr - es->sym[i].addr >= es->sym[i].size)
			continue;
		if (!es->sym[i].zero)
			return i;
		if (zero < 0)
			zero = i;
	}
	return zero;
}

static bool read_name(const struct elfsyms *es, const struct esym *s, char *buf, size_t sz)
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
	return buf[0];
}

static bool better(const char *a, const char *b, bool underscores)
{
	size_t ua = strspn(a, "_"), ub = strspn(b, "_"), la, lb;

	if (ua != ub)
		return underscores ? ua > ub : ua < ub;
	la = strlen(a);
	lb = strlen(b);
	return la != lb ? la < lb : strcmp(a, b) < 0;
}

struct elfsym elfsyms__find(const struct elfsyms *es, __u64 vaddr, bool underscores,
			    char *buf, size_t sz)
{
	struct elfsym found = { 0 };
	long i = elfsyms__covering(es, vaddr), j;
	char other[SYMBOL_MAX_SZ];

	buf[0] = '\0';
	if (i < 0)
		return found;
	found.start = es->sym[i].addr;
	found.named = read_name(es, &es->sym[i], buf, sz);
	for (j = i - 1; j >= 0 && i - j < MAX_ALIASES; j--) {
		const struct esym *s = &es->sym[j];

		if (s->addr != es->sym[i].addr || s->zero != es->sym[i].zero ||
		    (found.named && s->rank != es->sym[i].rank))
			break;
		if (vaddr - s->addr >= s->size || !read_name(es, s, other, sizeof(other)))
			continue;
		if (!found.named || better(other, buf, underscores))
			snprintf(buf, sz, "%s", other);
		found.named = true;
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

unsigned elfsyms__count(const struct elfsyms *es)
{
	return es->n;
}

size_t elfsyms__bytes(const struct elfsyms *es)
{
	return sizeof(*es) + es->cap * sizeof(*es->sym) + es->n_seg * sizeof(*es->seg);
}

void elfsyms__free(struct elfsyms *es)
{
	if (!es)
		return;
	if (es->debug_fd >= 0)
		close(es->debug_fd);
	free(es->sym);
	free(es->seg);
	free(es);
}
