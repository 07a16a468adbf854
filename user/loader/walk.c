/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/walk.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/types.h>
#include <string.h>
#include <unistd.h>

#include "util/log.h"

int walk__run(int link_fd, size_t size, const char *what, walk_fn fn, void *arg)
{
	__u64 words[4096];
	char *buf = (char *)words;
	size_t have = 0, room = sizeof(words) / size * size;
	int fd = bpf_iter_create(link_fd), err = 0;
	ssize_t n;

	if (fd < 0)
		return wt_error(-errno, "cannot walk %s", what);
	while (!err && (n = read(fd, buf + have, room - have)) != 0) {
		size_t at = 0;

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (n < 0) {
			err = wt_error(-errno, "cannot walk %s", what);
			break;
		}
		have += n;
		for (; have - at >= size && !err; at += size)
			err = fn ? fn(arg, buf + at) : 0;
		memmove(buf, buf + at, have - at);
		have -= at;
	}
	close(fd);
	return err;
}
