/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * epoch.bpf.h - which epoch of its process a thread's time belongs to.
 *
 * The number of the current epoch lies with the process's leader.  A thread
 * looks at it whenever it closes an interval; if it is another one than at the
 * last time, the interval reaches over a boundary and user space splits it.
 */
#ifndef WT_EPOCH_BPF_H
#define WT_EPOCH_BPF_H

#include "calls.bpf.h"

static __always_inline bool wt_epochs_on(void)
{
	return cfg_opts & WT_OPT_EPOCHS;
}

/* The storage that holds the epoch of t's process: its leader's, its own if that is not traced. */
static __always_inline struct wt_task *wt_epoch_owner(struct wt_task *w, struct task_struct *t)
{
	struct task_struct *leader = t->group_leader;
	struct wt_task *l;

	if (t->pid == t->tgid || !leader)
		return w;
	l = bpf_task_storage_get(&tasks, leader, 0, 0);
	return l ? l : w;
}

static __always_inline __u32 wt_epoch_of(struct wt_task *w, struct task_struct *t)
{
	return wt_epochs_on() ? wt_epoch_owner(w, t)->proc_epoch : 0;
}

/* Before a thread's intervals are closed: the epoch that its process is in by now. */
static __always_inline void wt_epoch_look(struct wt_task *w, struct task_struct *t)
{
	if (wt_epochs_on())
		w->epoch_next = wt_epoch_owner(w, t)->proc_epoch;
}

/* After they were. */
static __always_inline void wt_epoch_enter(struct wt_task *w)
{
	if (!wt_epochs_on() || w->epoch_next == w->epoch)
		return;
	wt_epoch_flush(w);
	w->epoch = w->epoch_next;
}

/* The interval at hand began in an earlier epoch. */
static __always_inline bool wt_crosses(struct wt_task *w)
{
	return wt_epochs_on() && w->epoch_next != w->epoch;
}

#endif /* WT_EPOCH_BPF_H */
