/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * counters.h - the host's own counters, from the text of files below /proc; pure.
 *
 * The texts are the kernel's, but a reader that trusts them reads past an end one
 * day: what is not as expected is left at 0, nothing is written beyond a bound, and
 * a number too long stays at its type's largest.
 */
#ifndef WT_COUNTERS_H
#define WT_COUNTERS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

/* /proc/stat: time of all CPUs together, in ticks (USER_HZ). */
struct sys_cpu {
	__u64 user, nice, system, idle, iowait, irq, softirq, steal, guest, guest_nice;
};
struct sys_stat {
	struct sys_cpu cpu;
	unsigned cpus;			/* online */
	__u64 intr, ctxt, forks, softirqs;
	__u64 running, blocked;
	__u64 boot_s;			/* seconds since 1970 */
};

/* /proc/vmstat, /proc/meminfo (bytes) */
struct sys_vm {
	__u64 pgpgin, pgpgout;		/* KiB */
	__u64 pswpin, pswpout;		/* pages */
	__u64 pgfault, pgmajfault;
	__u64 scan_direct, scan_kswapd, steal_direct, steal_kswapd, stalls, oom_kills;
};
struct sys_mem {
	__u64 total, free, available, buffers, cached, reclaimable, shmem, anon, slab;
	__u64 dirty, writeback, swap_total, swap_free;
};

/* /proc/diskstats: one line */
#define SYS_NAME 32
struct sys_disk {
	char name[SYS_NAME];
	unsigned major, minor;
	__u64 reads, reads_merged, read_sectors, read_ms;
	__u64 writes, writes_merged, write_sectors, write_ms;
	__u64 inflight, busy_ms, weighted_ms;
	__u64 discards, discards_merged, discard_sectors, discard_ms;
	__u64 flushes, flush_ms;
};

/* /proc/loadavg */
struct sys_load {
	double load[3];
	__u64 running, threads;
};

/* /proc/pressure/…: microseconds in which some, or all, had to wait */
struct sys_psi {
	bool there;
	__u64 some_us, full_us;
};

/* /proc/net/dev: one line */
struct sys_net {
	char name[SYS_NAME];
	__u64 rx_bytes, rx_packets, rx_errors, rx_drops;
	__u64 tx_bytes, tx_packets, tx_errors, tx_drops;
};

/* /proc/net/snmp */
struct sys_snmp {
	__u64 tcp_active, tcp_passive, tcp_failed, tcp_resets, tcp_now;
	__u64 tcp_in, tcp_out, tcp_retrans, tcp_in_errors, tcp_out_resets;
	__u64 udp_in, udp_out, udp_no_port, udp_errors, udp_rcvbuf_errors;
};

/* /proc/softirqs, /proc/interrupts: one line, summed over the CPUs */
struct sys_irq {
	char name[SYS_NAME];		/* "24", "NMI", "NET_RX" */
	char what[64];			/* of an interrupt: who has it */
	__u64 count;
};

void sys_parse_stat(const char *text, struct sys_stat *out);
void sys_parse_vmstat(const char *text, struct sys_vm *out);
void sys_parse_meminfo(const char *text, struct sys_mem *out);
void sys_parse_loadavg(const char *text, struct sys_load *out);
void sys_parse_psi(const char *text, struct sys_psi *out);
void sys_parse_snmp(const char *text, struct sys_snmp *out);
/* Each fills at most max lines and returns how many; lines that are not whole are left out. */
unsigned sys_parse_diskstats(const char *text, struct sys_disk *out, unsigned max);
unsigned sys_parse_netdev(const char *text, struct sys_net *out, unsigned max);
unsigned sys_parse_irqs(const char *text, struct sys_irq *out, unsigned max);

#endif /* WT_COUNTERS_H */
