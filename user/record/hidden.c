// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * hidden.c - threads that /proc shows and the kernel's task iterator does not.
 *
 * Some kernels hide threads of the first process from BPF's walk over all tasks,
 * and do not trace their switches either.  They cannot be in the account; that
 * they are not is counted.
 */
#include "record/session.h"

#include <errno.h>
#include <stdlib.h>

#include "target/threads.h"
#include "util/log.h"

struct tids {
	pid_t *v;
	size_t n, cap;
};

static int add_tid(void *arg, pid_t tid)
{
	struct tids *t = arg;

	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 256;
		pid_t *v = reallocarray(t->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		t->v = v;
		t->cap = cap;
	}
	t->v[t->n++] = tid;
	return 0;
}

static int add_record(void *arg, const struct wt_thread_rec *rec)
{
	return add_tid(arg, rec->tid);
}

static int by_number(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* The threads in the account right now, sorted. */
static int read_traced(struct session *s, struct tids *traced)
{
	int err;

	traced->n = 0;
	err = tracer__records(s->tracer, false, add_record, traced);
	if (!err && traced->n)
		qsort(traced->v, traced->n, sizeof(*traced->v), by_number);
	return err;
}

static bool is_traced(const struct tids *traced, pid_t tid)
{
	return traced->n && bsearch(&tid, traced->v, traced->n, sizeof(tid), by_number);
}

/* Alive, and how it is told from a later one of its number: 0 when it has ended. */
static unsigned long long start_of(pid_t tid)
{
	struct proc_thread t;

	if (proc_thread__read(tid, &t) || t.state == 'Z' || t.state == 'X')
		return 0;
	return t.start + 1;
}

/* A thread that is missing. */
struct suspect {
	pid_t tid;
	unsigned long long start;
};

static size_t find_suspects(const struct tids *shown, const struct tids *traced, struct suspect *out)
{
	size_t n = 0;

	for (size_t i = 0; i < shown->n; i++) {
		unsigned long long start;

		if (is_traced(traced, shown->v[i]))
			continue;
		start = start_of(shown->v[i]);
		if (start)
			out[n++] = (struct suspect){ shown->v[i], start };
	}
	return n;
}

/*
 * One that came or went between the looks is no hidden one: it must be there,
 * the same, after the iterator has had another chance to take it up.
 */
static int confirm(struct session *s, const struct suspect *suspects, size_t n,
		   struct tids *traced)
{
	pid_t first = 0;
	int err;

	err = tracer__seed(s->tracer);
	if (!err)
		err = read_traced(s, traced);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		if (is_traced(traced, suspects[i].tid) ||
		    start_of(suspects[i].tid) != suspects[i].start)
			continue;
		if (!s->hidden_threads++)
			first = suspects[i].tid;
	}
	if (s->hidden_threads)
		wt_warn("the kernel does not show %u of the target's threads to its task iterator "
			"(thread %d is the first): they are outside this account",
			s->hidden_threads, first);
	return 0;
}

int session__count_hidden(struct session *s)
{
	struct tids shown = {}, traced = {};
	struct suspect *suspects = NULL;
	size_t n;
	int err;

	if (s->target->type == WT_TARGET_JOB) {
		pid_t *pids;
		unsigned n_pids;

		err = tracer__job_pids(s->tracer, &pids, &n_pids);
		if (err)
			return wt_error(err, "cannot compare the target with /proc");
		target__set_pids(s->target, pids, n_pids);
	}
	err = target__threads(s->target, add_tid, &shown);
	if (!err)
		err = read_traced(s, &traced);
	if (!err && shown.n) {
		suspects = calloc(shown.n, sizeof(*suspects));
		err = suspects ? 0 : -ENOMEM;
	}
	if (suspects) {
		n = find_suspects(&shown, &traced, suspects);
		if (n)
			err = confirm(s, suspects, n, &traced);
	}
	free(suspects);
	free(shown.v);
	free(traced.v);
	return err == -ENOMEM ? wt_error(err, "cannot compare the target with /proc") : err;
}
