/* SPDX-License-Identifier: GPL-2.0-or-later */
/* notes.c - notes.md: who recorded what, when and where, for whoever finds it later. */
#include "ledger/text.h"
#include "sinks/csv.h"
#include "sinks/human.h"
#include "sinks/job_totals.h"

#include <string.h>

#define SHOWN_JOBS 50

/* Text that Markdown takes as it is: names come from the traced host. */
static void plain(FILE *f, const char *text)
{
	for (; text && *text; text++) {
		if (strchr("\\`*_[]<>|#&", *text))
			putc('\\', f);
		putc(*text, f);
	}
}

static void item(FILE *f, const char *what, const char *text)
{
	if (!text || !*text)
		return;
	fprintf(f, "- %s: ", what);
	plain(f, text);
	putc('\n', f);
}

static void write_head(const struct recording *r, FILE *f)
{
	char text[512], utc[64], end[64], took[32];
	const char *type = json_string_value(json_object_get(r->target, "type"));

	fputs("# worktrace recording\n\n", f);
	item(f, "what", type);
	item(f, "who", r->who);
	snprintf(text, sizeof(text), "%s to %s (%s), ended by: %s",
		 sink_utc(utc, sizeof(utc), r->start_ns, r->utc_offset_ns),
		 sink_utc(end, sizeof(end), r->end_ns, r->utc_offset_ns),
		 human_ns(took, sizeof(took), r->end_ns - r->start_ns),
		 r->end_reason ? r->end_reason : "unknown");
	item(f, "when", text);
	text__clean(text, sizeof(text), r->host ? r->host : "", sizeof(text), false);
	item(f, "host", text);
	item(f, "kernel", r->kernel);
	item(f, "worktrace", r->version);
}

static void cell(FILE *f, const char *text)
{
	putc(' ', f);
	plain(f, text);
	fputs(" |", f);
}

static void write_job(const struct recording *r, const struct job_total *t, FILE *f)
{
	char buf[64];

	putc('|', f);
	cell(f, t->job->name);
	cell(f, t->job->kind);
	cell(f, sink_utc(buf, sizeof(buf), t->start_ns, r->utc_offset_ns));
	cell(f, human_ns(buf, sizeof(buf), t->end_ns - t->start_ns));
	cell(f, human_ns(buf, sizeof(buf), t->thread_ns));
	cell(f, t->job->field[WT_JOB_NODE]);
	cell(f, t->job->field[WT_JOB_EXECUTOR]);
	cell(f, t->job->field[WT_JOB_BRANCH]);
	cell(f, t->job->field[WT_JOB_COMMIT]);
	putc('\n', f);
}

int sink_notes_md(const struct recording *r, FILE *f)
{
	struct job_totals t;
	int err = job_totals__collect(&t, r);

	write_head(r, f);
	if (!err && t.builds)
		fprintf(f, "- builds: %u, at most %u at once\n", t.builds, t.at_once);
	if (!err && t.n)
		fputs("\n## Jobs\n\n| job | kind | start | elapsed | thread time | node | executor | "
		      "branch | commit |\n|---|---|---|---|---|---|---|---|---|\n", f);
	for (unsigned i = 0; i < t.n && i < SHOWN_JOBS && !err; i++)
		write_job(r, &t.v[i], f);
	if (!err && t.n > SHOWN_JOBS)
		fprintf(f, "\n… and %u more: see jobs.csv\n", t.n - SHOWN_JOBS);
	job_totals__free(&t);
	return err ? err : sink_result(f);
}
