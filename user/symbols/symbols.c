/* SPDX-License-Identifier: GPL-2.0-or-later */
/* symbols.c - addresses to frames; naming.c turns frames into names. */
#include "symbols/symbols_impl.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "symbols/procmaps.h"
#include "util/log.h"

#define PAGE_MASK_OFF 0xfffULL
#define VSYSCALL_START 0xffffffffff600000ULL
/* The clock tick of /proc/PID/stat, twice. */
#define START_SLACK_NS 20000000LL

int symbols__new(struct symbols **out)
{
	struct symbols *s = calloc(1, sizeof(*s));
	int err = -ENOMEM;

	*out = NULL;
	if (s) {
		s->kallsyms = "/proc/kallsyms";
		err = objects__init(&s->objects);
		if (!err)
			err = frames__init(&s->frames);
		if (!err)
			err = naming__init(s);
	}
	if (err) {
		symbols__free(s);
		return wt_error(err, "cannot set up the symbol tables");
	}
	s->objects.resolve = naming__resolve_object;
	s->objects.ctx = s;
	*out = s;
	return 0;
}

void symbols__free(struct symbols *s)
{
	if (!s)
		return;
	images__clear(&s->images);
	objects__clear(&s->objects);
	frames__clear(&s->frames);
	strpool__clear(&s->names);
	jit__clear(&s->jit);
	inlined__free(s->inlined);
	ksyms__free(s->ksyms);
	free(s);
}

int symbols__want_inlines(struct symbols *s)
{
	int err = inlined__enable(s);

	return err ? wt_error(err, "cannot set up inlined functions") : 0;
}

static bool to_mapping(struct symbols *s, const struct symbols_mmap *m, struct mapping *out)
{
	struct symbols_mmap bounded = *m;

	memset(out, 0, sizeof(*out));
	if (!m->len || m->start + m->len < m->start)
		return false;
	if (!m->build_id)
		bounded.build_id_len = 0;
	if (bounded.build_id_len > BUILD_ID_MAX)
		bounded.build_id_len = BUILD_ID_MAX;
	out->start = m->start;
	out->end = m->start + m->len;
	out->pgoff = m->pgoff;
	out->object = objects__get(&s->objects, &bounded);
	/* the vdso's offsets are those of its image, whatever the kernel says of the mapping */
	if (out->object == OBJ_VDSO || out->object == OBJ_VDSO32)
		out->pgoff = 0;
	return out->object != OBJ_NONE;
}

void symbols__on_mmap(struct symbols *s, const struct symbols_mmap *m)
{
	struct mapping map;

	if (s->see_mmap)
		s->see_mmap(s->see_ctx, m);
	if (!to_mapping(s, m, &map))
		return;
	images__map(&s->images, m->tgid, m->time_ns, &map);
	if (s->watch.mapped)
		s->watch.mapped(s->watch.ctx, m->tgid);
}

void symbols__on_fork(struct symbols *s, __u32 tgid, __u32 ptgid, __u64 time_ns)
{
	if (tgid == ptgid)
		return;
	images__fork(&s->images, tgid, ptgid, time_ns);
	if (s->watch.forked)
		s->watch.forked(s->watch.ctx, tgid, ptgid);
}

void symbols__on_exec(struct symbols *s, __u32 tgid, __u64 time_ns)
{
	images__exec(&s->images, tgid, time_ns);
	if (s->watch.execed)
		s->watch.execed(s->watch.ctx, tgid);
}

void symbols__on_exit(struct symbols *s, __u32 tgid, __u64 time_ns)
{
	images__exit(&s->images, tgid, time_ns);
	if (s->watch.exited)
		s->watch.exited(s->watch.ctx, tgid);
}

struct seed {
	struct symbols *s;
	struct generation *g;
	__u64 time_ns;
};

static void seed_one(void *ctx, const struct symbols_mmap *m)
{
	struct seed *seed = ctx;
	struct mapping map;

	if (to_mapping(seed->s, m, &map))
		images__seed_mapping(seed->g, seed->time_ns, &map);
}

int symbols__seed(struct symbols *s, __u32 tgid, __u64 time_ns)
{
	struct seed seed = { .s = s, .time_ns = time_ns };
	int err;

	seed.g = images__at(&s->images, tgid, time_ns, true);
	if (!seed.g)
		return -ENOMEM;
	err = procmaps__each(tgid, seed_one, &seed);
	seed.g->asked = true;
	if (!err)
		seed.g->whole = true;
	else if (err == -ESRCH)
		images__exit(&s->images, tgid, time_ns);
	return err == -ESRCH ? 0 : err;
}

static void mark_object(void *ctx, __u32 object)
{
	struct symbols *s = ctx;

	s->objects.obj[object].marked = true;
}

void symbols__expire(struct symbols *s, __u64 time_ns)
{
	images__expire(&s->images, time_ns);
	if (s->objects.live < s->objects.sweep_at)
		return;
	images__each_object(&s->images, mark_object, s);
	objects__sweep(&s->objects);
}

/* A process that the side-band and the seeds left incomplete: /proc may know, once. */
static struct generation *ask_proc(struct symbols *s, __u32 tgid, __u64 time_ns,
				   struct generation *g)
{
	__s64 start_ns;

	if (g && (g->whole || g->asked))
		return g;
	g = images__at(&s->images, tgid, time_ns, true);
	if (!g)
		return NULL;
	g->asked = true;
	if (procmaps__start(tgid, &start_ns)) {
		images__exit(&s->images, tgid, time_ns);
		return g;
	}
	/* the number belongs to another process by now */
	if (start_ns > (__s64)time_ns + START_SLACK_NS)
		return g;
	symbols__seed(s, tgid, time_ns);
	return images__at(&s->images, tgid, time_ns, false);
}

struct generation *symbols__generation(struct symbols *s, __u32 tgid, __u64 time_ns)
{
	return ask_proc(s, tgid, time_ns, images__at(&s->images, tgid, time_ns, false));
}

/* One process's mapping of an object that could not be opened, counted once. */
static void count_gone(struct symbols *s, struct generation *g, __u32 object)
{
	__u32 i, *gone;

	for (i = 0; i < g->n_gone; i++)
		if (g->gone[i] == object)
			return;
	gone = reallocarray(g->gone, g->n_gone + 1, sizeof(*gone));
	if (!gone)
		return;
	g->gone = gone;
	gone[g->n_gone++] = object;
	s->objects.obj[object].gone++;
}

__u32 symbols__intern(struct symbols *s, __u32 object, __u64 off)
{
	struct object *obj = &s->objects.obj[object];
	bool fresh;
	__u32 id = frames__intern(&s->frames, object, off, &fresh);

	if (fresh) {
		frames__get(&s->frames, id)->next = obj->unnamed;
		obj->unnamed = id;
		obj->frames++;
	}
	return id;
}

void symbols__pin(struct symbols *s, struct generation *g, __u32 tgid, const struct mapping *m)
{
	const struct object *obj = &s->objects.obj[m->object];
	const struct symbols_mmap again = {
		.tgid = tgid, .start = m->start, .len = m->end - m->start,
		.path = obj->path, .maj = obj->maj, .min = obj->min, .ino = obj->ino,
	};
	__u32 i;

	if (obj->fd >= 0)
		return;
	for (i = 0; i < g->n_gone && g->gone[i] != m->object; i++)
		;
	if (i == g->n_gone && !objects__pin(&s->objects, m->object, &again))
		count_gone(s, g, m->object);
}

static __u32 file_frame(struct symbols *s, struct generation *g, __u32 tgid, __u64 time_ns,
			__u64 ip, const struct mapping *m)
{
	struct object *obj = &s->objects.obj[m->object];
	__u64 off = ip - m->start + m->pgoff;

	obj->used = ++s->objects.clock;
	symbols__pin(s, g, tgid, m);
	/* shared memory and other files that no linker made */
	if (obj->fd >= 0 && !obj->elf)
		return anoncode__frame(s, g, tgid, time_ns, ip, m);
	return symbols__intern(s, m->object, off);
}

__u32 symbols__user_frame(struct symbols *s, __u32 tgid, __u64 time_ns, __u64 ip,
			  bool return_address)
{
	struct generation *g;
	const struct mapping *m;

	/* the call is before the address it returns to, perhaps in another function */
	if (return_address && ip)
		ip--;
	if ((ip & ~PAGE_MASK_OFF) == VSYSCALL_START)
		return symbols__intern(s, OBJ_VSYSCALL, 0);
	g = images__at(&s->images, tgid, time_ns, false);
	m = g ? images__find(g, time_ns, ip) : NULL;
	if (!m) {
		g = ask_proc(s, tgid, time_ns, g);
		m = g ? images__find(g, time_ns, ip) : NULL;
	}
	if (!m) {
		s->no_mapping++;
		return symbols__intern(s, OBJ_UNMAPPED, ip & ~PAGE_MASK_OFF);
	}
	switch (m->object) {
	case OBJ_VDSO:
		return symbols__intern(s, OBJ_VDSO, ip - m->start + m->pgoff);
	case OBJ_VDSO32:
		return symbols__intern(s, OBJ_VDSO32, ip - m->start);
	case OBJ_UPROBES:
		return symbols__intern(s, OBJ_UPROBES, 0);
	case OBJ_ANON:
		return anoncode__frame(s, g, tgid, time_ns, ip, m);
	}
	return file_frame(s, g, tgid, time_ns, ip, m);
}

__u32 symbols__kernel_frame(struct symbols *s, __u64 ip)
{
	return symbols__intern(s, OBJ_KERNEL, ip);
}

void symbols__stats(const struct symbols *s, struct symbols_stats *out)
{
	__u32 id;

	memset(out, 0, sizeof(*out));
	out->no_mapping = s->no_mapping;
	out->frames = s->frames.n - 1 - FRAME_FOLDED;
	out->unnamed = s->unnamed;
	out->objects = s->objects.live;
	out->evicted = s->frames.evicted;
	for (id = OBJ_FIRST_FILE; id < s->objects.n; id++)
		out->object_gone += s->objects.obj[id].gone;
}
