/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sums.h - from what the probes counted of one transcode to the figures of its row; pure. */
#ifndef WT_FFMPEG_SUMS_H
#define WT_FFMPEG_SUMS_H

#include <linux/types.h>
#include <stdbool.h>

#include "worktrace.h"

struct ffmpeg_sums {
	__u64 cpu_ns[WT_STAGES];	/* [WT_STAGE_NONE]: the rest; they sum to the transcode's */
	__u64 start_ns, end_ns;		/* parts of the rest: before the first call of a library, behind the last */
	__u64 elapsed_ns[WT_STAGES];	/* in threads that call the libraries */
	__u64 frames_in;		/* video frames decoded */
	bool written;			/* frames_out and media_ns hold */
	__u64 frames_out;		/* packets of video streams, over all outputs */
	__u64 media_ns;			/* of the longest stream that was written */
};

/*
 * workers_ns: CPU time of its threads by wt_thread_rec.stage; cpu_ns: of all its threads;
 * leader_ns: of its first, once that has ended, else 0.
 */
void ffmpeg_sums__make(struct ffmpeg_sums *out, const struct wt_stages *st,
		       const __u64 workers_ns[WT_STAGE_CODEC + WT_STAGE_CODECS], __u64 cpu_ns,
		       __u64 leader_ns);

#endif /* WT_FFMPEG_SUMS_H */
