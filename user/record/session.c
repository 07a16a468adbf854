/* SPDX-License-Identifier: GPL-2.0-or-later */
/* session.c - opening and closing: everything that must hold before time is charged. */
#include "record/session.h"

#include <bpf/btf.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "loader/checks.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/thread.h"

static int open_signals(struct session *s)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return wt_error(-errno, "cannot block signals");
	s->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signal_fd < 0 ? wt_error(-errno, "cannot receive signals") : 0;
}

int session__take_signal(struct session *s)
{
	struct signalfd_siginfo info;

	if (read(s->signal_fd, &info, sizeof(info)) != sizeof(info))
		return 0;
	/* the terminal has sent it to the command as well; kill(1) has not */
	if (s->launch && !s->command_ended && info.ssi_code == SI_USER)
		launch__kill(s->launch, info.ssi_signo);
	return info.ssi_signo;
}

/* A signal while starting up: nothing has been recorded, nothing is left behind. */
static int interrupted(struct session *s)
{
	if (!session__take_signal(s))
		return 0;
	return wt_error(WT_ESAID, "interrupted before the recording began");
}

/* The name of the default directory: the command, or what the target is called. */
static const char *target_name(const struct options *o, char *buf, size_t sz)
{
	if (o->command) {
		const char *slash = strrchr(o->command[0], '/');

		return slash ? slash + 1 : o->command[0];
	}
	if (o->comm)
		return o->comm;
	if (o->cgroup) {
		snprintf(buf, sz, "%s", o->cgroup);
		return basename(buf);
	}
	if (o->job)
		return o->job;
	if (o->all)
		return "all";
	snprintf(buf, sz, "pid-%d", o->n_pids ? o->pids[0] : 0);
	return buf;
}

static int open_output(struct session *s)
{
	char name[4096];
	struct recdir_opts opts = {
		.path = s->o->output,
		.name = target_name(s->o, name, sizeof(name)),
		.force = s->o->force,
		.owner = s->o->owner,
	};

	if (s->o->folded >= 0 && !s->o->output)
		return 0;
	return recdir__open(&s->dir, &opts);
}

static int open_target(struct session *s)
{
	const struct options *o = s->o;
	int err;

	if (!o->command)
		return target__open(&s->target, o);
	err = launch__prepare(&s->launch, o->command, o->user, o->folded >= 0);
	if (err)
		return err;
	return target__open_pid(&s->target, launch__pid(s->launch));
}

static int open_unwind(struct session *s)
{
	const struct tables_opts opts = {
		.max_bytes = (size_t)s->o->table_mb << 20,
		.late_ns = s->o->fault & WT_FAULT_TABLES ? 2 * NSEC_PER_SEC : 0,
	};
	struct unwind_maps maps;
	int err = unwind_maps__open(&s->unwind_maps, s->tracer, &maps);

	if (!err)
		err = unwind__new(&s->unwind, &maps, s->symbols, &opts);
	if (!err && s->o->jvm_perfmap)
		err = unwind__want_perfmaps(s->unwind);
	if (!err && s->o->fault & WT_FAULT_JVM)
		unwind__refuse_jvms(s->unwind);
	if (!err)
		unwind__prepare(s->unwind);
	return err;
}

/*
 * What the work of the target is called where no build claims it.  The whole machine
 * and a control group are made of several jobs: their groups' names.
 */
static int open_jobs(struct session *s)
{
	const struct options *o = s->o;
	char buf[PATH_MAX], path[64];
	FILE *f;

	if (o->all || o->cgroup || o->job)
		return jobs__new(&s->jobs, NULL, NULL);
	if (o->command || o->comm)
		return jobs__new(&s->jobs, o->command ? "command" : "name",
				 target_name(o, buf, sizeof(buf)));
	snprintf(path, sizeof(path), "/proc/%d/comm", o->pids[0]);
	snprintf(buf, sizeof(buf), "pid-%d", o->pids[0]);
	f = o->n_pids == 1 ? fopen(path, "re") : NULL;
	if (f && fgets(buf, sizeof(buf), f))
		buf[strcspn(buf, "\n")] = 0;
	if (f)
		fclose(f);
	return jobs__new(&s->jobs, "pid", o->n_pids == 1 ? buf : "[the processes named]");
}

static int open_stages(struct session *s)
{
	const struct options *o = s->o;
	struct ledger_opts lo = {
		.max_exited = o->max_exited,
		.max_stacks = o->max_stacks,
		.idle_ds = o->fault & WT_FAULT_FORGET ? 2 : 0,
		.period_ns = o->freq && !strcmp(o->event, "cpu-clock") ? NSEC_PER_SEC / o->freq : 0,
	};
	int err;

	err = system__new(&s->system);
	if (!err)
		err = ledger__new(&s->ledger, &lo);
	if (!err)
		err = symbols__new(&s->symbols);
	if (!err)
		err = open_jobs(s);
	if (err)
		return wt_error(err, "cannot start");
	err = o->inlines ? symbols__want_inlines(s->symbols) : 0;
	if (!err)
		err = tracer__open(&s->tracer, o, s->target, &s->features, &s->kernel_btf);
	if (!err)
		err = sideband__open(&s->sideband, o->sideband_pages);
	if (!err && !o->frame_pointers)
		err = open_unwind(s);
	if (!err && strcmp(o->unit_exec, "none")) {
		err = execs__new(&s->execs, o->unit_exec, s->ledger, o->max_units);
		if (err)
			wt_error(err, "cannot start");
	}
	if (!err)
		err = drain__new(&s->drain, s->tracer, s->ledger, s->symbols, s->sideband,
				 s->unwind, s->execs);
	if (!err)
		err = session__open_net(s);
	if (!err)
		err = session__open_units(s);
	if (!err)
		err = session__open_told(s);
	if (!err)
		drain__set_jobs(s->drain, s->jobs);
	return err;
}

/* The target may have died while we were getting ready. */
static int check_target(struct session *s)
{
	const struct options *o = s->o;

	if (s->target->type == WT_TARGET_PIDS && !s->launch &&
	    target__alive(s->target) < s->target->n_pids)
		return wt_error(WT_ESAID, s->target->n_pids > 1 ?
				"one of the processes ended before it could be traced" :
				"process %d ended before it could be traced", s->target->pids[0]);
	if (!tracer__live(s->tracer) && s->target->type == WT_TARGET_PIDS && !s->launch)
		return wt_error(WT_ESAID, "the kernel does not show process %d to the task iterator: "
				"it cannot be traced", s->target->pids[0]);
	if (!tracer__live(s->tracer) && !o->wait && o->job)
		return wt_error(WT_ESAID, "no process belongs to the build \"%s\" now; --wait waits "
				"for the first one", o->job);
	if (!tracer__live(s->tracer) && !o->wait && s->target->type != WT_TARGET_ALL)
		return wt_error(WT_ESAID, "the target ended before it could be traced");
	return 0;
}

/* The start waits for unwind tables until so long after it began, but for so long at least. */
#define WARM_UNTIL_NS (180 * NSEC_PER_MSEC)
#define WARM_LEAST_NS (100 * NSEC_PER_MSEC)
#define FILES_ROOM 1024		/* of which there are more than 256 */
#define FILES_NEEDED 352	/* maps, programs, links, side-band, and some binaries … */
#define FILES_A_CPU 4		/* … and what each CPU is sampled and heard by */

/*
 * Where threads share a table of descriptors, the kernel waits for a grace period whenever it
 * has to make room for more of them: so there is room before there are threads.
 */
static void grow_files(int any_fd, rlim_t max)
{
	int fd = fcntl(any_fd, F_DUPFD_CLOEXEC, max < FILES_ROOM ? (int)max - 1 : FILES_ROOM - 1);

	if (fd >= 0)
		close(fd);
}

/* Unlocked memory for maps on the kernels that still count it; no harm where refused. */
static int raise_limits(struct session *s)
{
	struct rlimit files, mem = { RLIM_INFINITY, RLIM_INFINITY };
	rlim_t needed = FILES_NEEDED + FILES_A_CPU * sysconf(_SC_NPROCESSORS_ONLN);

	setrlimit(RLIMIT_MEMLOCK, &mem);
	if (getrlimit(RLIMIT_NOFILE, &files))
		return 0;
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	/* with too few the loader fails somewhere, and not always with a word of descriptors */
	if (files.rlim_max < needed)
		return wt_error(WT_ESAID, "%llu open files are allowed, at least %llu are needed: raise "
				"the limit (ulimit -n)", (unsigned long long)files.rlim_max, (unsigned long long)needed);
	grow_files(s->signal_fd, files.rlim_max);
	return 0;
}

/*
 * What runs already has its tables before its first stack is walked: before the programs are
 * attached, since a thread that blocks between then and the start has its stack walked, too,
 * and may block for as long as we look.  Where there was no VM known, no copy of a stack tells
 * its methods.  They are made while probes go into ffmpeg's libraries.
 */
static int warm(struct session *s)
{
	__u64 until = s->begin_ns + WARM_UNTIL_NS, least = now_ns() + WARM_LEAST_NS;

	return drain__warm(s->drain, until > least ? until : least);
}

int session__open(struct session *s, const struct options *o)
{
	bool warmed;
	int err;

	s->o = o;
	s->begin_ns = now_ns();
	s->signal_fd = -1;
	err = open_signals(s);
	if (err)
		return err;
	s->kernel_btf = features__detect(&s->features);
	err = checks__require(&s->features);
	if (!err)
		err = open_output(s);
	if (!err)
		err = open_target(s);
	if (err)
		return err;
	err = raise_limits(s);
	/*
	 * On a machine whose CPUs are all wanted, what waits for its turn to attach itself and to
	 * read what the kernel side has found begins late and loses some of that.  The command
	 * was forked before.
	 */
	thread__eager();
	if (!err)
		err = session__open_spans(s);
	if (err)
		return err;
	err = open_stages(s);
	if (!err)
		err = interrupted(s);
	if (!err)
		err = session__open_stages(s);
	warmed = !s->launch && !o->all;
	if (!err && warmed)
		err = warm(s);
	if (!err)
		err = tracer__attach(s->tracer);
	if (!err)
		err = session__attach_spans(s);
	if (!err)
		err = tracer__seed(s->tracer);
	if (!err)
		err = session__find_conns(s, false);
	if (!err)
		err = check_target(s);
	if (!err)
		err = interrupted(s);
	if (!err && warmed)
		err = drain__warm_rest(s->drain);
	session__await_stages(s);
	if (err)
		return err;
	system__start(s->system);
	s->start_ns = tracer__start(s->tracer);
	if (s->costs)
		costs__begin(s->costs, s->start_ns);
	if (s->launch)
		err = launch__go(s->launch);
	else
		err = session__count_hidden(s);
	if (!err)
		err = drain__seed_mappings(s->drain, s->start_ns,
					   s->launch ? launch__pid(s->launch) : 0);
	return err ? err : session__look_for_tasks(s);
}

int session__finish(struct session *s)
{
	int err, err2;

	s->end_ns = tracer__stop(s->tracer);
	system__end(s->system);
	tracer__cost_end(s->tracer);
	session__check_told(s);
	/* threads that end from now on send a record, the others are walked */
	err = drain__records(s->drain, true);
	if (!err)
		err = session__refresh_net(s, true);
	err2 = drain__details(s->drain);
	if (!err2)		/* whoever the last waits were for */
		err2 = session__find_servers(s);
	tracer__detach(s->tracer);
	thread__relaxed();
	/*
	 * What came between the walk and the detaching: the kernel frees a task when it
	 * likes, and that closes an account whose last switch was not traced.
	 */
	if (!err2)
		err2 = drain__details(s->drain);
	if (!err2)
		err2 = drain__last_stacks(s->drain);
	if (!err2)
		err2 = drain__finish(s->drain, s->end_ns);
	if (s->launch && !s->command_ended &&
	    !launch__reap(s->launch, &s->command_status, false))
		s->command_ended = true;
	return err ? err : err2;
}

void session__close(struct session *s)
{
	drain__free(s->drain);
	spans__free(s->spans);
	session__close_told(s);
	units__free(s->units);
	session__await_stages(s);
	stage_probes__free(s->stages);
	execs__free(s->execs);
	costs__free(s->costs);
	unwind__free(s->unwind);
	unwind_maps__close(s->unwind_maps);
	tracer__close(s->tracer);
	btf__free(s->kernel_btf);
	sideband__close(s->sideband);
	symbols__free(s->symbols);
	ledger__free(s->ledger);
	system__free(s->system);
	jobs__free(s->jobs);
	session__close_net(s);
	target__close(s->target);
	launch__free(s->launch);
	recdir__close(s->dir);
	if (s->signal_fd >= 0)
		close(s->signal_fd);
}
