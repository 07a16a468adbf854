/* SPDX-License-Identifier: GPL-2.0-or-later */
/* form_impl.h - what the files of form share: what is known of a process's lines. */
#ifndef WT_UNITS_FORM_IMPL_H
#define WT_UNITS_FORM_IMPL_H

#include "units/form.h"
#include "util/errors.h"
#include "units/parts.h"
#include "units/shared.h"
#include "units/told.h"

#define OPEN_MAX 256		/* units of a process that have begun and not ended */
#define HELD_MAX 64		/* begins without an end, until none is expected */
#define RECENT 32

/* The next of its thread ends it. */
struct open {
	__u32 thread;
	__u64 ts_ns, to_ns;
	char label[256];
};

/* A row of late, for the next to be compared with. */
struct recent {
	__u64 from_ns, to_ns;
	__u32 row, thread;
};

/* The numbers of a counter that a thread said one after the other. */
#define SAID_BY_MAX 16
struct said_by {
	__u32 thread;
	__u64 first, last;
	__u64 first_ns, last_ns;
	__u64 begun_ns;			/* its last line that has been settled, and … */
	__u64 settled, counted;		/* … the number in it; how many units its lines told of */
};

/* What is known of one pattern's units in one process. */
struct seq {
	struct seq *next;
	const char *pattern;
	unsigned series;
	__u32 thread;			/* whose own counter it is, 0: the process's */
	__u32 source;			/* … as unit_row.source */
	__u64 longest_ns;		/* … and its longest unit */
	bool by_thread;			/* each thread has its own */
	struct said_by *by;
	unsigned n_by;
	__u64 heard, step;		/* the last number heard; by how much they grow at most */
	unsigned n_steps;
	bool has_heard;
	unsigned turns;			/* settlings that its first number was held back */
	__u64 scale;			/* of times that name no unit: 1, 1000 … of them are a second */
	__u64 n;			/* units so far */
	__u64 done, total;
	__u64 first, said;		/* of this round: its first number; bit i: done - i was there */
	bool has_done;
	bool has_shown;
	__u64 shown;			/* the counter as it was last read, units of this write included */
	__u64 last_ns;			/* the end of the last unit, 0: none yet */
	__u64 from, left;		/* of one that counts down: where it began, as far as is known, and is */
	struct told told;		/* what the times in its lines are */
	bool ends;			/* its units are said to end, not only to begin */
	bool switches;			/* … and a thread is at several by turns, said or not */
	struct { __u32 thread; __u64 ts_ns; } over;	/* that thread has begun nothing since it ended a unit then */
	struct open *opens;		/* else: those that are at work, one for each thread that says so */
	unsigned n_opens;
	struct open *held;		/* ended by the next begin: rows only when no end comes for one of them */
	unsigned n_held;
	bool alone;			/* none came: begins are all that is told */
	struct recent recent[RECENT];	/* its last rows */
	unsigned n_recent;
};

struct begun {
	__u64 hash;			/* of its label */
	__u64 ts_ns;
	__u32 thread;			/* that said so */
	bool failed;			/* it has been said meanwhile */
	unsigned missed;		/* ends of others since */
	struct parts parts;
	struct seq *seq;
};

/* What is kept with a process. */
struct proc_form {
	struct seq *seqs;
	struct begun begun[OPEN_MAX];
	unsigned n_begun;
	__u64 held;			/* the settling in which its lines wait */
};

__u64 form__label_hash(const char *label, size_t len);
/* Made if there is none; NULL: memory is out. */
struct seq *form__seq_of(struct uproc *p, const struct unit_mark *m);

/* form_hear.c: 0 or -ENOMEM where they return an int */
/* Corrects times of the marks that cannot be what they seem; before anything else. */
int form__hear_scales(struct form *f);
/* Before any of them is settled. */
int form__hear(struct form *f);
/* Whether a counter whose first number that is, or that goes back to it, did not begin at nought. */
bool form__resumes(const struct seq *s, __u64 done);
/* Whether that has to wait for the counter's second number, for it to be known if the first is one of those. */
bool form__waits(const struct form *f, struct uproc *p, const struct unit_mark *m);

/*
 * A row for n units that lasted from `from` to `to`, of all threads or that one; batch: how many share the time;
 * parts: only those parts of it, NULL: all; source: the process that moved their counter first, 0: none but p.
 */
int form__add_row(struct form *f, struct uproc *p, struct seq *s, const struct unit_mark *m, __u64 from, __u64 to,
		  __u64 n, unsigned batch, __u32 thread, const struct parts *parts, __u32 source);

/* form_begun.c: 0 or -ENOMEM where they return an int */
/* A unit begins; where none is ever said to end, the last one of its thread ends with that. */
int form__begin(struct form *f, struct uproc *p, struct proc_form *pf, const struct unit_mark *m);
void form__note_begun(struct proc_form *pf, struct seq *s, const struct unit_mark *m);
bool form__take_begun(struct proc_form *pf, const struct unit_mark *m, struct begun *out);
int form__pause_all(struct proc_form *pf, const struct unit_mark *m, bool begins, unsigned *beside);
int form__end_turn(struct proc_form *pf, const struct unit_mark *m, struct begun *b);
int form__switch_to(struct uproc *p, struct proc_form *pf, const struct unit_mark *m);
void form__note_failed(struct proc_form *pf, const struct unit_mark *m);
void form__decide(const struct form *f, struct uproc *p, const struct proc_form *pf, __u64 ts);
int form__note_waiting(struct form *f, const struct unit_mark *m);
__u64 form__take_waiting(struct form *f, const struct unit_mark *m, __u64 begin_ns);
__u64 form__taken_in(const struct form *f, const struct unit_mark *m);

/* form_relay.c */
int form__note_origins(struct form *f);
bool form__is_relayed(const struct form *f, const struct uproc *p, const struct unit_mark *m);

#endif /* WT_UNITS_FORM_IMPL_H */
