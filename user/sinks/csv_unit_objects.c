/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * csv_unit_objects.c - unit_objects.csv: what each unit waited for, and what it asked of
 * disks; one row an object.  Units that were told of together have theirs together.
 */
#include "disks/disks.h"
#include "ledger/text.h"
#include "sinks/csv.h"
#include "sinks/recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct out {
	const struct recording *r;
	FILE *f;
	struct unit_object *sorted;
	unsigned room;
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
	const struct disk *disk = NULL;
	FILE *f = o->f;

	if (x->what && o->r->disks)
		for (unsigned i = 0; i < o->r->disks->n; i++)
			if ((o->r->disks->v[i].dev & 0x7fffffff) == key)
				disk = &o->r->disks->v[i];
	fprintf(f, "%s,", x->what ? "request" : ledger__state_name(x->state));
	if (!name)
		fputs("[others]", f);
	else if (!x->what)
		csv_field(f, name);
	else if (disk)
		csv_field(f, disk->total.name);
	else
		fprintf(f, "%llu:%llu", key >> 20, key & 0xfffff);
	putc(',', f);
	if (name && !x->what)
		write_server(o, key);
	fprintf(f, ",%s,%u,%llu,%llu\n", ops[x->what & 3], x->count, x->bytes, x->ns);
}

static int write_row(void *arg, const struct unit_row *u)
{
	const struct unit_objects *v = &u->objects;
	struct out *o = arg;

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
	struct out o = { .r = r, .f = f };
	int err;

	fputs("job,unit,kind,pid,seq,units,state,object,server,operation,count,bytes,total_ns\n", f);
	err = r->units ? units__each(r->units, write_row, &o) : 0;
	free(o.sorted);
	return err ? err : sink_result(f);
}
