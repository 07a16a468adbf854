/* SPDX-License-Identifier: GPL-2.0-or-later */
/* disk_maps.h - the maps of block.bpf.c, read into struct disks. */
#ifndef WT_DISK_MAPS_H
#define WT_DISK_MAPS_H

#include "disks/disks.h"
#include "loader/tracer.h"

/* out: zeroed; what is in the maps now, sorted.  0 or -ENOMEM. */
int disk_maps__read(struct disks *out, const struct tracer *t);

#endif /* WT_DISK_MAPS_H */
