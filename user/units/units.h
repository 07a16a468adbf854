/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * units.h - units of work and their accounts; pure: no BPF, no I/O.
 *
 * The kernel side cuts the life of a process into epochs (bpf/units.h) and charges
 * every nanosecond to one.  Here the lines that processes write are matched, which
 * says where a unit ends, and epochs are made over to units: a unit of a process
 * covers a stretch of time, and what its epochs were charged goes to it; where a
 * unit begins or ends inside an epoch, in proportion to time.  A process that says
 * nothing of units itself counts for the one it was started in.
 *
 * Life: new → on_* while the drain runs, generation after each swap of the details
 * → finish → readers → free.  Single-threaded.
 */
#ifndef WT_UNITS_UNITS_H
#define WT_UNITS_UNITS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "units/objects.h"
#include "worktrace.h"

struct units;
struct match_opts;

enum unit_kind {
	UNIT_LINE = 0,		/* told by what was written */
	UNIT_EXEC = 1,		/* a program from exec to exit */
	UNIT_SPAN = 2,		/* from a function's entry to its return */
	UNIT_THREAD_NAME = 3,	/* from one name of a thread to the next */
	UNIT_KINDS = 4,
};
/* The label of a row that stands for units of which there were too many. */
#define UNIT_FOLDED "[folded]"
/* "line", "exec", "span", "thread-name" */
const char *unit__kind_name(enum unit_kind k);

/* Exact sums of a unit beside its states. */
enum unit_extra {
	/* parts of its CPU time; interrupts where they are looked at */
	UNIT_STEAL_NS = 0, UNIT_IRQ_NS = 1, UNIT_SOFTIRQ_NS = 2,
	UNIT_MIGRATIONS = 3,		/* times that a thread was moved to another CPU */
	/* requests of disks that its threads made; REQUESTS: flushes, discards and the like */
	UNIT_READS = 4, UNIT_READ_BYTES = 5, UNIT_WRITES = 6, UNIT_WRITE_BYTES = 7, UNIT_REQUESTS = 8,
	UNIT_REQUESTS_NS = 9,		/* of all of them: in the queue and with the driver */
	UNIT_EXTRAS = 10,
};

/* One row: a unit, or several that were told of at once and share its time evenly. */
struct unit_row {
	enum unit_kind kind;
	const char *pattern;		/* which preset or pattern; "" where there is none */
	const char *label;		/* "57", "videos.transcode[4f1c…]", "ffmpeg …" */
	__u64 job, cgroup;		/* see wt_thread_rec */
	char comm[WT_COMM_LEN];
	__u32 tgid;
	__u32 source;			/* the process that told of its counter first, where several do; 0: tgid */
	__u32 n;			/* units in this row, ≥ 1 */
	__u64 seq;			/* of its first unit, within (process, pattern), from 1 on */
	__u64 done, total;		/* of its last unit; ~0: not said */
	__u64 start_ns, end_ns;		/* CLOCK_MONOTONIC */
	__u64 st_ns[WT_STATES];		/* sum to its thread time */
	__u64 transcode_ns;		/* elapsed time of the ffmpegs in it */
	bool has_extra;
	__u64 extra[UNIT_EXTRAS];
	__u32 batched;			/* units whose lines came with the same write; 1: it is by itself */
	bool overlaps;			/* others were at work in its thread meanwhile: what it had of the time is an estimate */
	__u64 queued_ns;		/* it was said to wait so long before it began; ~0: not said */
	bool failed;
	bool has_exit;			/* exit_code is known */
	int exit_code;			/* wait(2) status */
	struct unit_objects objects;	/* what it waited for and asked disks for, in no order */
	__u64 image;			/* of a program that is a unit: see wt_thread_rec */
};
__u64 unit__thread_ns(const struct unit_row *r);

/* Requests of a disk; dev: see objects__requests(). */
struct unit_request {
	enum object_what what;
	__u32 dev;
	__u64 ns, bytes, count;
};

struct units_opts {
	unsigned max_rows;	/* rows kept; older ones are folded by (job, kind, pattern) (100000) */
	unsigned max_epochs;	/* epochs that wait for a unit; beyond, the oldest belong to none (20000) */
};

struct units_stats {
	__u64 lines;		/* complete lines seen */
	__u64 matched;		/* … that told of a unit */
	__u64 lines_cut;	/* lines of which the end was not captured */
	__u64 epochs;		/* boundaries */
	__u64 given_up;		/* epochs that no unit claimed before there were too many */
	__u64 shared_ns;	/* time of threads without units of their own, while several were at work: in none */
	__u64 late_ns;		/* time that came for epochs long forgotten: in no unit */
	__u64 folded;		/* units in folded rows */
	__u64 match_limit;	/* lines that a pattern gave up on (its limit) */
	__u64 lines_dropped;	/* unfinished lines that were lost with a write */
	__u64 auto_given_up;	/* lines that could have told of a unit, had more like them come */
	__u64 relayed;		/* lines that told of units of another process, which had written them first */
	__u64 queued;		/* units that were said to wait for their turn */
	__u64 objects_left_out;	/* waits and requests of disks that found no room for their object */
};

/* Called when a unit is final: its account is complete but for what comes late. */
struct units_sink {
	void *ctx;
	int (*unit)(void *ctx, const struct unit_row *r, __u32 row);
	/* … and what came late: of a process that was started in it, say; r has it already */
	void (*more)(void *ctx, const struct unit_row *r, __u32 row, const __u64 st_ns[WT_STATES],
		     const __u64 extra[UNIT_EXTRAS]);
	/* … and what its threads asked of a disk, whenever that is known; may be NULL */
	int (*requests)(void *ctx, const struct unit_row *r, const struct unit_request *x);
	/* the program's own estimate, as of a line of it */
	int (*estimate)(void *ctx, const struct unit_row *r, __u64 remaining_ns);
};

/* match: patterns (match.h), NULL: no units from lines.  0, -ENOMEM, or WT_EUSAGE, printed. */
int units__new(struct units **out, const struct units_opts *opts, const struct match_opts *match);
void units__free(struct units *u);
void units__on_unit(struct units *u, const struct units_sink *sink);

/* A write with its text behind it; size: bytes of all.  In order of time for each process. */
int units__on_write(struct units *u, const struct wt_ev_write *e, size_t size);
/* Kept until units__caught_up(), as records are. */
int units__on_split(struct units *u, const struct wt_ev_split *e);
/* A line of the details. */
int units__on_detail(struct units *u, const struct wt_detail_key *k, const struct wt_detail_val *v);
/* A thread's record: what of it is in no line; only that of a last record counts. */
int units__on_record(struct units *u, const struct wt_thread_rec *rec);
/* Elapsed time of a transcode that was started in that epoch by that thread (its task number). */
int units__on_transcode(struct units *u, __u32 epoch, __u32 task, __u64 elapsed_ns);
/*
 * A unit that is complete: of a program or a span.  r->label and pattern are copied; asked: n
 * requests of disks of it, one for each disk and operation.
 */
int units__put(struct units *u, const struct unit_row *r, const struct unit_request *asked, unsigned n);
/* Writes were lost since the last one: unfinished lines are dropped. */
void units__gap(struct units *u);
/* All writes that are older than what was put so far have been put. */
int units__caught_up(struct units *u);
/* All lines of the details that were there have been put. */
int units__generation(struct units *u);
/* The recording is over: what has not ended by now ends at end_ns. */
int units__finish(struct units *u, __u64 end_ns);

/*
 * The row that a thread's time in an epoch belongs to: 0 none, or UNITS_OPEN: not known yet.
 * thread: its serial or its task number (which no other thread has as its serial).
 */
#define UNITS_OPEN 0xffffffffu
__u32 units__of_epoch(const struct units *u, __u32 epoch, __u32 thread);
/*
 * Threads of a unit waited for an object: see objects__wait().  A row that is gone had
 * it folded away: counted.  0 or -ENOMEM.
 */
int units__waited(struct units *u, __u32 row, __u8 state, const char *text, __u64 key, __u64 ns,
		  __u64 count);
/* The names of objects; never NULL. */
const struct objects *units__objects(const struct units *u);
/* NULL: there is no such row (any more). */
const struct unit_row *units__row(const struct units *u, __u32 row);

/* Every row, in order of its end; stops at the first non-zero return and returns it. */
typedef int (*unit_row_fn)(void *arg, const struct unit_row *r);
int units__each(struct units *u, unit_row_fn fn, void *arg);
void units__stats(const struct units *u, struct units_stats *out);

#endif /* WT_UNITS_UNITS_H */
