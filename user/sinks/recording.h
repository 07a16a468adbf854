/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * recording.h - what a sink may know: the settled ledger and the facts about
 * the recording.  Sinks read this and write files; they never see a BPF map.
 */
#ifndef WT_RECORDING_H
#define WT_RECORDING_H

#include <jansson.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stdio.h>
#include "ledger/ledger.h"
#include "spans/row.h"
#include "net/conns.h"
#include "net/netstat.h"
#include "net/resolve.h"
#include "net/servers.h"
#include "units/units.h"

struct execs;
struct symbols;
struct disks;
struct jobs;
struct judged;
struct system;

struct recording_loss {
	const char *name;	/* as in summary.json's loss{} */
	const char *what;	/* a sentence for the terminal, without the number that begins it, or the time if name ends in _ns */
	__u64 n;
	bool benign;		/* repaired or explained: not worth a warning */
};

/* What a folded stack begins with.  All FOLD_END: comm, then thread where it differs. */
enum fold_frame {
	FOLD_END = 0,
	FOLD_JOB = 1,
	FOLD_UNIT = 2,		/* no frame outside a unit */
	FOLD_COMM = 3,		/* the process's name */
	FOLD_THREAD = 4,	/* the thread's name, where it differs */
	FOLD_PID = 5,
	FOLD_TID = 6,
	FOLD_SPAN = 7,		/* no frame outside of spans */
	FOLD_FRAMES = 7,
};

struct recording {
	struct ledger *ledger;			/* settled */
	struct units *units;			/* NULL: nobody asked for units */
	const struct judged *judged;		/* what they cost, by job and kind (units/verdict.h) */
	unsigned n_judged;
	const struct span_row *spans;		/* borrowed */
	unsigned n_spans;
	struct ledger_totals totals;
	struct ledger_frames frames;
	const struct execs *execs;		/* as sampled; NULL: none were asked for */
	const char *host, *kernel, *version;
	__u64 start_ns, end_ns;			/* CLOCK_MONOTONIC */
	__s64 utc_offset_ns;			/* CLOCK_REALTIME − CLOCK_MONOTONIC */
	bool complete;				/* false: a checkpoint */
	const char *end_reason;			/* "duration", "signal", "target gone" … */
	json_t *target, *options;		/* borrowed */
	bool has_exit;				/* a command was run and has ended */
	int exit_status, exit_signal;
	__u64 raw_stacks;			/* stacks walked in user space, for want of tables then */
	__u64 remembered_stacks;		/* of waits, that were verified and not walked again */
	const struct conns *conns;		/* NULL, as the four that follow: not looked at */
	struct peers *peers;
	const struct servers *servers;		/* who peers on this host are */
	const struct hosts *hosts;		/* NULL, too: their names were not asked for */
	const struct netstat *netstat;		/* over the recording */
	const struct recording_loss *loss;
	unsigned n_loss;
	struct {
		__u64 cpu_ns, bpf_ns, rss_peak_bytes, bpf_map_bytes, startup_ns;
	} self;
	json_t *features;			/* what this kernel could not give; borrowed, or NULL */
	const char *who;			/* who recorded, or NULL */
	const struct disks *disks;		/* requests of block devices; NULL: none were followed */
	const struct system *system;		/* the host over the recording, or NULL */
	struct jobs *jobs;			/* what jobs are called; borrowed, or NULL: no file names one */
	/* the unit of work that a line belongs to, NULL: none; NULL: there are no units */
	const char *(*unit)(void *ctx, const struct ledger_line *line);
	void *unit_ctx;
	const char *unit_glob;			/* only units of such names in folded stacks; NULL: all lines */
	struct units_stats unit_stats;
	/* the first frames of a folded stack: enum fold_frame, FOLD_END behind the last */
	__u8 fold[FOLD_FRAMES + 1];
};

enum folded_which { FOLDED_WALL, FOLDED_CPU, FOLDED_OFFCPU };

/* The name of the job that a record's job and control group stand for; "" where there is none. */
const char *recording__job(const struct recording *r, __u64 job, __u64 cgroup);

/* Each writes one file's bytes to f; 0 or a negative errno (nothing printed). */
int sink_folded(const struct recording *r, enum folded_which which, FILE *f);
int sink_waits_csv(const struct recording *r, FILE *f);
int sink_threads_csv(const struct recording *r, FILE *f);
int sink_peers_csv(const struct recording *r, FILE *f);
int sink_connections_csv(const struct recording *r, FILE *f);
int sink_units_csv(const struct recording *r, FILE *f);
int sink_unit_objects_csv(const struct recording *r, FILE *f);
int sink_jobs_csv(const struct recording *r, FILE *f);
int sink_devices_csv(const struct recording *r, FILE *f);
int sink_system_txt(const struct recording *r, FILE *f);
int sink_notes_md(const struct recording *r, FILE *f);
/* One row an ffmpeg. */
int sink_transcodes_csv(const struct recording *r, FILE *f);
/* The rows of the terminal's section on spans. */
void sink_terminal_spans(const struct recording *r, FILE *f);
int sink_spans_csv(const struct recording *r, FILE *f);
int sink_summary_json(const struct recording *r, FILE *f);
/* summary.json's "peers" and "network"; NULL: no memory. */
json_t *sink_peers_json(const struct recording *r);
json_t *sink_network_json(const struct recording *r);
/* The table of where the time went, for a person. */
int sink_terminal(const struct recording *r, FILE *f, bool colour);

/*
 * recdir: the recording's directory.  Everything is written beside its final
 * name and moved there whole; an existing one is replaced atomically.
 */
struct recdir;
struct recdir_opts {
	const char *path;	/* final name; NULL: default name in the working directory */
	const char *name;	/* job or command, for the default name */
	bool force;		/* replace what is there */
	const char *owner;	/* USER[:GROUP] or NULL */
};
/*
 * Checks early that the recording can be written at the end (directory makeable,
 * writable, not there yet) and prints one sentence if not.  Leaves nothing behind
 * unless recdir__write succeeds.
 */
int recdir__open(struct recdir **out, const struct recdir_opts *opts);
/* The final path. */
const char *recdir__path(const struct recdir *d);
/* Writes all files (mode 0600 in a directory 0700), syncs, moves into place. */
int recdir__write(struct recdir *d, const struct recording *r);
void recdir__close(struct recdir *d);

#endif /* WT_RECORDING_H */
