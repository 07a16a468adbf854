/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * system_txt.c - system.txt: what uptime, top, vmstat, iostat -x, free and the like
 * would have shown over the recording, from the counters that they read.
 */
#include "ledger/text.h"
#include "sinks/csv.h"
#include "sinks/human.h"
#include "sinks/recording.h"
#include "system/system.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TOP 10
#define MIB (1024.0 * 1024.0)

struct page {
	const struct recording *r;
	const struct system *s;
	FILE *f;
	double seconds;
};

static double diff(__u64 was, __u64 is)
{
	return is > was ? (double)(is - was) : 0;
}

static double rate(const struct page *p, __u64 was, __u64 is)
{
	return p->seconds > 0 ? diff(was, is) / p->seconds : 0;
}

static double per(double part, double whole)
{
	return whole > 0 ? part / whole : 0;
}

static void heading(const struct page *p, const char *text)
{
	fprintf(p->f, "\n%s\n", text);
}

static void fact(const struct page *p, const char *name, const char *text)
{
	char clean[256];

	if (text[0])
		fprintf(p->f, "  %-16s%s\n", name, text__clean(clean, sizeof(clean), text, strlen(text), false));
}

/* --- the host -------------------------------------------------------------- */

static void write_disks(const struct page *p)
{
	const struct sys_host *h = &p->s->host;

	for (unsigned i = 0; i < h->n_disks; i++) {
		const struct sys_host_disk *d = &h->disks[i];
		char text[256];

		snprintf(text, sizeof(text), "%s, %.1f GiB%s%s, scheduler %s, %s", d->name,
			 (double)d->bytes / (MIB * 1024), d->model[0] ? ", " : "", d->model,
			 d->scheduler[0] ? d->scheduler : "none (no queue)",
			 d->rotational ? "rotational" : "not rotational");
		fact(p, i ? "" : "disks", text);
	}
}

static void write_host(const struct page *p)
{
	const struct sys_host *h = &p->s->host;
	char text[256];

	heading(p, "HOST");
	fact(p, "kernel", p->r->kernel ? p->r->kernel : "");
	snprintf(text, sizeof(text), "%u × %s%s", h->cpus, h->cpu[0] ? h->cpu : "unknown model", "");
	if (h->mhz > 0)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ", %.0f MHz now", h->mhz);
	fact(p, "processors", text);
	snprintf(text, sizeof(text), "%.0f MiB, swap %.0f MiB", (double)p->s->last.mem.total / MIB,
		 (double)p->s->last.mem.swap_total / MIB);
	fact(p, "memory", text);
	snprintf(text, sizeof(text), "%s%s%s%s%s", h->hypervisor[0] ? "a virtual machine" : "no hypervisor is told",
		 h->vendor[0] ? ", " : "", h->vendor, h->product[0] ? " " : "", h->product);
	fact(p, "machine", text);
	fact(p, "container", h->container);
	fact(p, "control groups", h->cgroups);
	fact(p, "mitigations", h->mitigations);
	fact(p, "clock source", h->clocksource);
	fact(p, "huge pages", h->thp);
	fact(p, "governor", h->governor);
	write_disks(p);
}

/* --- uptime, top ------------------------------------------------------------ */

static void write_load(const struct page *p)
{
	const struct sys_snap *a = &p->s->first, *b = &p->s->last;

	heading(p, "LOAD (uptime)");
	fprintf(p->f, "  up %.0f days %02.0f:%02.0f, load averages over 1, 5 and 15 minutes:\n",
		(double)((__u64)b->uptime_s / 86400), (double)((__u64)b->uptime_s / 3600 % 24),
		(double)((__u64)b->uptime_s / 60 % 60));
	fprintf(p->f, "  at the start %.2f %.2f %.2f, at the end %.2f %.2f %.2f; %llu threads, %llu of them runnable at the end\n",
		a->load.load[0], a->load.load[1], a->load.load[2], b->load.load[0], b->load.load[1],
		b->load.load[2], b->load.threads, b->load.running);
}

static double cpu_ticks(const struct sys_cpu *a, const struct sys_cpu *b)
{
	return diff(a->user, b->user) + diff(a->nice, b->nice) + diff(a->system, b->system) +
	       diff(a->idle, b->idle) + diff(a->iowait, b->iowait) + diff(a->irq, b->irq) +
	       diff(a->softirq, b->softirq) + diff(a->steal, b->steal);
}

static void gauge(const struct page *p, const char *name, const struct sys_gauge *g, double scale,
		  const char *unit)
{
	if (g->n)
		fprintf(p->f, "  %-26s%10.1f%10.1f%10.1f  %s\n", name, g->min * scale,
			sys_gauge__mean(g) * scale, g->max * scale, unit);
}

static void write_cpu(const struct page *p)
{
	const struct sys_cpu *a = &p->s->first.stat.cpu, *b = &p->s->last.stat.cpu;
	double all = cpu_ticks(a, b) / 100;

	heading(p, "PROCESSORS, % of all CPU time (top)");
	fputs("      user      nice    system      idle    iowait       irq   softirq     steal     guest\n", p->f);
	fprintf(p->f, "  %8.1f  %8.1f  %8.1f  %8.1f  %8.1f  %8.1f  %8.1f  %8.1f  %8.1f\n",
		per(diff(a->user, b->user), all), per(diff(a->nice, b->nice), all),
		per(diff(a->system, b->system), all), per(diff(a->idle, b->idle), all),
		per(diff(a->iowait, b->iowait), all), per(diff(a->irq, b->irq), all),
		per(diff(a->softirq, b->softirq), all), per(diff(a->steal, b->steal), all),
		per(diff(a->guest, b->guest), all));
	fprintf(p->f, "\n  %llu looks during the recording%14s%10s%10s\n", p->s->busy.n, "least", "mean", "most");
	gauge(p, "busy", &p->s->busy, 100, "% of all CPU time");
	gauge(p, "waiting for disks", &p->s->iowait, 100, "% (idle while a request is under way)");
	gauge(p, "stolen", &p->s->steal, 100, "% (taken by the hypervisor)");
	gauge(p, "runnable threads", &p->s->running, 1, "");
	gauge(p, "threads blocked on disks", &p->s->blocked, 1, "");
	gauge(p, "load over 1 minute", &p->s->load1, 1, "");
	gauge(p, "memory available", &p->s->available, 1 / MIB, "MiB");
	gauge(p, "dirty pages", &p->s->dirty, 1 / MIB, "MiB");
	gauge(p, "busiest disk", &p->s->disk_busy, 100, "% of the time");
}

/* The share of steal over the recording as a line of digits, and whether it looks like a credit spent. */
static void write_steal(const struct page *p)
{
	const struct sys_track *t = &p->s->track;
	struct sys_burst burst;

	heading(p, "STEAL OVER TIME");
	if (!t->n) {
		fputs("  the recording was too short\n", p->f);
		return;
	}
	fputs("  one digit for each stretch of the same length, in tenths of all CPU time (. is none):\n  ", p->f);
	for (unsigned i = 0; i < t->n; i++) {
		double share = per((double)t->cell[i].steal, (double)t->cell[i].ticks);

		if (i && i % 64 == 0)
			fputs("\n  ", p->f);
		if (share < 0.005)
			putc('.', p->f);
		else
			fprintf(p->f, "%d", share >= 0.95 ? 9 : (int)(share * 10 + 0.5));
	}
	putc('\n', p->f);
	sys_track__burst(t, &burst);
	if (burst.seen)
		fprintf(p->f, "  after %.0f %% of the recording, which were %.0f %% busy, steal went from %.1f %% to %.1f %%:\n"
			"  so does a burstable machine whose CPU credit is spent (or a neighbour began)\n",
			100.0 * burst.cell / t->n, 100 * burst.busy_before, 100 * burst.before, 100 * burst.after);
	else
		fputs("  it does not begin after a busy stretch: no sign of a CPU credit that was spent\n", p->f);
}

/* --- processes --------------------------------------------------------------- */

struct busy {
	__u32 pid;
	char comm[WT_COMM_LEN];
	__u64 cpu_ns, user_ns, sys_ns, threads;
};

struct busy_list {
	struct busy *v;
	unsigned n, max;
};

static int add_thread(void *arg, const struct ledger_thread *t)
{
	struct busy_list *l = arg;
	struct busy *b;

	if (l->n == l->max) {
		b = reallocarray(l->v, l->max ? 2 * l->max : 256, sizeof(*b));
		if (!b)
			return -ENOMEM;
		l->v = b;
		l->max = l->max ? 2 * l->max : 256;
	}
	b = &l->v[l->n++];
	*b = (struct busy){ .pid = t->tgid, .cpu_ns = t->st_ns[WT_CPU], .user_ns = t->user_ns,
			    .sys_ns = t->sys_ns, .threads = t->count };
	snprintf(b->comm, sizeof(b->comm), "%s", t->pcomm);
	return 0;
}

static int by_pid(const void *a, const void *b)
{
	const struct busy *x = a, *y = b;

	if (x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return strcmp(x->comm, y->comm);
}

static int by_cpu(const void *a, const void *b)
{
	const struct busy *x = a, *y = b;

	if (x->cpu_ns != y->cpu_ns)
		return x->cpu_ns > y->cpu_ns ? -1 : 1;
	return by_pid(a, b);
}

static void merge_threads(struct busy_list *l)
{
	unsigned n = 0;

	if (l->n)
		qsort(l->v, l->n, sizeof(*l->v), by_pid);
	for (unsigned i = 0; i < l->n; i++) {
		/* folded rows, of pid 0, are of one name each */
		if (n && !by_pid(&l->v[n - 1], &l->v[i])) {
			l->v[n - 1].cpu_ns += l->v[i].cpu_ns;
			l->v[n - 1].user_ns += l->v[i].user_ns;
			l->v[n - 1].sys_ns += l->v[i].sys_ns;
			l->v[n - 1].threads += l->v[i].threads;
		} else {
			l->v[n++] = l->v[i];
		}
	}
	l->n = n;
	if (n)
		qsort(l->v, n, sizeof(*l->v), by_cpu);
}

static int write_traced(const struct page *p)
{
	struct busy_list l = { 0 };
	int err = ledger__each_thread(p->r->ledger, add_thread, &l);
	char comm[64];

	heading(p, "BUSIEST PROCESSES of those that were recorded (exact)");
	fputs("       pid  threads     CPU s    % of one CPU     user s   system s  name\n", p->f);
	if (!err)
		merge_threads(&l);
	for (unsigned i = 0; !err && i < l.n && i < TOP && l.v[i].cpu_ns; i++)
		fprintf(p->f, "  %8u %8llu %9.2f %15.1f %10.2f %10.2f  %s\n", l.v[i].pid, l.v[i].threads,
			(double)l.v[i].cpu_ns / 1e9, per((double)l.v[i].cpu_ns / 1e7, p->seconds),
			(double)l.v[i].user_ns / 1e9, (double)l.v[i].sys_ns / 1e9,
			text__clean(comm, sizeof(comm), l.v[i].comm, strlen(l.v[i].comm), false));
	free(l.v);
	return err;
}

static void write_host_procs(const struct page *p)
{
	struct sys_proc v[TOP];
	unsigned n = sys_procs__busiest(&p->s->procs_first, &p->s->procs_last, v, TOP);
	char comm[64];

	heading(p, "BUSIEST PROCESSES of the host (ticks; without those that ended before the end)");
	fputs("       pid      CPU s    % of one CPU     user s   system s   RSS MiB  name\n", p->f);
	for (unsigned i = 0; i < n; i++) {
		double user = (double)v[i].user / p->s->hz, sys = (double)v[i].sys / p->s->hz;

		fprintf(p->f, "  %8d %10.2f %15.1f %10.2f %10.2f %9.1f  %s\n", v[i].pid, user + sys,
			per(100 * (user + sys), p->seconds), user, sys, (double)v[i].rss / MIB,
			text__clean(comm, sizeof(comm), v[i].comm, strnlen(v[i].comm, sizeof(v[i].comm)), false));
	}
}

/* --- vmstat, free ------------------------------------------------------------- */

static void line(const struct page *p, const char *name, double total, double a_second, const char *note)
{
	fprintf(p->f, "  %-26s%16.0f%14.1f  %s\n", name, total, a_second, note);
}

static void counter(const struct page *p, const char *name, __u64 was, __u64 is, const char *note)
{
	line(p, name, diff(was, is), rate(p, was, is), note);
}

static void write_vm(const struct page *p)
{
	const struct sys_snap *a = &p->s->first, *b = &p->s->last;
	const struct sys_vm *x = &a->vm, *y = &b->vm;

	heading(p, "KERNEL (vmstat)                        total      a second");
	counter(p, "context switches", a->stat.ctxt, b->stat.ctxt, "");
	counter(p, "interrupts", a->stat.intr, b->stat.intr, "");
	counter(p, "soft interrupts", a->stat.softirqs, b->stat.softirqs, "");
	counter(p, "forks", a->stat.forks, b->stat.forks, "processes and threads");
	counter(p, "page faults", x->pgfault, y->pgfault, "");
	counter(p, "  of them major", x->pgmajfault, y->pgmajfault, "had to be read");
	counter(p, "read from disks", x->pgpgin, y->pgpgin, "KiB");
	counter(p, "written to disks", x->pgpgout, y->pgpgout, "KiB");
	counter(p, "swapped in", x->pswpin, y->pswpin, "pages");
	counter(p, "swapped out", x->pswpout, y->pswpout, "pages");
	counter(p, "scanned by kswapd", x->scan_kswapd, y->scan_kswapd, "pages");
	counter(p, "scanned by the programs", x->scan_direct, y->scan_direct, "pages: direct reclaim");
	counter(p, "allocations stalled", x->stalls, y->stalls, "");
	counter(p, "killed for want of memory", x->oom_kills, y->oom_kills, "");
}

static void mem_row(const struct page *p, const char *when, const struct sys_mem *m)
{
	double used = diff(m->free + m->buffers + m->cached + m->reclaimable, m->total);

	fprintf(p->f, "  %-8s%10.0f%10.0f%10.0f%10.0f%12.0f%11.0f%10.0f%11.0f%11.0f\n", when,
		(double)m->total / MIB, used / MIB, (double)m->free / MIB, (double)m->shmem / MIB,
		(double)(m->buffers + m->cached + m->reclaimable) / MIB, (double)m->available / MIB,
		(double)m->dirty / MIB, (double)m->swap_total / MIB,
		diff(m->swap_free, m->swap_total) / MIB);
}

static void write_mem(const struct page *p)
{
	heading(p, "MEMORY, MiB (free)");
	fputs("               total      used      free    shared  buff/cache  available     dirty       swap  swap used\n", p->f);
	mem_row(p, "start", &p->s->first.mem);
	mem_row(p, "end", &p->s->last.mem);
}

/* --- pressure ----------------------------------------------------------------- */

static void write_pressure(const struct page *p)
{
	static const char *const names[SYS_PSIS] = { "cpu", "memory", "io" };
	bool any = false;

	heading(p, "PRESSURE, time in which threads were held up (PSI)");
	for (unsigned i = 0; i < SYS_PSIS; i++) {
		const struct sys_psi *a = &p->s->first.psi[i], *b = &p->s->last.psi[i];
		double some = diff(a->some_us, b->some_us), full = diff(a->full_us, b->full_us);

		if (!a->there || !b->there)
			continue;
		if (!any)
			fputs("              some s   % of time      full s   % of time\n", p->f);
		any = true;
		fprintf(p->f, "  %-8s%10.3f%12.1f%12.3f%12.1f\n", names[i], some / 1e6,
			per(some / 1e4, p->seconds), full / 1e6, per(full / 1e4, p->seconds));
	}
	fputs(any ? "  some: at least one thread waited for it; full: all that were not idle did\n" :
	      "  this kernel does not keep it (psi=1 on its command line, or CONFIG_PSI)\n", p->f);
}

/* --- iostat -x ------------------------------------------------------------------ */

static void write_io(const struct page *p)
{
	bool any = false;

	heading(p, "DISKS, a second and for each request (iostat -x)");
	for (unsigned i = 0; i < p->s->last.n_disks; i++) {
		const struct sys_disk *b = &p->s->last.disks[i], *a = sys_snap__disk(&p->s->first, b->name);
		double r, w, ms;

		if (!a)
			continue;
		r = diff(a->reads, b->reads);
		w = diff(a->writes, b->writes);
		if (r + w + diff(a->discards, b->discards) + diff(a->flushes, b->flushes) == 0)
			continue;
		if (!any)
			fputs("  device          r/s    rMiB/s  rrqm/s  r_await      w/s    wMiB/s  wrqm/s  w_await"
			      "      d/s  d_await      f/s  f_await  areq KiB  aqu-sz   %util\n", p->f);
		any = true;
		ms = diff(a->weighted_ms, b->weighted_ms);
		fprintf(p->f, "  %-10s%9.1f%10.2f%8.1f%9.2f%9.1f%10.2f%8.1f%9.2f%9.1f%9.2f%9.1f%9.2f%10.1f%8.2f%8.1f\n",
			b->name, r / p->seconds, rate(p, a->read_sectors, b->read_sectors) / 2048,
			rate(p, a->reads_merged, b->reads_merged), per(diff(a->read_ms, b->read_ms), r),
			w / p->seconds, rate(p, a->write_sectors, b->write_sectors) / 2048,
			rate(p, a->writes_merged, b->writes_merged), per(diff(a->write_ms, b->write_ms), w),
			rate(p, a->discards, b->discards),
			per(diff(a->discard_ms, b->discard_ms), diff(a->discards, b->discards)),
			rate(p, a->flushes, b->flushes),
			per(diff(a->flush_ms, b->flush_ms), diff(a->flushes, b->flushes)),
			per(diff(a->read_sectors, b->read_sectors) + diff(a->write_sectors, b->write_sectors), 2 * (r + w)),
			ms / (p->seconds * 1000), diff(a->busy_ms, b->busy_ms) / (p->seconds * 10));
	}
	fputs(any ? "  await: ms, in the queue and with the device; aqu-sz: requests under way or queued\n" :
	      "  no request\n", p->f);
}

/* --- network -------------------------------------------------------------------- */

static const struct sys_net *net_of(const struct sys_snap *s, const char *name)
{
	for (unsigned i = 0; i < s->n_nets; i++)
		if (!strcmp(s->nets[i].name, name))
			return &s->nets[i];
	return NULL;
}

static void write_net(const struct page *p)
{
	const struct sys_snmp *x = &p->s->first.snmp, *y = &p->s->last.snmp;
	bool any = false;

	heading(p, "NETWORK of process 1's namespace, a second (sar -n DEV, netstat -s)");
	for (unsigned i = 0; i < p->s->last.n_nets; i++) {
		const struct sys_net *b = &p->s->last.nets[i], *a = net_of(&p->s->first, b->name);
		char name[64];

		if (!a || diff(a->rx_packets, b->rx_packets) + diff(a->tx_packets, b->tx_packets) == 0)
			continue;
		if (!any)
			fputs("  interface           in packets    in MiB out packets   out MiB    errors     drops\n", p->f);
		any = true;
		fprintf(p->f, "  %-18s%12.1f%10.3f%12.1f%10.3f%10.0f%10.0f\n",
			text__clean(name, sizeof(name), b->name, strlen(b->name), false),
			rate(p, a->rx_packets, b->rx_packets), rate(p, a->rx_bytes, b->rx_bytes) / MIB,
			rate(p, a->tx_packets, b->tx_packets), rate(p, a->tx_bytes, b->tx_bytes) / MIB,
			diff(a->rx_errors + a->tx_errors, b->rx_errors + b->tx_errors),
			diff(a->rx_drops + a->tx_drops, b->rx_drops + b->tx_drops));
	}
	fprintf(p->f, "  %-28s%14s%14s\n", "", "total", "a second");
	counter(p, "TCP segments in", x->tcp_in, y->tcp_in, "");
	counter(p, "TCP segments out", x->tcp_out, y->tcp_out, "");
	counter(p, "  sent again", x->tcp_retrans, y->tcp_retrans, "");
	counter(p, "TCP connections made", x->tcp_active, y->tcp_active, "");
	counter(p, "TCP connections taken", x->tcp_passive, y->tcp_passive, "");
	counter(p, "  failed or reset", x->tcp_failed + x->tcp_resets, y->tcp_failed + y->tcp_resets, "");
	counter(p, "UDP datagrams in", x->udp_in, y->udp_in, "");
	counter(p, "UDP datagrams out", x->udp_out, y->udp_out, "");
	counter(p, "  not delivered", x->udp_errors + x->udp_no_port, y->udp_errors + y->udp_no_port, "");
}

/* --- interrupts ----------------------------------------------------------------- */

struct irq_row {
	const struct sys_irq *irq;
	double n;
};

static int by_count(const void *a, const void *b)
{
	const struct irq_row *x = a, *y = b;

	if (x->n != y->n)
		return x->n > y->n ? -1 : 1;
	return strcmp(x->irq->name, y->irq->name);
}

static void irq_table(const struct page *p, const struct sys_irq *was, unsigned n_was,
		      const struct sys_irq *is, unsigned n_is, unsigned most)
{
	struct irq_row rows[SYS_IRQS];
	unsigned n = 0;
	char text[256];

	for (unsigned i = 0; i < n_is; i++)
		for (unsigned k = 0; k < n_was; k++)
			if (!strcmp(is[i].name, was[k].name)) {
				rows[n++] = (struct irq_row){ &is[i], diff(was[k].count, is[i].count) };
				break;
			}
	if (n)
		qsort(rows, n, sizeof(*rows), by_count);
	for (unsigned i = 0; i < n && i < most && rows[i].n; i++)
		line(p, rows[i].irq->name, rows[i].n, per(rows[i].n, p->seconds),
		     text__clean(text, sizeof(text), rows[i].irq->what, strlen(rows[i].irq->what), false));
}

static void write_irqs(const struct page *p)
{
	const struct sys_snap *a = &p->s->first, *b = &p->s->last;

	heading(p, "INTERRUPTS, the most frequent              total      a second");
	irq_table(p, a->irqs, a->n_irqs, b->irqs, b->n_irqs, TOP);
	heading(p, "SOFT INTERRUPTS                            total      a second");
	irq_table(p, a->softirqs, a->n_softirqs, b->softirqs, b->n_softirqs, SYS_SOFTIRQS);
}

int sink_system_txt(const struct recording *r, FILE *f)
{
	struct page p = { .r = r, .s = r->system, .f = f };
	char host[128];
	int err;

	p.seconds = (double)(p.s->last.at_ns - p.s->first.at_ns) / 1e9;
	if (p.seconds <= 0)
		p.seconds = 1e-9;
	fprintf(f, "The host %s over %.1f s", r->host ? text__clean(host, sizeof(host), r->host,
		strlen(r->host), false) : "", p.seconds);
	fputs(", from ", f);
	csv_utc(f, p.s->first.at_ns, r->utc_offset_ns);
	fputs("; the whole machine, not the target alone\n", f);
	write_host(&p);
	write_load(&p);
	write_cpu(&p);
	write_steal(&p);
	err = write_traced(&p);
	if (err)
		return err;
	write_host_procs(&p);
	write_vm(&p);
	write_mem(&p);
	write_pressure(&p);
	write_io(&p);
	write_net(&p);
	write_irqs(&p);
	return sink_result(f);
}
