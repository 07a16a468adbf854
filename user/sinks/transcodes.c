/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sinks/transcodes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sinks/human.h"
#include "units/execs.h"

struct collect {
	struct transcodes *t;
	__u64 *elapsed;
};

static int add(void *arg, const struct exec_unit *u)
{
	struct collect *c = arg;
	struct transcodes *t = c->t;

	if (u->kind != EXEC_FFMPEG)
		return 0;
	t->n++;
	t->thread_ns += u->thread_ns;
	for (unsigned s = 0; s < WT_STATES; s++)
		t->st_ns[s] += u->st_ns[s];
	for (unsigned s = 0; s < WT_STAGES && (u->staged || u->by_stack); s++)
		t->stage_ns[s] += u->sums.cpu_ns[s];
	if (exec_unit__start_known(u))
		t->start_ns += u->sums.start_ns;
	if (u->staged && u->end_ns)
		t->end_ns += u->sums.end_ns;
	if (!u->end_ns) {
		t->running++;
		return 0;
	}
	if (u->staged && u->sums.written && !u->staged_from_ns && u->sums.media_ns) {
		t->media_ns += u->sums.media_ns;
		t->media_elapsed_ns += exec_unit__elapsed(u, 0);
		t->frames_out += u->sums.frames_out;
	}
	c->elapsed[t->ended++] = exec_unit__elapsed(u, 0);
	t->failed += u->status[0] && strcmp(u->status, "0");
	return 0;
}

static int by_size(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

/* The smallest value that so many per cent are not above. */
static __u64 percentile(const __u64 *v, unsigned n, unsigned percent)
{
	unsigned rank = (unsigned)(((unsigned long long)n * percent + 99) / 100);

	return n ? v[rank ? rank - 1 : 0] : 0;
}

int transcodes__collect(struct transcodes *t, const struct recording *r)
{
	struct collect c = { .t = t };
	__u64 sum = 0;
	int err;

	memset(t, 0, sizeof(*t));
	if (!execs__has(r->execs, EXEC_FFMPEG))
		return 0;
	c.elapsed = calloc(execs__count(r->execs), sizeof(*c.elapsed));
	if (!c.elapsed)
		return -ENOMEM;
	err = execs__each(r->execs, add, &c);
	if (!err && t->ended) {
		qsort(c.elapsed, t->ended, sizeof(*c.elapsed), by_size);
		for (unsigned i = 0; i < t->ended; i++)
			sum += c.elapsed[i];
		t->mean_ns = sum / t->ended;
		t->p50_ns = percentile(c.elapsed, t->ended, 50);
		t->p95_ns = percentile(c.elapsed, t->ended, 95);
		t->p99_ns = percentile(c.elapsed, t->ended, 99);
		t->per_minute = 60e9 * t->ended / (double)(r->end_ns - r->start_ns);
	}
	free(c.elapsed);
	return err;
}

/* "cpu 88 %, runq 5 %": the largest states of their thread time. */
static void print_mix(FILE *f, const struct transcodes *t)
{
	bool done[WT_STATES] = { false };

	for (int k = 0; k < 5; k++) {
		unsigned top = WT_STATES;

		for (unsigned s = 0; s < WT_STATES; s++)
			if (!done[s] && (top == WT_STATES || t->st_ns[s] > t->st_ns[top]))
				top = s;
		if (!t->thread_ns || t->st_ns[top] * 100 < t->thread_ns)
			break;
		done[top] = true;
		fprintf(f, "%s%s %.0f %%", k ? ", " : "", ledger__state_name(top),
			100.0 * (double)t->st_ns[top] / (double)t->thread_ns);
	}
}

static void print_stage(FILE *f, const char *name, __u64 ns, __u64 all, unsigned *shown)
{
	if (ns * 100 >= all)
		fprintf(f, "%s%s %.0f %%", (*shown)++ ? ", " : "", name, 100.0 * (double)ns / (double)all);
}

/* What their CPU time was for. */
static void print_stages(FILE *f, const struct transcodes *t)
{
	static const char *const names[WT_STAGES] = { NULL, "demux", "decode", "filter", "encode", "mux" };
	unsigned shown = 0;
	__u64 all = 0;
	char buf[32];

	for (unsigned s = 0; s < WT_STAGES; s++)
		all += t->stage_ns[s];
	if (!all)
		return;
	fprintf(f, "  %s of CPU time: ", human_ns(buf, sizeof(buf), all));
	for (unsigned s = WT_STAGE_DEMUX; s < WT_STAGES; s++)
		print_stage(f, names[s], t->stage_ns[s], all, &shown);
	print_stage(f, "loading the program", t->start_ns, all, &shown);
	print_stage(f, "unloading it", t->end_ns, all, &shown);
	print_stage(f, "in no stage", t->stage_ns[WT_STAGE_NONE] - t->start_ns - t->end_ns, all, &shown);
	putc('\n', f);
}

int transcodes__print(const struct recording *r, FILE *f, bool colour)
{
	char mean[32], p95[32], thread[32], frames[32];
	struct transcodes t;
	int err = transcodes__collect(&t, r);

	if (err || !t.n)
		return err;
	fprintf(f, colour ? "\n\033[1m%s\033[0m" : "\n%s", "TRANSCODES");
	fprintf(f, "  %u ffmpeg%s", t.n, t.n == 1 ? "" : "s");
	if (t.ended > 1)
		fprintf(f, ", %.2f ended a minute", t.per_minute);
	if (t.failed)
		fprintf(f, ", %u failed", t.failed);
	if (t.running)
		fprintf(f, ", %u still run%s", t.running, t.running == 1 ? "s" : "");
	putc('\n', f);
	if (t.ended)
		fprintf(f, "  elapsed time of one: mean %s, p95 %s",
			human_ns(mean, sizeof(mean), t.mean_ns),
			human_ns(p95, sizeof(p95), t.p95_ns));
	if (t.media_elapsed_ns)
		fprintf(f, "; %.2f s of film a second, %s frames",
			(double)t.media_ns / (double)t.media_elapsed_ns,
			human_count(frames, sizeof(frames), t.frames_out));
	if (t.ended)
		putc('\n', f);
	fprintf(f, "  %s of thread time: ", human_ns(thread, sizeof(thread), t.thread_ns));
	print_mix(f, &t);
	putc('\n', f);
	print_stages(f, &t);
	return 0;
}

static json_t *states(const struct transcodes *t)
{
	json_t *o = json_object();

	for (unsigned s = 0; s < WT_STATES; s++)
		json_object_set_new(o, ledger__state_name(s), json_integer((json_int_t)t->st_ns[s]));
	return o;
}

static int add_progress(void *arg, const struct exec_unit *u)
{
	json_t *o;

	if (u->kind != EXEC_FFMPEG || u->end_ns || !u->has_progress)
		return 0;
	o = json_pack("{s:i, s:f, s:o, s:o}", "pid", (int)u->x.tgid, "percent", 100 * u->progress,
		      "eta_s", u->left_s >= 0 ? json_real(u->left_s) : json_null(),
		      "frames_out", u->staged && u->sums.written && !u->staged_from_ns ?
		      json_integer((json_int_t)u->sums.frames_out) : json_null());
	return json_array_append_new(arg, o) ? -ENOMEM : 0;
}

/* Of each that still runs. */
static json_t *progress(const struct recording *r)
{
	json_t *a = json_array();

	if (a && execs__each(r->execs, add_progress, a)) {
		json_decref(a);
		return NULL;
	}
	return a;
}

json_t *transcodes__json(const struct recording *r)
{
	struct transcodes t;

	if (transcodes__collect(&t, r))
		return NULL;
	return json_pack("{s:i, s:i, s:i, s:i, s:f, s:{s:I, s:I, s:I, s:I}, s:I, s:o, s:I, s:I, s:o, s:o}",
			 "count", (int)t.n, "ended", (int)t.ended, "failed", (int)t.failed,
			 "running", (int)t.running, "per_minute", t.per_minute,
			 "elapsed_ns", "mean", (json_int_t)t.mean_ns, "p50", (json_int_t)t.p50_ns,
			 "p95", (json_int_t)t.p95_ns, "p99", (json_int_t)t.p99_ns,
			 "thread_ns", (json_int_t)t.thread_ns, "states_ns", states(&t),
			 "frames_out", (json_int_t)t.frames_out, "media_ns", (json_int_t)t.media_ns,
			 "speed", t.media_elapsed_ns ?
			 json_real((double)t.media_ns / (double)t.media_elapsed_ns) : json_null(),
			 "progress", progress(r));
}
