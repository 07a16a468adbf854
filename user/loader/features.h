/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * features.h - what this kernel, these privileges and this machine allow.
 *
 * Found by the kernel's own description of its types (BTF, read once) and by
 * trial, never by its version.
 */
#ifndef WT_FEATURES_H
#define WT_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

struct btf;

#define FEATURES_SUBSYS_MAX 24
#define FEATURES_ABSENT (-1000)	/* a setting that this kernel does not have */

struct features {
	/* words only: nothing is decided by these */
	char release[65];
	char machine[65];
	char libbpf[32];

	/* BTF: 0 and its size in bytes, or a negative errno */
	int btf_err;
	__u64 btf_bytes;

	/* arguments of each tracepoint; -1: it does not exist */
	struct {
		int sched_switch, sched_wakeup, sched_wakeup_new;
		int sched_process_fork, sched_process_exec, sched_process_exit;
		int task_rename, cgroup_attach_task;
		int inet_sock_set_state, tcp_destroy_sock, tcp_send_reset, tcp_receive_reset;
		int mm_filemap_fault;
		int sock_send_length, sock_recv_length;
		int softirq_entry, irq_handler_entry, local_timer_entry, reschedule_entry;
		int call_function_entry, call_function_single_entry, irq_work_entry;
		int block_io_start, block_rq_insert, block_rq_issue, block_rq_complete;
	} tp;

	/* members of the kernel's structures */
	struct {
		bool task_state;	/* task_struct.__state */
		bool in_memstall;	/* task_struct: pressure stall accounting */
		bool frozen;		/* task_struct */
		bool sched_delayed;	/* sched_entity: delayed dequeue */
		bool throttle_count;	/* cfs_rq: CPU quotas */
		bool prev_steal_time;	/* rq: time the hypervisor took */
		bool clock_task;	/* rq */
		bool queue_disk;	/* request_queue.disk: block devices' requests */
	} field;
	bool iter_task;			/* bpf_iter of tasks … */
	bool iter_task_file, iter_map_elem;	/* … of their descriptors, of a map's elements */
	/* by their numbers in the kernel's BTF, 0: it has none: see bpf/read.bpf.h */
	unsigned rdonly_cast, word_type;
	bool helper_task_pt_regs, helper_loop;
	bool uprobe_multi;		/* many probes of a file at once (6.6) */

	/* v1 controllers in the kernel's order: index in css_set.subsys */
	struct {
		char name[24];		/* as in enum cgroup_subsys_id, without _cgrp_id */
		int index;
	} subsys[FEATURES_SUBSYS_MAX];
	unsigned n_subsys;

	/* by trial: 0, or a negative errno */
	int ring_buffer_err, task_storage_err;
	int read_kernel_err;		/* a program that reads kernel memory */
	int cpu_clock_err;		/* perf event on one CPU, all tasks */
	int hw_cycles_err;		/* counting, not sampling */
	int uprobe_err;			/* a probe in a program; -ENOENT: the kernel has none */
	bool uprobe_semaphore;		/* … that counts up a semaphore, as USDT wants it */

	/* privileges: effective capabilities as bits, and some by name */
	__u64 caps;
	bool cap_bpf, cap_perfmon, cap_sys_admin, cap_sys_resource, cap_sys_ptrace, cap_syslog;
	bool cap_checkpoint_restore;
	char lockdown[32];		/* "none", "integrity" …; "" where it does not say */

	/* settings, or FEATURES_ABSENT */
	int perf_event_paranoid, perf_event_max_sample_rate, kptr_restrict;
	int unprivileged_bpf_disabled;
	bool kallsyms;			/* addresses of kernel functions are shown to us */
	bool no_jit;			/* BPF programs are interpreted, which ours cannot be */
	bool psi;			/* pressure stall information is on */
	bool cgroup_v1, cgroup_v2;	/* mounted; v1: with a controller */
	__u64 memlock_bytes;		/* RLIMIT_MEMLOCK, soft; ~0: none */
	int possible_cpus;		/* or a negative errno */
};

/*
 * Never fails: what could not be found out is lacking.  Takes 12 ms where BTF has 5.5 MB.
 * Returns the kernel's BTF, which the caller frees (btf__free), or NULL.
 */
struct btf *features__detect(struct features *f);
/*
 * Puts a probe into ourselves, which must count one call.  Not part of the above: the
 * kernel takes 0.1 s to give it up again.
 */
void features__try_uprobe(struct features *f);
/* What following TCP connections needs is there. */
bool features__follows_tcp(const struct features *f);
/* Requests of disks can be followed. */
bool features__block(const struct features *f);
/* css_set.subsys' index of a v1 controller as /proc/cgroups names it, or -1. */
int features__subsys_index(const struct features *f, const char *controller);

#endif /* WT_FEATURES_H */
