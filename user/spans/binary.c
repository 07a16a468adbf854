/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spans/binary.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "symbols/elfimg.h"
#include "symbols/procmaps.h"
#include "symbols/regular.h"
#include "target/threads.h"
#include "util/files.h"
#include "util/log.h"

#define MAX_PROCESSES 4096

static const char *base_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool binary__matches(const char *binary, const char *path)
{
	const char *base = base_of(path), *rest;
	size_t n = strlen(binary);

	if (strchr(binary, '/'))
		return !strcmp(binary, path);
	if (strncmp(base, binary, n))
		return false;
	rest = base + n;
	if (!*rest)
		return true;
	/* libpq.so.5 of libpq.so.5.15 */
	if (strstr(binary, ".so"))
		return *rest == '.' && isdigit((unsigned char)rest[1]);
	if (!strncmp(rest, ".so", 3) && (!rest[3] || rest[3] == '.'))
		return true;
	/* as Python's wheels rename what they bring with them: libpq-0a1b2c3d.so.5.16 */
	return *rest == '-' && strstr(rest, ".so") &&
	       strspn(rest + 1, "0123456789abcdef.") >= strcspn(rest + 1, ".");
}

int binary__open_mapped(pid_t pid, unsigned long long start, unsigned long long end)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", pid, start, end);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int binary_files__add(struct binary_files *f, int fd, const char *path)
{
	struct binary_file *b = &f->v[f->n];
	struct stat st;

	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || f->n == BINARY_FILES)
		goto not;
	for (unsigned i = 0; i < f->n; i++)
		if (f->v[i].dev == st.st_dev && f->v[i].ino == st.st_ino)
			goto not;
	*b = (struct binary_file){ fd, st.st_dev, st.st_ino, strdup(path) };
	if (!b->path)
		goto not;
	f->n++;
	return 1;
not:
	close(fd);
	return 0;
}

/* --- what the target has mapped ---------------------------------------------- */

struct mapped {
	const char *binary;
	struct binary_files *out;
	pid_t pid, last;
	unsigned processes;
	int err;		/* why a mapping that matches could not be opened */
};

static void see_mapping(void *ctx, const struct symbols_mmap *map)
{
	struct mapped *m = ctx;
	int fd;

	if (*map->path != '/' || !binary__matches(m->binary, map->path))
		return;
	fd = binary__open_mapped(m->pid, map->start, map->start + map->len);
	if (fd >= 0)
		binary_files__add(m->out, fd, map->path);
	else if (fd != -ENOENT)
		m->err = fd;
}

/* A path means what the process itself finds there, in whatever root it lives. */
static void see_root(struct mapped *m)
{
	int root = regular__root_of(m->pid), fd;

	fd = root < 0 ? -1 : regular__open(root, m->binary);
	if (fd >= 0)
		binary_files__add(m->out, fd, m->binary);
	if (root >= 0)
		close(root);
}

static int see_thread(void *arg, pid_t tid)
{
	struct mapped *m = arg;
	char path[64], line[64];
	pid_t tgid = 0;
	FILE *f;

	if (m->processes == MAX_PROCESSES)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "Tgid: %d", &tgid) == 1)
			break;
	if (f)
		fclose(f);
	/* the threads of a process come one after the other */
	if (!tgid || tgid == m->last)
		return 0;
	m->last = m->pid = tgid;
	m->processes++;
	procmaps__each(tgid, see_mapping, m);
	if (*m->binary == '/')
		see_root(m);
	return 0;
}

/* --- files of ours ------------------------------------------------------------- */

static int add_path(struct binary_files *out, const char *path)
{
	int fd = regular__open(-1, path);

	return fd < 0 ? 0 : binary_files__add(out, fd, path);
}

static int add_in(struct binary_files *out, const char *dir, size_t len, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%.*s/%s", (int)len, dir, name);
	return add_path(out, path);
}

/* A program: the command about to be run, or whatever PATH has of that name. */
static void search_path(const char *binary, const struct binary_search *s, struct binary_files *out)
{
	const char *path = getenv("PATH");

	if (s->command && strchr(s->command, '/') && !strcmp(base_of(s->command), binary)) {
		add_path(out, s->command);
		return;
	}
	for (const char *p = path ? path : "/usr/bin:/bin"; *p && !out->n;) {
		size_t len = strcspn(p, ":");

		if (len)
			add_in(out, p, len, binary);
		p += len + (p[len] == ':');
	}
}

/*
 * In one directory of libraries; of several that match the link that compilers use
 * ("libpq.so") and those of the loader ("libpq.so.5") lead to the same file.
 */
static void search_dir(const char *dir, const char *binary, struct binary_files *out)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char path[PATH_MAX];
		int fd;

		if (!strstr(e->d_name, ".so") || !binary__matches(binary, e->d_name))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		fd = regular__open(-1, path);
		/* "libc.so" of compilers is a text */
		if (fd >= 0 && !elfimg__is_elf(&(struct elfimg){ .fd = fd }))
			close(fd);
		else if (fd >= 0)
			binary_files__add(out, fd, path);
	}
	if (d)
		closedir(d);
}

struct conf_search {
	const char *binary;
	struct binary_files *out;
	int depth;
};

/* The directories that ld.so.conf(5) names, one level of "include" deep. */
static void search_conf(void *arg, const char *conf)
{
	struct conf_search *s = arg, deeper = { s->binary, s->out, s->depth + 1 };
	FILE *f = fopen(conf, "re");
	char line[PATH_MAX], pattern[PATH_MAX];

	while (f && !s->out->n && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n#")] = 0;
		if (*line == '/')
			search_dir(line, s->binary, s->out);
		else if (s->depth < 2 && sscanf(line, "include %4095s", pattern) == 1)
			files__match(pattern, search_conf, &deeper);
	}
	if (f)
		fclose(f);
}

/* As the dynamic loader looks for it (ld.so(8)), without the program's own RUNPATH. */
static void search_libraries(const char *binary, struct binary_files *out)
{
	static const char *const dirs[] = { "/lib64", "/usr/lib64", "/lib", "/usr/lib" };
	const char *path = getenv("LD_LIBRARY_PATH");

	for (const char *p = path ? path : ""; *p && !out->n;) {
		size_t len = strcspn(p, ":;");
		char dir[PATH_MAX];

		snprintf(dir, sizeof(dir), "%.*s", (int)len, p);
		if (len)
			search_dir(dir, binary, out);
		p += len + (p[len] != 0);
	}
	if (!out->n)
		search_conf(&(struct conf_search){ binary, out, 0 }, "/etc/ld.so.conf");
	for (unsigned i = 0; i < 4 && !out->n; i++)
		search_dir(dirs[i], binary, out);
}

static int say_none(const char *binary, const char *span, const struct binary_search *s, int err)
{
	if (err)
		return wt_error(err, "span %s: cannot open %s as the target has mapped it", span, binary);
	if (strchr(binary, '/'))
		return wt_error(WT_ESAID, "span %s: there is no file %s%s", span, binary,
				s->t ? ", nor has the target mapped one" : "");
	return wt_error(WT_ESAID, "span %s: %s is %sno library of this system and no program in PATH; "
			"a path says where it is", span, binary, s->t ? "not mapped by the target, " : "");
}

int binary_files__find(const char *binary, const char *span, const struct binary_search *s,
		       struct binary_files *out)
{
	struct mapped m = { .binary = binary, .out = out };
	bool is_path = strchr(binary, '/');
	int err = 0;

	memset(out, 0, sizeof(*out));
	if (s->t)
		err = target__threads(s->t, see_thread, &m);
	if (!out->n && !err && is_path)
		add_path(out, binary);
	if (!out->n && !err && !is_path && !strstr(binary, ".so"))
		search_path(binary, s, out);
	if (!out->n && !err && !is_path)
		search_libraries(binary, out);
	if (err)
		return wt_error(err, "cannot look at the mappings of the target");
	if (!out->n && s->later && !is_path && (!strncmp(binary, "lib", 3) || strstr(binary, ".so"))) {
		wt_warn("span %s: %s is no library of this system; the span begins when the target maps one "
			"of that name", span, binary);
		return 0;
	}
	return out->n ? 0 : say_none(binary, span, s, m.err);
}

void binary_files__free(struct binary_files *f)
{
	for (unsigned i = 0; i < f->n; i++) {
		close(f->v[i].fd);
		free(f->v[i].path);
	}
	f->n = 0;
}
