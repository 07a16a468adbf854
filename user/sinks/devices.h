/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * devices.h - what disks did for whom: the rows of devices.csv, of summary.json's
 * devices[] and of the terminal.
 */
#ifndef WT_DEVICES_H
#define WT_DEVICES_H

#include "disks/disks.h"
#include "sinks/recording.h"
#include "sinks/rowmap.h"

struct device_row {
	struct rowkey key;
	char device[WT_NAME_LEN];
	const char *job;		/* "" where there are no jobs */
	char process[WT_COMM_LEN + 8];
	unsigned op;			/* enum wt_blk_op */
	struct wt_blk_val val;
	/* threads of that job and process waited on the device so long: reading, writing, syncing */
	__u64 wait_ns;
};

struct devices {
	struct rowmap map;
	struct device_row **rows;	/* by device, then by service time and waits, largest first */
	unsigned n;
};

/* 0 or -ENOMEM; devices__free() in both cases. */
int devices__collect(struct devices *d, const struct recording *r);
void devices__free(struct devices *d);
/* The pct-th percentile of a histogram in WT_BUCKETS cells, ns; see hist__percentile(). */
__u64 devices__percentile(const __u32 *hist, unsigned pct, __u64 max_ns);

/* One disk against the kernel's own counters over the recording. */
struct device_audit {
	bool known;			/* the kernel's counters were read at both ends */
	/* reads, writes, discards, flushes: ours, the kernel's */
	__u64 ours[4], kernel[4];
	__u64 ours_bytes[3], kernel_bytes[3];
	__u64 ours_ns[4], kernel_ns[4];	/* from when a request was made to its completion */
	__u64 merged[3];
	double busy;			/* share of the recording in which a request was under way */
};
void devices__audit(const struct recording *r, const struct disk *d, struct device_audit *out);

/* summary.json's "devices" into o; 0 or -ENOMEM. */
int devices__json(const struct recording *r, json_t *o);
/* The terminal's section, when there was a request. */
int devices__terminal(const struct recording *r, FILE *f, bool colour);

#endif /* WT_DEVICES_H */
