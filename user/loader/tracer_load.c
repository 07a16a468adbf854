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
#include <unistd.h>

#include "loader/corebtf.h"
#include "util/log.h"
#include "util/thread.h"

/* Only programs of this part, of those that tracer__choose() wants. */
static void choose_part(struct worktrace_bpf *skel, enum tracer_part part)
{
	/* about half of all that there is to prove */
	struct bpf_program *const events[] = {
		skel->progs.wt_sched_switch, skel->progs.wt_sched_wakeup,
		skel->progs.wt_sched_wakeup_new, skel->progs.wt_process_exec,
		skel->progs.wt_sys_exit, skel->progs.wt_filemap_fault,
		skel->progs.wt_block_start, skel->progs.wt_block_insert,
		skel->progs.wt_block_issue, skel->progs.wt_block_complete,
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
 * An object that is fitted to the types in the file fd, -1: to the kernel's own BTF.
 * NULL: it cannot be opened, said.
 */
static struct worktrace_bpf *open_object(int fd)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts);
	struct worktrace_bpf *skel;
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fd >= 0)
		opts.btf_custom_path = path;
	skel = worktrace_bpf__open_opts(&opts);
	if (!skel)
		wt_error(-errno, "cannot open the BPF object");
	return skel;
}

static int refused(int err, const struct features *f)
{
	return wt_error(err, "the kernel %s refuses worktrace's programs "
			"(worktrace doctor says what it lacks, --verbose shows why)", f->release);
}

/* The maps, and the memory that programs and worktrace share. */
static int load_maps(struct tracer *t, const struct target *target, const struct features *f,
		     int btf_fd)
{
	struct bpf_program *p;
	int err;

	t->skel = open_object(btf_fd);
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

struct loading {
	pthread_t thread;
	struct worktrace_bpf *skel;
	bool started;
	int err;
};

static void *load_part(void *arg)
{
	struct loading *l = arg;

	l->err = worktrace_bpf__load(l->skel);
	return NULL;
}

/* Each in a thread of its own. */
static int load_parts(struct tracer *t)
{
	struct loading parts[TRACER_PARTS] = { 0 };
	int err = 0;

	for (unsigned i = 1; i < TRACER_PARTS; i++) {
		parts[i].skel = t->part[i];
		parts[i].started = !thread__start(&parts[i].thread, load_part, &parts[i]);
	}
	for (unsigned i = 0; i < TRACER_PARTS; i++) {
		parts[i].skel = t->part[i];
		if (parts[i].started)
			pthread_join(parts[i].thread, NULL);
		else
			load_part(&parts[i]);
		if (parts[i].err && !err)
			err = parts[i].err;
	}
	return err;
}

int tracer__load(struct tracer *t, const struct target *target, const struct features *f,
		 struct btf **kernel)
{
	size_t size;
	const void *elf = worktrace_bpf__elf_bytes(&size);
	int err, fd = *kernel ? corebtf__new(*kernel, elf, size) : -1;

	btf__free(*kernel);
	*kernel = NULL;
	err = load_maps(t, target, f, fd);
	for (unsigned i = 0; i < TRACER_PARTS && !err; i++) {
		t->part[i] = open_object(fd);
		if (!t->part[i]) {
			err = WT_ESAID;
			break;
		}
		tracer__choose(t->part[i], t->o, f);
		choose_part(t->part[i], i);
		err = share_maps(t->part[i], t->skel);
	}
	if (!err) {
		err = load_parts(t);
		if (err)
			refused(err, f);
	}
	if (fd >= 0)
		close(fd);
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
