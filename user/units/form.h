/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * form.h - from marks in what a process writes to units: where each begins and
 * ends, and how many were told of at once.
 */
#ifndef WT_UNITS_FORM_H
#define WT_UNITS_FORM_H

#include "units/epochs.h"
#include "units/rows.h"

/* A line that says something of a unit. */
struct unit_mark {
	const struct wt_ev_write *at;	/* the write that completed it */
	const char *pattern;		/* name of the preset or pattern; lives as long as the recording */
	const char *label;		/* the unit's own name, NULL: it has none */
	size_t label_len;
	bool has_done, has_total;
	__u64 done, total;
	bool begin;			/* a unit begins here; else one ends */
	bool failed;
	__u64 elapsed_ns;		/* that it says the unit took, 0: it does not say */
	__u64 remaining_ns;		/* that it says is left, ~0: it does not say */
};

struct form {
	struct epochs *epochs;
	struct rows *rows;
	struct units_sink sink;
	/* marks that ended units with one and the same write: its time is shared */
	struct unit_mark *batch;
	unsigned n_batch, cap_batch;
	struct wt_ev_write batch_at;
	char *labels;			/* copies of theirs */
	size_t labels_len, labels_cap;
};

void form__destroy(struct form *f);
/* Frees what form keeps with a process. */
void form__free_proc(void *state);
/* In order of time for each process. */
int form__mark(struct form *f, const struct unit_mark *m);
/* No more marks come of the write at hand. */
int form__flush(struct form *f);
/* A boundary of a process, without a mark. */
int form__boundary(struct form *f, struct uproc *p, __u64 ts_ns);

#endif /* WT_UNITS_FORM_H */
