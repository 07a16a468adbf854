// SPDX-License-Identifier: GPL-2.0-or-later
/* fd.bpf.c - what a descriptor leads to: file, device, pipe, socket and its peer. */
#include "calls.bpf.h"
#include "listen.bpf.h"
#include <bpf/bpf_endian.h>

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define TCP_LISTEN 10
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define SOCK_BINDPORT_LOCK 8		/* include/net/sock.h */

/* include/uapi/linux/magic.h: file systems that are not storage */
#define PROC_SUPER_MAGIC 0x9fa0
#define SYSFS_MAGIC 0x62656572
#define TRACEFS_MAGIC 0x74726163
#define DEBUGFS_MAGIC 0x64626720
#define CGROUP_SUPER_MAGIC 0x27e0eb
#define CGROUP2_SUPER_MAGIC 0x63677270
#define BPF_FS_MAGIC 0xcafe4a11

/*
 * The process at the other end, as the kernel noted it when the two were joined: who
 * listened, or who connected.  A pair that one process made for itself and its
 * children tells nothing.
 */
static __always_inline void wt_unix_peer(struct wt_reason *r, struct sock *sk, __u32 own)
{
	struct pid *pid = BPF_CORE_READ(sk, sk_peer_pid);
	__u32 tgid = pid ? BPF_CORE_READ(pid, numbers[0].nr) : 0;
	struct hlist_node *node;

	r->n = 0;
	if (!tgid || tgid == own)
		return;
	r->n = tgid;
	node = BPF_CORE_READ(pid, tasks[PIDTYPE_TGID].first);
	if (node) {
		struct task_struct *t = (void *)node - bpf_core_field_offset(struct task_struct, pid_links) -
					PIDTYPE_TGID * 2 * sizeof(void *);

		bpf_core_read(r->addr, WT_COMM_LEN, &t->comm);
	}
}

static __always_inline void wt_unix_name(struct wt_reason *r, struct sock *sk)
{
	struct unix_sock *u = (void *)sk;
	struct unix_sock *peer = (void *)BPF_CORE_READ(u, peer);
	struct unix_address *a = NULL;
	__u32 len;

	if (peer)
		a = BPF_CORE_READ(peer, addr);
	if (!a)
		a = BPF_CORE_READ(u, addr);
	if (!a)
		return;
	/* nothing behind the end of the name: the bytes are its identity */
	len = BPF_CORE_READ(a, len) - 2;
	if (len > sizeof(r->name) - 1)
		len = sizeof(r->name) - 1;
	bpf_core_read(r->name, len, &a->name[0].sun_path);
	if (!r->name[0] && r->name[1])		/* an abstract name */
		r->name[0] = '@';
}

/* To where an unconnected socket sends: the address that the call gives. */
int wt_unix_to(struct wt_reason *r, __u64 at, __u32 len)
{
	struct {
		__u16 family;
		char path[WT_NAME_LEN];
	} to = {};

	if (!r || !at || len <= sizeof(to.family))
		return 0;
	if (bpf_probe_read_user(&to, sizeof(to.family) + 1, (void *)at) || to.family != AF_UNIX)
		return 0;
	len -= sizeof(to.family);
	if (len > WT_NAME_LEN - 1)
		len = WT_NAME_LEN - 1;
	/* a path ends at a zero byte, if there is one; what begins with one is an abstract name, and has no end */
	if (to.path[0])
		bpf_probe_read_user_str(to.path, len + 1, (void *)(at + sizeof(to.family)));
	else if (!bpf_probe_read_user(to.path, len, (void *)(at + sizeof(to.family))) && to.path[1])
		to.path[0] = '@';
	if (to.path[0])
		__builtin_memcpy(r->name, to.path, sizeof(r->name));
	return 0;
}

/*
 * Of a connection that was accepted the peer's port says nothing, and each has
 * another: there the peer is a client of one of our ports.  One that found no room
 * among those that are followed was accepted if somebody listens on its port.
 */
static __always_inline __s64 wt_tcp_socket(struct wt_reason *r, struct sock *sk)
{
	__u64 cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	struct wt_conn *c = bpf_map_lookup_elem(&conns, &cookie);

	if (c ? !(c->flags & WT_CONN_OUT) : wt_listener_of(sk) != NULL) {
		/* its own number is gone once the peer has reset it */
		r->port = c ? c->lport : BPF_CORE_READ(sk, __sk_common.skc_num);
		r->n = WT_SOCK_CLIENT;
	}
	return cookie ? cookie : WT_NO_COOKIE;
}

/* A UDP socket of a client, that is connected to nobody: its address, a negative number; else 0. */
static __always_inline __s64 wt_udp_client(struct wt_reason *r, struct sock *sk)
{
	bool bound = BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & SOCK_BINDPORT_LOCK;

	return r->proto == IPPROTO_UDP && r->n == WT_SOCK_OWN && !bound ? (__s64)sk : 0;
}

/* 0, the cookie of a TCP connection, or what wt_udp_client() says. */
static __noinline __s64 wt_socket(struct wt_reason *r, struct sock *sk, __u32 own)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	bool listening = BPF_CORE_READ(sk, __sk_common.skc_state) == TCP_LISTEN;

	r->family = family;
	if (family == AF_UNIX) {
		wt_set(r, listening ? WT_IDLE : WT_IPC, listening ? WT_K_ACCEPT : WT_K_UNIX);
		wt_unix_name(r, sk);
		if (!listening)
			wt_unix_peer(r, sk, own);
		return 0;
	}
	if (family != AF_INET && family != AF_INET6) {
		wt_set(r, WT_IPC, family == AF_NETLINK ? WT_K_NETLINK : WT_K_OTHERSOCK);
		return 0;
	}
	r->proto = BPF_CORE_READ(sk, sk_protocol);
	r->port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (listening || !r->port) {		/* our own end is all there is */
		r->port = BPF_CORE_READ(sk, __sk_common.skc_num);
		r->n = WT_SOCK_OWN;
		if (family == AF_INET)
			bpf_core_read(r->addr, 4, &sk->__sk_common.skc_rcv_saddr);
		else
			bpf_core_read(r->addr, 16, &sk->__sk_common.skc_v6_rcv_saddr);
	} else if (family == AF_INET) {
		bpf_core_read(r->addr, 4, &sk->__sk_common.skc_daddr);
	} else {
		bpf_core_read(r->addr, 16, &sk->__sk_common.skc_v6_daddr);
	}
	wt_set(r, listening ? WT_IDLE : WT_NET, listening ? WT_K_ACCEPT : WT_K_SOCKET);
	if (r->proto == IPPROTO_UDP)
		return wt_udp_client(r, sk);
	if (listening || r->proto != IPPROTO_TCP || !(cfg_opts & WT_OPT_CONNS))
		return 0;
	return wt_tcp_socket(r, sk);
}

__s64 wt_on_sock(struct wt_reason *r, __u64 sk, __u32 own)
{
	return r ? wt_socket(r, (void *)sk, own) : -1;
}

static __always_inline struct sock *wt_sock_of(struct file *f)
{
	struct socket *sock = BPF_CORE_READ(f, private_data);

	return BPF_CORE_READ(sock, sk);
}

static __always_inline bool wt_pseudo_fs(__u64 magic)
{
	return magic == PROC_SUPER_MAGIC || magic == SYSFS_MAGIC || magic == TRACEFS_MAGIC ||
	       magic == DEBUGFS_MAGIC || magic == CGROUP_SUPER_MAGIC ||
	       magic == CGROUP2_SUPER_MAGIC || magic == BPF_FS_MAGIC;
}

/* A file on a file system: named by its device, or the file system's kind. */
static __always_inline void wt_on_disk(struct wt_reason *r, struct inode *ino)
{
	struct super_block *sb = BPF_CORE_READ(ino, i_sb);

	if (wt_pseudo_fs(BPF_CORE_READ(sb, s_magic))) {
		wt_set(r, WT_OTHER, WT_K_SYSCALL);
		return;
	}
	wt_set(r, WT_DISK, WT_K_FILE);
	if (BPF_CORE_READ(sb, s_bdev)) {
		bpf_core_read_str(r->name, 32, &sb->s_id);
		return;
	}
	bpf_probe_read_kernel_str(r->name, 16, BPF_CORE_READ(sb, s_type, name));
	/* which disk is below is looked for when it is clear that this is waited for */
	r->proto = 1;
	__builtin_memcpy(r->name + WT_LOWER_AT, &ino, sizeof(ino));
}

int wt_on_inode(struct wt_reason *r, __u64 inode)
{
	if (r && inode)
		wt_on_disk(r, (void *)inode);
	return 0;
}

static __always_inline bool wt_name_is(const char *name, const char *is)
{
	for (int i = 0; i < 6; i++)
		if (name[i] != is[i])
			return false;
	return true;
}

/* An anonymous inode: the dentry's name is what it is. */
static __always_inline void wt_anon(struct wt_reason *r, struct file *f)
{
	bpf_probe_read_kernel_str(r->name, 24, BPF_CORE_READ(f, f_path.dentry, d_name.name));
	if (wt_name_is(r->name, "[event") && r->name[6] == 'f') {
		wt_set(r, WT_IPC, WT_K_EVENTFD);
	} else if (wt_name_is(r->name, "[event")) {
		wt_set(r, WT_IDLE, WT_K_EPOLL);
	} else if (wt_name_is(r->name, "[timer")) {
		wt_set(r, WT_SLEEP, WT_K_TIMERFD);
	} else if (wt_name_is(r->name, "[signa")) {
		wt_set(r, WT_IDLE, WT_K_SIGNAL);
	} else if (wt_name_is(r->name, "inotif") || wt_name_is(r->name, "[fanot")) {
		wt_set(r, WT_IDLE, WT_K_INOTIFY);
	} else if (wt_name_is(r->name, "[io_ur")) {
		wt_set(r, WT_IDLE, WT_K_URING);
	} else if (wt_name_is(r->name, "[pidfd")) {
		wt_set(r, WT_CHILD, WT_K_WAIT);
		__builtin_memset(r->name, 0, sizeof(r->name));
		return;
	} else {
		wt_set(r, WT_OTHER, WT_K_ANONFD);
		return;
	}
	__builtin_memset(r->name, 0, sizeof(r->name));
}

static __always_inline void wt_chardev(struct wt_reason *r, struct inode *ino, struct file *f)
{
	__u32 major = BPF_CORE_READ(ino, i_rdev) >> 20;

	if (major == 4 || major == 5 || (major >= 136 && major <= 143)) {
		wt_set(r, WT_IDLE, WT_K_TTY);
		return;
	}
	wt_set(r, WT_OTHER, WT_K_DEVICE);
	bpf_probe_read_kernel_str(r->name, 24, BPF_CORE_READ(f, f_path.dentry, d_name.name));
}

__s64 wt_on_file(struct wt_reason *r, __u64 file, __u32 tgid)
{
	struct file *f = (void *)file;
	struct inode *ino;
	__u32 mode;

	if (!r || !f)
		return -1;
	ino = BPF_CORE_READ(f, f_inode);
	mode = BPF_CORE_READ(ino, i_mode) & S_IFMT;
	if (mode == S_IFSOCK)
		return wt_socket(r, wt_sock_of(f), tgid);
	if (mode == S_IFIFO)
		wt_set(r, WT_IPC, WT_K_PIPE);
	else if (mode == S_IFREG || mode == S_IFDIR)
		wt_on_disk(r, ino);
	else if (mode == S_IFBLK) {
		wt_set(r, WT_DISK, WT_K_BLOCKDEV);
		bpf_probe_read_kernel_str(r->name, 24, BPF_CORE_READ(f, f_path.dentry, d_name.name));
	} else if (mode == S_IFCHR)
		wt_chardev(r, ino, f);
	else
		wt_anon(r, f);
	return 0;
}

__s64 wt_on_fd(struct wt_reason *r, __u64 task, __u32 fd)
{
	struct task_struct *t = (void *)task;

	return wt_on_file(r, (__u64)wt_file(t, fd), BPF_CORE_READ(t, tgid));
}
