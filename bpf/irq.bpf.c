// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * irq.bpf.c - --irqs: interrupts that are served while a traced thread has the CPU.
 *
 * Their time is part of the thread's CPU time, as that of the hypervisor is; it is
 * only told.  Hard: handlers of devices, the local timer, what other CPUs ask for.  Soft:
 * what is put off until then, also where the thread itself sets it going (a packet that it
 * sends over loopback).  A hard one within a soft one counts once, as hard.
 */
#include "charge.bpf.h"

struct wt_irq_cpu {
	__u64 hard_since, soft_since;	/* 0: none is being served */
	__u64 hard_in_soft;		/* of hard ones since the soft one began */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_irq_cpu);
} irq_cpus SEC(".maps");

static __always_inline struct wt_irq_cpu *wt_irq_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&irq_cpus, &zero);
}

/* Interrupts do not change the thread, and the thread is on no other CPU: nobody else adds. */
static __always_inline struct wt_task *wt_interrupted(void)
{
	return wt_task_of(bpf_get_current_task_btf());
}

static __always_inline int wt_hard_entry(void)
{
	struct wt_irq_cpu *c = wt_irq_cpu();

	if (c)
		c->hard_since = bpf_ktime_get_ns();
	return 0;
}

static __always_inline int wt_hard_exit(void)
{
	struct wt_irq_cpu *c = wt_irq_cpu();
	struct wt_task *w;
	__u64 now, since;

	if (!c || !c->hard_since)
		return 0;
	now = bpf_ktime_get_ns();
	since = c->hard_since;
	c->hard_since = 0;
	if (now < since)
		return 0;
	c->hard_in_soft += now - since;
	w = wt_interrupted();
	if (w)
		w->irq_ns += wt_within(since, now);
	return 0;
}

#define WT_HARD(name)						\
	SEC("?tp_btf/" #name "_entry")				\
	int wt_##name##_entry(void *ctx)			\
	{							\
		return wt_hard_entry();				\
	}							\
	SEC("?tp_btf/" #name "_exit")				\
	int wt_##name##_exit(void *ctx)				\
	{							\
		return wt_hard_exit();				\
	}

WT_HARD(irq_handler)
WT_HARD(local_timer)
WT_HARD(reschedule)
WT_HARD(call_function)
WT_HARD(call_function_single)
WT_HARD(irq_work)

SEC("?tp_btf/softirq_entry")
int wt_softirq_entry(void *ctx)
{
	struct wt_irq_cpu *c = wt_irq_cpu();

	if (c) {
		c->hard_in_soft = 0;
		c->soft_since = bpf_ktime_get_ns();
	}
	return 0;
}

SEC("?tp_btf/softirq_exit")
int wt_softirq_exit(void *ctx)
{
	struct wt_irq_cpu *c = wt_irq_cpu();
	__u64 now, since, hard;
	struct wt_task *w;

	if (!c || !c->soft_since)
		return 0;
	now = bpf_ktime_get_ns();
	since = c->soft_since;
	hard = c->hard_in_soft;
	c->soft_since = 0;
	w = wt_interrupted();
	if (!w || now < since)
		return 0;
	now = wt_within(since, now);
	w->softirq_ns += now > hard ? now - hard : 0;
	return 0;
}
