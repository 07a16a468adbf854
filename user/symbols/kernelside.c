/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * kernelside.c - what the kernel side needs to unwind (who maps what), and the
 * frames that it has resolved itself.
 */
#include "symbols/symbols_impl.h"

#include <errno.h>
#include <stdint.h>

#include "symbols/mapvec.h"
#include "symbols/names.h"

static __u32 kernel_object(__u32 object)
{
	return object >= OBJ_FIRST_FILE || object == OBJ_VDSO ? object : 0;
}

/* Code that the program has made itself: some runtimes keep it in shared memory. */
static bool is_made(const struct symbols *s, __u32 object)
{
	const struct object *obj = &s->objects.obj[object];

	return object == OBJ_ANON || (object >= OBJ_FIRST_FILE && obj->fd >= 0 && !obj->elf);
}

int symbols__each_mapping(struct symbols *s, __u32 tgid, __u64 time_ns, symbols_mapping_fn fn,
			  void *ctx)
{
	struct generation *g = symbols__generation(s, tgid, time_ns);
	const struct mapvec *v = g ? g->maps : NULL;

	if (!v)
		return -ESRCH;
	for (__u32 i = 0; i < v->n; i++) {
		const struct mapping *m = &v->m[i];
		bool made = is_made(s, m->object);
		struct symbols_mapping out = {
			.start = m->start, .end = m->end, .pgoff = m->pgoff,
			.object = made ? 0 : kernel_object(m->object), .anonymous = made,
		};

		if (m->from_ns <= time_ns && m->until_ns > time_ns)
			fn(ctx, &out);
	}
	return 0;
}

static const struct object *file_object(const struct symbols *s, __u32 object)
{
	if (object < OBJ_FIRST_FILE || object >= s->objects.n || !s->objects.obj[object].in_use)
		return NULL;
	return &s->objects.obj[object];
}

int symbols__object_fd(const struct symbols *s, __u32 object)
{
	const struct object *obj = file_object(s, object);

	return obj && obj->elf ? obj->fd : -1;
}

const char *symbols__object_path(const struct symbols *s, __u32 object)
{
	const struct object *obj = file_object(s, object);

	return obj && obj->path ? obj->path : "";
}

const void *symbols__vdso(const struct symbols *s, size_t *len, __u32 *object)
{
	*len = s->objects.vdso_len;
	*object = OBJ_VDSO;
	return s->objects.vdso;
}

void symbols__keep_object(struct symbols *s, __u32 object)
{
	if (object < s->objects.n)
		s->objects.obj[object].kept = true;
}

void symbols__watch(struct symbols *s, const struct symbols_watch *w)
{
	s->watch = *w;
}

void symbols__on_mapping(struct symbols *s, symbols_mmap_fn fn, void *ctx)
{
	s->see_mmap = fn;
	s->see_ctx = ctx;
}

/* Where the process had that place of the object's file mapped; *g: its program. */
static const struct mapping *find_mapping(struct symbols *s, __u32 tgid, __u64 time_ns,
					  __u32 object, __u64 off, struct generation **g)
{
	*g = images__at(&s->images, tgid, time_ns, false);
	for (__u32 i = 0; *g && (*g)->maps && i < (*g)->maps->n; i++) {
		const struct mapping *m = &(*g)->maps->m[i];

		if (m->object == object && off >= m->pgoff && off - m->pgoff < m->end - m->start)
			return m;
	}
	return NULL;
}

__u32 symbols__object_frame(struct symbols *s, __u32 tgid, __u64 time_ns, __u32 object, __u64 off)
{
	const struct mapping *m;
	struct generation *g;
	struct object *obj;

	if (object != OBJ_VDSO && !file_object(s, object)) {
		s->no_mapping++;
		return symbols__intern(s, OBJ_UNMAPPED, off & ~0xfffULL);
	}
	obj = &s->objects.obj[object];
	obj->used = ++s->objects.clock;
	if (object == OBJ_VDSO || (obj->fd >= 0 && obj->elf))
		return symbols__intern(s, object, off);
	m = find_mapping(s, tgid, time_ns, object, off, &g);
	/* it was closed to make room: the process it was met in may still have it */
	if (m && obj->fd < 0)
		symbols__pin(s, g, tgid, m);
	/* shared memory and other files that no linker made */
	if (m && obj->fd >= 0 && !obj->elf)
		return anoncode__frame(s, g, tgid, time_ns, m->start + (off - m->pgoff), m);
	return symbols__intern(s, object, off);
}

__u32 symbols__runtime_frame(struct symbols *s, __u64 key, const char *name)
{
	__u32 id = symbols__intern(s, OBJ_RUNTIME, key);
	struct frame *f = frames__get(&s->frames, id);

	if (f && !f->name)
		naming__set(s, f, name);
	return id;
}

/* One string is one address, so that address is a key of its own. */
__u32 symbols__named_frame(struct symbols *s, const char *name)
{
	const char *kept = strpool__intern(&s->names, name);

	return kept ? symbols__runtime_frame(s, (uintptr_t)kept, kept) : FRAME_FOLDED;
}
