// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/chunks.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/log.h"

#define CHUNK_SZ (WT_CHUNK_ROWS * sizeof(struct wt_row))
_Static_assert(WT_CHUNK_ROWS * sizeof(struct wt_row) % 65536 == 0, "whole pages of any size");

struct chunks {
	int fd;
	bool said;
	struct wt_row *rows[WT_MAX_CHUNKS];
};

int chunks__new(struct chunks **out, int cfi_rows_fd)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	(*out)->fd = cfi_rows_fd;
	return 0;
}

void chunks__free(struct chunks *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < WT_MAX_CHUNKS; i++)
		if (c->rows[i])
			munmap(c->rows[i], CHUNK_SZ);
	free(c);
}

/* The inner map needs no descriptor once it is in cfi_rows and mapped: both keep it. */
static int make(struct chunks *c, __u32 index)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	void *rows = MAP_FAILED;
	int fd, err = 0;

	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "cfi_chunk", sizeof(__u32), sizeof(struct wt_row),
			    WT_CHUNK_ROWS, &opts);
	if (fd < 0)
		return -errno;
	rows = mmap(NULL, CHUNK_SZ, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (rows == MAP_FAILED || bpf_map_update_elem(c->fd, &index, &fd, BPF_ANY)) {
		err = -errno;
		if (rows != MAP_FAILED)
			munmap(rows, CHUNK_SZ);
	} else {
		c->rows[index] = rows;
	}
	close(fd);
	return err;
}

struct wt_row *chunks__get(void *ctx, unsigned index)
{
	struct chunks *c = ctx;
	int err;

	if (index >= WT_MAX_CHUNKS)
		return NULL;
	if (!c->rows[index]) {
		err = make(c, index);
		if (err && !c->said) {
			c->said = true;
			wt_error(err, "cannot make room for more unwind tables");
		}
	}
	return c->rows[index];
}
