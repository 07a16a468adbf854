/* SPDX-License-Identifier: GPL-2.0-or-later */
/* csv_spans.c - spans.csv: one row for each --span; the states sum to total_ns. */
#include "sinks/csv.h"
#include "sinks/recording.h"

static void write_row(FILE *f, const struct span_row *s)
{
	csv_field(f, s->name);
	fprintf(f, ",%llu,%llu,%llu,%llu,%llu,%llu,%llu,%llu,%llu", s->count, s->recursive, s->abandoned,
		s->total_ns, s->count ? s->total_ns / s->count : 0, s->p50_ns, s->p95_ns, s->p99_ns,
		s->max_ns);
	for (unsigned i = 0; i < WT_STATES; i++)
		fprintf(f, ",%llu", s->st_ns[i]);
	fprintf(f, ",%llu,%llu,%d\n", s->open, s->unmatched, s->rate_limited);
}

int sink_spans_csv(const struct recording *r, FILE *f)
{
	fputs("span,count,recursive,abandoned,total_ns,mean_ns,p50_ns,p95_ns,p99_ns,max_ns", f);
	csv_states(f);
	fputs(",open,unmatched,rate_limited\n", f);
	for (unsigned i = 0; i < r->n_spans; i++)
		write_row(f, &r->spans[i]);
	return sink_result(f);
}
