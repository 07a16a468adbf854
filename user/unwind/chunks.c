// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/chunks.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/log.h"

#define BATCH 64		/* descriptors that are open at once */
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

/* A chunk's map, and its rows; a descriptor, or a negative errno. */
static int create(struct wt_row **rows)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = BPF_F_MMAPABLE);
	void *at;
	int fd, err;

	fd = bpf_map_create(BPF_MAP_TYPE_ARRAY, "cfi_chunk", sizeof(__u32), sizeof(struct wt_row),
			    WT_CHUNK_ROWS, &opts);
	if (fd < 0)
		return -errno;
	at = mmap(NULL, CHUNK_SZ, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED) {
		err = -errno;
		close(fd);
		return err;
	}
	*rows = at;
	return fd;
}

/* The inner map needs no descriptor once it is in cfi_rows and mapped: both keep it. */
static int make(struct chunks *c, __u32 index)
{
	struct wt_row *rows;
	int fd = create(&rows), err = 0;

	if (fd < 0)
		return fd;
	if (bpf_map_update_elem(c->fd, &index, &fd, BPF_ANY)) {
		err = -errno;
		munmap(rows, CHUNK_SZ);
	} else {
		c->rows[index] = rows;
	}
	close(fd);
	return err;
}

/* Chunks that go into cfi_rows together. */
struct batch {
	__u32 index[BATCH];
	int fd[BATCH];
	struct wt_row *rows[BATCH];
	__u32 n;
};

/* Those that went in are there, of the others nothing is left. */
static bool put(struct chunks *c, struct batch *b)
{
	__u32 done = b->n;
	bool ok = !b->n || !bpf_map_update_batch(c->fd, b->index, b->fd, &done, NULL);

	/* on an error the count may be that of any */
	for (__u32 i = 0; i < b->n; i++) {
		if (ok)
			c->rows[b->index[i]] = b->rows[i];
		else
			munmap(b->rows[i], CHUNK_SZ);
		close(b->fd[i]);
	}
	b->n = 0;
	return ok;
}

void chunks__make(void *ctx, unsigned first, unsigned last)
{
	struct batch b = { .n = 0 };
	struct chunks *c = ctx;
	bool ok = true;

	for (unsigned i = first; ok && i <= last && i < WT_MAX_CHUNKS; i++) {
		if (c->rows[i])
			continue;
		b.index[b.n] = i;
		b.fd[b.n] = create(&b.rows[b.n]);
		if (b.fd[b.n] < 0)
			break;
		if (++b.n == BATCH)
			ok = put(c, &b);
	}
	put(c, &b);
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
