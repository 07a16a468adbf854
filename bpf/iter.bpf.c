// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * iter.bpf.c - a walk over all tasks: at the start it finds the target's and
 * what each is doing, later it writes out the accounts of those that live.
 */
#include "charge.bpf.h"
#include "jobs.bpf.h"
#include "kstack.bpf.h"
#include "record.bpf.h"

struct wt_ancestor_ctx {
	struct task_struct *at;
	__u32 found;
};

static long wt_ancestor_step(__u32 i, struct wt_ancestor_ctx *x)
{
	struct task_struct *t = x->at;
	__u32 tgid = BPF_CORE_READ(t, tgid);

	if (!tgid)
		return 1;
	if (bpf_map_lookup_elem(&targets, &tgid)) {
		x->found = 1;
		return 1;
	}
	if (tgid == 1)
		return 1;
	x->at = BPF_CORE_READ(t, real_parent);
	return !x->at;
}

/* A process in the map of targets, or a descendant of one. */
static __always_inline bool wt_descends(struct task_struct *t)
{
	struct wt_ancestor_ctx x = { .at = t };

	bpf_loop(64, wt_ancestor_step, &x, 0);
	return x.found;
}

static __always_inline bool wt_wanted(struct task_struct *t)
{
	if (cfg_target == WT_TARGET_ALL)
		return true;
	if (cfg_target == WT_TARGET_CGROUP && wt_in_cgroup(t))
		return true;
	/*
	 * By name: user space has put the processes of that name into the map.  By job:
	 * this walk has, and one more takes up descendants that it came by before.
	 */
	return wt_descends(t);
}

/* A word before the futex, of the same page: that one is there. */
static __always_inline void wt_copy_before(__u64 *to, __u64 at, __u32 before, struct task_struct *t)
{
	if (before <= (at & (WT_PAGE - 1)))
		bpf_copy_from_user_task(to, sizeof(*to), (void *)(at - before), t, 0);
}

/* What tells a lock from a condition; the same way. */
static __always_inline __u32 wt_copy_futex(struct wt_scratch *s, struct task_struct *t)
{
	struct wt_futex_copy *f = &s->futex;
	__u64 at = s->call.arg[0], page = at & (WT_PAGE - 1);

	__builtin_memset(f, 0, sizeof(*f));
	f->sp = PT_REGS_SP((struct pt_regs *)bpf_task_pt_regs(t));
	if (page < WT_FUTEX_BEFORE || page > WT_PAGE - (sizeof(f->words) - WT_FUTEX_BEFORE) ||
	    bpf_copy_from_user_task(f->words, sizeof(f->words), (void *)(at - WT_FUTEX_BEFORE), t, 0))
		return 0;
	wt_copy_before(&f->musl, at, WT_MUSL_DETACH_STATE, t);
	wt_copy_before(&f->glibc, at, WT_GLIBC_TID - WT_GLIBC_SELF, t);
	return WT_B_COPIED;
}

/*
 * The set of a poll or select, and a futex, lie in the memory of a task that is not current:
 * they are copied, which may sleep.  WT_B_COPIED, or 0: it is no such call, or its
 * memory cannot be read.
 */
static __always_inline __u32 wt_copy_memory(struct wt_scratch *s, struct task_struct *t)
{
	struct wt_call *c = &s->call;
	__u32 class, size, n = 0;

	wt_read_call(t, c);
	if (c->nr < 0 || c->nr >= WT_NR_SYSCALLS)
		return 0;
	class = c->compat ? cfg_class_compat[c->nr] : cfg_class[c->nr];
	if (class == WT_C_FUTEX)
		return wt_copy_futex(s, t);
	if (class == WT_C_POLL)
		n = c->arg[1];
	if (n && n <= WT_SMALL_SET)
		return bpf_copy_from_user_task(s->set[0], (n & WT_SMALL_SET) * sizeof(struct wt_pollfd),
					       (void *)c->arg[0], t, 0) ? 0 : WT_B_COPIED;
	if (class != WT_C_SELECT)
		return 0;
	size = ((__u32)c->arg[0] + 63) / 64 * 8;
	if (size > sizeof(s->set[0]))
		size = sizeof(s->set[0]);
	__builtin_memset(s->set, 0, sizeof(s->set));
	if (c->arg[1] && bpf_copy_from_user_task(s->set[0], size, (void *)c->arg[1], t, 0))
		return 0;
	if (c->arg[2] && bpf_copy_from_user_task(s->set[1], size, (void *)c->arg[2], t, 0))
		return 0;
	return WT_B_COPIED;
}

/*
 * The state of a task that blocks.  One that was frozen where it slept is put
 * back to sleep when it is thawed: then the sleep is the wait, the freezer took a
 * part of it.
 */
static __always_inline __u32 wt_blocked_state(struct wt_task *w, struct task_struct *t)
{
	__u32 state = t->__state;

	if ((state & TASK_FROZEN) && bpf_core_field_exists(t->saved_state) && t->saved_state) {
		state = t->saved_state;
		w->frozen_since = w->since;
	}
	return state;
}

/* What a task that was there before us is doing right now. */
static __always_inline void wt_seed_state(struct wt_scratch *s, struct wt_task *w,
					  struct task_struct *t, __u32 copied)
{
	if (wt_on_cpu(t)) {
		w->state = WT_CPU;
	} else if (wt_runnable(t) || !t->__state) {
		w->state = wt_throttled(t) ? WT_THROTTLED : WT_RUNQ;
		w->reason = w->state == WT_RUNQ ? WT_K_WAKEUP : WT_K_QUOTA;
		w->queued_as = WT_K_WAKEUP;
		w->throttle_queue = 0;
		w->queued_clock = t->sched_info.last_queued;
	} else {
		wt_read_call(t, &s->call);
		wt_classify(s, w, wt_blocked_state(w, t), wt_bits(t) | copied);
		if (w->state == WT_LOCK && copied && !(w->reason & WT_REASON_INTERNED) &&
		    WT_REASON_KIND(w->reason) == WT_K_MUTEX)
			wt_futex_holder(s, w);
		if (cfg_opts & WT_OPT_KSTACK)
			w->kstack = wt_kernel_stack(s, w, t);
	}
}

/*
 * The user stack of one that sleeps is nothing that a program can read: its registers go to
 * user space, which can.
 */
static __always_inline void wt_tell_asleep(struct wt_scratch *s, struct wt_task *w,
					   struct task_struct *t)
{
	struct wt_ev_asleep *e;

	if (w->state < WT_DISK || (t->flags & (PF_KTHREAD | PF_IO_WORKER | PF_EXITING)) ||
	    (cfg_opts & (WT_OPT_USTACK | WT_OPT_FP)) != WT_OPT_USTACK)
		return;
	e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0);
	if (!e) {
		wt_lost(WT_LOSS_STACK);
		return;
	}
	wt_uregs_of((void *)bpf_task_pt_regs(t), &s->walk);
	wt_asleep_head(e, t, bpf_ktime_get_ns());
	e->image = w->image;
	e->ip = s->walk.ip;
	e->sp = s->walk.sp;
	e->fp = s->walk.fp;
	e->bx = s->walk.bx0;
	e->copied = 0;
	e->id = wt_mix(wt_hash_add(wt_hash_add(e->image, e->tid), e->h.ts_ns));
	w->ustack = e->id;
	bpf_ringbuf_submit(e, 0);
}

struct wt_heir {
	struct task_struct *at;
	__u64 job;
};

static long wt_heir_step(__u32 i, struct wt_heir *x)
{
	struct task_struct *t = x->at;
	struct wt_job_found *known;
	__u64 image;

	t = BPF_CORE_READ(t, real_parent);
	if (!t || BPF_CORE_READ(t, tgid) <= 1)
		return 1;
	x->at = t;
	image = wt_image(t);
	known = bpf_map_lookup_elem(&seed_jobs, &image);
	if (known)
		x->job = known->job;
	return x->job != 0;
}

/* The job of the nearest ancestor that has one, as far as this walk has found. */
static __always_inline __u64 wt_inherited_job(struct task_struct *t)
{
	struct wt_heir x = { .at = BPF_CORE_READ(t, group_leader) };

	bpf_loop(64, wt_heir_step, &x, 0);
	return x.job;
}

struct wt_env_copy {
	struct wt_env_walk walk;
	struct task_struct *t;
};

/* One string of an environment that is not the current task's. */
static long wt_env_copy_step(__u32 i, struct wt_env_copy *c)
{
	struct wt_env_walk *x = &c->walk;
	struct wt_env *e = x->env;
	__u64 left = x->end - x->at;
	long n;

	if (!e || x->at >= x->end)
		return 1;
	if (left > WT_ENV_TEXT - 1)
		left = WT_ENV_TEXT - 1;
	if (bpf_copy_from_user_task(e->spare, left, (void *)x->at, c->t, 0)) {
		x->failed = 1;
		return 1;
	}
	e->spare[left] = 0;
	n = bpf_probe_read_kernel_str(e->text, WT_ENV_TEXT, e->spare);
	if (n <= 0)
		return 1;
	wt_env_advance(x, n);
	return 0;
}

static __always_inline void wt_task_job(struct task_struct *t, struct wt_job_found *out)
{
	struct wt_env_copy c = { .t = t };
	struct wt_job_found *known;
	__u64 image = wt_image(t);
	struct mm_struct *mm = BPF_CORE_READ(t, mm);

	known = bpf_map_lookup_elem(&seed_jobs, &image);
	if (known) {
		*out = *known;
		return;
	}
	c.walk.env = wt_env(WT_ENV_ITER);
	if (!mm || !c.walk.env)
		return;
	c.walk.at = BPF_CORE_READ(mm, env_start);
	c.walk.end = BPF_CORE_READ(mm, env_end);
	if (wt_fault(WT_FAULT_ENV, 2))
		c.walk.at = 1;
	bpf_loop(WT_ENV_STEPS, wt_env_copy_step, &c, 0);
	/* one that is on its way out has none any more */
	if (c.walk.failed && !(t->flags & PF_EXITING))
		wt_lost(WT_LOSS_ENV_READ);
	else if (c.walk.at < c.walk.end)
		wt_lost(WT_LOSS_ENV_CUT);
	wt_job_decide(WT_ENV_ITER, t->tgid, out);
	bpf_map_update_elem(&seed_jobs, &image, out, BPF_ANY);
}

/* Its descendants belong to it, too, whatever their environment. */
static __always_inline void wt_note_target(struct task_struct *t)
{
	__u32 tgid = t->tgid;
	__u8 one = 1;

	if (bpf_map_update_elem(&targets, &tgid, &one, BPF_ANY))
		wt_lost(WT_LOSS_THREADS);
}

static __always_inline void wt_seed_again(struct wt_task *w, struct task_struct *t)
{
	if (!w->ready)
		return;
	/* a thread that its leader took into another group */
	w->cgroup = wt_cgroup_of(w->address);
	/* its parent was found after it */
	if ((cfg_opts & WT_OPT_JOBS) && (w->flags & WT_F_SEEDED) && !w->job && !w->exec_ns)
		w->job = wt_inherited_job(t);
}

static __always_inline void wt_seed(struct wt_scratch *s, struct task_struct *t)
{
	bool jobs = (cfg_opts & WT_OPT_JOBS) && !(t->flags & PF_KTHREAD);
	struct wt_job_found found = {};
	__u64 image = wt_image(t);
	struct wt_task *w;
	__u32 copied;

	if (!t->pid || t->exit_state ||
	    ((cfg_fault & WT_FAULT_HIDDEN) && t->pid != t->tgid))
		return;
	w = bpf_task_storage_get(&tasks, t, 0, 0);
	if (w) {
		wt_seed_again(w, t);
		return;
	}
	if (jobs && cfg_target == WT_TARGET_JOB) {
		wt_task_job(t, &found);
		if (found.wanted)
			wt_note_target(t);
	}
	if (!found.wanted && !wt_wanted(t))
		return;
	if (jobs && cfg_target != WT_TARGET_JOB)
		wt_task_job(t, &found);
	copied = wt_copy_memory(s, t);	/* first: it may take its time */
	w = wt_adopt(t, bpf_ktime_get_ns(), 0);
	if (!w)
		return;
	w->job = jobs && !found.job ? wt_inherited_job(t) : found.job;
	w->cgroup = wt_cgroup_of(w->address);
	w->flags |= WT_F_SEEDED;
	/* it may move while we look: the first switch heals what was true no longer */
	w->fresh = 1;
	wt_seed_state(s, w, t, copied);
	wt_tell_asleep(s, w, t);
	w->ready = 1;
	/* an exec before now was nobody's to see */
	if (jobs && wt_image(t) != image) {
		wt_task_job(t, &found);
		if (found.job)
			w->job = found.job;
	}
}

/*
 * Only marks are left, for whoever charges the wait: the thread may be woken at
 * this moment, and its account has one writer.
 */
static __always_inline void wt_mark_frozen(struct task_struct *t)
{
	struct wt_task *w = wt_task_of(t);
	__u64 now, since;

	if (!w || w->done || w->state < WT_DISK || w->state == WT_STOPPED || w->wake_ns)
		return;
	now = bpf_ktime_get_ns();
	since = w->frozen_since;
	if (t->__state & TASK_FROZEN) {
		if (!since)
			w->frozen_since = now;
	} else if (since) {
		w->frozen_ns += wt_within(since, now);
		w->frozen_since = 0;
	}
}

/* At the end nobody else is left to charge what the freezer took of an open wait. */
static __always_inline void wt_settle_frozen(struct wt_task *w)
{
	__u64 end = run_end_ns, frozen;

	if (w->state < WT_DISK || !(w->frozen_since | w->frozen_ns))
		return;
	if (w->wake_ns && w->wake_ns < end)
		end = w->wake_ns;
	if (end <= w->since)
		return;
	frozen = wt_frozen_part(w, end);
	wt_charge(w, end - frozen, w->state, w->reason);
	wt_charge(w, end, WT_STOPPED, WT_K_FROZEN);
	w->frozen_since = 0;
	w->frozen_ns = 0;
}

/* The part of an account after an exec that no switch-out has split yet. */
static __always_inline void wt_write_exec(struct wt_scratch *s, struct wt_task *w,
					  struct task_struct *t, struct seq_file *seq, __u64 end)
{
	__u64 at = w->exec_ns > w->since ? w->exec_ns : w->since;

	if (at > end)
		at = end;
	wt_fill_record(s, w, at);
	s->rec.st_ns[WT_CPU] += wt_within(w->since, at);
	s->rec.why = WT_REC_EXEC;
	if (s->rec.end_ns > s->rec.birth_ns)
		bpf_seq_write(seq, &s->rec, sizeof(s->rec));
	wt_fill_record(s, w, end);
	__builtin_memset(s->rec.st_ns, 0, sizeof(s->rec.st_ns));
	s->rec.st_ns[WT_CPU] = wt_within(at, end);
	if (s->rec.birth_ns < at)
		s->rec.birth_ns = at;
	s->rec.preempt_ns = 0;
	s->rec.steal_ns = 0;
	s->rec.irq_ns = 0;
	s->rec.softirq_ns = 0;
	s->rec.switches = 0;
	s->rec.migrations = 0;
	s->rec.epoch_steal_ns = 0;
	s->rec.epoch_irq_ns = 0;
	s->rec.epoch_softirq_ns = 0;
	s->rec.epoch_migrations = 0;
	s->rec.audit_cpu_ours_ns = 0;
	s->rec.audit_cpu_kernel_ns = 0;
	s->rec.audit_runq_ours_ns = 0;
	s->rec.audit_runq_kernel_ns = 0;
	s->rec.audit_ledger_cpu_ns = 0;
	s->rec.audit_ledger_runq_ns = 0;
	s->rec.serial = w->exec_serial;
	s->rec.image = w->exec_image;
	s->rec.job = w->exec_job;
	s->rec.tid = t->pid;
	bpf_core_read(s->rec.comm, WT_COMM_LEN, &t->comm);
	BPF_CORE_READ_INTO(&s->rec.pcomm, t, group_leader, comm);
}

/* What lasts at the end is no span, but it is told of. */
static __always_inline void wt_open_spans(struct wt_scratch *s, struct wt_task *w,
					  struct task_struct *t)
{
	struct wt_span_stack *k = bpf_task_storage_get(&span_stacks, t, 0, 0);

	if (k)
		wt_spans_open(s, w, k);
}

struct wt_writing {
	struct wt_scratch *s;
	struct wt_task *w;
	struct task_struct *t;
	struct seq_file *seq;
	__u32 written;
};

/* It may run while we copy: a copy that does not add up was torn, and is made again. */
static long wt_write_step(__u32 i, struct wt_writing *x)
{
	bool last = run_iter == WT_ITER_END;
	struct wt_scratch *s = x->s;
	struct wt_task *w = x->w;
	__u64 end = bpf_ktime_get_ns();

	if (!s || !w)
		return 1;
	if (end > run_end_ns)
		end = run_end_ns;
	if (w->exec_ns && w->exec_serial && w->state == WT_CPU && w->exec_ns < end)
		wt_write_exec(s, w, x->t, x->seq, end);
	else
		wt_open_record(s, w, end);
	if (s->rec.end_ns <= s->rec.birth_ns)
		return 1;
	if (!wt_balances(s))
		return 0;
	s->rec.why = last ? WT_REC_END : WT_REC_SNAPSHOT;
	bpf_seq_write(x->seq, &s->rec, sizeof(s->rec));
	x->written = 1;
	return 1;
}

static __always_inline void wt_write(struct wt_scratch *s, struct task_struct *t,
				     struct seq_file *seq)
{
	struct wt_task *w = wt_task_of(t);
	struct wt_writing x = { .s = s, .w = w, .t = t, .seq = seq };
	bool last = run_iter == WT_ITER_END;
	__u64 end;

	if (!w || w->done)
		return;
	if (last && w->state == WT_CHILD)
		w->reason = wt_child_reason(s, w);
	if (last && w->state >= WT_DISK && !w->kstack && (cfg_opts & WT_OPT_KSTACK) && !w->wake_ns)
		w->kstack = wt_kernel_stack(s, w, t);
	if (last && w->state == WT_NET && w->sock) {
		end = w->wake_ns && w->wake_ns < run_end_ns ? w->wake_ns : run_end_ns;
		wt_conn_waited(w, wt_within(w->since, end));
	}
	if (last)
		wt_settle_frozen(w);
	bpf_loop(8, wt_write_step, &x, 0);
	if ((cfg_opts & WT_OPT_SPANS) && x.written && last && w->spans)
		wt_open_spans(s, w, t);
}

/* Whose it is, of each process: what a record says of time means nothing yet. */
static __always_inline void wt_list(struct wt_scratch *s, struct task_struct *t, struct seq_file *seq)
{
	struct wt_task *w = wt_task_of(t);

	if (!w || w->done || !(w->flags & WT_F_LEADER))
		return;
	wt_fill_record(s, w, 0);
	bpf_seq_write(seq, &s->rec, sizeof(s->rec));
}

/* A process that the seed will take up, told of while nobody has an account yet. */
static __always_inline void wt_list_wanted(struct wt_scratch *s, struct task_struct *t,
					   struct seq_file *seq)
{
	struct wt_job_found found = {};

	if (!t->pid || t->pid != t->tgid || t->exit_state || (t->flags & PF_KTHREAD))
		return;
	if (cfg_target == WT_TARGET_JOB && (cfg_opts & WT_OPT_JOBS)) {
		wt_task_job(t, &found);
		if (found.wanted)
			wt_note_target(t);
	}
	if (!found.wanted && !wt_wanted(t))
		return;
	__builtin_memset(&s->rec, 0, sizeof(s->rec));
	s->rec.why = WT_REC_SNAPSHOT;
	s->rec.image = wt_image(t);
	s->rec.tid = t->pid;
	s->rec.tgid = t->tgid;
	s->rec.flags = WT_F_LEADER;
	bpf_seq_write(seq, &s->rec, sizeof(s->rec));
}

/* Sleepable, to read the memory of tasks that are not current. */
SEC("iter.s/task")
int wt_iter_task(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;
	struct wt_scratch *s;

	if (!t)
		return 0;
	s = wt_scratch(WT_SCRATCH_ITER);
	if (!s)
		return 0;
	if (run_iter == WT_ITER_SEED)
		wt_seed(s, t);
	else if (run_iter == WT_ITER_FREEZER)
		wt_mark_frozen(t);
	else if (run_iter == WT_ITER_LIST)
		wt_list(s, t, ctx->meta->seq);
	else if (run_iter == WT_ITER_WANTED)
		wt_list_wanted(s, t, ctx->meta->seq);
	else
		wt_write(s, t, ctx->meta->seq);
	return 0;
}
