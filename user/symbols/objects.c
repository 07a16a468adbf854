/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/objects.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

#include "symbols/debugfile.h"
#include "symbols/symbols.h"

#define SWEEP_FIRST 8192
/* Ids must fit beside a frame's flags (frames.h). */
#define MAX_OBJECTS (1U << 24)

static const char *base_name(char *path)
{
	char *slash = strrchr(path, '/'), *deleted = strstr(path, " (deleted)");

	if (deleted && !deleted[10])
		*deleted = '\0';
	return slash ? slash + 1 : path;
}

static __u32 take_id(struct objects *o)
{
	struct object *obj;
	__u32 id, cap;

	/* sweeps leave holes; n only ever grows, so they are looked for while there are many */
	for (id = OBJ_FIRST_FILE; o->n > 2 * (o->live + SWEEP_FIRST) && id < o->n; id++)
		if (!o->obj[id].in_use)
			return id;
	if (o->n == o->cap) {
		cap = o->cap ? o->cap * 2 : 256;
		obj = cap <= MAX_OBJECTS ? reallocarray(o->obj, cap, sizeof(*obj)) : NULL;
		if (!obj)
			return OBJ_NONE;
		memset(obj + o->cap, 0, (cap - o->cap) * sizeof(*obj));
		o->obj = obj;
		o->cap = cap;
	}
	return o->n++;
}

static __u32 new_object(struct objects *o, const char *path)
{
	char *copy = strdup(path);
	__u32 id = copy ? take_id(o) : OBJ_NONE;
	struct object *obj;

	if (!id) {
		free(copy);
		return OBJ_NONE;
	}
	obj = &o->obj[id];
	memset(obj, 0, sizeof(*obj));
	obj->in_use = true;
	obj->fd = obj->debug_fd = -1;
	obj->path = copy;
	obj->module = base_name(copy);
	if (!*obj->module)
		obj->module = "file";
	o->live += id >= OBJ_FIRST_FILE;
	return id;
}

/* Our own vdso is everybody's (of the same word size). */
static void copy_vdso(struct objects *o)
{
	const char *at = (const char *)(uintptr_t)getauxval(AT_SYSINFO_EHDR);
	FILE *f = at ? fopen("/proc/self/maps", "re") : NULL;
	unsigned long start, end;
	char line[PATH_MAX + 128];

	while (f && !o->vdso && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx", &start, &end) != 2 || start != (unsigned long)at)
			continue;
		o->vdso = malloc(end - start);
		o->vdso_len = o->vdso ? end - start : 0;
		if (o->vdso)
			memcpy(o->vdso, at, o->vdso_len);
	}
	if (f)
		fclose(f);
}

int objects__init(struct objects *o)
{
	static const char *const fixed[OBJ_FIRST_FILE] = {
		"", "unmapped", "anon", "vsyscall", "vdso", "vdso", "uprobes", "kernel",
		"folded", "runtime",
	};
	__u32 i;

	memset(o, 0, sizeof(*o));
	o->max_pinned = OBJECTS_MAX_PINNED;
	o->sweep_at = SWEEP_FIRST;
	o->n = 1;
	o->cap = 64;
	o->obj = calloc(o->cap, sizeof(*o->obj));
	if (!o->obj)
		return -ENOMEM;
	for (i = 1; i < OBJ_FIRST_FILE; i++)
		if (new_object(o, fixed[i]) != i)
			return -ENOMEM;
	copy_vdso(o);
	return 0;
}

static void drop_syms(struct objects *o, struct object *obj)
{
	if (!obj->syms)
		return;
	o->syms_bytes -= elfsyms__bytes(obj->syms);
	elfsyms__free(obj->syms);
	obj->syms = NULL;
}

static __u32 hash_ino(const struct object *obj)
{
	return hash_u64(hash_u64(obj->maj, obj->min), obj->ino);
}

static void close_files(struct object *obj)
{
	if (obj->fd >= 0)
		close(obj->fd);
	if (obj->debug_fd >= 0)
		close(obj->debug_fd);
	obj->fd = obj->debug_fd = -1;
}

static void unpin(struct objects *o, __u32 slot)
{
	struct object *obj = &o->obj[o->pinned[slot]];

	drop_syms(o, obj);
	close_files(obj);
	/* once closed, the inode's number may become another file's */
	if (obj->ino)
		idtab__del(&o->by_ino, hash_ino(obj), o->pinned[slot]);
	obj->ino = 0;
	o->pinned[slot] = o->pinned[--o->n_pinned];
}

static void unpin_oldest(struct objects *o)
{
	__u32 i, best = 0;

	for (i = 1; i < o->n_pinned; i++)
		if (o->obj[o->pinned[i]].used < o->obj[o->pinned[best]].used)
			best = i;
	if (!o->n_pinned)
		return;
	if (o->obj[o->pinned[best]].frames && o->resolve)
		o->resolve(o->ctx, o->pinned[best]);
	unpin(o, best);
}

static int open_file(struct objects *o, const struct symbols_mmap *m, __u8 *id, unsigned *len,
		     bool *elf)
{
	int fd;

	if (o->n_pinned >= o->max_pinned)
		unpin_oldest(o);
	fd = objopen(m, id, len, elf);
	if (fd < 0 && (errno == EMFILE || errno == ENFILE) && o->n_pinned) {
		o->max_pinned = o->n_pinned > 16 ? o->n_pinned - 8 : 8;
		unpin_oldest(o);
		fd = objopen(m, id, len, elf);
	}
	return fd;
}

static __s64 file_time(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec;
}

/* Takes fd over.  m may have no inode (build id only). */
static void set_pinned(struct objects *o, __u32 id, int fd, bool elf, const struct symbols_mmap *m)
{
	struct object *obj = &o->obj[id];

	obj->fd = fd;
	obj->debug_fd = elf ? debugfile__of_process(fd, m->tgid, m->path) : -1;
	obj->elf = elf;
	obj->syms_failed = false;
	obj->gone = 0;
	obj->mtime_ns = file_time(fd);
	o->pinned[o->n_pinned++] = id;
	if (!m->ino)
		return;
	obj->maj = m->maj;
	obj->min = m->min;
	obj->ino = m->ino;
	if (idtab__add(&o->by_ino, hash_ino(obj), id))
		obj->ino = 0;
}

static __u32 find_build_id(struct objects *o, const __u8 *bid, unsigned len)
{
	__u32 h = hash_bytes(len, bid, len), pos, id;

	for (id = idtab__first(&o->by_id, h, &pos); id; id = idtab__next(&o->by_id, h, &pos))
		if (o->obj[id].build_id_len == len && !memcmp(o->obj[id].build_id, bid, len))
			return id;
	return OBJ_NONE;
}

static __u32 find_inode(struct objects *o, const struct symbols_mmap *m)
{
	const struct object key = { .maj = m->maj, .min = m->min, .ino = m->ino };
	__u32 h = hash_ino(&key), pos, id;

	for (id = idtab__first(&o->by_ino, h, &pos); id; id = idtab__next(&o->by_ino, h, &pos)) {
		const struct object *obj = &o->obj[id];

		if (obj->maj == m->maj && obj->min == m->min && obj->ino == m->ino &&
		    file_time(obj->fd) == obj->mtime_ns)
			return id;
	}
	return OBJ_NONE;
}

/* A new object with that build id, or with none. */
static __u32 add_object(struct objects *o, const char *path, const __u8 *bid, unsigned len)
{
	__u32 id = new_object(o, path ? path : "");
	struct object *obj = &o->obj[id];

	if (!id || !len)
		return id;
	if (len > BUILD_ID_MAX)
		len = BUILD_ID_MAX;
	memcpy(obj->build_id, bid, len);
	obj->build_id_len = len;
	idtab__add(&o->by_id, hash_bytes(len, bid, len), id);
	return id;
}

/* The file was found by build id; the next time its inode shall do. */
static void learn_inode(struct objects *o, __u32 id, int fd, const struct symbols_mmap *m)
{
	struct object *obj = &o->obj[id];
	struct stat ours, theirs;

	if (obj->ino || fstat(obj->fd, &ours) || fstat(fd, &theirs) ||
	    ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino)
		return;
	obj->maj = m->maj;
	obj->min = m->min;
	obj->ino = m->ino;
	if (idtab__add(&o->by_ino, hash_ino(obj), id))
		obj->ino = 0;
}

/* No build id came with the mapping: the file has to say who it is. */
static __u32 get_by_inode(struct objects *o, const struct symbols_mmap *m)
{
	__u32 id = find_inode(o, m);
	__u8 bid[BUILD_ID_MAX];
	unsigned len = 0;
	bool elf = false;
	int fd;

	if (id)
		return id;
	fd = open_file(o, m, bid, &len, &elf);
	id = len ? find_build_id(o, bid, len) : OBJ_NONE;
	if (!id)
		id = add_object(o, m->path, bid, len);
	if (fd < 0)
		return id;
	if (id && o->obj[id].fd < 0) {
		set_pinned(o, id, fd, elf, m);
		return id;
	}
	if (id)
		learn_inode(o, id, fd, m);
	close(fd);
	return id;
}

static __u32 special(const struct objects *o, const struct symbols_mmap *m)
{
	const char *path = m->path ? m->path : "";

	if (!strcmp(path, "[vdso]"))
		return m->len == o->vdso_len && m->start >= 1ULL << 32 ? OBJ_VDSO : OBJ_VDSO32;
	if (!strcmp(path, "[vsyscall]"))
		return OBJ_VSYSCALL;
	return strcmp(path, "[uprobes]") ? OBJ_ANON : OBJ_UPROBES;
}

__u32 objects__get(struct objects *o, const struct symbols_mmap *m)
{
	__u32 id;

	if (!m->build_id_len && !m->ino)
		return special(o, m);
	if (m->build_id_len) {
		id = find_build_id(o, m->build_id, m->build_id_len);
		if (!id)
			id = add_object(o, m->path, m->build_id, m->build_id_len);
		if (id)
			objects__pin(o, id, m);
	} else {
		id = get_by_inode(o, m);
	}
	if (id)
		o->obj[id].used = ++o->clock;
	return id;
}

bool objects__pin(struct objects *o, __u32 id, const struct symbols_mmap *m)
{
	struct symbols_mmap want = *m;
	__u8 bid[BUILD_ID_MAX];
	unsigned len = 0;
	bool elf = false;
	int fd;

	if (id < OBJ_FIRST_FILE || o->obj[id].fd >= 0)
		return true;
	if (o->obj[id].build_id_len) {
		want.build_id = o->obj[id].build_id;
		want.build_id_len = o->obj[id].build_id_len;
	}
	fd = open_file(o, &want, bid, &len, &elf);
	if (fd < 0)
		return false;
	set_pinned(o, id, fd, elf, &want);
	return true;
}

static void shrink_syms(struct objects *o)
{
	struct object *obj, *old;
	__u32 i;

	while (o->syms_bytes > OBJECTS_MAX_BYTES) {
		for (old = NULL, i = 0; i < o->n_pinned; i++) {
			obj = &o->obj[o->pinned[i]];
			if (obj->syms && (!old || obj->used < old->used))
				old = obj;
		}
		if (!old)
			return;
		drop_syms(o, old);
	}
}

const struct elfsyms *objects__syms(struct objects *o, __u32 id)
{
	struct object *obj = &o->obj[id];
	struct elfimg img = { .fd = obj->fd };

	if (id == OBJ_VDSO) {
		img.mem = o->vdso;
		img.size = o->vdso_len;
	}
	if (id < OBJ_FIRST_FILE && id != OBJ_VDSO)
		return NULL;
	obj->used = ++o->clock;
	if (obj->syms || obj->syms_failed || (obj->fd < 0 && !img.mem))
		return obj->syms;
	shrink_syms(o);
	obj->syms_failed = elfsyms__load_with(&obj->syms, &img, obj->path, obj->debug_fd);
	if (obj->syms)
		o->syms_bytes += elfsyms__bytes(obj->syms);
	return obj->syms;
}

static void forget(struct objects *o, __u32 id)
{
	struct object *obj = &o->obj[id];
	__u32 i;

	for (i = 0; i < o->n_pinned; i++)
		if (o->pinned[i] == id) {
			unpin(o, i);
			break;
		}
	if (obj->build_id_len)
		idtab__del(&o->by_id, hash_bytes(obj->build_id_len, obj->build_id,
						 obj->build_id_len), id);
	free(obj->path);
	memset(obj, 0, sizeof(*obj));
	obj->fd = obj->debug_fd = -1;
	o->live--;
}

void objects__sweep(struct objects *o)
{
	__u32 id;

	for (id = OBJ_FIRST_FILE; id < o->n; id++) {
		struct object *obj = &o->obj[id];

		if (obj->in_use && !obj->marked && !obj->kept && !obj->frames)
			forget(o, id);
		obj->marked = false;
	}
	o->sweep_at = o->live * 2 > SWEEP_FIRST ? o->live * 2 : SWEEP_FIRST;
}

void objects__clear(struct objects *o)
{
	__u32 id;

	for (id = 1; id < o->n; id++) {
		struct object *obj = &o->obj[id];

		elfsyms__free(obj->syms);
		if (obj->in_use)
			close_files(obj);
		free(obj->path);
	}
	free(o->obj);
	free(o->vdso);
	idtab__clear(&o->by_id);
	idtab__clear(&o->by_ino);
	memset(o, 0, sizeof(*o));
}
