/* SPDX-License-Identifier: GPL-2.0-or-later */
/* units_impl.h - what the files behind units.h share. */
#ifndef WT_UNITS_IMPL_H
#define WT_UNITS_IMPL_H

#include "units/asked.h"
#include "units/epochs.h"
#include "units/form.h"
#include "units/rows.h"
#include "units/units.h"
#include "util/errors.h"

struct lines;

/* An interval of a thread, or (HELD_EXIT) the end of a process. */
#define HELD_EXIT 0xff
struct held {
	__u64 image;
	__u64 from_ns, to_ns;
	__u32 epoch, tgid, thread;
	__u8 state;
};

struct units {
	struct epochs epochs;
	struct rows rows;
	struct form form;
	struct lines *lines;		/* NULL: no units from lines */
	struct units_sink sink;
	/* what waits until the writes before it were read */
	struct held *held;
	size_t n_held, cap_held;
	__u64 newest_ns;		/* of what was read */
	struct objects *objects;
	struct asked asked;
	__u64 waits_left_out;		/* of rows that are gone */
};

/* lines.c: text into lines, lines into marks. */
/* match: see match.h; form gets the marks.  0, -ENOMEM, or WT_EUSAGE, printed. */
int lines__new(struct lines **out, struct form *form, const struct match_opts *match);
void lines__free(struct lines *l);
/* data: the text of that write, e->size bytes. */
int lines__feed(struct lines *l, const struct wt_ev_write *e, const char *data);
/* That process is gone: its unfinished lines come now. */
int lines__exited(struct lines *l, __u64 image, __u32 tgid);
/* All unfinished lines come now. */
int lines__flush(struct lines *l);
/* Writes were lost: what is unfinished may lack its middle. */
void lines__gap(struct lines *l);
void lines__stats(const struct lines *l, struct units_stats *out);

#endif /* WT_UNITS_IMPL_H */
