/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vmlinux.h - the kernel types that worktrace's programs read, and only the
 * fields they read.  Offsets are relocated against the running kernel's BTF
 * (CO-RE), so neither order nor size of these structures means anything.
 * scripts/check-vmlinux compares every field with a real kernel's BTF.
 *
 * A suffix ___something marks a second shape of the same kernel structure.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

typedef unsigned char __u8;
typedef short int __s16;
typedef short unsigned int __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long int __s64;
typedef long long unsigned int __u64;
typedef __u8 u8;
typedef __u16 u16;
typedef __s32 s32;
typedef __u32 u32;
typedef __s64 s64;
typedef __u64 u64;
typedef _Bool bool;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u64 __be64;
typedef __u16 __sum16;
typedef __u32 __wsum;
typedef int pid_t;

enum { false = 0, true = 1 };

/* uapi/linux/bpf.h */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_PERCPU_ARRAY = 6,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_ARRAY_OF_MAPS = 12,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
	BPF_MAP_TYPE_BLOOM_FILTER = 30,
};
enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
};
enum {
	BPF_F_NO_PREALLOC = 1,
	BPF_F_MMAPABLE = 1024,
};
enum {
	BPF_F_USER_STACK = 256,
};
enum {
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1,
};
enum {
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
};
enum {
	BPF_RB_AVAIL_DATA = 0,
	BPF_RB_RING_SIZE = 1,
};

/* include/linux/blk_types.h; the values are read through CO-RE */
enum req_flag_bits {
	__REQ_PREFLUSH = 18,	/* value varies */
	__REQ_RAHEAD = 19,	/* value varies */
	__REQ_SWAP = 24,	/* value varies */
};

enum pageflags {
	PG_swapcache = 10,	/* value varies */
	PG_swapbacked = 17,	/* value varies */
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct list_head {
	struct list_head *next;
};

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r13;
	unsigned long bp;
	unsigned long bx;
	unsigned long cx;
	unsigned long dx;
	unsigned long si;
	unsigned long di;
	unsigned long r8;
	unsigned long r9;
	unsigned long r10;
	unsigned long ax;
	unsigned long orig_ax;
	unsigned long ip;
	unsigned short cs;	/* eight bytes before 6.12: read by its size */
	unsigned long sp;
	unsigned long r15;
	unsigned long r14;
	unsigned long r12;
};
struct thread_struct {
	unsigned long sp;
	unsigned long fsbase;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	unsigned long long regs[31];
	unsigned long long sp;
	unsigned long long pc;
	unsigned long long pstate;
};
struct pt_regs {
	unsigned long long regs[31];
	unsigned long long sp;
	unsigned long long pc;
	unsigned long long pstate;
	unsigned long long orig_x0;
	int syscallno;
};
struct cpu_context {
	unsigned long sp;
};
struct thread_struct {
	struct cpu_context cpu_context;
};
#endif

struct bpf_perf_event_data;

struct qstr {
	u64 hash_len;
	const unsigned char *name;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

struct hlist_bl_node {
	struct hlist_bl_node **pprev;
};

struct dentry {
	struct hlist_bl_node d_hash;
	struct dentry *d_parent;
	struct qstr d_name;
	union {
		struct hlist_node d_alias;
	} d_u;	/* absent: in 7.2, see ___flat */
	struct inode *d_inode;
};

struct dentry___flat {
	struct hlist_node d_alias;	/* absent before 7.2 */
};

struct super_block;

struct vfsmount {
	struct dentry *mnt_root;
	struct super_block *mnt_sb;
};

struct mount {
	struct mount *mnt_parent;
	struct dentry *mnt_mountpoint;
	struct vfsmount mnt;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct fs_struct {
	struct path root;
};

struct file_system_type {
	const char *name;
};

struct block_device;

struct super_block {
	unsigned int s_dev;
	unsigned long s_magic;
	struct block_device *s_bdev;
	struct file_system_type *s_type;
	char s_id[32];
};

struct inode {
	unsigned short i_mode;
	unsigned int i_rdev;
	unsigned long i_ino;	/* u64 from 7.2 on */
	struct super_block *i_sb;
	struct hlist_head i_dentry;
};

struct address_space {
	struct inode *host;
};

struct page {
	struct address_space *mapping;
	unsigned long compound_head;	/* absent: in 7.2, see ___info */
};

struct page___info {
	unsigned long compound_info;	/* absent before 7.2 */
};

struct bio_vec {
	struct page *bv_page;
};

struct bio {
	struct bio_vec *bi_io_vec;
};

struct file {
	struct inode *f_inode;
	void *private_data;
	unsigned int f_flags;
	struct path f_path;
};

struct vm_area_struct {
	struct file *vm_file;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct in6_addr {
	union {
		__u8 u6_addr8[16];
	} in6_u;
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

typedef struct {
	s64 counter;
} atomic64_t;

typedef struct {
	int counter;
} atomic_t;

struct sock_common {
	__be32 skc_daddr;
	__be32 skc_rcv_saddr;
	__be16 skc_dport;
	__u16 skc_num;
	unsigned short skc_family;
	unsigned char skc_state;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
	possible_net_t skc_net;
	atomic64_t skc_cookie;
	unsigned long skc_flags;
};

struct sk_buff {
	u16 protocol;
	u16 transport_header;
	u16 network_header;
	unsigned char *head;
};

struct sk_buff_head {
	struct sk_buff *next;
};

struct sock {
	struct sock_common __sk_common;
	u16 sk_protocol;
	u8 sk_userlocks : 4;	/* width varies: a byte from 6.18 on */
	struct sk_buff_head sk_receive_queue;
	int sk_err;
	u32 sk_ack_backlog;
	u32 sk_max_ack_backlog;
	atomic_t sk_drops;
	struct pid *sk_peer_pid;
};

struct inet_sock {
	__be16 inet_sport;
};

struct tcp_sock {
	u64 bytes_sent;
	u64 bytes_received;
	u64 bytes_retrans;
	u32 total_retrans;
	u32 srtt_us;
};

enum sock_flags {
	SOCK_DEAD = 0,
	SOCK_DONE = 1,
};

struct socket {
	short type;
	struct sock *sk;
};

/* fs/namei.c */
struct nameidata {
	struct path path;
};

struct sockaddr_un {
	char sun_path[108];
};

struct unix_address {
	int len;
	struct sockaddr_un name[0];
};

struct unix_sock {
	struct unix_address *addr;
	struct sock *peer;
};

struct kernfs_node {
	struct kernfs_node *parent;	/* absent: from 6.18 on, see ___new */
	const char *name;
	u64 id;
};

struct kernfs_node___new {
	struct kernfs_node *__parent;	/* absent: before 6.18 */
};

struct cgroup_root {
	int hierarchy_id;
};

struct cgroup {
	int level;
	struct kernfs_node *kn;
	struct cgroup_root *root;
	struct cgroup *ancestors[0];
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct cgrp_cset_link {
	struct cgroup *cgrp;
	struct list_head cgrp_link;
};

struct css_set {
	struct list_head cgrp_links;
	struct cgroup_subsys_state *subsys[16];	/* the kernel's bound varies with its config */
	struct cgroup *dfl_cgrp;
};

struct rq {
	u64 clock;
	u64 clock_task;
	u64 prev_steal_time;	/* absent: without CONFIG_PARAVIRT_TIME_ACCOUNTING */
};

struct cfs_rq {
	struct rq *rq;
	struct task_group *tg;	/* absent: without CONFIG_FAIR_GROUP_SCHED */
	int throttle_count;	/* absent: without CONFIG_CFS_BANDWIDTH */
	u64 throttled_clock_self_time;	/* absent: before 6.6 */
};

struct cfs_bandwidth {	/* absent: without CONFIG_CFS_BANDWIDTH */
	s64 period;
	u64 quota;
};

struct task_group {
	struct cgroup_subsys_state css;
	struct task_group *parent;
	struct cfs_bandwidth cfs_bandwidth;	/* absent: without CONFIG_CFS_BANDWIDTH */
};

struct sched_entity {
	u64 exec_start;
	u64 sum_exec_runtime;
	u64 nr_migrations;
	unsigned char sched_delayed;	/* absent: before 6.12 */
	struct cfs_rq *cfs_rq;
};

struct sched_info {
	unsigned long pcount;
	unsigned long long run_delay;
	unsigned long long last_queued;
};

struct pid_namespace;

struct upid {
	int nr;
	struct pid_namespace *ns;	/* not read: pid.numbers[] has elements of this size */
};

enum pid_type {
	PIDTYPE_PID = 0,
	PIDTYPE_TGID = 1,
};

struct pid {
	unsigned int level;
	struct hlist_head tasks[4];
	struct upid numbers[0];
};

struct mm_struct {
	unsigned long hiwater_rss;
	unsigned long start_stack;
	unsigned long env_start;
	unsigned long env_end;
	unsigned long arg_start;
	unsigned long arg_end;
};

struct percpu_counter {
	s64 count;
};

struct mm_struct___counters {
	struct percpu_counter rss_stat[4];	/* another type before 6.2 */
};

struct task_io_accounting {
	u64 rchar;		/* absent: without CONFIG_TASK_XACCT */
	u64 wchar;		/* absent: without CONFIG_TASK_XACCT */
	u64 read_bytes;		/* absent: without CONFIG_TASK_IO_ACCOUNTING */
	u64 write_bytes;	/* absent: without CONFIG_TASK_IO_ACCOUNTING */
};

struct signal_struct {
	int nr_threads;
	atomic_t live;
	struct list_head thread_head;
	int group_exit_code;
	unsigned int flags;
	unsigned long maxrss;
};

struct uprobe;

struct return_instance {
	unsigned long stack;
	unsigned long orig_ret_vaddr;
	struct return_instance *next;
};

struct uprobe_task {
	unsigned long vaddr;
	struct uprobe *active_uprobe;
	unsigned long xol_vaddr;
	struct return_instance *return_instances;
};

struct task_struct {
	unsigned int __state;
	void *stack;
	unsigned int flags;
	int on_cpu;		/* one byte from 7.2 on: read by its size */
	int on_rq;		/* one byte from 7.2 on: read by its size */
	struct sched_entity se;
	struct task_group *sched_task_group;	/* absent: without CONFIG_CGROUP_SCHED */
	struct sched_info sched_info;
	struct mm_struct *mm;
	int exit_state;
	int exit_code;
	unsigned int in_execve: 1;
	unsigned int in_iowait: 1;
	unsigned int frozen: 1;
	unsigned int in_memstall: 1;	/* absent: without CONFIG_PSI */
	pid_t pid;
	pid_t tgid;
	struct task_struct *real_parent;
	struct list_head children;
	struct list_head sibling;
	struct list_head thread_node;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	struct hlist_node pid_links[4];
	unsigned long nvcsw, nivcsw;
	u64 utime;
	u64 stime;
	u64 start_time;
	u64 parent_exec_id;
	u64 self_exec_id;
	char comm[16];
	struct fs_struct *fs;
	struct nameidata *nameidata;
	struct files_struct *files;
	struct signal_struct *signal;
	struct task_io_accounting ioac;
	struct css_set *cgroups;
	struct mem_cgroup *memcg_in_oom;	/* absent: without CONFIG_MEMCG_V1 */
	unsigned long sas_ss_sp;
	unsigned long sas_ss_size;
	unsigned int saved_state;	/* absent before 6.7: but for PREEMPT_RT */
	struct uprobe_task *utask;		/* absent: without CONFIG_UPROBES */
	struct thread_struct thread;
};

struct gendisk {
	int major;
	int first_minor;
	char disk_name[32];
};

struct request_queue {
	struct gendisk *disk;
};

struct request {
	struct request_queue *q;
	unsigned int cmd_flags;
	unsigned int __data_len;
	u64 __sector;
	struct bio *bio;
	u64 start_time_ns;
};

struct linux_binprm {
	struct file *file;
	const char *filename;
	const char *interp;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	struct file *file;
};

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	void *key;
	void *value;
};

#pragma clang attribute pop

#endif /* __VMLINUX_H__ */
