/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sinks/devices.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/jobs.h"
#include "ledger/hist.h"
#include "ledger/text.h"
#include "system/system.h"

struct collector {
	struct devices *d;
	const struct recording *r;
};

static const char *job_name(const struct recording *r, __u64 job, __u64 cgroup, __u32 flags)
{
	return r->jobs ? jobs__of(r->jobs, job, cgroup, flags)->name : "";
}

/* Workers of the kernel come and go: they are one. */
static const char *process_name(const char *comm, __u32 flags)
{
	if ((flags & WT_F_KTHREAD) && !strncmp(comm, "kworker/", 8))
		return "kworker";
	return comm;
}

static struct device_row *row_of(struct devices *d, const char *device, unsigned op,
				 const char *job, const char *process)
{
	char key[512], clean[WT_NAME_LEN];
	struct device_row *row;
	int n;

	text__clean(clean, sizeof(clean), device, strlen(device), false);
	n = snprintf(key, sizeof(key), "%s/%u/%s/%s", clean, op, process, job);
	row = rowmap__get(&d->map, key, (size_t)n < sizeof(key) ? (size_t)n : sizeof(key) - 1);
	if (!row || row->device[0])
		return row;
	snprintf(row->device, sizeof(row->device), "%s", clean);
	text__clean(row->process, sizeof(row->process), process, strlen(process), false);
	row->job = job;
	row->op = op;
	return row;
}

static void add(struct wt_blk_val *to, const struct wt_blk_val *v)
{
	to->requests += v->requests;
	to->bytes += v->bytes;
	to->errors += v->errors;
	to->sequential += v->sequential;
	to->queue_ns += v->queue_ns;
	to->service_ns += v->service_ns;
	if (v->queue_max_ns > to->queue_max_ns)
		to->queue_max_ns = v->queue_max_ns;
	if (v->service_max_ns > to->service_max_ns)
		to->service_max_ns = v->service_max_ns;
	/* of two control groups' rows: at least the larger */
	if (v->inflight_max > to->inflight_max)
		to->inflight_max = v->inflight_max;
	for (unsigned b = 0; b < WT_BUCKETS; b++) {
		to->queue[b] += v->queue[b];
		to->service[b] += v->service[b];
	}
}

static int add_requests(struct collector *c)
{
	const struct disks *disks = c->r->disks;

	for (unsigned i = 0; disks && i < disks->n_rows; i++) {
		const struct disks_row *from = &disks->rows[i];
		const struct disk *disk = disks__by_dev(disks, from->key.dev);
		struct device_row *row;

		if (!from->val.requests)	/* still under way */
			continue;
		row = row_of(c->d, disk ? disk->total.name : "?", from->key.op,
			     job_name(c->r, from->key.job, from->key.cgroup, from->key.flags),
			     from->key.comm);
		if (!row)
			return -ENOMEM;
		add(&row->val, &from->val);
	}
	return 0;
}

/* In which direction a thread waited. */
static unsigned wait_op(const struct wt_reason *r)
{
	if (r->kind == WT_K_SYNC)
		return WT_BLK_FLUSH;
	/* completions of whatever was submitted: the wait has no direction */
	if (r->kind == WT_K_AIO || r->kind == WT_K_URING)
		return WT_BLK_OTHER;
	return r->write ? WT_BLK_WRITE : WT_BLK_READ;
}

static int add_wait(void *arg, const struct ledger_line *line)
{
	struct collector *c = arg;
	const struct disk *disk;
	struct device_row *row;
	const struct wt_reason *why;

	if (line->state != WT_DISK || line->unattributed || !line->ns)
		return 0;
	why = ledger__reason(c->r->ledger, line->reason);
	disk = why && why->name[0] ? disks__by_device(c->r->disks, why->name) : NULL;
	if (!disk)
		return 0;
	row = row_of(c->d, disk->total.name, wait_op(why),
		     job_name(c->r, line->job, line->cgroup, line->thread->flags),
		     process_name(line->thread->pcomm, line->thread->flags));
	if (!row)
		return -ENOMEM;
	row->wait_ns += line->ns;
	return 0;
}

static int by_weight(const void *a, const void *b)
{
	const struct device_row *x = *(struct device_row *const *)a;
	const struct device_row *y = *(struct device_row *const *)b;
	int c = strcmp(x->device, y->device);

	if (c)
		return c;
	if (x->val.service_ns != y->val.service_ns)
		return x->val.service_ns > y->val.service_ns ? -1 : 1;
	if (x->wait_ns != y->wait_ns)
		return x->wait_ns > y->wait_ns ? -1 : 1;
	c = strcmp(x->process, y->process);
	if (!c)
		c = strcmp(x->job, y->job);
	return c ? c : x->op < y->op ? -1 : x->op > y->op;
}

int devices__collect(struct devices *d, const struct recording *r)
{
	struct collector c = { d, r };
	int err;

	memset(d, 0, sizeof(*d));
	d->map.size = sizeof(struct device_row);
	if (!r->disks)
		return 0;
	err = add_requests(&c);
	if (!err)
		err = ledger__each_line(r->ledger, add_wait, &c);
	if (err)
		return err;
	d->rows = rowmap__sorted(&d->map, by_weight);
	if (!d->rows)
		return -ENOMEM;
	d->n = d->map.n;
	return 0;
}

void devices__free(struct devices *d)
{
	free(d->rows);
	rowmap__free(&d->map);
	memset(d, 0, sizeof(*d));
}

__u64 devices__percentile(const __u32 *hist, unsigned pct, __u64 max_ns)
{
	struct hist_cell cells[WT_BUCKETS];
	unsigned n = 0;

	for (unsigned b = 0; b < WT_BUCKETS; b++)
		if (hist[b])
			cells[n++] = (struct hist_cell){ b, hist[b] };
	return hist__percentile(cells, n, pct, max_ns);
}

static __u64 less(__u64 a, __u64 b)
{
	return a > b ? a - b : 0;
}

void devices__audit(const struct recording *r, const struct disk *d, struct device_audit *out)
{
	const struct sys_disk *was, *is;
	__u64 ms;

	memset(out, 0, sizeof(*out));
	for (unsigned g = 0; g < 4; g++) {
		out->ours[g] = disk__requests(d, g);
		out->ours_ns[g] = disk__ns(d, g);
	}
	/* to the kernel these are writes of no sectors */
	out->ours[1] += d->total.empty;
	for (unsigned g = 0; g < 3; g++)
		out->ours_bytes[g] = disk__bytes(d, g);
	was = r->system ? sys_snap__disk(&r->system->first, d->total.name) : NULL;
	is = r->system ? sys_snap__disk(&r->system->last, d->total.name) : NULL;
	if (!was || !is)
		return;
	out->known = true;
	out->kernel[0] = less(is->reads, was->reads);
	out->kernel[1] = less(is->writes, was->writes);
	out->kernel[2] = less(is->discards, was->discards);
	out->kernel[3] = less(is->flushes, was->flushes);
	out->kernel_bytes[0] = less(is->read_sectors, was->read_sectors) * 512;
	out->kernel_bytes[1] = less(is->write_sectors, was->write_sectors) * 512;
	out->kernel_bytes[2] = less(is->discard_sectors, was->discard_sectors) * 512;
	out->kernel_ns[0] = less(is->read_ms, was->read_ms) * 1000000;
	out->kernel_ns[1] = less(is->write_ms, was->write_ms) * 1000000;
	out->kernel_ns[2] = less(is->discard_ms, was->discard_ms) * 1000000;
	out->kernel_ns[3] = less(is->flush_ms, was->flush_ms) * 1000000;
	out->merged[0] = less(is->reads_merged, was->reads_merged);
	out->merged[1] = less(is->writes_merged, was->writes_merged);
	out->merged[2] = less(is->discards_merged, was->discards_merged);
	ms = less(r->system->last.at_ns, r->system->first.at_ns) / 1000000;
	out->busy = ms ? (double)less(is->busy_ms, was->busy_ms) / (double)ms : 0;
	if (out->busy > 1)
		out->busy = 1;
}
