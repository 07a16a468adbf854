/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/jitname.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define SUFFIX "_[j]"

/* The part of a path that people know a file by; node's own modules have no directories. */
static const char *file_part(const char *path, const char *end)
{
	const char *p;

	if (!strncmp(path, "node:", 5))
		return path;
	for (p = end; p > path && p[-1] != '/'; p--)
		;
	return p;
}

/* Steps back over ":digits"; NULL when there is none. */
static const char *before_number(const char *start, const char *end)
{
	const char *p = end;

	while (p > start && isdigit((unsigned char)p[-1]))
		p--;
	return p < end && p > start && p[-1] == ':' ? p - 1 : NULL;
}

/* "foo /path/file.js:12:3", behind the marker of its compiler. */
static int clean_js(const char *p, char *buf, size_t sz)
{
	const char *end = p + strlen(p), *line, *path, *file;

	line = before_number(p, end);			/* the column goes */
	line = line && before_number(p, line) ? line : end;
	path = memchr(p, ' ', line - p);
	if (!path)
		return snprintf(buf, sz, "%s", p);
	file = file_part(path + 1, line);
	return snprintf(buf, sz, "%.*s (%.*s)", path > p ? (int)(path - p) : 11,
			path > p ? p : "(anonymous)", (int)(line - file), file);
}

/* "foo:/path/file.py"; names may hold "<" and ".", hardly ever ':'. */
static int clean_python(const char *p, char *buf, size_t sz)
{
	const char *colon = strchr(p, ':'), *file;

	if (!colon)
		return snprintf(buf, sz, "%s", p);
	file = file_part(colon + 1, colon + strlen(colon));
	return snprintf(buf, sz, "%.*s (%s)", (int)(colon - p), p, file);
}

void jitname__clean(const char *raw, char *buf, size_t sz)
{
	static const char *const js[] = { "JS:", "LazyCompile:", "Function:", "Script:", "Eval:" };
	size_t room = sz - strlen(SUFFIX);
	unsigned i;
	int n = -1;

	for (i = 0; i < sizeof(js) / sizeof(js[0]) && n < 0; i++) {
		size_t len = strlen(js[i]);

		if (!strncmp(raw, js[i], len))
			n = clean_js(raw + len + strspn(raw + len, "*~^+"), buf, room);
	}
	if (n < 0 && !strncmp(raw, "py::", 4))
		n = clean_python(raw + 4, buf, room);
	if (n < 0)
		n = snprintf(buf, room, "%s", raw);
	if ((size_t)n >= room)
		n = room - 1;
	strcpy(buf + n, SUFFIX);
}
