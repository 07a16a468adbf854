/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unwind/unwind.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/jvm_perfmap.h"
#include "unwind/asleep.h"
#include "unwind/rawvm.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/u64map.h"

/* Where position-independent programs lie on x86-64 and arm64, and all others; libraries lie above. */
#define PROGRAMS_END 0x600000000000ULL
#define RAW_BYTES (16 << 20)	/* of stacks that wait for tables */
#define VM_NS (5 * NSEC_PER_SEC)	/* a stack waits no longer for a VM to be known … */
#define STRANGER_NS (NSEC_PER_SEC / 2)	/* … or for its process, which may be gone */

#define SMALL_FILE (160 << 10)
/* What a process of few libraries has of them before it is traced, or as soon as they are mapped. */
#define WARM_FILE (6 << 20)
#define WARM_MAPS 64

/* A process that the kernel side asked about. */
struct client {
	__u32 tgid;
	bool changed;		/* its mappings are to be looked at again */
	bool vm_soon;		/* the kernel side was told that a VM is to come */
	__u64 image;		/* the program the kernel side spoke of last */
};

struct unwind {
	struct symbols *symbols;
	struct spaces *spaces;
	struct tables *tables;
	struct python *python;
	struct jvm *jvm;
	struct jvm_perfmap *perfmaps;	/* NULL: nobody asked for them */
	struct raw *raw;
	struct rawvm *rawvm;
	struct asleep *asleep;
	struct unwind_maps maps;
	struct u64map by_tgid;		/* → index in client */
	struct client *client;
	__u32 n_client, cap_client;
	bool rows_wanted, any_changed, any_soon;
	/* asked for in this round: see unwind__want() */
	struct want {
		__u32 tgid;
		__u64 image;
	} *want;
	__u32 n_want, cap_want;
	/* the mappings of one process, while they are collected */
	struct wt_mapping m[WT_MAX_MAPPINGS];
	unsigned n;
	__u32 tgid, flags;
	bool too_many;
	bool warming;		/* nothing is traced yet: there is time */
};

static struct client *find(const struct unwind *u, __u32 tgid)
{
	struct u64map_slot *slot = u64map__find(&u->by_tgid, tgid);

	return slot ? &u->client[slot->value] : NULL;
}

static struct client *get(struct unwind *u, __u32 tgid)
{
	struct client *c = find(u, tgid);

	if (c)
		return c;
	if (u->n_client == u->cap_client) {
		__u32 cap = u->cap_client ? u->cap_client * 2 : 64;
		struct client *grown = reallocarray(u->client, cap, sizeof(*grown));

		if (!grown)
			return NULL;
		u->client = grown;
		u->cap_client = cap;
	}
	if (!u64map__put(&u->by_tgid, tgid, u->n_client))
		return NULL;
	c = &u->client[u->n_client++];
	*c = (struct client){ .tgid = tgid };
	return c;
}

static void forget(struct unwind *u, __u32 tgid)
{
	struct client *c = find(u, tgid), *last;

	if (!c)
		return;
	u64map__delete(&u->by_tgid, tgid);
	last = &u->client[--u->n_client];
	if (c == last)
		return;
	*c = *last;
	u64map__put(&u->by_tgid, c->tgid, c - u->client);
}

static void on_mapped(void *ctx, __u32 tgid)
{
	struct unwind *u = ctx;
	struct client *c = find(u, tgid);

	if (!c)
		return;
	c->changed = true;
	u->any_changed = true;
}

/* A child that begins with its parent's mappings; changed: they may not be all. */
static void begin_child(struct unwind *u, __u32 tgid, bool changed, bool vm_soon)
{
	__u64 image = spaces__image(u->spaces, tgid);
	struct client *c = image ? get(u, tgid) : NULL;

	if (!c)
		return;
	c->image = image;
	c->changed = changed;
	c->vm_soon = vm_soon;
	u->any_changed |= changed;
	u->any_soon |= vm_soon;
}

static void on_forked(void *ctx, __u32 tgid, __u32 ptgid)
{
	struct unwind *u = ctx;
	struct client *c = find(u, ptgid);
	/* what the parent got before the fork may not be in its run yet */
	bool changed = c && c->changed, vm_soon = c && c->vm_soon;

	spaces__fork(u->spaces, tgid, ptgid, now_ns());
	jvm__fork(u->jvm, tgid, ptgid);
	begin_child(u, tgid, changed, vm_soon);
}

static void leave(struct unwind *u, __u32 tgid)
{
	spaces__drop(u->spaces, tgid, now_ns());
	python__leave(u->python, tgid);
	jvm__leave(u->jvm, tgid);
	if (u->perfmaps)
		jvm_perfmap__leave(u->perfmaps, tgid);
}

/* The kernel side asks again, for the new program, when it meets it. */
static void on_execed(void *ctx, __u32 tgid)
{
	struct unwind *u = ctx;
	struct client *c = find(u, tgid);

	/* unless it has asked already: its word may be read before the side-band's */
	if (c && c->image != spaces__image(u->spaces, tgid)) {
		c->changed = true;
		u->any_changed = true;
	}
	leave(u, tgid);
}

static void on_exited(void *ctx, __u32 tgid)
{
	struct unwind *u = ctx;

	leave(u, tgid);
	forget(u, tgid);
}

static struct wt_mapping to_mapping(const struct symbols_mapping *m)
{
	return (struct wt_mapping){
		.start = m->start, .end = m->end, .pgoff = m->pgoff,
		.object = m->object < WT_MAX_OBJECTS ? m->object : 0,
		.flags = m->anonymous ? WT_MAP_ANON : 0,
	};
}

static void collect(void *ctx, const struct symbols_mapping *m)
{
	struct unwind *u = ctx;
	struct wt_mapping *out;
	const char *path;
	int fd;

	if (u->n == WT_MAX_MAPPINGS) {
		u->too_many = true;
		return;
	}
	out = &u->m[u->n++];
	*out = to_mapping(m);
	if (!out->object)
		return;
	fd = symbols__object_fd(u->symbols, out->object);
	path = symbols__object_path(u->symbols, out->object);
	if (python__enter(u->python, u->tgid, out->object, fd, path, m->start, m->pgoff)) {
		out->flags |= WT_MAP_PY;
		u->flags |= WT_SPACE_PY;
	}
	jvm__enter(u->jvm, u->tgid, fd, path, m->start, m->end, m->pgoff);
}

static void request(struct unwind *u, __u32 object, __u64 heat)
{
	const void *image;
	__u32 vdso;
	size_t len;

	if (tables__known(u->tables, object))
		return;
	symbols__keep_object(u->symbols, object);
	image = symbols__vdso(u->symbols, &len, &vdso);
	if (object == vdso)
		tables__request_image(u->tables, object, image, len, heat);
	else
		tables__request(u->tables, object, symbols__object_fd(u->symbols, object), heat);
}

/*
 * What nearly every stack of a process goes through is not waited for to be asked
 * for: its program, which lies below the libraries, the C library, Java's and
 * Python's; nor what costs a millisecond, as an interpreter's modules do.
 */
static bool is_sure_to_be_wanted(struct unwind *u, const struct wt_mapping *m)
{
	/* no copy of a stack can tell what is Python in it: the tables must be there */
	bool early = u->warming || (u->flags & WT_SPACE_PY);
	struct stat st;
	const char *path = symbols__object_path(u->symbols, m->object), *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	if (m->start < PROGRAMS_END || !strncmp(name, "libc.", 5) ||
	    !strncmp(name, "libc-2", 6) || !strncmp(name, "ld-", 3) ||
	    !strncmp(name, "libpthread", 10) || !strncmp(name, "libjvm", 6) ||
	    !strncmp(name, "libpython", 9))
		return true;
	return !fstat(symbols__object_fd(u->symbols, m->object), &st) &&
	       st.st_size < (early && u->n <= WARM_MAPS ? WARM_FILE : SMALL_FILE);
}

static void push(struct unwind *u, struct client *c, __u64 now)
{
	c->changed = false;
	u->n = 0;
	u->tgid = c->tgid;
	u->flags = 0;
	u->too_many = false;
	if (symbols__each_mapping(u->symbols, c->tgid, now, collect, u))
		return;
	for (unsigned i = 0; i < u->n; i++)
		if (u->m[i].object && !tables__known(u->tables, u->m[i].object) &&
		    is_sure_to_be_wanted(u, &u->m[i]))
			request(u, u->m[i].object, 0);
	u->flags |= jvm__mark(u->jvm, c->tgid, u->m, &u->n);
	c->vm_soon = !(u->flags & WT_SPACE_JVM) && jvm__has(u->jvm, c->tgid);
	u->any_soon |= c->vm_soon;
	if (c->vm_soon)
		u->flags |= WT_SPACE_JVM_SOON;
	spaces__set(u->spaces, c->tgid, c->image, u->m, u->n, u->flags, now);
}

static void ask(struct unwind *u, __u32 tgid, __u64 image)
{
	struct client *c = get(u, tgid);

	if (!c)
		return;
	c->image = image;
	c->changed = true;
	u->any_changed = true;
}

/*
 * The ring is read before the side-band: what the side-band says of the process, its
 * fork and its exec, comes after this but was before it.  Taken in that order, it
 * would undo the question, and the kernel side asks only once.  So it waits for the
 * end of the round.
 */
void unwind__want(struct unwind *u, const struct wt_ev_want *e)
{
	if (!e->tgid) {
		u->rows_wanted = true;
		return;
	}
	if (u->n_want == u->cap_want) {
		__u32 cap = u->cap_want ? 2 * u->cap_want : 64;
		struct want *grown = reallocarray(u->want, cap, sizeof(*grown));

		if (!grown) {
			ask(u, e->tgid, e->image);
			return;
		}
		u->want = grown;
		u->cap_want = cap;
	}
	u->want[u->n_want++] = (struct want){ e->tgid, e->image };
}

/* Objects that walks ended at, the most wanted first. */
static void request_rows(struct unwind *u)
{
	volatile __u64 *wanted = u->maps.tables.wanted;

	u->rows_wanted = false;
	for (__u32 object = 1; object < WT_MAX_OBJECTS; object++) {
		if (wanted[object])
			request(u, object, wanted[object]);
	}
}

/* A VM that will not come after all: nobody is to wait for it. */
static void look_for_refused(struct unwind *u)
{
	u->any_soon = false;
	for (__u32 i = 0; i < u->n_client; i++) {
		struct client *c = &u->client[i];

		u->any_soon |= c->vm_soon;
		if (c->vm_soon && !jvm__has(u->jvm, c->tgid))
			on_mapped(u, c->tgid);
	}
}

static void ask_for_perfmaps(struct unwind *u, __u64 now)
{
	__u64 start, end;
	__u32 tgid;

	while ((tgid = jvm__next_refused(u->jvm, &start, &end)))
		jvm_perfmap__want(u->perfmaps, tgid, start, end);
	jvm_perfmap__tick(u->perfmaps, now);
}

void unwind__warm(struct unwind *u)
{
	u->warming = true;
	unwind__tick(u);
	u->warming = false;
}

bool unwind__knows(const struct unwind *u, __u32 tgid, __u64 image)
{
	return spaces__image(u->spaces, tgid) == image;
}

void unwind__tick(struct unwind *u)
{
	__u64 now = now_ns();
	__u32 tgid;

	while ((tgid = spaces__late(u->spaces, now)))
		begin_child(u, tgid, true, false);
	for (__u32 i = 0; i < u->n_want; i++)
		ask(u, u->want[i].tgid, u->want[i].image);
	u->n_want = 0;
	while ((tgid = jvm__due(u->jvm, now)))
		on_mapped(u, tgid);
	if (u->any_soon)
		look_for_refused(u);
	if (u->perfmaps)
		ask_for_perfmaps(u, now);
	if (u->any_changed)
		for (__u32 i = 0; i < u->n_client; i++)
			if (u->client[i].changed)
				push(u, &u->client[i], now);
	u->any_changed = false;
	request_rows(u);
}

bool unwind__busy(struct unwind *u)
{
	struct tables_stats st;

	tables__stats(u->tables, &st);
	return st.queued;
}

static void on_object(void *user, __u32 object, int change)
{
	tables__mapped(((struct unwind *)user)->tables, object, change);
}

/* What a raw stack's mappings are collected into. */
struct raw_maps {
	struct wt_mapping *m;
	unsigned n, max;
};

static void collect_raw(void *ctx, const struct symbols_mapping *m)
{
	struct raw_maps *r = ctx;

	if (r->n < r->max)
		r->m[r->n++] = to_mapping(m);
}

static int raw_mappings(void *ctx, __u32 tgid, __u64 time_ns, struct wt_mapping *m, unsigned max)
{
	struct raw_maps r = { .m = m, .max = max };
	struct unwind *u = ctx;
	int err = symbols__each_mapping(u->symbols, tgid, time_ns, collect_raw, &r);

	return err ? err : (int)r.n;
}

/* Asks for the object's table, too: the kernel side may not have met it. */
static int raw_rule(void *ctx, __u32 object, __u64 off, struct wt_rule *rule)
{
	struct unwind *u = ctx;
	int err = tables__rule(u->tables, object, off, rule);

	if (err != -ENOENT)
		return err;
	request(u, object, 1);
	return tables__rule(u->tables, object, off, rule);
}

static __u32 raw_flags(void *ctx, __u32 object)
{
	const struct unwind *u = ctx;

	return tables__flags(u->tables, object);
}

static bool raw_code(void *ctx, __u32 object, __u64 off, __u8 bytes[8])
{
	const struct unwind *u = ctx;

	return pread(symbols__object_fd(u->symbols, object), bytes, 8, off) == 8;
}

static bool raw_coming(void *ctx, __u32 object)
{
	const struct unwind *u = ctx;

	return tables__coming(u->tables, object);
}

static void raw_python(void *ctx, __u32 tgid, struct wt_py *py)
{
	const struct unwind *u = ctx;

	bpf_map_lookup_elem(u->maps.py_procs_fd, &tgid, py);
}

static bool maps_a_vm(const struct unwind *u, const struct wt_mapping *map, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const char *path = map[i].object ? symbols__object_path(u->symbols, map[i].object) : "";
		const char *slash = strrchr(path, '/');

		if (!strncmp(slash ? slash + 1 : path, "libjvm", 6))
			return true;
	}
	return false;
}

static enum raw_vm raw_vm(void *ctx, const struct wt_ev_raw *e, const struct wt_mapping *map, unsigned n)
{
	const struct unwind *u = ctx;
	__u64 image = spaces__image(u->spaces, e->tgid), age = now_ns() - e->h.ts_ns;

	if (rawvm__knows(u->rawvm, e->tgid, e->image))
		return RAW_VM_KNOWN;
	if (age < VM_NS && image == e->image && jvm__has(u->jvm, e->tgid))
		return RAW_VM_COMING;
	return age < STRANGER_NS && !image && maps_a_vm(u, map, n) ? RAW_VM_COMING : RAW_VM_NONE;
}

static bool raw_walk_vm(void *ctx, const struct wt_ev_raw *e,
			const struct wt_ev_rawmore *const more[WT_RAW_MORES], struct rawwalk *out)
{
	const struct unwind *u = ctx;

	return rawvm__walk(u->rawvm, e, more, out);
}

static int new_raw(struct unwind *u)
{
	const struct raw_ops ops = {
		.walk = { .ctx = u, .rule = raw_rule, .flags = raw_flags, .code = raw_code },
		.vm = raw_vm, .walk_vm = raw_walk_vm,
		.mappings = raw_mappings, .coming = raw_coming, .python = raw_python, .ctx = u,
	};
	int err = rawvm__new(&u->rawvm, &u->maps.spaces, &u->maps.tables, u->maps.jvm_procs_fd);

	return err ? err : raw__new(&u->raw, &ops, RAW_BYTES);
}

int unwind__put_asleep(struct unwind *u, const struct wt_ev_asleep *e)
{
	return asleep__put(u->asleep, e);
}

int unwind__put_raw(struct unwind *u, const struct wt_ev_raw *e, size_t size)
{
	return raw__put(u->raw, e, size);
}

int unwind__put_raw_more(struct unwind *u, const struct wt_ev_rawmore *e, size_t size)
{
	return raw__put_more(u->raw, e, size);
}

struct from_copy {
	struct unwind *u;
	raw_done_fn done;
	void *ctx;
};

static int on_copy(void *ctx, const struct wt_ev_stack *e, size_t size)
{
	const struct from_copy *x = ctx;
	int err;

	return asleep__keep(x->u->asleep, e, size, &err) ? err : x->done(x->ctx, e, size);
}

int unwind__walk_raw(struct unwind *u, bool last, raw_done_fn done, void *ctx)
{
	struct from_copy x = { u, done, ctx };
	int err = 0;

	/* the copies' before the last word on the threads, which stand for some of them */
	if (!last)
		err = asleep__work(u->asleep, false, done, ctx);
	if (!err)
		err = raw__work(u->raw, last, on_copy, &x);
	return err || !last ? err : asleep__work(u->asleep, true, done, ctx);
}

static __u64 asleep_image(void *ctx, __u32 tgid)
{
	const struct unwind *u = ctx;

	return spaces__image(u->spaces, tgid);
}

static void asleep_ask(void *ctx, __u32 tgid, __u64 image)
{
	ask(ctx, tgid, image);
}

static bool asleep_has_vm(void *ctx, __u32 tgid)
{
	const struct unwind *u = ctx;

	return jvm__has(u->jvm, tgid);
}

static int new_asleep(struct unwind *u)
{
	const struct asleep_ops ops = {
		.spaces = &u->maps.spaces, .tables = &u->maps.tables,
		.py_procs_fd = u->maps.py_procs_fd, .py_code_fd = u->maps.py_code_fd,
		.jvm_procs_fd = u->maps.jvm_procs_fd, .python = u->python,
		.ctx = u, .image = asleep_image, .ask = asleep_ask, .has_vm = asleep_has_vm,
		.now_ns = now_ns,
	};

	return asleep__new(&u->asleep, &ops);
}

static void request_own(void *ctx, const struct symbols_mapping *m)
{
	struct unwind *u = ctx;
	const struct wt_mapping map = { .start = m->start, .object = m->object };

	if (m->object && m->start >= PROGRAMS_END && is_sure_to_be_wanted(u, &map))
		request(u, m->object, 0);
}

void unwind__prepare(struct unwind *u)
{
	__u64 now = now_ns();

	if (!symbols__seed(u->symbols, getpid(), now))
		symbols__each_mapping(u->symbols, getpid(), now, request_own, u);
}

int unwind__new(struct unwind **out, const struct unwind_maps *maps, struct symbols *s,
		const struct tables_opts *opts)
{
	struct unwind *u = calloc(1, sizeof(*u));
	struct symbols_watch w = {
		.ctx = u, .mapped = on_mapped, .forked = on_forked, .execed = on_execed,
		.exited = on_exited,
	};
	int err = -ENOMEM;

	*out = NULL;
	if (u) {
		u->symbols = s;
		u->maps = *maps;
		u->maps.spaces.user = u;
		u->maps.spaces.mapped = on_object;
		err = tables__new(&u->tables, &maps->tables, opts);
		if (!err)
			err = spaces__new(&u->spaces, &u->maps.spaces);
		if (!err)
			err = python__new(&u->python, maps->py_procs_fd, maps->py_code_fd);
		if (!err)
			err = jvm__new(&u->jvm, maps->jvm_procs_fd);
		if (!err)
			err = new_raw(u);
		if (!err)
			err = new_asleep(u);
	}
	if (err) {
		unwind__free(u);
		return wt_error(err, "cannot set up the unwind tables");
	}
	symbols__watch(s, &w);
	*out = u;
	return 0;
}

int unwind__want_perfmaps(struct unwind *u)
{
	int err = jvm_perfmap__new(&u->perfmaps);

	return err ? wt_error(err, "cannot ask for perf maps") : 0;
}

void unwind__refuse_jvms(struct unwind *u)
{
	jvm__refuse_all(u->jvm);
}

void unwind__free(struct unwind *u)
{
	static const struct symbols_watch nobody;

	if (!u)
		return;
	symbols__watch(u->symbols, &nobody);
	raw__free(u->raw);
	rawvm__free(u->rawvm);
	asleep__free(u->asleep);
	python__free(u->python);
	jvm_perfmap__free(u->perfmaps);
	jvm__free(u->jvm);
	tables__free(u->tables);
	spaces__free(u->spaces);
	u64map__free(&u->by_tgid);
	free(u->client);
	free(u->want);
	free(u);
}

void unwind__stats(const struct unwind *u, struct unwind_stats *out)
{
	spaces__stats(u->spaces, &out->spaces);
	tables__stats(u->tables, &out->tables);
	python__stats(u->python, &out->python);
	jvm__stats(u->jvm, &out->jvm);
	raw__stats(u->raw, &out->raw);
	out->raw.waiting += asleep__waiting(u->asleep);
}

int unwind__on_pycode(struct unwind *u, const struct wt_ev_pycode *e, size_t size)
{
	return python__on_code(u->python, e, size);
}

__u32 unwind__runtime_frame(struct unwind *u, __u32 tgid, __u64 time_ns, __u64 word)
{
	(void)time_ns;
	switch (WT_FRAME_TAG(word)) {
	case WT_FRAME_PY:
		return python__frame(u->python, u->symbols, word);
	case WT_FRAME_JVM:
		return jvm__frame(u->jvm, u->symbols, tgid, word);
	}
	return 0;
}

__u32 unwind__address_frame(struct unwind *u, __u32 tgid, __u64 address)
{
	__u64 word = jvm__word_at(u->jvm, tgid, address);

	return word ? jvm__frame(u->jvm, u->symbols, tgid, word) : 0;
}
