/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * walker.c - bpf/ compiled for user space: the helpers, maps and the current task that
 * the kernel side's walk finds around it are made up here.  No header of the system's: the
 * kernel's types come from vmlinux.h.
 */
#define __TARGET_ARCH_x86
/* what libbpf's headers would define in terms of instructions that only BPF has */
#define __BPF_HELPERS__
#define __BPF_CORE_READ_H__
#define __BPF_TRACING_H__
#define __BPF_ENDIAN__

#ifdef __clang__
#pragma GCC diagnostic ignored "-Wunknown-attributes"
#pragma GCC diagnostic ignored "-Wconstant-logical-operand"
#endif
#pragma GCC diagnostic ignored "-Wunknown-pragmas"
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic ignored "-Wunused-variable"
#pragma GCC diagnostic ignored "-Wunused-value"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wtype-limits"

#include "vmlinux.h"

#define NULL ((void *)0)
#define SEC(name)
#define __hidden
#define __uint(name, val) int(*name)[val]
#define __type(name, val) __typeof__(val) *name
#define __array(name, val) __typeof__(val) *name[1]
#define __noinline __attribute__((noinline))
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#define barrier_var(v) asm volatile("" : "+r"(v))

/* of the kernel's structures next to nothing is there */
#define BPF_CORE_READ(src, ...) 0
#define BPF_CORE_READ_BITFIELD(src, field) 0
#define BPF_CORE_READ_INTO(to, ...) ((void)(to))
#define bpf_core_read(to, size, from) (-1)
#define bpf_core_field_exists(field) 0
#define bpf_core_field_size(field) 0
#define bpf_probe_read_kernel(to, size, from) (-1)
#define bpf_probe_read_kernel_str(to, size, from) (-1)
#define bpf_task_storage_get(map, t, value, flags) NULL
#define bpf_get_task_stack(t, to, size, flags) (-1)
#define bpf_map_delete_elem(map, key) (-1)
#define bpf_map_push_elem(map, value, flags) (-1)
#define bpf_map_peek_elem(map, value) (-1)
#define bpf_ktime_get_ns() 0ULL
#define bpf_get_prandom_u32() 1U
#define bpf_ntohs(v) __builtin_bswap16(v)
#define __builtin_preserve_access_index(x) (x)

#define bpf_probe_read_user(to, size, at) helper_read(to, size, (__u64)(at))
#define bpf_map_lookup_elem(map, key) helper_lookup(map, key)
#define bpf_map_update_elem(map, key, value, flags) helper_update(map, key, value)
#define bpf_ringbuf_output(map, data, size, flags) helper_output(data, size)
#define bpf_get_current_task_btf() (&current)
#define bpf_task_pt_regs(t) (&registers)
#define bpf_loop(turns, step, ctx, flags)                                \
	do {                                                             \
		for (__u32 turn_ = 0; turn_ < (__u32)(turns); turn_++)   \
			if ((step)(turn_, (ctx)))                        \
				break;                                   \
	} while (0)

static long helper_read(void *to, __u64 size, __u64 at);
static void *helper_lookup(const void *map, const void *key);
static long helper_update(const void *map, const void *key, const void *value);
static long helper_output(const void *data, __u64 size);

#include "maps.bpf.h"

/* no more than a word is read of a stack at once: a copy may begin or end within a line */
#undef WT_LINE
#define WT_LINE 8

/* of which a thread that sleeps needs its thread pointer only: its registers are a caller's */
static struct task_struct current;
static struct pt_regs registers;

#include "rows.bpf.c"
#include "walk.bpf.c"
#include "scan.bpf.c"
#include "go.bpf.c"
#include "pycode.bpf.c"
#include "python.bpf.c"
#include "jvm.bpf.c"
#undef PROLOGUE
#include "jvm_leaf.bpf.c"
#include "stack.bpf.c"

#include "unwind/walker.h"

#define OUR_CODES (1ULL << 35)	/* numbers of code objects from there on are given here */

struct wt_rules_map cfi_rules;
struct wt_objects_map cfi_objects;
struct wt_wanted_map cfi_wanted;
struct wt_pool_map map_pool;
struct wt_spaces_map spaces;
struct wt_pc_map pc_cache;
struct wt_learned_map learned;
struct wt_stats_map stats;
struct wt_ring_map ring;
const volatile __u32 cfg_opts = WT_OPT_USTACK;
const volatile __u32 cfg_fault = 0;
const volatile __u32 cfg_word = 0;
const volatile __u32 cfg_stack_size = 16384;
volatile __u64 run_space_changes;

static const struct walker_ops *ops;
static struct wt_scratch walk_scratch;

static long helper_read(void *to, __u64 size, __u64 at)
{
	return ops->read(ops->ctx, to, size, at);
}

/* Of a process: what is found is copied, and stays until the next one is looked up. */
static void *process_value(const void *map, __u32 tgid)
{
	static struct wt_space space;
	static struct wt_py python;
	static struct wt_jvm jvm;

	if (map == &spaces)
		return ops->space(ops->ctx, tgid, &space) ? NULL : &space;
	if (map == &py_procs)
		return ops->python(ops->ctx, tgid, &python) ? NULL : &python;
	return ops->jvm(ops->ctx, tgid, &jvm) ? NULL : &jvm;
}

static void *helper_lookup(const void *map, const void *key)
{
	static struct wt_pc_cache cache;
	static struct wt_row *chunk;
	static __u64 number;
	__u32 i = *(const __u32 *)key;

	if (map == &spaces || map == &py_procs || map == &jvm_procs)
		return process_value(map, i);
	if (map == &map_pool)
		return i < WT_POOL_MAPPINGS ? &ops->pool[i] : NULL;
	if (map == &cfi_rules)
		return i < WT_MAX_RULES ? &ops->rules[i] : NULL;
	if (map == &cfi_objects)
		return i < WT_MAX_OBJECTS ? &ops->objects[i] : NULL;
	if (map == &cfi_wanted)
		return i < WT_MAX_OBJECTS ? &ops->wanted[i] : NULL;
	if (map == &cfi_rows) {
		chunk = i < WT_MAX_CHUNKS ? ops->chunk(ops->chunk_ctx, i) : NULL;
		return chunk;
	}
	if (chunk && map == chunk)
		return i < WT_CHUNK_ROWS ? &chunk[i] : NULL;
	if (map == &pc_cache)
		return &cache;
	if (map == &py_code)
		return ops->code(ops->ctx, key, &number) ? NULL : &number;
	/* caches and counters of the kernel side's, which it does without */
	return NULL;
}

static long helper_update(const void *map, const void *key, const void *value)
{
	return map == &py_code ? ops->put_code(ops->ctx, key, *(const __u64 *)value) : -1;
}

static long helper_output(const void *data, __u64 size)
{
	return ops->on_code(ops->ctx, data, size);
}

/* What was asked for is in `wanted`, and in how the walk ended. */
int wt_want_space(__u32 tgid, __u64 image, __u32 version)
{
	return 0;
}

__u64 wt_unprobed(__u64 ip, __u64 slot)
{
	return 0;
}

__u64 wt_send_raw(struct wt_scratch *s, __u32 slot)
{
	return 0;
}

int wt_send_stack(struct wt_scratch *s, __u64 id, __u32 n, __u32 tgid, __u32 end)
{
	return 0;
}

/* The first frame's registers are in s->walk; those that it has no room for are unknown. */
static void begin(struct wt_scratch *s, const struct walker_ops *o, __u32 tgid, __u64 image)
{
	static struct wt_task t;

	ops = o;
	if (!run_py_codes)
		run_py_codes = OUR_CODES;
	t.tgid = tgid;
	t.image = image;
	s->walk.context = 0;
	wt_begin_walk(&s->walk, &t);
	t.space_changes = 0;
	wt_enter_space(&s->walk, &t);
	s->py.begun = 0;
}

static void finish(const struct wt_scratch *s, struct walker_out *out)
{
	out->end = s->walk.end;
	out->n = s->walk.n < WT_MAX_FRAMES ? s->walk.n : WT_MAX_FRAMES;
	__builtin_memcpy(out->frame, s->ip, out->n * sizeof(out->frame[0]));
}

void walker(const struct walker_ops *o, const struct wt_ev_asleep *e, struct walker_out *out)
{
	struct wt_scratch *s = &walk_scratch;

	current.thread.fsbase = e->thread_pointer;
	registers.bx = 0;
	s->walk.ip = e->ip;
	s->walk.sp = e->sp;
	s->walk.fp = e->fp;
	s->walk.bx0 = e->bx;
	begin(s, o, e->tgid, e->image);
	wt_walk_tables(s);
	finish(s, out);
}

void walker_copy(const struct walker_ops *o, const struct wt_ev_raw *e, struct walker_out *out)
{
	struct wt_scratch *s = &walk_scratch;
	struct wt_walk *w = &s->walk;

	current.thread.fsbase = 0;
	registers.bx = e->flags & WT_RAW_BX_LOST ? 0 : e->bx;
	w->ip = e->ip;
	w->sp = e->sp;
	w->fp = e->fp;
	w->bx0 = e->bx;
	begin(s, o, e->tgid, e->image);
	/* where the kernel side left off */
	w->caller = e->flags & WT_RAW_CALLER ? 1 : 0;
	w->fp_lost = e->flags & WT_RAW_FP_LOST ? 1 : 0;
	w->guess = e->flags & WT_RAW_GUESS ? 1 : 0;
	w->bx_at = e->flags & WT_RAW_BX_LOST ? WT_BX_LOST : 0;
	w->n = e->head < WT_MAX_FRAMES ? e->head : WT_MAX_FRAMES;
	__builtin_memcpy(s->ip, e->frame, w->n * sizeof(s->ip[0]));
	wt_walk_tables(s);
	finish(s, out);
}
