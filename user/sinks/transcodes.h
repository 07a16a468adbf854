/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transcodes.h - the ffmpegs of a recording taken together. */
#ifndef WT_TRANSCODES_H
#define WT_TRANSCODES_H

#include <jansson.h>
#include "sinks/recording.h"

struct transcodes {
	unsigned n, ended, failed, running;
	double per_minute;			/* ended, over the recording */
	__u64 mean_ns, p50_ns, p95_ns, p99_ns;	/* elapsed time of the ended */
	/* of the ended whose frames and media time are known: 0: of none */
	__u64 media_ns, media_elapsed_ns, frames_out;
	__u64 thread_ns, st_ns[WT_STATES];
	/* of those whose stages are known: [WT_STAGE_NONE] is in none, start_ns the part of it before the first call, end_ns behind the last */
	__u64 stage_ns[WT_STAGES], start_ns, end_ns;
};

/* 0 or -ENOMEM. */
int transcodes__collect(struct transcodes *t, const struct recording *r);
/* The section of the terminal's page; nothing where there was no ffmpeg. */
int transcodes__print(const struct recording *r, FILE *f, bool colour);
/* For summary.json; NULL: memory was out. */
json_t *transcodes__json(const struct recording *r);

#endif /* WT_TRANSCODES_H */
