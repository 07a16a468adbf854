// SPDX-License-Identifier: GPL-2.0-or-later
/* threads.c - see threads.h. */
#include "target/threads.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A family tree's depth; the kernel side climbs no further either. */
#define MAX_CLIMB 64

struct process {
	pid_t pid, ppid;
};

struct processes {
	struct process *v;
	size_t n, cap;
};

int proc_thread__read(pid_t tid, struct proc_thread *out)
{
	/* more than the 52 numbers of proc(5) need */
	char path[64], buf[2048], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return -ESRCH;
	buf[n] = 0;
	/* the name, in parentheses, may hold anything */
	p = strrchr(buf, ')');
	/* from field 3 on: state, ppid, 17 others, starttime */
	if (!p || sscanf(p + 1, " %c %d %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s "
			 "%*s %*s %*s %llu", &out->state, &out->ppid, &out->start) != 3)
		return -ESRCH;
	return 0;
}

/* Calls fn with every entry of a directory whose name is a number. */
static int each_number(const char *dir, target_thread_fn fn, void *arg)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int err = 0;

	if (!d)
		return 0;		/* it has just ended */
	while (!err && (e = readdir(d)))
		if (isdigit((unsigned char)e->d_name[0]))
			err = fn(arg, atoi(e->d_name));
	closedir(d);
	return err;
}

static int add_process(void *arg, pid_t pid)
{
	struct processes *all = arg;
	struct proc_thread t;

	if (proc_thread__read(pid, &t))
		return 0;
	if (all->n == all->cap) {
		size_t cap = all->cap ? 2 * all->cap : 256;
		struct process *v = reallocarray(all->v, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		all->v = v;
		all->cap = cap;
	}
	all->v[all->n++] = (struct process){ pid, t.ppid };
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	const struct process *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static bool is_named(const struct target *t, pid_t pid)
{
	for (unsigned i = 0; i < t->n_pids; i++)
		if (t->pids[i] == pid)
			return true;
	return false;
}

/* One of the target's processes, or a descendant of one. */
static bool descends(const struct target *t, const struct processes *all, pid_t pid)
{
	for (int i = 0; i < MAX_CLIMB && pid > 0; i++) {
		struct process key = { .pid = pid }, *p;

		if (is_named(t, pid))
			return true;
		p = bsearch(&key, all->v, all->n, sizeof(*p), by_pid);
		if (!p)
			return false;
		pid = p->ppid;
	}
	return false;
}

static int threads_of(pid_t pid, target_thread_fn fn, void *arg)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	return each_number(path, fn, arg);
}

static int by_descent(const struct target *t, target_thread_fn fn, void *arg)
{
	struct processes all = {};
	int err = each_number("/proc", add_process, &all);

	if (!err && all.n)
		qsort(all.v, all.n, sizeof(*all.v), by_pid);
	for (size_t i = 0; i < all.n && !err; i++)
		if (t->type == WT_TARGET_ALL || descends(t, &all, all.v[i].pid))
			err = threads_of(all.v[i].pid, fn, arg);
	free(all.v);
	return err;
}

/* The threads in a group and in those below it. */
static int in_group(const char *dir, bool v2, target_thread_fn fn, void *arg)
{
	char path[PATH_MAX];
	struct dirent *e;
	int tid, err = 0;
	DIR *d;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, v2 ? "cgroup.threads" : "tasks");
	f = fopen(path, "re");
	while (f && !err && fscanf(f, "%d", &tid) == 1)
		err = fn(arg, tid);
	if (f)
		fclose(f);
	d = opendir(dir);
	while (d && !err && (e = readdir(d))) {
		if (e->d_type != DT_DIR || e->d_name[0] == '.' ||
		    snprintf(path, sizeof(path), "%s/%s", dir, e->d_name) >= (int)sizeof(path))
			continue;
		err = in_group(path, v2, fn, arg);
	}
	if (d)
		closedir(d);
	return err;
}

int target__threads(const struct target *t, target_thread_fn fn, void *arg)
{
	if (t->type == WT_TARGET_CGROUP)
		return in_group(t->cgroup.path, t->cgroup.v2, fn, arg);
	return by_descent(t, fn, arg);
}
