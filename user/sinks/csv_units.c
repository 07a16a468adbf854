/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * csv_units.c - units.csv: one row a unit; the states sum to thread_ns.  Units that
 * were told of together share their account evenly, to the nanosecond.
 */
#include "sinks/recording.h"
#include "sinks/csv.h"

#include <string.h>
#include <sys/wait.h>

#define MOST 500000		/* rows in all of units that share a record */

struct out {
	const struct recording *r;
	FILE *f;
	__u64 rows;
};

/* The i-th of n parts of ns. */
static __u64 part(__u64 ns, __u32 i, __u32 n)
{
	unsigned __int128 x = ns;

	return (__u64)(x * (i + 1) / n) - (__u64)(x * i / n);
}

static void write_number(FILE *f, __u64 v)
{
	if (v != ~0ULL)
		fprintf(f, "%llu", v);
	putc(',', f);
}

static void write_exit(FILE *f, const struct unit_row *u)
{
	if (u->has_exit && WIFSIGNALED(u->exit_code))
		csv_signal(f, WTERMSIG(u->exit_code));
	else if (u->has_exit)
		fprintf(f, "%d", WEXITSTATUS(u->exit_code));
	else if (u->failed)
		fputs("failed", f);
}

/* A counter's units are called by their number. */
static void write_name(FILE *f, const struct unit_row *u, __u32 i)
{
	if (u->done != ~0ULL)
		fprintf(f, "%llu", u->done - (u->n - 1 - i));
	else
		csv_field(f, u->label);
}

static void write_one(const struct out *o, const struct unit_row *u, __u32 i)
{
	__u64 length = u->end_ns - u->start_ns, thread_ns = 0;
	__u64 start = u->start_ns + (__u64)((unsigned __int128)length * i / u->n);
	__u64 end = u->start_ns + (__u64)((unsigned __int128)length * (i + 1) / u->n);
	FILE *f = o->f;

	csv_field(f, recording__job(o->r, u->job, u->cgroup));
	putc(',', f);
	write_name(f, u, i);
	fprintf(f, ",%s", unit__kind_name(u->kind));
	if (*u->pattern) {
		putc(':', f);
		csv_field(f, u->pattern);
	}
	fprintf(f, ",%u,%llu,", u->tgid, u->seq + i);
	write_number(f, u->done == ~0ULL ? u->done : u->done - (u->n - 1 - i));
	write_number(f, u->total);
	csv_utc(f, start, o->r->utc_offset_ns);
	putc(',', f);
	csv_utc(f, end, o->r->utc_offset_ns);
	for (unsigned s = 0; s < WT_STATES; s++)
		thread_ns += part(u->st_ns[s], i, u->n);
	fprintf(f, ",%llu,%llu", end - start, thread_ns);
	for (unsigned s = 0; s < WT_STATES; s++)
		fprintf(f, ",%llu", part(u->st_ns[s], i, u->n));
	fprintf(f, ",%llu,", part(u->transcode_ns, i, u->n));
	write_exit(f, u);
	fprintf(f, ",%u,", u->batched);
	csv_field(f, u->label);
	for (unsigned k = 0; k < UNIT_EXTRAS; k++) {
		if (u->has_extra)
			fprintf(f, ",%llu", part(u->extra[k], i, u->n));
		else
			putc(',', f);
	}
	putc('\n', f);
}

/* A folded row stands for units that are gone: it stays one row. */
static int write_row(void *arg, const struct unit_row *u)
{
	struct unit_row whole = *u;
	struct out *o = arg;

	/* nor does anybody want bytes, of which a line tells a million, one by one */
	if (!strcmp(u->label, UNIT_FOLDED) || (u->n > 1 && o->rows + u->n > MOST)) {
		whole.n = 1;
		whole.batched = u->n;
		write_one(o, &whole, 0);
		return 0;
	}
	o->rows += u->n > 1 ? u->n : 0;
	for (__u32 i = 0; i < u->n; i++)
		write_one(o, u, i);
	return 0;
}

int sink_units_csv(const struct recording *r, FILE *f)
{
	struct out o = { .r = r, .f = f };
	int err = 0;

	fputs("job,unit,kind,pid,seq,done,total,start_utc,end_utc,elapsed_ns,thread_ns", f);
	csv_states(f);
	fputs(",transcode_ns,exit_status,batched,label,steal_ns,irq_ns,softirq_ns,migrations,disk_reads,"
	      "disk_read_bytes,disk_writes,disk_write_bytes,disk_others,disk_requests_ns\n", f);
	if (r->units)
		err = units__each(r->units, write_row, &o);
	return err ? err : sink_result(f);
}
