/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * execs.h - programs that are units of work from exec to exit: who ran, with what
 * arguments, how it ended.  What it cost is the ledger's (ledger__program).
 *
 * Life: new → seed (what runs already) → put and on_event while the drain runs →
 * sample (what still runs) → each → free.
 */
#ifndef WT_EXECS_H
#define WT_EXECS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "ffmpeg/sums.h"
#include "ledger/ledger.h"
#include "worktrace.h"

struct execs;
struct units;

/*
 * names: of --unit-exec, separated by commas; ledger is borrowed.  At most max units
 * are kept (0: 20,000); 0 or -ENOMEM.
 */
int execs__new(struct execs **out, const char *names, struct ledger *l, unsigned max);
void execs__free(struct execs *e);

/* What the kernel side says of one, as often as it says it.  0 or -ENOMEM. */
int execs__put(struct execs *e, const struct wt_exec *x);
/* What probes in the libraries have counted of it so far.  0 or -ENOMEM. */
int execs__put_stages(struct execs *e, const struct wt_stages *st);
/* Requests of a disk that it made and that are done: a line of the details.  0 or -ENOMEM. */
int execs__on_detail(struct execs *e, const struct wt_detail_key *k, const struct wt_detail_val *v);
/* Its command line; size: bytes received. */
int execs__on_event(struct execs *e, const struct wt_ev_exec *ev, size_t size);

/*
 * A process of the target that runs already, by the record of its leader: fills *x
 * and returns true when it is one of the names'; else, or when it is gone, false.
 * Reads /proc.  Put *x and give it to the kernel side.
 */
bool execs__seed(struct execs *e, const struct wt_thread_rec *leader, struct wt_exec *x);
/* What those that still run have moved and had in memory, from /proc; before each(). */
void execs__sample(struct execs *e);

enum exec_kind { EXEC_OTHER, EXEC_FFMPEG, EXEC_FFPROBE };

struct exec_unit {
	struct wt_exec x;		/* bytes and rss_pages as of the last sample if it runs */
	enum exec_kind kind;
	const char *name;		/* as --unit-exec has it */
	const char *command;		/* redacted, words separated by blanks; NULL: unknown */
	const char *unit;		/* label of the unit it was run for; NULL: none is known */
	const char *input, *output;	/* of ffmpeg and ffprobe: redacted, separated by blanks */
	__u64 start_ns;			/* CLOCK_MONOTONIC, also before the recording */
	__u64 end_ns;			/* 0: it still runs */
	bool bytes_known;		/* x's bytes say what it moved */
	bool by_stack;			/* sums.cpu_ns holds, an estimate; nothing else of them */
	bool staged;			/* sums hold … */
	__u64 staged_from_ns;		/* … from then on, 0: from its start */
	struct ffmpeg_sums sums;
	bool has_progress;		/* an ffmpeg that runs and reads files: */
	double progress;		/* the part of their bytes, 0 to 1 */
	double left_s;			/* at the pace until now; < 0: not known */
	int wait_status;		/* wait(2)'s, where status says something */
	char status[16];		/* "0", "SIGKILL"; "": it still runs, or went on as another program */
	/* what it cost within the recording; the states sum to thread_ns */
	__u32 threads;
	__u64 thread_ns, st_ns[WT_STATES], user_ns, sys_ns;
	struct ledger_taken taken;
};
typedef int (*exec_unit_fn)(void *arg, const struct exec_unit *u);
/* In order of start, as of the ledger's last settle; stops at the first non-zero return. */
int execs__each(const struct execs *e, exec_unit_fn fn, void *arg);

/* From its start to its end, or to now_ns if it still runs. */
/* It was seen from its first instruction to its first call of a library, if it came so far. */
static inline bool exec_unit__start_known(const struct exec_unit *u)
{
	return (u->staged || u->by_stack) && !u->staged_from_ns && !(u->x.flags & WT_X_SEEDED);
}

static inline __u64 exec_unit__elapsed(const struct exec_unit *u, __u64 now_ns)
{
	__u64 end = u->end_ns ? u->end_ns : now_ns;

	return end > u->start_ns ? end - u->start_ns : 0;
}

/* Seconds that are left when such a part took from start to now; < 0: nothing is done yet. */
static inline double exec_left_s(__u64 start_ns, __u64 now_ns, double part)
{
	return part > 0 && now_ns > start_ns ? (double)(now_ns - start_ns) / 1e9 * (1 - part) / part : -1;
}

/* How far the ffmpegs are that run: how many, and of the earliest of them that reads files, the part. */
struct exec_progress {
	unsigned running;
	bool known;
	double part, left_s;
};
/* Reads /proc; false: none runs. */
bool execs__progress(struct execs *e, struct exec_progress *p);

/*
 * The stages of ffmpegs that no probe has seen, by the names in their stacks and of
 * their threads; after each settle of the ledger, with its frames.  0 or a negative errno.
 */
int execs__read_stacks(struct execs *e, const struct ledger_frames *f);

/* e NULL: no. */
bool execs__has(const struct execs *e, enum exec_kind kind);
/*
 * Those that have ended become units of kind exec, and what they took counts for the
 * unit they were run for; after each generation of u.  last: all, at now.
 */
int execs__tell(struct execs *e, struct units *u, __u64 now_ns, bool last);
/* Once u has finished: the units that the others were run for. */
int execs__find_parents(struct execs *e, const struct units *u);

/*
 * The ffmpegs that run and whose libraries have not been seen yet; fn returns since
 * when they have probes, 0: they are not all mapped (yet).
 */
typedef __u64 (*execs_libraries_fn)(void *arg, __u32 tgid);
void execs__look_for_libraries(struct execs *e, execs_libraries_fn fn, void *arg);

/* That program is one; e NULL: no. */
bool execs__knows(const struct execs *e, __u64 image);
unsigned execs__count(const struct execs *e);
/* Units beyond max: they have no row. */
__u64 execs__dropped(const struct execs *e);

#endif /* WT_EXECS_H */
