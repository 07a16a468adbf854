/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record.bpf.h - who a task is, and storage for one that is to be traced. */
#ifndef WT_RECORD_BPF_H
#define WT_RECORD_BPF_H

#include "calls.bpf.h"

static __always_inline struct wt_scratch *wt_scratch(__u32 which)
{
	return bpf_map_lookup_elem(&scratch, &which);
}

static __always_inline void wt_copy_comms(struct wt_task *w, struct task_struct *t)
{
	struct task_struct *leader = BPF_CORE_READ(t, group_leader);

	bpf_core_read(w->comm, WT_COMM_LEN, &t->comm);
	bpf_core_read(w->pcomm, WT_COMM_LEN, &leader->comm);
}

static __always_inline __u32 wt_new_serial(void)
{
	return __sync_fetch_and_add(&run_serial, 1) + 1;
}

static __always_inline __u32 wt_flags_of(struct task_struct *t)
{
	__u32 flags = BPF_CORE_READ(t, flags), tgid = BPF_CORE_READ(t, tgid), f = 0;

	if (flags & PF_KTHREAD)
		f |= WT_F_KTHREAD;
	if (flags & PF_IO_WORKER)
		f |= WT_F_IOWORKER;
	if (tgid == cfg_self_tgid)
		f |= WT_F_SELF;
	if ((__u32)BPF_CORE_READ(t, pid) == tgid)
		f |= WT_F_LEADER;
	return f;
}

/* Makes the storage of a task that is traced from now on; NULL when it cannot be made. */
static __always_inline struct wt_task *wt_adopt(struct task_struct *t, __u64 now, __u32 parent)
{
	struct wt_task *w;

	w = bpf_task_storage_get(&tasks, t, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!w) {
		wt_lost(WT_LOSS_THREADS);
		return NULL;
	}
	if (w->ready || w->done)
		return NULL;			/* somebody else was faster */
	w->address = (__u64)t;
	w->mm = (__u64)BPF_CORE_READ(t, mm);
	wt_birth(w, now, parent);
	return w;
}

#endif /* WT_RECORD_BPF_H */
