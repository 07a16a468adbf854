// SPDX-License-Identifier: GPL-2.0-or-later
/* record.bpf.c - a thread's account as user space gets it, and its birth. */
#include "charge.bpf.h"
#include "record.bpf.h"

int wt_fill_record(struct wt_scratch *s, struct wt_task *w, __u64 end)
{
	__u64 start = run_start_ns;
	struct wt_thread_rec *r;
	struct task_struct *t;

	if (!s || !w)
		return -1;
	t = (void *)w->address;
	r = &s->rec;
	__builtin_memset(r, 0, sizeof(*r));
	r->birth_ns = w->birth_ns > start ? w->birth_ns : start;
	r->end_ns = end;
	__builtin_memcpy(r->st_ns, w->st_ns, sizeof(r->st_ns));
	r->preempt_ns = w->preempt_ns;
	r->steal_ns = w->steal_ns;
	r->irq_ns = w->irq_ns;
	r->softirq_ns = w->softirq_ns;
	r->utime_ns = BPF_CORE_READ(t, utime) - w->utime0;
	r->stime_ns = BPF_CORE_READ(t, stime) - w->stime0;
	r->audit_cpu_ours_ns = w->audit_cpu;
	r->audit_cpu_kernel_ns = w->audit_exec1 - w->audit_exec0;
	r->audit_runq_ours_ns = w->audit_runq;
	r->audit_runq_kernel_ns = w->audit_delay1 - w->audit_delay0;
	r->audit_ledger_cpu_ns = w->audit_ledger_cpu;
	r->audit_ledger_runq_ns = w->audit_queued1 - w->audit_queued0;
	r->image = w->image;
	r->switches = w->switches;
	r->samples = w->samples;
	r->migrations = w->migrations;
	r->job = w->job;
	r->cgroup = w->cgroup;
	r->epoch_cpu_ns = w->epoch_cpu_ns;
	r->epoch_steal_ns = w->steal_ns - w->told_steal_ns;
	r->epoch_irq_ns = w->irq_ns - w->told_irq_ns;
	r->epoch_softirq_ns = w->softirq_ns - w->told_softirq_ns;
	r->epoch_migrations = w->migrations - w->told_migrations;
	r->serial = w->serial;
	r->task = w->task;
	r->parent = w->parent;
	r->epoch = w->epoch;
	r->tid = w->tid;
	r->tgid = w->tgid;
	r->flags = w->flags;
	r->stage = w->stage;
	__builtin_memcpy(r->comm, w->comm, WT_COMM_LEN);
	__builtin_memcpy(r->pcomm, w->pcomm, WT_COMM_LEN);
	r->ppid = BPF_CORE_READ(t, real_parent, tgid);
	r->exit_code = BPF_CORE_READ(t, exit_code);
	return 0;
}

int wt_open_record(struct wt_scratch *s, struct wt_task *w, __u64 end)
{
	struct wt_thread_rec *r;
	__u64 wake, since;
	__u8 state;

	if (!s || !w)
		return -1;
	r = &s->rec;
	wake = w->wake_ns;
	since = w->since;
	state = w->state;
	wt_fill_record(s, w, end);
	if (state >= WT_STATES)
		return 0;
	r->open_state = state;
	if (state == WT_CPU) {
		r->st_ns[WT_CPU] += wt_within(since, end);
		if (wt_epochs_on())
			r->epoch_cpu_ns += wt_within(since, end);
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

int wt_balances(struct wt_scratch *s)
{
	__u64 sum = 0;

	if (!s)
		return 0;
	for (int i = 0; i < WT_STATES; i++)
		sum += s->rec.st_ns[i];
	return sum == s->rec.end_ns - s->rec.birth_ns;
}

int wt_send_record(struct wt_scratch *s, __u32 why)
{
	struct wt_thread_rec *r;
	struct wt_ev_thread *e;
	struct wt_stats *st;

	if (!s)
		return -1;
	r = &s->rec;
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
	if (why == WT_REC_EXIT && !(r->flags & WT_F_EXECED)) {
		st->lost_threads++;
		if (r->flags & WT_F_LEADER)
			st->lost_processes++;
	}
	st->lost_wall_ns += r->end_ns - r->birth_ns;
	for (int i = 0; i < WT_STATES; i++)
		st->lost_st_ns[i] += r->st_ns[i];
	st->lost_preempt_ns += r->preempt_ns;
	wt_exec_lost(s);
	return 1;
}

int wt_birth(struct wt_task *w, __u64 now, __u32 parent)
{
	struct task_struct *t;

	if (!w)
		return -1;
	t = (void *)w->address;
	w->birth_ns = now;
	w->since = now;
	w->serial = wt_new_serial();
	w->task = w->serial;
	w->state = WT_CPU;
	w->reason = WT_K_NONE;
	w->parent = parent;
	w->tid = BPF_CORE_READ(t, pid);
	w->tgid = BPF_CORE_READ(t, tgid);
	w->flags = wt_flags_of(t);
	w->image = wt_image(t);
	w->utime0 = BPF_CORE_READ(t, utime);
	w->stime0 = BPF_CORE_READ(t, stime);
	w->exec_last = BPF_CORE_READ(t, se.sum_exec_runtime);
	w->migrations0 = BPF_CORE_READ(t, se.nr_migrations);
	wt_copy_comms(w, t);
	__sync_fetch_and_add(&run_live, 1);
	return 0;
}
