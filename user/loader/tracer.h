/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tracer.h - the kernel side as the rest of user space sees it; tracer*.c are the
 * only files that know the skeleton.
 *
 * Life: open (configure, load) → attach → seed → start → … swap, records, ring …
 * → stop → the same readers once more → close.  Errors are printed where they
 * are found and returned as a negative errno or WT_ESAID.
 */
#ifndef WT_TRACER_H
#define WT_TRACER_H

#include <linux/types.h>
#include <stdbool.h>
#include "options.h"
#include "target/target.h"
#include "loader/features.h"
#include "worktrace.h"

struct tracer;

/*
 * kernel: the kernel's BTF, or where NULL lies; freed, as soon as it is needed no more, and
 * set to NULL.
 */
int tracer__open(struct tracer **out, const struct options *o, const struct target *t,
		 const struct features *f, struct btf **kernel);
/* Detaches and frees everything; NULL is fine. */
void tracer__close(struct tracer *t);

int tracer__attach(struct tracer *t);
/*
 * WT_TARGET_JOB: the processes of the job that seeds have found, allocated; *out is
 * NULL when there are none.  0 or -ENOMEM.
 */
int tracer__job_pids(const struct tracer *t, pid_t **out, unsigned *n);
/* The process's first thread has an account now. */
bool tracer__has(const struct tracer *t, pid_t pid);
/* The maps of block.bpf.c; on: requests are followed. */
struct tracer_disk_fds {
	bool on;
	int disks, rows;
};
void tracer__disk_fds(const struct tracer *t, struct tracer_disk_fds *out);
/* With --datagrams: what went over UDP and unix sockets so far.  Stops at the first non-zero return. */
typedef int (*tracer_dgram_fn)(void *arg, const struct wt_dgram_key *k, const struct wt_dgram_val *v);
int tracer__datagrams(const struct tracer *t, tracer_dgram_fn fn, void *arg);
/* More processes whose tasks, and descendants, the next seed takes up. */
int tracer__add_pids(struct tracer *t, const pid_t *pids, unsigned n);
/* Takes up the target's tasks that are not traced yet. */
int tracer__seed(struct tracer *t);
/* Notes who lies in a freezer now, and who no longer does.  By any thread, beside all else. */
int tracer__mark_frozen(struct tracer *t);
/* The kernel side sends the stacks of these ids anew if they come again. */
void tracer__forget(struct tracer *t, const __u64 *ids, unsigned n);
/* From now on time is charged.  Returns that instant, CLOCK_MONOTONIC ns. */
__u64 tracer__start(struct tracer *t);
/* No time after this instant is charged; waits until no program is at work on an earlier one. */
__u64 tracer__stop(struct tracer *t);
/* Lets the programs go; the maps stay readable. */
void tracer__detach(struct tracer *t);

/* Threads that are traced and alive. */
unsigned tracer__live(const struct tracer *t);

/*
 * The records of the live threads, straight from the iterator: last: as the last
 * word on them (after stop), else as a snapshot.  Returns 0 or a negative errno.
 */
typedef int (*tracer_record_fn)(void *arg, const struct wt_thread_rec *rec);
int tracer__records(struct tracer *t, bool last, tracer_record_fn fn, void *arg);
/* Before the start: a record of each process that is traced, with who it is and nothing of time. */
int tracer__list(struct tracer *t, tracer_record_fn fn, void *arg);
/* The same before tracer__attach(): of each process that would be. */
int tracer__wanted(struct tracer *t, tracer_record_fn fn, void *arg);

/*
 * Gives the programs the other detail map, waits until none writes to the first,
 * hands out its lines and empties it.
 */
typedef int (*tracer_detail_fn)(void *arg, const struct wt_detail_key *k,
				const struct wt_detail_val *v);
int tracer__swap_details(struct tracer *t, tracer_detail_fn fn, void *arg);
/* The share of the detail map in use that has filled since the last swap, 0 … 1. */
double tracer__detail_fill(const struct tracer *t);

/*
 * Looks through the descriptors of traced processes for TCP connections and listeners
 * that are not followed yet; late: others than those before the start.
 */
int tracer__find_conns(struct tracer *t, bool late);
/* A thread has waited for a connection that is not followed; asks once. */
bool tracer__conns_wanted(struct tracer *t);
/*
 * Every connection that is followed, as it stands; fn may change its copy.  Those with
 * WT_CONN_LOST are not followed any longer.
 */
typedef int (*tracer_conn_fn)(void *arg, struct wt_conn *c);
int tracer__conns(struct tracer *t, tracer_conn_fn fn, void *arg);
typedef int (*tracer_listener_fn)(void *arg, const struct wt_listen_row *row);
int tracer__listeners(struct tracer *t, tracer_listener_fn fn, void *arg);
/* Looks through the descriptors of all processes for sockets that listen. */
typedef int (*tracer_server_fn)(void *arg, const struct wt_server_row *row);
int tracer__servers(struct tracer *t, tracer_server_fn fn, void *arg);

/* Ring buffer: fn gets each event (data starts with struct wt_event). */
typedef int (*tracer_event_fn)(void *arg, const void *data, size_t size);
int tracer__on_event(struct tracer *t, tracer_event_fn fn, void *arg);
/* … and after those of the ring what traced processes wrote. */
int tracer__on_write(struct tracer *t, tracer_event_fn fn, void *arg);
/* Readable when the kernel side wants attention at once. */
int tracer__ring_fd(const struct tracer *t);
/* Hands out what is in the ring. */
int tracer__consume(struct tracer *t);

/* Descriptors of the maps that unwind tables are written to; they stay t's. */
struct tracer_unwind_fds {
	int rules, objects, wanted, rows, pool, spaces;
	int py_procs, py_code, jvm_procs;
	__u64 *space_changes;	/* goes up by one behind each change of `spaces` */
};
void tracer__unwind_fds(const struct tracer *t, struct tracer_unwind_fds *out);

/* What the probes of spans need (loader/spans.h); all stays t's. */
struct bpf_program;
struct tracer_spans {
	struct bpf_program *probe;
	bool multi;		/* it was loaded for links with many probes, and takes no others */
	int totals_fd;		/* struct wt_span_total per CPU, by number of the span */
	unsigned n_cpus;
};
void tracer__spans(const struct tracer *t, struct tracer_spans *out);

/* What the watchpoints of Celery's tasks need (bpf/told.h); hit NULL: they are not asked for; stays t's. */
struct tracer_told {
	struct bpf_program *hit;
	int codes_fd;		/* struct wt_told_code by address */
};
void tracer__told(const struct tracer *t, struct tracer_told *out);

/*
 * Over budget, only one stack in so many ns of each thread's time is taken; 0: all.
 * What they cost so far is count[WT_CNT_STACK_NS].
 */
void tracer__shed(struct tracer *t, __u64 ns);

/*
 * The programs that are units of work (bpf/exec.h): whatever of them changed since
 * the last call, all of them with all set.  What has ended is handed out twice or
 * more, so that what came after its end is in it, and then forgotten.
 */
typedef int (*tracer_exec_fn)(void *arg, const struct wt_exec *x);
int tracer__execs(struct tracer *t, bool all, tracer_exec_fn fn, void *arg);
/* One more, which ran already.  0 or a negative errno, nothing printed. */
int tracer__add_exec(struct tracer *t, const struct wt_exec *x);

/* The program for the probes of loader/stages.h, NULL: stages are not asked for; stays t's. */
struct bpf_program *tracer__stage_probe(const struct tracer *t);
/* It is for links that stand at many places of a file. */
bool tracer__stage_multi(const struct tracer *t);
/* What they counted of that image: true when they have seen it. */
bool tracer__stages_of(const struct tracer *t, __u64 image, struct wt_stages *out);

/* Sums over the CPUs. */
int tracer__stats(const struct tracer *t, struct wt_stats *out);
/* Program runs that the kernel skipped because a program was already at work on that CPU. */
__u64 tracer__skipped(const struct tracer *t);
/* Memory of all maps as the kernel accounts it. */
__u64 tracer__map_bytes(const struct tracer *t);

/*
 * The programs' own cost.  The kernel measures only while asked to, and that
 * costs two clock reads for every run of every BPF program of the machine: so it
 * is asked for short windows, and the share of time found there stands for all.
 */
void tracer__cost_begin(struct tracer *t);
void tracer__cost_end(struct tracer *t);
/* ns of program time over duration_ns, scaled from the windows; 0 when there was none. */
__u64 tracer__cost_ns(const struct tracer *t, __u64 duration_ns);

#endif /* WT_TRACER_H */
