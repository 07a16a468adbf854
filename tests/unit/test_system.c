// SPDX-License-Identifier: GPL-2.0-or-later
/* The host's own counters: parsers of /proc, also of texts that are not as they should be. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "system/system.h"

static void test_stat(void **state)
{
	struct sys_stat s;

	(void)state;
	sys_parse_stat("cpu  10 20 30 40 50 60 70 80 90 100\ncpu0 1 2\ncpu1 3 4\n"
		       "intr 1234 5 6 7\nctxt 42\nbtime 1700000000\nprocesses 77\n"
		       "procs_running 3\nprocs_blocked 2\nsoftirq 99 1 2\n", &s);
	assert_int_equal(s.cpus, 2);
	assert_int_equal(s.cpu.user, 10);
	assert_int_equal(s.cpu.steal, 80);
	assert_int_equal(s.cpu.guest_nice, 100);
	assert_int_equal(s.intr, 1234);
	assert_int_equal(s.ctxt, 42);
	assert_int_equal(s.forks, 77);
	assert_int_equal(s.running, 3);
	assert_int_equal(s.blocked, 2);
	assert_int_equal(s.softirqs, 99);
	/* old kernels know fewer kinds of time */
	sys_parse_stat("cpu  1 2 3 4\n", &s);
	assert_int_equal(s.cpu.idle, 4);
	assert_int_equal(s.cpu.iowait, 0);
	assert_int_equal(s.cpus, 0);
}

static void test_vmstat_and_meminfo(void **state)
{
	struct sys_mem m;
	struct sys_vm v;

	(void)state;
	sys_parse_vmstat("pgpgin 5\npgmajfault 7\nallocstall_dma 1\nallocstall_normal 2\n"
			 "allocstall_movable 4\npgscan_direct 9\npgscan_direct_throttle 1000\noom_kill 3\n", &v);
	assert_int_equal(v.pgpgin, 5);
	assert_int_equal(v.pgmajfault, 7);
	assert_int_equal(v.stalls, 7);
	assert_int_equal(v.scan_direct, 9);
	assert_int_equal(v.oom_kills, 3);
	sys_parse_meminfo("MemTotal:       24106 kB\nCached:  100 kB\nSwapCached: 7 kB\nHugePages_Total: 4\n", &m);
	assert_int_equal(m.total, 24106 * 1024ull);
	assert_int_equal(m.cached, 100 * 1024ull);
	/* what does not fit stays at the largest */
	sys_parse_meminfo("MemTotal: 99999999999999999999999999 kB\n", &m);
	assert_true(m.total == UINT64_MAX);
}

static void test_psi(void **state)
{
	struct sys_psi p;

	(void)state;
	sys_parse_psi("some avg10=1.50 avg60=0.00 avg300=0.00 total=123456\n"
		      "full avg10=0.00 avg60=0.00 avg300=0.00 total=789\n", &p);
	assert_true(p.there);
	assert_int_equal(p.some_us, 123456);
	assert_int_equal(p.full_us, 789);
	/* a line without its total does not take the next line's */
	sys_parse_psi("some avg10=1.50\nfull avg10=0.00 total=9\n", &p);
	assert_int_equal(p.some_us, 0);
	assert_int_equal(p.full_us, 9);
	sys_parse_psi("", &p);
	assert_false(p.there);
	sys_parse_psi("some total=x\n", &p);
	assert_false(p.there);
}

static void test_loadavg(void **state)
{
	struct sys_load l;

	(void)state;
	sys_parse_loadavg("6.52 0.05 14.70 21/195 4711\n", &l);
	assert_true(l.load[0] > 6.519 && l.load[0] < 6.521);
	assert_true(l.load[1] > 0.0499 && l.load[1] < 0.0501);
	assert_int_equal(l.running, 21);
	assert_int_equal(l.threads, 195);
	sys_parse_loadavg("1.", &l);
	assert_true(l.load[0] == 1.0 && l.load[1] == 0);
}

static void test_diskstats(void **state)
{
	struct sys_disk d[4];
	unsigned n;

	(void)state;
	n = sys_parse_diskstats(" 254       0 vda 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17\n"
				"   8       1 sda1 1 2 3 4 5 6 7 8 9 10 11\n"
				"   8       2 short 1 2 3\n"
				"nonsense\n"
				" 259 0 nvme0n1 21 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n", d, 4);
	assert_int_equal(n, 3);
	assert_string_equal(d[0].name, "vda");
	assert_int_equal(d[0].major, 254);
	assert_int_equal(d[0].reads, 1);
	assert_int_equal(d[0].write_sectors, 7);
	assert_int_equal(d[0].busy_ms, 10);
	assert_int_equal(d[0].weighted_ms, 11);
	assert_int_equal(d[0].flushes, 16);
	assert_int_equal(d[0].flush_ms, 17);
	assert_string_equal(d[1].name, "sda1");
	assert_int_equal(d[1].discards, 0);
	assert_string_equal(d[2].name, "nvme0n1");
	assert_int_equal(d[2].reads, 21);
	/* no more than there is room for */
	assert_int_equal(sys_parse_diskstats("1 2 a 1 2 3 4 5 6 7 8 9 10 11\n"
					     "1 3 b 1 2 3 4 5 6 7 8 9 10 11\n", d, 1), 1);
}

static void test_net(void **state)
{
	struct sys_snmp s;
	struct sys_net v[4];

	(void)state;
	assert_int_equal(sys_parse_netdev(
		"Inter-|   Receive                                                |  Transmit\n"
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n"
		"    lo: 100 2 3 4 0 0 0 0 200 5 6 7 0 0 0 0\n"
		"eth0:1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16\n", v, 4), 2);
	assert_string_equal(v[0].name, "lo");
	assert_int_equal(v[0].rx_bytes, 100);
	assert_int_equal(v[0].tx_bytes, 200);
	assert_int_equal(v[0].tx_drops, 7);
	assert_int_equal(v[1].rx_bytes, 1);
	sys_parse_snmp("Ip: Forwarding\nIp: 1\n"
		       "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens RetransSegs\n"
		       "Tcp: 1 200 120000 -1 55 66\n"
		       "Udp: InDatagrams NoPorts\nUdp: 7 8\n", &s);
	assert_int_equal(s.tcp_active, 55);
	assert_int_equal(s.tcp_retrans, 66);
	assert_int_equal(s.udp_in, 7);
	assert_int_equal(s.udp_no_port, 8);
	/* names without values */
	sys_parse_snmp("Tcp: ActiveOpens RetransSegs\nTcp: 5\nTcp: ActiveOpens\n", &s);
	assert_int_equal(s.tcp_active, 5);
	assert_int_equal(s.tcp_retrans, 0);
}

static void test_irqs(void **state)
{
	struct sys_irq v[4];

	(void)state;
	assert_int_equal(sys_parse_irqs("           CPU0       CPU1\n"
					"  1:         10         20   IO-APIC   1-edge      i8042\n"
					"NMI:          3          4   Non-maskable interrupts\n"
					"ERR:          5\n", v, 4), 3);
	assert_string_equal(v[0].name, "1");
	assert_int_equal(v[0].count, 30);
	assert_string_equal(v[0].what, "IO-APIC   1-edge      i8042");
	assert_int_equal(v[1].count, 7);
	assert_int_equal(v[2].count, 5);
	assert_string_equal(v[2].what, "");
}

static void test_pid_stat(void **state)
{
	struct sys_proc p;

	(void)state;
	assert_true(sys_parse_pid_stat("4711 (a) b (c)) S 1 2 3 4 5 6 7 8 9 10 110 120 13 14 15 16 17 18 190 20 2 22",
				       &p));
	assert_int_equal(p.pid, 4711);
	assert_string_equal(p.comm, "a) b (c)");
	assert_int_equal(p.user, 110);
	assert_int_equal(p.sys, 120);
	assert_int_equal(p.start, 190);
	assert_false(sys_parse_pid_stat("4711 (a) S 1 2", &p));
	assert_false(sys_parse_pid_stat("4711 )a( S 1 2", &p));
	assert_false(sys_parse_pid_stat("4711 (a)", &p));
	assert_false(sys_parse_pid_stat("", &p));
	/* longer than the kernel makes it */
	assert_true(sys_parse_pid_stat("1 (0123456789012345678901234567890) R 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21",
				       &p));
	assert_string_equal(p.comm, "012345678901234");
}

static void test_busiest(void **state)
{
	struct sys_proc before[] = { { 1, "init", 5, 100, 100, 0 }, { 2, "old", 6, 50, 0, 0 },
				     { 3, "reused", 7, 900, 0, 0 } };
	struct sys_proc after[] = { { 1, "init", 5, 101, 101, 0 }, { 2, "old", 6, 50, 0, 0 },
				    { 3, "new", 70, 30, 0, 0 }, { 9, "born", 90, 10, 10, 0 } };
	struct sys_procs a = { before, 3 }, b = { after, 4 }, none = { NULL, 0 };
	struct sys_proc out[2];

	(void)state;
	assert_int_equal(sys_procs__busiest(&a, &b, out, 2), 2);
	/* a pid that was given again counts from its start */
	assert_string_equal(out[0].comm, "new");
	assert_int_equal(out[0].user, 30);
	assert_string_equal(out[1].comm, "born");
	assert_int_equal(sys_procs__busiest(&none, &b, out, 1), 1);
	assert_string_equal(out[0].comm, "init");
	assert_int_equal(sys_procs__busiest(&a, &none, out, 2), 0);
}

static void test_gauge_and_track(void **state)
{
	struct sys_track t = { 0 };
	struct sys_gauge g = { 0 };
	__u64 ticks = 0;

	(void)state;
	sys_gauge__add(&g, 3);
	sys_gauge__add(&g, -1);
	sys_gauge__add(&g, 4);
	assert_true(g.min == -1 && g.max == 4 && sys_gauge__mean(&g) == 2);
	for (unsigned i = 0; i < 1000; i++)
		sys_track__add(&t, &(struct sys_cell){ 200, i, 1 });
	assert_true(t.n <= SYS_CELLS && t.n > SYS_CELLS / 2 - 1);
	for (unsigned i = 0; i < t.n; i++)
		ticks += t.cell[i].ticks;
	assert_int_equal(ticks, 200 * 1000);
	/* all but the last are of the same length */
	for (unsigned i = 0; i + 1 < t.n; i++)
		assert_int_equal(t.cell[i].ticks, t.cell[0].ticks);
}

static void add_cells(struct sys_track *t, unsigned n, __u64 busy, __u64 steal)
{
	while (n--)
		sys_track__add(t, &(struct sys_cell){ 200, busy, steal });
}

static void test_burst(void **state)
{
	struct sys_track t = { 0 };
	struct sys_burst b;

	(void)state;
	/* full speed for 20 cells, then held back */
	add_cells(&t, 20, 200, 0);
	add_cells(&t, 10, 40, 160);
	sys_track__burst(&t, &b);
	assert_true(b.seen);
	assert_int_equal(b.cell, 20);
	assert_true(b.after > 0.79 && b.after < 0.81 && b.busy_before > 0.99);
	/* it was idle before: somebody else's doing */
	memset(&t, 0, sizeof(t));
	add_cells(&t, 20, 10, 0);
	add_cells(&t, 10, 40, 160);
	sys_track__burst(&t, &b);
	assert_false(b.seen);
	/* steal all the time */
	memset(&t, 0, sizeof(t));
	add_cells(&t, 30, 100, 60);
	sys_track__burst(&t, &b);
	assert_false(b.seen);
	/* none at all, and nothing to judge by */
	memset(&t, 0, sizeof(t));
	sys_track__burst(&t, &b);
	assert_false(b.seen);
	add_cells(&t, 30, 200, 0);
	sys_track__burst(&t, &b);
	assert_false(b.seen);
}

/* Bytes at random, and real lines cut and torn: nothing is read or written where it must not be. */
static void test_hostile(void **state)
{
	static const char *const seeds[] = {
		"cpu  1 2 3 4 5 6 7 8 9 10\nintr 5\n", "some avg10=0 total=5\nfull total=7\n",
		" 254 0 vda 1 2 3 4 5 6 7 8 9 10 11 12\n", "Tcp: A B C\nTcp: 1 2\n", "eth0: 1 2 3 4 5 6 7 8 9 10 11 12\n",
		"NMI: 1 2 what\n", "MemTotal: 5 kB\n", "1 (a b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21\n",
		"0.10 0.20 0.30 1/2 3\n",
	};
	struct sys_disk d[3];
	struct sys_net n[3];
	struct sys_irq q[3];
	struct sys_stat st;
	struct sys_vm vm;
	struct sys_mem mem;
	struct sys_load load;
	struct sys_psi psi;
	struct sys_snmp snmp;
	struct sys_proc proc;

	(void)state;
	srand(1);
	for (unsigned i = 0; i < 20000; i++) {
		const char *seed = seeds[i % (sizeof(seeds) / sizeof(*seeds))];
		char *text = strdup(seed);
		size_t len = strlen(text);

		for (unsigned k = rand() % 4; k; k--)
			text[rand() % len] = rand() % 3 ? " :\n()=/."[rand() % 8] : (char)(1 + rand() % 255);
		if (rand() % 3 == 0)
			text[rand() % len] = 0;
		sys_parse_stat(text, &st);
		sys_parse_vmstat(text, &vm);
		sys_parse_meminfo(text, &mem);
		sys_parse_loadavg(text, &load);
		sys_parse_psi(text, &psi);
		sys_parse_snmp(text, &snmp);
		sys_parse_pid_stat(text, &proc);
		assert_true(sys_parse_diskstats(text, d, 3) <= 3);
		assert_true(sys_parse_netdev(text, n, 3) <= 3);
		assert_true(sys_parse_irqs(text, q, 3) <= 3);
		assert_true(strnlen(d[0].name, SYS_NAME) < SYS_NAME);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stat),
		cmocka_unit_test(test_vmstat_and_meminfo),
		cmocka_unit_test(test_psi),
		cmocka_unit_test(test_loadavg),
		cmocka_unit_test(test_diskstats),
		cmocka_unit_test(test_net),
		cmocka_unit_test(test_irqs),
		cmocka_unit_test(test_pid_stat),
		cmocka_unit_test(test_busiest),
		cmocka_unit_test(test_gauge_and_track),
		cmocka_unit_test(test_burst),
		cmocka_unit_test(test_hostile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
