/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * worktrace.h - what the kernel side and the user side say to each other.
 *
 * The includer brings __u8 … __s64 (vmlinux.h on one side, <linux/types.h> on
 * the other).  Every structure here is on the wire between the two, so each
 * one's size is asserted and nothing is left to padding.  All times are
 * nanoseconds of CLOCK_MONOTONIC unless a name says otherwise.
 */
#ifndef WORKTRACE_H
#define WORKTRACE_H

/* Where a thread is.  The order is that of STATES in the CSV files. */
enum wt_state {
	WT_CPU = 0,
	WT_RUNQ = 1,
	WT_THROTTLED = 2,
	WT_DISK = 3,
	WT_NET = 4,
	WT_IPC = 5,
	WT_LOCK = 6,
	WT_CHILD = 7,
	WT_MEM = 8,
	WT_SLEEP = 9,
	WT_IDLE = 10,
	WT_STOPPED = 11,
	WT_OTHER = 12,
	WT_STATES = 13,
};

/*
 * What it is there for.  A reason that has no object is the number itself; one
 * that has an object (a peer, a child, a device …) is a struct wt_reason, sent
 * once, and the hash of its bytes with WT_REASON_INTERNED set.
 *
 * An inline reason packs kind, system call and a small argument:
 *     bits 0-7 kind, 8-23 system call number, 24 compat (32-bit) call,
 *     25 write direction, 32-62 n (poll set size, …)
 */
#define WT_REASON_INTERNED (1ULL << 63)
#define WT_REASON_KIND(r) ((__u8)(r))
#define WT_REASON_NR(r) ((__u16)((r) >> 8))
#define WT_REASON_COMPAT (1ULL << 24)
#define WT_REASON_WRITE (1ULL << 25)
#define WT_REASON_N(r) ((__u32)((r) >> 32) & 0x7fffffff)

enum wt_kind {
	WT_K_NONE = 0,
	/* cpu */
	WT_K_USER = 1,			/* a sample that hit user mode */
	WT_K_KERNEL = 2,		/* … kernel mode */
	/* runq */
	WT_K_WAKEUP = 3,		/* waited for a CPU after a wakeup (or birth): name = who ran, n = enum wt_rival */
	WT_K_PREEMPT = 4,		/* … after it had been preempted */
	/* throttled */
	WT_K_QUOTA = 5,
	/* disk */
	WT_K_FILE = 6,			/* read, write … of a file: nr says which; name = device */
	WT_K_SYNC = 7,			/* fsync and its kin */
	WT_K_FS = 8,			/* a call that takes a path: open, unlink, rename … */
	WT_K_MAJFAULT = 9,		/* a page had to be read: no system call */
	WT_K_IOWAIT = 10,		/* in_iowait, whatever the call */
	WT_K_AIO = 11,			/* io_getevents */
	WT_K_BLOCKDEV = 12,		/* a block device itself; name = device */
	/* net */
	WT_K_SOCKET = 13,		/* recv or send: family, addr, port */
	WT_K_CONNECT = 14,
	/* ipc */
	WT_K_PIPE = 15,
	WT_K_UNIX = 16,			/* name = path of the peer, or else our own */
	WT_K_EVENTFD = 17,
	WT_K_MQ = 18,			/* POSIX or SysV message queue */
	WT_K_NETLINK = 19,
	WT_K_OTHERSOCK = 20,		/* a socket of another family: family says which */
	/* lock */
	WT_K_FUTEX = 21,		/* a futex that is no lock, as far as is known; n: WT_TOLD_SHARED or 0 */
	WT_K_FLOCK = 22,
	WT_K_SEM = 23,
	WT_K_MMAP_LOCK = 24,		/* a fault or a call on the address space, no I/O */
	/* child */
	WT_K_WAIT = 25,			/* wait4, waitid: name, n = pid */
	WT_K_VFORK = 26,		/* a vfork parent: name, n = pid */
	/* mem */
	WT_K_RECLAIM = 27,
	/* sleep */
	WT_K_SLEEP = 28,		/* nanosleep and its kin */
	WT_K_TIMERFD = 29,
	WT_K_POLL_TIMER = 30,		/* poll, select or epoll with nothing to wait on */
	/* idle */
	WT_K_EPOLL = 31,
	WT_K_POLL = 32,			/* poll, select: n = size of the set */
	WT_K_ACCEPT = 33,		/* family, addr, port of the listener; name for unix */
	WT_K_SIGNAL = 34,		/* sigtimedwait, pause, signalfd */
	WT_K_TTY = 35,
	WT_K_KTHREAD = 36,		/* a sleeping kernel thread */
	WT_K_INOTIFY = 37,
	WT_K_URING = 38,		/* io_uring_enter, or an io_uring worker */
	/* stopped */
	WT_K_SIGSTOP = 39,
	WT_K_TRACED = 40,
	WT_K_FROZEN = 41,
	/* other */
	WT_K_SYSCALL = 42,		/* nr says which */
	WT_K_DEVICE = 43,		/* a character device: name = its name */
	WT_K_FAULT = 44,		/* no system call, no I/O: an interrupt or a fault */
	WT_K_MISSED = 45,		/* the kernel did not trace the switch-out */
	WT_K_ANONFD = 46,		/* another anonymous inode: name */
	WT_K_EXITING = 47,		/* on its way out */
	WT_K_USERFAULT = 48,
	WT_K_OOM = 49,			/* mem: out of memory in its cgroup, waits for some */
	WT_K_GIL = 50,			/* lock: CPython's; name = what its holder is at, else n = its thread */
	WT_K_EXACT = 51,		/* cpu: not a sample, but an exact sum of one epoch: enum wt_exact */
	WT_K_SWAPIN = 52,		/* disk: a page of swap */
	WT_K_MUTEX = 53,		/* lock: a futex that is one; name = what the thread that has it is called, n: WT_MUTEX_RW or 0 */
	WT_KINDS = 54,
};

#define WT_TOLD_SHARED 1		/* other processes may tell it: the call says so */
#define WT_MUTEX_RW 1			/* a lock of readers and writers */

/* Who had the CPU that a thread waited for; 0: it is not known. */
enum wt_rival {
	WT_RIVAL_SELF = 1,		/* another thread of its process */
	WT_RIVAL_JOB = 2,		/* another process of its job */
	WT_RIVAL_OTHER_JOB = 3,		/* addr = that job and its control group, 8 bytes each */
	WT_RIVAL_OTHER = 4,		/* a process of no job that is known */
	WT_RIVAL_SYSTEM = 5,		/* a kernel thread */
	WT_RIVAL_IDLE = 6,		/* nobody: the CPU slept, or was waking up */
};

/* Of a socket: whose address and port those are.  Of a unix socket n is the peer's pid. */
enum wt_sock_end {
	WT_SOCK_PEER = 0,
	WT_SOCK_OWN = 1,		/* there is no peer, or it listens */
	WT_SOCK_CLIENT = 2,		/* accepted: the peer's address, our port */
};

#define WT_COMM_LEN 16
#define WT_NAME_LEN 40
#define WT_MAX_FRAMES 255	/* of a user stack; all bits set: it is a mask, too */
#define WT_MAX_KFRAMES 127	/* of a kernel stack: kernel.perf_event_max_stack, unless somebody raised it */
/* The id of the stack of a wait whose stack was not taken, to keep the budget. */
#define WT_STACK_SHED 0x7368656400000001ULL

#include "unwind.h"

/* A reason with an object.  Zeroed before use: its bytes are its identity. */
struct wt_reason {
	__u8 state;			/* enum wt_state */
	__u8 kind;			/* enum wt_kind */
	__u16 nr;			/* system call number as the task issued it */
	__u8 compat;			/* a 32-bit call */
	__u8 write;			/* 1: it waited to write or send */
	__u16 family;			/* AF_INET, AF_INET6, AF_UNIX, … */
	__u16 port;			/* host order */
	__u16 proto;			/* IPPROTO_TCP, IPPROTO_UDP, … */
	__u32 n;			/* set size, child's pid, device number; of a socket enum wt_sock_end */
	__u8 addr[16];			/* of a disk: id of the path (wt_ev_path) in the first 8; network order; IPv4 in the first four; of a unix socket the peer's comm */
	char name[WT_NAME_LEN];		/* NUL-terminated: child, device, path, file system */
};
_Static_assert(sizeof(struct wt_reason) == 72, "wt_reason is on the wire");

/*
 * Detail: one line of the ledger.  For state WT_CPU a line counts samples (ns
 * stays 0 and user space scales the samples to the thread's exact CPU time);
 * for every other state it holds completed intervals.
 */
struct wt_detail_key {
	__u64 ustack;			/* id of the user stack, 0: none taken; of requests of disks the program that is a unit */
	__u64 kstack;			/* id of the kernel stack, 0: none taken */
	__u64 reason;
	__u32 thread;			/* wt_thread_rec.serial */
	__u32 epoch;			/* see wt_ev_write */
	__u8 state;
	__u8 bucket;			/* wt_bucket(ns) of the interval; 0 for WT_CPU */
	__u16 span;			/* number of the span the thread was in, 0: none */
	__u8 zero[4];
};
_Static_assert(sizeof(struct wt_detail_key) == 40, "wt_detail_key is on the wire");

struct wt_detail_val {
	__u64 ns;
	__u64 max_ns;
	__u64 count;
	/*
	 * When stacks are shed to keep the budget: ns, each interval divided by how
	 * likely it was that its stack was taken.
	 */
	__u64 weighted_ns;
};
_Static_assert(sizeof(struct wt_detail_val) == 32, "wt_detail_val is on the wire");

/*
 * Log-linear buckets, four to the octave from 16 ns up: a bucket's middle is
 * within 12.5 % of every value in it.  Bucket 0: below 16 ns.
 */
#define WT_BUCKETS 160

/* Why a thread's record was sent. */
enum wt_rec_why {
	WT_REC_SNAPSHOT = 0,		/* it lives on; a later record replaces this one */
	WT_REC_EXIT = 1,		/* the thread ended */
	WT_REC_EXEC = 2,		/* it goes on as another program under another serial */
	WT_REC_END = 3,			/* the recording ended, the thread lives on */
};

#define WT_F_KTHREAD 1			/* a kernel thread */
#define WT_F_SELF 2			/* one of worktrace's own */
#define WT_F_COMPAT 4			/* it runs 32-bit code */
#define WT_F_SEEDED 8			/* it was there before the recording began */
#define WT_F_LEADER 16			/* tid == tgid */
#define WT_F_IOWORKER 32		/* an io_uring worker */
#define WT_F_EXECED 64			/* a record of an earlier program of this thread was sent */

/*
 * The account of one thread: exact, kept in its task storage.  A thread that
 * calls exec gets a new serial (it is another program from then on) and keeps
 * its task number.
 *
 * sum(st_ns) == end_ns - birth_ns, where the interval that is still open at
 * end_ns has been added to st_ns[open_state] and is repeated in open_*, as no
 * detail line holds it.
 */
struct wt_thread_rec {
	__u64 birth_ns;			/* ≥ start of the recording */
	__u64 end_ns;			/* exit, exec, or the end of the recording */
	__u64 st_ns[WT_STATES];
	__u64 preempt_ns;		/* the part of runq after a preemption */
	__u64 steal_ns;			/* the part of cpu that the hypervisor took */
	__u64 irq_ns, softirq_ns;	/* … that interrupts took, where they are looked at */
	__u64 utime_ns;			/* the kernel's tick-sampled split, growth */
	__u64 stime_ns;			/* … over the record */
	/*
	 * The open interval; open_ns 0 when there is none (an open CPU interval
	 * has no detail of its own and is not repeated here).  A thread that has
	 * been woken but not yet been given a CPU has two: open_ns of open_state,
	 * then open_runq_ns of runq (kind WT_K_WAKEUP), with the same stacks.
	 */
	__u64 open_ns;
	__u64 open_runq_ns;
	__u64 open_reason;
	__u64 open_ustack;
	__u64 open_kstack;
	/* the audit: pairs (ours, the kernel's) over the same closed intervals */
	__u64 audit_cpu_ours_ns;	/* in rq->clock_task's time */
	__u64 audit_cpu_kernel_ns;	/* growth of se.sum_exec_runtime */
	__u64 audit_runq_ours_ns;	/* stamped with rq->clock; includes throttled */
	__u64 audit_runq_kernel_ns;	/* growth of sched_info.run_delay */
	__u64 audit_ledger_cpu_ns;	/* the same CPU intervals on the ledger's clock */
	__u64 audit_ledger_runq_ns;	/* … and the same waits for a CPU, throttled or not */
	__u64 image;			/* identity of the address space: hash of leader, exec count */
	__u64 switches;			/* switch-outs */
	__u64 migrations;		/* to another CPU, as the kernel counts them */
	__u64 samples;			/* on-CPU samples taken */
	__u64 job;			/* hash of the job's identity (wt_ev_job), 0: of none known by its environment */
	__u64 cgroup;			/* its control group (wt_ev_cgroup), 0: at the root everywhere */
	__u64 epoch_cpu_ns;		/* the part of st_ns[WT_CPU] in `epoch` that no WT_K_EXACT line holds yet */
	__u64 epoch_steal_ns, epoch_irq_ns, epoch_softirq_ns, epoch_migrations;	/* likewise */
	__u32 serial;			/* of this record's thread and program; never 0 */
	__u32 task;			/* of the thread over its execs; == first serial */
	__u32 parent;			/* task number of the thread that forked it, 0: not traced */
	__u32 epoch;
	__u32 tid;
	__u32 tgid;
	__u32 flags;			/* WT_F_* */
	__u8 why;			/* enum wt_rec_why */
	__u8 open_state;
	__u8 stage;			/* it is a worker of: enum wt_stage */
	__u8 zero;
	__s32 exit_code;		/* wait(2) status, valid for WT_REC_EXIT of a leader */
	__u32 ppid;			/* tgid of the parent */
	char comm[WT_COMM_LEN];		/* the thread's name */
	char pcomm[WT_COMM_LEN];	/* the process's name: that of its leader */
};
_Static_assert(sizeof(struct wt_thread_rec) == 416, "wt_thread_rec is on the wire");

/* Ring buffer records: each starts with this. */
enum wt_event_type {
	WT_EV_STACK = 1,
	WT_EV_REASON = 2,
	WT_EV_THREAD = 3,
	WT_EV_RESEED = 4,		/* tasks joined the target by a way the kernel side cannot seed */
	WT_EV_WANT_SPACE = 5,		/* a walk found a process whose mappings are not known */
	WT_EV_PYCODE = 6,		/* a code object of CPython, once */
	WT_EV_RAWSTACK = 7,		/* a user stack that user space is to walk */
	WT_EV_WRITE = 8,		/* text that a traced process wrote */
	WT_EV_SPLIT = 9,		/* an interval that reaches over more than one epoch */
	WT_EV_JOB = 10,			/* a job's identity, once */
	WT_EV_CGROUP = 11,		/* a control group's path, once */
	WT_EV_EXEC = 12,		/* the command line of a program that is a unit of work */
	WT_EV_SPAN = 13,		/* a span is over */
	WT_EV_PATH = 16,		/* what a file is called, once */
	WT_EV_RAWMORE = 18,		/* more of one */
	WT_EV_ASLEEP = 17,		/* a thread sleeps as the recording begins */
	WT_EV_SAMPLE = 19,		/* a sample with a stack that has not been sent lately */
	WT_EV_CONN = 15,		/* a TCP connection is over */
};

struct wt_event {
	__u32 type;			/* enum wt_event_type */
	__u32 zero;
	__u64 ts_ns;
};
_Static_assert(sizeof(struct wt_event) == 16, "wt_event is on the wire");

#include "python.h"
#include "jvm.h"
#include "units.h"
#include "told.h"
#include "block.h"
#include "path.h"
#include "jobs.h"
#include "exec.h"
#include "ffmpeg.h"
#include "conn.h"

/*
 * Innermost frame first.  Of a user stack see enum wt_frame_tag; a kernel stack
 * has addresses.
 */
struct wt_ev_stack {
	struct wt_event h;
	__u64 id;
	__u32 tgid;
	__u16 n;			/* frames that follow */
	__u8 user;			/* 1: a user stack */
	__u8 end;			/* enum wt_end */
	__u64 ip[];			/* n of them */
};
_Static_assert(sizeof(struct wt_ev_stack) == 32, "wt_ev_stack is on the wire");

/* A CPU sample that no detail line counts, and its user stack, which is a whole struct wt_ev_stack. */
struct wt_ev_sample {
	struct wt_event h;
	struct wt_detail_key key;
	struct wt_ev_stack stack;
};
_Static_assert(sizeof(struct wt_ev_sample) == 88, "wt_ev_sample is on the wire");

/*
 * A user stack as it lay in memory: the registers, and the bytes from sp up.  Of a
 * deep one, its two ends: from sp up, and from `upper` to where it begins.  A walk that came some
 * way is gone on with: there are its frames, head of them, and the registers are those of the next
 * one, which it could not leave.  Behind them may be that frame and all Python frames further
 * out, which only the living process could tell: bit i of ends says that frame i is the
 * outermost of those that one native frame of the evaluation loop stands for.  The id is no other
 * stack's.
 */
struct wt_ev_raw {
	struct wt_event h;
	__u64 id;
	__u64 image;			/* of the program: see wt_thread_rec */
	__u64 ip, sp, fp, bx;
	__u32 tgid;
	__u32 size;			/* bytes that follow, a multiple of 8 … */
	__u32 low;			/* … so many of them from sp, the rest from upper */
	__u16 n;			/* frames */
	__u8 flags;			/* WT_RAW_* */
	__u8 head;			/* … so many of them before the one that ip is in */
	__u64 upper;
	__u64 ends[4];
	__u64 frame[WT_MAX_FRAMES];
	__u64 stack[];
};
_Static_assert(sizeof(struct wt_ev_raw) == 120 + 8 * WT_MAX_FRAMES, "wt_ev_raw is on the wire");
#define WT_RAW_CALLER 1		/* ip is where a call returns to */
#define WT_RAW_FP_LOST 2	/* fp is nobody's any more */
#define WT_RAW_BX_LOST 4
#define WT_RAW_GUESS 8		/* ip was found by a scan */
#define WT_RAW_LOOP 16		/* ip is in Python's evaluation loop: its own frame is not among the n */
#define WT_RAW_STACK (32768 - 120 - 8 * WT_MAX_FRAMES - 8)	/* bytes at most; with its head it stays below 32768 */

/* What lies between the two ends of a deep one, or a part of that next to an end; it comes before. */
struct wt_ev_rawmore {
	struct wt_event h;
	__u64 id;			/* of the struct wt_ev_raw */
	__u64 at;			/* address */
	__u64 size;			/* bytes that follow, a multiple of 8 */
};
_Static_assert(sizeof(struct wt_ev_rawmore) == 40, "wt_ev_rawmore is on the wire");
#define WT_RAW_MORE (24 << 10)	/* bytes at most, in a small one and … */
#define WT_RAW_HALF (48 << 10)	/* … in each of two, one next to each end */
#define WT_RAW_MORES 2
#define WT_RAW_HOLE 0xdeadd0000000beefULL	/* a word of a page that could not be read */

/*
 * A thread that sleeps as the recording begins: its registers, by which user space walks its
 * stack if it still sleeps then.  The id is no other stack's.
 */
struct wt_ev_asleep {
	struct wt_event h;
	__u64 id;
	__u64 image;			/* of the program: see wt_thread_rec */
	__u64 ip, sp, fp, bx;
	__u64 thread_pointer;
	__u64 runs;			/* sched_info.pcount: it grows when the thread runs again */
	__u32 tgid, tid;
	__u32 copied;			/* it blocks just now, and there is a struct wt_ev_raw of that id, too */
	__u32 zero;
};
_Static_assert(sizeof(struct wt_ev_asleep) == 96, "wt_ev_asleep is on the wire");

/* tgid 0: rows are wanted, see cfi_wanted. */
struct wt_ev_want {
	struct wt_event h;
	__u64 image;
	__u32 tgid;
	__u32 zero;
};
_Static_assert(sizeof(struct wt_ev_want) == 32, "wt_ev_want is on the wire");

#include "span.h"

struct wt_ev_reason {
	struct wt_event h;
	__u64 id;			/* with WT_REASON_INTERNED */
	struct wt_reason reason;
};
_Static_assert(sizeof(struct wt_ev_reason) == 96, "wt_ev_reason is on the wire");

struct wt_ev_thread {
	struct wt_event h;
	struct wt_thread_rec rec;
};
_Static_assert(sizeof(struct wt_ev_thread) == 432, "wt_ev_thread is on the wire");

/* Ways of losing data; one counter each, per CPU. */
enum wt_loss {
	WT_LOSS_DETAIL = 0,		/* detail lines that found their map full (their time is unattributed) */
	WT_LOSS_STACK = 1,		/* stacks that found the ring full (named by a later occurrence, if any) */
	WT_LOSS_REASON = 2,		/* reasons that found the ring full */
	WT_LOSS_EXIT = 3,		/* thread records that found the ring full: their totals are in the sum */
	WT_LOSS_THREADS = 4,		/* threads for which no storage could be made: outside the account */
	WT_LOSS_MISSED_SWITCH = 5,	/* switches the kernel did not trace, found and repaired */
	WT_LOSS_USTACK = 6,		/* user stacks that could not be read */
	WT_LOSS_KSTACK = 7,		/* kernel stacks that could not be taken */
	WT_LOSS_CLOCK = 8,		/* negative intervals clamped to zero */
	WT_LOSS_SAMPLE = 9,		/* samples whose line found the map full */
	WT_LOSS_SPACE = 10,		/* requests for a process's mappings that found the ring full */
	WT_LOSS_PYTHON = 11,		/* Python frames that did not hold together: the stack ends there */
	WT_LOSS_PYCODE = 12,		/* Python code objects whose names found the ring full */
	WT_LOSS_RAW = 13,		/* stacks without tables that were over the budget for raw copies */
	WT_LOSS_WRITE = 14,		/* writes whose text found its ring full, or could not be read */
	WT_LOSS_SPLIT = 15,		/* intervals over several epochs that found the ring full: charged to the first */
	WT_LOSS_ENV_CUT = 16,		/* environments longer than is looked through, and values longer than is kept */
	WT_LOSS_ENV_READ = 17,		/* environments that could not be read */
	WT_LOSS_JOB = 18,		/* identities of jobs and groups that found the ring full */
	WT_LOSS_EXEC_UNIT = 19,		/* programs that are units and found their map full */
	WT_LOSS_EXEC_ARGS = 20,		/* command lines of units that found the ring full */
	WT_LOSS_SPAN = 21,		/* spans that found the ring full: they are in the totals of their name */
	WT_LOSS_SPAN_DEEP = 22,		/* entries while eight spans were open, or without memory: no spans */
	WT_LOSS_CONN = 23,		/* connections and listeners that found their map full: not listed */
	WT_LOSS_CONN_RING = 24,		/* connections whose record found the ring full */
	WT_LOSS_BLOCK = 25,		/* requests of disks that found the map full: outside the figures of disks */
	WT_LOSS_BLOCK_ROW = 26,		/* requests of disks whose row found the map full: in the disk's totals only */
	WT_LOSS_PATHS = 27,		/* waits for files beyond the number whose names are kept */
	WT_LOSS_PATH_RING = 28,		/* names of files that found the ring full */
	WT_LOSS_BLOCK_UNIT = 29,	/* requests of disks whose line of a unit found the detail map full */
	WT_LOSS_DGRAM = 30,		/* datagrams whose peer found the map full */
	WT_LOSSES = 31,
};

/* Things counted that are not losses, per CPU. */
enum wt_count {
	WT_CNT_SWITCH = 0,		/* sched_switch program runs that concerned the target */
	WT_CNT_SAMPLE = 1,		/* on-CPU samples of the target */
	WT_CNT_WAKEUP = 2,
	WT_CNT_FORK = 3,
	WT_CNT_EXEC = 4,
	WT_CNT_EXIT = 5,
	WT_CNT_KSTACK_HIT = 6,		/* remembered kernel stacks that were verified */
	WT_CNT_KSTACK_MISS = 7,		/* … that had to be unwound */
	WT_CNT_DETAIL = 8,		/* detail lines made */
	WT_CNT_KSTACK_WRONG = 9,	/* … that a check found to be another: a stack was misreported */
	WT_CNT_USTACK = 10,		/* user stacks walked */
	WT_CNT_USTACK_HIT = 11,		/* remembered user stacks that were verified */
	WT_CNT_USTACK_WRONG = 12,	/* … that a check found to be another: a stack was misreported */
	WT_CNT_FRAMES = 13,		/* frames of the stacks walked */
	WT_CNT_ROW_HIT = 14,		/* rules found in the cache of program counters */
	WT_CNT_ROW_MISS = 15,		/* … searched for in the rows */
	WT_CNT_SCAN = 16,		/* frames found by scanning the stack */
	WT_CNT_STACK_NS = 17,		/* time spent on the stacks of waits, estimated by every 32nd */
	WT_CNT_SHED = 18,		/* waits whose stack was shed */
	WT_CNT_BOOKED_ASLEEP = 19,	/* waits left out of the audit: the kernel booked sleep as queued */
	WT_CNT_WRITE = 20,		/* writes looked at for lines */
	WT_COUNTS = 21,
};

struct wt_stats {
	__u64 loss[WT_LOSSES];
	__u64 count[WT_COUNTS];
	/* the sum of the exit records that the ring could not take */
	__u64 lost_threads;		/* without those of which an earlier record was sent */
	__u64 lost_processes;
	__u64 lost_wall_ns;
	__u64 lost_st_ns[WT_STATES];
	__u64 lost_preempt_ns;
};

#define WT_CAST_CALL 0x7763		/* see bpf/read.bpf.h */

/* What the CPU sampler and the switch program may be told to leave out. */
#define WT_OPT_USTACK 1			/* user stacks where threads block */
#define WT_OPT_KSTACK 2			/* kernel stacks where threads block */
#define WT_OPT_NOREMEMBER 4		/* unwind every stack again */
#define WT_OPT_FP 8			/* user stacks by frame pointer only: no tables */
#define WT_OPT_CHECK 16			/* unwind what was remembered, too, and compare */
#define WT_OPT_EPOCHS 32		/* epochs are counted: units come from what is written */
#define WT_OPT_JOBS 128			/* environments are looked through for the job */
#define WT_OPT_RIVALS 256		/* waits for a CPU are charged to who ran meanwhile */
#define WT_OPT_NAMES 4096			/* a thread's name is a unit of work */
#define WT_OPT_BINARY 64		/* … and what is written to pipes that is no text bounds epochs, too */
#define WT_OPT_PATHS 16384		/* waits on files have the file's name */
#define WT_OPT_CONNS 8192		/* TCP connections are followed */
#define WT_OPT_SPANS 32768		/* threads may have spans, or names that are units */

/* What tests may ask the programs to get wrong now and then (--fault). */
#define WT_FAULT_THREADS 1		/* storage for a thread cannot be made */
#define WT_FAULT_MISSED 2		/* a switch is not traced */
#define WT_FAULT_CLOCK 4		/* the clock runs back by 2 ms */
#define WT_FAULT_KSTACK 8		/* a kernel stack cannot be taken */
#define WT_FAULT_RECALL 16		/* a remembered kernel stack is another one */
#define WT_FAULT_HIDDEN 32		/* the task iterator shows leaders only */
#define WT_FAULT_SKIPPED 64		/* a program that the kernel has to skip */
#define WT_FAULT_ENV 128		/* an environment cannot be read */
#define WT_FAULT_UNITS 256		/* no room for a program that is a unit */
#define WT_FAULT_CLOSE 512		/* that a connection is destroyed is not seen */
#define WT_FAULT_CONN_STATE 1024	/* … nor how its state changes */
#define WT_FAULT_BOOKED 2048		/* the kernel had it queued before it was woken */
#define WT_FAULT_JVM 4096		/* no HotSpot VM has tables that can be used */
#define WT_FAULT_TABLES 8192		/* the tables of objects come two seconds late */
#define WT_FAULT_FORGET 16384		/* stacks go when they were not seen for 0.2 s */

/* How the system calls are told apart: one class for each number. */
enum wt_class {
	WT_C_OTHER = 0,
	WT_C_READ = 1,			/* argument 0 is a descriptor: it waits to read */
	WT_C_WRITE = 2,
	WT_C_SYNC = 3,			/* … a descriptor: fsync, fdatasync, sync_file_range */
	WT_C_PATH = 4,			/* file system calls on paths, sync, getdents … */
	WT_C_ACCEPT = 5,
	WT_C_CONNECT = 6,
	WT_C_POLL = 7,			/* poll, ppoll */
	WT_C_SELECT = 8,		/* select, pselect6 */
	WT_C_EPOLL = 9,
	WT_C_FUTEX = 10,
	WT_C_SLEEP = 11,
	WT_C_WAIT4 = 12,
	WT_C_WAITID = 13,
	WT_C_FORK = 14,			/* clone, clone3, vfork, fork */
	WT_C_SIGNAL = 15,
	WT_C_SEM = 16,
	WT_C_MSG = 17,			/* SysV message queues */
	WT_C_MQ = 18,			/* POSIX message queues */
	WT_C_FLOCK = 19,
	WT_C_FCNTL = 20,		/* a lock if the command is one of the waiting ones */
	WT_C_MM = 21,			/* mmap, mprotect, brk … */
	WT_C_URING = 22,
	WT_C_AIO = 23,
	WT_C_IOCTL = 24,
	WT_C_SENDFILE = 25,		/* sendfile: out is argument 0, in is argument 1 */
	WT_C_SPLICE = 26,		/* splice, copy_file_range: in is argument 0, out argument 2 */
	WT_C_EXIT = 27,
	WT_C_RESTART = 28,		/* restart_syscall: what was interrupted */
	WT_C_SOCKETCALL = 29,		/* the 32-bit multiplexer */
	WT_C_IPCCALL = 30,		/* the 32-bit SysV multiplexer */
	WT_C_POLL64 = 31,		/* reserved */
	WT_C_MSYNC = 32,
	WT_C_RANGE = 33,		/* madvise, mlock …: of the addresses from argument 0 on */
	WT_CLASSES = 34,
};
#define WT_NR_SYSCALLS 512

/* Targets: which tasks are traced.  Keys of the map `targets` are pids. */
enum wt_target {
	WT_TARGET_PIDS = 0,		/* the processes in the map, and their descendants */
	WT_TARGET_COMM = 1,		/* processes of this name, now and later */
	WT_TARGET_CGROUP = 2,
	WT_TARGET_ALL = 3,
	WT_TARGET_JOB = 4,		/* processes of a build, now and later, and their descendants */
};

/* What the task iterator is asked to do. */
enum wt_iter {
	WT_ITER_SEED = 0,		/* make storage for the target's tasks */
	WT_ITER_SNAPSHOT = 1,		/* write every traced thread's record */
	WT_ITER_END = 2,		/* the same, as the last word on it */
	WT_ITER_FREEZER = 3,		/* note who lies in a freezer, and who no longer does */
	WT_ITER_LIST = 4,		/* write which processes are traced, before the start; not their accounts */
	WT_ITER_WANTED = 5,		/* write which would be, before anything is traced */
};

#endif /* WORKTRACE_H */
