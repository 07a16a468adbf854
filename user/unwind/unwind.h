/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * unwind.h - keeps the kernel side able to unwind: what the traced processes have
 * mapped, and the rules of the objects that its walks meet.
 *
 * Everything is on demand: a walk that meets an unknown process, or an object
 * without rules, says so; from then on it is kept up to date.
 */
#ifndef WT_UNWIND_USER_H
#define WT_UNWIND_USER_H

#include <linux/types.h>
#include "runtime/jvm.h"
#include "runtime/python.h"
#include "symbols/symbols.h"
#include "unwind/raw.h"
#include "unwind/spaces.h"
#include "unwind/tables.h"
#include "worktrace.h"

struct unwind;

/* The kernel side's maps, in memory that both share; from tracer__unwind_maps(). */
struct unwind_maps {
	struct spaces_maps spaces;
	struct tables_maps tables;
	int py_procs_fd, py_code_fd;	/* see python.h */
	int jvm_procs_fd;
};

struct unwind_stats {
	struct spaces_stats spaces;
	struct tables_stats tables;
	struct python_stats python;
	struct jvm_stats jvm;
	struct raw_stats raw;
};

/* s is borrowed and outlives it.  0 or a negative errno, printed. */
int unwind__new(struct unwind **out, const struct unwind_maps *maps, struct symbols *s,
		const struct tables_opts *opts);
void unwind__free(struct unwind *u);
/* VMs that cannot be read are asked for perf maps (jvm_perfmap.h).  0 or a negative errno, printed. */
int unwind__want_perfmaps(struct unwind *u);
/* For tests: no VM can be read. */
void unwind__refuse_jvms(struct unwind *u);

/*
 * Compiles what most processes share with us, the C library above all: to be called
 * early, so that it is done when the first stack is walked.
 */
void unwind__prepare(struct unwind *u);
/* A walk asked for that process's mappings; tgid 0: for the rules of some object. */
void unwind__want(struct unwind *u, const struct wt_ev_want *e);
/*
 * Does what has been asked for, and follows what has changed; after the side-band
 * was read, before frames are looked up.
 */
void unwind__tick(struct unwind *u);
/* The same before anything is traced: more is compiled of what is mapped. */
void unwind__warm(struct unwind *u);
/* The kernel side has the mappings of the process, as that program. */
bool unwind__knows(const struct unwind *u, __u32 tgid, __u64 image);
/* Tables that were asked for are being compiled, or wait for it. */
bool unwind__busy(struct unwind *u);
/* A code object of CPython, from the kernel side.  0 or -ENOMEM. */
int unwind__on_pycode(struct unwind *u, const struct wt_ev_pycode *e, size_t size);
/*
 * The frame of a word that only a runtime's own part of us can name (WT_FRAME_PY …),
 * of that process at that time; 0: it is none.
 */
__u32 unwind__runtime_frame(struct unwind *u, __u32 tgid, __u64 time_ns, __u64 word);

/*
 * The same for an address in code that a program makes, as a walk gives it that knew nothing of the
 * runtime yet; 0: no runtime knows it (any more).
 */
__u32 unwind__address_frame(struct unwind *u, __u32 tgid, __u64 address);

/* A thread that sleeps as the recording begins: its stack comes by unwind__walk_raw().  0 or -ENOMEM. */
int unwind__put_asleep(struct unwind *u, const struct wt_ev_asleep *e);
/* A stack that the kernel side could not walk; after unwind__tick().  0 or -ENOMEM. */
int unwind__put_raw_more(struct unwind *u, const struct wt_ev_rawmore *e, size_t size);
int unwind__put_raw(struct unwind *u, const struct wt_ev_raw *e, size_t size);
/*
 * Hands out those, of both kinds, that can be walked by now; last: all of them.  0, or what done
 * returned.
 */
int unwind__walk_raw(struct unwind *u, bool last, raw_done_fn done, void *ctx);

void unwind__stats(const struct unwind *u, struct unwind_stats *out);

#endif /* WT_UNWIND_USER_H */
