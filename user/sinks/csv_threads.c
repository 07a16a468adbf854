/* SPDX-License-Identifier: GPL-2.0-or-later */
/* csv_threads.c - threads.csv: one row a thread; the states sum to thread_ns. */
#include "sinks/recording.h"
#include "sinks/csv.h"

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

static int write_row(void *arg, const struct ledger_thread *t)
{
	FILE *f = arg;

	fprintf(f, "%u,%u,", t->tgid, t->tid);
	write_name(f, t);
	fprintf(f, ",%llu,%llu,%llu", t->start_ns, t->end_ns, t->thread_ns);
	for (unsigned s = 0; s < WT_STATES; s++)
		fprintf(f, ",%llu", t->st_ns[s]);
	putc('\n', f);
	return 0;
}

int sink_threads_csv(const struct recording *r, FILE *f)
{
	int err;

	fputs("pid,tid,comm,start_ns,end_ns,thread_ns", f);
	csv_states(f);
	putc('\n', f);
	err = ledger__each_thread(r->ledger, write_row, f);
	return err ? err : sink_result(f);
}
