/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * told_stage.c - tasks of Celery by the interpreter's frames in a session: finds the
 * processes of the target that imported Celery, and has their counters watched (bpf/told.h).
 */
#include "record/session.h"

#include <bpf/bpf.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "loader/watchpoints.h"
#include "runtime/told_codes.h"
#include "util/clock.h"
#include "util/log.h"

#define LOOK_NS (250 * NSEC_PER_MSEC)
#define LONGEST_NS (16 * NSEC_PER_SEC)	/* between two looks at the same process */
#define MOST_THREADS 1024

struct told_proc {
	__u64 image;
	__u32 tgid, ppid;
	__u64 birth_ns;
	__u64 next_ns, wait_ns;		/* when it is looked at again */
	__u64 watched_ns;		/* from then on it has watchpoints, and its children get them; 0: it has none */
	bool seen;
};

struct told {
	struct session *s;
	struct tracer_told kernel;
	struct watchpoints *watchpoints;
	struct told_finder *finder;
	struct told_proc *procs;
	unsigned n, cap;
	unsigned watched;
	__u64 looked_ns;
	bool refused;			/* and it was said */
	int err;
};

int session__open_told(struct session *s)
{
	struct told *t;
	int err;

	if (!options__told(s->o))
		return 0;
	t = calloc(1, sizeof(*t));
	if (!t)
		return wt_error(-ENOMEM, "cannot start");
	s->told = t;
	t->s = s;
	tracer__told(s->tracer, &t->kernel);
	err = watchpoints__new(&t->watchpoints, t->kernel.hit);
	if (!err)
		err = told_finder__new(&t->finder);
	return err ? wt_error(err, "cannot start") : 0;
}

void session__close_told(struct session *s)
{
	struct told *t = s->told;

	if (!t)
		return;
	watchpoints__free(t->watchpoints);
	told_finder__free(t->finder);
	free(t->procs);
	free(t);
	s->told = NULL;
}

static struct told_proc *find(const struct told *t, __u64 image)
{
	for (unsigned i = 0; i < t->n; i++)
		if (t->procs[i].image == image)
			return &t->procs[i];
	return NULL;
}

static int note(void *arg, const struct wt_thread_rec *rec)
{
	struct told *t = arg;
	struct told_proc *p;

	if (!(rec->flags & WT_F_LEADER))
		return 0;
	p = find(t, rec->image);
	if (p) {
		p->seen = true;
		return 0;
	}
	if (t->n == t->cap) {
		unsigned cap = t->cap ? 2 * t->cap : 64;
		struct told_proc *v = reallocarray(t->procs, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		t->procs = v;
		t->cap = cap;
	}
	t->procs[t->n++] = (struct told_proc){
		.image = rec->image, .tgid = rec->tgid, .ppid = rec->ppid, .birth_ns = rec->birth_ns,
		.seen = true,
	};
	return 0;
}

static void drop_gone(struct told *t)
{
	unsigned n = 0;

	for (unsigned i = 0; i < t->n; i++)
		if (t->procs[i].seen)
			t->procs[n++] = t->procs[i];
	t->n = n;
}

/* It was forked by one that is watched: then it is, too. */
static bool inherits(const struct told *t, const struct told_proc *p)
{
	for (unsigned i = 0; i < t->n; i++) {
		const struct told_proc *q = &t->procs[i];

		if (q->tgid == p->ppid && q->watched_ns && p->birth_ns > q->watched_ns)
			return true;
	}
	return false;
}

static int watch_thread(struct told *t, pid_t tid, const struct told_code *codes, unsigned n)
{
	int err = 0;

	for (unsigned i = 0; i < n && !err; i++)
		err = watchpoints__add(t->watchpoints, tid, codes[i].address);
	return err;
}

struct tids {
	pid_t tid[MOST_THREADS];
	unsigned n;
};

static bool has(const struct tids *v, pid_t tid)
{
	for (unsigned i = 0; i < v->n; i++)
		if (v->tid[i] == tid)
			return true;
	return false;
}

/* The threads that are there; those that they start inherit.  0: no more were found. */
static int watch_threads(struct told *t, pid_t tgid, const struct told_code *codes, unsigned n,
			 struct tids *v, unsigned *more)
{
	char path[64];
	struct dirent *d;
	int err = 0;
	DIR *dir;

	*more = 0;
	snprintf(path, sizeof(path), "/proc/%d/task", tgid);
	dir = opendir(path);
	if (!dir)
		return -errno;
	while (!err && (d = readdir(dir))) {
		pid_t tid = atoi(d->d_name);

		if (tid <= 0 || v->n == MOST_THREADS || has(v, tid))
			continue;
		v->tid[v->n++] = tid;
		++*more;
		/* the greenlets that are told apart are those of the first */
		err = watch_thread(t, tid, codes, tid == tgid ? n : TOLD_CODES_MAX);
		if (err == -ESRCH)
			err = 0;
	}
	closedir(dir);
	return err;
}

static int watch(struct told *t, struct told_proc *p, const struct told_code *codes, unsigned n)
{
	struct tids v = { .n = 0 };
	unsigned more = 1;
	int err = 0;

	for (unsigned i = 0; i < n && !err; i++)
		err = bpf_map_update_elem(t->kernel.codes_fd, &codes[i].address, &codes[i].code, BPF_ANY);
	while (!err && more)
		err = watch_threads(t, p->tgid, codes, n, &v, &more);
	if (err) {
		if (!t->refused && err != -ESRCH && err != -ENOENT)
			wt_warn("celery-frames: process %u cannot be watched: %s", p->tgid,
				err == -ENOSPC ? "its hardware watchpoints are taken (by a debugger?)" :
				strerror(-err));
		t->refused |= err != -ESRCH && err != -ENOENT;
		return err;
	}
	p->watched_ns = now_ns();
	t->watched++;
	return 0;
}

static void look_at(struct told *t, struct told_proc *p, __u64 now)
{
	struct told_code codes[TOLD_WORDS_MAX];
	int n;

	if (inherits(t, p)) {
		p->watched_ns = p->birth_ns;
		t->watched++;
		return;
	}
	n = told_finder__look(t->finder, p->tgid, codes);
	if (n >= TOLD_CODES_MAX && !watch(t, p, codes, n))
		return;
	/* it may import Celery later; the more often it has not, the less likely that is */
	p->wait_ns = p->wait_ns ? 2 * p->wait_ns : LOOK_NS;
	if (p->wait_ns > LONGEST_NS)
		p->wait_ns = LONGEST_NS;
	p->next_ns = now + p->wait_ns;
}

int session__look_for_tasks(struct session *s)
{
	struct told *t = s->told;
	__u64 now = now_ns();
	int err;

	if (!t || now - t->looked_ns < LOOK_NS)
		return 0;
	t->looked_ns = now;
	for (unsigned i = 0; i < t->n; i++)
		t->procs[i].seen = false;
	err = tracer__records(s->tracer, false, note, t);
	if (err)
		return err;
	drop_gone(t);
	for (unsigned i = 0; i < t->n; i++)
		if (!t->procs[i].watched_ns && t->procs[i].next_ns <= now)
			look_at(t, &t->procs[i], now);
	return 0;
}

void session__check_told(const struct session *s)
{
	if (s->told && !s->told->watched)
		wt_warn("celery-frames: no process of the target was seen to have imported Celery "
			"(celery.app.trace)");
}
