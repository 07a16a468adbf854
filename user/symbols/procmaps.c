/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/procmaps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* 65530 mappings (vm.max_map_count) of 250 bytes. */
#define MAX_TEXT ((size_t)16 << 20)

/* All of a file of /proc, terminated, or NULL with *err set. */
static char *read_all(const char *path, int *err)
{
	size_t len = 0, cap = 0;
	char *buf = NULL, *more;
	ssize_t n = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	*err = fd < 0 ? -errno : 0;
	while (!*err) {
		if (len + 4096 >= cap) {
			cap = cap ? cap * 2 : 16384;
			more = cap <= MAX_TEXT ? realloc(buf, cap) : NULL;
			if (!more) {
				*err = -ENOMEM;
				break;
			}
			buf = more;
		}
		n = read(fd, buf + len, cap - len - 1);
		if (n <= 0)
			break;
		len += n;
	}
	if (!*err && n < 0)
		*err = -errno;
	if (fd >= 0)
		close(fd);
	if (*err) {
		free(buf);
		return NULL;
	}
	buf[len] = '\0';
	return buf;
}

/* "start-end perms offset major:minor inode   path" */
static void parse_line(char *line, __u32 tgid, procmaps_fn fn, void *ctx)
{
	struct symbols_mmap m = { .tgid = tgid, .tid = tgid };
	unsigned long long end;
	char perms[5];
	int path = -1;

	if (sscanf(line, "%llx-%llx %4s %llx %x:%x %llu %n", &m.start, &end, perms, &m.pgoff,
		   &m.maj, &m.min, &m.ino, &path) < 7 || path < 0)
		return;
	if (perms[0] == '\0' || perms[1] == '\0' || perms[2] != 'x' || end <= m.start)
		return;
	m.len = end - m.start;
	m.path = line + path;
	fn(ctx, &m);
}

void procmaps__parse(char *text, __u32 tgid, procmaps_fn fn, void *ctx)
{
	char *line, *save = NULL;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		parse_line(line, tgid, fn, ctx);
}

int procmaps__each(__u32 tgid, procmaps_fn fn, void *ctx)
{
	char path[64], *text;
	int err;

	snprintf(path, sizeof(path), "/proc/%u/maps", tgid);
	text = read_all(path, &err);
	if (!text)
		return err == -ENOENT ? -ESRCH : err;
	procmaps__parse(text, tgid, fn, ctx);
	free(text);
	return 0;
}

int procmaps__start(__u32 tgid, __s64 *start_ns)
{
	struct timespec boot, mono;
	unsigned long long ticks;
	char path[64], *text, *p;
	int err, ok;

	snprintf(path, sizeof(path), "/proc/%u/stat", tgid);
	text = read_all(path, &err);
	if (!text)
		return err == -ENOENT ? -ESRCH : err;
	/* the name may hold blanks and parentheses; field 22 is the 20th after it */
	p = strrchr(text, ')');
	ok = p ? sscanf(p + 1, " %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s"
			" %*s %*s %*s %llu", &ticks) : 0;
	free(text);
	if (ok != 1)
		return -EINVAL;
	/* it counts suspended time, CLOCK_MONOTONIC does not */
	clock_gettime(CLOCK_BOOTTIME, &boot);
	clock_gettime(CLOCK_MONOTONIC, &mono);
	*start_ns = (__s64)(ticks * (1000000000ULL / sysconf(_SC_CLK_TCK))) -
		    ((boot.tv_sec - mono.tv_sec) * 1000000000LL + boot.tv_nsec - mono.tv_nsec);
	return 0;
}
