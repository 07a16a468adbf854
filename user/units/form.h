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
	__u64 image;			/* of the process that wrote it */
	__u64 ts_ns;			/* of the write that completed it */
	__u64 sink;			/* where it was written to, as a number of its own */
	bool passed_on;			/* … from where somebody may read and write it again */
	__u32 thread;			/* serial of the one that wrote it, 0: not known */
	unsigned series;		/* counters that go on beside each other have different ones */
	const char *pattern;		/* name of the preset or pattern; lives as long as the recording */
	const char *label;		/* the unit's own name, NULL: it has none */
	size_t label_len;
	bool has_done, has_total;
	__u64 done, total;
	bool counts_down;		/* it has neither; total: so many are left */
	bool queued;			/* it was taken in and waits; then it neither begins nor ends */
	bool begin;			/* a unit begins here; else one ends */
	bool failed;
	bool paired;			/* every unit of this pattern is said to begin and to end */
	bool switched;			/* the thread leaves one for that label's, NULL: for none: greenlets */
	bool comment;			/* no more than that the unit at work, of that label, has failed */
	/*
	 * The process is handed its units one by one and says so where it takes one up
	 * (a worker of a pool to its parent): there a unit begins that says no more of it.
	 */
	bool handed;
	__u64 elapsed_ns;		/* that it says the unit took, 0: it does not say */
	bool bare;			/* … in a figure without a unit */
	__u64 said_ns;			/* as it was said; form's own */
	bool heard;			/* form's own */
	__u64 remaining_ns;		/* that it says is left, ~0: it does not say */
};

struct form {
	struct epochs *epochs;
	struct rows *rows;
	struct units_sink sink;
	struct unit_mark *marks;	/* since the last settling, in the order in which they came */
	size_t n_marks, cap_marks;
	__u64 turn;			/* settlings so far */
	bool over;			/* the last one: nothing else will come */
	__u64 relayed;			/* marks that were another process's, written again */
	struct seen *seen;		/* marks of late, by what they say: SEEN_MAX */
	struct shared *shared;		/* counters that several processes may move on */
	__u64 queued;			/* units that were said to wait */
	struct waiting *waiting;	/* when, by their labels: a ring of WAITING_MAX */
	char *labels;			/* copies of the marks' */
	size_t labels_len, labels_cap;
};

#define SEEN_MAX 16384
#define SEEN_WAYS 8		/* places of one line */
struct seen {
	__u64 says, sink, image, job, ts_ns;
	__u64 turn;			/* the settling that counted it */
	bool passed_on;
};

#define WAITING_MAX 4096
struct waiting {
	__u64 hash, ts_ns;
	__u64 image;			/* of the process that took it in */
};

void form__destroy(struct form *f);
/* Frees what form keeps with a process. */
void form__free_proc(void *state);
/* In order of time for each process.  The label is copied. */
int form__mark(struct form *f, const struct unit_mark *m);
/*
 * Units of the marks so far.  Not at once: what one process writes another may
 * write again, and which of the two is seen first is not sure.
 */
int form__settle(struct form *f);
/*
 * Behind that: of processes that are gone (or all: the recording is over), units of which only
 * the begin was told, and that were held for an end to come.
 */
int form__flush(struct form *f, bool all);

#endif /* WT_UNITS_FORM_H */
