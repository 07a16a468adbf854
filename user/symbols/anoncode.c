/* SPDX-License-Identifier: GPL-2.0-or-later */
/* anoncode.c - frames in code that no file holds: a running program has made it. */
#include "symbols/symbols_impl.h"

#include <stdio.h>

#include "symbols/mapvec.h"
#include "symbols/names.h"

#define PAGE_MASK_OFF 0xfffULL

/* What made the code of this program, as far as its files tell, or NULL. */
static const char *runtime_of(struct symbols *s, struct generation *g)
{
	int best = -1, found;
	__u32 i;

	if (!g->maps)
		return NULL;
	if (g->runtime_maps == g->maps->n)
		return g->runtime;
	for (i = 0; i < g->maps->n; i++) {
		found = jit__runtime(s->objects.obj[g->maps->m[i].object].module);
		if (found >= 0 && (best < 0 || found < best))
			best = found;
	}
	g->runtime = best >= 0 ? jit__runtime_name(best) : NULL;
	g->runtime_maps = g->maps->n;
	return g->runtime;
}

__u32 anoncode__frame(struct symbols *s, struct generation *g, __u32 tgid, __u64 time_ns,
		      __u64 ip, const struct mapping *m)
{
	__u64 off = m->object == OBJ_ANON ? ip : ip - m->start + m->pgoff;
	char name[NAME_MAX_SZ];
	const char *runtime;
	struct frame *f;
	__u32 id;

	if (jit__name(&s->jit, tgid, g->start_ns, time_ns, ip, name, sizeof(name)))
		return symbols__named_frame(s, name);
	runtime = runtime_of(s, g);
	if (!runtime)
		return symbols__intern(s, m->object, off & ~PAGE_MASK_OFF);
	snprintf(name, sizeof(name), "[jit:%s+0x%llx]", runtime, ip & ~PAGE_MASK_OFF);
	id = symbols__named_frame(s, name);
	f = frames__get(&s->frames, id);
	if (f && id != FRAME_FOLDED && !f->unnamed) {
		f->unnamed = 1;
		s->unnamed++;
	}
	return id;
}
