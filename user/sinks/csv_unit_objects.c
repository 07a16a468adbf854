/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * csv_unit_objects.c - unit_objects.csv: what each unit waited for, and what it asked of
 * disks; one row an object.  Units that were told of together have theirs together, all calls of
 * a span have, too.
 */
#include "disks/disks.h"
#include "jobs/jobs.h"
#include "ledger/text.h"
#include "sinks/csv.h"
#include "sinks/object_sums.h"
#include "spans/row.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct out {
	const struct recording *r;
	FILE *f;
	struct unit_object *sorted;
	unsigned room;
	struct object_sums sums;	/* of programs and spans */
	struct rowmap spans;		/* struct span_sum */
};

/* All calls of a span, in a job. */
struct span_sum {
	struct rowkey key;
	struct object_owner owner;
	const char *job;
	__u64 units, st_ns[WT_STATES];
};

/* Waits before requests, the longest first. */
static int in_order(const void *a, const void *b)
{
	const struct unit_object *x = a, *y = b;

	if (!x->what != !y->what)
		return x->what ? 1 : -1;
	if (x->ns != y->ns)
		return x->ns > y->ns ? -1 : 1;
	if (x->state != y->state)
		return x->state < y->state ? -1 : 1;
	return x->what != y->what ? (x->what < y->what ? -1 : 1) : x->name < y->name ? -1 : x->name > y->name;
}

static void write_unit(const struct out *o, const struct unit_row *u)
{
	FILE *f = o->f;

	csv_field(f, recording__job(o->r, u->job, u->cgroup));
	putc(',', f);
	if (u->done != ~0ULL && strcmp(u->label, UNIT_FOLDED))
		fprintf(f, "%llu", u->done);
	else
		csv_field(f, u->label);
	fprintf(f, ",%s", unit__kind_name(u->kind));
	if (*u->pattern) {
		putc(':', f);
		csv_field(f, u->pattern);
	}
	fprintf(f, ",%u,%llu,%u,", u->tgid, u->seq + u->n - 1, u->n);
}

/* Who listens where the peer is, if it is a process of this host. */
static void write_server(const struct out *o, __u64 reason)
{
	const struct wt_reason *why = reason ? ledger__reason(o->r->ledger, reason) : NULL;
	const struct wt_server_row *server = NULL;
	char name[2 * WT_COMM_LEN];
	struct peer_id id;

	if (why && peer_id__of_reason(&id, why))
		server = servers__of(o->r->servers, &id);
	if (server)
		csv_field(o->f, text__clean(name, sizeof(name), server->comm, WT_COMM_LEN, false));
}

static void write_object(const struct out *o, const struct unit_object *x)
{
	static const char *const ops[] = { "", "read", "write", "other" };
	__u64 key;
	const char *name = objects__name(units__objects(o->r->units), x, &key);
	char disk[WT_DISK_LEN];
	FILE *f = o->f;

	fprintf(f, "%s,", x->what ? "request" : ledger__state_name(x->state));
	if (!name)
		fputs("[others]", f);
	else if (!x->what)
		csv_field(f, name);
	else
		csv_field(f, disks__label(o->r->disks, key, disk, sizeof(disk)));
	putc(',', f);
	if (name && !x->what)
		write_server(o, key);
	fprintf(f, ",%s,%u,%llu,%llu\n", ops[x->what & 3], x->count, x->bytes, x->ns);
}

/* A wait of those that object_sums has; what of a column they are not is [others]. */
static void write_sum(const struct out *o, const struct object_sum *x)
{
	fprintf(o->f, "%s,", ledger__state_name(x->state));
	csv_field(o->f, x->text);
	putc(',', o->f);
	write_server(o, x->reason);
	fprintf(o->f, ",,%llu,0,%llu\n", x->count, x->ns);
}

static void write_rest(const struct out *o, unsigned state, __u64 ns)
{
	fprintf(o->f, "%s,[others],,,0,0,%llu\n", ledger__state_name(state), ns);
}

static void write_span_head(const struct out *o, const struct span_sum *s)
{
	const char *name = o->r->spans[s->owner.span - 1].name;

	csv_field(o->f, s->job);
	putc(',', o->f);
	csv_field(o->f, name);
	fprintf(o->f, ",%s:", unit__kind_name(UNIT_SPAN));
	csv_field(o->f, name);
	fprintf(o->f, ",0,0,%llu,", s->units);
}

/* Those of one program (u), or of all calls of a span (s); st_ns: the columns that they sum to. */
static void write_waits(const struct out *o, const struct unit_row *u, const struct span_sum *s,
			const struct object_owner *owner, const __u64 *st_ns)
{
	unsigned n, named[2] = { 0 };
	struct object_sum *const *v = object_sums__of(&o->sums, owner, &n);
	__u64 rest[WT_STATES];

	memcpy(rest, st_ns, sizeof(rest));
	for (unsigned i = 0; i < n; i++) {
		unsigned *most = &named[v[i]->state == WT_RUNQ];

		/* as few as other units keep, and none that the column does not have */
		if (*most >= (v[i]->state == WT_RUNQ ? UNIT_RIVALS_MAX : UNIT_WAITS_MAX) || v[i]->ns > rest[v[i]->state])
			continue;
		++*most;
		rest[v[i]->state] -= v[i]->ns;
		if (s)
			write_span_head(o, s);
		else
			write_unit(o, u);
		write_sum(o, v[i]);
	}
	for (unsigned state = WT_RUNQ; state < WT_STATES; state++) {
		if (!rest[state])
			continue;
		if (s)
			write_span_head(o, s);
		else
			write_unit(o, u);
		write_rest(o, state, rest[state]);
	}
}

/* It counts for all of its span. */
static int add_span(struct out *o, const struct unit_row *u)
{
	struct object_owner owner = { .job = jobs__of(o->r->jobs, u->job, u->cgroup, 0)->index };
	struct span_sum *s;
	char key[32];

	while (owner.span < o->r->n_spans && strcmp(o->r->spans[owner.span].name, u->pattern))
		owner.span++;
	if (owner.span++ == o->r->n_spans)
		return 0;
	snprintf(key, sizeof(key), "%u %u", owner.job, owner.span);
	s = rowmap__get(&o->spans, key, strlen(key));
	if (!s)
		return -ENOMEM;
	s->owner = owner;
	s->job = recording__job(o->r, u->job, u->cgroup);
	s->units += u->n;
	for (unsigned state = 0; state < WT_STATES; state++)
		s->st_ns[state] += u->st_ns[state];
	return 0;
}

static int write_row(void *arg, const struct unit_row *u)
{
	const struct object_owner owner = { .image = u->image };
	const struct unit_objects *v = &u->objects;
	struct out *o = arg;

	if (u->kind == UNIT_SPAN && o->r->jobs)
		return add_span(o, u);
	if (u->image)
		write_waits(o, u, NULL, &owner, u->st_ns);

	if (v->n > o->room) {
		struct unit_object *sorted = reallocarray(o->sorted, v->n, sizeof(*sorted));

		if (!sorted)
			return -ENOMEM;
		o->sorted = sorted;
		o->room = v->n;
	}
	if (v->n) {
		memcpy(o->sorted, v->v, v->n * sizeof(*v->v));
		qsort(o->sorted, v->n, sizeof(*v->v), in_order);
	}
	for (unsigned i = 0; i < v->n; i++) {
		write_unit(o, u);
		write_object(o, &o->sorted[i]);
	}
	return 0;
}

int sink_unit_objects_csv(const struct recording *r, FILE *f)
{
	struct out o = { .r = r, .f = f, .spans.size = sizeof(struct span_sum) };
	int err;

	fputs("job,unit,kind,pid,seq,units,state,object,server,operation,count,bytes,total_ns\n", f);
	err = object_sums__collect(&o.sums, r);
	if (!err && r->units)
		err = units__each(r->units, write_row, &o);
	for (unsigned i = 0; i < o.spans.n && !err; i++) {
		const struct span_sum *s = rowmap__at(&o.spans, i);

		write_waits(&o, NULL, s, &s->owner, s->st_ns);
	}
	rowmap__free(&o.spans);
	object_sums__free(&o.sums);
	free(o.sorted);
	return err ? err : sink_result(f);
}
