/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/unwind_maps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unwind/chunks.h"
#include "util/log.h"

struct mapped_unwind {
	struct tracer_unwind_fds fd;
	struct chunks *chunks;
	void *rules, *objects, *wanted, *pool;
};

/* Elements of a mapped array are 8 bytes apart, or a multiple (bpf_map_mmap in the kernel). */
_Static_assert(sizeof(struct wt_rule) % 8 == 0 && sizeof(struct wt_object) % 8 == 0 &&
	       sizeof(struct wt_mapping) % 8 == 0, "arrays of these are mapped");

static size_t whole_pages(size_t n, size_t size)
{
	size_t page = sysconf(_SC_PAGESIZE);

	return (n * size + page - 1) / page * page;
}

#define RULES_SZ whole_pages(WT_MAX_RULES, sizeof(struct wt_rule))
#define OBJECTS_SZ whole_pages(WT_MAX_OBJECTS, sizeof(struct wt_object))
#define WANTED_SZ whole_pages(WT_MAX_OBJECTS, sizeof(__u64))
#define POOL_SZ whole_pages(WT_POOL_MAPPINGS, sizeof(struct wt_mapping))

static int map(void **out, int fd, size_t len)
{
	*out = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (*out != MAP_FAILED)
		return 0;
	*out = NULL;
	return -errno;
}

static int get_space(void *ctx, __u32 tgid, struct wt_space *sp)
{
	const struct mapped_unwind *m = ctx;

	return bpf_map_lookup_elem(m->fd.spaces, &tgid, sp) ? -errno : 0;
}

/* Threads on the kernel side keep what they have found: not any longer. */
static void space_changed(const struct mapped_unwind *m)
{
	__atomic_add_fetch(m->fd.space_changes, 1, __ATOMIC_RELEASE);
}

static int set_space(void *ctx, __u32 tgid, const struct wt_space *sp)
{
	const struct mapped_unwind *m = ctx;
	int err = bpf_map_update_elem(m->fd.spaces, &tgid, sp, BPF_ANY) ? -errno : 0;

	space_changed(m);
	return err;
}

static int drop_space(void *ctx, __u32 tgid)
{
	const struct mapped_unwind *m = ctx;
	int err = bpf_map_delete_elem(m->fd.spaces, &tgid) ? -errno : 0;

	space_changed(m);
	return err;
}

int unwind_maps__open(struct mapped_unwind **out, const struct tracer *t, struct unwind_maps *maps)
{
	struct mapped_unwind *m = calloc(1, sizeof(*m));
	int err = -ENOMEM;

	*out = NULL;
	if (m) {
		tracer__unwind_fds(t, &m->fd);
		err = map(&m->rules, m->fd.rules, RULES_SZ);
		if (!err)
			err = map(&m->objects, m->fd.objects, OBJECTS_SZ);
		if (!err)
			err = map(&m->wanted, m->fd.wanted, WANTED_SZ);
		if (!err)
			err = map(&m->pool, m->fd.pool, POOL_SZ);
		if (!err)
			err = chunks__new(&m->chunks, m->fd.rows);
	}
	if (err) {
		unwind_maps__close(m);
		return wt_error(err, "cannot map the unwind tables");
	}
	maps->spaces = (struct spaces_maps){ m->pool, m, get_space, set_space, drop_space };
	maps->tables = (struct tables_maps){
		.rules = m->rules, .objects = m->objects, .wanted = m->wanted,
		.chunk = chunks__get, .make_chunks = chunks__make, .ctx = m->chunks,
	};
	maps->py_procs_fd = m->fd.py_procs;
	maps->py_code_fd = m->fd.py_code;
	maps->jvm_procs_fd = m->fd.jvm_procs;
	*out = m;
	return 0;
}

static void unmap(void *p, size_t len)
{
	if (p)
		munmap(p, len);
}

void unwind_maps__close(struct mapped_unwind *m)
{
	if (!m)
		return;
	chunks__free(m->chunks);
	unmap(m->rules, RULES_SZ);
	unmap(m->objects, OBJECTS_SZ);
	unmap(m->wanted, WANTED_SZ);
	unmap(m->pool, POOL_SZ);
	free(m);
}
