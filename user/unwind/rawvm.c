/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "unwind/rawvm.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/jvm_mem.h"
#include "unwind/walker.h"

#define BELOW (1 << 20)		/* of a stack pointer, where the stack goes on that lived since */

struct rawvm {
	const struct spaces_maps *spaces;
	int jvm_procs_fd;
	struct walker_ops walk;
	struct jvm_mem mem;
	/* of the walk at hand */
	const struct wt_ev_raw *e;
	const struct wt_ev_rawmore *const *more;
	__u64 top;		/* where the stack ends */
	bool cut;		/* a word of it was wanted that nobody copied */
	struct walker_out found;
};

/* Bytes of the stack, of whichever words they are; n bytes are asked for, not all need be copied. */
static int read_copy(struct rawvm *v, __u8 *to, __u64 n, __u64 at)
{
	while (n) {
		__u64 off = at & 7, len = 8 - off < n ? 8 - off : n, word;

		if (!rawwalk__word(v->e, v->more, at - off, &word)) {
			v->cut = true;
			return -1;
		}
		memcpy(to, (const __u8 *)&word + off, len);
		to += len;
		at += len;
		n -= len;
	}
	return 0;
}

/* The stack is as it was copied: what lies there now is another one. */
static int read_any(void *ctx, void *to, __u64 n, __u64 at)
{
	struct rawvm *v = ctx;
	__u64 part = 0;

	if (at < v->top && at + n > v->e->sp - BELOW) {
		part = v->top - at < n ? v->top - at : n;
		if (at < v->e->sp || read_copy(v, to, part, at))
			return -1;
	}
	return part == n || !jvm_mem__read(&v->mem, at + part, (__u8 *)to + part, n - part) ? 0 : -1;
}

static int space_of(void *ctx, __u32 tgid, struct wt_space *out)
{
	const struct rawvm *v = ctx;

	return v->spaces->get(v->spaces->ctx, tgid, out) ? -1 : 0;
}

static int jvm_of(void *ctx, __u32 tgid, struct wt_jvm *out)
{
	const struct rawvm *v = ctx;

	return bpf_map_lookup_elem(v->jvm_procs_fd, &tgid, out) ? -1 : 0;
}

/* Python's frames are not walked here (rawpy.h). */
static int no_python(void *ctx, __u32 tgid, struct wt_py *out)
{
	(void)ctx, (void)tgid, (void)out;
	return -1;
}

static int no_code(void *ctx, const struct wt_py_key *key, __u64 *number)
{
	(void)ctx, (void)key, (void)number;
	return -1;
}

static int put_no_code(void *ctx, const struct wt_py_key *key, __u64 number)
{
	(void)ctx, (void)key, (void)number;
	return -1;
}

static int on_no_code(void *ctx, const struct wt_ev_pycode *e, __u64 size)
{
	(void)ctx, (void)e, (void)size;
	return -1;
}

int rawvm__new(struct rawvm **out, const struct spaces_maps *spaces, const struct tables_maps *tables,
	       int jvm_procs_fd)
{
	struct rawvm *v = calloc(1, sizeof(*v));

	*out = v;
	if (!v)
		return -ENOMEM;
	v->spaces = spaces;
	v->jvm_procs_fd = jvm_procs_fd;
	v->walk = (struct walker_ops){
		.ctx = v, .read = read_any, .space = space_of, .python = no_python, .jvm = jvm_of,
		.code = no_code, .put_code = put_no_code, .on_code = on_no_code,
		.rules = tables->rules, .objects = tables->objects, .wanted = tables->wanted,
		.pool = spaces->pool, .chunk = tables->chunk, .chunk_ctx = tables->ctx,
	};
	return 0;
}

void rawvm__free(struct rawvm *v)
{
	free(v);
}

bool rawvm__knows(const struct rawvm *v, __u32 tgid, __u64 image)
{
	struct wt_space sp;

	return !v->spaces->get(v->spaces->ctx, tgid, &sp) && sp.image == image && (sp.flags & WT_SPACE_JVM);
}

/* Where the stack that was copied ends, 0: that is not known, or it is not one stack but two. */
static __u64 top_of(const struct wt_ev_raw *e)
{
	if (!e->upper)
		return e->low < (WT_RAW_STACK & ~7U) ? e->sp + e->low : 0;
	return e->upper > e->sp && e->upper - e->sp < WT_MAX_STACK ? e->upper + (e->size - e->low) : 0;
}

/* The object that the walk ended in. */
static __u32 last_object(const struct rawwalk *out)
{
	__u64 last = out->n ? out->frame[out->n - 1] : 0;

	return WT_FRAME_TAG(last) == WT_FRAME_OBJ ? WT_FRAME_OBJECT(last) : 0;
}

bool rawvm__walk(struct rawvm *v, const struct wt_ev_raw *e,
		 const struct wt_ev_rawmore *const more[WT_RAW_MORES], struct rawwalk *out)
{
	struct wt_jvm vm;
	__u64 word;

	v->e = e;
	v->more = more;
	v->top = top_of(e);
	v->cut = false;
	jvm_mem__open(&v->mem, e->tgid);
	if (!v->top || jvm_of(v, e->tgid, &vm) || jvm_mem__read(&v->mem, vm.interpreter, &word, sizeof(word)))
		return false;
	walker_copy(&v->walk, e, &v->found);
	out->n = v->found.n;
	memcpy(out->frame, v->found.frame, out->n * sizeof(out->frame[0]));
	out->end = v->found.end;
	out->awaits = out->end == WT_END_NO_TABLE ? last_object(out) : 0;
	if (v->cut && out->end != WT_END_ROOT && out->end != WT_END_DEEP)
		out->end = WT_END_NO_TABLE;
	return true;
}
