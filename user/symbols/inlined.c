/* SPDX-License-Identifier: GPL-2.0-or-later */
/* inlined.c - the frames that belong before a frame: functions inlined at its place. */
#include "symbols/symbols_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "symbols/debugfile.h"
#include "symbols/inlines.h"
#include "symbols/names.h"

#define SUFFIX "_[i]"
#define MAX_CHAIN 32

/* Most frames have none; those are remembered as well. */
struct chain {
	__u32 frame, n;
	__u32 inlined[];	/* innermost first */
};

struct dwarf {
	__u32 object;		/* 0: free */
	int fd;			/* ours */
	struct inlines *in;	/* NULL: it has none */
	__u64 used;
};

struct inlined {
	struct chain **chain;
	__u32 n, cap;
	struct idtab by_frame;	/* ids: position + 1 */
	struct dwarf dwarf[INLINED_MAX_FILES];
	__u64 clock;
};

int inlined__enable(struct symbols *s)
{
	if (!s->inlined)
		s->inlined = calloc(1, sizeof(*s->inlined));
	return s->inlined ? 0 : -ENOMEM;
}

static void close_dwarf(struct dwarf *d)
{
	inlines__close(d->in);
	if (d->fd >= 0)
		close(d->fd);
	*d = (struct dwarf){ .fd = -1 };
}

void inlined__free(struct inlined *in)
{
	if (!in)
		return;
	for (__u32 i = 0; i < in->n; i++)
		free(in->chain[i]);
	for (unsigned i = 0; i < INLINED_MAX_FILES; i++)
		if (in->dwarf[i].object)
			close_dwarf(&in->dwarf[i]);
	free(in->chain);
	idtab__clear(&in->by_frame);
	free(in);
}

/* The file that has an object's DWARF: itself, else its debug file. */
static void open_dwarf(struct dwarf *d, const struct object *obj)
{
	const struct elfimg img = { .fd = obj->fd };
	Elf *elf;

	d->fd = fcntl(obj->fd, F_DUPFD_CLOEXEC, 0);
	d->in = d->fd >= 0 ? inlines__open(d->fd) : NULL;
	if (d->in)
		return;
	close(d->fd);
	d->fd = obj->debug_fd >= 0 ? fcntl(obj->debug_fd, F_DUPFD_CLOEXEC, 0) : -1;
	elf = d->fd < 0 ? elfimg__begin(&img) : NULL;
	if (elf)
		d->fd = debugfile__open(elf, obj->path, -1);
	elf_end(elf);
	d->in = d->fd >= 0 ? inlines__open(d->fd) : NULL;
}

static struct inlines *dwarf_of(struct symbols *s, __u32 object)
{
	struct inlined *in = s->inlined;
	struct dwarf *d = &in->dwarf[0];

	for (unsigned i = 0; i < INLINED_MAX_FILES; i++) {
		if (in->dwarf[i].object == object) {
			in->dwarf[i].used = ++in->clock;
			return in->dwarf[i].in;
		}
		if (in->dwarf[i].used < d->used)
			d = &in->dwarf[i];
	}
	if (s->objects.obj[object].fd < 0)
		return NULL;
	if (d->object)
		close_dwarf(d);
	d->object = object;
	d->used = ++in->clock;
	open_dwarf(d, &s->objects.obj[object]);
	return d->in;
}

/* Collects the frames of a chain. */
struct found {
	struct symbols *s;
	__u32 frame[MAX_CHAIN];
	__u32 n;
};

static void add_name(void *ctx, const char *symbol)
{
	struct found *f = ctx;
	char name[NAME_MAX_SZ + sizeof(SUFFIX)];

	if (f->n == MAX_CHAIN)
		return;
	names__demangle(symbol, name, NAME_MAX_SZ - sizeof(SUFFIX));
	names__sanitise(name);
	strcat(name, SUFFIX);
	f->frame[f->n++] = symbols__named_frame(f->s, name);
}

static struct chain *find(const struct inlined *in, __u32 frame)
{
	__u32 h = hash_u64(0, frame), pos, id;

	for (id = idtab__first(&in->by_frame, h, &pos); id; id = idtab__next(&in->by_frame, h, &pos))
		if (in->chain[id - 1]->frame == frame)
			return in->chain[id - 1];
	return NULL;
}

/* NULL: no memory. */
static struct chain *keep(struct inlined *in, __u32 frame, const struct found *f)
{
	struct chain *c = malloc(sizeof(*c) + f->n * sizeof(c->inlined[0]));

	if (c && in->n == in->cap) {
		__u32 cap = in->cap ? in->cap * 2 : 256;
		struct chain **chain = reallocarray(in->chain, cap, sizeof(*chain));

		if (chain) {
			in->chain = chain;
			in->cap = cap;
		}
	}
	if (!c || in->n == in->cap || idtab__add(&in->by_frame, hash_u64(0, frame), in->n + 1)) {
		free(c);
		return NULL;
	}
	c->frame = frame;
	c->n = f->n;
	memcpy(c->inlined, f->frame, f->n * sizeof(c->inlined[0]));
	in->chain[in->n++] = c;
	return c;
}

static const struct chain *resolve(struct symbols *s, __u32 frame, const struct frame *fr)
{
	struct found f = { .s = s };
	const struct elfsyms *es;
	struct inlines *in;
	/* adding names may move the frames */
	const __u32 object = fr->object;
	const __u64 off = fr->off;

	es = objects__syms(&s->objects, object);
	in = es ? dwarf_of(s, object) : NULL;
	if (in)
		inlines__at(in, elfsyms__vaddr(es, off), add_name, &f);
	return keep(s->inlined, frame, &f);
}

unsigned symbols__inlines(struct symbols *s, __u32 frame, __u32 *out, unsigned max)
{
	const struct frame *fr = s->inlined ? frames__get(&s->frames, frame) : NULL;
	const struct chain *c;
	unsigned i;

	if (!fr || fr->object < OBJ_FIRST_FILE)
		return 0;
	c = find(s->inlined, frame);
	if (!c)
		c = resolve(s, frame, fr);
	/* with too little room the outer ones stay: they call the inner ones */
	for (i = 0; c && i < c->n && i < max; i++)
		out[i] = c->inlined[c->n > max ? c->n - max + i : i];
	return i;
}
