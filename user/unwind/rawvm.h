/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rawvm.h - stacks that go through a Java VM's code, walked in a copy: by the kernel side's own
 * walk (walker.h), which takes the stack's words from the copy and all else, the VM's code and what
 * it says of its frames, from the living process.
 *
 * rawwalk.h goes through such code by frame pointers, which compiled code does not keep: the
 * caller of a compiled method is then missing, or worse.  Single-threaded.
 */
#ifndef WT_RAWVM_H
#define WT_RAWVM_H

#include <stdbool.h>

#include "unwind/rawwalk.h"
#include "unwind/spaces.h"
#include "unwind/tables.h"

struct rawvm;

/* Both are borrowed and outlive it, as is the descriptor.  0 or -ENOMEM. */
int rawvm__new(struct rawvm **out, const struct spaces_maps *spaces, const struct tables_maps *tables,
	       int jvm_procs_fd);
/* NULL is fine. */
void rawvm__free(struct rawvm *v);

/* The kernel side has been told of the process, as that program, and of its VM. */
bool rawvm__knows(const struct rawvm *v, __u32 tgid, __u64 image);
/*
 * Walks e, and more of it, as rawwalk() does, but that nobody has asked for the rows of out->awaits
 * yet.  False, and *out is as it was: the process is gone, or it cannot be told where its stack ends.
 */
bool rawvm__walk(struct rawvm *v, const struct wt_ev_raw *e,
		 const struct wt_ev_rawmore *const more[WT_RAW_MORES], struct rawwalk *out);

#endif /* WT_RAWVM_H */
