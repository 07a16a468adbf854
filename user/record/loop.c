/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loop.c - the time while a recording runs: drain, watch the target, show progress. */
#include "record/session.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "record/budget.h"
#include "record/frost.h"
#include "util/clock.h"
#include "util/log.h"

#define TICK_MS 100
#define COST_TICKS 100		/* every ten seconds … */
#define COST_FIRST 0		/* … and at once, a window of one tick */

struct loop {
	struct session *s;
	struct budget budget;
	struct frost *frost;
	int epoll_fd, tick_fd, end_fd;
	__u64 ticks;
	__u64 drained_ns, checkpoint_ns;
	bool appeared;		/* somebody of the target has been there */
	bool progress;		/* a line on the terminal */
	bool over;
	int err;
};

enum source { SRC_TICK, SRC_END, SRC_SIGNAL, SRC_RING, SRC_SIDEBAND, SRC_TARGET, SRC_COMMAND };

static int watch(struct loop *l, int fd, enum source src)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u32 = src };

	if (fd < 0)
		return 0;
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &e))
		return wt_error(-errno, "cannot watch for events");
	return 0;
}

static int set_timer(int fd, double first_s, double every_s)
{
	struct itimerspec t = {
		.it_value = { (time_t)first_s, (long)(fmod(first_s, 1) * 1e9) },
		.it_interval = { (time_t)every_s, (long)(fmod(every_s, 1) * 1e9) },
	};

	return timerfd_settime(fd, 0, &t, NULL) ? wt_error(-errno, "cannot set a timer") : 0;
}

static void end(struct loop *l, const char *reason)
{
	if (l->over)
		return;
	l->over = true;
	l->s->end_reason = reason;
}

/* The duration counts from when there is something to record. */
static void appeared(struct loop *l)
{
	if (l->appeared)
		return;
	l->appeared = true;
	if (l->s->o->duration_s > 0)
		l->err = set_timer(l->end_fd, l->s->o->duration_s, 0);
}

static int reseed(struct loop *l)
{
	struct session *s = l->s;
	int err = 0;

	if (s->target->type == WT_TARGET_COMM) {
		struct options again = *s->o;
		struct target *t;

		again.wait = true;	/* nobody is no error now */
		err = target__open(&t, &again);
		if (!err)
			err = tracer__add_pids(s->tracer, t->pids, t->n_pids);
		target__close(err ? NULL : t);
	}
	if (!err)
		err = tracer__seed(s->tracer);
	if (!err)
		err = drain__seed_execs(s->drain);
	return err ? err : session__find_conns(s, true);
}

static int count_record(void *arg, const struct wt_thread_rec *rec)
{
	(void)rec;
	++*(unsigned *)arg;
	return 0;
}

/*
 * No traced thread is left.  The kernel side counts them at their last switch,
 * which the kernel now and then does not trace: so a walk over all tasks is asked, too.
 */
static bool all_gone(struct loop *l)
{
	unsigned n = 0;

	if (!tracer__live(l->s->tracer))
		return true;
	if (l->ticks % (2000 / TICK_MS))
		return false;
	return !tracer__records(l->s->tracer, false, count_record, &n) && !n;
}

static bool target_gone(struct loop *l)
{
	struct session *s = l->s;

	switch (s->target->type) {
	case WT_TARGET_PIDS:
		/* a command's end is its own process's: see SRC_COMMAND */
		return !s->launch && !target__alive(s->target) && all_gone(l);
	case WT_TARGET_COMM:
	case WT_TARGET_JOB:
		return l->appeared && all_gone(l);
	case WT_TARGET_CGROUP:
		return l->appeared && all_gone(l) && !cgroup__populated(&s->target->cgroup);
	case WT_TARGET_ALL:
		break;
	}
	return false;
}

/* " ffmpeg 43 %, 12 s left", by the files that it reads. */
static void show_transcodes(struct session *s)
{
	struct exec_progress p;

	if (!s->execs || !execs__progress(s->execs, &p))
		return;
	if (p.running > 1)
		fprintf(stderr, " %u ffmpegs, the first", p.running);
	else
		fputs(" ffmpeg", stderr);
	if (p.known)
		fprintf(stderr, " %.0f %%", 100 * p.part);
	if (p.known && p.left_s >= 0)
		fprintf(stderr, ", %.0f s left", p.left_s);
	fputc(' ', stderr);
}

static void show_progress(struct loop *l)
{
	struct session *s = l->s;
	__u64 lost = 0, elapsed = now_ns() - s->start_ns;
	struct recording_loss loss[SESSION_LOSSES];
	struct wt_stats st;

	if (!l->progress || tracer__stats(s->tracer, &st))
		return;
	for (unsigned i = 0, n = session__losses(s, loss); i < n; i++)
		lost += loss[i].benign ? 0 : loss[i].n;
	fprintf(stderr, "\rworktrace: %llu s  %u threads  %llu switches  %llu samples  %llu lost ",
		elapsed / NSEC_PER_SEC, tracer__live(s->tracer), st.count[WT_CNT_SWITCH],
		st.count[WT_CNT_SAMPLE], lost);
	show_transcodes(s);
	fputs("\033[K", stderr);
	fflush(stderr);
}

static int drain(struct loop *l)
{
	struct session *s = l->s;
	__u64 now = now_ns();
	int err;

	if (now - l->drained_ns < s->o->drain_ms * NSEC_PER_MSEC &&
	    tracer__detail_fill(s->tracer) < 0.5) {
		err = drain__events(s->drain);
		return err ? err : session__find_servers(s);
	}
	l->drained_ns = now;
	system__tick(s->system);
	err = drain__details(s->drain);
	if (!err && tracer__conns_wanted(s->tracer))
		err = session__find_conns(s, true);
	if (err || s->o->checkpoint_s <= 0 || !s->dir ||
	    now - l->checkpoint_ns < s->o->checkpoint_s * NSEC_PER_SEC)
		return err;
	l->checkpoint_ns = now;
	err = drain__records(s->drain, false);
	if (!err)
		system__end(s->system);
	if (!err)
		err = session__refresh_net(s, false);
	return err ? err : session__write(s, false);
}

static void keep_budget(struct loop *l)
{
	__u64 before = l->budget.shed_ns;
	struct wt_stats st;

	if (!l->budget.share || tracer__stats(l->s->tracer, &st))
		return;
	if (budget__tick(&l->budget, now_ns(), st.count[WT_CNT_STACK_NS]) != before)
		tracer__shed(l->s->tracer, l->budget.shed_ns);
}

static void tick(struct loop *l)
{
	struct session *s = l->s;
	__u64 expired;

	if (read(l->tick_fd, &expired, sizeof(expired)) < 0)
		return;
	if (l->ticks % COST_TICKS == COST_FIRST + 1)
		tracer__cost_end(s->tracer);
	else if (l->ticks % COST_TICKS == COST_FIRST)
		tracer__cost_begin(s->tracer);
	l->ticks++;
	keep_budget(l);
	session__look_for_libraries(s);
	if (s->spans)
		spans__tick(s->spans, now_ns());
	l->err = session__look_for_tasks(s);
	if (!l->err)
		l->err = drain(l);
	if (tracer__live(s->tracer))
		appeared(l);
	if (target_gone(l))
		end(l, "target gone");
	if (l->ticks % (1000 / TICK_MS) == 0)
		show_progress(l);
}

static void handle(struct loop *l, enum source src)
{
	struct session *s = l->s;

	switch (src) {
	case SRC_TICK:
		tick(l);
		break;
	case SRC_END:
		end(l, "duration");
		break;
	case SRC_SIGNAL:
		if (session__take_signal(s))
			end(l, "signal");
		break;
	case SRC_RING:
	case SRC_SIDEBAND:
		l->err = drain__events(s->drain);
		break;
	case SRC_TARGET:
		if (target_gone(l))
			end(l, "target gone");
		break;
	case SRC_COMMAND:
		s->command_ended = !launch__reap(s->launch, &s->command_status, false);
		if (s->command_ended)
			end(l, "target gone");
		break;
	}
	if (!l->err && drain__reseed_wanted(s->drain))
		l->err = reseed(l);
}

static int prepare(struct loop *l)
{
	struct session *s = l->s;
	int err;

	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->tick_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	l->end_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (l->epoll_fd < 0 || l->tick_fd < 0 || l->end_fd < 0)
		return wt_error(-errno, "cannot watch for events");
	err = set_timer(l->tick_fd, 0.001, TICK_MS / 1000.0);
	if (!err)
		err = watch(l, l->tick_fd, SRC_TICK);
	if (!err)
		err = watch(l, l->end_fd, SRC_END);
	if (!err)
		err = watch(l, s->signal_fd, SRC_SIGNAL);
	if (!err)
		err = watch(l, tracer__ring_fd(s->tracer), SRC_RING);
	if (!err)
		err = watch(l, sideband__fd(s->sideband), SRC_SIDEBAND);
	if (!err && s->launch)
		err = watch(l, launch__pidfd(s->launch), SRC_COMMAND);
	else if (!err)
		err = watch(l, target__fd(s->target), SRC_TARGET);
	return err ? err : frost__start(&l->frost, s->tracer);
}

int session__run(struct session *s)
{
	struct loop l = { .s = s, .epoll_fd = -1, .tick_fd = -1, .end_fd = -1 };
	struct epoll_event e[8];
	int n;

	l.drained_ns = l.checkpoint_ns = now_ns();
	l.budget.share = s->o->budget / 100;
	l.budget.cpus = sysconf(_SC_NPROCESSORS_ONLN);
	l.progress = !s->o->quiet && isatty(STDERR_FILENO);
	l.err = prepare(&l);
	if (!l.err && tracer__live(s->tracer))
		appeared(&l);
	while (!l.err && !l.over) {
		n = epoll_wait(l.epoll_fd, e, 8, -1);
		if (n < 0 && errno != EINTR)
			l.err = wt_error(-errno, "cannot wait for events");
		for (int i = 0; i < n && !l.err && !l.over; i++)
			handle(&l, e[i].data.u32);
	}
	if (l.err)
		end(&l, "error");
	if (l.progress)
		fprintf(stderr, "\r\033[K");
	close(l.epoll_fd);
	close(l.tick_fd);
	close(l.end_fd);
	n = frost__stop(l.frost);
	return l.err ? l.err : n;
}
