/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sinks/waits.h"
#include "jobs/jobs.h"
#include "ledger/hist.h"
#include "ledger/text.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* One line's share of a row's distribution; sparse, as most rows have few. */
struct cell {
	__u32 row;
	struct hist_cell hist;
};

struct collector {
	struct waits *w;
	const struct recording *r;
	enum waits_by by;
	struct cell *cells;
	size_t n_cells, max_cells;
	struct rowmap files;		/* struct wait_file */
};

static int add_cell(struct collector *c, __u32 row, __u32 bucket, __u64 count)
{
	if (c->n_cells == c->max_cells) {
		size_t max = c->max_cells ? c->max_cells * 2 : 1024;
		struct cell *cells = realloc(c->cells, max * sizeof(*cells));

		if (!cells)
			return -ENOMEM;
		c->cells = cells;
		c->max_cells = max;
	}
	c->cells[c->n_cells++] = (struct cell){ row, { bucket, count } };
	return 0;
}

const char *waits__who(const struct ledger_thread *t)
{
	if (t->flags & WT_F_SELF)
		return "worktrace itself";
	if (t->flags & (WT_F_KTHREAD | WT_F_IOWORKER))
		return "kernel threads";
	return t->pcomm;
}

static struct wait_row *row_of(struct collector *c, const struct ledger_line *line)
{
	bool process = c->by == WAITS_BY_PROCESS, told = !process && ledger__is_told(line);
	const char *who = process ? line->thread->pcomm : waits__who(line->thread);
	__u32 tgid = process ? line->thread->tgid : 0;
	char reason[192], key[256];
	struct wait_row *row;
	unsigned job = 0;
	int n;

	if (c->by == WAITS_BY_JOB) {
		job = jobs__of(c->r->jobs, line->job, line->cgroup, line->thread->flags)->index;
		who = "";
	}
	if (line->unattributed)
		strcpy(reason, "[unattributed]");
	else
		(process ? ledger__reason_text : ledger__object_text)(c->r->ledger, line->state,
			line->reason, reason, sizeof(reason));
	n = snprintf(key, sizeof(key), "%u %u %u %u %s %s", line->state, told, tgid, job, who, reason);
	row = rowmap__get(&c->w->map, key, (size_t)n < sizeof(key) ? (size_t)n : sizeof(key) - 1);
	if (!row || row->reason[0])
		return row;
	strcpy(row->reason, reason);
	row->object = line->unattributed ? 0 : line->reason;
	snprintf(row->comm, sizeof(row->comm), "%s", who);
	row->state = line->state;
	row->told = told;
	row->tgid = tgid;
	row->job = job;
	return row;
}

/* A file within a row. */
struct wait_file {
	struct rowkey key;
	__u64 ns;
};

static int add_file(struct collector *c, __u32 index, const struct ledger_line *line)
{
	struct wait_row *row = rowmap__at(&c->w->map, index);
	struct wait_file *file;
	const char *name;
	char key[40];
	__u64 id;

	name = ledger__file(c->r->ledger, line->reason, &id);
	if (!id)
		return 0;
	snprintf(key, sizeof(key), "%u %llx", index, id);
	file = rowmap__get(&c->files, key, strlen(key));
	if (!file)
		return -ENOMEM;
	row->files += !file->ns;
	file->ns += line->ns;
	if (file->ns >= row->file_ns) {
		row->file_ns = file->ns;
		row->file = name;
	}
	return 0;
}

static int add_line(void *arg, const struct ledger_line *line)
{
	struct collector *c = arg;
	struct wait_row *row;
	__u64 max_ns = line->max_ns < line->ns ? line->max_ns : line->ns;
	__u32 index;

	if (line->state == WT_CPU)
		return 0;
	row = row_of(c, line);
	if (!row)
		return -ENOMEM;
	row->total_ns += line->ns;
	if (line->unattributed)
		return 0;
	row->count += line->count;
	if (row->max_ns < max_ns)
		row->max_ns = max_ns;
	index = ((char *)row - c->w->map.rows) / sizeof(*row);
	if (c->by == WAITS_BY_NAME && line->state == WT_DISK && line->ns && add_file(c, index, line))
		return -ENOMEM;
	return add_cell(c, index, line->bucket, line->count);
}

static int by_row_and_bucket(const void *a, const void *b)
{
	const struct cell *x = a, *y = b;

	if (x->row != y->row)
		return x->row < y->row ? -1 : 1;
	return x->hist.bucket < y->hist.bucket ? -1 : x->hist.bucket > y->hist.bucket;
}

static int percentiles(struct collector *c)
{
	struct hist_cell *h = calloc(c->n_cells + 1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	if (c->n_cells)
		qsort(c->cells, c->n_cells, sizeof(*c->cells), by_row_and_bucket);
	for (size_t i = 0; i < c->n_cells; ) {
		__u32 index = c->cells[i].row;
		struct wait_row *row = rowmap__at(&c->w->map, index);
		unsigned n = 0;

		for (; i < c->n_cells && c->cells[i].row == index; i++)
			h[n++] = c->cells[i].hist;
		row->p50_ns = hist__percentile(h, n, 50, row->max_ns);
		row->p95_ns = hist__percentile(h, n, 95, row->max_ns);
		row->p99_ns = hist__percentile(h, n, 99, row->max_ns);
	}
	free(h);
	return 0;
}

static int by_total(const void *a, const void *b)
{
	const struct wait_row *x = *(struct wait_row *const *)a, *y = *(struct wait_row *const *)b;
	int c;

	if (x->total_ns != y->total_ns)
		return x->total_ns > y->total_ns ? -1 : 1;
	if (x->state != y->state)
		return x->state < y->state ? -1 : 1;
	c = strcmp(x->reason, y->reason);
	if (!c)
		c = strcmp(x->comm, y->comm);
	if (!c && x->job != y->job)
		return x->job < y->job ? -1 : 1;
	return c ? c : x->tgid < y->tgid ? -1 : x->tgid > y->tgid;
}

int waits__collect(struct waits *w, const struct recording *r, enum waits_by by)
{
	struct collector c = { .w = w, .r = r, .by = by,
			       .files = { .size = sizeof(struct wait_file) } };
	int err;

	memset(w, 0, sizeof(*w));
	w->map.size = sizeof(struct wait_row);
	err = ledger__each_line(r->ledger, add_line, &c);
	if (!err)
		err = percentiles(&c);
	free(c.cells);
	rowmap__free(&c.files);
	if (err)
		return err;
	w->rows = rowmap__sorted(&w->map, by_total);
	if (!w->rows)
		return -ENOMEM;
	w->n = w->map.n;
	return 0;
}

const struct wait_row *waits__top(const struct waits *w, unsigned job)
{
	for (unsigned i = 0; i < w->n; i++) {
		const struct wait_row *row = w->rows[i];

		if (row->job == job && row->state != WT_IDLE && row->state != WT_STOPPED &&
		    row->state != WT_CHILD && !row->told)
			return row->total_ns ? row : NULL;
	}
	return NULL;
}

bool waits__text(const struct recording *r, const struct wait_row *row, char *buf, size_t sz,
		 struct peer *net)
{
	const struct wt_reason *reason = row->state == WT_NET ? ledger__reason(r->ledger, row->object) :
		NULL;
	bool known = reason && peers__of_reason(r->peers, reason, net);
	const struct wt_server_row *server = known ? servers__of(r->servers, &net->id) : NULL;
	char name[2 * WT_COMM_LEN];

	if (server)
		text__clean(name, sizeof(name), server->comm, WT_COMM_LEN, false);
	else
		snprintf(name, sizeof(name), "%s", known ? peer__service(&net->id) : "");
	/* "child: make" says its state already */
	if (row->state == WT_CHILD && !strncmp(row->reason, "child", 5))
		snprintf(buf, sz, "%s", row->reason);
	else
		snprintf(buf, sz, "%s %s%s%s", ledger__state_name(row->state), name,
			 name[0] ? " " : "", row->reason);
	return known;
}

void waits__free(struct waits *w)
{
	free(w->rows);
	rowmap__free(&w->map);
	w->rows = NULL;
	w->n = 0;
}
