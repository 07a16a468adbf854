// SPDX-License-Identifier: GPL-2.0-or-later
/* cgroup.c - finding a control group by path or name. */
#include "target/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include "util/log.h"

/* include/linux/proc_ns.h: the number of the first cgroup namespace */
#define CGROUP_INIT_INO 0xEFFFFFFBUL
#define MAX_DEPTH 64

/* --- mounts -------------------------------------------------------------- */

/* mountinfo writes blanks and backslashes as \ooo */
static void unescape(char *s)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
			*to++ = (s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0');
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
}

static bool is_mount_flag(const char *opt)
{
	static const char *const flags[] = {
		"rw", "ro", "noprefix", "clone_children", "xattr", "cpuset_v2_mode",
		"favordynmods", "seclabel",
	};

	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (!strcmp(opt, flags[i]))
			return true;
	return strchr(opt, '=');
}

/* The super block's options of a v1 hierarchy: flags, controllers, name=… */
static void read_v1_options(struct cgroup_mount *m, char *options)
{
	char *save, *opt;
	size_t len = 0;

	for (opt = strtok_r(options, ",", &save); opt; opt = strtok_r(NULL, ",", &save)) {
		if (!strncmp(opt, "name=", 5))
			snprintf(m->name, sizeof(m->name), "%s", opt + 5);
		else if (!is_mount_flag(opt) &&
			 len + strlen(opt) + 2 < sizeof(m->controllers))
			len += sprintf(m->controllers + len, "%s%s", len ? "," : "", opt);
	}
}

/* 36 35 98:0 /root /point options [tags…] - type source superoptions */
static int read_mount(struct cgroup_mounts *all, char *line)
{
	char *root = NULL, *point = NULL, *type = NULL, *super = NULL, *save, *word;
	struct cgroup_mount *v;
	int n = 0, after = -1;

	for (word = strtok_r(line, " \n", &save); word; word = strtok_r(NULL, " \n", &save), n++) {
		if (n == 3)
			root = word;
		else if (n == 4)
			point = word;
		else if (after < 0 && n > 5 && !strcmp(word, "-"))
			after = n;
		else if (after >= 0 && n == after + 1)
			type = word;
		else if (after >= 0 && n == after + 3)
			super = word;
	}
	if (!type || (strcmp(type, "cgroup") && strcmp(type, "cgroup2")))
		return 0;
	v = reallocarray(all->v, all->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	all->v = v;
	v += all->n;
	*v = (struct cgroup_mount){ .v2 = !strcmp(type, "cgroup2") };
	unescape(root);
	unescape(point);
	if (!v->v2 && super)
		read_v1_options(v, super);
	v->root = strdup(root);
	v->point = strdup(point);
	all->n++;
	return v->root && v->point ? 0 : -ENOMEM;
}

int cgroup_mounts__read(struct cgroup_mounts *m, FILE *mountinfo)
{
	char *line = NULL;
	size_t size = 0;
	int err = 0;

	*m = (struct cgroup_mounts){ 0 };
	while (!err && getline(&line, &size, mountinfo) > 0)
		err = read_mount(m, line);
	free(line);
	if (err)
		cgroup_mounts__free(m);
	return err;
}

void cgroup_mounts__free(struct cgroup_mounts *m)
{
	for (unsigned i = 0; i < m->n; i++) {
		free(m->v[i].root);
		free(m->v[i].point);
	}
	free(m->v);
	*m = (struct cgroup_mounts){ 0 };
}

static bool has_controller(const struct cgroup_mount *m, const char *name)
{
	size_t len = strlen(name);

	for (const char *p = m->controllers; (p = strstr(p, name)); p += len)
		if ((p == m->controllers || p[-1] == ',') && (!p[len] || p[len] == ','))
			return true;
	return false;
}

/* The order of looking: 0 v2, 1 cpu, 2 another controller, 3 none (only by path). */
static int rank(const struct cgroup_mount *m)
{
	if (m->v2)
		return 0;
	if (has_controller(m, "cpu"))
		return 1;
	return m->controllers[0] ? 2 : 3;
}

/* --- one group ----------------------------------------------------------- */

static int depth(const char *path)
{
	int n = 0;

	for (const char *p = path; *p; p++)
		if (*p != '/' && (p == path || p[-1] == '/'))
			n++;
	return n;
}

/* What remains of path below the mount point, or NULL. */
static const char *below(const struct cgroup_mount *m, const char *path)
{
	size_t len = strlen(m->point);

	if (strncmp(path, m->point, len) || (path[len] && path[len] != '/'))
		return NULL;
	return path + len;
}

static const struct cgroup_mount *mount_of(const struct cgroup_mounts *m, const char *path)
{
	const struct cgroup_mount *best = NULL;

	/* a later mount covers an earlier one at the same place */
	for (unsigned i = 0; i < m->n; i++)
		if (below(&m->v[i], path) &&
		    (!best || strlen(m->v[i].point) >= strlen(best->point)))
			best = &m->v[i];
	return best;
}

static int fill(struct cgroup *out, const struct cgroup_mount *m, const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	*out = (struct cgroup){ .v2 = m->v2, .id = st.st_ino };
	out->level = depth(m->root) + depth(below(m, path));
	snprintf(out->controller, sizeof(out->controller), "%.*s",
		 (int)strcspn(m->controllers, ","), m->controllers);
	snprintf(out->path, sizeof(out->path), "%s", path);
	return 0;
}

static bool is_cgroup_dir(const char *path)
{
	struct statfs fs;
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode) && !statfs(path, &fs) &&
	       (fs.f_type == CGROUP_SUPER_MAGIC || fs.f_type == CGROUP2_SUPER_MAGIC);
}

/* Point and name joined and made canonical, if that is a group of this very mount. */
static bool candidate(struct cgroup *out, const struct cgroup_mounts *all,
		      const struct cgroup_mount *m, const char *middle, const char *name)
{
	char path[PATH_MAX], real[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s%s/%s", m->point, middle, name) >= (int)sizeof(path))
		return false;
	return realpath(path, real) && is_cgroup_dir(real) && mount_of(all, real) == m &&
	       !fill(out, m, real);
}

/*
 * By name.  The same group may exist in several hierarchies and have processes
 * in one only: that one counts, else the first.
 */
static bool find_by_name(struct cgroup *out, const struct cgroup_mounts *all, const char *name)
{
	static const char *const middle[] = { "", "/system.slice" };
	bool found = false;

	for (int r = 0; r < 3; r++) {
		for (unsigned i = 0; i < 2 * all->n; i++) {
			const struct cgroup_mount *m = &all->v[i / 2];
			struct cgroup c;

			if (rank(m) != r || (i % 2 && strchr(name, '/')) ||
			    !candidate(&c, all, m, middle[i % 2], name))
				continue;
			if (cgroup__populated(&c)) {
				*out = c;
				return true;
			}
			if (!found)
				*out = c;
			found = true;
		}
	}
	return found;
}

/* A named hierarchy without controllers is not in the kernel's per-task table. */
static int twin_of(struct cgroup *out, const struct cgroup_mounts *all,
		   const struct cgroup_mount *m, const char *path)
{
	const char *rest = below(m, path);

	if (*rest && find_by_name(out, all, rest + 1))
		return 0;
	return wt_error(WT_ESAID, "%s is in the hierarchy \"%s\", which has no controller and "
			"no twin of this group elsewhere: name a group of another hierarchy",
			path, m->name);
}

static int resolve_path(struct cgroup *out, const struct cgroup_mounts *all, const char *path)
{
	const struct cgroup_mount *m;
	struct stat st;

	if (stat(path, &st))
		return wt_error(-errno, "cannot look at the control group %s", path);
	if (!S_ISDIR(st.st_mode))
		return wt_error(WT_ESAID, "%s is a file: the directory of a control group is "
				"expected", path);
	m = mount_of(all, path);
	if (!m || !is_cgroup_dir(path))
		return wt_error(WT_ESAID, "%s is not a control group", path);
	if (rank(m) == 3)
		return twin_of(out, all, m, path);
	if (fill(out, m, path))
		return wt_error(-errno, "cannot look at the control group %s", path);
	return 0;
}

int cgroup__resolve_in(struct cgroup *out, const char *what, const struct cgroup_mounts *all)
{
	const char *name = what + strspn(what, "/");
	char real[PATH_MAX];

	if (!all->n)
		return wt_error(WT_ESAID, "no control group hierarchy is mounted here");
	if (*what == '/' && realpath(what, real))
		return resolve_path(out, all, real);
	if (*what == '/' && errno != ENOENT)
		return wt_error(-errno, "cannot look at the control group %s", what);
	if (*name && find_by_name(out, all, name))
		return 0;
	return wt_error(WT_ESAID, "there is no control group \"%s\", neither in the v2 tree nor in "
			"a controller's, nor below their system.slice", what);
}

int cgroup__resolve(struct cgroup *out, const char *what)
{
	struct cgroup_mounts all;
	struct stat st;
	FILE *f;
	int err;

	/* in another namespace the paths say nothing about the depth that counts */
	if (!stat("/proc/self/ns/cgroup", &st) && st.st_ino != CGROUP_INIT_INO)
		return wt_error(WT_ESAID, "worktrace runs in a cgroup namespace of its own, where "
				"control groups have no true names: run it on the host");
	f = fopen("/proc/self/mountinfo", "re");
	if (!f)
		return wt_error(-errno, "cannot read /proc/self/mountinfo");
	err = cgroup_mounts__read(&all, f);
	fclose(f);
	if (err)
		return wt_error(err, "cannot read /proc/self/mountinfo");
	err = cgroup__resolve_in(out, what, &all);
	cgroup_mounts__free(&all);
	return err;
}

/* --- is anybody there? --------------------------------------------------- */

static ssize_t read_small(int dir, const char *name, char *buf, size_t size)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, size - 1);
	n = n < 0 ? -errno : n;
	close(fd);
	buf[n > 0 ? n : 0] = 0;
	return n;
}

/* Takes over dir. */
static bool populated_at(int dir, int level)
{
	struct dirent *e;
	char buf[256];
	bool found;
	DIR *d;

	/* the v2 tree keeps this account itself, but not at its root */
	if (read_small(dir, "cgroup.events", buf, sizeof(buf)) > 0) {
		close(dir);
		return strstr(buf, "populated 1");
	}
	found = read_small(dir, "cgroup.procs", buf, sizeof(buf)) > 0;
	d = fdopendir(dir);
	if (!d) {
		close(dir);
		return found;
	}
	while (!found && level < MAX_DEPTH && (e = readdir(d))) {
		int fd;

		if (e->d_type != DT_DIR || e->d_name[0] == '.')
			continue;
		fd = openat(dirfd(d), e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		found = fd >= 0 && populated_at(fd, level + 1);
	}
	closedir(d);
	return found;
}

bool cgroup__populated(const struct cgroup *c)
{
	int fd = open(c->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd >= 0 && populated_at(fd, 0);
}
