/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tracer_load.c - how the programs come into the kernel, in parts that are proved side by side.
 *
 * The verifier takes most of what a start takes, and libbpf has it prove one program of an
 * object after the other.  So the object is opened once for its maps, and once for each part
 * of its programs, which are loaded at the same time and share the maps of the first.
 */
#include "loader/tracer_impl.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "loader/casts.h"
#include "loader/corebtf.h"
#include "loader/relos.h"
#include "util/log.h"
#include "util/thread.h"

/* Only programs of this part, of those that tracer__choose() wants. */
static void choose_part(struct worktrace_bpf *skel, enum tracer_part part)
{
	/* about half of all that there is to prove */
	struct bpf_program *const events[] = {
		skel->progs.wt_sched_switch, skel->progs.wt_sched_wakeup,
		skel->progs.wt_sched_wakeup_new, skel->progs.wt_sys_exit,
		skel->progs.wt_filemap_fault, skel->progs.wt_block_start,
		skel->progs.wt_block_insert, skel->progs.wt_block_issue,
		skel->progs.wt_block_complete,
	};
	struct bpf_program *p;

	bpf_object__for_each_program(p, skel->obj) {
		bool here = false;

		for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
			here |= p == events[i];
		if (here != (part == TRACER_EVENTS))
			bpf_program__set_autoload(p, false);
	}
}

static int share_maps(struct worktrace_bpf *to, const struct worktrace_bpf *from)
{
	struct bpf_map *a = NULL, *b = NULL;

	for (;;) {
		a = bpf_object__next_map(from->obj, a);
		b = bpf_object__next_map(to->obj, b);
		if (!a || !b)
			return 0;
		if (bpf_map__reuse_fd(b, bpf_map__fd(a)))
			return wt_error(-errno, "cannot share the map %s", bpf_map__name(a));
	}
}

/*
 * The object in elf, fitted to the types in the file fd, -1: to the kernel's own BTF.
 * NULL: it cannot be opened, said.
 */
static struct worktrace_bpf *open_object(void *elf, int fd)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts);
	struct worktrace_bpf *skel = calloc(1, sizeof(*skel));
	int err = skel ? worktrace_bpf__create_skeleton(skel) : -ENOMEM;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd >= 0)
		opts.btf_custom_path = path;
	if (!err) {
		skel->skeleton->data = elf;
		err = bpf_object__open_skeleton(skel->skeleton, &opts);
	}
	if (!err)
		return skel;
	worktrace_bpf__destroy(skel);
	wt_error(err, "cannot open the BPF object");
	return NULL;
}

static int refused(int err, const struct features *f)
{
	return wt_error(err, "the kernel %s refuses worktrace's programs "
			"(worktrace doctor says what it lacks, --verbose shows why)", f->release);
}

/* The maps, and the memory that programs and worktrace share. */
static int load_maps(struct tracer *t, const struct target *target, const struct features *f,
		     void *elf, int btf_fd)
{
	struct bpf_program *p;
	int err;

	t->skel = open_object(elf, btf_fd);
	if (!t->skel)
		return WT_ESAID;
	err = tracer__configure(t->skel, t->o, target, f);
	if (err)
		return err;
	bpf_object__for_each_program(p, t->skel->obj)
		bpf_program__set_autoload(p, false);
	err = worktrace_bpf__load(t->skel);
	return err ? refused(err, f) : 0;
}

/* The same, of a file that has nothing else to fit to the kernel. */
static int load_maps_alone(struct tracer *t, const struct target *target, const struct features *f,
			   void *elf, size_t size, int btf_fd)
{
	__u32 *relos = relos__len(elf, size), kept = relos ? *relos : 0;
	int err;

	if (relos)
		*relos = 0;
	err = load_maps(t, target, f, elf, btf_fd);
	if (relos)
		*relos = kept;
	return err;
}

struct loading {
	pthread_t thread;
	struct tracer *t;
	const struct features *f;
	void *elf;
	int btf_fd;
	enum tracer_part part;
	bool started;
	bool refused;			/* by the kernel, not said yet */
	int err;
};

static void *load_part(void *arg)
{
	struct loading *l = arg;
	struct worktrace_bpf *skel = open_object(l->elf, l->btf_fd);

	l->t->part[l->part] = skel;
	if (!skel) {
		l->err = WT_ESAID;
		return NULL;
	}
	tracer__choose(skel, l->t->o, l->f);
	choose_part(skel, l->part);
	l->err = share_maps(skel, l->t->skel);
	if (l->err)
		return NULL;
	l->err = worktrace_bpf__load(skel);
	l->refused = l->err;
	return NULL;
}

/* Each in a thread of its own. */
static int load_parts(struct tracer *t, const struct features *f, void *elf, int btf_fd)
{
	struct loading parts[TRACER_PARTS], *failed = NULL;

	for (unsigned i = 0; i < TRACER_PARTS; i++)
		parts[i] = (struct loading){ .t = t, .f = f, .elf = elf, .btf_fd = btf_fd, .part = i };
	for (unsigned i = 1; i < TRACER_PARTS; i++)
		parts[i].started = !thread__start(&parts[i].thread, load_part, &parts[i]);
	for (unsigned i = 0; i < TRACER_PARTS; i++) {
		if (parts[i].started)
			pthread_join(parts[i].thread, NULL);
		else
			load_part(&parts[i]);
		if (parts[i].err && !failed)
			failed = &parts[i];
	}
	/* once, however many parts are refused */
	if (failed && failed->refused)
		refused(failed->err, f);
	return failed ? failed->err : 0;
}

int tracer__load(struct tracer *t, const struct target *target, const struct features *f,
		 struct btf **kernel)
{
	size_t size;
	const void *bytes = worktrace_bpf__elf_bytes(&size);
	int err = 0, fd = *kernel ? corebtf__new(*kernel, bytes, size) : -1;
	void *elf = casts__elf(bytes, size, f->rdonly_cast);

	btf__free(*kernel);
	*kernel = NULL;
	if (!elf)
		err = wt_error(-errno, "cannot open the BPF object");
	if (!err)
		err = load_maps_alone(t, target, f, elf, size, fd);
	if (!err)
		err = load_parts(t, f, elf, fd);
	if (fd >= 0)
		close(fd);
	free(elf);
	return err;
}

/* What follows processes first: a switch must not meet one that nobody took note of. */
int tracer__attach_parts(struct tracer *t)
{
	int err = worktrace_bpf__attach(t->part[TRACER_REST]);

	return err ? err : worktrace_bpf__attach(t->part[TRACER_EVENTS]);
}

void tracer__detach_parts(struct tracer *t)
{
	for (unsigned i = 0; i < TRACER_PARTS; i++)
		worktrace_bpf__detach(t->part[i]);
}

void tracer__unload(struct tracer *t)
{
	for (unsigned i = 0; i < TRACER_PARTS; i++)
		worktrace_bpf__destroy(t->part[i]);
	worktrace_bpf__destroy(t->skel);
}
