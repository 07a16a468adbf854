// SPDX-License-Identifier: GPL-2.0-or-later
/* target.c - finding what the options name. */
#include "target/target.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "util/log.h"

/* What /proc/PID/status says (proc(5)). */
struct status {
	char state;
	pid_t tgid, ppid;
	unsigned threads;
};

static int read_status(pid_t pid, struct status *s)
{
	char path[64], *line = NULL;
	size_t size = 0;
	FILE *f;

	*s = (struct status){ 0 };
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	while (getline(&line, &size, f) > 0) {
		sscanf(line, "State:\t%c", &s->state);
		sscanf(line, "Tgid:\t%d", &s->tgid);
		sscanf(line, "PPid:\t%d", &s->ppid);
		if (sscanf(line, "Threads:\t%u", &s->threads) == 1)
			break;
	}
	free(line);
	fclose(f);
	/* it may end while one reads */
	return s->tgid ? 0 : -ESRCH;
}

/* A leader that has ended is a zombie too, but its other threads go on. */
static bool is_dead(const struct status *s)
{
	return (s->state == 'Z' || s->state == 'X') && s->threads <= 1;
}

static int check_pid(pid_t pid)
{
	struct status s;
	int err = read_status(pid, &s);

	if (err == -ENOENT || err == -ESRCH) {
		wt_error(WT_ESAID, "there is no process %d", pid);
		return -ESRCH;
	}
	if (err)
		return wt_error(err, "cannot look at process %d", pid);
	if (s.tgid != pid)
		return wt_error(WT_ESAID, "%d is a thread of process %d: name the process, -p %d",
				pid, s.tgid, s.tgid);
	if (is_dead(&s))
		return wt_error(WT_ESAID, "process %d has ended: it is a zombie that its parent %d "
				"has not collected", pid, s.ppid);
	return 0;
}

static int watch_pid(struct target *t, unsigned i)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = i };
	int fd = syscall(SYS_pidfd_open, t->pids[i], 0);

	if (fd < 0 && errno == ESRCH) {
		wt_error(WT_ESAID, "process %d has just ended", t->pids[i]);
		return -ESRCH;
	}
	if (fd < 0)
		return wt_error(-errno, "cannot watch process %d", t->pids[i]);
	t->pidfds[i] = fd;
	if (epoll_ctl(t->epoll_fd, EPOLL_CTL_ADD, fd, &ev))
		return wt_error(-errno, "cannot watch process %d", t->pids[i]);
	return 0;
}

/* Each process costs a descriptor; the soft limit is often 1024. */
static void allow_descriptors(unsigned n)
{
	struct rlimit lim;

	if (n < 512 || getrlimit(RLIMIT_NOFILE, &lim))
		return;
	lim.rlim_cur = lim.rlim_max;
	/* if it fails, opening says so */
	setrlimit(RLIMIT_NOFILE, &lim);
}

static int open_pids(struct target *t, const pid_t *pids, unsigned n)
{
	t->type = WT_TARGET_PIDS;
	t->pids = calloc(n, sizeof(*t->pids));
	t->pidfds = calloc(n, sizeof(*t->pidfds));
	if (!t->pids || !t->pidfds)
		return wt_error(-ENOMEM, "cannot watch the processes");
	memcpy(t->pids, pids, n * sizeof(*pids));
	for (unsigned i = 0; i < n; i++)
		t->pidfds[i] = -1;
	t->n_pids = n;
	t->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (t->epoll_fd < 0)
		return wt_error(-errno, "cannot watch the processes");
	allow_descriptors(n);
	for (unsigned i = 0; i < n; i++) {
		int err = check_pid(pids[i]);

		if (!err)
			err = watch_pid(t, i);
		if (err)
			return err;
	}
	return 0;
}

static int add_pid(struct target *t, pid_t pid)
{
	pid_t *pids = t->pids;

	/* grows at powers of two */
	if (!(t->n_pids & (t->n_pids - 1))) {
		pids = reallocarray(pids, t->n_pids ? 2 * t->n_pids : 1, sizeof(*pids));
		if (!pids)
			return -ENOMEM;
		t->pids = pids;
	}
	pids[t->n_pids++] = pid;
	return 0;
}

/* /proc/PID/comm is not escaped as status is, and may hold anything but NUL. */
static bool has_comm(pid_t pid, const char *comm)
{
	char path[64], buf[64];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	n = fread(buf, 1, sizeof(buf) - 1, f);
	fclose(f);
	if (n && buf[n - 1] == '\n')
		n--;
	buf[n] = 0;
	/* the kernel shows more than 15 characters of its own threads' names */
	return !strcmp(buf, comm) || (n >= WT_COMM_LEN && !strncmp(buf, comm, WT_COMM_LEN - 1) &&
				      strlen(comm) == WT_COMM_LEN - 1);
}

static int find_comm(struct target *t)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	int err = 0;

	if (!d)
		return wt_error(-errno, "cannot read /proc");
	while (!err && (e = readdir(d))) {
		struct status s;
		pid_t pid;

		if (!isdigit((unsigned char)e->d_name[0]))
			continue;
		pid = atoi(e->d_name);
		if (pid != getpid() && has_comm(pid, t->comm) && !read_status(pid, &s) &&
		    !is_dead(&s))
			err = add_pid(t, pid);
	}
	closedir(d);
	return err ? wt_error(err, "cannot list the processes") : 0;
}

static int open_comm(struct target *t, const char *comm, bool wait)
{
	int err;

	t->type = WT_TARGET_COMM;
	snprintf(t->comm, sizeof(t->comm), "%s", comm);
	err = find_comm(t);
	if (!err && !t->n_pids && !wait) {
		wt_error(WT_ESAID, "no process is named \"%s\"; --wait waits for the first one",
			 t->comm);
		err = -ESRCH;
	}
	if (!err && strlen(comm) >= sizeof(t->comm))
		wt_info("the kernel keeps 15 characters of a name: looking for \"%s\"", t->comm);
	return err;
}

static int open_cgroup(struct target *t, const char *what, bool wait)
{
	int err = cgroup__resolve(&t->cgroup, what);

	t->type = WT_TARGET_CGROUP;
	if (err)
		return err;
	if (!wait && !cgroup__populated(&t->cgroup))
		return wt_error(WT_ESAID, "no process is in the control group %s; --wait waits "
				"for the first one", t->cgroup.path);
	return 0;
}

/* Which processes those are, the kernel side finds. */
static void open_job(struct target *t, const char *job)
{
	const char *number = strrchr(job, '#');
	size_t len = number ? (size_t)(number - job) : strlen(job);

	t->type = WT_TARGET_JOB;
	memcpy(t->job, job, len);
	if (number)
		snprintf(t->build, sizeof(t->build), "%s", number + 1);
}

void target__set_pids(struct target *t, pid_t *pids, unsigned n)
{
	free(t->pids);
	t->pids = pids;
	t->n_pids = n;
}

static struct target *target_new(void)
{
	struct target *t = calloc(1, sizeof(*t));

	if (t)
		t->epoll_fd = -1;
	else
		wt_error(-ENOMEM, "cannot find the target");
	return t;
}

int target__open(struct target **out, const struct options *o)
{
	struct target *t = target_new();
	int err = 0;

	*out = NULL;
	if (!t)
		return -ENOMEM;
	if (o->n_pids)
		err = open_pids(t, o->pids, o->n_pids);
	else if (o->comm)
		err = open_comm(t, o->comm, o->wait);
	else if (o->cgroup)
		err = open_cgroup(t, o->cgroup, o->wait);
	else if (o->job)
		open_job(t, o->job);
	else
		t->type = WT_TARGET_ALL;
	if (err) {
		target__close(t);
		return err;
	}
	*out = t;
	return 0;
}

int target__open_pid(struct target **out, pid_t pid)
{
	struct target *t = target_new();
	int err;

	*out = NULL;
	if (!t)
		return -ENOMEM;
	err = open_pids(t, &pid, 1);
	if (err) {
		target__close(t);
		return err;
	}
	*out = t;
	return 0;
}

int target__fd(const struct target *t)
{
	return t->epoll_fd;
}

unsigned target__alive(struct target *t)
{
	struct epoll_event ev[64];
	unsigned alive = 0;
	int n;

	while (t->epoll_fd >= 0 && (n = epoll_wait(t->epoll_fd, ev, 64, 0)) > 0) {
		for (int i = 0; i < n; i++) {
			int *fd = &t->pidfds[ev[i].data.u32];

			epoll_ctl(t->epoll_fd, EPOLL_CTL_DEL, *fd, NULL);
			close(*fd);
			*fd = -1;
		}
	}
	for (unsigned i = 0; t->pidfds && i < t->n_pids; i++)
		alive += t->pidfds[i] >= 0;
	return alive;
}

json_t *target__json(const struct target *t)
{
	const struct cgroup *c = &t->cgroup;
	json_t *pids;

	switch (t->type) {
	case WT_TARGET_PIDS:
		pids = json_array();
		for (unsigned i = 0; i < t->n_pids; i++)
			json_array_append_new(pids, json_integer(t->pids[i]));
		return json_pack("{s:s, s:o}", "type", "pid", "pids", pids);
	case WT_TARGET_COMM:
		/* a process's name need not be UTF-8, as jansson wants it */
		return json_pack("{s:s, s:o*}", "type", "name", "name", json_string(t->comm));
	case WT_TARGET_CGROUP:
		return json_pack("{s:s, s:o*, s:i, s:s}", "type", "cgroup",
				 "path", json_string(c->path), "version", c->v2 ? 2 : 1,
				 "controller", c->controller);
	case WT_TARGET_JOB:
		/* nor need a job's */
		return json_pack("{s:s, s:o*, s:o*}", "type", "job", "job", json_string(t->job),
				 "build", t->build[0] ? json_string(t->build) : NULL);
	case WT_TARGET_ALL:
		break;
	}
	return json_pack("{s:s}", "type", "all");
}

void target__close(struct target *t)
{
	if (!t)
		return;
	for (unsigned i = 0; t->pidfds && i < t->n_pids; i++)
		if (t->pidfds[i] >= 0)
			close(t->pidfds[i]);
	if (t->epoll_fd >= 0)
		close(t->epoll_fd);
	free(t->pidfds);
	free(t->pids);
	free(t);
}
