/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * session.h - one recording from the command line to the directory on disk.
 *
 * Life: open (everything is checked, loaded and attached; the account begins) →
 * run (until something ends it) → finish (the account is closed and complete) →
 * write → close.  Errors are printed where they are found.
 */
#ifndef WT_SESSION_H
#define WT_SESSION_H

#include <linux/types.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "drain/drain.h"
#include "drain/sideband.h"
#include "ledger/ledger.h"
#include "loader/features.h"
#include "loader/stages.h"
#include "loader/tracer.h"
#include "loader/unwind_maps.h"
#include "net/conns.h"
#include "net/netstat.h"
#include "net/resolve.h"
#include "net/servers.h"
#include "options.h"
#include "sinks/recording.h"
#include "spans/spans.h"
#include "symbols/symbols.h"
#include "system/system.h"
#include "target/launch.h"
#include "target/target.h"
#include "units/execs.h"
#include "units/costs.h"

struct session {
	const struct options *o;
	struct features features;
	struct btf *kernel_btf;		/* until the tracer has it */
	struct recdir *dir;		/* NULL: --folded without -o */
	struct launch *launch;		/* NULL: no command */
	struct target *target;
	struct tracer *tracer;
	struct ledger *ledger;
	struct symbols *symbols;
	struct sideband *sideband;
	struct mapped_unwind *unwind_maps;
	struct unwind *unwind;		/* NULL: by frame pointer only */
	struct system *system;		/* the host's own counters */
	struct units *units;		/* NULL: nobody asked for units */
	struct jobs *jobs;
	struct stage_probes *stages;	/* NULL: --no-stages */
	pthread_t stages_thread;	/* puts them in; only if … */
	bool stages_pending;
	struct execs *execs;		/* NULL: --unit-exec none */
	struct costs *costs;		/* … what they cost */
	struct spans *spans;		/* NULL: nobody asked for spans */
	struct told *told;		/* NULL: … for Celery's tasks by frames */
	struct drain *drain;
	struct conns *conns;
	struct servers *servers;
	struct hosts *hosts;		/* NULL: nobody asked for their names */
	struct netstat netstat;		/* at the start */
	struct netstat netstat_diff;
	bool netstat_ended;
	int signal_fd;			/* SIGINT, SIGTERM, SIGHUP: blocked, read here */
	__u64 begin_ns;			/* when worktrace was started */
	__u64 start_ns, end_ns;		/* of the account */
	const char *end_reason;
	bool command_ended;
	int command_status;		/* as of wait(2) */
	unsigned hidden_threads;	/* that the task iterator did not show at the start */
	bool wrote;			/* at least one checkpoint is on disk */
};

/* s: zeroed.  0, or a negative errno or WT_ESAID; call close in any case. */
int session__open(struct session *s, const struct options *o);
/* Returns when the recording is over; an error ends it too, what was recorded stays. */
int session__run(struct session *s);
int session__finish(struct session *s);
/* complete: the account is closed; else a checkpoint. */
int session__write(struct session *s, bool complete);
/* --folded, and what a person wants to see. */
int session__print(struct session *s);
void session__close(struct session *s);

/* Names of the ledger's frames. */
struct ledger_frames session__frames(struct session *s);
/*
 * transcode_stage.c: once the tracer is loaded: probes are put into the libraries that are
 * installed, in a thread of its own, for the kernel waits meanwhile; this waits for its end,
 * at any stage; once a tick.
 */
int session__open_stages(struct session *s);
void session__await_stages(struct session *s);
void session__look_for_libraries(struct session *s);

/* unit_stage.c: after the drain was made. */
int session__open_units(struct session *s);
/* The label of the unit that a line belongs to, for recording.unit; NULL: none.  ctx: a session. */
const char *session__unit_name(void *ctx, const struct ledger_line *line);
/* What units lost, for session__losses(). */
struct losses;
void session__unit_losses(const struct session *s, struct losses *l);
/* span_stage.c: once the target is known; after the tracer was attached; row r's parts. */
int session__open_spans(struct session *s);
int session__attach_spans(struct session *s);
void session__describe_spans(struct session *s, struct recording *r);

/*
 * told_stage.c: once the tracer is loaded; at the start, and once a tick; at the end: says so
 * if there was nobody to watch.
 */
int session__open_told(struct session *s);
int session__look_for_tasks(struct session *s);
void session__check_told(const struct session *s);
void session__close_told(struct session *s);

/* net_stage.c: after the drain was made. */
int session__open_net(struct session *s);
/* Connections that no tracepoint told of; late: others than those before the start. */
int session__find_conns(struct session *s, bool late);
/* Finds who listens, if anybody waited for one of this host who is not known. */
int session__find_servers(struct session *s);
/* How the connections stand now; last: the account is closed. */
int session__refresh_net(struct session *s, bool last);
/* Fills in what r says of the network; r->peers is the caller's. */
int session__describe_net(struct session *s, struct recording *r);
void session__close_net(struct session *s);

/* Counts the threads of the target that /proc shows and the kernel side cannot see. */
int session__count_hidden(struct session *s);

/* Takes a waiting signal, sent on to the command unless the terminal did so; 0: none. */
int session__take_signal(struct session *s);
/* Fills losses (at least SESSION_LOSSES places); returns how many. */
#define SESSION_LOSSES 64
unsigned session__losses(struct session *s, struct recording_loss *out);

struct losses {
	struct recording_loss *v;	/* SESSION_LOSSES places */
	unsigned n;
};

/* One more; the texts are not copied.  Beyond the last place it is left out. */
void session__add_loss(struct losses *l, const char *name, const char *what, __u64 count, bool benign);

#endif /* WT_SESSION_H */
