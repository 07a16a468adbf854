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
	fputs(",,,,,,,,,,", f);
	known(f, io, u->x.read_bytes);
	known(f, io, u->x.write_bytes);
	known(f, u->x.rss_pages, u->x.rss_pages * sysconf(_SC_PAGESIZE));
	ratio(f, 0, 0);
	known(f, io, u->x.rchar);
	known(f, io, u->x.wchar);
	fprintf(f, ",%d\n", !!(u->x.flags & WT_X_SEEDED));
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
	      "read_call_bytes,write_call_bytes,seeded\n", f);
	err = execs__each(r->execs, write_row, &o);
	return err ? err : sink_result(f);
}
