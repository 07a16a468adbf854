/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unwind/asleep.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "unwind/walker.h"
#include "util/clock.h"

#define STRANGER_NS (NSEC_PER_SEC / 2)
#define TURN_NS (20 * NSEC_PER_MSEC)
#define LAST_NS (NSEC_PER_SEC / 2)
#define PATIENCE_NS (5 * NSEC_PER_SEC)	/* tables that have not come by then are not likely to */
#define MAX_WAITING 16384
#define PAGE 4096
#define PAGES 32		/* of one thread, direct-mapped */
/* of an entry of /proc/PID/pagemap */
#define PM_PRESENT (1ULL << 63)
#define PM_SWAP (1ULL << 62)
#define PM_UFFD_WP (1ULL << 57)

struct page {
	__u64 at;		/* 0: none */
	__u8 bytes[PAGE];
};

struct sleeper {
	struct wt_ev_asleep e;
	bool asked;		/* for its process: where there is no room for that, in vain */
	struct wt_ev_stack *copy;	/* NULL: there is none, or none yet … */
	size_t copy_size;		/* … its bytes */
};

struct asleep {
	struct asleep_ops ops;
	struct walker_ops walk;
	struct sleeper *v;
	unsigned n, cap;
	pid_t tgid;		/* whose memory is read … */
	int pagemap;		/* … and what is there of it */
	struct page page[PAGES];
	struct walker_out found;
	/* struct wt_ev_stack, with its frames */
	__u64 out[sizeof(struct wt_ev_stack) / 8 + WT_MAX_FRAMES];
};

/*
 * To read what is not there is to have it fetched, by whoever serves the process's faults: a
 * userfaultfd's owner or a file system in user space, which may take for ever.  The kernel
 * side's walks do without such pages, too.
 */
static bool is_there(const struct asleep *a, __u64 at)
{
	__u64 entry;

	if (pread(a->pagemap, &entry, sizeof(entry), at / PAGE * sizeof(entry)) != sizeof(entry))
		return false;
	return entry & PM_PRESENT || (entry & PM_SWAP && !(entry & PM_UFFD_WP));
}

static const __u8 *page_at(struct asleep *a, __u64 at)
{
	struct page *p = &a->page[at / PAGE % PAGES];
	struct iovec to = { p->bytes, PAGE }, from = { (void *)at, PAGE };

	if (p->at == at)
		return p->bytes;
	p->at = 0;
	if (!at || !is_there(a, at) || process_vm_readv(a->tgid, &to, 1, &from, 1, 0) != PAGE)
		return NULL;
	p->at = at;
	return p->bytes;
}

static int read_memory(void *ctx, void *to, __u64 n, __u64 at)
{
	__u8 *out = to;

	while (n) {
		__u64 off = at % PAGE, len = PAGE - off < n ? PAGE - off : n;
		const __u8 *bytes = page_at(ctx, at - off);

		if (!bytes)
			return -1;
		memcpy(out, bytes + off, len);
		out += len;
		at += len;
		n -= len;
	}
	return 0;
}

static int space_of(void *ctx, __u32 tgid, struct wt_space *out)
{
	const struct asleep *a = ctx;

	return a->ops.spaces->get(a->ops.spaces->ctx, tgid, out) ? -1 : 0;
}

static int python_of(void *ctx, __u32 tgid, struct wt_py *out)
{
	const struct asleep *a = ctx;

	return bpf_map_lookup_elem(a->ops.py_procs_fd, &tgid, out) ? -1 : 0;
}

static int jvm_of(void *ctx, __u32 tgid, struct wt_jvm *out)
{
	const struct asleep *a = ctx;

	return bpf_map_lookup_elem(a->ops.jvm_procs_fd, &tgid, out) ? -1 : 0;
}

static int code_of(void *ctx, const struct wt_py_key *key, __u64 *number)
{
	const struct asleep *a = ctx;

	return bpf_map_lookup_elem(a->ops.py_code_fd, key, number) ? -1 : 0;
}

static int put_code(void *ctx, const struct wt_py_key *key, __u64 number)
{
	const struct asleep *a = ctx;

	return bpf_map_update_elem(a->ops.py_code_fd, key, &number, BPF_ANY) ? -1 : 0;
}

static int on_code(void *ctx, const struct wt_ev_pycode *e, __u64 size)
{
	const struct asleep *a = ctx;

	return python__on_code(a->ops.python, e, size);
}

int asleep__new(struct asleep **out, const struct asleep_ops *ops)
{
	struct asleep *a = calloc(1, sizeof(*a));

	*out = a;
	if (!a)
		return -ENOMEM;
	a->ops = *ops;
	a->walk = (struct walker_ops){
		.ctx = a, .read = read_memory, .space = space_of, .python = python_of,
		.jvm = jvm_of, .code = code_of, .put_code = put_code, .on_code = on_code,
		.rules = ops->tables->rules, .objects = ops->tables->objects,
		.wanted = ops->tables->wanted, .pool = ops->spaces->pool,
		.chunk = ops->tables->chunk, .chunk_ctx = ops->tables->ctx,
	};
	return 0;
}

void asleep__free(struct asleep *a)
{
	for (unsigned i = 0; a && i < a->n; i++)
		free(a->v[i].copy);
	if (a)
		free(a->v);
	free(a);
}

unsigned asleep__waiting(const struct asleep *a)
{
	return a->n;
}

int asleep__put(struct asleep *a, const struct wt_ev_asleep *e)
{
	if (a->n == a->cap) {
		unsigned cap = a->cap ? 2 * a->cap : 64;
		struct sleeper *grown;

		/* the rest is found without frames: the stack that never comes is counted as lost */
		if (cap > MAX_WAITING)
			return 0;
		grown = reallocarray(a->v, cap, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		a->v = grown;
		a->cap = cap;
	}
	a->v[a->n++] = (struct sleeper){ .e = *e };
	return 0;
}

bool asleep__keep(struct asleep *a, const struct wt_ev_stack *copy, size_t size, int *err)
{
	*err = 0;
	for (unsigned i = 0; i < a->n; i++) {
		struct sleeper *x = &a->v[i];

		if (!x->e.copied || x->e.id != copy->id || x->copy)
			continue;
		x->copy = malloc(size);
		x->copy_size = size;
		if (x->copy)
			memcpy(x->copy, copy, size);
		else
			*err = -ENOMEM;
		return true;
	}
	return false;
}

/* It sleeps still: the scheduler has not run it since its registers were read. */
static bool sleeps_on(const struct wt_ev_asleep *e)
{
	unsigned long long ran, waited, runs;
	char path[64];
	bool same;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/task/%u/schedstat", e->tgid, e->tid);
	f = fopen(path, "re");
	if (!f)
		return false;
	same = fscanf(f, "%llu %llu %llu", &ran, &waited, &runs) == 3 && runs == e->runs;
	fclose(f);
	return same;
}

static void walk(struct asleep *a, const struct wt_ev_asleep *e)
{
	char path[64];

	a->tgid = e->tgid;
	for (unsigned i = 0; i < PAGES; i++)
		a->page[i].at = 0;
	snprintf(path, sizeof(path), "/proc/%u/pagemap", e->tgid);
	a->pagemap = open(path, O_RDONLY | O_CLOEXEC);
	walker(&a->walk, e, &a->found);
	if (a->pagemap >= 0)
		close(a->pagemap);
}

/* A frame of it lies in no file: in the code of a VM, it may be, which is about to be known. */
static bool is_anonymous(const struct walker_out *w)
{
	for (unsigned i = 0; i < w->n; i++)
		if (WT_FRAME_TAG(w->frame[i]) == WT_FRAME_ADDR)
			return true;
	return false;
}

/* True when a->found is as good as it will be; without frames if the thread has run. */
static bool settled(struct asleep *a, struct sleeper *x, bool last)
{
	const struct wt_ev_asleep *e = &x->e;
	__u64 now = a->ops.now_ns();
	bool known = a->ops.image(a->ops.ctx, e->tgid) == e->image, asleep = sleeps_on(e);

	last |= now >= e->h.ts_ns + PATIENCE_NS;
	if (asleep && !known && !last) {
		if (!x->asked && now >= e->h.ts_ns + STRANGER_NS) {
			a->ops.ask(a->ops.ctx, e->tgid, e->image);
			x->asked = true;
		}
		return false;
	}
	if (asleep)
		walk(a, e);
	if (asleep && (a->found.end == WT_END_NO_SPACE || a->found.end == WT_END_NO_TABLE) && !last)
		return false;
	if (asleep && is_anonymous(&a->found) && !last && now < e->h.ts_ns + STRANGER_NS)
		return false;
	if (!asleep || !sleeps_on(e)) {
		a->found.n = 0;
		a->found.end = WT_END_READ;
	}
	return true;
}

/* What was found, or if that is no whole stack the copy's; where that is to come, nothing. */
static int hand_out(struct asleep *a, const struct sleeper *x, raw_done_fn done, void *ctx)
{
	const struct wt_ev_asleep *e = &x->e;
	struct wt_ev_stack *out = (void *)a->out;

	if (e->copied && a->found.end != WT_END_ROOT)
		return x->copy ? done(ctx, x->copy, x->copy_size) : 0;

	*out = (struct wt_ev_stack){
		.h = { .type = WT_EV_STACK, .ts_ns = e->h.ts_ns },
		.id = e->id, .tgid = e->tgid, .user = 1,
		.n = a->found.n, .end = a->found.end,
	};
	memcpy(out->ip, a->found.frame, a->found.n * sizeof(out->ip[0]));
	return done(ctx, out, sizeof(*out) + a->found.n * sizeof(out->ip[0]));
}

int asleep__work(struct asleep *a, bool last, raw_done_fn done, void *ctx)
{
	__u64 until = a->ops.now_ns() + (last ? LAST_NS : TURN_NS);
	unsigned kept = 0, i = 0;
	int err = 0;

	for (; i < a->n && !err; i++) {
		struct sleeper x = a->v[i];
		bool late = a->ops.now_ns() >= until;

		/* the copy has all that there is */
		if (x.e.copied && !x.copy && !a->ops.has_vm(a->ops.ctx, x.e.tgid))
			continue;
		if (late ? !last : !settled(a, &x, last)) {
			a->v[kept++] = x;
			continue;
		}
		if (late) {
			a->found.n = 0;
			a->found.end = WT_END_READ;
		}
		err = hand_out(a, &x, done, ctx);
		free(x.copy);
	}
	memmove(a->v + kept, a->v + i, (a->n - i) * sizeof(a->v[0]));
	a->n = kept + a->n - i;
	return err;
}
