/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * maps.bpf.h - the maps, the configuration and the state that the programs
 * share.  core.bpf.c defines them; everybody else sees them as extern.
 */
#ifndef WT_MAPS_BPF_H
#define WT_MAPS_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "read.bpf.h"
#include "worktrace.h"
#include "python.bpf.h"
#include "jvm.bpf.h"

/* The return-address slots of a remembered kernel stack, relative to the saved sp. */
#define WT_KSLOTS 20
#define WT_KSPAN 1536

struct wt_kcache {
	__u64 id;			/* of the stack; 0: nothing remembered */
	__u64 ip[WT_KSLOTS];
	__u16 off[WT_KSLOTS];		/* bytes above thread.sp */
	__u32 n;
	__u32 used;			/* w->kuse when it was of use last */
	__u16 confirmed;		/* times the kernel's unwinder agreed with the slots */
	__u16 hits;
	__u32 zero;
};
/* Stacks of one reason share a set: a place or two for each reason, as waits go. */
#define WT_KSETS 2
#define WT_KWAYS 2

/* A remembered user stack: the words it was made of, and their hash. */
#define WT_USLOTS 96			/* words that a walk may have read */
#define WT_USLOTS_ROOM 128		/* a power of two, with room to fill up eights */
#define WT_USPAN 4096			/* bytes of them that are read, from sp on … */
#define WT_USEGS 4			/* … or, where they lie further apart, in so many places */
#define WT_PAGE 4096
#define WT_USEG (WT_USPAN / WT_USEGS)
#define WT_UREACH (1 << 19)		/* bytes above sp in which they lie */
#define WT_UWAYS 8
#define WT_SCAN_WORDS 64
#define WT_PATH 16
#define WT_LINE 64			/* bytes of a cache line */
#define WT_NO_LINE 1			/* no address of one */

struct wt_ucache {
	__u64 id;			/* of the stack; 0: nothing remembered */
	__u64 ip, sp;
	__u64 hash;			/* over fp and the words */
	__u32 version;			/* of the process's mappings */
	__u16 n;
	__u16 span;			/* bytes to read from sp on */
	__u16 slot[WT_USLOTS_ROOM];	/* words of what is read */
	__u32 seg_at[WT_USEGS];		/* bytes above sp, the last one's highest */
	__u16 seg_len[WT_USEGS];
	__u32 segs, zero;		/* 0: one place, from sp on */
};

/* A file that a thread writes to, and what is known of it. */
#define WT_SINKS 4		/* by the lowest bits of the descriptor */
struct wt_sink {
	__u64 file, inode;		/* struct file *, struct inode * */
	__u64 ino;
	__u32 dev;
	__u32 fd;
	__u8 stream;			/* enum wt_stream */
	__u8 takes;			/* lines may go there */
	__u8 goes_on;			/* what was written last was no text, and the rest of it is to come */
	__u8 zero[5];
};

/* A file that the thread waited for, and its name. */
#define WT_MEMOS 4			/* by the lowest bits of the descriptor */
struct wt_memo {
	__u64 dentry, name, parent;	/* parent: its lowest bit says that the file is deleted */
	__u64 id;
};

#define WT_WEIGHT_ONE 256
#define WT_WEIGHT_MOST 64		/* a stack is taken with at least 1/64 */

/* Requests of a disk that no call waits for as it makes them. */
struct wt_async {
	__u32 dev;			/* of the last one, 0: there were none; see wt_blk_key */
	__u32 many;			/* they went to several */
};

/* Of processes, by tgid. */
struct wt_asyncs_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 512);
	__type(key, __u32);
	__type(value, struct wt_async);
};
extern struct wt_asyncs_map asyncs SEC(".maps");

#define WT_SENT_REASONS 4

/* One thread's account, in its task storage. */
struct wt_task {
	__u64 since;			/* start of the open interval */
	__u64 wake_ns;			/* when it was woken, 0: not yet */
	__u64 birth_ns;
	__u64 st_ns[WT_STATES];
	__u64 preempt_ns;
	__u64 steal_ns, steal_since;
	__u64 irq_ns, softirq_ns;	/* see wt_thread_rec */
	__u64 reason, ustack, kstack;	/* of the open interval */
	__u64 frozen_since;		/* the open wait lies in a freezer since, 0: it does not */
	__u64 frozen_ns;		/* … and lay there so long before */
	__u64 exec_last;		/* se.sum_exec_runtime at the last boundary */
	__u64 clock_task_since;		/* rq->clock_task at the last switch-in */
	__u64 csw;			/* how often it had left a CPU by then */
	__u64 queued_clock;		/* rq->clock when it was queued, 0: unknown */
	__u64 throttle_clock;		/* of its queue when it was queued */
	__u64 throttle_queue;		/* which queue that was */
	__u64 runq_pending;		/* run-queue wait that run_delay shows only at the switch-out */
	__u64 audit_exec0, audit_delay0;
	__u64 audit_cpu, audit_runq, audit_ledger_cpu;
	__u64 audit_queued0, audit_queued1;	/* the ledger's waits for a CPU, when the audit began and now */
	__u64 audit_exec1, audit_delay1;
	__u64 utime0, stime0;
	__u64 address;			/* of its task_struct: as a number, for probes */
	__u64 mm;			/* of its program's memory, as a number */
	__u64 image;
	struct wt_space space;		/* what its process has mapped, as `spaces` said … */
	__u64 space_changes;		/* … when run_space_changes was one less than this; 0: never */
	__u64 switches, samples;
	__u64 migrations, migrations0;	/* the kernel's count: since the birth, as of then */
	__u64 job, cgroup;		/* see wt_thread_rec */
	__u64 epoch_cpu_ns;		/* CPU time of the epoch at hand that is in no detail line yet */
	/* what of these sums is in lines of epochs */
	__u64 told_steal_ns, told_irq_ns, told_softirq_ns, told_migrations;
	__u64 epoch_ns;			/* of a leader: when the process's epoch began */
	__u64 bound_ns;			/* of the stay on the CPU, the part before the last boundary */
	__u64 udp;			/* struct sock * of the UDP socket that is waited for, if its peer is known only then; 0 */
	__u64 sock;			/* cookie of the connection that is waited for; 0: none, or WT_NO_COOKIE */
	__u64 sent_reasons[WT_SENT_REASONS];	/* by some bits of theirs: user space has these */
	__u64 io_inode;			/* … of this file's pages, 0: of none */
	__u64 fault_inode, fault_ip;	/* of the last fault in a file's mapping */
	__u64 io_ip;			/* where it stood when it made its last request of a disk … */
	__u64 io_switch;		/* … and `switches` … */
	__u64 async_switch;		/* … and its last that no call of its own waits for */
	__u64 last_ustack;
	__u64 exec_ns;			/* an exec whose split is due at the next switch-out, 0: none */
	__u64 exit_ns;			/* when it was on its way out; 0: not yet, or that is not traced */
	__u64 exec_image, exec_job;
	__u64 stack_last;		/* when a stack was taken last, while some are shed */
	__u32 stack_weight;		/* of the open interval's: 1 / how likely it was taken, × WT_WEIGHT_ONE */
	__u32 exec_serial;
	__u32 serial, task, parent, epoch;
	__u32 proc_epoch;		/* of a leader: the epoch its process is in */
	__u32 epoch_next;		/* the one its process is in as the interval at hand is closed */
	__u32 tid, tgid, flags;
	__u32 last_nr;			/* the last system call it blocked in, for restart_syscall */
	__u32 kuse;			/* counts uses of kcache */
	__u32 child_pid;		/* what wait4 or waitid asked for */
	__u32 io_dev;			/* … of this one: see wt_blk_key */
	__u32 io_swap;			/* … and it was a page of swap */
	__u64 call_file, call_switch;	/* of its last wait by a descriptor: the file, and which of its switches it was */
	__u32 call_fd;			/* … the descriptor + 1 */
	__u32 forgot;			/* run_forgot when it began to remember stacks */
	struct wt_async async;		/* those */
	__u16 span;			/* see wt_detail_key */
	__u8 state;
	__u8 ready;			/* filled in: the programs may use it */
	__u8 done;			/* its last record was sent */
	__u8 audit_on;
	__u8 fresh;			/* just seeded: the first repair is no missed switch */
	__u8 throttled_wake;
	__u8 booked_asleep;		/* the kernel had it queued before it was woken */
	__u8 last_class;
	__u8 spans;			/* it has a struct wt_span_stack */
	__u8 stage;			/* it was born in that stage of a transcode: enum wt_stage */
	__u8 stage_now;			/* … and is in this one */
	__u8 queued_as;			/* of a throttled wait: what it is once the quota is back */
	char comm[WT_COMM_LEN];		/* of the program under `serial` */
	char pcomm[WT_COMM_LEN];
	struct wt_sink sinks[WT_SINKS];
	struct wt_memo memo[WT_MEMOS];
	struct wt_kcache kcache[WT_KSETS * WT_KWAYS];
	struct wt_ucache ucache[WT_UWAYS];
};

struct wt_task_map {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct wt_task);
};

/* A span that is open. */
struct wt_span_frame {
	__u64 sp;			/* where its return address lies; 0: it has none */
	__u64 ra;			/* that address, 0: the kernel put another one there */
	__u64 start_ns;
	__u64 st_ns[WT_STATES];		/* the thread's, when it began */
	__u32 epoch;
	__u16 span;
	__u8 flags;			/* WT_SPAN_F_* */
	__u8 zero;
};

/* The spans of one thread, in its task storage. */
struct wt_span_stack {
	__u32 serial;			/* the program they are of */
	__u32 n;			/* open */
	__u64 order;			/* their places in frame[], a byte each, the outermost first */
	__u32 used;			/* places taken, a bit each */
	__u32 zero;
	__u64 at_ns;			/* when st_ns was right */
	__u64 st_ns[WT_STATES];
	struct wt_span_frame frame[WT_SPAN_DEPTH];
	struct wt_span_frame name_frame;	/* since when it is called: start_ns 0: as it always was */
	char name[WT_COMM_LEN];
	char next[WT_COMM_LEN];
	struct wt_ev_span ev;		/* of the span that is being closed */
};

struct wt_span_map {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct wt_span_stack);
};

struct wt_span_total_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WT_MAX_SPANS + 1);
	__type(key, __u32);
	__type(value, struct wt_span_total);
};

struct wt_detail_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, struct wt_detail_key);
	__type(value, struct wt_detail_val);
};

/* Stacks and reasons that user space has been sent; an evicted one is sent again. */
struct wt_seen_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, __u64);
	__type(value, __u8);
};

struct wt_ring_map {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096 * 1024);
};

struct wt_stats_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_stats);
};

struct wt_target_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u8);
};

/* Registers at the entry into the kernel: system call number and arguments. */
struct wt_call {
	__s32 nr;			/* −1: no system call */
	__u32 compat;
	__u64 arg[4];
};

/* struct pollfd of poll(2) */
struct wt_pollfd {
	__s32 fd;
	__s16 events, revents;
};

#define WT_SMALL_SET 3		/* of poll(2): so many descriptors are looked at; all bits set, for the verifier */
#define WT_FDSET_WORDS 16	/* of select(2): the first 1,024 descriptors, FD_SETSIZE */

/*
 * A walk over a task's children.  In a map, not on the stack: what the verifier
 * does not know the value of, it need not follow through every turn of a loop.
 */
struct wt_child_walk {
	__u64 head, at;			/* struct list_head *: of the children of one thread */
	__u64 thread_head, thread_at;	/* … of the threads of the process */
	__u64 self;			/* the waiting thread: its children come first */
	__u64 zombie, match, last;	/* struct task_struct * */
	__u32 want;			/* pid in the waiter's namespace, 0: any */
	__u32 level;			/* of that namespace */
	__u32 seen, zero;
};

/* What lies around the futex of a task that is not current, with WT_B_COPIED. */
#define WT_FUTEX_BEFORE 8
/* In struct pthread, x86-64: a word that a futex is about; in glibc's its own address. */
#define WT_MUSL_DETACH_STATE 56
#define WT_GLIBC_TID 720
#define WT_GLIBC_SELF 16
struct wt_futex_copy {
	__u64 words[4];			/* from so many bytes before it on */
	__u64 musl, glibc;		/* words in what would be a thread's structure; 0: not read */
	__u64 sp;
};

/* What a call keeps of a file: itself (with flags in its lowest bits), a socket; see samecall.bpf.c. */
struct wt_call_marks {
	__u64 file, socket, sk;
};
struct wt_call_scan {
	struct wt_call_marks old, new;
	__u32 old_found, new_found;
	__u64 skip;			/* words of this part that are not the call's */
};

#define WT_WALK_HASH 0x75	/* of no frames */

/* Addresses that no executable mapping covers. */
#define WT_GAPS 4
struct wt_gap {
	__u64 start, end;
};

/*
 * One walk over a user stack.  In a map, for the verifier: what it does not know
 * the value of, it need not follow through every turn of a loop.
 */
struct wt_walk {
	__u64 ip, sp, fp;		/* registers of the frame at hand */
	__u64 hash;			/* of the frames so far */
	__u64 image;			/* of the program that runs */
	struct wt_mapping map;		/* the mapping that ip lies in, as long as it does */
	__u32 first_map, n_maps, space_flags, space_version;
	__u32 n;			/* frames so far, in wt_scratch.ip */
	__u32 context;			/* 0: a sample, 1: a switch */
	__u32 end;			/* enum wt_end, once over */
	__u32 tgid;
	__u32 lo, hi;			/* of a binary search … */
	__u64 off;			/* … for this */
	__u32 row_from, row_to;		/* file offsets between which the rule that was found holds */
	__u32 object_flags;		/* of its object: WT_OBJ_* */
	__u8 over;
	__u8 space_known;		/* first_map and what follows it hold */
	__u8 caller;			/* ip is a return address */
	__u8 fp_lost;			/* fp is not this frame's */
	__u8 own;			/* the process matters to what the frames mean */
	__u8 guess;			/* ip was found by a scan */
	__u8 dirty;			/* something besides the slots was read: not to be remembered */
	__u8 scans;			/* scans made, each may go wrong */
	__u8 scanning;			/* a scan's candidate is being tried */
	__u8 lacked;			/* it met an object that has no rows yet */
	__u8 head;			/* frames before the one of that object, and 1 more; 0: none */
	__u64 believed;			/* the last frame whose return address lay where others' had, 0: none */
	/* where a scan started, to come back to */
	__u64 scan_frame, scan_sp, scan_fp, scan_hash;
	__u32 scan_n;
	__u32 scan_at, scan_words;	/* words tried, of that many … */
	__u32 scan_base;		/* … which begin so many above scan_sp */
	__u32 scan_word;		/* the one that was taken */
	__u8 scan_tries, found;
	/* what the walk read, relative to the first sp, in words: to verify it by */
	__u64 sp0, fp0, ip0;
	__u64 bx0;			/* rbx, of the first frame … */
	__u64 bx_at;			/* … and of the one at hand, saved there; 0: nobody has, WT_BX_LOST */
	__u16 path[WT_PATH];		/* places of the last walks' pieces in struct wt_hot_values, by frame */
	__u32 slots;
	__u32 slot_end;			/* bytes above sp0 to the end of the highest */
	__u16 slot[WT_USLOTS];
	__u64 words[WT_SCAN_WORDS];
	__u64 word;			/* of the stack, read last */
	__u64 line_at;			/* of the stack: where the last word lay, WT_NO_LINE: nowhere … */
	__u64 line[WT_LINE / 8];	/* … and what else lies there */
	/* of the process that was walked last: where its executable mappings are not */
	struct wt_gap gap[WT_GAPS];
	__u32 gap_version, gap_next;
};

/* One switch, as wt_sched_switch sees it. */
struct wt_switch {
	__u64 now;
	__u64 clock, clock_task, steal;		/* of this CPU's run queue */
	bool asleep;				/* the task's stack lies still: it is on its way in */
};

/* A wait for a CPU that is charged to who ran meanwhile: see rival.bpf.c. */
struct wt_rival_walk {
	__u64 at;			/* its end */
	__u32 n;			/* stays that it reached over */
	__u32 kind;
};

/* On the way from a file up to its process's root. */
struct wt_path_walk {
	__u64 dentry, mnt, root_dentry, root_mnt;
	struct wt_ev_path ev;
};

/* What does not fit a program's stack; one slot for each context that can interrupt another. */
struct wt_scratch {
	struct wt_event sample_h;		/* struct wt_ev_sample, to the frames … */
	struct wt_detail_key sample_key;
	struct wt_event stack_h;		/* … and struct wt_ev_stack, its frames behind it */
	__u64 stack_id;
	__u32 stack_tgid;
	__u16 stack_n;
	__u8 stack_user;
	__u8 stack_end;
	__u64 ip[WT_MAX_FRAMES + 1];
	struct wt_ev_reason reason;
	struct wt_thread_rec rec;
	struct wt_call call;
	struct wt_child_walk child;
	struct wt_path_walk path;
	struct wt_walk walk;
	struct wt_py_walk py;
	__u64 set[2][WT_FDSET_WORDS];		/* with WT_B_COPIED: a struct wt_pollfd, or two fd_sets */
	struct wt_futex_copy futex;
	struct wt_call_scan call_scan;
	struct wt_jvm_walk jvm;
	struct wt_rival_walk rival;
	struct wt_switch sw;
	__u32 want, found, span_used;		/* of wt_remember */
	__u8 sampling;				/* it is a sample's … */
	__u8 unsent;				/* … whose user stack is to be sent yet */
	__u8 span[WT_USPAN];			/* of a kernel stack WT_KSPAN of it are used; a power of two for the verifier */
};
enum { WT_SCRATCH_SWITCH = 0, WT_SCRATCH_SAMPLE = 1, WT_SCRATCH_ITER = 2, WT_SCRATCH_LIFE = 3, WT_SCRATCHES = 4 };
_Static_assert(__builtin_offsetof(struct wt_scratch, stack_h) == __builtin_offsetof(struct wt_ev_sample, stack) &&
	       __builtin_offsetof(struct wt_scratch, ip) == sizeof(struct wt_ev_sample), "as they are sent");
struct wt_scratch_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WT_SCRATCHES);
	__type(key, __u32);
	__type(value, struct wt_scratch);
};

/* Unwind tables: see unwind.h.  User space writes them, the programs only read. */
struct wt_rules_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WT_MAX_RULES);
	__type(key, __u32);
	__type(value, struct wt_rule);
};

struct wt_objects_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WT_MAX_OBJECTS);
	__type(key, __u32);
	__type(value, struct wt_object);
};

/* How often a walk ended for want of an object's rows, by object. */
struct wt_wanted_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WT_MAX_OBJECTS);
	__type(key, __u32);
	__type(value, __u64);
};

struct wt_pool_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, WT_POOL_MAPPINGS);
	__type(key, __u32);
	__type(value, struct wt_mapping);
};

struct wt_spaces_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WT_MAX_SPACES);
	__type(key, __u32);
	__type(value, struct wt_space);
};

/* Rules of program counters met lately: a direct-mapped cache on each CPU, for each context. */
#define WT_PC_WAYS 2048		/* 32 KiB, the most that a per-CPU value may be */
struct wt_pc {
	__u64 frame;
	__u32 rule;
	__u32 row0;		/* of its object then */
};
struct wt_pc_cache {
	struct wt_pc way[WT_PC_WAYS];
};
struct wt_pc_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);		/* a sample may interrupt a switch */
	__type(key, __u32);
	__type(value, struct wt_pc_cache);
};

/*
 * Where a return address lies at a program counter that no row covers: learned by
 * scanning.  A frame has one place; what is learned of it is one word, so that
 * CPUs need not agree on who writes it.
 */
#define WT_LEARNED 8192
struct wt_learned {
	__u64 frame;
	__u64 word;		/* see WT_LEARN in scan.bpf.c */
};
struct wt_learned_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, WT_LEARNED);
	__type(key, __u32);
	__type(value, struct wt_learned);
};

/* TCP connections by their sockets' cookies. */
struct wt_conn_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 24576);
	__type(key, __u64);
	__type(value, struct wt_conn);
};

/*
 * Cookies of those that found it full: a walk that meets one again is not to count it
 * twice.  64 KiB; beyond 65,536 of them a walk may take a new one for one of these.
 */
struct wt_refused_map {
	__uint(type, BPF_MAP_TYPE_BLOOM_FILTER);
	__uint(max_entries, 65536);
	__type(value, __u64);
};

struct wt_listen_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct wt_listen_key);
	__type(value, struct wt_listener);
};

extern struct wt_conn_map conns SEC(".maps");
extern struct wt_refused_map refused SEC(".maps");
extern struct wt_listen_map listeners SEC(".maps");
extern struct wt_rules_map cfi_rules SEC(".maps");
extern struct wt_objects_map cfi_objects SEC(".maps");
extern struct wt_wanted_map cfi_wanted SEC(".maps");
extern struct wt_pool_map map_pool SEC(".maps");
extern struct wt_spaces_map spaces SEC(".maps");
extern struct wt_pc_map pc_cache SEC(".maps");
extern struct wt_learned_map learned SEC(".maps");
extern struct wt_task_map tasks SEC(".maps");
extern struct wt_span_map span_stacks SEC(".maps");
extern struct wt_span_total_map span_totals SEC(".maps");
extern struct wt_detail_map detail_a SEC(".maps");
extern struct wt_detail_map detail_b SEC(".maps");
extern struct wt_seen_map seen SEC(".maps");
extern struct wt_ring_map ring SEC(".maps");
extern struct wt_stats_map stats SEC(".maps");
extern struct wt_target_map targets SEC(".maps");
extern struct wt_scratch_map scratch SEC(".maps");

/* Configuration: set before loading. */
extern const volatile __u32 cfg_opts;		/* WT_OPT_* */
extern const volatile __u32 cfg_fault;		/* WT_FAULT_* */
extern const volatile __u32 cfg_target;		/* enum wt_target */
extern const volatile __u32 cfg_self_tgid;
extern const volatile __u32 cfg_stack_size;	/* THREAD_SIZE in bytes */
extern const volatile char cfg_comm[WT_COMM_LEN];
extern const volatile __u64 cfg_cgroup_id;
extern const volatile __u32 cfg_cgroup_level;
extern const volatile __s32 cfg_cgroup_subsys;	/* −1: the unified hierarchy */
extern const volatile __u32 cfg_n_idle_peers;
extern const volatile struct wt_idle_peer cfg_idle_peers[WT_MAX_IDLE_PEERS];
extern const volatile __u8 cfg_class[WT_NR_SYSCALLS];
extern const volatile __u8 cfg_class_compat[WT_NR_SYSCALLS];
extern const volatile __u8 cfg_path_arg[WT_NR_SYSCALLS];	/* enum wt_path_arg */

/* State that user space reads and sets while the programs run. */
extern volatile __u64 run_start_ns;		/* nothing before it is charged; ~0: not yet known */
extern volatile __u64 run_end_ns;		/* nothing after it is charged; ~0: not yet known */
extern volatile __u32 run_generation;		/* even: detail_a takes the lines, odd: detail_b */
extern volatile __u32 run_serial;		/* last serial given out */
extern volatile __u32 run_live;			/* traced threads alive */
extern volatile __u64 run_shed_ns;		/* one stack in so much time of a thread is taken; 0: all */
extern volatile __u64 run_space_changes;	/* grows behind every change that user space makes to `spaces` */
extern volatile __u32 run_forgot;		/* grows when user space has forgotten stacks */
extern volatile __u32 run_iter;			/* enum wt_iter */
extern volatile __u32 run_conn_pass;		/* enum wt_conn_pass */
extern volatile __u32 run_conn_unseen;		/* a thread waited for a connection that is not followed */

#endif /* WT_MAPS_BPF_H */
