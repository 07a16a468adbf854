/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbol.h - a function by its name as people write it: as the file spells it, or
 * demangled, with or without parameters.
 */
#ifndef WT_SPAN_SYMBOL_H
#define WT_SPAN_SYMBOL_H

#include <linux/types.h>
#include <stdbool.h>

#include "symbols/elfsyms.h"

#define SYMBOL_PLACES 32	/* copies of one function: of a template for Rust, by a compiler that specialises */

struct symbol_places {
	struct {
		__u64 start, end;	/* addresses of the file; end: as far as is known */
	} v[SYMBOL_PLACES];
	unsigned n;
	char *name;		/* of the first as people read it; owned */
};

/*
 * Finds it in es.  shown: what the file is called in sentences; img: the same file.
 * Several places are those of one and the same function.  Returns 0, or WT_ESAID
 * after one sentence: there is none (with the names that come nearest), several
 * different ones (with these), no symbols at all, it is data, or in another library.
 */
int span_symbol__find(const struct elfsyms *es, const struct elfimg *img, const char *wanted,
		      const char *shown, struct symbol_places *out);
void symbol_places__free(struct symbol_places *p);

/* How far a is from b: single letters to insert, drop, change or swap; at most max + 1. */
unsigned span_symbol__distance(const char *a, const char *b, unsigned max);

#endif /* WT_SPAN_SYMBOL_H */
