/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/python.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "runtime/python_codes.h"
#include "runtime/python_elf.h"
#include "runtime/python_lines.h"
#include "util/log.h"

/* What a file was found to be; most are no interpreter. */
struct file {
	__u64 dev, ino;
	__s64 mtime_ns;
	struct python_elf *elf;	/* NULL: none, or none that is supported */
};


#define MAX_FILES 8192

struct python {
	int procs_fd, codes_fd;
	struct u64map by_file;		/* → index in file */
	struct file *file;
	__u32 n_file, cap_file;
	struct u64map by_tgid;		/* → object it was entered with */
	struct python_codes codes;
	struct python_stats stats;
};

int python__new(struct python **out, int procs_fd, int codes_fd)
{
	struct python *py = calloc(1, sizeof(*py));

	*out = py;
	if (!py)
		return -ENOMEM;
	py->procs_fd = procs_fd;
	py->codes_fd = codes_fd;
	return 0;
}

static void drop_files(struct python *py)
{
	for (__u32 i = 0; i < py->n_file; i++)
		free(py->file[i].elf);
	free(py->file);
	py->file = NULL;
	py->n_file = 0;
	py->cap_file = 0;
	u64map__free(&py->by_file);
}

void python__free(struct python *py)
{
	if (!py)
		return;
	drop_files(py);
	u64map__free(&py->by_tgid);
	python_codes__clear(&py->codes);
	free(py);
}

/* Looks into the file; NULL when it is no supported interpreter. */
static struct python_elf *recognise(struct python *py, int fd, const char *path)
{
	struct python_elf *e = malloc(sizeof(*e));
	char reason[160];
	int kind;

	if (!e)
		return NULL;
	kind = python_elf__open(fd, path, e, reason, sizeof(reason));
	if (kind == 1)
		return e;
	if (kind < 0) {
		py->stats.refused++;
		wt_warn("%s: no Python frames: %s", path, reason);
	}
	free(e);
	return NULL;
}

static struct file *new_file(struct python *py, __u64 key)
{
	if (py->n_file == MAX_FILES)
		drop_files(py);
	if (py->n_file == py->cap_file) {
		__u32 cap = py->cap_file ? py->cap_file * 2 : 64;
		struct file *grown = reallocarray(py->file, cap, sizeof(*grown));

		if (!grown)
			return NULL;
		py->file = grown;
		py->cap_file = cap;
	}
	if (!u64map__put(&py->by_file, key, py->n_file))
		return NULL;
	return &py->file[py->n_file++];
}

static const struct python_elf *look_up(struct python *py, int fd, const char *path)
{
	struct u64map_slot *slot;
	struct file want = { 0 }, *f;
	struct stat st;
	__u64 key;

	if (fd < 0 || fstat(fd, &st))
		return NULL;
	want.dev = st.st_dev;
	want.ino = st.st_ino;
	want.mtime_ns = st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
	key = u64_mix(want.ino ^ u64_mix(want.dev) ^ u64_mix(want.mtime_ns + 1));
	slot = u64map__find(&py->by_file, key);
	if (slot) {
		f = &py->file[slot->value];
		if (f->dev == want.dev && f->ino == want.ino && f->mtime_ns == want.mtime_ns)
			return f->elf;
	}
	want.elf = recognise(py, fd, path);
	f = new_file(py, key);
	if (!f) {
		free(want.elf);
		return NULL;
	}
	*f = want;
	return f->elf;
}

static void fill(struct wt_py *p, const struct python_elf *e, __u32 object, __u64 bias)
{
	*p = (struct wt_py){
		.tss = bias + e->runtime + e->version->tss,
		.code_type = bias + e->code_type,
		.gil = e->version->gil ? bias + e->runtime + e->version->gil : 0,
		.object = object,
		.l = e->version->l,
	};
	memcpy(p->range, e->range, sizeof(p->range));
}

__u32 python__enter(struct python *py, __u32 tgid, __u32 object, int fd, const char *path,
		    __u64 start, __u64 pgoff)
{
	const struct python_elf *e = look_up(py, fd, path);
	struct u64map_slot *slot;
	struct wt_py p;

	if (!e)
		return 0;
	/* one interpreter in a process: the first */
	slot = u64map__find(&py->by_tgid, tgid);
	if (slot && slot->value != object)
		return 0;
	fill(&p, e, object, python_elf__bias(e, start, pgoff));
	if (py->procs_fd >= 0 && bpf_map_update_elem(py->procs_fd, &tgid, &p, BPF_ANY))
		return 0;
	if (!slot && !u64map__put(&py->by_tgid, tgid, object))
		return 0;
	py->stats.processes += !slot;
	return WT_MAP_PY;
}

void python__leave(struct python *py, __u32 tgid)
{
	u64map__delete(&py->by_tgid, tgid);
	if (py->procs_fd >= 0)
		bpf_map_delete_elem(py->procs_fd, &tgid);
}

/* What has been sent is forgotten here, so it must be sent again. */
static void flush_sent(struct python *py)
{
	struct wt_py_key key, next;
	bool more;

	if (py->codes_fd < 0)
		return;
	more = !bpf_map_get_next_key(py->codes_fd, NULL, &key);
	for (unsigned i = 0; more && i < 2 * WT_MAX_PY_CODES; i++) {
		more = !bpf_map_get_next_key(py->codes_fd, &key, &next);
		bpf_map_delete_elem(py->codes_fd, &key);
		key = next;
	}
}

int python__on_code(struct python *py, const struct wt_ev_pycode *e, size_t size)
{
	bool flushed;
	int err = python_codes__add(&py->codes, e, size, &flushed);

	if (flushed)
		flush_sent(py);
	return err;
}

__u64 python__name(struct python *py, __u64 word, char *buf, size_t size)
{
	const struct python_content *c = python_codes__find(&py->codes, WT_FRAME_CODE(word));
	__u32 lasti = WT_FRAME_LASTI(word);
	unsigned line = 0;

	if (!c) {
		py->stats.unnamed++;
		snprintf(buf, size, "[python]");
		return 1;
	}
	if (lasti == WT_PY_NOWHERE) {
		line = c->firstlineno;
	} else {
		line = python_line(c->minor, c->table, c->table_len, c->cut, c->firstlineno, lasti);
		if (!line) {
			py->stats.lineless++;
			line = c->firstlineno;
		}
	}
	snprintf(buf, size, "%s (%s:%u)", *c->name ? c->name : "?", *c->file ? c->file : "?", line);
	return u64_mix(c->hash ^ (__u64)line << 32) | 2;
}

__u32 python__frame(struct python *py, struct symbols *s, __u64 word)
{
	char name[2200];
	__u64 key = python__name(py, word, name, sizeof(name));

	return symbols__runtime_frame(s, key, name);
}

int python__describe(int fd, const char *path, char *buf, size_t size)
{
	struct python_elf e;

	return python_elf__open(fd, path, &e, buf, size);
}

void python__stats(const struct python *py, struct python_stats *out)
{
	*out = py->stats;
	out->codes = py->codes.received;
	out->flushes = py->codes.flushes;
}
