/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "symbols/objects.h"

#define CHUNK 4096

struct frame *frames__get(const struct frames *f, __u32 id)
{
	return id && id < f->n ? &f->chunk[id / CHUNK][id % CHUNK] : NULL;
}

static struct frame *new_frame(struct frames *f)
{
	struct frame **chunk;
	__u32 c = f->n / CHUNK;

	if (f->n >= f->max)
		return NULL;
	if (f->n % CHUNK == 0) {
		chunk = reallocarray(f->chunk, c + 1, sizeof(*chunk));
		if (!chunk)
			return NULL;
		f->chunk = chunk;
		chunk[c] = calloc(CHUNK, sizeof(**chunk));
		if (!chunk[c])
			return NULL;
	}
	return &f->chunk[c][f->n++ % CHUNK];
}

int frames__init(struct frames *f)
{
	bool fresh;

	memset(f, 0, sizeof(*f));
	f->max = FRAMES_MAX;
	if (!new_frame(f))		/* 0 is no frame */
		return -ENOMEM;
	return frames__intern(f, OBJ_FOLDED, 0, &fresh) == FRAME_FOLDED && fresh ? 0 : -ENOMEM;
}

__u32 frames__intern(struct frames *f, __u32 object, __u64 off, bool *fresh)
{
	__u32 h = hash_u64(object, off), pos, id;
	struct frame *fr;

	*fresh = false;
	for (id = idtab__first(&f->tab, h, &pos); id; id = idtab__next(&f->tab, h, &pos)) {
		fr = frames__get(f, id);
		if (fr->off == off && fr->object == object)
			return id;
	}
	fr = new_frame(f);
	if (!fr || idtab__add(&f->tab, h, f->n - 1)) {
		f->n -= !!fr;
		f->evicted++;
		return FRAME_FOLDED;
	}
	fr->off = off;
	fr->object = object;
	*fresh = true;
	return f->n - 1;
}

void frames__clear(struct frames *f)
{
	__u32 c;

	for (c = 0; f->chunk && c <= (f->n - 1) / CHUNK; c++)
		free(f->chunk[c]);
	free(f->chunk);
	idtab__clear(&f->tab);
	memset(f, 0, sizeof(*f));
}
