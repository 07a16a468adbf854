/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jvm.h - HotSpot VMs of the traced processes: recognises them, tells the kernel side
 * where their code lies, and gives its Java frames names.
 *
 * Names are read from the process when a method is first met: of one that is gone
 * by then there is none.  Single-threaded.
 */
#ifndef WT_JVM_USER_H
#define WT_JVM_USER_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "symbols/symbols.h"
#include "worktrace.h"

struct jvm;

struct jvm_stats {
	__u64 processes;	/* entries written for the kernel side, over all time */
	__u64 refused;		/* VMs whose tables are not as they must be */
	__u64 methods;		/* names read */
	__u64 gone;		/* … that could not be: loss.jvm_method_gone */
};

/* procs_fd: the map jvm_procs, which stays the caller's; −1: none (tests).  0 or -ENOMEM. */
int jvm__new(struct jvm **out, int procs_fd);
void jvm__free(struct jvm *j);

/*
 * A process has this file mapped executable from start to end, beginning with its byte
 * pgoff.  fd: the file, borrowed; path: as mapped.  True when it is HotSpot's library.
 * Call it for every such mapping, each time the process's mappings are looked at; it
 * costs next to nothing for other files.
 */
bool jvm__enter(struct jvm *j, __u32 tgid, int fd, const char *path, __u64 start, __u64 end,
		__u64 pgoff);
/*
 * The n mappings of that process, sorted: the anonymous ones that lie in one of its code
 * heaps become one mapping, as large as the heap can grow, with WT_MAP_JVM; *n is
 * what is left.  Returns WT_SPACE_JVM when the kernel side knows the VM, else 0.
 */
__u32 jvm__mark(struct jvm *j, __u32 tgid, struct wt_mapping *m, unsigned *n);
/*
 * A process whose VM has just begun has nothing to mark yet.  Returns one whose mappings
 * should be looked at again, now that it has; 0: none.  Call it until 0, at each tick.
 */
__u32 jvm__due(struct jvm *j, __u64 now_ns);
/* The process has a VM that is known, or may be. */
bool jvm__has(const struct jvm *j, __u32 tgid);
/* For tests: the tables of every VM that is met from now on are said to be of no use. */
void jvm__refuse_all(struct jvm *j);
/*
 * A VM whose tables cannot be used, each once: its process, and where its library lies
 * (*start to *end).  0: there is none.
 */
__u32 jvm__next_refused(struct jvm *j, __u64 *start, __u64 *end);
/* A child begins as its parent's copy. */
void jvm__fork(struct jvm *j, __u32 tgid, __u32 ptgid);
/* The process is gone, or another program; names already known stay for a while. */
void jvm__leave(struct jvm *j, __u32 tgid);

/* The frame of a WT_FRAME_JVM word of that process. */
__u32 jvm__frame(struct jvm *j, struct symbols *s, __u32 tgid, __u64 word);
/* Its name into buf, as jvm__frame() gives it; false: it is gone. */
bool jvm__name(struct jvm *j, __u32 tgid, __u64 word, char *buf, size_t size);

/*
 * The WT_FRAME_JVM word of an address in that process's VM's code: for stacks that were taken
 * before the kernel side knew of it.  0: it is none, or not known (any more).
 */
__u64 jvm__word_at(struct jvm *j, __u32 tgid, __u64 address);

void jvm__stats(const struct jvm *j, struct jvm_stats *out);

#endif /* WT_JVM_USER_H */
