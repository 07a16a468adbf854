/* SPDX-License-Identifier: GPL-2.0-or-later */
/* csv_transcodes.c - transcodes.csv: one row an ffmpeg; the states sum to thread_ns. */
#include "sinks/csv.h"
#include "sinks/recording.h"
#include "units/execs.h"

#include <unistd.h>

struct out {
	const struct recording *r;
	FILE *f;
	unsigned rows;
};

static void ratio(FILE *f, double over, double under)
{
	if (under > 0)
		fprintf(f, ",%.3f", over / under);
	else
		putc(',', f);
}

static void known(FILE *f, bool is, __u64 v)
{
	if (is)
		fprintf(f, ",%llu", v);
	else
		putc(',', f);
}

static void write_who(const struct out *o, const struct exec_unit *u)
{
	FILE *f = o->f;

	csv_field(f, recording__job(o->r, u->x.job, u->x.cgroup));
	putc(',', f);
	csv_field(f, u->unit ? u->unit : "");
	putc(',', f);
	fprintf(f, "%u,%u,%s,", u->x.tgid, u->x.ppid, u->status);
	csv_field(f, u->input ? u->input : "");
	putc(',', f);
	csv_field(f, u->output ? u->output : "");
	putc(',', f);
	csv_utc(f, u->start_ns, o->r->utc_offset_ns);
	putc(',', f);
	if (u->end_ns)
		csv_utc(f, u->end_ns, o->r->utc_offset_ns);
}

/* Frames, media time, and what of the CPU time each stage took. */
static void write_stages(FILE *f, const struct exec_unit *u, __u64 now)
{
	const struct ffmpeg_sums *s = &u->sums;
	__u64 from = u->staged_from_ns ? u->staged_from_ns : u->start_ns;
	__u64 to = u->end_ns ? u->end_ns : now;
	bool out = u->staged && s->written;
	double seconds = to > from ? (double)(to - from) / 1e9 : 0;

	known(f, u->staged, s->frames_in);
	known(f, out, s->frames_out);
	known(f, out, s->media_ns);
	ratio(f, (double)s->media_ns / 1e9, out && s->media_ns ? seconds : 0);
	ratio(f, (double)s->frames_out, out && s->frames_out ? seconds : 0);
	for (unsigned i = WT_STAGE_DEMUX; i < WT_STAGES; i++)
		known(f, u->staged || u->by_stack, s->cpu_ns[i]);
}

static void write_more_stages(const struct out *o, const struct exec_unit *u)
{
	FILE *f = o->f;

	fprintf(f, ",%s,", u->staged ? "uprobes" : u->by_stack ? "stacks" : "none");
	if (u->staged_from_ns)
		csv_utc(f, u->staged_from_ns, o->r->utc_offset_ns);
	known(f, u->staged || u->by_stack, u->sums.cpu_ns[WT_STAGE_NONE]);
	for (unsigned i = WT_STAGE_DEMUX; i < WT_STAGES; i++)
		known(f, u->staged, u->sums.elapsed_ns[i]);
}

static int write_row(void *arg, const struct exec_unit *u)
{
	const struct out *o = arg;
	bool io = u->bytes_known;
	FILE *f = o->f;

	if (u->kind != EXEC_FFMPEG)
		return 0;
	write_who(o, u);
	fprintf(f, ",%llu,%llu", exec_unit__elapsed(u, o->r->end_ns), u->thread_ns);
	for (unsigned s = 0; s < WT_STATES; s++)
		fprintf(f, ",%llu", u->st_ns[s]);
	fprintf(f, ",%llu,%llu,%u", u->user_ns, u->sys_ns, u->threads);
	write_stages(f, u, o->r->end_ns);
	known(f, io, u->x.read_bytes);
	known(f, io, u->x.write_bytes);
	known(f, u->x.rss_pages, u->x.rss_pages * sysconf(_SC_PAGESIZE));
	if (u->staged && u->sums.written && !u->staged_from_ns)
		known(f, u->sums.frames_out, u->sums.frames_out ? u->st_ns[WT_CPU] / u->sums.frames_out : 0);
	else
		putc(',', f);
	known(f, io, u->x.rchar);
	known(f, io, u->x.wchar);
	fprintf(f, ",%d", !!(u->x.flags & WT_X_SEEDED));
	write_more_stages(o, u);
	if (u->has_progress)
		fprintf(f, ",%.2f,", 100 * u->progress);
	else
		fputs(",,", f);
	if (u->has_progress && u->left_s >= 0)
		fprintf(f, "%.1f", u->left_s);
	known(f, exec_unit__start_known(u), u->sums.start_ns);
	known(f, u->sums.end_ns, u->sums.end_ns);
	putc('\n', f);
	return 0;
}

int sink_transcodes_csv(const struct recording *r, FILE *f)
{
	struct out o = { .r = r, .f = f };
	int err;

	fputs("job,unit,pid,ppid,exit_status,input,output,start_utc,end_utc,elapsed_ns,thread_ns", f);
	csv_states(f);
	fputs(",user_ns,sys_ns,threads,frames_in,frames_out,media_ns,speed,fps,demux_ns,decode_ns,"
	      "filter_ns,encode_ns,mux_ns,read_bytes,write_bytes,max_rss_bytes,cpu_ns_per_frame,"
	      "read_call_bytes,write_call_bytes,seeded,stage_source,stages_from_utc,rest_ns,"
	      "demux_elapsed_ns,decode_elapsed_ns,filter_elapsed_ns,encode_elapsed_ns,mux_elapsed_ns,"
	      "progress_percent,eta_s,start_ns,end_ns\n", f);
	err = execs__each(r->execs, write_row, &o);
	return err ? err : sink_result(f);
}
