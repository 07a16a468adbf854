/* SPDX-License-Identifier: GPL-2.0-or-later */
/* execs_proc.c - units that ran before the recording, and what running ones have used, from /proc. */
#include "units/execs_impl.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ffmpeg/progress.h"
#include "util/clock.h"

#define PROGRESS_LOOK 256

/* At most sz - 1 bytes of a file, ended by a zero byte; −1: it cannot be read. */
static ssize_t read_file(const char *path, char *buf, size_t sz)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t got;

	if (fd < 0)
		return -1;
	while (n + 1 < sz && (got = read(fd, buf + n, sz - 1 - n)) > 0)
		n += got;
	close(fd);
	buf[n] = 0;
	return n;
}

static __u64 field(const char *text, const char *name)
{
	const char *p = strstr(text, name);

	return p ? strtoull(p + strlen(name), NULL, 10) : 0;
}

static void add_io(const char *path, struct exec_io *io)
{
	char text[512];

	if (read_file(path, text, sizeof(text)) < 0)
		return;
	/* "\n" keeps "write_bytes" apart from "cancelled_write_bytes" */
	io->rchar += field(text, "rchar: ");
	io->wchar += field(text, "wchar: ");
	io->read_bytes += field(text, "\nread_bytes: ");
	io->write_bytes += field(text, "\nwrite_bytes: ");
}

/* Of the threads that live: what the others moved, the kernel side has seen. */
static bool threads_io(__u32 tgid, struct exec_io *io)
{
	char path[64 + NAME_MAX];
	struct dirent *d;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%u/task", tgid);
	dir = opendir(path);
	if (!dir)
		return false;
	memset(io, 0, sizeof(*io));
	while ((d = readdir(dir))) {
		if (d->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%u/task/%s/io", tgid, d->d_name);
		add_io(path, io);
	}
	closedir(dir);
	return true;
}

/* When the process was started, CLOCK_MONOTONIC; 0: unknown. */
static __u64 started(__u32 tgid)
{
	__u64 ticks = 0, boot, mono = now_ns();
	char path[64], text[1024], *p;

	snprintf(path, sizeof(path), "/proc/%u/stat", tgid);
	if (read_file(path, text, sizeof(text)) < 0 || !(p = strrchr(text, ')')))
		return 0;
	/* field 22; behind the name, which is field 2, comes field 3 */
	for (int i = 2; i < 22 && p; i++)
		p = strchr(p + 1, ' ');
	if (p)
		ticks = strtoull(p, NULL, 10);
	boot = clock_ns(CLOCK_BOOTTIME);
	ticks = ticks * (NSEC_PER_SEC / sysconf(_SC_CLK_TCK));
	return boot > ticks && boot - ticks < mono ? mono - (boot - ticks) : 1;
}

/* The last part of what the process runs; "" when it is gone. */
static void program_name(__u32 tgid, char *name, size_t sz)
{
	static const char deleted[] = " (deleted)";
	char path[64], target[PATH_MAX];
	const char *slash;
	ssize_t n;

	name[0] = 0;
	snprintf(path, sizeof(path), "/proc/%u/exe", tgid);
	n = readlink(path, target, sizeof(target) - 1);
	if (n <= 0)
		return;
	target[n] = 0;
	if (n > (ssize_t)strlen(deleted) && !strcmp(target + n - strlen(deleted), deleted))
		target[n - strlen(deleted)] = 0;
	slash = strrchr(target, '/');
	slash = slash ? slash + 1 : target;
	if (strlen(slash) < sz)
		strcpy(name, slash);
}

/* A running one's name: its file's, or, of a script, the one that the kernel gave it. */
static char *find_name(const struct execs *e, const struct wt_thread_rec *rec, bool *script)
{
	char file[NAME_MAX + 1], comm[WT_COMM_LEN + 1], *name;

	program_name(rec->tgid, file, sizeof(file));
	name = file[0] ? execs__match(e, file, false) : NULL;
	*script = !name;
	if (name)
		return name;
	memcpy(comm, rec->pcomm, WT_COMM_LEN);
	comm[WT_COMM_LEN] = 0;
	return file[0] ? execs__match(e, comm, true) : NULL;
}

#define EXEC_LOOKS 10
#define EXEC_LOOK_US 2000

/*
 * Since the record was made it has become another program: its exec tells of that one.
 * An exec changes the file before the name: a name that is not the file's is looked at
 * for a while.
 */
static bool has_changed(const struct wt_thread_rec *rec, const char *name)
{
	char path[64], comm[WT_COMM_LEN + 1];

	snprintf(path, sizeof(path), "/proc/%u/comm", rec->tgid);
	for (unsigned i = 0; i < EXEC_LOOKS; i++) {
		if (i)
			usleep(EXEC_LOOK_US);
		if (read_file(path, comm, sizeof(comm)) < 0)
			return true;
		comm[strcspn(comm, "\n")] = 0;
		if (strncmp(comm, rec->pcomm, WT_COMM_LEN - 1))
			return true;
		if (!strncmp(comm, name, WT_COMM_LEN - 1))
			return false;
	}
	return false;
}

bool execs__seed(struct execs *e, const struct wt_thread_rec *rec, struct wt_exec *x)
{
	char path[64], args[WT_EXEC_ARGS + 1], *name;
	struct u64map_slot *slot;
	struct exec_io io;
	bool script;
	ssize_t n;

	/* the part of an account before an exec is that of another program */
	if (!(rec->flags & WT_F_LEADER) || rec->flags & WT_F_KTHREAD || rec->why == WT_REC_EXEC ||
	    u64map__find(&e->by_image, rec->image))
		return false;
	name = find_name(e, rec, &script);
	if (!name || has_changed(rec, name)) {
		free(name);
		return false;
	}
	*x = (struct wt_exec){
		.image = rec->image, .job = rec->job, .cgroup = rec->cgroup, .serial = rec->serial, .task = rec->task,
		.parent = rec->parent, .tgid = rec->tgid, .ppid = rec->ppid, .epoch = rec->epoch,
		.flags = WT_X_SEEDED | (script ? WT_X_SCRIPT : 0),
		.start_ns = started(rec->tgid),
	};
	strncpy(x->name.name, name, WT_COMM_LEN - 1);
	free(name);
	if (!x->start_ns || !threads_io(rec->tgid, &io))
		return false;
	/* only what comes from now on counts */
	x->read_bytes = -io.read_bytes;
	x->write_bytes = -io.write_bytes;
	x->rchar = -io.rchar;
	x->wchar = -io.wchar;
	if (execs__put(e, x))
		return false;
	slot = u64map__find(&e->by_image, rec->image);
	snprintf(path, sizeof(path), "/proc/%u/cmdline", rec->tgid);
	n = read_file(path, args, sizeof(args));
	if (slot && slot->value < e->n && n > 0)
		execs__set_args(e->all[slot->value], args, n);
	return true;
}

bool execs__progress(struct execs *e, struct exec_progress *p)
{
	memset(p, 0, sizeof(*p));
	/* the latest ones are those that run */
	for (unsigned i = e->n; i > 0 && e->n - i < PROGRESS_LOOK; i--) {
		const struct exec_entry *t = e->all[i - 1];
		double part;

		if (t->kind != EXEC_FFMPEG || t->ignored || t->x.flags & (WT_X_ENDED | WT_X_REPLACED))
			continue;
		p->running++;
		if (ffmpeg_progress__read(t->x.tgid, &part)) {
			p->known = true;
			p->part = part;
			p->left_s = exec_left_s(t->x.start_ns, now_ns(), part);
		}
	}
	return p->running;
}

void execs__sample(struct execs *e)
{
	long page = sysconf(_SC_PAGESIZE);

	for (unsigned i = 0; i < e->n; i++) {
		struct exec_entry *t = e->all[i];
		char path[64], text[4096];

		if (t->ignored || t->x.flags & (WT_X_ENDED | WT_X_REPLACED))
			continue;
		t->sampled = threads_io(t->x.tgid, &t->io);
		snprintf(path, sizeof(path), "/proc/%u/status", t->x.tgid);
		t->has_progress = t->kind == EXEC_FFMPEG &&
				  ffmpeg_progress__read(t->x.tgid, &t->progress);
		t->progress_ns = now_ns();
		if (t->sampled && read_file(path, text, sizeof(text)) > 0)
			t->rss_pages = field(text, "\nVmHWM:") * 1024 / page;
	}
}
