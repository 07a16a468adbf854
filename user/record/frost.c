/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frost.c - see frost.h. */
#include "record/frost.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "loader/tracer.h"
#include "target/freezer.h"
#include "util/log.h"
#include "util/thread.h"

struct frost {
	struct tracer *tracer;
	int watch_fd, stop_fd;
	pthread_t thread;
	int err;
};

static void *look(void *arg)
{
	struct frost *f = arg;
	struct pollfd fds[] = { { f->watch_fd, POLLIN, 0 }, { f->stop_fd, POLLIN, 0 } };

	while (!f->err && !fds[1].revents) {
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			f->err = wt_error(-errno, "cannot wait for a change of the freezer");
		else if (fds[0].revents && freezer__changed(f->watch_fd))
			f->err = tracer__mark_frozen(f->tracer);
	}
	return NULL;
}

static void discard(struct frost *f)
{
	if (f->stop_fd >= 0)
		close(f->stop_fd);
	close(f->watch_fd);
	free(f);
}

int frost__start(struct frost **out, struct tracer *t)
{
	struct frost *f;
	int err, fd = freezer__watch();

	*out = NULL;
	if (fd < 0)
		return 0;
	f = calloc(1, sizeof(*f));
	if (!f) {
		close(fd);
		return wt_error(-ENOMEM, "cannot watch the freezer");
	}
	f->tracer = t;
	f->watch_fd = fd;
	f->stop_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	/* who was frozen between the seeding and now */
	err = f->stop_fd < 0 ? wt_error(-errno, "cannot watch the freezer") : tracer__mark_frozen(t);
	if (!err) {
		err = -thread__start(&f->thread, look, f);
		if (err)
			wt_error(err, "cannot start a thread that watches the freezer");
	}
	if (err)
		discard(f);
	else
		*out = f;
	return err;
}

int frost__stop(struct frost *f)
{
	const struct itimerspec now = { .it_value.tv_nsec = 1 };
	int err;

	if (!f)
		return 0;
	/* a timer, as it cannot fail: the thread must hear of it */
	timerfd_settime(f->stop_fd, 0, &now, NULL);
	pthread_join(f->thread, NULL);
	err = f->err;
	discard(f);
	return err;
}
