/* SPDX-License-Identifier: GPL-2.0-or-later */
/* execs_stacks.c - stages of transcodes by what their stacks are called. */
#include "units/execs_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ffmpeg/byname.h"

struct read_stacks {
	struct execs *e;
	const struct ledger_frames *f;
	__u8 *known;			/* stage of each frame + 1, 0: not asked yet */
	size_t n_known;
};

static enum wt_stage stage_of(struct read_stacks *r, __u32 frame)
{
	if (frame >= r->n_known) {
		size_t n = frame + frame / 2 + 1024;
		__u8 *v = realloc(r->known, n);

		if (!v)
			return ffmpeg_stage__of_frame(r->f->name(r->f->ctx, frame));
		memset(v + r->n_known, 0, n - r->n_known);
		r->known = v;
		r->n_known = n;
	}
	if (!r->known[frame])
		r->known[frame] = 1 + ffmpeg_stage__of_frame(r->f->name(r->f->ctx, frame));
	return r->known[frame] - 1;
}

/*
 * What the stack says, from the innermost function on, else the thread's name.  Encoders
 * are opened in a filter's thread (ffmpeg 7): their workers have its name, and another code.
 */
static enum wt_stage stage_of_line(struct read_stacks *r, const struct ledger_line *line)
{
	enum wt_stage stage = WT_STAGE_NONE;

	for (unsigned i = 0; i < line->n_ustack && stage == WT_STAGE_NONE; i++)
		stage = stage_of(r, line->ustack[i]);
	if (stage != WT_STAGE_NONE)
		return stage;
	stage = ffmpeg_stage__of_thread(line->thread->comm);
	for (unsigned i = 0; i < line->n_ustack && stage == WT_STAGE_FILTER; i++)
		if (ffmpeg_is_codec(r->f->name(r->f->ctx, line->ustack[i])))
			return WT_STAGE_ENCODE;
	return stage;
}

/* It is the dynamic loader's. */
static bool loads(struct read_stacks *r, const struct ledger_line *line)
{
	for (unsigned i = 0; i < line->n_ustack; i++)
		if (ffmpeg_is_loader(r->f->name(r->f->ctx, line->ustack[i])))
			return true;
	return false;
}

static int read_line(void *arg, const struct ledger_line *line)
{
	struct read_stacks *r = arg;
	enum wt_stage stage;
	struct u64map_slot *slot;
	struct exec_entry *t;

	if (line->state != WT_CPU || !line->ns)
		return 0;
	slot = u64map__find(&r->e->by_image, ledger__image_of(r->e->ledger, line->serial));
	t = slot && slot->value < r->e->n ? r->e->all[slot->value] : NULL;
	if (!t || t->kind != EXEC_FFMPEG || t->stages)
		return 0;
	stage = stage_of_line(r, line);
	if (stage == WT_STAGE_NONE && !loads(r, line))
		return 0;
	t->by_stack |= stage != WT_STAGE_NONE;
	t->stack_ns[stage] += line->ns;
	return 0;
}

int execs__read_stacks(struct execs *e, const struct ledger_frames *f)
{
	struct read_stacks r = { .e = e, .f = f };
	bool any = false;
	int err;

	for (unsigned i = 0; i < e->n; i++) {
		struct exec_entry *t = e->all[i];

		any |= t->kind == EXEC_FFMPEG && !t->stages;
		t->by_stack = false;
		memset(t->stack_ns, 0, sizeof(t->stack_ns));
	}
	if (!any)
		return 0;
	err = ledger__each_line(e->ledger, read_line, &r);
	free(r.known);
	return err;
}
