/* SPDX-License-Identifier: GPL-2.0-or-later */
/* elfeach.c - from names to code: all symbols of a file, and where a function ends. */
#include "symbols/elfsyms_impl.h"
#include "symbols/names.h"

int elfsyms__each(const struct elfsyms *es, elfsyms_entry_fn fn, void *ctx)
{
	static char name[SYMBOL_MAX_SZ];

	for (unsigned i = 0; i < es->n; i++) {
		const struct esym *s = &es->sym[i];
		const struct elfsyms_entry e = {
			.start = s->addr, .end = s->addr + s->size, .sized = !s->zero,
			.function = s->rank & RANK_FUNC, .stub = s->src == SRC_PLT,
			.dynamic = s->src == SRC_DYNSYM, .name = name,
		};
		int ret;

		if (!elfsyms__read_name(es, s, name, sizeof(name)))
			continue;
		ret = fn(ctx, &e);
		if (ret)
			return ret;
	}
	return 0;
}

bool elfsyms__extent(const struct elfsyms *es, __u64 vaddr, __u64 *start, __u64 *end)
{
	long i = elfsyms__covering(es, vaddr);
	struct elfunit u;

	if (!elfsyms__is_code(es, vaddr) || (i >= 0 && es->sym[i].src == SRC_PLT))
		return false;
	u = elfunits__find(es, vaddr);
	if (u.function && u.start && u.end != UINT64_MAX) {
		*start = u.start;
		*end = u.end;
		return true;
	}
	if (i < 0 || es->sym[i].zero)
		return false;
	*start = es->sym[i].addr;
	*end = es->sym[i].addr + es->sym[i].size;
	return true;
}
