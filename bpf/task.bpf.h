/* SPDX-License-Identifier: GPL-2.0-or-later */
/* task.bpf.h - what the kernel's own structures say of a task; inline readers. */
#ifndef WT_TASK_BPF_H
#define WT_TASK_BPF_H

#include "maps.bpf.h"

/* include/linux/sched.h, the same from 6.1 to 7.2 */
#define TASK_INTERRUPTIBLE 0x1
#define TASK_UNINTERRUPTIBLE 0x2
#define TASK_STOPPED_BIT 0x4
#define TASK_TRACED_BIT 0x8
#define TASK_DEAD 0x80
#define TASK_NOLOAD 0x400
#define TASK_FROZEN 0x8000
#define PF_EXITING 0x4
#define PF_IO_WORKER 0x10
#define PF_MEMALLOC 0x800
#define PF_KTHREAD 0x200000
#define EXIT_ZOMBIE 0x20

/* include/uapi/linux/stat.h */
#define S_IFMT 0170000
#define S_IFSOCK 0140000
#define S_IFREG 0100000
#define S_IFBLK 0060000
#define S_IFDIR 0040000
#define S_IFCHR 0020000
#define S_IFIFO 0010000

/* What wt_classify is told of a task besides its state. */
#define WT_B_USER 1			/* it is the current task: its memory can be read */
#define WT_B_IOWAIT 2
#define WT_B_FROZEN 4
#define WT_B_MEMSTALL 8
#define WT_B_KTHREAD 16
#define WT_B_IOWORKER 32
#define WT_B_EXITING 64
#define WT_B_OOM 128
#define WT_B_COPIED 256			/* what it polls, or its futex, was copied into the scratch slot */

static __always_inline struct wt_stats *wt_stats(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&stats, &zero);
}

static __always_inline void wt_lost(enum wt_loss which)
{
	struct wt_stats *s = wt_stats();

	if (s)
		__sync_fetch_and_add(&s->loss[which], 1);
}

static __always_inline void wt_counted(enum wt_count which)
{
	struct wt_stats *s = wt_stats();

	if (s)
		s->count[which]++;
}

/* Programs run before the account begins, and after its end. */
static __always_inline bool wt_recording(__u64 now)
{
	return now >= run_start_ns && now < run_end_ns;
}

/* One in n times, when a test asked for it; no code at all otherwise. */
static __always_inline bool wt_fault(__u32 which, __u32 n)
{
	return (cfg_fault & which) && bpf_get_prandom_u32() % n == 0;
}

/* The storage of a traced thread, NULL for any other. */
static __always_inline struct wt_task *wt_task_of(struct task_struct *t)
{
	struct wt_task *w = bpf_task_storage_get(&tasks, t, 0, 0);

	return w && w->ready ? w : NULL;
}

/* An int, or a byte: as the kernel at hand has it. */
#define WT_FLAG_OF_ANY_SIZE(field) ({ \
	__u32 v_ = 0; \
	if (bpf_core_field_size(field) == 1) \
		bpf_core_read(&v_, 1, &(field)); \
	else \
		bpf_core_read(&v_, 4, &(field)); \
	v_; })

static __always_inline bool wt_on_cpu(struct task_struct *t)
{
	return WT_FLAG_OF_ANY_SIZE(t->on_cpu);
}

/*
 * Asleep, but kept on the run queue for a while (delayed dequeue, from 6.12):
 * on_rq alone does not say that a task is runnable.
 */
static __always_inline bool wt_delayed(struct task_struct *t)
{
	return bpf_core_field_exists(t->se.sched_delayed) && t->se.sched_delayed;
}

static __always_inline bool wt_runnable(struct task_struct *t)
{
	return WT_FLAG_OF_ANY_SIZE(t->on_rq) && !wt_delayed(t);
}

/*
 * The task's queue, for probes.  Following the pointer as the verifier's own would be
 * quicker to run, but each such step costs the verifier a search through all the
 * kernel's types, and there are many on the way through the programs.
 */
static __always_inline struct cfs_rq *wt_queue(struct task_struct *t)
{
	struct cfs_rq *q = NULL;

	bpf_core_read(&q, sizeof(q), &t->se.cfs_rq);
	return q;
}

/* A hierarchy above the task's queue has spent its CPU quota. */
static __always_inline bool wt_throttled(struct task_struct *t)
{
	struct cfs_rq *q = wt_queue(t);

	return bpf_core_field_exists(q->throttle_count) && q && BPF_CORE_READ(q, throttle_count) > 0;
}

/*
 * How long the queue has been throttled so far (from 6.6 on).  It grows when the
 * quota comes back, so the growth over a wait is the part of it that was
 * throttling; what is left was run-queue wait.
 */
static __always_inline __u64 wt_throttle_clock(struct cfs_rq *q)
{
	if (bpf_core_field_exists(q->throttled_clock_self_time) && q)
		return BPF_CORE_READ(q, throttled_clock_self_time);
	return 0;
}

/*
 * Is `q` a queue, of whatever CPU, of the group that the task is in?  The balancer moves
 * tasks that wait, but neither from a throttled queue nor to one: what the quota took of
 * a wait that ends elsewhere, the queue knows where it began.
 */
static __always_inline bool wt_queue_of_group(struct cfs_rq *q, struct task_struct *t)
{
	struct task_group *g = NULL;

	if (q == wt_queue(t))
		return true;
	if (!bpf_core_field_exists(q->tg) || !bpf_core_field_exists(t->sched_task_group) || !q)
		return false;
	bpf_core_read(&g, sizeof(g), &t->sched_task_group);
	return BPF_CORE_READ(q, tg) == g;
}

static __always_inline bool wt_has_throttle_clock(void)
{
	struct cfs_rq *q = NULL;

	return bpf_core_field_exists(q->throttled_clock_self_time);
}

static __always_inline __u64 wt_steal(struct rq *rq)
{
	return bpf_core_field_exists(rq->prev_steal_time) ? rq->prev_steal_time : 0;
}

/* 64-bit mixing (the finaliser of MurmurHash3, public domain). */
static __always_inline __u64 wt_mix(__u64 h)
{
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdULL;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ULL;
	h ^= h >> 33;
	return h;
}

static __always_inline __u64 wt_hash_add(__u64 h, __u64 v)
{
	h ^= v;
	h *= 0x9ddfea08eb382d69ULL;
	return h ^ (h >> 29);
}

/* Names an address space: all threads of a process agree, an exec makes another. */
static __always_inline __u64 wt_image_as(struct task_struct *t, __u64 exec_id)
{
	struct task_struct *leader = BPF_CORE_READ(t, group_leader);
	__u64 h = wt_hash_add(BPF_CORE_READ(t, tgid), BPF_CORE_READ(leader, start_time));

	return wt_mix(wt_hash_add(h, exec_id)) | 1;
}

static __always_inline __u64 wt_image(struct task_struct *t)
{
	return wt_image_as(t, BPF_CORE_READ(t, self_exec_id));
}

static __always_inline bool wt_comm_matches(const char *comm)
{
	for (int i = 0; i < WT_COMM_LEN; i++) {
		if (comm[i] != cfg_comm[i])
			return false;
		if (!comm[i])
			break;
	}
	return true;
}

/* In the cgroup of the target, or below it. */
static __always_inline bool wt_in_cgroup(struct task_struct *t)
{
	struct css_set *set = t->cgroups;
	struct cgroup *cg, *at;
	__u32 level = cfg_cgroup_level;

	if (cfg_cgroup_subsys < 0) {
		cg = BPF_CORE_READ(set, dfl_cgrp);
	} else {
		struct cgroup_subsys_state *css = NULL;

		bpf_core_read(&css, sizeof(css), &set->subsys[cfg_cgroup_subsys & 15]);
		cg = BPF_CORE_READ(css, cgroup);
	}
	if (!cg || (__u32)BPF_CORE_READ(cg, level) < level)
		return false;
	if (bpf_core_read(&at, sizeof(at), &cg->ancestors[level & 63]))
		return false;
	return BPF_CORE_READ(at, kn, id) == cfg_cgroup_id;
}

/* The open file behind a descriptor; NULL: there is none. */
static __always_inline struct file *wt_file(struct task_struct *t, __u32 fd)
{
	struct file **files, *f = NULL;
	struct fdtable *fdt = BPF_CORE_READ(t, files, fdt);

	if (!fdt || fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	files = BPF_CORE_READ(fdt, fd);
	wt_read_kernel(&f, sizeof(f), files + fd);
	return f;
}

/* Where the task left user mode. */
static __always_inline __u64 wt_regs_ip(struct pt_regs *r)
{
#if defined(__TARGET_ARCH_x86)
	return r->ip;
#elif defined(__TARGET_ARCH_arm64)
	return r->pc;
#endif
}

static __always_inline __u64 wt_user_ip(struct task_struct *t)
{
	return wt_regs_ip((void *)bpf_task_pt_regs(t));
}

/* r: of a task that has entered the kernel.  c->nr: -1 when not by a system call. */
static __always_inline void wt_call_of(struct pt_regs *r, struct wt_call *c)
{
#if defined(__TARGET_ARCH_x86)
	c->nr = (__s32)r->orig_ax;
	c->compat = (r->cs & 0xffff) == 0x23;	/* __USER32_CS */
	if (c->compat) {
		c->arg[0] = (__u32)r->bx;
		c->arg[1] = (__u32)r->cx;
		c->arg[2] = (__u32)r->dx;
		c->arg[3] = (__u32)r->si;
	} else {
		c->arg[0] = r->di;
		c->arg[1] = r->si;
		c->arg[2] = r->dx;
		c->arg[3] = r->r10;
	}
#elif defined(__TARGET_ARCH_arm64)
	c->nr = r->syscallno;
	c->compat = (r->pstate & 0x10) != 0;	/* PSR_MODE32_BIT */
	c->arg[0] = r->orig_x0;
	c->arg[1] = r->regs[1];
	c->arg[2] = r->regs[2];
	c->arg[3] = r->regs[3];
#endif
	if (c->nr >= 0)
		c->nr &= 0x3fffffff;		/* without the x32 bit */
}

static __always_inline void wt_read_call(struct task_struct *t, struct wt_call *c)
{
	c->nr = -1;
	if (!(t->flags & PF_KTHREAD))
		wt_call_of((void *)bpf_task_pt_regs(t), c);
}

/* What a walk over its user stack starts from. */
static __always_inline void wt_uregs_of(struct pt_regs *r, struct wt_walk *w)
{
#if defined(__TARGET_ARCH_x86)
	w->ip = r->ip;
	w->sp = r->sp;
	w->fp = r->bp;
	w->bx0 = r->bx;
#elif defined(__TARGET_ARCH_arm64)
	w->ip = r->pc;
	w->sp = r->sp;
	w->fp = r->regs[29];
#endif
}

/* Of a thread that blocks: all but its registers, its image, the stack's id and `copied`. */
static __always_inline void wt_asleep_head(struct wt_ev_asleep *e, struct task_struct *t, __u64 now)
{
	e->h.type = WT_EV_ASLEEP;
	e->h.zero = 0;
	e->h.ts_ns = now;
	e->thread_pointer = 0;
#if defined(__TARGET_ARCH_x86)
	e->thread_pointer = BPF_CORE_READ(t, thread.fsbase);
#endif
	e->runs = BPF_CORE_READ(t, sched_info.pcount);
	e->tgid = BPF_CORE_READ(t, tgid);
	e->tid = BPF_CORE_READ(t, pid);
	e->zero = 0;
}

static __always_inline __u32 wt_bits(struct task_struct *t)
{
	__u32 b = 0;

	if (BPF_CORE_READ_BITFIELD(t, in_iowait))
		b |= WT_B_IOWAIT;
	if (bpf_core_field_exists(t->frozen) && BPF_CORE_READ_BITFIELD(t, frozen))
		b |= WT_B_FROZEN;
	if ((t->flags & PF_MEMALLOC) ||
	    (bpf_core_field_exists(t->in_memstall) && BPF_CORE_READ_BITFIELD(t, in_memstall)))
		b |= WT_B_MEMSTALL;
	/* asleep until its memory cgroup, whose OOM killer is off, has memory again */
	if (bpf_core_field_exists(t->memcg_in_oom) && BPF_CORE_READ(t, memcg_in_oom))
		b |= WT_B_OOM;
	if (t->flags & PF_KTHREAD)
		b |= WT_B_KTHREAD;
	if (t->flags & PF_IO_WORKER)
		b |= WT_B_IOWORKER;
	if (t->flags & PF_EXITING)
		b |= WT_B_EXITING;
	return b;
}

static __always_inline __u64 wt_saved_sp(struct task_struct *t)
{
#if defined(__TARGET_ARCH_x86)
	return t->thread.sp;
#elif defined(__TARGET_ARCH_arm64)
	return t->thread.cpu_context.sp;
#endif
}

#endif /* WT_TASK_BPF_H */
