/* SPDX-License-Identifier: GPL-2.0-or-later */
/* epochs_impl.h - what the files behind epochs.h share. */
#ifndef WT_UNITS_EPOCHS_IMPL_H
#define WT_UNITS_EPOCHS_IMPL_H

#include "units/epochs.h"
#include "util/errors.h"

/* The place of a thread, by its serial or task number, among those of p that write; −1: it has none. */
int epochs__speaker(const struct uproc *p, __u32 thread);
/* The part of ns that falls to [from, to] of [begin, end], by what is before it: sums stay whole. */
__u64 epochs__part(__u64 ns, __u64 begin, __u64 end, __u64 from, __u64 to);
/*
 * An account of [begin, end] to the units that have claimed parts of it.  The row
 * that has most of it, 0: none has any.  thread: whose it is, 0: all those without a part.
 */
__u32 epochs__make_over(struct epochs *e, const struct uproc *p, __u64 begin, __u64 end,
			const struct account *a, __u32 thread);

/* epochs.c, for epochs_resolve.c */
/* Where it is noted whose an epoch was for that thread, if for it it was another's. */
static inline __u64 epochs__resolved_key(__u32 id, __u32 thread)
{
	return id | (__u64)thread << 32;
}
/* What a process owns, but not its place. */
void epochs__free_proc(struct epochs *e, struct uproc *p);
struct epoch *epochs__at(const struct epochs *e, __u32 i);
/* Whose an epoch was that is made over, to that thread; NULL: it is not known, or not any more. */
struct u64map_slot *epochs__resolved(const struct epochs *e, __u32 id, __u32 thread);
/* What p's own units had is the one's that p was started in as well.  0 or -ENOMEM. */
int epochs__pass_on(struct epochs *e, const struct uproc *p, const struct account *a);
/* Whose units the time of p belongs to as it goes by; NULL: no such one. */
const struct uproc *epochs__serves(const struct epochs *e, const struct uproc *p);
/* Charges that came before the boundary they were about.  0 or -ENOMEM. */
int epochs__charge_early(struct epochs *e);
/* The epoch that p is in ends, at the earliest one ns behind its begin. */
void epochs__close_last(struct epochs *e, struct uproc *p, __u64 ts_ns);

#endif /* WT_UNITS_EPOCHS_IMPL_H */
