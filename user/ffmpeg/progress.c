/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ffmpeg/progress.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Fonts, presets and the like are read at once and closed; what is small says nothing. */
#define MIN_BYTES 4096

/* Position and flags of a descriptor. */
static bool read_fdinfo(pid_t pid, const char *fd, unsigned long long *pos, unsigned *flags)
{
	char path[64 + NAME_MAX], text[256];
	const char *p, *f;
	ssize_t n;
	int file;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%s", pid, fd);
	file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return false;
	n = read(file, text, sizeof(text) - 1);
	close(file);
	text[n > 0 ? n : 0] = 0;
	p = strstr(text, "pos:");
	f = strstr(text, "flags:");
	if (!p || !f)
		return false;
	*pos = strtoull(p + 4, NULL, 10);
	*flags = strtoul(f + 6, NULL, 8);
	return true;
}

bool ffmpeg_progress__read(pid_t pid, double *part)
{
	unsigned long long pos, done = 0, all = 0;
	char path[64 + NAME_MAX];
	struct dirent *d;
	unsigned flags;
	struct stat st;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while ((d = readdir(dir))) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%s", pid, d->d_name);
		if (d->d_name[0] == '.' || stat(path, &st) || !S_ISREG(st.st_mode) ||
		    st.st_size < MIN_BYTES || !read_fdinfo(pid, d->d_name, &pos, &flags) ||
		    (flags & O_ACCMODE) != O_RDONLY)
			continue;
		all += st.st_size;
		done += pos < (unsigned long long)st.st_size ? pos : (unsigned long long)st.st_size;
	}
	closedir(dir);
	if (!all)
		return false;
	*part = (double)done / (double)all;
	return true;
}
