/* SPDX-License-Identifier: GPL-2.0-or-later */
/* devices_terminal.c - DISKS: each disk, whose requests took its time, and the kernel's own count. */
#include "sinks/csv.h"
#include "sinks/devices.h"
#include "sinks/human.h"

#include <stdlib.h>
#include <string.h>

#define ROWS 4			/* of each disk */

/* "read by" */
static const char *op_by(unsigned op, char *buf, size_t sz)
{
	snprintf(buf, sz, "%s by", disks__op_name(op));
	return buf;
}

static void row(FILE *f, const struct device_row *row)
{
	const struct wt_blk_val *v = &row->val;
	char text[96], buf[32];

	/* waits for whatever was submitted have no direction, and no requests */
	bool completions = row->op == WT_BLK_OTHER && !v->requests;
	int len = snprintf(text, sizeof(text), "  %s %s",
			   completions ? "completions for" : op_by(row->op, buf, sizeof(buf)), row->process);

	if (row->job[0] && strcmp(row->job, row->process) && len > 0 && len < (int)sizeof(text))
		snprintf(text + len, sizeof(text) - len, " of %s", row->job);
	fputs("  ", f);
	human_label(f, text, 34);
	human_cell(f, human_count(buf, sizeof(buf), v->requests), 9);
	human_cell(f, v->bytes ? human_bytes(buf, sizeof(buf), v->bytes) : "-", 10);
	human_cell(f, v->bytes ? human_share(buf, sizeof(buf), v->sequential, v->requests) : "-", 8);
	human_cell(f, v->requests ? human_ns(buf, sizeof(buf), devices__percentile(v->queue, 95,
		   v->queue_max_ns)) : "-", 11);
	human_cell(f, v->requests ? human_ns(buf, sizeof(buf), devices__percentile(v->service, 95,
		   v->service_max_ns)) : "-", 10);
	human_cell(f, human_ns(buf, sizeof(buf), row->wait_ns), 10);
	putc('\n', f);
}

static void audit(FILE *f, const struct recording *r, const struct disk *d)
{
	static const char *const names[4] = { "reads", "writes", "discards", "flushes" };
	struct device_audit a;
	unsigned shown = 0;
	bool differs = false;

	devices__audit(r, d, &a);
	if (!a.known) {
		fputs("    the kernel keeps no counters of it to compare with\n", f);
		return;
	}
	fputs("    against /proc/diskstats:", f);
	for (unsigned g = 0; g < 4; g++) {
		if (!a.ours[g] && !a.kernel[g])
			continue;
		fputs(!shown ? "" : shown % 2 ? "," : ",\n     ", f);
		fprintf(f, " %llu of %llu %s", a.ours[g], a.kernel[g], names[g]);
		differs |= a.ours[g] != a.kernel[g];
		shown++;
	}
	fputs(shown ? "\n" : " no request\n", f);
	if (d->total.unseen)
		fprintf(f, "      %llu were under way when the recording began\n", d->total.unseen);
	else if (differs)
		fputs("      it is read just before the first instant and just after the last\n", f);
	if (d->total.untimed)
		fprintf(f, "      %llu without their times: the kernel did not trace a step\n", d->total.untimed);
}

static void disk(FILE *f, const struct recording *r, const struct disk *d, const struct devices *v)
{
	struct device_audit a;
	char count[32], bytes[32];
	__u64 n = 0, sum = 0;
	unsigned shown = 0, more = 0;

	devices__audit(r, d, &a);
	for (unsigned g = 0; g < 4; g++)
		n += disk__requests(d, g);
	for (unsigned g = 0; g < 3; g++)
		sum += disk__bytes(d, g);
	fprintf(f, "  %s: %s requests of everybody, %s", d->total.name,
		human_count(count, sizeof(count), n), human_bytes(bytes, sizeof(bytes), sum));
	if (a.known)
		fprintf(f, ", busy %.0f %% of the time", 100 * a.busy);
	fprintf(f, "\n    %.2f under way on average, at most %llu", r->end_ns > r->start_ns ?
		(double)d->total.service_ns / (double)(r->end_ns - r->start_ns) : 0.0,
		d->total.inflight_max);
	if (d->total.errors)
		fprintf(f, "; %llu FAILED", d->total.errors);
	putc('\n', f);
	for (unsigned i = 0; i < v->n; i++) {
		if (strcmp(v->rows[i]->device, d->total.name))
			continue;
		if (shown++ < ROWS)
			row(f, v->rows[i]);
		else
			more++;
	}
	if (more)
		fprintf(f, "    … and %u more: see devices.csv\n", more);
	audit(f, r, d);
}

static bool used(const struct disk *d)
{
	for (unsigned g = 0; g < 4; g++)
		if (disk__requests(d, g))
			return true;
	return false;
}

static void head(FILE *f, bool colour)
{
	static const struct { const char *text; unsigned width; } columns[] = {
		{ "number", 9 }, { "bytes", 10 }, { "in row", 8 }, { "p95 queue", 11 },
		{ "p95 disk", 10 }, { "waits", 10 },
	};

	fputs(colour ? "\n\033[1mDISKS\033[0m\n  " : "\nDISKS\n  ", f);
	human_label(f, "requests", 34);
	for (unsigned i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		human_cell(f, columns[i].text, columns[i].width);
	putc('\n', f);
}

static __u64 weight(const struct device_row *row)
{
	return row->val.service_ns > row->wait_ns ? row->val.service_ns : row->wait_ns;
}

/* Of the few rows that are shown none is left out that was waited for most. */
static int by_either(const void *a, const void *b)
{
	const struct device_row *x = *(struct device_row *const *)a, *y = *(struct device_row *const *)b;

	if (weight(x) != weight(y))
		return weight(x) > weight(y) ? -1 : 1;
	return x < y ? -1 : x > y;
}

int devices__terminal(const struct recording *r, FILE *f, bool colour)
{
	struct devices v;
	bool any = false;
	int err = devices__collect(&v, r);

	if (!err && v.n)
		qsort(v.rows, v.n, sizeof(*v.rows), by_either);
	for (unsigned i = 0; !err && r->disks && i < r->disks->n; i++) {
		if (!used(&r->disks->v[i]))
			continue;
		if (!any)
			head(f, colour);
		any = true;
		disk(f, r, &r->disks->v[i], &v);
	}
	devices__free(&v);
	return err;
}
