/* SPDX-License-Identifier: GPL-2.0-or-later */
/* why_disk.bpf.h - waits for disks: by descriptor, by path, by mapping, by what was asked for. */
#ifndef WT_WHY_DISK_BPF_H
#define WT_WHY_DISK_BPF_H

#include "why.bpf.h"

/* Completions of requests that are under way: of the disk that they went to, if it was one. */
static __always_inline void wt_why_completion(struct wt_why *y, __u8 kind, struct wt_async *of)
{
	struct wt_reason *r;

	if (!of || !of->dev || of->many) {
		wt_plain(y, WT_DISK, kind, 0);
		return;
	}
	r = wt_clear_reason(y->s);
	wt_disk_name(r, of->dev);
	wt_set(r, WT_DISK, kind);
	wt_with_object(y, false);
}

/* Linux AIO: one thread may submit what another one waits for. */
static __noinline int wt_why_aio(struct wt_why *y)
{
	struct wt_async *of = &y->w->async;
	__u32 tgid = y->w->tgid;

	if (!of->dev)
		of = bpf_map_lookup_elem(&asyncs, &tgid);
	wt_why_completion(y, WT_K_AIO, of);
	return 0;
}

/*
 * A ring carries anything.  A thread that has just made requests of a disk in
 * io_uring_enter, and waits there, waits for them; any other waits for work.
 */
static __noinline int wt_why_uring(struct wt_why *y)
{
	struct wt_task *w = y->w;

	if (w->async.dev && w->async_switch + 1 == w->switches)
		wt_why_completion(y, WT_K_URING, &w->async);
	else
		wt_plain(y, WT_IDLE, WT_K_URING, 0);
	return 0;
}

static __always_inline void wt_why_sync(struct wt_why *y, __u32 fd)
{
	struct wt_reason *r = wt_clear_reason(y->s);

	wt_why_on(y, fd);
	wt_set(r, WT_DISK, WT_K_SYNC);
	wt_add_path(r, wt_path_of_fd(y->s, y->w, fd));
	wt_with_object(y, true);
}

/* Where a walk along a path that is under way has come to; 0: there is none. */
static __always_inline __u64 wt_walked_to(struct wt_why *y)
{
	struct task_struct *t = (void *)y->task;
	struct nameidata *nd = BPF_CORE_READ(t, nameidata);

	return nd ? (__u64)BPF_CORE_READ(nd, path.dentry, d_inode) : 0;
}

/* A call on a path, or on a descriptor that is one's place in a directory. */
static __noinline int wt_why_path(struct wt_why *y)
{
	struct wt_reason *r = wt_clear_reason(y->s);
	__u32 nr = y->call->nr, how = WT_PATH_NONE;
	__u64 id = 0;

	if (nr < WT_NR_SYSCALLS && !y->call->compat)
		how = cfg_path_arg[nr];
	if (how == WT_PATH_FD0) {
		id = wt_path_of_fd(y->s, y->w, y->call->arg[0]);
		wt_on_fd(r, y->task, y->call->arg[0]);
		if (r->kind != WT_K_FILE)
			r = wt_clear_reason(y->s);
	} else if (how && y->user) {
		id = wt_path_of_argument(y->s, how == WT_PATH_ARG0 ? y->call->arg[0] : y->call->arg[1]);
	}
	if (wt_made_request(y->w)) {
		wt_disk_name(r, y->w->io_dev);
	} else if (how && how != WT_PATH_FD0 && wt_walked_to(y)) {
		wt_on_inode(r, wt_walked_to(y));
	} else if (!how && !id) {	/* sync(2), say: which disk it was is known when it is over */
		wt_plain(y, WT_DISK, WT_K_FS, 0);
		return 0;
	}
	wt_set(r, WT_DISK, WT_K_FS);
	wt_add_path(r, id);
	wt_with_object(y, false);
	return 0;
}

/*
 * It can be interrupted: the open of a FIFO waits for its other end; else it is a file system in user
 * space (FUSE) that is asked.  Without a path, as with close(2), it may be anything.
 */
static __noinline int wt_why_shallow_path(struct wt_why *y)
{
	struct inode *ino = (void *)wt_walked_to(y);
	__u32 nr = y->call->nr;

	if (ino && (BPF_CORE_READ(ino, i_mode) & S_IFMT) == S_IFIFO)
		wt_plain(y, WT_IPC, WT_K_PIPE, 0);
	else if (nr < WT_NR_SYSCALLS && !y->call->compat && cfg_path_arg[nr])
		wt_why_path(y);
	else
		wt_plain(y, WT_OTHER, WT_K_SYSCALL, 0);
	return 0;
}

#define BDEVFS_MAGIC 0x62646576

/* It is no file, but a whole disk: a file system reads what it knows of its files there. */
static __always_inline bool wt_is_bdev(__u64 inode)
{
	return BPF_CORE_READ((struct inode *)inode, i_sb, s_magic) == BDEVFS_MAGIC;
}

/*
 * A page is waited for that is of no descriptor's: of the file that the program has last
 * had a fault in, if it still stands there, else of the one that it has just asked a disk
 * for; or of swap.  A second wait for the same page has made no request of its own, but
 * the program has not moved either.
 */
static __noinline int wt_why_page(struct wt_why *y, __u8 kind)
{
	__u64 ip = y->user ? wt_user_ip(bpf_get_current_task_btf()) : 0;
	struct wt_reason *r = wt_clear_reason(y->s);
	struct wt_task *w = y->w;
	bool just = wt_made_request(w), made = just || (ip && w->io_dev && w->io_ip == ip);
	__u64 inode = 0;

	if (!(just && w->io_swap) && ip && w->fault_ip == ip)
		inode = w->fault_inode;
	else if (made && w->io_swap)
		kind = kind == WT_K_MAJFAULT ? WT_K_SWAPIN : kind;
	else if (just)
		inode = w->io_inode;
	if (inode && wt_is_bdev(inode))
		inode = 0;
	if (inode) {
		wt_on_inode(r, inode);
		wt_add_path(r, wt_path_of_inode(y->s, w, inode));
	} else if (made) {
		wt_disk_name(r, w->io_dev);
	}
	wt_set(r, WT_DISK, kind);
	wt_with_object(y, false);
	return 0;
}

/* A call on a range of addresses: the first one's mapping tells. */
static __noinline int wt_why_range(struct wt_why *y, __u8 kind)
{
	wt_clear_reason(y->s);
	if (!y->user || !wt_on_mapping(y->s, y->w, y->call->arg[0]))
		return wt_why_page(y, kind);
	wt_set(&y->s->reason.reason, WT_DISK, kind);
	wt_with_object(y, kind == WT_K_SYNC);
	return 0;
}

/* Blocked on I/O for sure; the call may say on what. */
static __always_inline void wt_why_iowait(struct wt_why *y, __u32 class)
{
	if (y->call->nr < 0) {
		wt_why_page(y, WT_K_MAJFAULT);
		return;
	}
	if (class == WT_C_SYNC) {
		wt_why_sync(y, y->call->arg[0]);
		return;
	}
	if (class == WT_C_MSYNC || class == WT_C_RANGE) {
		wt_why_range(y, class == WT_C_MSYNC ? WT_K_SYNC : WT_K_IOWAIT);
		return;
	}
	if (class == WT_C_READ || class == WT_C_WRITE) {
		wt_why_fd(y, y->call->arg[0], class == WT_C_WRITE);
		if (y->w->state == WT_DISK)
			return;
	}
	if (class == WT_C_PATH) {
		wt_why_path(y);
		return;
	}
	/* it reads: what it writes to is a socket or a pipe, or a file's pages */
	if (class == WT_C_SENDFILE || class == WT_C_SPLICE) {
		wt_why_fd(y, class == WT_C_SENDFILE ? y->call->arg[1] : y->call->arg[0], false);
		if (y->w->state == WT_DISK)
			return;
	}
	wt_why_page(y, WT_K_IOWAIT);
}

#endif /* WT_WHY_DISK_BPF_H */
