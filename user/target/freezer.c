// SPDX-License-Identifier: GPL-2.0-or-later
/* freezer.c - see freezer.h. */
#include "target/freezer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <unistd.h>

#include "target/cgroup.h"
#include "util/log.h"

static bool has_freezer(const struct cgroup_mount *m)
{
	const char *c = m->controllers;
	size_t n;

	for (; !m->v2 && *c; c += n + (c[n] == ',')) {
		n = strcspn(c, ",");
		if (n == strlen("freezer") && !strncmp(c, "freezer", n))
			return true;
	}
	return false;
}

/*
 * Marks the whole file system, so that groups made later and other mounts of it,
 * those of containers, are seen as well.
 */
static int watch_at(const char *point)
{
	int fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK,
			       O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd >= 0 && fanotify_mark(fd, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_MODIFY,
				     AT_FDCWD, point)) {
		int err = errno;

		close(fd);
		errno = err;
		fd = -1;
	}
	if (fd < 0)
		wt_warn("the freezer at %s cannot be watched (%s): threads that it stops in their "
			"sleep will be shown as asleep", point, strerror(errno));
	return fd;
}

int freezer__watch(void)
{
	FILE *mountinfo = fopen("/proc/self/mountinfo", "re");
	struct cgroup_mounts mounts = {};
	int fd = -1;

	if (!mountinfo)
		return -1;
	if (!cgroup_mounts__read(&mounts, mountinfo)) {
		for (unsigned i = 0; i < mounts.n && fd < 0; i++)
			if (has_freezer(&mounts.v[i]))
				fd = watch_at(mounts.v[i].point);
		cgroup_mounts__free(&mounts);
	}
	fclose(mountinfo);
	return fd;
}

/* A state was written, or a task moved, perhaps into a frozen group. */
static bool concerns(int fd)
{
	char link[64], path[PATH_MAX];
	const char *name;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return true;
	path[n] = 0;
	name = strrchr(path, '/');
	return !name || !strcmp(name, "/freezer.state") || !strcmp(name, "/cgroup.procs") ||
	       !strcmp(name, "/tasks");
}

bool freezer__changed(int fd)
{
	/* room for some 170 events; more come with the next read */
	char buf[4096] __attribute__((aligned(__alignof__(struct fanotify_event_metadata))));
	bool changed = false;
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		const struct fanotify_event_metadata *e = (void *)buf;

		for (; FAN_EVENT_OK(e, n); e = FAN_EVENT_NEXT(e, n)) {
			/* no descriptor: the queue ran over */
			changed |= e->fd < 0 || concerns(e->fd);
			if (e->fd >= 0)
				close(e->fd);
		}
	}
	return changed;
}
