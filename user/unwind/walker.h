/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * walker.h - the kernel side's own walk over a user stack, made in user space: for
 * threads that sleep since before the recording began, of which the kernel side sees
 * the registers, but cannot read the memory.
 *
 * It is the same source (bpf/walk.bpf.c and its kin), so it knows what that knows: rules,
 * scans, signal frames, Go, Python and HotSpot.  For one thread at a time.
 */
#ifndef WT_WALKER_H
#define WT_WALKER_H

#include "worktrace.h"

/* What the walk asks for.  Functions return 0, or -1: there is none. */
struct walker_ops {
	void *ctx;
	/* n bytes of the process's memory at that address, all of them. */
	int (*read)(void *ctx, void *to, __u64 n, __u64 at);
	/* The value of that process in spaces, py_procs and jvm_procs. */
	int (*space)(void *ctx, __u32 tgid, struct wt_space *out);
	int (*python)(void *ctx, __u32 tgid, struct wt_py *out);
	int (*jvm)(void *ctx, __u32 tgid, struct wt_jvm *out);
	/* The number of a code object in py_code, to be looked up or to be put there. */
	int (*code)(void *ctx, const struct wt_py_key *key, __u64 *number);
	int (*put_code)(void *ctx, const struct wt_py_key *key, __u64 number);
	/* A code object that has got a number of ours. */
	int (*on_code)(void *ctx, const struct wt_ev_pycode *e, __u64 size);
	/* The tables: as in struct tables_maps and struct spaces_maps. */
	struct wt_rule *rules;
	struct wt_object *objects;
	__u64 *wanted;
	struct wt_mapping *pool;
	struct wt_row *(*chunk)(void *ctx, unsigned index);
	void *chunk_ctx;
};

struct walker_out {
	__u64 frame[WT_MAX_FRAMES];	/* as in struct wt_ev_stack */
	__u32 n;
	__u32 end;			/* enum wt_end */
};

/* From the registers of e on, which has frames before them (its head); read gives the copy's words, too. */
void walker_copy(const struct walker_ops *ops, const struct wt_ev_raw *e, struct walker_out *out);
/* From the registers in e; frames and the end of it are in *out. */
void walker(const struct walker_ops *ops, const struct wt_ev_asleep *e, struct walker_out *out);

#endif /* WT_WALKER_H */
