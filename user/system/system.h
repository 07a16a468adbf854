/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * system.h - the host over a recording: its counters at the start and at the end, a
 * few of them in between, and what the host is.
 *
 * Life: new → start → tick (at each drain) → end (at each checkpoint, and last) → free.
 * A file that is not there, or cannot be read, leaves zeroes; nothing here fails a recording.
 */
#ifndef WT_SYSTEM_H
#define WT_SYSTEM_H

#include <linux/types.h>
#include <stdbool.h>
#include "system/counters.h"

#define SYS_DISKS 128
#define SYS_NETS 64
#define SYS_SOFTIRQS 16
#define SYS_IRQS 256

enum sys_pressure { SYS_PSI_CPU, SYS_PSI_MEMORY, SYS_PSI_IO, SYS_PSIS };

struct sys_snap {
	__u64 at_ns;			/* CLOCK_MONOTONIC */
	struct sys_stat stat;
	struct sys_vm vm;
	struct sys_mem mem;
	struct sys_load load;
	double uptime_s;
	struct sys_psi psi[SYS_PSIS];
	struct sys_snmp snmp;
	struct sys_disk disks[SYS_DISKS];
	struct sys_net nets[SYS_NETS];
	struct sys_irq softirqs[SYS_SOFTIRQS];
	struct sys_irq irqs[SYS_IRQS];
	unsigned n_disks, n_nets, n_softirqs, n_irqs;
};

/* proc: "/proc", or a directory like it. */
void sys_snap__read(struct sys_snap *s, const char *proc);
/* Of a snapshot, by name; NULL: it has none. */
const struct sys_disk *sys_snap__disk(const struct sys_snap *s, const char *name);

/* track.c: what was seen at the ticks. */
struct sys_gauge {
	double min, max, sum;
	__u64 n;
};
void sys_gauge__add(struct sys_gauge *g, double v);
double sys_gauge__mean(const struct sys_gauge *g);

/* CPU time over the recording in at most SYS_CELLS stretches of the same length. */
#define SYS_CELLS 128
struct sys_cell {
	__u64 ticks, busy, steal;	/* of all CPUs; ticks: of any kind */
};
struct sys_track {
	struct sys_cell cell[SYS_CELLS];
	unsigned n;
	unsigned per;			/* ticks of the recording in a cell; grows as cells are merged */
	unsigned in_last;
};
void sys_track__add(struct sys_track *t, const struct sys_cell *c);

/*
 * A burstable machine runs at full speed until its credit is spent, and is then held
 * back: the hypervisor takes the CPU away (steal) after a busy stretch without steal.
 */
struct sys_burst {
	bool seen;
	unsigned cell;			/* in which it began */
	double before, after;		/* steal, share of all CPU time, before and from there on */
	double busy_before;		/* busy or stolen share before */
};
void sys_track__burst(const struct sys_track *t, struct sys_burst *out);

/* host.c */
struct sys_host_disk {
	char name[SYS_NAME], scheduler[24], model[48];
	__u64 bytes;
	bool rotational;
};
struct sys_host {
	char cpu[96], vendor[64], product[64], hypervisor[32], container[32];
	char cgroups[24], clocksource[24], thp[24], governor[24], mitigations[96];
	unsigned cpus, sockets;
	double mhz;
	struct sys_host_disk disks[16];
	unsigned n_disks;
};
void sys_host__read(struct sys_host *h);

/* procs.c: CPU time of processes between two looks. */
struct sys_proc {
	int pid;
	char comm[16];
	__u64 start;			/* ticks since boot: tells a pid that was given again */
	__u64 user, sys;		/* ticks; in a difference, between the looks */
	__u64 rss;			/* bytes */
};
struct sys_procs {
	struct sys_proc *v;
	unsigned n;
};
/* Sorted by pid.  0 or -ENOMEM. */
int sys_procs__read(struct sys_procs *p, const char *proc);
void sys_procs__free(struct sys_procs *p);
/* One line of /proc/PID/stat; false: it is none. */
bool sys_parse_pid_stat(const char *text, struct sys_proc *out);
/* The n busiest of after by what they did since before, into out; how many. */
unsigned sys_procs__busiest(const struct sys_procs *before, const struct sys_procs *after,
			    struct sys_proc *out, unsigned n);

struct system {
	struct sys_snap first, last, tick;
	struct sys_host host;
	struct sys_procs procs_first, procs_last;
	struct sys_gauge busy, iowait, steal;		/* shares of all CPU time, 0 to 1 */
	struct sys_gauge running, blocked, load1;
	struct sys_gauge available, dirty;		/* bytes */
	struct sys_gauge disk_busy;			/* of the busiest disk, 0 to 1 */
	struct sys_track track;
	unsigned hz;			/* of the kernel's ticks */
	unsigned page;			/* bytes */
};

int system__new(struct system **out);
void system__start(struct system *s);
void system__tick(struct system *s);
void system__end(struct system *s);
void system__free(struct system *s);

#endif /* WT_SYSTEM_H */
