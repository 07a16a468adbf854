/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/stages.h"

#include <bpf/libbpf.h>
#include <linux/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ffmpeg/places.h"
#include "loader/tracer.h"
#include "util/clock.h"
#include "util/files.h"
#include "util/log.h"

#define MAX_FILES 64		/* libraries, of which there are three to a version, and programs */

struct file {
	dev_t dev;
	ino_t ino;
	__u64 since_ns;		/* 0: it takes no probes */
};

struct stage_probes {
	struct bpf_program *probe;
	bool multi;
	unsigned n_probes;
	int *fd;			/* of links that stand at many places */
	unsigned n_fds;
	struct file file[MAX_FILES];
	unsigned n_files;
	struct bpf_link **link;
	unsigned n_links, cap;
};

/* Where distributions and people put libraries. */
static const char *const places[] = {
	"/usr/lib", "/usr/lib64", "/usr/lib/*-linux-gnu", "/lib64", "/usr/local/lib",
	"/usr/local/lib64", "/usr/local/lib/*-linux-gnu", "/opt/*/lib", "/opt/*/lib64",
	"/usr/lib/*/ffmpeg*", "/usr/lib/ffmpeg*", "/usr/lib/jellyfin-ffmpeg/lib",
};

int stage_probes__new(struct stage_probes **out, struct tracer *t)
{
	struct stage_probes *p = calloc(1, sizeof(*p));

	*out = p;
	if (!p)
		return wt_error(-ENOMEM, "cannot start");
	p->probe = tracer__stage_probe(t);
	p->multi = tracer__stage_multi(t);
	return 0;
}

void stage_probes__free(struct stage_probes *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < p->n_links; i++)
		bpf_link__destroy(p->link[i]);
	for (unsigned i = 0; i < p->n_fds; i++)
		close(p->fd[i]);
	free(p->link);
	free(p->fd);
	free(p);
}

unsigned stage_probes__count(const struct stage_probes *p)
{
	return p ? p->n_probes : 0;
}

static int attach_one(struct stage_probes *p, const char *path, const struct ffmpeg_place *at)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .bpf_cookie = at->cookie, .retprobe = at->ret);
	struct bpf_link *link;

	if (p->n_links == p->cap) {
		unsigned cap = p->cap ? 2 * p->cap : 64;
		struct bpf_link **v = reallocarray(p->link, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		p->link = v;
		p->cap = cap;
	}
	link = bpf_program__attach_uprobe_opts(p->probe, -1, path, at->off, &opts);
	if (!link)
		return -errno;
	p->link[p->n_links++] = link;
	return 0;
}

/* The attributes of BPF_LINK_CREATE as kernels from 6.6 on have them. */
struct link_create {
	__u32 prog_fd, target_fd, attach_type, flags;
	__u64 path, offsets, ref_ctr_offsets, cookies;
	__u32 cnt, multi_flags, pid, zero;
};
#define MULTI_RETURN 1			/* BPF_F_UPROBE_MULTI_RETURN */

/*
 * One link for all places: the kernel waits once, not for each of them, when they are
 * taken away.  ret: of the places, those of return probes.
 */
static int attach_multi(struct stage_probes *p, const char *path, const struct ffmpeg_places *pl,
			bool ret)
{
	__u64 *offsets = calloc(2 * pl->n + 1, sizeof(*offsets)), *cookies = offsets + pl->n;
	int *grown = reallocarray(p->fd, p->n_fds + 1, sizeof(*grown)), fd, err = 0;
	struct link_create attr = {
		.prog_fd = bpf_program__fd(p->probe),
		.attach_type = bpf_program__expected_attach_type(p->probe),
		.path = (uintptr_t)path, .offsets = (uintptr_t)offsets, .cookies = (uintptr_t)cookies,
		.multi_flags = ret ? MULTI_RETURN : 0,
	};

	if (grown)
		p->fd = grown;
	if (!offsets || !grown) {
		free(offsets);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < pl->n; i++) {
		if (pl->v[i].ret != ret)
			continue;
		offsets[attr.cnt] = pl->v[i].off;
		cookies[attr.cnt++] = pl->v[i].cookie;
	}
	if (attr.cnt) {
		fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
		if (fd < 0)
			err = -errno;
		else
			p->fd[p->n_fds++] = fd;
	}
	free(offsets);
	return err;
}

/* All of them or none: an entry without its exit would never end. */
static int attach(struct stage_probes *p, int fd, const struct ffmpeg_places *pl)
{
	unsigned before = p->n_links, fds = p->n_fds;
	char path[64];
	int err = 0;

	/* the very file, whatever its name means to us */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (p->multi) {
		err = attach_multi(p, path, pl, false);
		if (!err)
			err = attach_multi(p, path, pl, true);
		while (err && p->n_fds > fds)
			close(p->fd[--p->n_fds]);
		return err;
	}
	for (unsigned i = 0; i < pl->n && !err; i++)
		err = attach_one(p, path, &pl->v[i]);
	while (err && p->n_links > before)
		bpf_link__destroy(p->link[--p->n_links]);
	return err;
}

static struct file *known(struct stage_probes *p, const struct stat *st)
{
	for (unsigned i = 0; i < p->n_files; i++)
		if (p->file[i].dev == st->st_dev && p->file[i].ino == st->st_ino)
			return &p->file[i];
	return NULL;
}

__u64 stage_probes__file(struct stage_probes *p, int fd, const char *path)
{
	struct ffmpeg_places pl;
	enum ffmpeg_lib lib;
	unsigned major;
	struct stat st;
	struct file *f;
	int err;

	lib = ffmpeg_lib__of(path, &major);
	if (lib == FFMPEG_NONE && ffmpeg_program__is(path))
		lib = FFMPEG_PROGRAM;
	if (lib == FFMPEG_NONE || fstat(fd, &st))
		return 0;
	f = known(p, &st);
	if (f)
		return f->since_ns;
	if (p->n_files == MAX_FILES)
		return 0;
	f = &p->file[p->n_files++];
	*f = (struct file){ st.st_dev, st.st_ino, 0 };
	err = ffmpeg_places__find(fd, lib, major, &pl);
	/* most programs have the libraries beside them, or no names of functions */
	if (lib == FFMPEG_PROGRAM && (err || !pl.functions)) {
		ffmpeg_places__free(&pl);
		return 0;
	}
	if (!err)
		err = attach(p, fd, &pl);
	if (!err) {
		f->since_ns = now_ns();
		p->n_probes += pl.n;
	} else {
		wt_warn("cannot put probes into %s (%s): the stages of transcodes that use it are not known",
			path, strerror(-err));
	}
	wt_debug("%s: %u functions, %u probes", path, pl.functions, pl.n);
	ffmpeg_places__free(&pl);
	return f->since_ns;
}

static void one_installed(struct stage_probes *p, const char *path)
{
	char real[PATH_MAX];
	int fd;

	/* the version that it names is that of the file behind the links */
	if (!realpath(path, real))
		return;
	fd = open(real, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	stage_probes__file(p, fd, real);
	close(fd);
}

/* As a shell finds it. */
static void one_in_path(struct stage_probes *p, const char *name)
{
	const char *dir = getenv("PATH"), *end;
	char file[PATH_MAX];

	for (; dir; dir = *end ? end + 1 : NULL) {
		end = strchrnul(dir, ':');
		snprintf(file, sizeof(file), "%.*s/%s", (int)(end - dir), dir, name);
		if (!access(file, X_OK)) {
			one_installed(p, file);
			return;
		}
	}
}

void stage_probes__command(struct stage_probes *p, const char *name)
{
	if (!ffmpeg_program__is(name))
		return;
	if (strchr(name, '/'))
		one_installed(p, name);
	else
		one_in_path(p, name);
}

static void installed(void *probes, const char *path)
{
	one_installed(probes, path);
}

void stage_probes__installed(struct stage_probes *p)
{
	static const char *const programs[] = {
		"/usr/bin/ffmpeg*", "/usr/local/bin/ffmpeg*", "/opt/*/bin/ffmpeg*", "/opt/ffmpeg*/ffmpeg*",
	};
	char pattern[128];

	/* those that are none of the three are left out by their names */
	for (unsigned i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(pattern, sizeof(pattern), "%s/libav*.so.*", places[i]);
		files__match(pattern, installed, p);
	}
	for (unsigned i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		files__match(programs[i], installed, p);
}
