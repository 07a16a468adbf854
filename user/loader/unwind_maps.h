/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unwind_maps.h - the kernel side's unwind tables as memory and functions of ours. */
#ifndef WT_UNWIND_MAPS_H
#define WT_UNWIND_MAPS_H

#include "loader/tracer.h"
#include "unwind/unwind.h"

struct mapped_unwind;

/* Maps the tracer's tables; *maps refers into *out, which outlives its users.  0 or a negative errno, printed. */
int unwind_maps__open(struct mapped_unwind **out, const struct tracer *t, struct unwind_maps *maps);
void unwind_maps__close(struct mapped_unwind *m);

#endif /* WT_UNWIND_MAPS_H */
