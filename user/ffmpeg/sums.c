/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ffmpeg/sums.h"

#include <string.h>

#define VIDEO 0			/* AVMEDIA_TYPE_VIDEO */

static __u64 length_ns(const struct wt_stage_stream *s)
{
	if (!s->den || s->end_pts <= s->first_pts)
		return 0;
	return (__u64)((double)(s->end_pts - s->first_pts) * s->num / s->den * 1e9 + 0.5);
}

/* A worker that was born while its codec was opened belongs to what that became. */
static unsigned worker_stage(const struct wt_stages *st, unsigned stage)
{
	if (stage >= WT_STAGE_CODEC)
		stage = st->codec[stage - WT_STAGE_CODEC].stage;
	return stage < WT_STAGES ? stage : WT_STAGE_NONE;
}

static __u64 at_most(__u64 ns, __u64 most)
{
	return ns < most ? ns : most;
}

void ffmpeg_sums__make(struct ffmpeg_sums *out, const struct wt_stages *st,
		       const __u64 workers_ns[WT_STAGE_CODEC + WT_STAGE_CODECS], __u64 cpu_ns,
		       __u64 leader_ns)
{
	__u64 sum = 0;

	memset(out, 0, sizeof(*out));
	for (unsigned s = WT_STAGE_NONE + 1; s < WT_STAGES; s++) {
		out->cpu_ns[s] = st->cpu_ns[s];
		out->elapsed_ns[s] = st->elapsed_ns[s];
	}
	for (unsigned i = 0; i < WT_STAGE_CODECS; i++) {
		unsigned s = worker_stage(st, WT_STAGE_CODEC + i);

		if (s == WT_STAGE_NONE)
			continue;
		out->cpu_ns[s] += st->codec[i].cpu_ns;
		out->elapsed_ns[s] += st->codec[i].elapsed_ns;
	}
	for (unsigned s = WT_STAGE_NONE + 1; s < WT_STAGE_CODEC + WT_STAGE_CODECS; s++)
		if (worker_stage(st, s) != WT_STAGE_NONE)
			out->cpu_ns[worker_stage(st, s)] += workers_ns[s];
	for (unsigned s = WT_STAGE_NONE + 1; s < WT_STAGES; s++)
		sum += out->cpu_ns[s];
	out->cpu_ns[WT_STAGE_NONE] = cpu_ns > sum ? cpu_ns - sum : 0;
	out->start_ns = at_most(st->cpu_ns[WT_STAGE_NONE], out->cpu_ns[WT_STAGE_NONE]);
	out->end_ns = out->cpu_ns[WT_STAGE_NONE] - out->start_ns;
	if (st->elapsed_ns[WT_STAGE_NONE] && leader_ns > st->elapsed_ns[WT_STAGE_NONE])
		out->end_ns = at_most(leader_ns - st->elapsed_ns[WT_STAGE_NONE], out->end_ns);
	else
		out->end_ns = 0;
	out->frames_in = st->frames_in;
	out->written = !st->unknown;
	for (unsigned i = 0; i < WT_STAGE_STREAMS; i++) {
		const struct wt_stage_stream *s = &st->stream[i];

		if (!s->format)
			continue;
		if (s->type == VIDEO)
			out->frames_out += s->packets;
		if (length_ns(s) > out->media_ns)
			out->media_ns = length_ns(s);
	}
}
