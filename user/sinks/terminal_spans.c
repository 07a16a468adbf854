/* SPDX-License-Identifier: GPL-2.0-or-later */
/* terminal_spans.c - SPANS: what each span took, and what it was made of. */
#include "sinks/human.h"
#include "sinks/recording.h"

#include <stdio.h>
#include <string.h>

/* "cpu 40 %, net 60 %": the largest states of its time. */
static void write_mix(FILE *f, const struct span_row *s)
{
	bool done[WT_STATES] = { false };

	for (int k = 0; k < 3; k++) {
		unsigned top = 0;

		for (unsigned i = 0; i < WT_STATES; i++)
			if (!done[i] && (done[top] || s->st_ns[i] > s->st_ns[top]))
				top = i;
		if (!s->total_ns || s->st_ns[top] * 100 < s->total_ns)
			break;
		done[top] = true;
		fprintf(f, "%s%s %.0f %%", k ? ", " : "", ledger__state_name(top),
			100.0 * (double)s->st_ns[top] / (double)s->total_ns);
	}
}

static void write_notes(FILE *f, const struct span_row *s)
{
	if (s->abandoned)
		fprintf(f, "    %llu of them left without a return: by longjmp, an exception, or with their thread\n",
			s->abandoned);
	if (s->recursive)
		fprintf(f, "    %llu calls more were made inside of others, and are no spans of their own\n",
			s->recursive);
	if (s->open)
		fprintf(f, "    %llu lasted when the recording ended, and are not counted\n", s->open);
	if (s->rate_limited)
		fputs("    hit too often: its probes were taken away, this is what came before\n", f);
	if (!s->files && s->method != SPAN_BY_NAME)
		fputs("    nobody has mapped its library\n", f);
	else if (!s->hits && s->method != SPAN_BY_NAME)
		fputs("    its probes were never reached\n", f);
}

void sink_terminal_spans(const struct recording *r, FILE *f)
{
	for (unsigned i = 0; i < r->n_spans; i++) {
		const struct span_row *s = &r->spans[i];
		char text[64];

		fputs("  ", f);
		human_label(f, s->name, 18);
		human_cell(f, human_count(text, sizeof(text), s->count), 9);
		human_cell(f, human_ns(text, sizeof(text), s->total_ns), 11);
		human_cell(f, s->count ? human_ns(text, sizeof(text), s->total_ns / s->count) : "-", 11);
		human_cell(f, s->count ? human_ns(text, sizeof(text), s->p95_ns) : "-", 11);
		human_cell(f, s->count ? human_ns(text, sizeof(text), s->max_ns) : "-", 11);
		fputs("  ", f);
		write_mix(f, s);
		putc('\n', f);
		write_notes(f, s);
	}
}
