/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/files.h"

#include <dirent.h>
#include <fnmatch.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct search {
	files_fn fn;
	void *arg;
	char path[PATH_MAX];
};

static void search(struct search *s, size_t len, const char *rest);

/* What fits, for scandir(3), which hands its filter nothing of ours. */
static _Thread_local const char *wanted;

static int fits(const struct dirent *e)
{
	return !fnmatch(wanted, e->d_name, FNM_PERIOD);
}

/* Goes on with that name below the path of len bytes. */
static void enter(struct search *s, size_t len, const char *name, const char *rest)
{
	int n = snprintf(s->path + len, sizeof(s->path) - len, "/%s", name);

	if (n < 0 || (size_t)n >= sizeof(s->path) - len)
		return;
	if (*rest)
		search(s, len + n, rest);
	else if (!access(s->path, F_OK))
		s->fn(s->arg, s->path);
}

static void search(struct search *s, size_t len, const char *rest)
{
	char part[NAME_MAX + 1];
	struct dirent **names;
	size_t n;
	int found;

	rest += strspn(rest, "/");
	n = strcspn(rest, "/");
	if (!n || n > NAME_MAX)
		return;
	memcpy(part, rest, n);
	part[n] = 0;
	rest += n;
	if (!strpbrk(part, "*?[\\")) {
		enter(s, len, part, rest);
		return;
	}
	s->path[len] = 0;
	wanted = part;
	found = scandir(len ? s->path : "/", &names, fits, alphasort);
	for (int i = 0; i < found; i++) {
		enter(s, len, names[i]->d_name, rest);
		free(names[i]);
	}
	if (found >= 0)
		free(names);
}

void files__match(const char *pattern, files_fn fn, void *arg)
{
	struct search s = { fn, arg, "" };

	if (*pattern == '/')
		search(&s, 0, pattern);
}
