// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lifecycle.bpf.c - who is traced: children of the traced, processes that take
 * the wanted name, tasks that enter the wanted cgroup.  Ends are seen by the
 * switch program: a thread is over when it leaves the CPU for the last time.
 */
#include "charge.bpf.h"
#include "record.bpf.h"

/* A new process has its parent's mappings, whatever user space has heard of it by then. */
static __always_inline void wt_fork_space(struct task_struct *parent, struct wt_task *w)
{
	__u32 from = parent->tgid, to = w->tgid;
	struct wt_space *sp, copy;

	if (w->tid != w->tgid)
		return;
	sp = bpf_map_lookup_elem(&spaces, &from);
	if (!sp)
		return;
	copy = *sp;
	copy.image = w->image;
	bpf_map_update_elem(&spaces, &to, &copy, BPF_ANY);
	if (copy.flags & WT_SPACE_PY)
		wt_python_fork(from, to);
	if (copy.flags & WT_SPACE_JVM)
		wt_jvm_fork(from, to);
}

/*
 * Storage is made here and never in sched_switch: making it allocates memory,
 * which must not happen under a run-queue lock.
 */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(wt_process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct task_struct *cur = bpf_get_current_task_btf();
	struct wt_task *p = wt_task_of(cur), *w;
	__u64 now = bpf_ktime_get_ns();

	if (!p && cfg_target != WT_TARGET_ALL &&
	    !(cfg_target == WT_TARGET_CGROUP && wt_in_cgroup(child)))
		return 0;
	if (wt_fault(WT_FAULT_THREADS, 8)) {
		wt_lost(WT_LOSS_THREADS);
		return 0;
	}
	w = wt_adopt(child, now, p ? p->task : 0);
	if (!w)
		return 0;
	/* it is not woken yet; queued from its birth on is what comes closest */
	w->state = WT_RUNQ;
	w->reason = WT_K_WAKEUP;
	w->exec_last = 0;
	w->audit_on = 1;
	if (p) {
		w->epoch = wt_epoch_of(p, cur);
		w->proc_epoch = w->epoch;
		w->epoch_next = w->epoch;
		w->job = p->exec_ns ? p->exec_job : p->job;
	}
	/* most are born where their parent is */
	if (p && BPF_CORE_READ(child, cgroups) == BPF_CORE_READ(cur, cgroups))
		w->cgroup = p->cgroup;
	else
		w->cgroup = wt_cgroup_of(w->address);
	/* a thread that a library starts works for what it was called for */
	if (p && w->tgid == p->tgid)
		w->stage = p->stage_now ? p->stage_now : p->stage;
	wt_fork_space(cur, w);
	if (p && w->tgid != p->tgid && wt_epochs_on())
		wt_fork_bound(w, now);
	w->ready = 1;
	wt_counted(WT_CNT_FORK);
	return 0;
}

/* The current thread joins the target: it runs, so its first interval is on the CPU. */
static __always_inline void wt_join(struct task_struct *t, __u64 job)
{
	struct wt_task *w = wt_adopt(t, bpf_ktime_get_ns(), 0);

	if (!w)
		return;
	w->state = WT_CPU;
	w->job = job;
	w->cgroup = wt_cgroup_of(w->address);
	w->fresh = 1;
	w->ready = 1;
}

/* Asks user space to run the seeding iterator again, at once. */
static __always_inline void wt_ask_reseed(void)
{
	struct wt_event e = { .type = WT_EV_RESEED, .ts_ns = bpf_ktime_get_ns() };

	if (bpf_ringbuf_output(&ring, &e, sizeof(e), BPF_RB_FORCE_WAKEUP))
		wt_lost(WT_LOSS_THREADS);
}

/*
 * An exec makes another program of the thread.  The account is split at the
 * next switch-out, in the one place that changes it, so that no time is lost
 * in between.
 */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(wt_process_exec, struct task_struct *t, pid_t old_pid, struct linux_binprm *bprm)
{
	struct wt_task *w = wt_task_of(t);
	struct wt_job_found found = {};
	bool named = false;
	__u64 binprm = 0;

	/* a number: a pointer of the kernel's is not passed on to other files */
	bpf_probe_read_kernel(&binprm, sizeof(binprm), &ctx[2]);
	if (!w && cfg_target == WT_TARGET_COMM) {
		char comm[WT_COMM_LEN];

		bpf_core_read(comm, sizeof(comm), &t->comm);
		named = wt_comm_matches(comm);
	}
	if ((cfg_opts & WT_OPT_JOBS) && (w || named || cfg_target == WT_TARGET_JOB))
		wt_exec_job(&found);
	if (w) {
		if ((cfg_opts & WT_OPT_SPANS) && w->spans)
			wt_spans_over(w, 0, WT_SPAN_F_EXEC);
		/* an environment that names no job leaves what was inherited */
		if (found.job)
			w->exec_job = found.job;
		else if (!w->exec_ns)
			w->exec_job = w->job;
		w->exec_image = wt_image(t);
		w->mm = (__u64)t->mm;
		if (!w->exec_serial)
			w->exec_serial = wt_new_serial();
		w->exec_ns = bpf_ktime_get_ns();
		wt_futex_exec(w);
		/* a thread that was not the leader is now */
		if (old_pid != t->pid)
			w->proc_epoch = w->epoch;
		/* it is still in the epoch it was forked in */
		wt_exec(w, binprm);
		if (wt_epochs_on())
			wt_exec_bound(w, w->exec_ns);
		wt_counted(WT_CNT_EXEC);
		return 0;
	}
	if (!named && !found.wanted)
		return 0;
	wt_join(t, found.job);
	w = wt_task_of(t);
	if (w)
		wt_exec(w, binprm);
	return 0;
}

/*
 * Charges what a thread did that was not seen to leave the CPU for good; returns when it did.
 * It ran for as long as its own books say.  One that was not seen to come, either, waited
 * before that: until it was on its way out, if that was seen.
 */
static __always_inline __u64 wt_last_stay(struct wt_task *w, struct task_struct *t, __u64 now)
{
	__u64 ran = t->se.sum_exec_runtime - w->exec_last, at = w->since + ran, wake = w->wake_ns;

	if (w->state != WT_CPU && at < w->exit_ns)
		at = w->exit_ns;
	if (at > now)
		at = now;
	if (at > run_end_ns)
		at = run_end_ns;
	if (at < w->since)
		at = w->since;
	if (w->state != WT_CPU && ran < at - w->since) {
		if (w->state >= WT_DISK && wake > w->since && wake < at - ran) {
			wt_charge(w, wake, w->state, w->reason);
			wt_charge(w, at - ran, WT_RUNQ, WT_K_WAKEUP);
		} else {
			wt_charge(w, at - ran, w->state, w->reason);
		}
	}
	wt_charge_cpu(w, at);
	return at;
}

/*
 * The last trace of a thread.  Its account was closed when it left the CPU for
 * good, unless the kernel did not trace that.
 */
SEC("tp_btf/sched_process_free")
int BPF_PROG(wt_process_free, struct task_struct *t)
{
	struct wt_task *w = wt_task_of(t);
	__u64 at, now = bpf_ktime_get_ns();
	struct wt_scratch *s;

	if (!w || w->done)
		return 0;
	s = wt_scratch(WT_SCRATCH_LIFE);
	if (!s)
		return 0;
	at = wt_last_stay(w, t, now);
	wt_lost(WT_LOSS_MISSED_SWITCH);
	wt_fill_record(s, w, at);
	wt_send_record(s, WT_REC_EXIT);
	w->done = 1;
	w->ready = 0;
	__sync_fetch_and_add(&run_live, -1);
	wt_counted(WT_CNT_EXIT);
	return 0;
}

/* A name that the thread gave itself, or another thread gave it. */
static __always_inline void wt_name_unit(struct task_struct *t, struct wt_task *w, const char *name)
{
	struct wt_span_stack *k;

	if (w->done || !wt_recording(bpf_ktime_get_ns()))
		return;
	k = bpf_task_storage_get(&span_stacks, t, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!k) {
		wt_lost(WT_LOSS_SPAN_DEEP);
		return;
	}
	w->spans = 1;
	__builtin_memcpy(k->next, name, WT_COMM_LEN);
	wt_span_name(w, k);
}

SEC("tp_btf/task_rename")
int BPF_PROG(wt_task_rename, struct task_struct *t, const char *comm)
{
	struct wt_task *w = wt_task_of(t);
	char name[WT_COMM_LEN] = {};

	bpf_probe_read_kernel_str(name, sizeof(name), comm);
	if (w) {
		/* an exec renames before it is announced: the old program keeps its name */
		if (!BPF_CORE_READ_BITFIELD(t, in_execve)) {
			__builtin_memcpy(w->comm, name, WT_COMM_LEN);
			if (t->pid == t->tgid)
				__builtin_memcpy(w->pcomm, name, WT_COMM_LEN);
			if (cfg_opts & WT_OPT_NAMES)
				wt_name_unit(t, w, name);
		}
		return 0;
	}
	/* a process that takes the wanted name by prctl; after an exec, exec's own event comes */
	if (cfg_target == WT_TARGET_COMM && t->pid == t->tgid && wt_comm_matches(name))
		wt_ask_reseed();
	return 0;
}

SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(wt_cgroup_attach, struct cgroup *dst, const char *path, struct task_struct *t,
	     bool threadgroup)
{
	struct wt_task *w = wt_task_of(t);

	if (w)
		w->cgroup = wt_cgroup_of(w->address);
	/*
	 * Whatever entered the target, a scan of all tasks decides who belongs; and of a
	 * process with several threads only the leader is shown here.
	 */
	if ((cfg_target == WT_TARGET_CGROUP && wt_in_cgroup(t)) ||
	    (w && threadgroup && BPF_CORE_READ(t, signal, nr_threads) > 1))
		wt_ask_reseed();
	return 0;
}
