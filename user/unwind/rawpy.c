/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unwind/rawpy.h"

#include <string.h>

/* The first of e's frames that is Python's alone: behind the one that ip is in, if that is there. */
static unsigned first_of(const struct wt_ev_raw *e)
{
	return e->head + !(e->flags & WT_RAW_LOOP);
}

bool rawpy__needed(const struct wt_ev_raw *e)
{
	return e->n > first_of(e);
}

static bool is_end(const struct wt_ev_raw *e, unsigned i)
{
	return i + 1 == e->n || e->ends[i / 64 % 4] >> (i % 64) & 1;
}

static bool is_loop(const struct wt_py *py, __u64 frame)
{
	__u64 off = WT_FRAME_OFFSET(frame);

	if (WT_FRAME_TAG(frame) != WT_FRAME_OBJ || WT_FRAME_OBJECT(frame) != py->object)
		return false;
	for (unsigned i = 0; i < WT_PY_RANGES; i++)
		if (off >= py->range[i].start && off < py->range[i].end)
			return true;
	return false;
}

/* As far as the kernel side came. */
static void as_it_was(const struct wt_ev_raw *e, struct rawwalk *walk)
{
	walk->n = e->n;
	walk->end = WT_END_NO_TABLE;
	memcpy(walk->frame, e->frame, e->n * sizeof(e->frame[0]));
}

void rawpy__merge(const struct wt_ev_raw *e, const struct wt_py *py, struct rawwalk *walk)
{
	unsigned loops = 0, runs = 0, n = e->head, from = first_of(e), skip;
	__u64 native[WT_MAX_FRAMES + 1];
	unsigned n_native = walk->n;

	for (unsigned i = e->head; i < n_native; i++)
		loops += is_loop(py, walk->frame[i]);
	for (unsigned i = from; i < e->n; i++)
		runs += is_end(e, i);
	/* one that is being entered or left has no frame, and is the innermost of all */
	skip = loops == runs + 1 && !e->head && e->flags & WT_RAW_LOOP;
	if (walk->end != WT_END_ROOT || loops != runs + skip) {
		as_it_was(e, walk);
		return;
	}
	memcpy(native, walk->frame, n_native * sizeof(native[0]));
	for (unsigned i = e->head; i < n_native && n < WT_MAX_FRAMES; i++) {
		if (!is_loop(py, native[i]) || skip) {
			skip -= skip && is_loop(py, native[i]);
			walk->frame[n++] = native[i];
			continue;
		}
		do {
			walk->frame[n++] = e->frame[from];
		} while (!is_end(e, from++) && n < WT_MAX_FRAMES);
	}
	walk->n = n;
	if (n == WT_MAX_FRAMES)
		walk->end = WT_END_DEEP;
}
