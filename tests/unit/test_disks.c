// SPDX-License-Identifier: GPL-2.0-or-later
/* Requests of disks: whose device is whose, and what rows and totals add up to. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/hist.h"
#include "sinks/devices.h"
#include "system/system.h"

static void put(struct disks *d, __u32 dev, const char *name)
{
	struct wt_blk_disk t = { .requests = { [WT_BLK_READ] = 3, [WT_BLK_READAHEAD] = 4, [WT_BLK_WRITE] = 5,
					       [WT_BLK_WRITEBACK] = 6, [WT_BLK_FLUSH] = 7, [WT_BLK_ZEROES] = 8,
					       [WT_BLK_DISCARD] = 9 },
				 .bytes = { [WT_BLK_READ] = 4096, [WT_BLK_READAHEAD] = 8192 },
				 .empty = 2 };

	snprintf(t.name, sizeof(t.name), "%s", name);
	assert_int_equal(disks__put(d, dev, &t), 0);
}

static const char *of(const struct disks *d, const char *device)
{
	const struct disk *disk = disks__by_device(d, device);

	return disk ? disk->total.name : "-";
}

static void test_partitions(void **state)
{
	struct disks d = { 0 };

	(void)state;
	put(&d, 1, "vda");
	put(&d, 2, "nvme0n1");
	put(&d, 3, "mmcblk0");
	put(&d, 4, "sd");
	disks__sort(&d);
	assert_string_equal(of(&d, "vda"), "vda");
	assert_string_equal(of(&d, "vda15"), "vda");
	assert_string_equal(of(&d, "vdab"), "-");
	assert_string_equal(of(&d, "nvme0n1p2"), "nvme0n1");
	assert_string_equal(of(&d, "nvme0n12"), "-");
	assert_string_equal(of(&d, "nvme0n1p"), "-");
	assert_string_equal(of(&d, "mmcblk0p1"), "mmcblk0");
	assert_string_equal(of(&d, "dm-0"), "-");
	assert_string_equal(of(&d, ""), "-");
	assert_string_equal(disks__by_dev(&d, 2)->total.name, "nvme0n1");
	assert_null(disks__by_dev(&d, 9));
	disks__free(&d);
}

static void test_audit(void **state)
{
	struct recording r = { .end_ns = 1000000000 };
	struct system *sys = calloc(1, sizeof(*sys));
	struct disks d = { 0 };
	struct device_audit a;

	(void)state;
	assert_non_null(sys);
	put(&d, 1, "vda");
	r.disks = &d;
	devices__audit(&r, &d.v[0], &a);
	assert_false(a.known);
	r.system = sys;
	snprintf(sys->first.disks[0].name, SYS_NAME, "vda");
	sys->first.n_disks = 1;
	sys->first.disks[0].reads = 100;
	sys->first.disks[0].busy_ms = 50;
	sys->last = sys->first;
	sys->last.at_ns = 1000000000;
	sys->last.disks[0].reads = 107;
	sys->last.disks[0].read_sectors = 24;
	sys->last.disks[0].busy_ms = 300;
	devices__audit(&r, &d.v[0], &a);
	assert_true(a.known);
	assert_int_equal(a.ours[0], 7);
	assert_int_equal(a.kernel[0], 7);
	assert_int_equal(a.ours_bytes[0], 12288);
	assert_int_equal(a.kernel_bytes[0], 12288);
	/* zeroes are writes, and so is what only asks for a flush */
	assert_int_equal(a.ours[1], 5 + 6 + 8 + 2);
	assert_int_equal(a.ours[2], 9);
	assert_int_equal(a.ours[3], 7);
	assert_true(a.busy > 0.249 && a.busy < 0.251);
	disks__free(&d);
	free(sys);
}

static void put_row(struct disks *d, __u8 op, const char *comm, __u64 cgroup, __u64 ns)
{
	struct wt_blk_key k = { .dev = 1, .op = op, .cgroup = cgroup };
	struct wt_blk_val v = { .requests = 2, .bytes = 8192, .service_ns = 2 * ns,
				.service_max_ns = ns, .inflight_max = cgroup };

	snprintf(k.comm, sizeof(k.comm), "%s", comm);
	v.service[hist__bucket(ns)] = 2;
	assert_int_equal(disks__put_row(d, &k, &v), 0);
}

static void test_rows(void **state)
{
	const struct wt_reason read = { .state = WT_DISK, .kind = WT_K_FILE, .name = "vda1" };
	const struct wt_reason sync = { .state = WT_DISK, .kind = WT_K_SYNC, .write = 1, .name = "vda1" };
	const struct wt_reason far = { .state = WT_DISK, .kind = WT_K_FILE, .name = "nfs" };
	const __u64 ids[] = { WT_REASON_INTERNED | 1, WT_REASON_INTERNED | 2, WT_REASON_INTERNED | 3 };
	const __u64 ns[] = { 1000, 300, 70 };
	struct wt_thread_rec rec = { .serial = 1, .task = 1, .tid = 7, .tgid = 7, .image = 1, .end_ns = 1370,
				     .flags = WT_F_LEADER, .comm = "cp", .pcomm = "cp" };
	struct ledger_totals totals;
	struct recording r = { .end_ns = 2000 };
	struct disks d = { .on = true };
	struct devices v;
	struct ledger *l;

	(void)state;
	put(&d, 1, "vda");
	put_row(&d, WT_BLK_READ, "cp", 1, 500);
	put_row(&d, WT_BLK_READ, "cp", 5, 800);
	put_row(&d, WT_BLK_WRITEBACK, "kworker", 0, 100);
	disks__sort(&d);
	assert_int_equal(ledger__new(&l, &(struct ledger_opts){ 0 }), 0);
	ledger__put_reason(l, ids[0], &read);
	ledger__put_reason(l, ids[1], &sync);
	ledger__put_reason(l, ids[2], &far);
	rec.st_ns[WT_DISK] = 1370;
	ledger__put_thread(l, &rec);
	for (unsigned i = 0; i < 3; i++) {
		struct wt_detail_key k = { .reason = ids[i], .thread = 1, .state = WT_DISK };

		ledger__put_detail(l, &k, &(struct wt_detail_val){ ns[i], ns[i], 1, ns[i] });
	}
	assert_int_equal(ledger__settle(l, &(struct ledger_frames){ 0 }, &totals), 0);
	r.ledger = l;
	r.disks = &d;
	assert_int_equal(devices__collect(&v, &r), 0);
	/* two control groups of one job are a row; a wait finds its row, or makes one */
	assert_int_equal(v.n, 3);
	assert_string_equal(v.rows[0]->process, "cp");
	assert_int_equal(v.rows[0]->op, WT_BLK_READ);
	assert_int_equal(v.rows[0]->val.requests, 4);
	assert_int_equal(v.rows[0]->val.service_max_ns, 800);
	assert_int_equal(v.rows[0]->val.inflight_max, 5);
	assert_int_equal(v.rows[0]->wait_ns, 1000);
	assert_string_equal(v.rows[1]->process, "kworker");
	assert_int_equal(v.rows[2]->op, WT_BLK_FLUSH);
	assert_int_equal(v.rows[2]->wait_ns, 300);
	assert_int_equal(v.rows[2]->val.requests, 0);
	assert_int_equal(devices__percentile(v.rows[0]->val.service, 100, 800), 800);
	devices__free(&v);
	ledger__free(l);
	disks__free(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_partitions),
		cmocka_unit_test(test_audit),
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
