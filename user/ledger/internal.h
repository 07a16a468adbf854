/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * internal.h - what the files of the ledger share.
 *
 *   task   a thread over its execs: one row of threads.csv
 *   prog   one program of a task: one wt_thread_rec, known by its serial
 *   line   a detail line; belongs to a prog, or to a group once folded
 *   group  exited threads of one (process, thread) name, folded
 *   proc   a process: the address spaces that its execs went through
 */
#ifndef WT_LEDGER_INTERNAL_H
#define WT_LEDGER_INTERNAL_H

#include "ledger/ledger.h"
#include "ledger/pool.h"
#include "util/errors.h"
#include "util/u64map.h"

/*
 * A stack as lines refer to it: 0 none, the number of a stack, or, with
 * STACK_PENDING, that of an id whose frames have not come (yet).
 */
#define STACK_NONE 0
#define STACK_FOLDED 1			/* beyond max_stacks */
#define STACK_SHED 2			/* not taken, to keep the budget */
#define STACK_PENDING 0x80000000u

struct stack {
	const __u32 *frames;		/* innermost first, in the arena */
	__u16 n;
	bool used, user, guessed;
	bool held;			/* by a line, or by an id seen lately: only while stacks are forgotten */
	__u8 end;			/* enum wt_end */
	bool judged;			/* root and witness are known */
	bool root;			/* the outermost frame is one */
	__u16 witness;			/* states that the innermost function allows; 0: no say */
};

struct pending {
	__u32 pad;			/* see pool.h */
	__u32 stack;			/* once its frames have come */
	__u64 id;
};

struct stacks {
	unsigned max;
	struct pool pool;		/* struct stack */
	struct pool pending;		/* struct pending */
	struct u64map ids;		/* kernel's id → reference; stamped with the tenth of a second */
	struct u64map content;		/* hash of frames → stack */
	__u32 **arena;
	unsigned n_arena, arena_left;
	__u32 *arena_next;
	__u64 *forgotten;		/* ids, until the kernel's side is told */
	unsigned n_forgotten, max_forgotten;
};

/* A copy in the arena; NULL when memory is out. */
const __u32 *stacks__copy(struct stacks *s, const __u32 *frames, unsigned n);
int stacks__init(struct stacks *s, unsigned max);
void stacks__destroy(struct stacks *s);
int stacks__put(struct stacks *s, __u64 id, const __u32 *frames, unsigned n, bool user,
		unsigned end, __u32 now_ds);
/* The reference for a kernel's id; -ENOMEM: that of a stack that is lost. */
int stacks__ref(struct stacks *s, __u64 id, __u32 now_ds, __u32 *ref);
/* NULL: none, or its frames are lost. */
struct stack *stacks__get(const struct stacks *s, __u32 ref);
/* Replaces a pending reference by its stack, if that has come. */
__u32 stacks__resolve(const struct stacks *s, __u32 ref);
/* Forgets resolved references; no line may hold one any more. */
void stacks__free_resolved(struct stacks *s);
/* A line has this one.  False: there is none, or it is held already. */
bool stacks__hold(struct stacks *s, __u32 ref);
/*
 * Forgets the stacks that were not held since the last time, and whose ids were not seen within
 * idle_ds; their ids are in `forgotten`.  drop: ids not seen for so long go, too, whatever they
 * stand for.
 */
void stacks__forget(struct stacks *s, __u32 now_ds, __u32 idle_ds, bool drop);
/* Finds out about root and witness, once. */
void stack__judge(struct stack *st, const struct ledger_frames *f);
/* Why a line's stacks are not whole. */
enum ledger_cut stacks__cut(const struct stacks *s, __u32 ustack, __u32 kstack, bool kthread);

/* States that a kernel function may be found waiting in, as bits; 0: no say. */
__u16 witness__states(const char *kernel_function);

#define LINE_GROUP 1			/* owner is a group, not a prog */

struct line {
	__u32 next;			/* of its owner; 0: the last */
	__u32 hnext;			/* of its hash chain */
	__u32 owner;
	__u32 epoch;
	__u32 ustack, kstack;		/* references */
	__u8 state, bucket, flags;
	bool used;
	__u16 span;
	__u32 unit;			/* once its epoch belongs to one and units are kept */
	__u64 reason;
	__u64 ns;			/* as put; for cpu 0, in a group the scaled time */
	__u64 max_ns, count;
	__u64 weighted_ns;		/* see wt_detail_val; 0: as ns */
	__u64 settled_ns;		/* by the last settle */
};

/* What settling found out about one record. */
struct settled {
	__u64 unattributed_ns[WT_STATES];
	__u64 unsampled_ns;
	__u64 user_ns, sys_ns;
	__u64 over_ns;
	__u64 shed_ns;
};

/*
 * A record can end in two open intervals: a wait, and behind it the wait for a
 * CPU of a thread that has been woken.
 */
#define PROG_OPEN 2
struct open {
	__u8 state;
	__u64 ns, reason;
};

struct prog {
	struct wt_thread_rec rec;
	__u32 serial;
	__u32 lines;			/* first */
	__u32 next_of_task;
	__u32 row;			/* of the last settle */
	__u32 group;			/* while it is folded */
	bool used, has_rec;
	struct settled settled;
	__u64 open_settled_ns[PROG_OPEN];	/* of the intervals that prog__open names */
};

struct task {
	__u32 number;
	__u32 first;			/* prog */
	__u32 proc;
	__u32 exit_gen;
	__u32 next_exited;
	bool used, exited;
};

struct proc {
	__u32 pad;			/* see pool.h */
	__u32 parent;			/* union-find; itself at the root */
	__u32 next;			/* ring of the members of one process */
	__u32 refs;			/* at the root: tasks not folded */
	bool alive;
	bool leader_exited;		/* at the root */
	__u64 key;
};

struct group {
	__u32 pad;			/* see pool.h */
	__u32 lines;
	__u32 row;
	__u32 flags;
	bool used;
	char comm[WT_COMM_LEN], pcomm[WT_COMM_LEN];
	__u64 job, cgroup;
	/* the row: threads whose last name this was */
	__u32 count, leaders;
	__u64 start_ns, end_ns, thread_ns;
	__u64 st_ns[WT_STATES];
	__u64 user_ns, sys_ns;
	struct ledger_taken taken;
	/* the lines, and beside them: programs of this name */
	__u64 first_ns, last_ns, program_st_ns[WT_STATES];
	struct ledger_taken program_taken;
	__u64 unattributed_ns[WT_STATES];
	__u64 unsampled_ns;
};

struct reason_slot {
	__u32 pad;
	bool used;
	struct wt_reason r;
};

struct path_slot {
	__u32 pad;			/* see pool.h */
	bool used;
	char *text;
};

struct row {
	struct ledger_thread t;
	__u32 order;
};

/* The ledger's clock minus the run queue's, summed; modulo 2^64, to be read back as signed. */
struct clock_diff {
	__u64 cpu_ns, runq_ns;
};

struct ledger {
	struct ledger_opts opts;
	struct pool progs, tasks, lines, groups, procs, reasons, paths, watched;
	struct u64map by_serial, by_task, by_proc, by_group, by_reason, by_path, by_image;
	struct stacks stacks;
	__u32 *line_hash;
	__u32 line_hash_mask;
	__u32 n_group_lines;		/* of all lines; these are never freed */
	__u32 n_epoch_lines;		/* … and these are of an epoch */
	__u32 gen;			/* calls of ledger__generation() so far */
	__u32 first_ds, now_ds;		/* when the first of them was, and the last: tenths of a second since then, + 1 */
	/* as many were left when there were too many, and when that was */
	__u32 pruned_lines[2], pruned_stacks, pruned_ds;
	__u32 exited_head, exited_tail, n_exited;
	__u64 n_processes;
	__u64 dropped_ns;		/* lines that found even the last resort full, or no memory */
	struct ledger_totals folded;	/* sums over folded records */
	struct clock_diff clock;	/* of folded records */
	struct lost {			/* sums of exit records that are lost */
		__u64 threads, processes, wall_ns, st_ns[WT_STATES], preempt_ns;
	} lost, unkept;			/* unkept: of all lost, those that found no memory here */
	struct ledger_no_memory no_memory;
	/* of the last settle */
	struct row *rows;
	__u32 n_rows, lost_row;		/* lost_row: index + 1 */
	struct settled lost_settled;
	struct line **scratch;		/* lines of one owner */
	__u32 n_scratch, max_scratch;
	struct remainder *remainders;
	__u32 max_remainders;
	struct ledger_frames frames;
};

/* lines.c */
int lines__add(struct ledger *l, __u32 owner, __u8 flags, const struct line *add);
/* Gives a line the stacks that its pending references stand for by now. */
void lines__resolve(struct ledger *l, __u32 i);
/* Takes the first line of an owner out; false: there is none. */
bool lines__take(struct ledger *l, __u32 *head, struct line *out);
/* Of no list any more. */
void lines__free_one(struct ledger *l, __u32 i);
/* ledger.c */
__u32 ledger__prog(struct ledger *l, __u32 serial);
/* fold.c */
int ledger__fold_old(struct ledger *l);
/*
 * Lines that wait for frames which have come get them, so that the list of ids that are
 * waited for stays short, and holds no stacks.
 */
void ledger__sweep_pending(struct ledger *l);
/*
 * prune.c: makes room where there is too little; called wherever lines have come, as it costs
 * nothing otherwise.  Where memory is out, there is just less of it.
 */
void ledger__prune(struct ledger *l);
/* proc.c */
/* 0 or -ENOMEM: then nothing has changed. */
int proc__join(struct ledger *l, struct task *t, const struct wt_thread_rec *rec);
bool proc__is_known(const struct ledger *l, const struct wt_thread_rec *rec);
void proc__leave(struct ledger *l, struct task *t);
/* settle.c */
void taken__add_rec(struct ledger_taken *t, const struct wt_thread_rec *rec);
void totals__add_rec(struct ledger_totals *t, struct clock_diff *clock, const struct wt_thread_rec *rec);
/*
 * Settles the lines in l->scratch against the exact times st_ns: every line
 * gets its settled_ns.  utime and stime split the CPU time when samples are few.
 */
int settle__owner(struct ledger *l, const __u64 *st_ns, __u64 utime_ns, __u64 stime_ns,
		  struct settled *out);
int scratch__push(struct ledger *l, struct line *line);
int settle__prog(struct ledger *l, struct prog *p);
/* User and system time of a record without samples. */
void settle__by_ticks(const struct wt_thread_rec *rec, struct settled *out);
/* lost.c: an exit record for which there is no memory; known: its thread is counted already. */
void lost__add_rec(struct ledger *l, const struct wt_thread_rec *rec, bool known);
/* programs.c */
void programs__init(struct ledger *l);
void programs__fold(struct ledger *l, const struct prog *p);
/* rows.c */
int ledger__make_rows(struct ledger *l);
/* Shows one line, as it was put, to r->detail. */
int ledger__line_detail(struct ledger *l, const struct prog *p, const struct line *line,
			const struct ledger_retire *r);
/* paths.c */
const char *paths__of(const struct ledger *l, const struct wt_reason *r, __u64 *id);
void paths__free(struct ledger *l);
/* reasons.c */
const struct wt_reason *reasons__get(const struct ledger *l, __u64 id);

/* The i-th open interval of a record; false: there is none.  CPU time has no line of its own. */
static inline bool prog__open(const struct prog *p, unsigned i, struct open *o)
{
	const struct wt_thread_rec *r = &p->rec;

	if (i == 0)
		*o = (struct open){ r->open_state, r->open_ns, r->open_reason };
	else
		*o = (struct open){ WT_RUNQ, r->open_runq_ns, WT_K_WAKEUP };
	return o->ns && o->state != WT_CPU;
}

#endif /* WT_LEDGER_INTERNAL_H */
