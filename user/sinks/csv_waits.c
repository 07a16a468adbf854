/* SPDX-License-Identifier: GPL-2.0-or-later */
/* csv_waits.c - waits.csv: what was waited for, by whom, how long. */
#include "sinks/csv.h"
#include "sinks/waits.h"

int sink_waits_csv(const struct recording *r, FILE *f)
{
	struct waits w;
	int err = waits__collect(&w, r, WAITS_BY_PROCESS);

	fputs("state,reason,comm,pid,count,total_ns,p50_ns,p95_ns,p99_ns,max_ns\n", f);
	for (unsigned i = 0; i < w.n; i++) {
		const struct wait_row *row = w.rows[i];

		fprintf(f, "%s,", ledger__state_name(row->state));
		csv_field(f, row->reason);
		putc(',', f);
		csv_field(f, row->comm);
		fprintf(f, ",%u,%llu,%llu,%llu,%llu,%llu,%llu\n", row->tgid, row->count,
			row->total_ns, row->p50_ns, row->p95_ns, row->p99_ns, row->max_ns);
	}
	waits__free(&w);
	return err ? err : sink_result(f);
}
