/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * witness.c - the second witness: what the kernel function says in which a
 * thread waits.  The registers say what the program asked for; the innermost
 * function that is not the scheduler's or a general wait's says what the kernel
 * was at.  Both should name the same state.
 *
 * A function listed here says which states it is compatible with.  One that is
 * not listed has no say, and the next one outward is asked.  Names are those of
 * Linux 6.1 to 6.18; callers of small functions are listed too, as a compiler may
 * have inlined those: wait_for_vfork_done() into kernel_clone(), for one.
 */
#include "ledger/internal.h"

#include <string.h>

#define S(state) (1u << WT_##state)

struct says {
	const char *name;	/* a trailing '*' matches every continuation */
	__u16 states;
};

/* Sorted by name, as strcmp() sorts; an exact name wins over a prefix. */
static const struct says table[] = {
	{ "__do_semtimedop", S(LOCK) },
	{ "__down*", S(LOCK) },
	{ "__folio_lock*", S(DISK) | S(MEM) },
	{ "__futex_wait", S(LOCK) },
	{ "__inet_stream_connect", S(NET) },
	{ "__iomap_dio_rw", S(DISK) },
	{ "__mem_cgroup_handle_over_high", S(MEM) },
	{ "__mutex_lock*", S(LOCK) },
	{ "__percpu_down_read", S(LOCK) },
	{ "__refrigerator", S(STOPPED) },
	{ "__rt_mutex_slowlock*", S(LOCK) },
	{ "__skb_wait_for_more_packets", S(NET) | S(IPC) | S(OTHER) },
	{ "__unix_dgram_recvmsg", S(IPC) },
	{ "__wait_on_buffer", S(DISK) },
	{ "__wait_rcu_gp", S(OTHER) | S(DISK) },
	{ "__x64_sys_pause", S(IDLE) },
	{ "add_transaction_credits", S(DISK) },
	{ "anon_pipe_read", S(IPC) },
	{ "anon_pipe_write", S(IPC) },
	{ "balance_dirty_pages*", S(DISK) | S(MEM) },
	{ "blk_io_schedule", S(DISK) },
	{ "blk_mq_get_tag", S(DISK) },
	{ "blkdev_issue_flush", S(DISK) },
	{ "btrfs_*", S(DISK) },
	{ "common_nsleep*", S(SLEEP) },
	{ "congestion_wait", S(MEM) | S(DISK) },
	{ "copy_process", S(LOCK) | S(MEM) | S(DISK) | S(OTHER) },
	{ "coredump_wait", S(OTHER) },
	{ "do_coredump", S(OTHER) },
	{ "do_epoll_wait", S(IDLE) | S(SLEEP) },
	{ "do_exit", S(OTHER) },
	{ "do_freezer_trap", S(STOPPED) },
	{ "do_futex", S(LOCK) },
	{ "do_io_getevents", S(DISK) },
	{ "do_lock_file_wait", S(LOCK) },
	{ "do_mq_timedreceive", S(IPC) },
	{ "do_mq_timedsend", S(IPC) },
	{ "do_msgrcv", S(IPC) },
	{ "do_msgsnd", S(IPC) },
	{ "do_nanosleep", S(SLEEP) },
	{ "do_poll", S(IDLE) | S(SLEEP) | S(NET) | S(IPC) },
	{ "do_select", S(IDLE) | S(SLEEP) | S(NET) | S(IPC) },
	{ "do_semtimedop", S(LOCK) },
	{ "do_signal_stop", S(STOPPED) },
	{ "do_sigtimedwait", S(IDLE) },
	{ "do_sys_poll", S(IDLE) | S(SLEEP) | S(NET) | S(IPC) },
	{ "do_try_to_free_pages", S(MEM) },
	{ "do_wait", S(CHILD) },
	{ "down_read*", S(LOCK) },
	{ "down_write*", S(LOCK) },
	{ "ep_poll", S(IDLE) | S(SLEEP) },
	{ "eventfd_read", S(IPC) },
	{ "eventfd_write", S(IPC) },
	{ "ext4_*", S(DISK) },
	{ "fanotify_read", S(IDLE) },
	{ "fcntl_setlk*", S(LOCK) },
	{ "fifo_open", S(IPC) },
	{ "filemap_*", S(DISK) },
	{ "flock_lock_inode_wait", S(LOCK) },
	{ "folio_wait_bit*", S(DISK) | S(MEM) },
	{ "folio_wait_writeback", S(DISK) | S(MEM) },
	{ "fuse_*", S(DISK) | S(OTHER) },
	{ "futex_do_wait", S(LOCK) },
	{ "futex_lock_pi*", S(LOCK) },
	{ "futex_wait*", S(LOCK) },
	{ "get_signal", S(STOPPED) | S(OTHER) },
	{ "handle_userfault", S(OTHER) },
	{ "hrtimer_nanosleep", S(SLEEP) },
	{ "inet_csk_accept", S(IDLE) },
	{ "inet_csk_wait_for_connect", S(IDLE) },
	{ "inet_stream_connect", S(NET) },
	{ "inet_wait_for_connect", S(NET) },
	{ "inotify_read", S(IDLE) },
	{ "io_cqring_wait*", S(IDLE) | S(DISK) },
	{ "io_sq_thread", S(IDLE) },
	{ "io_wq_worker", S(IDLE) },
	{ "iomap_dio_*", S(DISK) },
	{ "jbd2_*", S(DISK) },
	{ "kauditd_thread", S(IDLE) },
	{ "kcompactd", S(IDLE) },
	{ "kernel_clone", S(CHILD) },
	{ "kernel_wait4", S(CHILD) },
	{ "kernel_waitid", S(CHILD) },
	{ "khugepaged", S(IDLE) },
	{ "kjournald2", S(IDLE) },
	{ "kswapd*", S(IDLE) },
	{ "kthread_worker_fn", S(IDLE) },
	{ "kthreadd", S(IDLE) },
	{ "locks_lock_inode_wait", S(LOCK) },
	{ "mem_cgroup_handle_over_high", S(MEM) },
	{ "mem_cgroup_oom_synchronize", S(MEM) },
	{ "mutex_lock*", S(LOCK) },
	{ "n_tty_read", S(IDLE) },
	{ "n_tty_write", S(IDLE) },
	{ "netlink_recvmsg", S(IPC) },
	{ "nfs_*", S(DISK) | S(NET) },
	{ "oom_kill_process", S(MEM) },
	{ "out_of_memory", S(MEM) },
	{ "percpu_rwsem_wait", S(LOCK) },
	{ "pipe_read", S(IPC) },
	{ "pipe_wait_readable", S(IPC) },
	{ "pipe_wait_writable", S(IPC) },
	{ "pipe_write", S(IPC) },
	{ "posix_lock_inode_wait", S(LOCK) },
	{ "ptrace_notify", S(STOPPED) },
	{ "ptrace_stop", S(STOPPED) },
	{ "rcu_gp_fqs_loop", S(IDLE) },
	{ "rcu_gp_kthread", S(IDLE) },
	{ "read_events", S(DISK) },
	{ "reclaim_throttle", S(MEM) },
	{ "request_wait_answer", S(DISK) | S(OTHER) },
	{ "rescuer_thread", S(IDLE) },
	{ "rpc_wait_bit_killable", S(DISK) | S(NET) },
	{ "rq_qos_wait", S(DISK) },
	{ "rt_mutex_*", S(LOCK) },
	{ "rwsem_down_*", S(LOCK) },
	{ "shrink_*", S(MEM) },
	{ "signalfd_read*", S(IDLE) },
	{ "sigsuspend", S(IDLE) },
	{ "sk_stream_wait_connect", S(NET) },
	{ "sk_stream_wait_memory", S(NET) },
	{ "sk_wait_data", S(NET) | S(IDLE) },
	{ "smpboot_thread_fn", S(IDLE) },
	{ "sock_alloc_send_pskb", S(NET) | S(IPC) },
	{ "start_this_handle", S(DISK) },
	{ "submit_bio_wait", S(DISK) },
	{ "sync_inodes_sb", S(DISK) },
	{ "tcp_recvmsg*", S(NET) | S(IDLE) },
	{ "tcp_sendmsg*", S(NET) },
	{ "throttle_direct_reclaim", S(MEM) },
	{ "timerfd_read*", S(SLEEP) },
	{ "try_to_free_*", S(MEM) },
	{ "tty_*", S(IDLE) },
	{ "udp_recvmsg", S(NET) },
	{ "udpv6_recvmsg", S(NET) },
	{ "unix_accept", S(IDLE) },
	{ "unix_stream_connect", S(IPC) },
	{ "unix_stream_data_wait", S(IPC) },
	{ "unix_stream_read_generic", S(IPC) },
	{ "unix_wait_for_peer", S(IPC) },
	{ "vfs_coredump", S(OTHER) },
	{ "vsock_*", S(IPC) },
	{ "wait_for_partner", S(IPC) },
	{ "wait_for_vfork_done", S(CHILD) },
	{ "wait_on_page_*", S(DISK) | S(MEM) },
	{ "wait_transaction_locked", S(DISK) },
	{ "wb_wait_for_completion", S(DISK) },
	{ "wbt_wait", S(DISK) },
	{ "worker_thread", S(IDLE) },
	{ "wq_sleep", S(IPC) },
	{ "xfs_*", S(DISK) },
};

static bool matches(const struct says *s, const char *name, size_t n)
{
	size_t len = strlen(s->name);

	if (s->name[len - 1] == '*')
		return n >= len - 1 && !strncmp(s->name, name, len - 1);
	return n == len && !strncmp(s->name, name, len);
}

__u16 witness__states(const char *name)
{
	/* the compiler's clones: futex_wait.isra.0, do_wait.cold */
	size_t n = strcspn(name, ".");
	__u16 states = 0;

	if (!n)
		return 0;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		if (!matches(&table[i], name, n))
			continue;
		states = table[i].states;
		if (!strchr(table[i].name, '*'))
			break;
	}
	return states;
}
