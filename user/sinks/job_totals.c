/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sinks/job_totals.h"
#include "sinks/csv.h"
#include "sinks/unit_share.h"
#include "sinks/waits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct collector {
	struct job_totals *t;
	struct jobs *jobs;
	unsigned max;
};

/* The row of a job, by its number; rows of numbers not met yet are empty. */
static struct job_total *row_of(struct collector *c, const struct job *job)
{
	struct job_totals *t = c->t;

	if (job->index >= c->max) {
		unsigned max = 2 * job->index + 64;
		struct job_total *v = realloc(t->v, max * sizeof(*v));

		if (!v)
			return NULL;
		memset(v + c->max, 0, (max - c->max) * sizeof(*v));
		t->v = v;
		c->max = max;
	}
	t->v[job->index].job = job;
	return &t->v[job->index];
}

static int add_account(void *arg, const struct ledger_account *a)
{
	struct collector *c = arg;
	struct job_total *row;

	if (!a->thread_ns && !a->threads)
		return 0;
	row = row_of(c, jobs__of(c->jobs, a->job, a->cgroup, a->flags));
	if (!row)
		return -ENOMEM;
	row->processes += a->processes;
	row->threads += a->threads;
	row->thread_ns += a->thread_ns;
	if (a->start_ns && (!row->start_ns || row->start_ns > a->start_ns))
		row->start_ns = a->start_ns;
	if (row->end_ns < a->end_ns)
		row->end_ns = a->end_ns;
	row->taken.steal_ns += a->taken.steal_ns;
	row->taken.irq_ns += a->taken.irq_ns;
	row->taken.softirq_ns += a->taken.softirq_ns;
	row->taken.migrations += a->taken.migrations;
	for (unsigned s = 0; s < WT_STATES; s++) {
		row->st_ns[s] += a->st_ns[s];
		if (s != WT_IDLE && s != WT_STOPPED)
			row->work_ns += a->st_ns[s];
	}
	return 0;
}

static int add_told(void *arg, const struct ledger_line *line)
{
	struct collector *c = arg;
	struct job_total *row;

	if (!ledger__is_told(line))
		return 0;
	row = row_of(c, jobs__of(c->jobs, line->job, line->cgroup, line->thread->flags));
	if (!row)
		return -ENOMEM;
	row->told_ns += line->ns;
	return 0;
}

static int by_work(const void *a, const void *b)
{
	const struct job_total *x = a, *y = b;

	if (x->work_ns != y->work_ns)
		return x->work_ns > y->work_ns ? -1 : 1;
	return strcmp(x->job->name, y->job->name);
}

struct edge {
	__u64 at;
	int step;
};

static int by_time(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->step - y->step;	/* one that ends as the next begins does not overlap it */
}

static int count_builds(struct job_totals *t)
{
	struct edge *edges = calloc(2 * t->n + 1, sizeof(*edges));
	unsigned n = 0, now = 0;

	if (!edges)
		return -ENOMEM;
	for (unsigned i = 0; i < t->n; i++) {
		if (!t->v[i].job->build)
			continue;
		edges[n++] = (struct edge){ t->v[i].start_ns, 1 };
		edges[n++] = (struct edge){ t->v[i].end_ns, -1 };
	}
	t->builds = n / 2;
	if (n)
		qsort(edges, n, sizeof(*edges), by_time);
	for (unsigned i = 0; i < n; i++) {
		now += edges[i].step;
		if (t->at_once < now)
			t->at_once = now;
	}
	free(edges);
	return 0;
}

int job_totals__collect(struct job_totals *t, const struct recording *r)
{
	struct collector c = { .t = t, .jobs = r->jobs };
	int err;

	*t = (struct job_totals){ 0 };
	if (!r->jobs)
		return 0;
	err = ledger__each_account(r->ledger, add_account, &c);
	if (!err)
		err = ledger__each_line(r->ledger, add_told, &c);
	if (err)
		return err;
	for (unsigned i = 0; i < c.max; i++) {
		struct job_total *row = &t->v[i];

		if (!row->job)
			continue;
		row->own_ns = row->work_ns - row->st_ns[WT_CHILD] - row->told_ns;
		t->v[t->n++] = *row;
	}
	if (t->n)
		qsort(t->v, t->n, sizeof(*t->v), by_work);
	return count_builds(t);
}

void job_totals__free(struct job_totals *t)
{
	free(t->v);
}

/* --- jobs.csv --------------------------------------------------------------- */

static void write_row(const struct recording *r, const struct job_total *t, FILE *f)
{
	static const unsigned roles[] = { WT_JOB_NAME, WT_JOB_BUILD, WT_JOB_TAG, WT_JOB_NODE,
					  WT_JOB_EXECUTOR, WT_JOB_BRANCH, WT_JOB_COMMIT };
	char utc[64];

	csv_field(f, t->job->name);
	fprintf(f, ",%s", t->job->kind);
	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		putc(',', f);
		csv_field(f, t->job->field[roles[i]]);
	}
	fprintf(f, ",%llu,%llu", t->processes, t->threads);
	fprintf(f, ",%s", sink_utc(utc, sizeof(utc), t->start_ns, r->utc_offset_ns));
	fprintf(f, ",%s", sink_utc(utc, sizeof(utc), t->end_ns, r->utc_offset_ns));
	fprintf(f, ",%llu,%llu", t->end_ns - t->start_ns, t->thread_ns);
	for (unsigned s = 0; s < WT_STATES; s++)
		fprintf(f, ",%llu", t->st_ns[s]);
	fprintf(f, ",%llu,%llu,%llu,%llu\n", t->taken.steal_ns, t->taken.irq_ns, t->taken.softirq_ns,
		t->taken.migrations);
}

int sink_jobs_csv(const struct recording *r, FILE *f)
{
	struct job_totals t;
	int err = job_totals__collect(&t, r);

	fputs("job,kind,name,build,tag,node,executor,branch,commit,processes,threads,start_utc,"
	      "end_utc,elapsed_ns,thread_ns", f);
	for (unsigned s = 0; s < WT_STATES; s++)
		fprintf(f, ",%s_ns", ledger__state_name(s));
	fputs(",steal_ns,irq_ns,softirq_ns,migrations\n", f);
	for (unsigned i = 0; i < t.n && !err; i++)
		write_row(r, &t.v[i], f);
	job_totals__free(&t);
	return err ? err : sink_result(f);
}

/* --- summary.json ------------------------------------------------------------ */

/* What a job waited for most, and what the share is of. */
static json_t *wait_json(const struct recording *r, const struct job_total *t,
			 const struct wait_row *row)
{
	json_t *units = NULL;
	struct unit_share share;
	char text[224];
	struct peer net;

	waits__text(r, row, text, sizeof(text), &net);
	if (unit_share__of(&share, r, t, row)) {
		units = json_pack("{s:s, s:I, s:I, s:I}", "kind", share.kind, "n", (json_int_t)share.units,
				  "total_ns", (json_int_t)share.ns, "of_ns", (json_int_t)share.of_ns);
		if (!units)
			return NULL;
	}
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:o}", "wait", text,
			 "state", ledger__state_name(row->state), "reason", row->reason,
			 "total_ns", (json_int_t)row->total_ns, "count", (json_int_t)row->count,
			 "p95_ns", (json_int_t)row->p95_ns,
			 "of_ns", (json_int_t)t->own_ns,
			 "in_units", units ? units : json_null());
}

static json_t *job_json(const struct recording *r, const struct job_total *t,
			const struct wait_row *top)
{
	static const struct {
		const char *key;
		unsigned role;
	} fields[] = {
		{ "name", WT_JOB_NAME }, { "build", WT_JOB_BUILD }, { "tag", WT_JOB_TAG },
		{ "node", WT_JOB_NODE }, { "executor", WT_JOB_EXECUTOR },
		{ "branch", WT_JOB_BRANCH }, { "commit", WT_JOB_COMMIT },
	};
	char start[64], end[64];
	json_t *states = json_object(), *o;
	int err = 0;

	for (unsigned s = 0; s < WT_STATES; s++)
		err |= json_object_set_new(states, ledger__state_name(s), json_integer(t->st_ns[s]));
	o = json_pack("{s:s, s:s, s:I, s:I, s:s, s:s, s:I, s:I, s:I, s:o}",
		      "job", t->job->name, "kind", t->job->kind,
		      "processes", (json_int_t)t->processes, "threads", (json_int_t)t->threads,
		      "start_utc", sink_utc(start, sizeof(start), t->start_ns, r->utc_offset_ns),
		      "end_utc", sink_utc(end, sizeof(end), t->end_ns, r->utc_offset_ns),
		      "elapsed_ns", (json_int_t)(t->end_ns - t->start_ns),
		      "thread_ns", (json_int_t)t->thread_ns, "work_ns", (json_int_t)t->work_ns,
		      "states_ns", states);
	if (o)
		err |= json_object_update_new(o, json_pack("{s:I, s:I, s:I, s:I}",
			"steal_ns", (json_int_t)t->taken.steal_ns, "irq_ns",
			(json_int_t)t->taken.irq_ns, "softirq_ns", (json_int_t)t->taken.softirq_ns,
			"migrations", (json_int_t)t->taken.migrations));
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]) && o; i++)
		if (t->job->field[fields[i].role][0])
			err |= json_object_set_new(o, fields[i].key,
						   json_string(t->job->field[fields[i].role]));
	if (o)
		err |= json_object_set_new(o, "signalled_ns", json_integer(t->told_ns));
	if (top && o)
		err |= json_object_set_new(o, "top_wait", wait_json(r, t, top));
	if (!err)
		return o;
	json_decref(o);
	return NULL;
}

int job_totals__json(const struct recording *r, json_t *o)
{
	json_t *jobs = json_array();
	struct waits w = { 0 };
	struct job_totals t;
	int err = job_totals__collect(&t, r);

	if (!err && t.n)
		err = waits__collect(&w, r, WAITS_BY_JOB);
	for (unsigned i = 0; i < t.n && !err; i++)
		err = json_array_append_new(jobs, job_json(r, &t.v[i],
							   waits__top(&w, t.v[i].job->index)));
	if (!err)
		err = json_object_set_new(o, "builds", json_pack("{s:i, s:i}", "count", (int)t.builds,
								 "at_once", (int)t.at_once));
	err |= json_object_set_new(o, "jobs", jobs);
	waits__free(&w);
	job_totals__free(&t);
	return err ? -ENOMEM : 0;
}
