/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * exec.h - programs that are units of work from their exec to their exit: what the
 * kernel side notes of them.  Included by worktrace.h; the same rules hold.
 */
#ifndef WT_EXEC_H
#define WT_EXEC_H

/* A name to look for, as the kernel names a program's first thread: cut to 15 bytes. */
struct wt_exec_name {
	char name[WT_COMM_LEN];
};
#define WT_EXEC_NAMES 64

#define WT_X_SCRIPT 1			/* a script: the name is the script's, or its interpreter's */
#define WT_X_SEEDED 2			/* it ran before the recording began */
#define WT_X_ENDED 4			/* end_ns and exit_code hold */
#define WT_X_REPLACED 8			/* its process went on as another program at end_ns */

/*
 * One program of one process: a value of `exec_units`, by image.  Bytes are those
 * that its ended threads moved since it began, less what the others had moved
 * before: the sum holds once the last thread is gone, modulo 2^64 until then.
 */
struct wt_exec {
	__u64 image;			/* see wt_thread_rec */
	__u64 job, cgroup;		/* as of its exec */
	__u64 start_ns;			/* the exec */
	__u64 end_ns;
	__u64 read_bytes, write_bytes;	/* to and from storage, as /proc/PID/io has them */
	__u64 rchar, wchar;		/* through system calls */
	/* requests of disks that its threads made and that are done */
	__u64 reads, blk_read_bytes, writes, blk_write_bytes;
	__u64 requests;			/* flushes, discards and the like */
	__u64 requests_ns;		/* of all of them: in the queue and with the driver */
	__u64 rss_pages;		/* most pages resident; 0: unknown */
	__u64 rss_before;		/* signal->maxrss as it was at the exec: not this program's */
	/* the sum of its thread records that the ring could not take */
	__u64 lost_st_ns[WT_STATES];
	__u64 lost_utime_ns, lost_stime_ns;
	__u64 lost_end_ns;		/* when the last of them ended */
	__u32 lost_threads;
	__u32 serial;			/* of its first thread's record */
	__u32 task, parent;		/* … and task numbers, see wt_thread_rec */
	__u32 tgid, ppid;
	__u32 epoch;			/* of its parent's process when it was forked */
	__u32 flags;			/* WT_X_* */
	__s32 exit_code;		/* wait(2) status */
	__u32 zero;
	struct wt_exec_name name;	/* which name it was found by */
};
_Static_assert(sizeof(struct wt_exec) == 320, "wt_exec is on the wire");

#define WT_EXEC_PATH 256
#define WT_EXEC_ARGS 4096
#define WT_EXEC_TAIL 1024		/* of longer command lines: so much of the end */

/* What ran: the path as it was executed and the arguments, each ended by a zero byte. */
struct wt_ev_exec {
	struct wt_event h;
	struct wt_exec x;
	__u32 args_len;			/* bytes of all arguments; beyond WT_EXEC_ARGS the middle lacks */
	__u32 zero;
	char path[WT_EXEC_PATH];
	char args[WT_EXEC_ARGS];
};
_Static_assert(sizeof(struct wt_ev_exec) == 16 + 320 + 8 + 256 + 4096, "wt_ev_exec is on the wire");

#endif /* WT_EXEC_H */
