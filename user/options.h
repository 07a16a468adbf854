/* SPDX-License-Identifier: GPL-2.0-or-later */
/* options.h - argv to struct options; no side effects. */
#ifndef WT_OPTIONS_H
#define WT_OPTIONS_H

#include <stdbool.h>
#include <sys/types.h>
#include <linux/types.h>
#include "spans/spec.h"
#include "worktrace.h"

struct options {
	/* target: exactly one of these */
	char **command;			/* NULL-terminated, borrowed from argv */
	pid_t *pids;			/* owned */
	unsigned n_pids;
	const char *comm;		/* -n */
	const char *cgroup;		/* -g */
	bool all;			/* -a */
	const char *job;		/* -J: NAME[#NUMBER] */
	bool wait;			/* --wait: with -n, -g or -J, wait for the first of that name */
	const char *user;		/* -u: run the command as */

	double duration_s;		/* -d; 0: no limit */
	const char *output;		/* -o */
	bool force;			/* --force */
	const char *owner;		/* --owner */
	bool exit_status;		/* --exit-status */
	int folded;			/* --folded: enum folded_which, or -1 */
	__u8 fold[8];			/* --fold: enum fold_frame, FOLD_END at the end */
	const char *job_env[8];		/* --job-env: names, owned */
	unsigned n_job_env;
	bool no_job_env;		/* --no-job-env */
	bool quiet, verbose;

	bool irqs;			/* --irqs: the time of interrupts is told */
	bool datagrams;			/* --datagrams: bytes over UDP and unix sockets */
	bool no_connections;		/* --no-connections: TCP connections are not followed */
	bool resolve;			/* --resolve: names of hosts, once it is over */
	struct wt_idle_peer idle_peers[WT_MAX_IDLE_PEERS];	/* --idle-peer */
	unsigned n_idle_peers;

	const char **unit_lines;	/* --unit-line, owned; the texts are borrowed from argv */
	unsigned n_unit_lines;
	const char *unit_preset;	/* --unit-preset */

	unsigned freq;			/* -F, samples a second per CPU; 0: none (default 99) */
	const char *event;		/* --event: "cpu-clock" (default) or "cycles" */
	bool inlines;			/* --inlines */
	bool no_user_stacks;		/* --no-user-stacks: none where threads block */
	bool no_rivals;			/* --no-rivals: do not say who ran while a thread waited for a CPU */
	bool no_kernel_stacks;		/* --no-kernel-stacks */
	bool no_remember;		/* --no-remember: unwind every stack again */
	bool frame_pointers;		/* --frame-pointers: no unwind tables */
	bool jvm_perfmap;		/* --jvm-perfmap: VMs that cannot be read are asked for one */
	double budget;			/* --budget, per cent of the machine (default 1); 0: off */
	bool unwind_check;		/* --unwind-check */
	const char *unit;		/* --unit: only units whose label fits, in folded stacks; NULL: all */
	const char *unit_exec;		/* --unit-exec: names, or "none" (default "ffmpeg,ffprobe") */
	bool no_stages;			/* --no-stages */
	bool unit_exec_given;		/* … on the command line */
	double checkpoint_s;		/* --checkpoint SECONDS (default 30); 0: none */
	unsigned drain_ms;		/* --drain-ms (default 1000) */

	struct span_spec *spans;	/* --span; owned */
	unsigned n_spans;		/* at most WT_MAX_SPANS */
	unsigned span_limit;		/* --span-limit, hits a second and CPU (default 25000); 0: none */
	bool return_probes;		/* --span-return-probe */
	bool thread_names;		/* --unit-thread-name */

	/* sizes, for tests and for the worst machines */
	unsigned write_kb;		/* --write-kb (default 2048) */
	unsigned detail_entries;	/* --detail-entries (default 32768) */
	unsigned ring_kb;		/* --ring-kb (default 4096) */
	unsigned seen_entries;		/* --seen-entries (default 32768) */
	unsigned conn_entries;		/* --conn-entries (default 24576) */
	unsigned max_conns;		/* --max-conns (default 10000) */
	unsigned max_exited;		/* --max-exited (default 10000) */
	unsigned max_stacks;		/* --max-stacks (default 100000) */
	unsigned max_units;		/* --max-units (default 20000) */
	unsigned sideband_pages;	/* --sideband-pages (default 64) */
	bool no_files;			/* --no-files: waits on files do not name them */
	unsigned max_files;		/* --max-files (default 1024) */
	bool no_disks;			/* --no-disks: requests of block devices are not followed */
	unsigned disk_requests;		/* --disk-requests (default 8192) */
	unsigned disk_rows;		/* --disk-rows (default 1024) */
	unsigned table_mb;		/* --table-mb (default 32) */
	unsigned fault;			/* --fault: WT_FAULT_*, for tests */
};

/*
 * Parses `worktrace record …`.  Returns 0, or WT_EUSAGE after one clear sentence
 * on standard error; 1 when --help was answered.  Fill with defaults first.
 */
void options__defaults(struct options *o);
int options__parse_record(struct options *o, int argc, char **argv);
void options__free(struct options *o);
/* Units are asked for: what is written is looked at. */
/* The stages of transcodes are wanted: an ffmpeg is a unit, and nobody said --no-stages. */
bool options__stages(const struct options *o);
bool options__units(const struct options *o);
/* … Celery's tasks by the interpreter's frames. */
bool options__told(const struct options *o);

/* user/syscalls.c: names and classes of the system calls, by number. */
/* "read", "clock_nanosleep" …; NULL when the number has no name. */
const char *syscall_name(unsigned nr, bool compat);
/* Fills out[WT_NR_SYSCALLS] with enum wt_class. */
void syscall_classes(__u8 *out, bool compat);
/* Fills out[WT_NR_SYSCALLS] with enum wt_path_arg, for native calls. */
void syscall_path_args(__u8 *out);

#endif /* WT_OPTIONS_H */
