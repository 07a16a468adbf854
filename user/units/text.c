// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * text.c - see text.h.
 *
 * Each write goes twice through the same machine: once to count the lines that it
 * completes, which each of them is to know, then to hand them out.
 */
#include "units/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "util/u64map.h"

#define NONE 0xffffffffU
#define CSI_MAX 64		/* bytes of an escape sequence; a longer one is none */
#define OSC_MAX 512

enum escape {
	PLAIN,
	ESC,			/* ESC: one byte says what it is */
	CSI,			/* ESC [ … letter */
	OSC,			/* ESC ] … BEL or ESC \ : a title, a link */
	OSC_ESC,
	CHARSET,		/* ESC ( and one byte */
};

/* Where a stream is; without the bytes of its line, so that it can be tried. */
struct state {
	__u32 len;		/* of the unfinished line, at most TEXT_LINE_MAX */
	enum escape escape;
	__u32 escape_len, csi_number;
	__u32 backspaces, erased_from;	/* in a row, and the length before them */
	bool visible;		/* not only blanks */
	bool touched;		/* by the present write */
	bool after_return;	/* it began behind a carriage return */
	bool cut, torn;
	bool binary;		/* with characters that no text has */
	__u32 lines;		/* completed by the present write */
};

struct stream {
	__u64 key;
	__u32 newer, older;	/* neighbours by their last write */
	struct state s;
	struct text_at at;	/* of the write that brought the last character */
	__u32 in_write, of_write;
	__u32 tgid;
	char *line;		/* TEXT_LINE_MAX bytes; NULL: a free entry, `older` is the next */
};

struct text {
	text_line_fn fn;
	void *ctx;
	struct u64map by_key;
	struct stream streams[TEXT_STREAMS];
	__u32 newest, oldest, free;
	struct text_stats stats;
};

/* A write on its way through the machine; dry: lines are counted only. */
struct run {
	struct text *t;
	struct stream *stream;
	struct state *s;
	const struct text_at *at;
	__u32 total;
	bool dry;
};

static void emit(struct text *t, struct stream *st, const struct state *s, size_t len, char end,
		 const struct text_at *at, __u32 in_write, __u32 of_write)
{
	const struct text_line line = {
		.bytes = st->line, .len = len, .cut = s->cut, .torn = s->torn, .end = end,
		.binary = s->binary, .at = *at,
		.in_write = in_write, .of_write = of_write,
	};

	t->stats.lines++;
	t->stats.torn += s->torn;
	t->fn(t->ctx, st->key, &line);
}

/* `len` bytes are a line. */
static void line_ends(struct run *r, size_t len, char end)
{
	struct state *s = r->s;
	struct stream *st = r->stream;

	if (!s->visible || !len)
		return;
	if (s->touched)
		s->lines++;
	if (r->dry)
		return;
	if (s->touched)
		emit(r->t, st, s, len, end, r->at, s->lines, r->total);
	else
		emit(r->t, st, s, len, end, &st->at, st->in_write, st->of_write);
}

static void new_line(struct state *s, char end)
{
	s->len = 0;
	s->visible = s->touched = s->cut = s->torn = s->binary = false;
	s->backspaces = 0;
	s->after_return = end == '\r';
}

static void finish(struct run *r, char end)
{
	line_ends(r, r->s->len, end);
	new_line(r->s, end);
}

static void append(struct run *r, char c)
{
	struct state *s = r->s;

	s->backspaces = 0;
	s->touched = true;
	s->visible |= c != ' ' && c != '\t';
	if (s->len < TEXT_LINE_MAX) {
		if (!r->dry)
			r->stream->line[s->len] = c;
		s->len++;
	} else {
		if (!s->cut && !r->dry)
			r->t->stats.cut++;
		s->cut = true;
	}
}

/* Two in a row begin to write something else in the place of what was there. */
static void backspace(struct run *r)
{
	struct state *s = r->s;

	if (!s->len)
		return;
	if (!s->backspaces++)
		s->erased_from = s->len;
	if (s->backspaces == 2) {
		line_ends(r, s->erased_from, '\b');
		/* what is left of it has been seen: it takes something new to make a line */
		s->visible = s->touched = false;
	}
	s->len--;
	if (!s->len)
		s->visible = false;
}

/* The end of ESC [ …: what moves the cursor to another line, or to column 1, ends this one. */
static void csi_ends(struct run *r, char c)
{
	r->s->escape = PLAIN;
	if ((c == 'G' && r->s->csi_number <= 1) || strchr("ABEFHfd", c))
		finish(r, '\r');
}

/* A byte of an escape sequence.  False: it was none, the byte is to be taken as it is. */
static bool in_escape(struct run *r, char c)
{
	struct state *s = r->s;

	s->escape_len++;
	switch (s->escape) {
	case ESC:
		s->escape = c == '[' ? CSI : c == ']' ? OSC : strchr("()*+#%", c) && c ? CHARSET : PLAIN;
		s->csi_number = 0;
		return (unsigned char)c >= 0x20;
	case CSI:
		if (c >= '0' && c <= '9' && s->csi_number < 1000)
			s->csi_number = s->csi_number * 10 + (c - '0');
		if (c >= 0x40 && c <= 0x7e)
			csi_ends(r, c);
		else if (c < 0x20 || s->escape_len > CSI_MAX)
			break;
		return true;
	case OSC:
	case OSC_ESC:
		if (c == '\a' || (s->escape == OSC_ESC && c == '\\'))
			s->escape = PLAIN;
		else if (c == '\n' || s->escape_len > OSC_MAX)
			break;
		else
			s->escape = c == 0x1b ? OSC_ESC : OSC;
		return true;
	case CHARSET:
		s->escape = PLAIN;
		return (unsigned char)c >= 0x20;
	case PLAIN:
		break;
	}
	s->escape = PLAIN;
	return false;
}

static void step(struct run *r, char c)
{
	if (r->s->escape != PLAIN && in_escape(r, c))
		return;
	if (c == '\n' || c == '\r') {
		finish(r, c);
	} else if (c == '\b') {
		backspace(r);
	} else if (c == 0x1b) {
		r->s->escape = ESC;
		r->s->escape_len = 0;
	} else if ((unsigned char)c >= 0x20 ? c != 0x7f : c == '\t') {
		append(r, c);
	} else if ((unsigned char)c < '\a' || (c > 15 && c < 0x20)) {
		r->s->binary = true;
	}
}

static void run(struct run *r, const struct text_write *w)
{
	r->s->lines = 0;
	r->s->touched = false;
	for (size_t i = 0; i < w->n; i++) {
		bool binary = r->s->binary;

		step(r, w->bytes[i]);
		if (!w->bytes[i] && i + 1 == w->n)	/* messages to a log end with a zero */
			r->s->binary = binary;
	}
}

/* Whether the unfinished line is likely to be all that is to come of it. */
static bool is_pending(const struct state *s)
{
	return s->visible && s->touched && s->after_return;
}

static __u32 count_lines(struct text *t, struct stream *st, const struct text_write *w,
			 bool missing)
{
	struct state trial = st->s;
	struct run r = { .t = t, .stream = st, .s = &trial, .at = &w->at, .dry = true };

	run(&r, w);
	return trial.lines + (is_pending(&trial) || ((missing || w->whole) && trial.visible && trial.touched));
}

/* Whether the write's missing bytes ended with the end of a line. */
static bool ended(const struct text_write *w)
{
	if (w->last >= 0)
		return w->last == '\n' || w->last == '\r';
	/* who writes whole buffers cuts lines; who writes lines, or records, does not */
	return w->size % 1024 && w->n % 1024;
}

/* The line's end was not captured: what there is of it comes out. */
static void bytes_are_missing(struct run *r, const struct text_write *w)
{
	r->t->stats.truncated++;
	r->t->stats.missing_bytes += w->size - w->n;
	r->s->cut = true;
	r->s->escape = PLAIN;
	finish(r, 0);
	r->s->torn = !ended(w);
}

static void link_newest(struct text *t, __u32 i)
{
	struct stream *st = &t->streams[i];

	st->newer = NONE;
	st->older = t->newest;
	if (t->newest != NONE)
		t->streams[t->newest].newer = i;
	else
		t->oldest = i;
	t->newest = i;
}

static void unlink_stream(struct text *t, __u32 i)
{
	struct stream *st = &t->streams[i];

	if (st->newer != NONE)
		t->streams[st->newer].older = st->older;
	else
		t->newest = st->older;
	if (st->older != NONE)
		t->streams[st->older].newer = st->newer;
	else
		t->oldest = st->newer;
}

static void flush_stream(struct text *t, struct stream *st)
{
	if (st->s.visible && st->s.len)
		emit(t, st, &st->s, st->s.len, 0, &st->at, st->in_write, st->of_write);
	new_line(&st->s, 0);
}

static void forget(struct text *t, __u32 i)
{
	struct stream *st = &t->streams[i];

	flush_stream(t, st);
	u64map__delete(&t->by_key, st->key);
	unlink_stream(t, i);
	free(st->line);
	*st = (struct stream){ .older = t->free };
	t->free = i;
}

/* NULL when memory is out. */
static struct stream *get_stream(struct text *t, __u64 key)
{
	struct u64map_slot *slot = u64map__find(&t->by_key, key);
	struct stream *st;
	__u32 i;

	if (slot) {
		unlink_stream(t, slot->value);
		link_newest(t, slot->value);
		return &t->streams[slot->value];
	}
	if (t->free == NONE) {
		t->stats.evicted++;
		forget(t, t->oldest);
	}
	i = t->free;
	st = &t->streams[i];
	st->line = malloc(TEXT_LINE_MAX);
	if (!st->line || !u64map__put(&t->by_key, key, i)) {
		free(st->line);
		st->line = NULL;
		return NULL;
	}
	t->free = st->older;
	st->key = key;
	link_newest(t, i);
	return st;
}

int text__write(struct text *t, __u64 key, const struct text_write *w)
{
	struct stream *st = get_stream(t, key);
	bool missing = w->size > w->n;
	struct run r = { .t = t, .stream = st, .at = &w->at };

	t->stats.writes++;
	t->stats.bytes += w->n;
	if (!st) {
		t->stats.no_memory++;
		return -ENOMEM;
	}
	st->tgid = w->at.tgid;
	r.s = &st->s;
	r.total = count_lines(t, st, w, missing);
	run(&r, w);
	if (missing)
		bytes_are_missing(&r, w);
	if (w->whole && st->s.visible)
		finish(&r, '\n');
	if (st->s.touched) {
		st->at = w->at;
		st->in_write = st->s.lines + 1;
		st->of_write = r.total > st->in_write ? r.total : st->in_write;
	}
	return 0;
}

static void gap(struct text *t, struct stream *st)
{
	if (st->s.visible)
		t->stats.dropped++;
	new_line(&st->s, 0);
	st->s.escape = PLAIN;
	st->s.torn = true;
}

void text__gap(struct text *t, __u64 key)
{
	struct u64map_slot *slot = u64map__find(&t->by_key, key);

	if (slot)
		gap(t, &t->streams[slot->value]);
}

void text__gap_all(struct text *t)
{
	for (__u32 i = t->newest; i != NONE; i = t->streams[i].older)
		gap(t, &t->streams[i]);
}

void text__flush(struct text *t)
{
	for (__u32 i = t->newest; i != NONE; i = t->streams[i].older)
		flush_stream(t, &t->streams[i]);
}

void text__exit(struct text *t, __u32 tgid)
{
	for (__u32 i = t->newest, older; i != NONE; i = older) {
		older = t->streams[i].older;
		if (t->streams[i].tgid == tgid)
			forget(t, i);
	}
}

unsigned text__streams(const struct text *t)
{
	return t->by_key.n;
}

const struct text_stats *text__stats(const struct text *t)
{
	return &t->stats;
}

int text__new(struct text **out, text_line_fn fn, void *ctx)
{
	struct text *t = calloc(1, sizeof(*t));

	*out = t;
	if (!t)
		return -ENOMEM;
	t->fn = fn;
	t->ctx = ctx;
	t->newest = t->oldest = NONE;
	for (__u32 i = 0; i < TEXT_STREAMS; i++)
		t->streams[i].older = i + 1 < TEXT_STREAMS ? i + 1 : NONE;
	return 0;
}

void text__free(struct text *t)
{
	if (!t)
		return;
	for (__u32 i = 0; i < TEXT_STREAMS; i++)
		free(t->streams[i].line);
	u64map__free(&t->by_key);
	free(t);
}
