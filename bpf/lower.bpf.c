// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lower.bpf.c - the disk below a file of a file system that lies on no disk itself, but on
 * others (overlayfs, of containers) or on several (btrfs).
 *
 * The thread that waits for the file has asked a disk for it, mostly: that is the one, and it is
 * remembered by the file, for waits that begin without a request of one's own (another
 * thread's page, the journal).
 */
#include "calls.bpf.h"

#define TMPFS_MAGIC 0x01021994

/* Of one file; an address is used again for another: the other two tell. */
struct wt_lower {
	__u64 super, number;
	__u32 dev;			/* see wt_blk_key */
	__u32 many;			/* it has asked several */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct wt_lower);
} lower_disks SEC(".maps");

static __always_inline void wt_name_disk(struct wt_reason *r, __u32 dev)
{
	__builtin_memset(r->name, 0, sizeof(r->name));
	wt_disk_name(r, dev);
}

int wt_lower_disk(struct wt_reason *r, struct wt_task *w)
{
	struct wt_lower now = {}, *known;
	struct inode *ino;
	__u64 inode;

	if (!r || !w)
		return 0;
	__builtin_memcpy(&inode, r->name + WT_LOWER_AT, sizeof(inode));
	__builtin_memset(r->name + WT_LOWER_AT, 0, sizeof(inode));
	r->proto = 0;
	ino = (void *)inode;
	now.super = (__u64)BPF_CORE_READ(ino, i_sb);
	now.number = BPF_CORE_READ(ino, i_ino);
	known = bpf_map_lookup_elem(&lower_disks, &inode);
	if (known && (known->super != now.super || known->number != now.number))
		known = NULL;
	if (!w->io_dev || w->io_switch + 1 != w->switches) {
		if (known && !known->many)
			wt_name_disk(r, known->dev);
		return 0;
	}
	now.dev = w->io_dev;
	wt_name_disk(r, now.dev);
	if (known && known->dev == now.dev)
		return 0;
	/* memory that was swapped out is on that disk now, and elsewhere the next time */
	now.many = known || BPF_CORE_READ(ino, i_sb, s_magic) == TMPFS_MAGIC;
	bpf_map_update_elem(&lower_disks, &inode, &now, BPF_ANY);
	return 0;
}
