/* SPDX-License-Identifier: GPL-2.0-or-later */
/* procs.c - CPU time of processes, from /proc/PID/stat. */
#include "system/system.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STAT_UTIME 11		/* numbers behind the state letter before it */
#define STAT_START 19
#define STAT_RSS 21

bool sys_parse_pid_stat(const char *text, struct sys_proc *out)
{
	/* a name may have blanks and parentheses of its own: the last one ends it */
	const char *open = strchr(text, '('), *close = strrchr(text, ')');
	size_t len;
	char *end;

	memset(out, 0, sizeof(*out));
	out->pid = strtol(text, &end, 10);
	if (end == text || !open || !close || close < open || close[1] != ' ' || !close[2])
		return false;
	len = close - open - 1;
	memcpy(out->comm, open + 1, len < sizeof(out->comm) ? len : sizeof(out->comm) - 1);
	text = close + 3;
	for (unsigned i = 1; i <= STAT_RSS; i++) {
		unsigned long long v = strtoull(text, &end, 10);

		if (end == text)
			return false;
		text = end;
		if (i == STAT_UTIME)
			out->user = v;
		else if (i == STAT_UTIME + 1)
			out->sys = v;
		else if (i == STAT_START)
			out->start = v;
		else if (i == STAT_RSS)
			out->rss = v * sysconf(_SC_PAGESIZE);
	}
	return true;
}

static bool read_one(int dir, const char *pid, struct sys_proc *out)
{
	char path[32], buf[1024];
	ssize_t n;
	int fd;

	if (strlen(pid) > 16)
		return false;
	strcpy(path, pid);
	strcat(path, "/stat");
	fd = openat(dir, path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	n = read(fd, buf, sizeof(buf) - 1);
	close(fd);
	if (n <= 0)
		return false;
	buf[n] = 0;
	return sys_parse_pid_stat(buf, out);
}

static int by_pid(const void *a, const void *b)
{
	const struct sys_proc *x = a, *y = b;

	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

int sys_procs__read(struct sys_procs *p, const char *proc)
{
	DIR *d = opendir(proc);
	unsigned max = 0;
	struct dirent *e;

	sys_procs__free(p);
	if (!d)
		return 0;
	while ((e = readdir(d))) {
		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		if (p->n == max) {
			struct sys_proc *v = reallocarray(p->v, max ? 2 * max : 256, sizeof(*v));

			if (!v) {
				closedir(d);
				sys_procs__free(p);
				return -ENOMEM;
			}
			p->v = v;
			max = max ? 2 * max : 256;
		}
		if (read_one(dirfd(d), e->d_name, &p->v[p->n]))
			p->n++;
	}
	closedir(d);
	if (p->n)
		qsort(p->v, p->n, sizeof(*p->v), by_pid);
	return 0;
}

void sys_procs__free(struct sys_procs *p)
{
	free(p->v);
	p->v = NULL;
	p->n = 0;
}

static __u64 less(__u64 a, __u64 b)
{
	return a > b ? a - b : 0;
}

unsigned sys_procs__busiest(const struct sys_procs *before, const struct sys_procs *after,
			    struct sys_proc *out, unsigned n)
{
	unsigned have = 0;

	for (unsigned i = 0; i < after->n; i++) {
		struct sys_proc p = after->v[i], *was = NULL;
		unsigned at;

		if (before->n)
			was = bsearch(&p, before->v, before->n, sizeof(p), by_pid);
		if (was && was->start == p.start) {
			p.user = less(p.user, was->user);
			p.sys = less(p.sys, was->sys);
		}
		if (!(p.user + p.sys))
			continue;
		/* into the list of the n largest */
		for (at = have; at && out[at - 1].user + out[at - 1].sys < p.user + p.sys; at--)
			if (at < n)
				out[at] = out[at - 1];
		if (at < n) {
			out[at] = p;
			have += have < n;
		}
	}
	return have;
}
