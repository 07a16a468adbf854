/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "system/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/clock.h"

/* The largest of these files is /proc/interrupts of a machine with many CPUs. */
#define MAX_TEXT (4 << 20)
#define FIRST_TEXT 16384

/* The whole file as a string of the caller's; never NULL but for want of memory. */
static char *read_text(const char *proc, const char *name)
{
	char path[512];
	size_t len = 0, max = FIRST_TEXT;
	char *text = malloc(max);
	ssize_t n = 0;
	int fd;

	if (!text)
		return NULL;
	snprintf(path, sizeof(path), "%s/%s", proc, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd >= 0 && (n = read(fd, text + len, max - len - 1)) > 0) {
		len += n;
		if (max - len > 1 || max >= MAX_TEXT)
			continue;
		char *more = realloc(text, max * 2);

		if (!more)
			break;
		text = more;
		max *= 2;
	}
	if (fd >= 0)
		close(fd);
	text[len] = 0;
	return text;
}

typedef void (*parser)(const char *text, void *arg);

static void parse(const char *proc, const char *name, parser fn, void *arg)
{
	char *text = read_text(proc, name);

	if (text)
		fn(text, arg);
	free(text);
}

#define ADAPT(name, type) \
	static void on_##name(const char *text, void *arg) \
	{ \
		sys_parse_##name(text, (type *)arg); \
	}
ADAPT(stat, struct sys_stat)
ADAPT(vmstat, struct sys_vm)
ADAPT(meminfo, struct sys_mem)
ADAPT(loadavg, struct sys_load)
ADAPT(psi, struct sys_psi)
ADAPT(snmp, struct sys_snmp)

static void on_disks(const char *text, void *arg)
{
	struct sys_snap *s = arg;

	s->n_disks = sys_parse_diskstats(text, s->disks, SYS_DISKS);
}

static void on_nets(const char *text, void *arg)
{
	struct sys_snap *s = arg;

	s->n_nets = sys_parse_netdev(text, s->nets, SYS_NETS);
}

static void on_softirqs(const char *text, void *arg)
{
	struct sys_snap *s = arg;

	s->n_softirqs = sys_parse_irqs(text, s->softirqs, SYS_SOFTIRQS);
}

static void on_irqs(const char *text, void *arg)
{
	struct sys_snap *s = arg;

	s->n_irqs = sys_parse_irqs(text, s->irqs, SYS_IRQS);
}

static void on_uptime(const char *text, void *arg)
{
	*(double *)arg = strtod(text, NULL);
}

/* What changes fast, and is cheap to read. */
static void read_light(struct sys_snap *s, const char *proc)
{
	s->at_ns = now_ns();
	parse(proc, "diskstats", on_disks, s);
	parse(proc, "stat", on_stat, &s->stat);
	parse(proc, "meminfo", on_meminfo, &s->mem);
	parse(proc, "loadavg", on_loadavg, &s->load);
}

void sys_snap__read(struct sys_snap *s, const char *proc)
{
	static const char *const pressure[SYS_PSIS] = {
		"pressure/cpu", "pressure/memory", "pressure/io",
	};

	memset(s, 0, sizeof(*s));
	read_light(s, proc);
	for (unsigned i = 0; i < SYS_PSIS; i++)
		parse(proc, pressure[i], on_psi, &s->psi[i]);
	parse(proc, "vmstat", on_vmstat, &s->vm);
	parse(proc, "uptime", on_uptime, &s->uptime_s);
	/* as PID 1 sees them: worktrace may run in a network namespace of its own */
	parse(proc, "1/net/dev", on_nets, s);
	parse(proc, "1/net/snmp", on_snmp, &s->snmp);
	parse(proc, "softirqs", on_softirqs, s);
	parse(proc, "interrupts", on_irqs, s);
}

const struct sys_disk *sys_snap__disk(const struct sys_snap *s, const char *name)
{
	for (unsigned i = 0; i < s->n_disks; i++)
		if (!strcmp(s->disks[i].name, name))
			return &s->disks[i];
	return NULL;
}

int system__new(struct system **out)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	(*out)->hz = sysconf(_SC_CLK_TCK);
	(*out)->page = sysconf(_SC_PAGESIZE);
	sys_host__read(&(*out)->host);
	return 0;
}

void system__start(struct system *s)
{
	sys_procs__read(&s->procs_first, "/proc");
	sys_snap__read(&s->first, "/proc");
	s->tick = s->first;
	s->last = s->first;
}

static __u64 less(__u64 a, __u64 b)
{
	return a > b ? a - b : 0;
}

static __u64 busy_ticks(const struct sys_cpu *c)
{
	/* guest time is in user and nice already */
	return c->user + c->nice + c->system + c->irq + c->softirq;
}

static __u64 all_ticks(const struct sys_cpu *c)
{
	return busy_ticks(c) + c->idle + c->iowait + c->steal;
}

static void gauge_cpu(struct system *s, const struct sys_cpu *was, const struct sys_cpu *is)
{
	struct sys_cell c = {
		.ticks = less(all_ticks(is), all_ticks(was)),
		.busy = less(busy_ticks(is), busy_ticks(was)),
		.steal = less(is->steal, was->steal),
	};

	if (!c.ticks)
		return;
	sys_gauge__add(&s->busy, (double)c.busy / (double)c.ticks);
	sys_gauge__add(&s->iowait, (double)less(is->iowait, was->iowait) / (double)c.ticks);
	sys_gauge__add(&s->steal, (double)c.steal / (double)c.ticks);
	sys_track__add(&s->track, &c);
}

static void gauge_disks(struct system *s, const struct sys_snap *was, const struct sys_snap *is)
{
	double most = 0, passed = (double)less(is->at_ns, was->at_ns) / 1e6;

	for (unsigned i = 0; i < is->n_disks && passed > 0; i++) {
		const struct sys_disk *d = sys_snap__disk(was, is->disks[i].name);
		double busy = d ? (double)less(is->disks[i].busy_ms, d->busy_ms) / passed : 0;

		if (busy > most)
			most = busy;
	}
	sys_gauge__add(&s->disk_busy, most > 1 ? 1 : most);
}

void system__tick(struct system *s)
{
	struct sys_snap *now = &s->last;

	read_light(now, "/proc");
	gauge_cpu(s, &s->tick.stat.cpu, &now->stat.cpu);
	gauge_disks(s, &s->tick, now);
	sys_gauge__add(&s->running, (double)now->stat.running);
	sys_gauge__add(&s->blocked, (double)now->stat.blocked);
	sys_gauge__add(&s->load1, now->load.load[0]);
	sys_gauge__add(&s->available, (double)now->mem.available);
	sys_gauge__add(&s->dirty, (double)now->mem.dirty);
	s->tick = *now;
}

void system__end(struct system *s)
{
	sys_snap__read(&s->last, "/proc");
	sys_procs__read(&s->procs_last, "/proc");
}

void system__free(struct system *s)
{
	if (!s)
		return;
	sys_procs__free(&s->procs_first);
	sys_procs__free(&s->procs_last);
	free(s);
}
