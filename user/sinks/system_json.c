/* SPDX-License-Identifier: GPL-2.0-or-later */
/* system_json.c - summary.json's system{}: the host over the recording, its main figures. */
#include "sinks/system_json.h"
#include "system/system.h"

#include <errno.h>

static __u64 less(__u64 is, __u64 was)
{
	return is > was ? is - was : 0;
}

static json_t *gauge_json(const struct sys_gauge *g)
{
	if (!g->n)
		return json_null();
	return json_pack("{s:f, s:f, s:f}", "min", g->min, "mean", sys_gauge__mean(g), "max", g->max);
}

static json_t *psi_json(const struct sys_snap *a, const struct sys_snap *b)
{
	static const char *const names[SYS_PSIS] = { "cpu", "memory", "io" };
	json_t *o = json_object();

	for (unsigned i = 0; i < SYS_PSIS; i++) {
		const struct sys_psi *x = &a->psi[i], *y = &b->psi[i];

		json_object_set_new(o, names[i], !x->there || !y->there ? json_null() :
			json_pack("{s:I, s:I}", "some_ns", (json_int_t)less(y->some_us, x->some_us) * 1000,
				  "full_ns", (json_int_t)less(y->full_us, x->full_us) * 1000));
	}
	return o;
}

static json_t *cpu_json(const struct system *s)
{
	const struct sys_cpu *a = &s->first.stat.cpu, *b = &s->last.stat.cpu;
	json_int_t tick = s->hz ? 1000000000 / s->hz : 0;

	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "user_ns", tick * (json_int_t)less(b->user, a->user),
			 "nice_ns", tick * (json_int_t)less(b->nice, a->nice),
			 "system_ns", tick * (json_int_t)less(b->system, a->system),
			 "idle_ns", tick * (json_int_t)less(b->idle, a->idle),
			 "iowait_ns", tick * (json_int_t)less(b->iowait, a->iowait),
			 "irq_ns", tick * (json_int_t)less(b->irq, a->irq),
			 "softirq_ns", tick * (json_int_t)less(b->softirq, a->softirq),
			 "steal_ns", tick * (json_int_t)less(b->steal, a->steal));
}

int system_json(const struct recording *r, json_t *o)
{
	const struct system *s = r->system;
	const struct sys_snap *a, *b;
	struct sys_burst burst;
	json_t *j;

	if (!s)
		return json_object_set_new(o, "system", json_null()) ? -ENOMEM : 0;
	a = &s->first;
	b = &s->last;
	sys_track__burst(&s->track, &burst);
	j = json_pack("{s:i, s:I, s:I, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:b}",
		      "cpus", (int)s->host.cpus,
		      "memory_bytes", (json_int_t)b->mem.total,
		      "memory_available_bytes", (json_int_t)b->mem.available,
		      "load1", b->load.load[0],
		      "context_switches", (json_int_t)less(b->stat.ctxt, a->stat.ctxt),
		      "interrupts", (json_int_t)less(b->stat.intr, a->stat.intr),
		      "forks", (json_int_t)less(b->stat.forks, a->stat.forks),
		      "major_faults", (json_int_t)less(b->vm.pgmajfault, a->vm.pgmajfault),
		      "swapped_in_pages", (json_int_t)less(b->vm.pswpin, a->vm.pswpin),
		      "swapped_out_pages", (json_int_t)less(b->vm.pswpout, a->vm.pswpout),
		      "tcp_retransmits", (json_int_t)less(b->snmp.tcp_retrans, a->snmp.tcp_retrans),
		      "credit_spent", burst.seen);
	if (!j)
		return -ENOMEM;
	json_object_set_new(j, "cpu", cpu_json(s));
	json_object_set_new(j, "pressure", psi_json(a, b));
	json_object_set_new(j, "busy", gauge_json(&s->busy));
	json_object_set_new(j, "steal", gauge_json(&s->steal));
	json_object_set_new(j, "iowait", gauge_json(&s->iowait));
	if (s->available.n)
		json_object_set_new(j, "available_min_bytes", json_integer((json_int_t)s->available.min));
	return json_object_set_new(o, "system", j) ? -ENOMEM : 0;
}
