/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/told_codes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "runtime/python_elf.h"

#define CHUNK (1U << 20)
#define MOST_BYTES (512ULL << 20)	/* of a process's memory that are looked through: some 0.4 s */
#define HEAPS 4096			/* mappings that are looked through */
#define FILES 8				/* that are remembered; a host has few Pythons */
#define CO_NESTED 0x10			/* a function within a function */

struct told_file {
	__u64 dev, ino;
	bool is_python;
	struct python_elf elf;
};

struct range {
	__u64 start, end;
};

struct told_finder {
	struct range heap[HEAPS];	/* of the process at hand */
	__u64 known[TOLD_CODES_MAX];	/* where they were in the last process that had them */
	struct told_file file[FILES];
	unsigned n_files, next;
	__u8 *chunk;
};

int told_finder__new(struct told_finder **out)
{
	struct told_finder *f = calloc(1, sizeof(*f));

	*out = NULL;
	if (!f)
		return -ENOMEM;
	f->chunk = malloc(CHUNK);
	if (!f->chunk) {
		free(f);
		return -ENOMEM;
	}
	*out = f;
	return 0;
}

void told_finder__free(struct told_finder *f)
{
	if (!f)
		return;
	free(f->chunk);
	free(f);
}

/* A line of /proc/PID/maps. */
struct mapping {
	__u64 start, end, pgoff, ino;
	unsigned major, minor;
	char perms[5];
	char path[256];
};

static bool next_mapping(FILE *maps, struct mapping *m)
{
	unsigned long long start, end, pgoff, ino;
	char line[512];

	while (fgets(line, sizeof(line), maps)) {
		m->path[0] = 0;
		if (!strchr(line, '\n'))		/* a longer path: skip its rest */
			while (fgets(line + 256, 256, maps) && !strchr(line + 256, '\n'))
				;
		if (sscanf(line, "%llx-%llx %4s %llx %x:%x %llu %255[^\n]", &start, &end, m->perms, &pgoff,
			   &m->major, &m->minor, &ino, m->path) < 7)
			continue;
		m->start = start;
		m->end = end;
		m->pgoff = pgoff;
		m->ino = ino;
		return true;
	}
	return false;
}

/* What the mapped file is; NULL: no supported interpreter. */
static const struct python_elf *file_of(struct told_finder *f, pid_t tgid, const struct mapping *m)
{
	__u64 dev = (__u64)m->major << 32 | m->minor;
	char path[96], reason[160];
	struct told_file *t;
	int fd;

	for (unsigned i = 0; i < f->n_files; i++)
		if (f->file[i].dev == dev && f->file[i].ino == m->ino)
			return f->file[i].is_python ? &f->file[i].elf : NULL;
	snprintf(path, sizeof(path), "/proc/%d/map_files/%llx-%llx", tgid, m->start, m->end);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return NULL;
	t = &f->file[f->next];
	*t = (struct told_file){ .dev = dev, .ino = m->ino };
	t->is_python = python_elf__open(fd, m->path, &t->elf, reason, sizeof(reason)) == 1;
	close(fd);
	if (!t->is_python)
		return NULL;
	f->next = (f->next + 1) % FILES;
	if (f->n_files < FILES)
		f->n_files++;
	return &t->elf;
}

/* PyThreadState.datastack_limit (Include/cpython/pystate.h); 0: not known, or there is none. */
static __u32 limit_of(const struct wt_py_layout *l)
{
	static const __u16 offset[] = { 312, 248, 248, 248 };	/* from 3.11 on */

	return l->minor >= 11 && l->minor <= 14 ? offset[l->minor - 11] : 0;
}

/* Nothing but a program or its library is an interpreter: not all files are opened. */
static bool may_be_python(const struct mapping *m)
{
	return m->perms[2] == 'x' && m->ino && strstr(m->path, "ython");
}

/* The layout of frames for the kernel side; true: there is an interpreter. */
static bool find_python(struct told_finder *f, pid_t tgid, FILE *maps, struct wt_told_code *out)
{
	const struct python_elf *e;
	struct mapping m;
	__u64 bias;

	while (next_mapping(maps, &m)) {
		e = may_be_python(&m) ? file_of(f, tgid, &m) : NULL;
		if (!e)
			continue;
		bias = python_elf__bias(e, m.start, m.pgoff);
		*out = (struct wt_told_code){
			.tss = bias + e->runtime + e->version->tss,
			.code_type = bias + e->code_type,
			.l = e->version->l,
		};
		/* PyFrameObject up to 3.10: behind the stack of blocks; then behind what we read */
		out->f_locals = out->l.style != WT_PY_OBJECTS ? out->l.f_size :
				out->l.minor == 10 ? 352 : 360;
		return true;
	}
	return false;
}

static bool read_at(pid_t tgid, __u64 at, void *to, size_t n)
{
	struct iovec local = { to, n }, remote = { (void *)(uintptr_t)at, n };

	return process_vm_readv(tgid, &local, 1, &remote, 1, 0) == (ssize_t)n;
}

/* The last bytes of an ASCII string, terminated; false: it is none. */
static bool read_tail(pid_t tgid, const struct wt_py_layout *l, __u64 at, char *out, size_t size)
{
	__u64 head[5], n, skip;

	if (!read_at(tgid, at, head, sizeof(head)) || (head[4] & (7 << 2)) != 1 << 2 || !(head[4] & 64))
		return false;
	n = head[2];
	if (n > 4096)
		return false;
	skip = n >= size ? n - size + 1 : 0;
	out[n - skip] = 0;
	return read_at(tgid, at + l->s_ascii + skip, out, n - skip);
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcmp(s + n - m, end);
}

static __u64 word(const __u8 *code, unsigned off)
{
	__u64 v;

	memcpy(&v, code + off, sizeof(v));
	return v;
}

/* Which of the functions that is: 0 the inner one, 1 and 2 those that call it, -1 none. */
static int which(pid_t tgid, const struct wt_py_layout *l, __u64 type, __u64 at)
{
	char name[32], file[64];
	__u8 code[256];
	__u32 flags;

	if (!read_at(tgid, at, code, l->c_size) || word(code, 8) != type ||
	    !read_tail(tgid, l, word(code, l->c_name), name, sizeof(name)))
		return -1;
	memcpy(&flags, code + l->c_flags, sizeof(flags));
	if (!ends_with(name, "trace_task") && !ends_with(name, "trace_task_ret"))
		return -1;
	if (!read_tail(tgid, l, word(code, l->c_filename), file, sizeof(file)) ||
	    !ends_with(file, "celery/app/trace.py"))
		return -1;
	if (flags & CO_NESTED)
		return 0;
	return ends_with(name, "fast_trace_task") ? 1 : ends_with(name, "trace_task_ret") ? 2 : -1;
}

struct search {
	pid_t tgid;
	const struct wt_told_code *python;
	struct told_code *out;
	unsigned found;			/* a bit each */
};

static void look_at(struct search *s, __u64 at)
{
	int i = which(s->tgid, &s->python->l, s->python->code_type, at);

	if (i < 0 || s->found & 1U << i)
		return;
	s->out[i].address = at;
	s->out[i].code = *s->python;
	s->out[i].code.what = i ? WT_TOLD_CALLER : WT_TOLD_TASK;
	s->found |= 1U << i;
}

/* An object's second word is its type. */
static void search_chunk(struct told_finder *f, struct search *s, __u64 at, __u64 n)
{
	if (!read_at(s->tgid, at, f->chunk, n))
		return;
	for (__u64 i = 8; i + 8 <= n && s->found != 7; i += 8) {
		__u64 v;

		memcpy(&v, f->chunk + i, sizeof(v));
		if (v == s->python->code_type)
			look_at(s, at + i - 8);
	}
}

/*
 * Modules are imported first.  The C library's heap, which has the larger objects, grows upwards; the
 * interpreter's own allocator gets its memory from the kernel downwards.
 */
static void search_range(struct told_finder *f, struct search *s, __u64 start, __u64 end, bool down)
{
	for (__u64 done = 0, size = end - start, n; done < size && s->found != 7; done += n) {
		n = size - done < CHUNK ? size - done : CHUNK;
		search_chunk(f, s, down ? end - done - n : start + done, n);
	}
}

/*
 * The state of the process's first thread: its number lies there, and its struct pthread, in
 * which the number lies as well (at 0x2d0: glibc, x86-64).
 */
static __u64 state_at(pid_t tgid, const struct wt_py_layout *l, __u64 number, __u64 at)
{
	__u64 state = at - l->ts_native, thread;
	__u32 tid;

	if (!read_at(tgid, state + l->ts_thread, &thread, sizeof(thread)) ||
	    !read_at(tgid, thread + 0x2d0, &tid, sizeof(tid)) || tid != number)
		return 0;
	return state;
}

/* Its own number of the process, as the innermost pid namespace counts; 0: not known. */
static __u64 own_number(pid_t tgid)
{
	char path[64], line[256], *last;
	__u64 n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", tgid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, "NSpid:", 6)) {
			last = strrchr(line, '\t');
			n = last ? strtoull(last, NULL, 10) : 0;
		}
	if (f)
		fclose(f);
	return n;
}

static __u64 find_state(struct told_finder *f, pid_t tgid, FILE *maps, const struct wt_py_layout *l)
{
	__u64 number = own_number(tgid), found = 0;
	struct mapping m;

	rewind(maps);
	while (number && !found && next_mapping(maps, &m)) {
		if (m.perms[0] != 'r' || m.perms[1] != 'w')
			continue;
		for (__u64 at = m.start; at < m.end && !found; at += CHUNK) {
			__u64 n = m.end - at < CHUNK ? m.end - at : CHUNK, v;

			if (!read_at(tgid, at, f->chunk, n))
				continue;
			for (__u64 i = 0; i + 8 <= n && !found; i += 8) {
				memcpy(&v, f->chunk + i, sizeof(v));
				if (v == number)
					found = state_at(tgid, l, number, at + i);
			}
		}
	}
	return found;
}

static bool has_greenlets(FILE *maps)
{
	struct mapping m;

	rewind(maps);
	while (next_mapping(maps, &m))
		if (strstr(m.path, "/_greenlet."))
			return true;
	return false;
}

/* The word that says whose memory the first thread has its frames in; 3 or 4 words are known now. */
static int add_stack(struct told_finder *f, pid_t tgid, FILE *maps, struct told_code out[TOLD_WORDS_MAX])
{
	const struct wt_told_code *python = &out[0].code;
	__u32 limit = limit_of(&python->l);
	__u64 state;

	if (!limit || !has_greenlets(maps))
		return TOLD_CODES_MAX;
	state = find_state(f, tgid, maps, &python->l);
	if (!state)
		return TOLD_CODES_MAX;
	out[TOLD_CODES_MAX] = (struct told_code){ state + limit, *python };
	out[TOLD_CODES_MAX].code.what = WT_TOLD_STACK;
	for (unsigned i = 0; i < TOLD_WORDS_MAX; i++)
		out[i].code.ts_limit = limit;
	return TOLD_WORDS_MAX;
}

static bool is_heap(const struct mapping *m)
{
	return m->perms[0] == 'r' && m->perms[1] == 'w' && !m->ino && strcmp(m->path, "[stack]");
}

/* The highest first; of more than HEAPS the highest. */
static void search_heaps(struct told_finder *f, struct search *s, FILE *maps)
{
	__u64 left = MOST_BYTES / 2, bytes;
	struct mapping m;
	unsigned n = 0;

	rewind(maps);
	while (next_mapping(maps, &m)) {
		if (!is_heap(&m))
			continue;
		if (strcmp(m.path, "[heap]"))
			f->heap[n++ % HEAPS] = (struct range){ m.start, m.end };
		else
			search_range(f, s, m.start, m.end - m.start < left ? m.end : m.start + left, false);
	}
	for (unsigned i = 0; i < HEAPS && i < n && left && s->found != 7; i++) {
		const struct range *r = &f->heap[(n - 1 - i) % HEAPS];

		bytes = r->end - r->start < left ? r->end - r->start : left;
		search_range(f, s, r->end - bytes, r->end, true);
		left -= bytes;
	}
}

/* A worker that was forked has them where its parent has. */
static void look_at_known(const struct told_finder *f, struct search *s)
{
	for (unsigned i = 0; i < TOLD_CODES_MAX && f->known[i]; i++)
		look_at(s, f->known[i]);
}

int told_finder__look(struct told_finder *f, pid_t tgid, struct told_code out[TOLD_WORDS_MAX])
{
	struct search s = { .tgid = tgid, .out = out };
	struct wt_told_code python;
	char path[64];
	FILE *maps;
	int n;

	snprintf(path, sizeof(path), "/proc/%d/maps", tgid);
	maps = fopen(path, "re");
	if (!maps)
		return errno == ENOENT ? -ESRCH : -errno;
	if (!find_python(f, tgid, maps, &python)) {
		fclose(maps);
		return -ENOENT;
	}
	s.python = &python;
	look_at_known(f, &s);
	if (s.found != 7)
		search_heaps(f, &s, maps);
	for (unsigned i = 0; i < TOLD_CODES_MAX && s.found == 7; i++)
		f->known[i] = out[i].address;
	n = s.found == 7 ? add_stack(f, tgid, maps, out) : 0;
	fclose(maps);
	return n;
}
