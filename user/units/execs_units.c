/* SPDX-License-Identifier: GPL-2.0-or-later */
/* execs_units.c - programs that have ended become units, and count for the unit they were run for. */
#include "units/execs_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "units/units.h"

/* Calls after its end until the records of its last threads have surely come. */
#define SETTLE_CALLS 2
#define LABEL_MAX 200		/* bytes of a command line that name a unit */

static void make_label(const struct exec_entry *t, char *label, size_t sz)
{
	const char *command = t->command ? t->command : t->name;
	size_t n = strlen(command);

	if (n < sz) {
		strcpy(label, command);
		return;
	}
	/* not within a character */
	for (n = sz - 4; n && (command[n] & 0xc0) == 0x80; n--)
		;
	snprintf(label, sz, "%.*s…", (int)n, command);
}

static const enum unit_extra number_of[] = {
	[OBJECT_READS] = UNIT_READS, [OBJECT_WRITES] = UNIT_WRITES, [OBJECT_REQUESTS] = UNIT_REQUESTS,
};
static const enum unit_extra bytes_of[] = {
	[OBJECT_READS] = UNIT_READ_BYTES, [OBJECT_WRITES] = UNIT_WRITE_BYTES, [OBJECT_REQUESTS] = UNIT_EXTRAS,
};

static __u64 more(__u64 *sum, __u64 by_disk)
{
	__u64 rest = *sum > by_disk ? *sum - by_disk : 0;

	if (*sum < by_disk)
		*sum = by_disk;
	return rest;
}

/*
 * Its requests by the disk, and as a rest those whose line was lost: the sums are counted apart,
 * a little earlier.  v: room for what t has and three; returns how many.
 */
static unsigned asked_of(const struct exec_entry *t, struct unit_row *r, struct unit_request *v)
{
	unsigned n = t->n_asked;
	__u64 ns = 0, rest_ns;

	if (n)
		memcpy(v, t->asked, n * sizeof(*v));
	for (unsigned i = 0; i < n; i++)
		ns += v[i].ns;
	rest_ns = more(&r->extra[UNIT_REQUESTS_NS], ns);
	for (unsigned what = OBJECT_READS; what <= OBJECT_REQUESTS; what++) {
		struct unit_request rest = { .what = what, .dev = OBJECT_NO_DISK }, sum = {};

		for (unsigned i = 0; i < t->n_asked; i++) {
			sum.count += v[i].what == what ? v[i].count : 0;
			sum.bytes += v[i].what == what ? v[i].bytes : 0;
		}
		rest.count = more(&r->extra[number_of[what]], sum.count);
		if (bytes_of[what] < UNIT_EXTRAS)
			rest.bytes = more(&r->extra[bytes_of[what]], sum.bytes);
		if (!rest.count)
			continue;
		rest.ns = rest_ns;	/* which of them took it is not known */
		rest_ns = 0;
		v[n++] = rest;
	}
	return n;
}

/* One that the kernel side had no room for, or only user space saw, has no figures of disks. */
static void set_extra(struct unit_row *r, const struct exec_unit *x)
{
	r->has_extra = true;
	r->extra[UNIT_STEAL_NS] = x->taken.steal_ns;
	r->extra[UNIT_IRQ_NS] = x->taken.irq_ns;
	r->extra[UNIT_SOFTIRQ_NS] = x->taken.softirq_ns;
	r->extra[UNIT_MIGRATIONS] = x->taken.migrations;
	r->extra[UNIT_READS] = x->x.reads;
	r->extra[UNIT_READ_BYTES] = x->x.blk_read_bytes;
	r->extra[UNIT_WRITES] = x->x.writes;
	r->extra[UNIT_WRITE_BYTES] = x->x.blk_write_bytes;
	r->extra[UNIT_REQUESTS] = x->x.requests;
	r->extra[UNIT_REQUESTS_NS] = x->x.requests_ns;
}

/* *elapsed_ns: what it took. */
static int put_row(struct execs *e, const struct exec_entry *t, struct units *u, __u64 now,
		   __u64 *elapsed_ns)
{
	struct unit_request *asked = calloc(t->n_asked + OBJECT_REQUESTS, sizeof(*asked));
	struct exec_unit x;
	unsigned n;
	int err;
	struct unit_row r = {
		.kind = UNIT_EXEC, .n = 1, .seq = 1, .done = ~0ULL, .total = ~0ULL, .batched = 1,
		.pattern = t->name,
	};
	char label[LABEL_MAX + 1];

	if (!asked)
		return -ENOMEM;
	execs__view(e, t, &x);
	make_label(t, label, sizeof(label));
	r.label = label;
	r.image = t->x.image;
	r.job = t->x.job;
	r.cgroup = t->x.cgroup;
	r.tgid = t->x.tgid;
	memcpy(r.comm, t->x.name.name, sizeof(r.comm));
	r.start_ns = x.start_ns;
	r.end_ns = x.end_ns ? x.end_ns : now;
	memcpy(r.st_ns, x.st_ns, sizeof(r.st_ns));
	set_extra(&r, &x);
	*elapsed_ns = exec_unit__elapsed(&x, now);
	if (t->kind == EXEC_FFMPEG)
		r.transcode_ns = *elapsed_ns;
	r.has_exit = x.status[0];
	r.exit_code = x.wait_status;
	r.failed = r.has_exit && r.exit_code;
	n = asked_of(t, &r, asked);
	err = units__put(u, &r, asked, n);
	free(asked);
	return err;
}

static int tell(struct execs *e, struct exec_entry *t, struct units *u, __u64 now)
{
	__u64 elapsed_ns;
	int err = put_row(e, t, u, now, &elapsed_ns);

	t->told = true;
	if (err || t->kind != EXEC_FFMPEG || !t->x.epoch)
		return err;
	return units__on_transcode(u, t->x.epoch, t->x.parent, elapsed_ns);
}

/* The unit it was run for, once that is known. */
static int find_parent(struct exec_entry *t, const struct units *u)
{
	__u32 row = t->x.epoch ? units__of_epoch(u, t->x.epoch, t->x.parent) : 0;
	const struct unit_row *r;

	if (row == UNITS_OPEN)
		return 0;
	r = row ? units__row(u, row) : NULL;
	if (!r)
		return 0;
	/* a counter's units are called by their number, as in units.csv */
	if (r->done == ~0ULL)
		t->parent_unit = strdup(r->label);
	else if (r->n > 1 && asprintf(&t->parent_unit, "%llu-%llu", r->done - (r->n - 1), r->done) < 0)
		t->parent_unit = NULL;
	else if (r->n <= 1 && asprintf(&t->parent_unit, "%llu", r->done) < 0)
		t->parent_unit = NULL;
	return t->parent_unit ? 0 : -ENOMEM;
}

int execs__tell(struct execs *e, struct units *u, __u64 now, bool last)
{
	bool settled = false;
	int err = 0;

	for (unsigned i = 0; i < e->n && !err; i++) {
		struct exec_entry *t = e->all[i];

		if (t->ignored)
			continue;
		if (!t->parent_unit)
			err = find_parent(t, u);
		if (err || t->told)
			continue;
		if (t->x.flags & (WT_X_ENDED | WT_X_REPLACED))
			t->calls_ended++;
		if (t->calls_ended < SETTLE_CALLS && !last)
			continue;
		if (!settled)
			ledger__settle_programs(e->ledger);
		settled = true;
		err = tell(e, t, u, now);
	}
	return err;
}

int execs__find_parents(struct execs *e, const struct units *u)
{
	int err = 0;

	for (unsigned i = 0; i < e->n && !err; i++)
		if (!e->all[i]->ignored && !e->all[i]->parent_unit)
			err = find_parent(e->all[i], u);
	return err;
}
