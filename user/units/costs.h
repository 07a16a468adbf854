/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * costs.h - what units cost, job by job and kind by kind: takes in the units of
 * units.h and the retired lines of the ledger, hands out what cost.h makes of them.
 * Pure: no BPF, no I/O.
 */
#ifndef WT_COSTS_H
#define WT_COSTS_H

#include "ledger/ledger.h"
#include "units/units.h"
#include "units/verdict.h"

#define COSTS_MAX 256	/* jobs × kinds; beyond, they are one: COSTS_REST */
#define COSTS_REST "[other jobs]"
/*
 * Units that are called NAME[ID], as Celery's tasks are, are counted by their names, too: so
 * many names of a kind, and so many in all; what comes later is COSTS_OTHERS.
 */
#define COSTS_NAMES 12
#define COSTS_NAMES_MAX 128
#define COSTS_OTHERS "[others]"

struct costs;

struct costs_opts {
	const struct ledger *ledger;	/* whose lines are shown; borrowed */
	struct ledger_frames frames;	/* names of its frames */
	__u64 period_ns;		/* between two samples; 0: unknown */
	/* the job's name, "" for none; valid as long as the costs; NULL: nobody knows */
	const char *(*job)(void *ctx, __u64 job, __u64 cgroup);
	void *ctx;
};

int costs__new(struct costs **out, const struct costs_opts *opts);
void costs__free(struct costs *c);
/* The recording begins: what units did before is outside the rates. */
void costs__begin(struct costs *c, __u64 start_ns);

/* As struct units_sink and ledger_retire call them; 0 or -ENOMEM. */
int costs__unit(struct costs *c, const struct unit_row *r, __u32 row);
/* Time that came after the unit. */
void costs__more(struct costs *c, const struct unit_row *r, __u32 row, const __u64 st_ns[WT_STATES],
		 const __u64 extra[UNIT_EXTRAS]);
int costs__estimate(struct costs *c, const struct unit_row *r, __u64 remaining_ns);
int costs__requests(struct costs *c, const struct unit_row *r, const struct unit_request *x);
/*
 * r: that row; NULL when it is gone, then the line is counted as dropped.  object: what was
 * waited for, in words; of CPU time NULL.
 */
int costs__detail(struct costs *c, const struct unit_row *r, __u32 row,
		  const struct ledger_line *line, const char *object);

/*
 * Reads out and judges all there is, under the names that jobs have now: see judged__new().
 * Where a kind's units have two names or more, its parts are they, most time first.  As often
 * as one likes.
 */
int costs__judge(struct costs *c, struct judged **out, unsigned *n);
/* Lines of units whose row was gone. */
__u64 costs__dropped(const struct costs *c);
/* Units that have a name, but are counted with their kind only: there were COSTS_NAMES_MAX. */
__u64 costs__nameless(const struct costs *c);

#endif /* WT_COSTS_H */
