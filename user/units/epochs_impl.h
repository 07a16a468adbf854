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

#endif /* WT_UNITS_EPOCHS_IMPL_H */
