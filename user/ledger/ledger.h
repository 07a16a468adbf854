/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ledger.h - the single in-memory truth of a recording; pure: no BPF, no I/O.
 *
 * Life: new → put_* while the drain runs (records of threads, detail lines,
 * reasons, stacks, in any order) → settle (as often as one likes: at a
 * checkpoint and at the end) → read → free.
 *
 * The account of a thread is its record (exact).  The detail lines say what its
 * states were made of; what they do not cover is unattributed, never invented.
 */
#ifndef WT_LEDGER_H
#define WT_LEDGER_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "worktrace.h"

struct ledger;

/* 0 in a field: the default in parentheses. */
struct ledger_opts {
	unsigned max_exited;	/* exited threads kept as rows; beyond, folded by name (10000) */
	/* distinct stacks kept; nearly so many, and those of least time give way to a [folded] one (100000) */
	unsigned max_stacks;
	unsigned max_lines;	/* detail lines kept, likewise; beyond, new ones lose stacks, then objects (100000) */
	unsigned idle_ds;	/* a stack that no line has goes when its id was not seen for so many tenths of a second (600) */
	__u64 period_ns;	/* nominal time between two samples of a CPU; 0: unknown */
};

int ledger__new(struct ledger **out, const struct ledger_opts *opts);
void ledger__free(struct ledger *l);

/*
 * What finds no memory is lost alone, and counted: whatever returns -ENOMEM leaves the account
 * whole.  An exit record goes into the sums of those that are lost, a line's time is unattributed.
 */
struct ledger_no_memory {
	__u64 records;		/* of threads that ended */
	__u64 lines;		/* of detail, that were in the ledger already and were to be folded */
};
void ledger__no_memory(const struct ledger *l, struct ledger_no_memory *out);

/* A newer record of the same serial replaces the older one.  -ENOMEM or 0. */
int ledger__put_thread(struct ledger *l, const struct wt_thread_rec *rec);
/* Adds a drained line to what is there.  Its thread's record may come later. */
int ledger__put_detail(struct ledger *l, const struct wt_detail_key *k,
		       const struct wt_detail_val *v);
int ledger__put_reason(struct ledger *l, __u64 id, const struct wt_reason *r);
/* A file's name, by the id that reasons have; copied. */
int ledger__put_path(struct ledger *l, __u64 id, const char *path);
/*
 * frames: innermost first, ids of symbols.h; copied.  end: enum wt_end, with
 * LEDGER_GUESSED when a frame of it was found by scanning the stack.
 */
#define LEDGER_GUESSED 0x80
int ledger__put_stack(struct ledger *l, __u64 id, const __u32 *frames, unsigned n,
		      bool user, unsigned end);
bool ledger__has_stack(const struct ledger *l, __u64 id);
/*
 * All lines of one generation have been put, at now_ns (CLOCK_MONOTONIC): threads whose exit
 * record came before the previous call may be folded now, if there are too many; if lines or
 * stacks are, the lines of least time give up their stacks, and what no line holds any more
 * is forgotten.  0 or -ENOMEM.
 */
int ledger__generation(struct ledger *l, __u64 now_ns);
/*
 * Ids whose stacks were forgotten since the last call: to be sent anew if they come again.
 * The array is the ledger's, until anything is put in.
 */
unsigned ledger__forgotten(struct ledger *l, const __u64 **ids);
/*
 * Lines of epochs of which it is known which unit they belong to: they are shown
 * to detail, and merge; keep: their unit stays with them.  ns of a line of CPU
 * time is 0, its count that of samples.
 */
#define LEDGER_EPOCH_OPEN 0xffffffffu
struct ledger_line;
struct ledger_retire {
	void *ctx;
	/* of that thread (its serial) in that epoch; 0: of none; LEDGER_EPOCH_OPEN: not known yet */
	__u32 (*unit)(void *ctx, __u32 epoch, __u32 thread);
	int (*detail)(void *ctx, __u32 unit, const struct ledger_line *line);
	bool keep;
};
int ledger__retire(struct ledger *l, const struct ledger_retire *r);
/* The sum of exit records that the ring could not take (cumulative). */
void ledger__put_lost_exits(struct ledger *l, const struct wt_stats *stats);

/*
 * Keeps the account of one program (wt_thread_rec.image) apart, also of its threads
 * that are folded from now on.  0 or -ENOMEM.
 */
int ledger__watch_program(struct ledger *l, __u64 image);

/* What settle needs to know of a frame; see symbols.h. */
struct ledger_frames {
	void *ctx;
	const char *(*name)(void *ctx, __u32 frame);
	const char *(*kernel_name)(void *ctx, __u32 frame);
	bool (*is_root)(void *ctx, __u32 frame);
};

/* Why a stack does not reach its root. */
enum ledger_cut {
	LEDGER_COMPLETE = 0,
	LEDGER_NO_ROOT = 1,	/* walked by frame pointer, which ended early */
	LEDGER_TOO_DEEP = 2,
	LEDGER_NO_STACK = 3,	/* none, or not all of it, could be read */
	LEDGER_LOST = 4,	/* taken, but its frames were lost on the way */
	LEDGER_FOLDED = 5,	/* beyond max_stacks */
	LEDGER_NO_TABLE = 6,	/* the unwind tables of its process were not ready yet */
	LEDGER_UNMAPPED = 7,	/* it leads out of every known mapping */
	LEDGER_NO_RULE = 8,	/* code without unwind information */
	LEDGER_BAD_RULE = 9,	/* unwind information that is not followed */
	LEDGER_BROKEN = 10,	/* the caller's frame lies below */
	LEDGER_RUNTIME = 11,	/* an interpreter's or VM's structures did not hold together */
	LEDGER_COMPAT = 12,	/* 32-bit code */
	LEDGER_SHED = 13,	/* not taken, to keep the budget */
	/* there is no user stack, and the kernel's is whole */
	LEDGER_EXITING = 14,	/* a thread at its end, without memory */
	LEDGER_EXECING = 15,	/* within an exec, between two programs */
	LEDGER_CUTS = 16,
};
/* "complete", "no_frame_pointer", "too_deep", "unreadable", "lost", "folded", … */
const char *ledger__cut_name(enum ledger_cut c);

/* What a CPU did not do for a thread: parts of its CPU time, and how often it was moved. */
struct ledger_taken {
	__u64 steal_ns;			/* by the hypervisor */
	__u64 irq_ns, softirq_ns;	/* by interrupts; 0 where nobody looked */
	__u64 migrations;		/* times that it was moved to another CPU */
};

struct ledger_totals {
	__u64 threads, processes;	/* as the kernel counts them: over execs */
	__u64 folded_threads;		/* of them, in folded rows */
	__u64 wall_ns;			/* sum of end − birth */
	__u64 accounted_ns;		/* sum of the states */
	__s64 residual_ns;		/* wall − accounted: 0, or worktrace is wrong */
	__u64 unattributed_ns;		/* accounted, but in no detail line */
	/*
	 * In detail lines, but in no record: cut off.  A snapshot is older than the
	 * lines drained after it; at the end of a recording this must be 0.
	 */
	__u64 overattributed_ns;
	__u64 st_ns[WT_STATES];
	__u64 unattributed_st_ns[WT_STATES];
	__u64 user_ns, sys_ns;		/* cpu, split by samples, else by the kernel's ticks: an estimate */
	struct ledger_taken taken;	/* parts of cpu */
	__u64 wakeup_ns, preempt_ns;	/* runq */
	/* audit; residuals in ppm of wall */
	__u64 cpu_kernel_ns, cpu_ours_ns, runq_kernel_ns, runq_ours_ns;
	double cpu_residual_ppm, runq_residual_ppm;
	__u64 switches, migrations;
	double clock_ns_per_switch;	/* ledger's clock minus the run queue's, per switch: CPU time … */
	double clock_runq_ns_per_switch;	/* … and run-queue wait */
	__u64 witness_waits;		/* waits whose innermost kernel function has a say */
	__u64 witness_disagreements;	/* … and says another state than the registers did */
	__u64 oncpu_samples;
	__u64 cut[LEDGER_CUTS];		/* on-CPU samples by completeness; [0] complete */
	__u64 shed_ns;			/* time of waits whose stacks were shed: shared out among the others */
	__u64 folded_ns;		/* time of waits whose stacks were folded, waits for a CPU among them */
	__u64 guessed;			/* of the complete ones: a frame was found by a scan */
	__u64 offcpu_stacks[LEDGER_CUTS];	/* the same for waits, by count */
};

/*
 * Scales samples, charges open intervals, sums.  The lines that the readers
 * below see are those of the last settle.  0 or -ENOMEM.
 */
int ledger__settle(struct ledger *l, const struct ledger_frames *f, struct ledger_totals *t);

/* The name of the row that holds the threads whose records were lost. */
#define LEDGER_LOST_ROW "[lost exit record]"

/* One row of threads.csv: a thread over its execs, or a folded row. */
struct ledger_thread {
	__u32 tgid, tid;	/* 0 in a folded row */
	__u32 count;		/* threads in this row: 1, more when folded */
	__u32 flags;		/* WT_F_* */
	const char *comm;	/* the last name */
	const char *pcomm;
	__u64 job, cgroup;	/* of the last program, see wt_thread_rec and LEDGER_JOB_* */
	__u64 start_ns, end_ns, thread_ns;
	__u64 st_ns[WT_STATES];
	__u64 user_ns, sys_ns;
	struct ledger_taken taken;
};
typedef int (*ledger_thread_fn)(void *arg, const struct ledger_thread *t);
/* In order of start; stops at the first non-zero return and returns it. */
int ledger__each_thread(struct ledger *l, ledger_thread_fn fn, void *arg);

/* Jobs that are none; hashes are odd. */
#define LEDGER_JOB_LOST 2	/* of threads whose records were lost */
#define LEDGER_JOB_OTHERS 4	/* of folded threads, beyond the number of rows kept apart */

/*
 * The exact account of one program of a thread, or of all folded programs of one
 * (job, process, thread) name.  Over all accounts thread_ns sums to wall_ns.
 */
struct ledger_account {
	__u64 job, cgroup;	/* as above */
	__u32 flags;		/* WT_F_* */
	__u64 threads;		/* whose last program it was; summed, as many as the ledger has */
	__u64 processes;	/* of them, leaders */
	__u64 start_ns, end_ns, thread_ns;
	__u64 st_ns[WT_STATES];
	struct ledger_taken taken;
};
typedef int (*ledger_account_fn)(void *arg, const struct ledger_account *a);
int ledger__each_account(struct ledger *l, ledger_account_fn fn, void *arg);
/* One program over all its threads. */
struct ledger_program {
	__u32 threads;
	__u64 start_ns, end_ns;		/* first birth, last end within the recording */
	__u64 thread_ns, st_ns[WT_STATES];
	__u64 user_ns, sys_ns;
	struct ledger_taken taken;
	__u64 stage_cpu_ns[WT_STAGE_CODEC + WT_STAGE_CODECS];	/* by wt_thread_rec.stage */
	__u64 leader_cpu_ns;		/* of its first thread, once that has ended */
	__u32 alive;			/* of the threads */
	bool leader_ended;
	__s32 exit_code;		/* wait(2) status, once it has */
};
/* Adds up their records, so that what follows is of now; user_ns and sys_ns are as settled. */
void ledger__settle_programs(struct ledger *l);
/* As of the last settle; NULL: it is not watched. */
const struct ledger_program *ledger__program(const struct ledger *l, __u64 image);

/*
 * One line: a share of one thread's time with its reason and stack.  For cpu
 * the time is scaled from samples; the rest of a thread's CPU time comes as a
 * line with unsampled set.  Time that the details lack comes as lines with
 * unattributed set.  Over all lines, ns sums to accounted_ns exactly.
 */
struct ledger_line {
	const struct ledger_thread *thread;	/* pcomm and comm as of this line's program */
	__u32 serial, epoch;
	__u32 unit;				/* its unit's row, where units are kept; 0: none */
	__u64 job, cgroup;			/* see wt_thread_rec */
	__u16 span;
	__u8 state, bucket;
	bool unsampled, unattributed, open;
	__u64 reason;				/* inline or interned: ledger__reason_text() */
	const __u32 *ustack, *kstack;		/* frames, innermost first; NULL: none */
	unsigned n_ustack, n_kstack;
	enum ledger_cut cut;
	__u64 ns, max_ns, count;		/* count: intervals, or samples for cpu */
};
/* The program (wt_thread_rec.image) of a line's serial; 0: it is folded, or its record has not come. */
__u64 ledger__image_of(const struct ledger *l, __u32 serial);
typedef int (*ledger_line_fn)(void *arg, const struct ledger_line *line);
int ledger__each_line(struct ledger *l, ledger_line_fn fn, void *arg);

/*
 * It waits until another thread of its process tells it something: an idle pool's thread, a
 * condition, the end of a thread.  Nobody is in its way, and what it waits for is that thread's time.
 */
bool ledger__is_told(const struct ledger_line *line);

/* A reason with an object; NULL: it has none, or it was lost. */
const struct wt_reason *ledger__reason(const struct ledger *l, __u64 reason);
/*
 * The reason in words, without the state: "10.0.0.5:5432", "child: ffmpeg",
 * "pipe read", "epoll", "poll(3)", "futex", "clock_nanosleep", "wakeup" …
 * (docs/reasons.md has the list).  Writes at most sz bytes, always terminated.
 */
void ledger__reason_text(const struct ledger *l, __u8 state, __u64 reason, char *buf, size_t sz);
/* The peer of a socket's reason alone: "10.0.0.5:5432", "client 10.0.0.9 of :8080". */
void ledger__peer_text(const struct wt_reason *r, char *buf, size_t sz);
/* The same without the file, of which a disk's wait has the device: what many waits share. */
void ledger__object_text(const struct ledger *l, __u8 state, __u64 reason, char *buf, size_t sz);
/* The file of a reason, "" where it has none; id: its identity, or NULL. */
const char *ledger__file(const struct ledger *l, __u64 reason, __u64 *id);
/*
 * The last frame of a wait in a folded stack: "[net 10.0.0.5:5432]",
 * "[child: ffmpeg]", "[runq preempt]", "[sleep clock_nanosleep]".
 */
void ledger__leaf_text(const struct ledger *l, __u8 state, __u64 reason, char *buf, size_t sz);
/* "cpu", "runq", … as in STATES. */
const char *ledger__state_name(unsigned state);

/* The middle of a bucket (worktrace.h) in ns. */
__u64 ledger__bucket_ns(unsigned bucket);

#endif /* WT_LEDGER_H */
