/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * block.h - what block.bpf.c adds up of block devices' requests, and user space
 * reads.  Part of worktrace.h, which see.
 */
#ifndef WT_BLOCK_H
#define WT_BLOCK_H

enum wt_blk_op {
	WT_BLK_READ = 0,
	WT_BLK_READAHEAD = 1,
	WT_BLK_WRITE = 2,
	WT_BLK_WRITEBACK = 3,		/* a write that a kernel thread made */
	WT_BLK_FLUSH = 4,
	WT_BLK_DISCARD = 5,
	WT_BLK_ZEROES = 6,		/* write zeroes */
	WT_BLK_OTHER = 7,		/* zones and the like */
	WT_BLK_OPS = 8,
};

#define WT_DISK_LEN 32
#define WT_MAX_DISKS 256

/* Whose requests, on which disk. */
struct wt_blk_key {
	__u64 job, cgroup;		/* as in wt_thread_rec, of the thread that made the request */
	__u32 dev;			/* of the whole disk: major << 20 | first minor */
	__u8 op;			/* enum wt_blk_op */
	__u8 flags;			/* WT_F_KTHREAD, WT_F_SELF */
	__u8 zero[2];
	char comm[WT_COMM_LEN];		/* its process's name; "kworker" for all of them */
};
_Static_assert(sizeof(struct wt_blk_key) == 40, "wt_blk_key is on the wire");

/*
 * Requests that were completed within the recording.  Queue time runs from when
 * the request was made to when the driver took it, service time from there to its
 * completion.
 */
struct wt_blk_val {
	__u64 requests, bytes, errors;
	__u64 sequential;		/* began where that process's last one of its direction ended */
	__u64 queue_ns, queue_max_ns;
	__u64 service_ns, service_max_ns;
	__u64 inflight, inflight_max;	/* with the driver at one time */
	__u32 queue[WT_BUCKETS];	/* requests by wt_bucket(time) */
	__u32 service[WT_BUCKETS];
};
_Static_assert(sizeof(struct wt_blk_val) == 80 + 8 * WT_BUCKETS, "wt_blk_val is on the wire");

/* One disk, whoever made the requests. */
struct wt_blk_disk {
	char name[WT_DISK_LEN];
	__u64 requests[WT_BLK_OPS];
	__u64 bytes[WT_BLK_OPS];
	__u64 ns[WT_BLK_OPS];		/* in the queue and with the driver */
	__u64 errors;
	__u64 queue_ns, service_ns;
	__u64 inflight, inflight_max;
	__u64 empty;			/* writes without data, which only asked for a flush */
	__u64 unseen;			/* completed, but made before anybody looked: in none of these */
	__u64 untimed;			/* of those above: the kernel did not trace one of their steps */
};
_Static_assert(sizeof(struct wt_blk_disk) == 96 + 24 * WT_BLK_OPS, "wt_blk_disk is on the wire");

#endif /* WT_BLOCK_H */
