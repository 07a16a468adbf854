/* SPDX-License-Identifier: GPL-2.0-or-later */
/* output.c - from the closed account to files, standard output and the terminal. */
#include "record/session.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ledger/text.h"
#include "loader/checks.h"
#include "loader/disk_maps.h"
#include "util/clock.h"
#include "util/log.h"
#include "version.h"

static const struct {
	enum wt_loss loss;
	bool benign;
	const char *name, *what;
} kernel_losses[] = {
	{ WT_LOSS_DETAIL, false, "detail_full", "waits found the detail map full: their time has no reason or stack (--detail-entries)" },
	{ WT_LOSS_SAMPLE, false, "sample_full", "samples found the detail map full (--detail-entries)" },
	{ WT_LOSS_STACK, false, "stack_ring_full", "stacks found the ring full and were sent later or not at all (--ring-kb)" },
	{ WT_LOSS_REASON, false, "reason_ring_full", "wait reasons found the ring full (--ring-kb)" },
	{ WT_LOSS_EXIT, false, "exit_ring_full", "ended threads found the ring full: they are in the sum, without a name (--ring-kb)" },
	{ WT_LOSS_THREADS, false, "threads", "threads could not be taken up: they are outside this account" },
	{ WT_LOSS_MISSED_SWITCH, true, "missed_switch", "switches were not traced by the kernel, found and repaired" },
	{ WT_LOSS_USTACK, true, "user_stack_unreadable", "user stacks could not be read beyond their first frame" },
	{ WT_LOSS_KSTACK, true, "kernel_stack_failed", "kernel stacks could not be taken" },
	{ WT_LOSS_SPACE, true, "space_ring_full", "requests for a process's mappings found the ring full: its stacks came later (--ring-kb)" },
	{ WT_LOSS_PYTHON, true, "python_inconsistent", "Python frames did not hold together: their stacks end there" },
	{ WT_LOSS_PYCODE, true, "python_code_ring_full", "Python code objects found the ring full: named by a later occurrence, if any (--ring-kb)" },
	{ WT_LOSS_RAW, true, "raw_stack_budget", "stacks that met no unwind tables yet were over the budget for raw copies: they end there" },
	{ WT_LOSS_WRITE, false, "lines", "writes found their ring full, or could not be read: their lines are missing (--write-kb)" },
	{ WT_LOSS_SPLIT, true, "split_ring_full", "intervals over several epochs found the ring full: they count for the first (--ring-kb)" },
	{ WT_LOSS_ENV_CUT, true, "env_cut", "environments, or values in them, were longer than is looked at: their job may be another" },
	{ WT_LOSS_ENV_READ, false, "env_unreadable", "environments could not be read: their job may be another" },
	{ WT_LOSS_JOB, false, "job_ring_full", "names of jobs or control groups found the ring full: named by a later occurrence, if any (--ring-kb)" },
	{ WT_LOSS_EXEC_UNIT, true, "exec_units_full", "programs that are units were too many at once: their exit status or memory may lack" },
	{ WT_LOSS_EXEC_ARGS, false, "exec_ring_full", "command lines of units found the ring full: their rows lack them (--ring-kb)" },
	{ WT_LOSS_SPAN, false, "span_events", "spans found the ring full: they are in spans.csv, but no units of their own (--ring-kb)" },
	{ WT_LOSS_SPAN_DEEP, false, "span_depth", "spans began while eight others were open in their thread, and were left out" },
	{ WT_LOSS_CONN, false, "connections_full", "connections or listeners found their map full: they are not listed (--conn-entries)" },
	{ WT_LOSS_CONN_RING, false, "connection_ring_full", "connections that ended found the ring full: they are not listed (--ring-kb)" },
	{ WT_LOSS_BLOCK, false, "disk_requests", "requests of disks were too many at once: they are in no figure of disks (--disk-requests)" },
	{ WT_LOSS_BLOCK_ROW, false, "disk_rows_full", "requests of disks found the rows full: they are in the disk's totals only (--disk-rows)" },
	{ WT_LOSS_BLOCK_UNIT, false, "disk_requests_unit", "requests of disks found the detail map full: they are in no unit (--detail-entries)" },
	{ WT_LOSS_DGRAM, false, "datagram_peers_full", "datagrams were to or from peers beyond the 4096 that are kept: they are in no row" },
	{ WT_LOSS_PATHS, true, "files_folded", "waits were for files beyond those that are named: \"[other files]\" (--max-files)" },
	{ WT_LOSS_PATH_RING, true, "file_ring_full", "names of files found the ring full: named by a later wait, if any (--ring-kb)" },
	{ WT_LOSS_CLOCK, false, "clock_backwards", "intervals would have been negative and were set to 0" },
};
_Static_assert(sizeof(kernel_losses) / sizeof(*kernel_losses) == WT_LOSSES, "each loss has a name");

void session__add_loss(struct losses *l, const char *name, const char *what, __u64 count, bool benign)
{
			  if (l->n < SESSION_LOSSES)
			  l->v[l->n++] = (struct recording_loss){ name, what, count, benign };
}

unsigned session__losses(struct session *s, struct recording_loss *out)
{
	struct unwind_stats un = { 0 };
	struct symbols_stats sym;
	struct conns_stats cs;
	struct ledger_no_memory nm;
	struct sideband_stats sb;
	struct wt_stats st;
	struct losses l = { out };

	if (tracer__stats(s->tracer, &st))
		memset(&st, 0, sizeof(st));
	for (unsigned i = 0; i < WT_LOSSES; i++)
		session__add_loss(&l, kernel_losses[i].name, kernel_losses[i].what,
			  st.loss[kernel_losses[i].loss], kernel_losses[i].benign);
	conns__stats(s->conns, &cs);
	session__add_loss(&l, "connections_folded",
			  "connections are in the sums of their peers only, without a row (--max-conns)",
			  cs.folded, true);
	session__add_loss(&l, "connection_end_missed",
			  "connections ended unseen: their last figures are missing", cs.lost, true);
	symbols__stats(s->symbols, &sym);
	sideband__stats(s->sideband, &sb);
	if (s->unwind)
		unwind__stats(s->unwind, &un);
	session__add_loss(&l, "kernel_stack_misremembered",
			  "checks of remembered kernel stacks found another one (--no-remember)",
			  st.count[WT_CNT_KSTACK_WRONG], false);
	session__add_loss(&l, "user_stack_misremembered",
			  "checks of remembered user stacks found another one (--no-remember)",
			  st.count[WT_CNT_USTACK_WRONG], false);
	session__add_loss(&l, "audit_waits",
			  "waits are not in the audit: the kernel had booked sleep before them as waiting for a CPU",
			  st.count[WT_CNT_BOOKED_ASLEEP], true);
	session__add_loss(&l, "hidden_threads",
			  "threads are hidden from the task iterator by the kernel: they are outside this account",
			  s->hidden_threads, false);
	session__add_loss(&l, "program_skipped",
			  "runs of worktrace's programs were skipped by the kernel",
			  tracer__skipped(s->tracer), true);
	session__add_loss(&l, "sideband", "mapping and process records were lost (--sideband-pages)",
			  sb.lost, false);
	session__add_loss(&l, "object_gone", "mapped files were gone before they could be opened",
			  sym.object_gone, false);
	session__add_loss(&l, "jvm_method_gone",
			  "Java frames were without a name: their process was gone, or the method was",
			  un.jvm.gone, true);
	session__add_loss(&l, "frames_folded", "frames found their table full", sym.evicted, false);
	session__add_loss(&l, "frames_unmapped", "distinct frames lie outside every known mapping",
			  sym.no_mapping, true);
	ledger__no_memory(s->ledger, &nm);
	session__add_loss(&l, "exit_no_memory",
			  "ended threads found no memory: they are in the sum, without a name", nm.records, false);
	session__add_loss(&l, "no_memory",
			  "times there was no memory for what was recorded: it is lost", drain__no_memory(s->drain), false);
	session__add_loss(&l, "exec_rows_full",
			  "programs that are units have no row: there are too many (--max-units)", execs__dropped(s->execs), false);
	session__add_loss(&l, "unit_details",
			  "details were of units that are folded by now: what a unit costs lacks them",
			  s->costs ? costs__dropped(s->costs) : 0, false);
	session__unit_losses(s, &l);
	return l.n;
}

static const char *frame_name(void *ctx, __u32 frame)
{
	return symbols__name(ctx, frame);
}

static const char *frame_kernel_name(void *ctx, __u32 frame)
{
	return symbols__kernel_name(ctx, frame);
}

static bool frame_is_root(void *ctx, __u32 frame)
{
	return symbols__is_root(ctx, frame);
}

struct ledger_frames session__frames(struct session *s)
{
	return (struct ledger_frames){ s->symbols, frame_name, frame_kernel_name, frame_is_root };
}

static json_t *command_json(const struct session *s)
{
	json_t *a = json_array();

	for (char **p = s->o->command; *p; p++) {
		json_t *v = json_string(*p);

		/* JSON is UTF-8, an argument is any bytes */
		json_array_append_new(a, v ? v : json_string("[not UTF-8]"));
	}
	return a;
}

static json_t *target_json(const struct session *s)
{
	json_t *t = target__json(s->target);

	if (t && s->o->command) {
		json_object_set_new(t, "type", json_string("command"));
		json_object_set_new(t, "command", command_json(s));
	}
	return t;
}

static json_t *options_json(const struct options *o)
{
	json_t *env = json_array();

	/* by the names that are looked for, not their values */
	for (unsigned i = 0; i < o->n_job_env; i++)
		json_array_append_new(env, json_string(o->job_env[i]));
	return json_pack("{s:b, s:o, s:f, s:i, s:s, s:b, s:b, s:b, s:b, s:f, s:f, s:i, s:i, s:i, s:i, s:i, s:i, s:i}",
			 "environments", !o->no_job_env, "job_env", env,
			 "duration_s", o->duration_s, "frequency", (int)o->freq, "event", o->event,
			 "user_stacks", !o->no_user_stacks, "kernel_stacks", !o->no_kernel_stacks,
			 "remember", !o->no_remember, "unwind_tables", !o->frame_pointers,
			 "budget_percent", o->budget, "checkpoint_s", o->checkpoint_s,
			 "drain_ms", (int)o->drain_ms, "detail_entries", (int)o->detail_entries,
			 "ring_kb", (int)o->ring_kb, "seen_entries", (int)o->seen_entries,
			 "max_exited", (int)o->max_exited, "max_stacks", (int)o->max_stacks,
			 "sideband_pages", (int)o->sideband_pages);
}

/* What of a recording must be given back. */
struct owned {
	struct recording r;
	struct judged *judged;
	struct recording_loss loss[SESSION_LOSSES];
	struct utsname uts;
	struct disks disks;
	char who[128];
};

/*
 * Root is in this file; getpwuid() looks in more places, and glibc's crashes where it finds no
 * memory to begin with.
 */
static void user_name(uid_t uid, char *buf, size_t sz)
{
	struct passwd pw, *found = NULL;
	FILE *f = fopen("/etc/passwd", "re");
	char line[1024];

	snprintf(buf, sz, "uid unknown");
	while (f && !fgetpwent_r(f, &pw, line, sizeof(line), &found)) {
		if (pw.pw_uid != uid)
			continue;
		snprintf(buf, sz, "%s", pw.pw_name);
		break;
	}
	if (f)
		fclose(f);
}

/* "root", "root (sudo: alice)" */
static const char *who_am_i(char *buf, size_t sz)
{
	const char *sudo = getenv("SUDO_USER");
	char text[128], name[64];

	user_name(getuid(), name, sizeof(name));
	snprintf(text, sizeof(text), "%s%s%s%s", name, sudo ? " (sudo: " : "", sudo ? sudo : "", sudo ? ")" : "");
	return text__clean(buf, sz, text, strlen(text), false);
}

static int describe(struct session *s, struct owned *w, bool complete)
{
	struct recording *r = &w->r;
	struct unwind_stats unwound;
	struct wt_stats kernel;
	struct rusage ru;

	memset(w, 0, sizeof(*w));
	uname(&w->uts);
	r->ledger = s->ledger;
	r->units = s->units;
	if (s->units)
		units__stats(s->units, &r->unit_stats);
	if (s->execs)
		execs__sample(s->execs);
	r->execs = s->execs;
	session__describe_spans(s, r);
	r->frames = session__frames(s);
	r->host = w->uts.nodename;
	r->kernel = w->uts.release;
	r->version = WT_VERSION;
	r->start_ns = s->start_ns;
	r->end_ns = complete ? s->end_ns : now_ns();
	r->utc_offset_ns = (__s64)(clock_ns(CLOCK_REALTIME) - now_ns());
	r->complete = complete;
	if (!tracer__stats(s->tracer, &kernel))
		r->remembered_stacks = kernel.count[WT_CNT_USTACK_HIT];
	if (s->unwind) {
		unwind__stats(s->unwind, &unwound);
		r->raw_stacks = unwound.raw.walked;
	}
	r->end_reason = complete ? s->end_reason : "running";
	r->has_exit = s->command_ended;
	if (s->command_ended && WIFEXITED(s->command_status))
		r->exit_status = WEXITSTATUS(s->command_status);
	else if (s->command_ended)
		r->exit_signal = WTERMSIG(s->command_status);
	r->self.startup_ns = s->start_ns - s->begin_ns;
	r->self.bpf_map_bytes = tracer__map_bytes(s->tracer);
	r->self.bpf_ns = tracer__cost_ns(s->tracer, r->end_ns - r->start_ns);
	r->jobs = s->jobs;
	r->unit = s->units ? session__unit_name : NULL;
	r->unit_ctx = s;
	r->unit_glob = s->o->unit;
	r->who = who_am_i(w->who, sizeof(w->who));
	memcpy(r->fold, s->o->fold, sizeof(r->fold));
	r->target = target_json(s);
	r->options = options_json(s->o);
	r->features = checks__json(&s->features, true);
	r->system = s->system;
	if (disk_maps__read(&w->disks, s->tracer))
		return -ENOMEM;
	r->disks = w->disks.on ? &w->disks : NULL;
	if (!r->target || !r->options)
		return -ENOMEM;
	if (ledger__settle(s->ledger, &r->frames, &r->totals))
		return -ENOMEM;
	if (s->execs && execs__read_stacks(s->execs, &r->frames))
		return -ENOMEM;
	if (s->costs && costs__judge(s->costs, &w->judged, &r->n_judged))
		return -ENOMEM;
	r->judged = w->judged;
	if (session__describe_net(s, r))
		return -ENOMEM;
	r->n_loss = session__losses(s, w->loss);
	r->loss = w->loss;
	getrusage(RUSAGE_SELF, &ru);
	r->self.cpu_ns = (ru.ru_utime.tv_sec + ru.ru_stime.tv_sec) * NSEC_PER_SEC +
			 (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) * 1000ULL;
	r->self.rss_peak_bytes = ru.ru_maxrss * 1024ULL;
	return 0;
}

static void undescribe(struct owned *w)
{
	json_decref(w->r.target);
	json_decref(w->r.options);
	json_decref(w->r.features);
	judged__free(w->judged, w->r.n_judged);
	peers__free(w->r.peers);
	disks__free(&w->disks);
}

int session__write(struct session *s, bool complete)
{
	struct owned w;
	int err;

	if (!s->dir)
		return 0;
	err = describe(s, &w, complete);
	if (err)
		wt_error(err, "cannot settle the ledger");
	else
		err = recdir__write(s->dir, &w.r);
	undescribe(&w);
	if (!err)
		s->wrote = true;
	return err;
}

static int print_folded(struct session *s, const struct recording *r)
{
	int err;

	if (s->o->folded < 0)
		return 0;
	err = sink_folded(r, s->o->folded, stdout);
	if (!err && fflush(stdout))
		err = -errno;
	return err ? wt_error(err, "cannot write the folded stacks to standard output") : 0;
}

int session__print(struct session *s)
{
	struct owned w;
	int err;

	err = describe(s, &w, true);
	if (err)
		wt_error(err, "cannot settle the ledger");
	else
		err = print_folded(s, &w.r);
	if (!err && !s->o->quiet) {
		sink_terminal(&w.r, stderr, isatty(STDERR_FILENO));
		if (s->dir)
			fprintf(stderr, "\nrecording: %s\n", recdir__path(s->dir));
		if (s->launch && !s->command_ended)
			wt_info("the command still runs, as process %d", launch__pid(s->launch));
	}
	undescribe(&w);
	return err;
}
