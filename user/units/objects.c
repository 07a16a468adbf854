/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "units/objects.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/u64map.h"

#define MAX_NAMES 4096
#define MAX_OBJECTS 400000

struct name {
	char *text;
	__u64 key;
};

struct objects {
	struct name *names;	/* from 1 on */
	unsigned n_names, room;
	struct u64map by_text;
	unsigned max, n;
	__u64 left_out;
};

int objects__new(struct objects **out, unsigned max)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	(*out)->max = max ? max : MAX_OBJECTS;
	(*out)->n_names = 1;
	return 0;
}

void objects__free(struct objects *o)
{
	if (!o)
		return;
	for (unsigned i = 1; i < o->n_names; i++)
		free(o->names[i].text);
	free(o->names);
	u64map__free(&o->by_text);
	free(o);
}

/* The number of a name, made if it is new; 0: there are too many, or no memory (*err). */
static unsigned name_of(struct objects *o, const char *text, __u64 key, int *err)
{
	const struct u64map_slot *s;
	__u64 h = 1;

	for (const char *p = text; *p; p++)
		h = u64_mix(h ^ (unsigned char)*p);
	s = u64map__find(&o->by_text, h);
	if (s)
		return s->value;
	if (o->n_names > MAX_NAMES)
		return 0;
	if (o->n_names >= o->room) {
		unsigned room = o->room ? 2 * o->room : 64;
		struct name *v = reallocarray(o->names, room, sizeof(*v));

		if (!v) {
			*err = -ENOMEM;
			return 0;
		}
		o->names = v;
		o->room = room;
	}
	o->names[o->n_names] = (struct name){ strdup(text), key };
	if (!o->names[o->n_names].text || !u64map__put(&o->by_text, h, o->n_names)) {
		free(o->names[o->n_names].text);
		*err = -ENOMEM;
		return 0;
	}
	return o->n_names++;
}

static struct unit_object *find(const struct unit_objects *u, const struct unit_object *key)
{
	for (unsigned i = 0; i < u->n; i++)
		if (u->v[i].name == key->name && u->v[i].what == key->what && u->v[i].state == key->state)
			return &u->v[i];
	return NULL;
}

static void add(struct unit_object *to, const struct unit_object *x)
{
	__u64 count = (__u64)to->count + x->count;

	to->ns += x->ns;
	to->bytes += x->bytes;
	to->count = count > 0xffffffffu ? 0xffffffffu : count;
}

/* Room for one more, beyond which nothing is asked. */
static int append(struct objects *o, struct unit_objects *u, const struct unit_object *x)
{
	if (o->n >= o->max) {
		o->left_out += x->count;
		return 0;
	}
	if (u->n == u->room) {
		unsigned room = u->room ? 2 * u->room : 2;
		struct unit_object *v = reallocarray(u->v, room, sizeof(*v));

		if (!v)
			return -ENOMEM;
		u->v = v;
		u->room = room;
	}
	u->v[u->n++] = *x;
	o->n++;
	return 0;
}

/* Into the sum of those of its kind that have no name. */
static int add_nameless(struct objects *o, struct unit_objects *u, const struct unit_object *x)
{
	struct unit_object nameless = *x, *to;

	nameless.name = 0;
	to = find(u, &nameless);
	if (!to)
		return append(o, u, &nameless);
	add(to, &nameless);
	return 0;
}

/* The smallest that must make room for x; NULL: there is room. */
static struct unit_object *in_the_way(const struct unit_objects *u, const struct unit_object *x)
{
	bool rival = x->what == OBJECT_WAIT && x->state == WT_RUNQ;
	struct unit_object *least = NULL, *rivals = NULL;
	unsigned n = 0, n_rivals = 0;

	for (unsigned i = 0; i < u->n; i++) {
		struct unit_object *at = &u->v[i];

		if (!at->name || !at->what != !x->what)
			continue;
		n++;
		if (!least || at->ns < least->ns)
			least = at;
		if (!rival || at->state != WT_RUNQ)
			continue;
		n_rivals++;
		if (!rivals || at->ns < rivals->ns)
			rivals = at;
	}
	if (rival && n_rivals >= UNIT_RIVALS_MAX)
		return rivals;
	return n >= (x->what ? UNIT_REQUESTS_MAX : UNIT_WAITS_MAX) ? least : NULL;
}

static int put(struct objects *o, struct unit_objects *u, const struct unit_object *x)
{
	struct unit_object *to = find(u, x), small;

	if (to) {
		add(to, x);
		return 0;
	}
	to = x->name ? in_the_way(u, x) : NULL;
	if (!to)
		return append(o, u, x);
	if (to->ns >= x->ns)
		return add_nameless(o, u, x);
	small = *to;
	*to = *x;
	return add_nameless(o, u, &small);
}

static __u32 clamp(__u64 count)
{
	return count > 0xffffffffu ? 0xffffffffu : count;
}

int objects__wait(struct objects *o, struct unit_objects *to, __u8 state, const char *text, __u64 key,
		  __u64 ns, __u64 count)
{
	struct unit_object x = { .ns = ns, .count = clamp(count), .what = OBJECT_WAIT, .state = state };
	int err = 0;

	x.name = name_of(o, text, key, &err);
	return err ? err : put(o, to, &x);
}

int objects__requests(struct objects *o, struct unit_objects *to, enum object_what what, __u32 dev,
		      __u64 ns, __u64 bytes, __u64 count)
{
	struct unit_object x = { .ns = ns, .bytes = bytes, .count = clamp(count), .what = what };
	char text[16];
	int err = 0;

	/* disks have their names elsewhere; no wait's begins like this */
	snprintf(text, sizeof(text), "\1%u", dev);
	if (dev != OBJECT_NO_DISK)
		x.name = name_of(o, text, dev, &err);
	return err ? err : put(o, to, &x);
}

void objects__merge(struct objects *o, struct unit_objects *to, struct unit_objects *from)
{
	o->n -= from->n;	/* their room is free again */
	for (unsigned i = 0; i < from->n; i++)
		if (put(o, to, &from->v[i]))
			o->left_out += from->v[i].count;
	from->n = 0;
	objects__drop(o, from);
}

void objects__drop(struct objects *o, struct unit_objects *of)
{
	o->n -= of->n;
	free(of->v);
	*of = (struct unit_objects){};
}

const char *objects__name(const struct objects *o, const struct unit_object *x, __u64 *key)
{
	*key = 0;
	if (!x->name || x->name >= o->n_names)
		return NULL;
	*key = o->names[x->name].key;
	return o->names[x->name].text;
}

__u64 objects__left_out(const struct objects *o)
{
	return o->left_out;
}
