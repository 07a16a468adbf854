/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lines.c - from the text of writes to lines, and from lines to marks. */
#include "units/units_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "units/match.h"
#include "units/text.h"

struct lines {
	struct text *text;
	struct matcher *matcher;
	struct form *form;
	bool told;			/* tasks of Celery are told by the kernel side */
	struct u64map images;		/* stream → process, by their keys */
	struct pool streams;		/* struct stream */
	int err;			/* the first that a callback met */
};

struct stream {
	__u32 pad;			/* see pool.h */
	bool used;
	__u64 image, key;
	__u64 sink;			/* where it goes, whoever writes it */
	bool passed_on;
};

static void on_match(void *ctx, __u64 key, const struct match *m);

static const struct stream *find_stream(const struct lines *l, __u64 key)
{
	struct u64map_slot *slot = u64map__find(&l->images, key);

	return slot ? pool__at(&l->streams, slot->value) : NULL;
}

static void on_line(void *ctx, __u64 key, const struct text_line *line)
{
	struct lines *l = ctx;
	const struct stream *s = find_stream(l, key);

	matcher__line_of(l->matcher, key, s ? s->sink : key, line, on_match, l);
}

static void on_match(void *ctx, __u64 key, const struct match *m)
{
	struct lines *l = ctx;
	const struct stream *s = find_stream(l, key);
	struct unit_mark mark = {
		.pattern = matcher__kind(l->matcher, m->kind),
		.series = m->series,
		.ts_ns = m->line.at.ts_ns,
		.thread = m->line.at.serial,
		.label = m->label,
		.label_len = m->label_len,
		.has_done = m->has_done,
		.has_total = m->has_total,
		.done = m->done,
		.total = m->total,
		.counts_down = m->counts_down,
		.queued = m->queued,
		.begin = m->begin && !m->end,
		.failed = m->failed || m->retry,
		.elapsed_ns = m->elapsed_ns > 0 ? m->elapsed_ns : 0,
		.bare = m->bare,
		.remaining_ns = m->remaining_ns >= 0 ? (__u64)m->remaining_ns : ~0ULL,
	};
	int err;

	if (!s)
		return;
	mark.image = s->image;
	mark.handed = !strcmp(mark.pattern, "celery");
	/* where it begins and ends is known: of its log it counts how it ended, and that it waits */
	if (l->told && mark.handed) {
		if (!mark.queued && !mark.failed)
			return;
		mark.pattern = PRESET_CELERY_FRAMES;
		mark.comment = mark.failed;
	}
	mark.sink = s->sink;
	mark.passed_on = s->passed_on;
	err = form__mark(l->form, &mark);
	if (!l->err)
		l->err = err;
}

int lines__new(struct lines **out, struct form *form, const struct match_opts *match)
{
	struct lines *l = calloc(1, sizeof(*l));
	int err;

	*out = NULL;
	if (!l)
		return -ENOMEM;
	l->form = form;
	l->told = preset_list_has(match->presets, PRESET_CELERY_FRAMES);
	pool__init(&l->streams, sizeof(struct stream));
	err = matcher__new(&l->matcher, match);
	if (!err)
		err = text__new(&l->text, on_line, l);
	if (err) {
		lines__free(l);
		return err;
	}
	*out = l;
	return 0;
}

void lines__free(struct lines *l)
{
	if (!l)
		return;
	text__free(l->text);
	matcher__free(l->matcher);
	u64map__free(&l->images);
	pool__destroy(&l->streams);
	free(l);
}

static int note_stream(struct lines *l, __u64 key, __u64 sink, const struct wt_ev_write *e)
{
	struct stream *s;
	__u32 i;

	if (find_stream(l, key))
		return 0;
	i = pool__get(&l->streams);
	if (!i)
		return -ENOMEM;
	s = pool__at(&l->streams, i);
	*s = (struct stream){ .used = true, .image = e->image, .key = key, .sink = sink,
			      .passed_on = e->stream != WT_STREAM_FILE };
	if (u64map__put(&l->images, key, i))
		return 0;
	pool__put(&l->streams, i);
	return -ENOMEM;
}

int lines__feed(struct lines *l, const struct wt_ev_write *e, const char *data)
{
	__u64 sink = u64_mix(e->inode + ((__u64)e->dev << 32)), key = u64_mix(e->image ^ sink);
	struct text_write w = {
		.bytes = data,
		.n = e->size,
		.size = e->size + !!(e->flags & WT_WRITE_CUT),
		.last = -1,
		.whole = e->stream == WT_STREAM_DATAGRAM && !(e->flags & WT_WRITE_MORE),
		.at = {
			.ts_ns = e->h.ts_ns,
			.epoch_before = e->epoch_before,
			.epoch_after = e->epoch_after,
			.tgid = e->tgid,
			.tid = e->tid,
			.serial = e->serial,
		},
	};
	int err = note_stream(l, key, sink, e);

	if (err)
		return err;
	l->err = 0;
	text__write(l->text, key, &w);		/* what it cannot take is counted there */
	return l->err;
}

/* The streams of a process that is gone. */
static void forget(struct lines *l, __u64 image)
{
	for (__u32 i = 1; i < l->streams.end; i++) {
		struct stream *s = pool__at(&l->streams, i);

		if (!s->used || s->image != image)
			continue;
		matcher__forget(l->matcher, s->key);
		u64map__delete(&l->images, s->key);
		pool__put(&l->streams, i);
	}
}

int lines__exited(struct lines *l, __u64 image, __u32 tgid)
{
	l->err = 0;
	text__exit(l->text, tgid);
	forget(l, image);
	return l->err;
}

int lines__flush(struct lines *l)
{
	l->err = 0;
	text__flush(l->text);
	return l->err;
}

void lines__gap(struct lines *l)
{
	text__gap_all(l->text);
}

void lines__stats(const struct lines *l, struct units_stats *out)
{
	const struct text_stats *t = text__stats(l->text);
	const struct matcher_stats *m = matcher__stats(l->matcher);

	out->lines = t->lines;
	out->lines_cut = t->cut + t->truncated;
	out->lines_dropped = t->dropped + t->no_memory + t->evicted;
	out->matched = m->matches;
	out->match_limit = m->limit_hits;
	out->auto_given_up = m->unbelieved + m->evicted + m->no_memory;
}
