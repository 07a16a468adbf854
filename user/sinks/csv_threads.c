/* SPDX-License-Identifier: GPL-2.0-or-later */
/* csv_threads.c - threads.csv: one row a thread; the states sum to thread_ns. */
#include "sinks/recording.h"
#include "sinks/csv.h"
#include "jobs/jobs.h"

#include <string.h>

static void write_name(FILE *f, const struct ledger_thread *t)
{
	char text[64];

	if (t->tid || !strcmp(t->comm, LEDGER_LOST_ROW)) {
		csv_field(f, t->comm);
		return;
	}
	snprintf(text, sizeof(text), "%s [folded %u]", t->comm, t->count);
	csv_field(f, text);
}

struct writer {
	const struct recording *r;
	FILE *f;
};

static int write_row(void *arg, const struct ledger_thread *t)
{
	const struct writer *w = arg;
	FILE *f = w->f;

	fprintf(f, "%u,%u,", t->tgid, t->tid);
	write_name(f, t);
	fprintf(f, ",%llu,%llu,%llu", t->start_ns, t->end_ns, t->thread_ns);
	for (unsigned s = 0; s < WT_STATES; s++)
		fprintf(f, ",%llu", t->st_ns[s]);
	putc(',', f);
	if (w->r->jobs)
		csv_field(f, jobs__of(w->r->jobs, t->job, t->cgroup, t->flags)->name);
	fprintf(f, ",%llu,%llu,%llu,%llu\n", t->taken.steal_ns, t->taken.irq_ns, t->taken.softirq_ns,
		t->taken.migrations);
	return 0;
}

int sink_threads_csv(const struct recording *r, FILE *f)
{
	struct writer w = { r, f };
	int err;

	fputs("pid,tid,comm,start_ns,end_ns,thread_ns", f);
	csv_states(f);
	fputs(",job,steal_ns,irq_ns,softirq_ns,migrations\n", f);
	err = ledger__each_thread(r->ledger, write_row, &w);
	return err ? err : sink_result(f);
}
