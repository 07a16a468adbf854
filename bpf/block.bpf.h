/* SPDX-License-Identifier: GPL-2.0-or-later */
/* block.bpf.h - a request of a disk on its way, and the sums that it goes into. */
#ifndef WT_BLOCK_BPF_H
#define WT_BLOCK_BPF_H

#include "maps.bpf.h"

/* A request on its way. */
struct wt_blk_rq {
	struct wt_blk_key key;
	__u64 made_ns, issue_ns;	/* issue_ns 0: not yet */
	__u64 bytes;			/* completed so far */
	__u64 start;			/* the kernel's own time of this use of the request */
	/* of the thread that made it, 0: none that is traced; epoch: as it did */
	__u64 image;
	__u32 serial, epoch;
	__u32 tgid;
	__u32 len;			/* when it was issued */
	__u8 traced, sequential;
	__u8 zero[6];
};

/* What one request adds to the figures. */
struct wt_blk_one {
	__u64 bytes, queue_ns, service_ns;
	__u32 failed, sequential, op, zero;
};

/* As which of a unit's sums it counts. */
static __always_inline enum wt_exact wt_blk_exact(__u32 op)
{
	switch (op) {
	case WT_BLK_READ:
	case WT_BLK_READAHEAD:
		return WT_EXACT_READS;
	case WT_BLK_WRITE:
	case WT_BLK_WRITEBACK:
		return WT_EXACT_WRITES;
	}
	return WT_EXACT_REQUESTS;
}

/* blksum.bpf.c */
/* Raises *at to v. */
int wt_blk_max(__u64 *at, __u64 v);
int wt_blk_into_row(struct wt_blk_val *v, struct wt_blk_one *x);
int wt_blk_into_disk(struct wt_blk_disk *d, struct wt_blk_one *x);
/* For the unit of work, if any, that r was made in. */
int wt_blk_into_unit(struct wt_blk_rq *r, __u64 ns, __u64 bytes);

#endif /* WT_BLOCK_BPF_H */
