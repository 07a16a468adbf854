/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * text.h - lines, put together from the writes of programs.
 *
 * A stream is one process's writes to one file; the caller makes up its 64-bit key.
 * What ends a line: a newline, a carriage return (the next state of a progress bar),
 * both (once), a jump of the cursor, erasing by backspaces.  Escape sequences and
 * control characters are left out, and so are lines of blanks only.  Other bytes are
 * taken as they are, UTF-8 or not.
 *
 * A line belongs to the write that brought its last character, which is not always
 * the one by which its end is seen: print() may write text and newline separately, and
 * many bars begin with their carriage return.  Such a line comes out late, at the next
 * return or at a flush, but with the time of its own write.
 */
#ifndef WT_TEXT_LINES_H
#define WT_TEXT_LINES_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#define TEXT_LINE_MAX 4096	/* of a longer line, this many bytes are kept */
#define TEXT_STREAMS 1024	/* at once; beyond, the one that was silent longest goes */

/* When and by whom something was written; nothing of it but tgid is looked at here. */
struct text_at {
	__u64 ts_ns;		/* CLOCK_MONOTONIC */
	__u32 epoch_before, epoch_after; /* of the process, around the write */
	__u32 tgid, tid;
	__u32 serial;		/* of the thread: see wt_thread_rec */
};

struct text_write {
	const char *bytes;
	size_t n;		/* bytes that were captured: the first of the write's */
	/* bytes that the write had; more than n: the rest is missing (n + 1: nobody knows how much) */
	size_t size;
	/* with bytes missing: the last byte of all, 0 to 255, where it is known; else -1 */
	int last;
	bool whole;		/* a message by itself: its end is that of a line */
	struct text_at at;
};

struct text_line {
	const char *bytes;	/* borrowed until the callback returns; not terminated */
	size_t len;		/* 1 to TEXT_LINE_MAX */
	bool cut;		/* its end was longer, or was not captured */
	bool torn;		/* its beginning may be missing: something before it was lost */
	bool binary;		/* it had control characters that no text has (0 to 6, 16 to 26, 28 to 31) */
	char end;		/* '\n', '\r' (or the cursor jumped), '\b', or 0: flushed */
	struct text_at at;	/* the write that brought its last character */
	/*
	 * It is the in_write-th line that this write completed, of of_write as far as
	 * that was known (a last one without its end yet may make it one more).  More
	 * than one: the time between them is not known.
	 */
	unsigned in_write, of_write;
};

struct text_stats {
	__u64 writes, bytes, lines;
	__u64 cut;		/* lines longer than TEXT_LINE_MAX */
	__u64 truncated;	/* writes of which bytes were missing */
	__u64 missing_bytes;	/* … how many */
	__u64 dropped;		/* unfinished lines given up because of a gap */
	__u64 torn;		/* lines that may lack their beginning */
	__u64 evicted;		/* streams that went because there were too many */
	__u64 no_memory;	/* writes that were left out because memory was out */
};

typedef void (*text_line_fn)(void *ctx, __u64 key, const struct text_line *line);

struct text;

/* 0 or -ENOMEM.  fn is called from within the functions below; it must not call them. */
int text__new(struct text **out, text_line_fn fn, void *ctx);
void text__free(struct text *t);
/* One write of the stream.  0, or -ENOMEM when it is a new stream (counted). */
int text__write(struct text *t, __u64 key, const struct text_write *w);
/* Writes of this stream were lost here: its unfinished line is dropped. */
void text__gap(struct text *t, __u64 key);
/* The same for all streams: nobody knows whose writes they were. */
void text__gap_all(struct text *t);
/* Hands out the unfinished lines, as at the end of a recording. */
void text__flush(struct text *t);
/* The process has gone: the same for its streams, which are forgotten then. */
void text__exit(struct text *t, __u32 tgid);
/* Streams that are known now. */
unsigned text__streams(const struct text *t);
const struct text_stats *text__stats(const struct text *t);

#endif /* WT_TEXT_LINES_H */
