/* SPDX-License-Identifier: GPL-2.0-or-later */
/* csv_devices.c - devices.csv: requests of disks by operation, job and process. */
#include "sinks/csv.h"
#include "sinks/devices.h"

static void times(FILE *f, const __u32 *hist, __u64 max_ns)
{
	fprintf(f, ",%llu,%llu,%llu,%llu", devices__percentile(hist, 50, max_ns),
		devices__percentile(hist, 95, max_ns), devices__percentile(hist, 99, max_ns), max_ns);
}

int sink_devices_csv(const struct recording *r, FILE *f)
{
	double ns = (double)(r->end_ns - r->start_ns);
	struct devices d;
	int err = devices__collect(&d, r);

	fputs("device,operation,job,process,requests,bytes,errors,sequential,"
	      "queue_p50_ns,queue_p95_ns,queue_p99_ns,queue_max_ns,"
	      "service_p50_ns,service_p95_ns,service_p99_ns,service_max_ns,"
	      "queue_ns,service_ns,inflight_mean,inflight_max,wait_ns\n", f);
	for (unsigned i = 0; i < d.n; i++) {
		const struct device_row *row = d.rows[i];
		const struct wt_blk_val *v = &row->val;

		csv_field(f, row->device);
		fprintf(f, ",%s,", disks__op_name(row->op));
		csv_field(f, row->job);
		putc(',', f);
		csv_field(f, row->process);
		fprintf(f, ",%llu,%llu,%llu,%llu", v->requests, v->bytes, v->errors, v->sequential);
		times(f, v->queue, v->queue_max_ns);
		times(f, v->service, v->service_max_ns);
		/* over the recording, requests under way × time is the sum of their times */
		fprintf(f, ",%llu,%llu,%.4f,%llu,%llu\n", v->queue_ns, v->service_ns,
			ns > 0 ? (double)v->service_ns / ns : 0, v->inflight_max, row->wait_ns);
	}
	devices__free(&d);
	return err ? err : sink_result(f);
}
