/* SPDX-License-Identifier: GPL-2.0-or-later */
/* record.bpf.h - a thread's account as user space gets it, and its birth. */
#ifndef WT_RECORD_BPF_H
#define WT_RECORD_BPF_H

#include "charge.bpf.h"
#include "intern.bpf.h"

static __always_inline void wt_copy_comms(struct wt_task *w, struct task_struct *t)
{
	struct task_struct *leader = t->group_leader;

	bpf_core_read(w->comm, WT_COMM_LEN, &t->comm);
	bpf_core_read(w->pcomm, WT_COMM_LEN, &leader->comm);
}

/* Fills s->rec but for what is open at its end. */
WT_SUBPROG int wt_fill_record(struct wt_scratch *s, struct wt_task *w,
				     struct task_struct *t, __u64 end)
{
	struct wt_thread_rec *r = &s->rec;
	__u64 start = run_start_ns;

	__builtin_memset(r, 0, sizeof(*r));
	r->birth_ns = w->birth_ns > start ? w->birth_ns : start;
	r->end_ns = end;
	__builtin_memcpy(r->st_ns, w->st_ns, sizeof(r->st_ns));
	r->preempt_ns = w->preempt_ns;
	r->steal_ns = w->steal_ns;
	r->utime_ns = t->utime - w->utime0;
	r->stime_ns = t->stime - w->stime0;
	r->audit_cpu_ours_ns = w->audit_cpu;
	r->audit_cpu_kernel_ns = w->audit_exec1 - w->audit_exec0;
	r->audit_runq_ours_ns = w->audit_runq;
	r->audit_runq_kernel_ns = w->audit_delay1 - w->audit_delay0;
	r->audit_ledger_cpu_ns = w->audit_ledger_cpu;
	r->image = w->image;
	r->switches = w->switches;
	r->samples = w->samples;
	r->serial = w->serial;
	r->task = w->task;
	r->parent = w->parent;
	r->epoch = w->epoch;
	r->tid = w->tid;
	r->tgid = w->tgid;
	r->flags = w->flags;
	__builtin_memcpy(r->comm, w->comm, WT_COMM_LEN);
	__builtin_memcpy(r->pcomm, w->pcomm, WT_COMM_LEN);
	r->ppid = BPF_CORE_READ(t, real_parent, tgid);
	r->exit_code = t->exit_code;
	return 0;
}

/*
 * Fills s->rec as of `end`, with what is open then.  w is only read: the
 * programs go on from where they are.
 */
WT_SUBPROG int wt_open_record(struct wt_scratch *s, struct wt_task *w,
				     struct task_struct *t, __u64 end)
{
	struct wt_thread_rec *r = &s->rec;
	__u64 wake = w->wake_ns, since = w->since;
	__u8 state = w->state;

	wt_fill_record(s, w, t, end);
	if (state >= WT_STATES)
		return 0;
	r->open_state = state;
	if (state == WT_CPU) {
		r->st_ns[WT_CPU] += wt_within(since, end);
		return 0;
	}
	if (wake && wake < end && state >= WT_DISK) {
		if (wake < since)
			wake = since;
		r->open_runq_ns = wt_within(wake, end);
		r->st_ns[WT_RUNQ] += r->open_runq_ns;
		end = wake;
	}
	r->open_ns = wt_within(since, end);
	r->st_ns[state] += r->open_ns;
	if (state == WT_RUNQ && w->reason == WT_K_PREEMPT)
		r->preempt_ns += r->open_ns;
	r->open_reason = w->reason;
	r->open_ustack = w->ustack;
	r->open_kstack = w->kstack;
	return 0;
}

/* Sends s->rec; what the ring cannot take goes into the sum of lost records. */
WT_SUBPROG int wt_send_record(struct wt_scratch *s, __u8 why)
{
	struct wt_thread_rec *r = &s->rec;
	struct wt_ev_thread *e;
	struct wt_stats *st;

	r->why = why;
	if (r->end_ns <= r->birth_ns)
		return 0;			/* it ended before the recording began */
	e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0);
	if (e) {
		e->h.type = WT_EV_THREAD;
		e->h.zero = 0;
		e->h.ts_ns = bpf_ktime_get_ns();
		__builtin_memcpy(&e->rec, r, sizeof(e->rec));
		bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
		return 0;
	}
	st = wt_stats();
	if (!st)
		return 0;
	st->loss[WT_LOSS_EXIT]++;
	if (why == WT_REC_EXIT)
		st->lost_threads++;
	st->lost_wall_ns += r->end_ns - r->birth_ns;
	for (int i = 0; i < WT_STATES; i++)
		st->lost_st_ns[i] += r->st_ns[i];
	st->lost_preempt_ns += r->preempt_ns;
	return 0;
}

static __always_inline __u32 wt_new_serial(void)
{
	return __sync_fetch_and_add(&run_serial, 1) + 1;
}

static __always_inline __u32 wt_flags_of(struct task_struct *t)
{
	__u32 f = 0;

	if (t->flags & PF_KTHREAD)
		f |= WT_F_KTHREAD;
	if (t->flags & PF_IO_WORKER)
		f |= WT_F_IOWORKER;
	if ((__u32)t->tgid == cfg_self_tgid)
		f |= WT_F_SELF;
	if (t->pid == t->tgid)
		f |= WT_F_LEADER;
	return f;
}

/* Makes the storage of a task that is traced from now on; NULL when it cannot be made. */
WT_SUBPROG struct wt_task *wt_adopt(struct task_struct *t, __u64 now, __u32 parent)
{
	struct wt_task *w;

	w = bpf_task_storage_get(&tasks, t, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!w) {
		wt_lost(WT_LOSS_THREADS);
		return NULL;
	}
	if (w->ready)
		return NULL;			/* somebody else was faster */
	w->birth_ns = now;
	w->since = now;
	w->serial = wt_new_serial();
	w->task = w->serial;
	w->state = WT_CPU;
	w->reason = WT_K_NONE;
	w->parent = parent;
	w->tid = t->pid;
	w->tgid = t->tgid;
	w->flags = wt_flags_of(t);
	w->image = wt_image(t);
	w->utime0 = t->utime;
	w->stime0 = t->stime;
	w->exec_last = t->se.sum_exec_runtime;
	wt_copy_comms(w, t);
	__sync_fetch_and_add(&run_live, 1);
	return w;
}

#endif /* WT_RECORD_BPF_H */
