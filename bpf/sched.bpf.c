// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sched.bpf.c - the clockwork: every switch closes an interval of the thread
 * that leaves and one of the thread that comes.
 *
 * Blocked time runs to the wakeup, run-queue wait from there to the switch-in;
 * both are charged at the switch-in, where the kernel stack of the wait still
 * lies in memory and the child that was waited for has its last name.
 */
#include "charge.bpf.h"
#include "kstack.bpf.h"
#include "record.bpf.h"
#include "rival.bpf.h"

/*
 * A thread's own runtime and the run queue's clock stop and start at the same
 * instants, so a difference is time in which it did not run.
 */
#define WT_GAP_NS 5000

/* What stacks cost is estimated from every 32nd: reading the clock costs, too. */
#define WT_COST_EVERY 32

static __always_inline __u64 wt_stack_clock(struct wt_task *w)
{
	return w->switches % WT_COST_EVERY ? 0 : bpf_ktime_get_ns();
}

static __always_inline void wt_stack_cost(__u64 begun)
{
	struct wt_stats *s = begun ? wt_stats() : NULL;

	if (s)
		s->count[WT_CNT_STACK_NS] += (bpf_ktime_get_ns() - begun) * WT_COST_EVERY;
}

/*
 * Over budget, a thread's stack is taken the likelier the longer ago its last one
 * was.  That does not depend on how long the wait will be, so the time of the
 * stacks that are taken, divided by how likely each was, is right on average.
 */
static __always_inline bool wt_shed(struct wt_task *w, __u64 now)
{
	__u64 every = run_shed_ns, passed = now - w->stack_last;

	w->stack_weight = WT_WEIGHT_ONE;
	if (!every || passed >= every) {
		w->stack_last = now;
		return false;
	}
	if (passed < every / WT_WEIGHT_MOST)
		passed = every / WT_WEIGHT_MOST;
	if (bpf_get_prandom_u32() * every >= passed << 32) {
		w->stack_weight = 0;
		w->ustack = WT_STACK_SHED;
		w->kstack = WT_STACK_SHED;
		wt_counted(WT_CNT_SHED);
		return true;
	}
	w->stack_weight = every * WT_WEIGHT_ONE / (passed | 1);
	w->stack_last = now;
	return false;
}

/* Where a thread leaves the CPU, by s->walk's registers; the kernel's part follows when it comes back. */
static __always_inline void wt_take_stack(struct wt_scratch *s, struct wt_task *w,
					  struct task_struct *t)
{
	__u64 begun;

	w->kstack = 0;
	w->ustack = 0;
	w->stack_weight = WT_WEIGHT_ONE;
	if (w->forgot != run_forgot)
		wt_forget_stacks(w);
	if (!(cfg_opts & (WT_OPT_USTACK | WT_OPT_KSTACK)) || wt_shed(w, s->sw.now))
		return;
	if ((t->flags & PF_KTHREAD) || !(cfg_opts & WT_OPT_USTACK))
		return;
	begun = wt_stack_clock(w);
	w->ustack = wt_user_stack(s, w, 1);
	wt_stack_cost(begun);
}

static __always_inline void wt_note_queue(struct wt_task *w, struct task_struct *t)
{
	struct cfs_rq *q = wt_queue(t);

	w->throttle_clock = wt_throttle_clock(q);
	w->throttle_queue = (__u64)q;
}

/* How often the kernel made `t` leave a CPU; a switch is counted before it is traced. */
static __always_inline __u64 wt_switches(struct task_struct *t)
{
	return t->nvcsw + t->nivcsw;
}

/* The wait in a queue, [since, at]: first what the quota took of it, then the rest. */
static __always_inline void wt_end_queued(struct wt_scratch *s, struct wt_task *w,
					  struct task_struct *t, __u64 at, __u8 state, __u64 reason)
{
	bool throttled = state == WT_THROTTLED;
	struct cfs_rq *q = (void *)w->throttle_queue;
	__u64 took, since = w->since;

	if (wt_has_throttle_clock() && wt_queue_of_group(q, t)) {
		took = wt_throttle_clock(q) - w->throttle_clock;
		if (took > at - since)
			took = at - since;
		if (took)
			wt_charge(w, since + took, WT_THROTTLED, wt_quota_reason(s, w));
		throttled = false;
	}
	if (throttled)
		wt_charge(w, at, WT_THROTTLED, wt_quota_reason(s, w));
	else
		wt_charge_queued(s, w, at, reason);
}

/* The end of a wait: blocked until the wakeup, then queued. */
static __noinline int wt_end_wait(struct wt_scratch *s, struct wt_task *w, struct task_struct *t,
				  __u64 at)
{
	__u64 wake = w->wake_ns, reason, frozen;

	if (w->state >= WT_DISK) {
		/* no wakeup seen: it was blocked to the end (older kernels, a pending signal) */
		if (!wake || wake > at)
			wake = at;
		if (wake < w->since)
			wake = w->since;
		if (w->state == WT_CHILD)
			w->reason = wt_child_reason(s, w);
		else if (w->state == WT_NET && w->udp)
			w->reason = wt_datagram_reason(s, w);
		else if (WT_REASON_KIND(w->reason) == WT_K_FS && !(w->reason & WT_REASON_INTERNED))
			w->reason = wt_disk_reason(s, w);
		if (s->sw.asleep && (cfg_opts & WT_OPT_KSTACK) && !w->kstack && wt_within(w->since, at)) {
			__u64 begun = wt_stack_clock(w);

			w->kstack = wt_kernel_stack(s, w, t);
			wt_stack_cost(begun);
		}
		frozen = wt_frozen_part(w, wake);
		if (w->state == WT_NET && w->sock)
			wt_conn_waited(w, wt_within(w->since, wake - frozen));
		wt_charge(w, wake - frozen, w->state, w->reason);
		if (frozen)
			wt_charge(w, wake, WT_STOPPED, WT_K_FROZEN);
		wt_end_queued(s, w, t, at, w->throttled_wake ? WT_THROTTLED : WT_RUNQ, WT_K_WAKEUP);
	} else {
		reason = w->reason == WT_K_QUOTA ? w->queued_as : w->reason;
		wt_end_queued(s, w, t, at, w->state, reason);
	}
	w->wake_ns = 0;
	w->throttled_wake = 0;
	w->frozen_since = 0;
	w->frozen_ns = 0;
	return 0;
}

/*
 * `t` leaves the CPU, but was never seen to come: the kernel did not trace that
 * switch.  Its own runtime tells when it must have come.  Inline: a frame more, and the
 * calls below it would not fit the stack of 512 bytes that 6.1 has for all of them.
 */
static __always_inline int wt_repair_arrival(struct wt_scratch *s, struct wt_task *w,
					struct task_struct *t)
{
	__u64 ran = t->se.sum_exec_runtime - w->exec_last;
	__u64 at = s->sw.now - w->since;

	if (ran > at)
		ran = at;
	at = s->sw.now - ran;
	if (!w->fresh)
		wt_lost(WT_LOSS_MISSED_SWITCH);
	w->fresh = 0;
	wt_end_wait(s, w, t, at);
	w->state = WT_CPU;
	w->clock_task_since = t->se.exec_start - ran;
	w->steal_since = s->sw.steal;
	w->audit_on = 0;
	w->queued_clock = 0;
	w->runq_pending = 0;
	w->bound_ns = 0;
	return 0;
}

/*
 * `t` comes to the CPU, but was never seen to leave it.  What its runtime did
 * not grow by was a wait that nobody saw: queued as long as the kernel says it
 * is queued now, blocked before.
 */
static __noinline int wt_repair_departure(struct wt_scratch *s, struct wt_task *w,
					  struct task_struct *t)
{
	__u64 ran = t->se.sum_exec_runtime - w->exec_last;
	__u64 queued = t->sched_info.last_queued, at;

	if (ran > s->sw.now - w->since)
		ran = s->sw.now - w->since;
	queued = queued && s->sw.clock > queued ? s->sw.clock - queued : 0;
	if (queued > s->sw.now - w->since - ran)
		queued = s->sw.now - w->since - ran;
	at = s->sw.now - queued;
	if (!w->fresh)
		wt_lost(WT_LOSS_MISSED_SWITCH);
	w->fresh = 0;
	wt_charge_cpu(w, w->since + ran);
	w->ustack = 0;
	w->kstack = 0;
	wt_charge(w, at, WT_OTHER, WT_K_MISSED);
	wt_charge(w, s->sw.now, WT_RUNQ, WT_K_PREEMPT);
	w->audit_on = 0;
	return 0;
}

/* The kernel's books, read where both pairs of the audit are complete. */
static __always_inline void wt_audit_leave(struct wt_scratch *s, struct wt_task *w,
					   struct task_struct *t, __u64 cpu_ns)
{
	__u64 exec = t->se.sum_exec_runtime, delay = t->sched_info.run_delay;
	__u64 queued = w->st_ns[WT_RUNQ] + w->st_ns[WT_THROTTLED];

	if (w->audit_on) {
		w->audit_cpu += t->se.exec_start - w->clock_task_since + w->bound_ns;
		w->audit_runq += w->runq_pending;
		w->audit_ledger_cpu += cpu_ns + w->bound_ns;
	} else {
		w->audit_exec0 = exec - w->audit_cpu;
		w->audit_delay0 = delay - w->audit_runq;
		w->audit_queued0 = queued - (w->audit_queued1 - w->audit_queued0);
		w->audit_on = 1;
	}
	w->audit_exec1 = exec;
	w->audit_delay1 = delay;
	w->audit_queued1 = queued;
	w->exec_last = exec;
	w->runq_pending = 0;
	w->bound_ns = 0;
}

/*
 * It ran less than it was on the CPU, up to exec_start, where its runtime was last booked:
 * if it left the CPU more than the once that is at hand, a switch out and a switch in went
 * unseen.  The kernel says how much of the gap it was queued; the rest it was blocked.
 * If it did not, nothing is wrong: a CPU that finds nothing else to run looks for work on
 * the others (newidle balancing) in the name of the task that is asleep already, and that
 * may be woken meanwhile and go on without a switch.  The kernel books that as nobody's.
 */
static __noinline int wt_find_gap(struct wt_scratch *s, struct wt_task *w, struct task_struct *t)
{
	__u64 on = t->se.exec_start - w->clock_task_since;
	__u64 ran = t->se.sum_exec_runtime - w->exec_last;
	__u64 queued = t->sched_info.run_delay - w->audit_delay1;
	__u64 gap = on > ran ? on - ran : 0;
	bool audited = w->audit_on;

	if (gap < WT_GAP_NS || !w->clock_task_since || gap > s->sw.now - w->since)
		return 0;
	w->audit_on = 0;
	if (wt_switches(t) == w->csw + 1)
		return 0;
	wt_lost(WT_LOSS_MISSED_SWITCH);
	queued = audited && queued > w->runq_pending ? queued - w->runq_pending : 0;
	if (queued > gap)
		queued = gap;
	w->ustack = 0;
	w->kstack = 0;
	if (gap > queued)
		wt_charge(w, w->since + gap - queued, WT_OTHER, WT_K_MISSED);
	wt_charge(w, w->since + queued, WT_RUNQ, WT_K_PREEMPT);
	return 0;
}

/* An exec took place since the last switch-out: close the account of the old program. */
static __noinline int wt_split_exec(struct wt_scratch *s, struct wt_task *w, struct task_struct *t)
{
	__u64 at = w->exec_ns;

	if (at > s->sw.now)
		at = s->sw.now;
	if (at < w->since)
		at = w->since;
	wt_charge_cpu(w, at);
	wt_fill_record(s, w, at);
	wt_epoch_enter(w);
	if (!wt_send_record(s, WT_REC_EXEC))
		w->flags |= WT_F_EXECED;
	__builtin_memset(w->st_ns, 0, sizeof(w->st_ns));
	w->epoch_cpu_ns = 0;
	w->told_steal_ns = 0;
	w->told_irq_ns = 0;
	w->told_softirq_ns = 0;
	w->told_migrations = 0;
	w->preempt_ns = 0;
	w->steal_ns = 0;
	w->irq_ns = 0;
	w->softirq_ns = 0;
	w->audit_cpu = 0;
	w->audit_runq = 0;
	w->audit_ledger_cpu = 0;
	w->audit_on = 0;
	w->audit_exec0 = 0;
	w->audit_exec1 = 0;
	w->audit_delay0 = 0;
	w->audit_delay1 = 0;
	w->audit_queued0 = 0;
	w->audit_queued1 = 0;
	w->switches = 0;
	w->samples = 0;
	w->migrations = 0;
	w->migrations0 = t->se.nr_migrations;
	w->utime0 = t->utime;
	w->stime0 = t->stime;
	w->birth_ns = at;
	/* taken: an exec that is under way right now must not use it again */
	w->serial = w->exec_serial ? w->exec_serial : wt_new_serial();
	w->exec_serial = 0;
	w->image = w->exec_image;
	w->job = w->exec_job;
	w->tid = t->pid;
	w->flags = wt_flags_of(t) | (w->flags & (WT_F_SEEDED | WT_F_EXECED));
	wt_copy_comms(w, t);
	w->last_ustack = 0;
	w->exec_ns = 0;
	return 0;
}

static __always_inline void wt_finish(struct wt_scratch *s, struct wt_task *w, struct task_struct *t)
{
	__u64 end = run_end_ns;
	__u32 tgid = w->tgid;

	if ((cfg_opts & WT_OPT_SPANS) && w->spans)
		wt_spans_over(w, s->sw.now, WT_SPAN_F_EXIT);
	wt_copy_comms(w, t);
	wt_fill_record(s, w, w->since < end ? w->since : end);
	wt_send_record(s, WT_REC_EXIT);
	w->done = 1;
	w->ready = 0;
	__sync_fetch_and_add(&run_live, -1);
	wt_counted(WT_CNT_EXIT);
	/* a later process of this number is none of the target by that */
	if ((cfg_target == WT_TARGET_COMM || cfg_target == WT_TARGET_JOB) && w->tid == w->tgid)
		bpf_map_delete_elem(&targets, &tgid);
}

static __always_inline void wt_leave(struct wt_scratch *s, struct wt_task *w, struct task_struct *t,
				     bool preempt, __u32 state)
{
	__u64 before, cpu;

	if (s->sw.now < w->since)
		s->sw.now = wt_not_before(s->sw.now, w->since);
	wt_epoch_look(w, t);
	if (w->state != WT_CPU)
		wt_repair_arrival(s, w, t);
	else
		wt_find_gap(s, w, t);
	w->fresh = 0;
	if (w->exec_ns)
		wt_split_exec(s, w, t);
	before = w->st_ns[WT_CPU];
	wt_charge_cpu(w, s->sw.now);
	cpu = w->st_ns[WT_CPU] - before;
	/* steal_since 0: it was on the CPU before we looked */
	if (w->steal_since && s->sw.steal > w->steal_since) {
		before = s->sw.steal - w->steal_since;
		w->steal_ns += before < cpu + w->bound_ns ? before : cpu + w->bound_ns;
	}
	wt_audit_leave(s, w, t, cpu);
	wt_epoch_enter(w);
	w->switches++;
	w->wake_ns = 0;
	if (state & TASK_DEAD) {
		wt_finish(s, w, t);
		return;
	}
	s->call.nr = -1;
	if (!(t->flags & PF_KTHREAD)) {
		struct pt_regs *r = (void *)bpf_task_pt_regs(t);

		wt_call_of(r, &s->call);
		wt_uregs_of(r, &s->walk);
	}
	wt_take_stack(s, w, t);
	if (preempt || !state || wt_runnable(t)) {
		bool quota = wt_throttled(t);

		w->state = quota ? WT_THROTTLED : WT_RUNQ;
		w->reason = quota ? WT_K_QUOTA : WT_K_PREEMPT;
		w->queued_as = WT_K_PREEMPT;
		w->queued_clock = s->sw.clock;
		wt_note_queue(w, t);
		return;
	}
	w->queued_clock = 0;
	wt_classify(s, w, state, wt_bits(t) | WT_B_USER);
}

static __always_inline void wt_arrive(struct wt_scratch *s, struct wt_task *w, struct task_struct *t)
{
	if (s->sw.now < w->since)
		s->sw.now = wt_not_before(s->sw.now, w->since);
	wt_epoch_look(w, t);
	if (w->state == WT_CPU)
		wt_repair_departure(s, w, t);
	else
		wt_end_wait(s, w, t, s->sw.now);
	wt_epoch_enter(w);
	w->fresh = 0;
	w->bound_ns = 0;
	if (w->booked_asleep) {
		/* its run_delay holds sleep: this wait cannot be compared */
		w->audit_on = 0;
		w->booked_asleep = 0;
		wt_counted(WT_CNT_BOOKED_ASLEEP);
	}
	w->runq_pending = w->queued_clock && s->sw.clock > w->queued_clock ? s->sw.clock - w->queued_clock : 0;
	w->queued_clock = 0;
	w->migrations = t->se.nr_migrations - w->migrations0;
	w->state = WT_CPU;
	w->clock_task_since = s->sw.clock_task;
	w->csw = wt_switches(t);
	w->steal_since = s->sw.steal;
	w->exec_last = t->se.sum_exec_runtime;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(wt_sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next,
	     unsigned int prev_state)
{
	struct wt_scratch *s = wt_scratch(WT_SCRATCH_SWITCH);
	struct wt_task *p = NULL, *n = NULL;
	struct rq *rq;
	__u64 now;

	if (!s)
		return 0;
	/*
	 * Of this CPU.  First, where the verifier comes by once: for each step along such a
	 * pointer it searches all the kernel's types.  Without a branch, which would double
	 * what follows; there is always a queue.
	 */
	rq = prev->se.cfs_rq->rq;
	s->sw.clock = rq->clock;
	s->sw.clock_task = rq->clock_task;
	s->sw.steal = wt_steal(rq);
	if (prev->pid)
		p = wt_task_of(prev);
	if (next->pid)
		n = wt_task_of(next);
	if (!p && !n) {
		if (wt_rivals_on())
			wt_note_run(prev, NULL, bpf_ktime_get_ns());
		return 0;
	}
	if (wt_fault(WT_FAULT_MISSED, 64))
		return 0;
	now = bpf_ktime_get_ns();
	if (wt_fault(WT_FAULT_CLOCK, 16))
		now -= 2000000;
	if (now >= run_end_ns) {
		/* the account is closed; a thread that ends now is gone before the
		 * iterator comes to it */
		if (p && (prev_state & TASK_DEAD) && !p->done) {
			wt_open_record(s, p, run_end_ns);
			wt_send_record(s, WT_REC_END);
			p->done = 1;
		}
		return 0;
	}
	if (wt_rivals_on())
		wt_note_run(prev, p, now);
	s->sw.now = now;
	s->sw.asleep = false;
	if (p)
		wt_leave(s, p, prev, preempt, prev_state);
	s->sw.asleep = true;
	if (n)
		wt_arrive(s, n, next);
	wt_counted(WT_CNT_SWITCH);
	return 0;
}

static __always_inline int wt_woken(struct task_struct *t)
{
	struct wt_task *w = wt_task_of(t);
	__u64 booked, clock;

	/* it also fires for tasks that run or are queued already */
	if (!w || w->wake_ns || w->state == WT_CPU || (w->state < WT_DISK && w->queued_clock))
		return 0;
	clock = t->se.cfs_rq->rq->clock;
	if (clock) {
		w->queued_clock = clock;
		/*
		 * The balancer may move a sleeper whose dequeue was delayed; the kernel
		 * then takes it for queued from there on.  A wakeup queues a task at the
		 * queue's clock, so an earlier instant tells.
		 */
		booked = t->sched_info.last_queued;
		w->booked_asleep = w->state >= WT_DISK && booked &&
				   (booked + WT_GAP_NS < clock || wt_fault(WT_FAULT_BOOKED, 16));
	}
	wt_note_queue(w, t);
	if (w->state < WT_DISK)
		return 0;		/* new: it counts as queued from its birth on */
	w->throttled_wake = wt_throttled(t);
	w->wake_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/sched_wakeup")
int BPF_PROG(wt_sched_wakeup, struct task_struct *t)
{
	return wt_woken(t);
}

SEC("tp_btf/sched_wakeup_new")
int BPF_PROG(wt_sched_wakeup_new, struct task_struct *t)
{
	return wt_woken(t);
}
