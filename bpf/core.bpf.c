// SPDX-License-Identifier: GPL-2.0-or-later
/* core.bpf.c - the maps, the configuration and the shared state; no program. */
#include "jobs.bpf.h"

char LICENSE[] SEC("license") = "GPL";

struct wt_task_map tasks SEC(".maps");
struct wt_span_map span_stacks SEC(".maps");
struct wt_span_total_map span_totals SEC(".maps");
struct wt_detail_map detail_a SEC(".maps");
struct wt_detail_map detail_b SEC(".maps");
struct wt_seen_map seen SEC(".maps");
struct wt_ring_map ring SEC(".maps");
struct wt_stats_map stats SEC(".maps");
struct wt_target_map targets SEC(".maps");
struct wt_scratch_map scratch SEC(".maps");
struct wt_conn_map conns SEC(".maps");
struct wt_refused_map refused SEC(".maps");
struct wt_listen_map listeners SEC(".maps");
struct wt_rules_map cfi_rules SEC(".maps");
struct wt_objects_map cfi_objects SEC(".maps");
struct wt_wanted_map cfi_wanted SEC(".maps");
struct wt_pool_map map_pool SEC(".maps");
struct wt_spaces_map spaces SEC(".maps");
struct wt_pc_map pc_cache SEC(".maps");
struct wt_learned_map learned SEC(".maps");
struct wt_asyncs_map asyncs SEC(".maps");
struct wt_env_map envs SEC(".maps");
struct wt_env_names_map env_names SEC(".maps");
struct wt_seed_jobs_map seed_jobs SEC(".maps");

/*
 * User space updates this map for its side effect: the kernel waits for every
 * running program before an update of a map of maps returns
 * (maybe_wait_bpf_programs in kernel/bpf/syscall.c).
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} grace_inner SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__uint(key_size, sizeof(__u32));
	__uint(value_size, sizeof(__u32));
	__array(values, struct {
		__uint(type, BPF_MAP_TYPE_ARRAY);
		__uint(max_entries, 1);
		__type(key, __u32);
		__type(value, __u32);
	});
} grace SEC(".maps");

const volatile __u32 cfg_opts = WT_OPT_USTACK | WT_OPT_KSTACK;
const volatile __u32 cfg_fault = 0;
const volatile __u32 cfg_word = 0;
const volatile __u32 cfg_target = WT_TARGET_PIDS;
const volatile __u32 cfg_self_tgid = 0;
const volatile __u32 cfg_stack_size = 16384;
const volatile char cfg_comm[WT_COMM_LEN] = {};
const volatile __u64 cfg_cgroup_id = 0;
const volatile __u32 cfg_cgroup_level = 0;
const volatile __s32 cfg_cgroup_subsys = -1;
const volatile __u32 cfg_n_idle_peers = 0;
const volatile struct wt_idle_peer cfg_idle_peers[WT_MAX_IDLE_PEERS] = {};
const volatile __u8 cfg_class[WT_NR_SYSCALLS] = {};
const volatile __u8 cfg_class_compat[WT_NR_SYSCALLS] = {};
const volatile __u8 cfg_path_arg[WT_NR_SYSCALLS] = {};

volatile __u64 run_start_ns = ~0ULL;
volatile __u64 run_end_ns = ~0ULL;
volatile __u32 run_generation = 0;
volatile __u32 run_serial = 0;
volatile __u32 run_live = 0;
volatile __u64 run_shed_ns = 0;
volatile __u64 run_space_changes = 0;
volatile __u32 run_forgot = 0;
volatile __u32 run_iter = WT_ITER_SEED;
volatile __u32 run_conn_pass = WT_PASS_LISTENERS;
volatile __u32 run_conn_unseen = 0;
