/* SPDX-License-Identifier: GPL-2.0-or-later */
/* units_impl.h - what the files behind units.h share. */
#ifndef WT_UNITS_IMPL_H
#define WT_UNITS_IMPL_H

#include "units/epochs.h"
#include "units/form.h"
#include "units/rows.h"
#include "units/units.h"

struct lines;

/* An interval of a thread, or (HELD_EXIT) the end of a process. */
#define HELD_EXIT 0xff
struct held {
	__u64 image;
	__u64 from_ns, to_ns;
	__u32 epoch;
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
};

/* lines.c: text into lines, lines into marks. */
int lines__new(struct lines **out, const struct match_opts *match);
void lines__free(struct lines *l);
/* data: the text of that write, size bytes of it. */
int lines__feed(struct lines *l, struct form *f, const struct wt_ev_write *e, const char *data);
void lines__exited(struct lines *l, __u64 image);
void lines__stats(const struct lines *l, struct units_stats *out);

#endif /* WT_UNITS_IMPL_H */
