/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * epochs.h - epochs of processes, what they were charged, and the stretches of
 * time that units take of them.
 */
#ifndef WT_UNITS_EPOCHS_H
#define WT_UNITS_EPOCHS_H

#include <linux/types.h>
#include <stdbool.h>
#include "ledger/pool.h"
#include "units/units.h"
#include "util/u64map.h"

/* What can be charged: the states, the elapsed time of transcodes, enum unit_extra. */
#define ACCOUNT_TRANSCODE WT_STATES
#define ACCOUNT_EXTRA (WT_STATES + 1)
#define ACCOUNT_SIZE (WT_STATES + 1 + UNIT_EXTRAS)

struct account {
	__u64 ns[ACCOUNT_SIZE];		/* of the extras some are numbers or bytes */
};

struct epoch {
	__u32 proc;
	__u32 id;
	__u32 prev, next;		/* of its process, in order */
	__u64 begin_ns, end_ns;		/* end 0: it goes on */
	__u32 resolve_gen;
	bool binary;			/* no text was written where it began */
	bool used, complete;		/* complete: all lines that will come by themselves are in */
	struct account account;		/* of all threads but those that have a part */
	struct account *parts;		/* of the process's speakers, NULL: none was charged */
	unsigned n_parts;
};

/* A stretch of a process's time that belongs to a unit. */
struct stretch {
	__u64 from_ns, to_ns;
	__u32 row;
	__u32 thread;			/* serial: it is only that thread's; 0: the whole process's */
	bool more;			/* a later stretch is of the same unit */
};

/* A thread that writes text. */
#define SPEAKERS_MAX 64
struct speaker {
	__u32 serial, task;		/* see wt_thread_rec */
	bool has_units;			/* of its own: they may overlap with those of others */
};

struct uproc {
	__u32 pad;			/* see pool.h */
	bool used, matched, exited;
	bool born;			/* its program began in this recording */
	bool forked;			/* … with a fork: it is another process of its parent's program */
	__u64 since_ns;			/* when, 0: that was not seen */
	__u64 exit_ns;			/* when it was over; 0: it goes on */
	__u32 over_gen;			/* the generation in which it was over */
	__u32 tgid;
	__u64 image;
	__u32 inherited;		/* the epoch it was started in … */
	__u64 parent;			/* … of that image, 0: not known */
	__u32 inherited_by;		/* … by the thread of that task number, 0: not known */
	struct speaker *speakers;
	unsigned n_speakers;
	bool pool;			/* it takes units in: threads are told apart before they write */
	bool scoped;			/* some stretches are of single threads */
	__u32 first, last;		/* epochs, in order */
	__u64 decided_ns;		/* before this it is known which unit time belongs to */
	__u64 resolved_ns;		/* before this it has been made over */
	struct stretch *stretches;	/* by their ends; those of one thread, and those of all, without overlap */
	unsigned n_stretches, cap_stretches;
	__u64 dropped_ns;		/* those that ended before are not kept any more */
	__u64 longest_ns;		/* of them */
	unsigned final;			/* stretches before this one are final */
	__u64 touched_ns;
	__u64 job, cgroup;		/* as of its last write */
	char comm[WT_COMM_LEN];
	void *form;			/* of who forms units: see form.h */
};

/* What becomes of charges. */
struct epochs_sink {
	void *ctx;
	void (*charge)(void *ctx, __u32 row, const struct account *a);
	void (*free_form)(void *form);
	/* the unit's account is complete */
	int (*final)(void *ctx, __u32 row);
};

struct epochs {
	struct pool procs, epochs;
	struct u64map by_image, by_id;
	struct u64map resolved;		/* epoch → row; stamped with the generation */
	struct epochs_sink sink;
	unsigned max;
	__u32 gen;
	__u64 n_bounds, given_up, late_ns;
	__u64 shared_ns;		/* of no unit, as several were at work */
	__u32 last_id;			/* the highest that is known */
	/* charges to epochs whose boundary has not been read yet */
	struct early {
		__u32 epoch, thread;
		unsigned what;
		__u64 ns;
	} *early;
	size_t n_early, cap_early;
};

int epochs__init(struct epochs *e, unsigned max, const struct epochs_sink *sink);
void epochs__destroy(struct epochs *e);
/* The process of that image, made if it is new; NULL when memory is out. */
struct uproc *epochs__proc(struct epochs *e, __u64 image, __u32 tgid, __u32 epoch, __u64 ts_ns);
struct uproc *epochs__find_proc(const struct epochs *e, __u64 image);
/* The process leaves an epoch for another. */
int epochs__bound(struct epochs *e, struct uproc *p, __u32 after, __u64 ts_ns, bool binary);
/* That thread of p has written text.  0 or -ENOMEM. */
int epochs__spoke(struct uproc *p, __u32 serial, __u32 task);
/* Charges what happened anywhere in an epoch.  0 or -ENOMEM. */
int epochs__charge(struct epochs *e, __u32 epoch, unsigned what, __u64 ns);
/* … to a thread, by its serial or task number. */
int epochs__charge_thread(struct epochs *e, __u32 epoch, __u32 thread, unsigned what, __u64 ns);
/* … in [from, to] of a process, evenly; epoch: where it began, for a process not known. */
int epochs__charge_time(struct epochs *e, __u64 image, __u32 epoch, __u64 from_ns, __u64 to_ns,
			unsigned what, __u64 ns);
int epochs__charge_thread_time(struct epochs *e, __u64 image, __u32 epoch, __u32 thread, __u64 from_ns,
			       __u64 to_ns, unsigned what, __u64 ns);
/*
 * [from, to] belongs to a unit; what overlaps an earlier one stays with that.  thread: the
 * unit is that thread's alone: what other threads did meanwhile is not in it if they have units
 * of their own; if they have none, it is where no other unit was at work.  0: of all threads.
 */
int epochs__claim(struct epochs *e, struct uproc *p, __u64 from_ns, __u64 to_ns, __u32 row,
		  __u32 thread);
/*
 * … one of several parts of a unit of that thread's, of which no two units' overlap; they may come
 * in any order.  last: the unit has no later one.
 */
int epochs__claim_part(struct epochs *e, struct uproc *p, __u64 from_ns, __u64 to_ns, __u32 row,
		       __u32 thread, bool last);
/* The end of the last unit that is that thread's alone; 0: there is none. */
__u64 epochs__thread_end(const struct uproc *p, __u32 thread);
/* Nothing before ts will be claimed any more. */
void epochs__decided(struct uproc *p, __u64 ts_ns);
/* The boundary of that process nearest to ts; 0: none that is known. */
__u64 epochs__nearest(const struct epochs *e, const struct uproc *p, __u64 ts_ns);
/* The last boundary until ts at which that process wrote no text; 0: none that is known. */
__u64 epochs__silent(const struct epochs *e, const struct uproc *p, __u64 ts_ns);
/* The first boundary after ts at which that process wrote no text; 0: none that is not made over. */
__u64 epochs__after(const struct epochs *e, const struct uproc *p, __u64 ts_ns);
/* The last boundary of that process before ts that has not been made over; 0: there is none. */
__u64 epochs__before(const struct epochs *e, const struct uproc *p, __u64 ts_ns);
void epochs__exited(struct epochs *e, __u64 image, __u64 ts_ns);
/* Makes over what can be. */
int epochs__generation(struct epochs *e);
/* … and all that is left. */
int epochs__finish(struct epochs *e, __u64 end_ns);
__u32 epochs__row(const struct epochs *e, __u32 epoch);
/* … of what a thread did in it. */
__u32 epochs__row_of(const struct epochs *e, __u32 epoch, __u32 thread);

#endif /* WT_UNITS_EPOCHS_H */
