/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * calls.bpf.h - the functions that the programs call across files.
 *
 * They are global functions: the verifier proves each by itself, once, and not
 * again for every call and every state a caller can be in.  The price is that an
 * argument is a number or plain memory: a task comes as its address, read with
 * probes, or is asked of the kernel again where it is the current one.
 */
#ifndef WT_CALLS_BPF_H
#define WT_CALLS_BPF_H

#include "task.bpf.h"

/* charge.bpf.c */
/*
 * Adds to one detail line; ns 0 is a CPU sample.  weighted: see wt_detail_val.  0, or
 * -1 when the map is full.
 */
int wt_detail_add(struct wt_detail_key *k, __u64 ns, __u64 weighted);
/* The same for a line to which several CPUs may add at once: ns and bytes of one request. */
int wt_detail_request(struct wt_detail_key *k, __u64 ns, __u64 bytes);
/* Charges [w->since, at] to a state, with w's stacks: total and detail line. */
int wt_charge(struct wt_task *w, __u64 at, __u32 state, __u64 reason);

/* epoch.bpf.c */
/* The CPU time of w's epoch so far, and what else is told by epoch, goes into detail lines. */
int wt_epoch_flush(struct wt_task *w);
/* CPU time [at - ns, at], which may reach over the boundary of an epoch. */
int wt_epoch_cpu(struct wt_task *w, __u64 at, __u64 ns);
/* Hands an interval of ns that ends at `to` to user space to be split; -1: it could not. */
int wt_epoch_split(struct wt_task *w, struct wt_detail_key *k, __u64 to, __u64 ns);

/* write.bpf.c: the thread's process goes on as another program, in an epoch of its own. */
int wt_exec_bound(struct wt_task *w, __u64 now);
/* … a process was forked, w its first thread, which has not run yet: it is in an epoch of its own. */
int wt_fork_bound(struct wt_task *w, __u64 now);
/* … the current thread, w, begins or ends a unit: 0; -1: user space will not know of it. */
struct wt_told {
	__u32 n;			/* bytes of the text */
	__u32 flags;			/* WT_WRITE_BEGIN, WT_WRITE_END, or both */
	char text[WT_TOLD_LABEL];
};
int wt_told_bound(struct wt_task *w, struct wt_told *m);

/* quota.bpf.c: the reason of a throttled wait: the group that has the quota. */
__u64 wt_quota_reason(struct wt_scratch *s, struct wt_task *w);
/* rival.bpf.c: charges [w->since, at] to runq, by who had the CPU; kind: of the wait. */
int wt_charge_queued(struct wt_scratch *s, struct wt_task *w, __u64 at, __u32 kind);

/* intern.bpf.c */
/*
 * Sends the n frames in s->ip under id, unless user space has them; tgid 0: kernel
 * frames.  end: enum wt_end.
 */
int wt_send_stack(struct wt_scratch *s, __u64 id, __u32 n, __u32 tgid, __u32 end);
/*
 * Sends the sample that s->sample_key counts with the user stack just walked: 0, or -1 when the
 * stack has been sent already, or cannot be, and a detail line is to count the sample.
 */
int wt_send_sample(struct wt_scratch *s, __u32 tgid);
/*
 * Asks user space for what that process has mapped, once for each version of it;
 * tgid 0: for the rows of objects.
 */
int wt_want_space(__u32 tgid, __u64 image, __u32 version);
/* Interns s->reason.reason, which the caller has filled in after zeroing it. */
__u64 wt_intern_reason(struct wt_scratch *s, struct wt_task *w);

/* rows.bpf.c */
/* The mapping of that address into s->walk.map; −1: there is none. */
int wt_find_mapping(struct wt_scratch *s, __u64 address);
/* The number of the rule at a WT_FRAME_OBJ frame; −1: its object has no rows yet. */
int wt_find_rule(struct wt_scratch *s, __u64 frame);
/* The same, with where it holds: walk.row_from and row_to.  Slower when it was met lately. */
int wt_find_rows(struct wt_scratch *s, __u64 frame);

/* walk.bpf.c: from the registers in s->walk, frames into s->ip, until walk.over. */
int wt_walk_tables(struct wt_scratch *s);
int wt_walk_fp(struct wt_scratch *s);
/*
 * Reads the word of the stack at that address into walk.word, and notes that the walk rests on
 * it; -1: it cannot be read.
 */
int wt_slot(struct wt_walk *w, __u64 at);

/*
 * probed.bpf.c: ip is the kernel's, not the program's, because of a probe: the address
 * that would be there else, 0: it is none of these.  slot: where the stack has it as a
 * return address, 0: it is the program counter itself.
 */
__u64 wt_unprobed(__u64 ip, __u64 slot);

/* go.bpf.c: to the caller by a rule that is WT_CFA_GO; -1: not found. */
int wt_step_go(struct wt_scratch *s, struct wt_rule *r);

/* scan.bpf.c */
/*
 * The caller of a frame that no row covers, searched on the stack; −1: not found.
 * frame 0: its place differs from call to call, and nothing is to be learned of it.
 */
int wt_scan(struct wt_scratch *s, __u64 frame);
/* The walk from a scan's candidate failed: the next one, or the walk is over. */
int wt_scan_again(struct wt_scratch *s);
/* 1: the call that ends at v is a direct one to code that no row covers. */
int wt_calls_bare(struct wt_scratch *s, __u64 v);
/* The walk from a scan's candidate reached the root, or one by what was learned is over. */
int wt_scan_learn(struct wt_scratch *s);

/* python.bpf.c */
/* 1: that frame is of CPython's evaluation loop, and the thread has Python frames. */
int wt_python_at(struct wt_scratch *s, __u64 frame);
/*
 * The Python frames of that native frame into s->ip, or itself if it has none (yet);
 * sp: its stack pointer.  The walk has stepped to its caller, or is over: then
 * all Python frames that are left.
 */
int wt_python(struct wt_scratch *s, __u64 frame, __u64 sp);
/* The native walk is over: the Python frames that are left, or a check that none are. */
int wt_python_end(struct wt_scratch *s);
/*
 * The current task blocks in a futex, s->call: is it one of its interpreter's GIL?
 * 0: s->reason says so, with what the holder is at.  −1: no.
 */
int wt_python_gil(struct wt_scratch *s, __u32 tgid);
/* The path that an unconnected unix socket of the current task sends to, into r->name; at, len: of the address. */
int wt_unix_to(struct wt_reason *r, __u64 at, __u32 len);

/* samecall.bpf.c */
/*
 * What the task's call waits for by that descriptor into s->reason, which is clear, and w->sock or w->udp;
 * user: it is the current task.  0, or not: there is none.
 */
int wt_waits_on(struct wt_scratch *s, struct wt_task *w, __u32 fd, bool user);

/* lower.bpf.c */
/* Of a file that wt_on_fd() or wt_on_inode() marked as on no disk itself: the disk's name, if it is known. */
int wt_lower_disk(struct wt_reason *r, struct wt_task *w);
/* In wt_reason.name, behind the kind of file system: the inode, with proto set. */
#define WT_LOWER_AT 24

/* futex.bpf.c */
enum wt_futex_what {
	WT_FUTEX_TOLD = 0,		/* it waits until another of its threads tells it something */
	WT_FUTEX_SHARED = 1,		/* … or another process: the call says so */
	WT_FUTEX_MUTEX = 2,		/* it wants a mutex */
	WT_FUTEX_RWLOCK = 3,		/* … a lock of readers and writers */
	WT_FUTEX_NAMED = 4,		/* … one of both, and s->reason says who has it */
};
/* … or does it want a lock?  user: it is the current task; else s->futex has been filled. */
int wt_futex(struct wt_scratch *s, struct wt_task *w, bool user);
/* Its process is another program from now on. */
int wt_futex_exec(struct wt_task *w);
/* Of a lock without a holder's name, of which s->futex has been filled: 1: w->reason has the name now. */
int wt_futex_holder(struct wt_scratch *s, struct wt_task *w);
/* A process was forked; it is another program now, or gone. */
int wt_python_fork(__u32 parent, __u32 child);
int wt_python_forget(__u32 tgid);

/* jvm.bpf.c */
/*
 * The frame at hand, whose code lies in a code heap of HotSpot's, into s->ip, and the
 * walk on to its caller; -1: the walk has ended with WT_END_RUNTIME.
 */
int wt_jvm(struct wt_scratch *s);
/* The blob that pc lies in into s->jvm; -1: none. */
int wt_jvm_find(struct wt_scratch *s, __u64 pc);
/* A process was forked. */
int wt_jvm_fork(__u32 parent, __u32 child);

/* jvm_leaf.bpf.c */
/*
 * From the innermost frame, which may be half made, half gone or none at all, to its
 * caller: 0; 1: it looks like any other; -1: no caller found.
 */
int wt_jvm_leaf(struct wt_scratch *s);
/* 1: v is something that code of the VM returns to; java: not the library that calls it. */
int wt_is_return(struct wt_scratch *s, __u64 v, __u32 java);
/*
 * The caller is where the first words of the stack have a return address (strict: behind
 * a call of the blob at hand); -1: nowhere.
 */
int wt_jvm_scan(struct wt_scratch *s, __u32 words, __u32 strict);

/* raw.bpf.c */
/*
 * Sends a copy of the stack whose walk is in s, if it ended for want of tables and
 * the budget allows: its id, else 0.  slot: 0 from a sample, 1 from a switch.
 */
__u64 wt_send_raw(struct wt_scratch *s, __u32 slot);

/* stack.bpf.c */
/*
 * The user stack of the current task into s->ip, sent if new.  Its id, 0: it has
 * none.  recall: the thread's remembered stacks may be used, and this one is remembered.
 */
__u64 wt_user_stack(struct wt_scratch *s, struct wt_task *w, __u32 recall);
/* Over what c's slots say of the stack in s->span. */
__u64 wt_slots_hash(struct wt_scratch *s, struct wt_ucache *c);
/* The id of the remembered stack, if the thread stands there again; else 0. */
__u64 wt_recall_user(struct wt_scratch *s, struct wt_task *t);
/* Notes the walk just made, of stack id, in t. */
int wt_remember_user(struct wt_scratch *s, struct wt_task *t, __u64 id);
/* Id of the n kernel frames in s->ip, sent if new. */
__u64 wt_kernel_stack_id(struct wt_scratch *s, __u32 n);
/* User space has forgotten stacks: none is remembered any more. */
int wt_forget_stacks(struct wt_task *w);
/* The id of the remembered stack, if the one above sp is the same; else 0. */
__u64 wt_recall(struct wt_scratch *s, struct wt_kcache *c, __u64 sp);
/* Notes where the n frames in s->ip, of stack id, lie above sp. */
int wt_remember(struct wt_scratch *s, struct wt_kcache *c, __u64 sp, __u32 n, __u64 id);

/* reason.bpf.c: the object that s->reason holds, of the call s->call, becomes w's reason, and its state w's. */
int wt_set_object(struct wt_scratch *s, struct wt_task *w, bool write);
/* … sets w's state and reason for a task that blocks; s->call is filled in. */
int wt_classify(struct wt_scratch *s, struct wt_task *w, __u32 state, __u32 bits);

/*
 * fd.bpf.c: state, kind and object of a wait on a descriptor.  -1: there is no such one;
 * of a TCP connection the cookie of its socket, or WT_NO_COOKIE; of a UDP client's socket
 * that is connected to nobody its address, a number below -1; else 0.
 */
/* … of a wait for a file on a file system. */
int wt_on_inode(struct wt_reason *r, __u64 inode);
__s64 wt_on_fd(struct wt_reason *r, __u64 task, __u32 fd);
/* The same of a file of that process, 0: −1. */
__s64 wt_on_file(struct wt_reason *r, __u64 file, __u32 tgid);
/* … on the struct sock at that address, of process own. */
__s64 wt_on_sock(struct wt_reason *r, __u64 sk, __u32 own);
/* udp.bpf.c: the wait on w->udp is over: its reason, with who has sent something. */
__u64 wt_datagram_reason(struct wt_scratch *s, struct wt_task *w);
#define WT_NO_COOKIE (1ULL << 62)

/* conn.bpf.c: w has waited so long for the connection that it blocked on. */
int wt_conn_waited(struct wt_task *w, __u64 ns);

static __always_inline void wt_set(struct wt_reason *r, __u8 state, __u8 kind)
{
	r->state = state;
	r->kind = kind;
}

/* What an environment says. */
struct wt_job_found {
	__u64 job;			/* see wt_thread_rec */
	__u32 wanted;			/* it is the one that -J names */
	__u32 zero;
};

/* jobs.bpf.c */
/* The job of the current process by its environment, which an exec has just written. */
int wt_exec_job(struct wt_job_found *out);
/* What the environment in slot `which` of envs amounts to; the job is sent, once. */
int wt_job_decide(__u32 which, __u32 tgid, struct wt_job_found *out);
/* Over the values of those roles; never 0. */
__u64 wt_job_hash(struct wt_ev_job *j, __u32 system, __u32 roles);

/* cgroup.bpf.c: the control group of a struct task_struct, for wt_task.cgroup; its path is sent, once. */
__u64 wt_cgroup_of(__u64 task);

/* path.bpf.c: ids of names, 0: there is none, WT_PATH_OTHER: no room for one more. */
__u64 wt_path_of_fd(struct wt_scratch *s, struct wt_task *w, __u32 fd);
__u64 wt_path_of_inode(struct wt_scratch *s, struct wt_task *w, __u64 inode);
/* The file that the current task has mapped at that address, and its device, into s->reason: 1; 0: none. */
int wt_on_mapping(struct wt_scratch *s, struct wt_task *w, __u64 at);
/* Of the current task: a path that it handed to the kernel. */
__u64 wt_path_of_argument(struct wt_scratch *s, __u64 at);

/* block.bpf.c: the disk's name into r. */
int wt_disk_name(struct wt_reason *r, __u32 dev);
/*
 * A wait for no disk in particular is over: its reason, with the disk if all requests that
 * were completed meanwhile were one disk's.
 */
__u64 wt_disk_reason(struct wt_scratch *s, struct wt_task *w);

/* child.bpf.c: the reason of a wait for a child, with the child's name where there is one. */
__u64 wt_child_reason(struct wt_scratch *s, struct wt_task *w);

/* span.bpf.c */
/* The thread's account as it is at that instant, 0: now, into k. */
int wt_span_account(struct wt_task *w, struct wt_span_stack *k, __u64 at);
/* The span f of k is over as of k's copy of the account. */
int wt_span_close(struct wt_task *w, struct wt_span_stack *k, struct wt_span_frame *f, __u32 why);
/* All of k's are. */
int wt_spans_close(struct wt_task *w, struct wt_span_stack *k, __u32 why);
/* Those of functions that are no longer on the stack, of which sp is the top; span: see wt_span_dead(). */
int wt_span_purge(struct wt_task *w, struct wt_span_stack *k, __u64 sp, __u32 span);
/* The current thread ends, or its program: its spans are over at that instant.  why: WT_SPAN_F_*. */
int wt_spans_over(struct wt_task *w, __u64 at, __u32 why);
/* The thread of k is called k->next now: a unit of work begins. */
int wt_span_name(struct wt_task *w, struct wt_span_stack *k);
/* The recording is over, s->rec the thread's account: what k has open is sent as it is then. */
int wt_spans_open(struct wt_scratch *s, struct wt_task *w, struct wt_span_stack *k);

/* record.bpf.c */
/* Fills s->rec but for what is open at its end. */
int wt_fill_record(struct wt_scratch *s, struct wt_task *w, __u64 end);
/* Fills s->rec as of end, with what is open then; w is only read. */
int wt_open_record(struct wt_scratch *s, struct wt_task *w, __u64 end);
/* 1: the states of s->rec sum to the time between its birth and end. */
int wt_balances(struct wt_scratch *s);
/* Sends s->rec; what the ring cannot take goes into the sum of lost records: 1. */
int wt_send_record(struct wt_scratch *s, __u32 why);
/* Fills in fresh storage: traced from now on, on the CPU. */
int wt_birth(struct wt_task *w, __u64 now, __u32 parent);

/* exec.bpf.c */
/* The current thread, w, has just become the program of the linux_binprm at that address. */
int wt_exec(struct wt_task *w, __u64 address);
/* The ring could not take the record in s: what of it belongs to a unit. */
int wt_exec_lost(struct wt_scratch *s);

/* A request of a disk that a thread of that program made is done; op: enum wt_blk_op.  1: it is a unit. */
int wt_exec_request(__u64 image, __u32 op, __u64 bytes, __u64 ns);

/* ffmpeg.bpf.c */
/* The current thread, w, ends: the function it is in gets what it took. */
int wt_stage_over(struct wt_task *w);

#endif /* WT_CALLS_BPF_H */
