/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * units.h - what the kernel side says of boundaries between units of work.
 * Included by worktrace.h; the same rules hold.
 *
 * An epoch is a stretch of a process's life between two of its boundaries.  Its
 * number is given out once in a recording and in rising order; 0 is the time
 * before the first.  A process that is forked starts in the epoch of its parent.
 * Only user space knows which epochs make a unit.
 */
#ifndef WT_UNITS_H
#define WT_UNITS_H

/*
 * What a line of state WT_CPU and kind WT_K_EXACT holds of one epoch: reason
 * WT_EXACT(what).  CPU time is a thread's own; the next three are parts of it.
 */
enum wt_exact {
	WT_EXACT_CPU = 0,
	WT_EXACT_STEAL = 1,		/* by the hypervisor */
	WT_EXACT_IRQ = 2,		/* hard interrupts, where they are looked at */
	WT_EXACT_SOFTIRQ = 3,
	WT_EXACT_MIGRATIONS = 4,	/* no time: switch-ins on another CPU than the last */
	/*
	 * requests of the disk n (wt_blk_key.dev) that the thread made: count, ns in the queue and
	 * with the driver, bytes in weighted_ns
	 */
	WT_EXACT_READS = 5,
	WT_EXACT_WRITES = 6,
	WT_EXACT_REQUESTS = 7,		/* flushes, discards and the like */
	WT_EXACTS = 8,
};
#define WT_EXACT_REASON(what) (WT_K_EXACT | (__u64)(what) << 8)

/* What a write led to. */
enum wt_stream {
	WT_STREAM_FILE = 0,
	WT_STREAM_PIPE = 1,
	WT_STREAM_TTY = 2,
	WT_STREAM_SOCKET = 3,
	WT_STREAM_DATAGRAM = 4,		/* a socket of which each write is a message: it ends a line */
};

#define WT_WRITE_BINARY 1		/* no text: nothing was copied, it only bounds an epoch */
#define WT_WRITE_CUT 2			/* … more was written than could be copied */
#define WT_WRITE_MORE 4			/* the next record goes on with the same write */
#define WT_WRITE_NEW 8			/* the process had no boundary in this recording before */
#define WT_WRITE_SEEDED 32		/* the process was there before the recording began */
#define WT_WRITE_EXEC 16		/* no write: the process is another program from here on */
/*
 * No write: the process begins here, with a fork; with WT_WRITE_SEEDED it was forked before the recording
 * and is the same program still: inode is then its parent's image at that time.
 */
#define WT_WRITE_FORK 256
#define WT_WRITE_BEGIN 64		/* no write: the thread begins the unit that the text names … */
#define WT_WRITE_END 128		/* … or has ended it: see told.h; both: it goes on with it, without a text: with none */

/*
 * Text that was written, as of the return of the system call.  Where epoch_after
 * is not epoch_before the write bounds the two, at h.ts_ns; else the process has
 * written just before and the boundary was spared.
 */
struct wt_ev_write {
	struct wt_event h;
	__u64 image;			/* see wt_thread_rec */
	__u64 job, cgroup;
	__u64 inode;			/* of what was written to */
	__u32 dev;
	__u32 fd;			/* with WT_WRITE_EXEC or WT_WRITE_FORK: wt_thread_rec.parent */
	__u32 tgid, tid;
	__u32 task;			/* wt_thread_rec.task */
	__u32 epoch_before, epoch_after;
	__u32 size;			/* bytes copied, behind this record */
	__u8 stream;			/* enum wt_stream */
	__u8 zero;
	__u16 flags;			/* WT_WRITE_* */
	__u32 serial;			/* of the thread */
	char comm[WT_COMM_LEN];		/* the process's name */
};
_Static_assert(sizeof(struct wt_ev_write) == 104, "wt_ev_write is on the wire");
#define WT_WRITE_CHUNK 8192		/* bytes copied at a time */
#define WT_WRITE_CHUNKS 16		/* … and so often for one write */

/*
 * An interval of a thread that began in epoch `key.epoch` and ended in a later
 * one of its process: another thread's boundaries lie inside.  key.state WT_CPU:
 * the exact time on a CPU.
 */
struct wt_ev_split {
	struct wt_event h;
	struct wt_detail_key key;
	__u64 from_ns, to_ns;
	__u64 weighted_ns;		/* see wt_detail_val */
	__u64 image;
};
_Static_assert(sizeof(struct wt_ev_split) == 88, "wt_ev_split is on the wire");

#endif /* WT_UNITS_H */
