/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * disks.h - requests of block devices as the kernel side added them up; pure.
 *
 * Rows have whose requests they were; the totals of a disk have everybody's. Waits
 * of threads come from the ledger and are put beside the rows.
 */
#ifndef WT_DISKS_H
#define WT_DISKS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include "worktrace.h"

struct disk {
	__u32 dev;
	struct wt_blk_disk total;
};

struct disks {
	bool on;			/* requests were followed */
	struct disk *v;			/* by name */
	unsigned n, max;
	struct disks_row {
		struct wt_blk_key key;
		struct wt_blk_val val;
	} *rows;
	unsigned n_rows, max_rows;
};

/* d: zeroed.  0 or -ENOMEM. */
int disks__put(struct disks *d, __u32 dev, const struct wt_blk_disk *total);
int disks__put_row(struct disks *d, const struct wt_blk_key *key, const struct wt_blk_val *val);
/* Puts them in order; nothing is put afterwards. */
void disks__sort(struct disks *d);
const struct disk *disks__by_dev(const struct disks *d, __u32 dev);
/*
 * The disk that a file system's device lies on: itself, or the disk whose partition
 * it is.  NULL: a device that has no requests of its own (dm, md, a network's).
 */
const struct disk *disks__by_device(const struct disks *d, const char *name);
/* A disk's name, by its number as units have it (objects__requests()); d may be NULL. */
const char *disks__label(const struct disks *d, __u32 dev, char *buf, size_t sz);
void disks__free(struct disks *d);

/* "read", "readahead", … as in devices.csv. */
const char *disks__op_name(unsigned op);
/* As /proc/diskstats sorts them: 0 reads, 1 writes, 2 discards, 3 flushes. */
unsigned disks__group(unsigned op);
__u64 disk__requests(const struct disk *d, unsigned group);
__u64 disk__bytes(const struct disk *d, unsigned group);
__u64 disk__ns(const struct disk *d, unsigned group);

#endif /* WT_DISKS_H */
