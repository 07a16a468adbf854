/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ffmpeg.h - what the libraries of ffmpeg do for a transcode, by probes on the
 * functions that a program calls them by.  Included by worktrace.h; the same rules
 * hold.
 */
#ifndef WT_FFMPEG_H
#define WT_FFMPEG_H

/* What a thread does for the transcode. */
enum wt_stage {
	WT_STAGE_NONE = 0,		/* anything else: start, options, the program's own loop */
	WT_STAGE_DEMUX = 1,
	WT_STAGE_DECODE = 2,
	WT_STAGE_FILTER = 3,
	WT_STAGE_ENCODE = 4,
	WT_STAGE_MUX = 5,
	WT_STAGES = 6,
	/* … for codec context number stage - WT_STAGE_CODEC, see wt_stages */
	WT_STAGE_CODEC = 16,
};
#define WT_STAGE_CODECS 16
#define WT_STAGE_STREAMS 16

/* The functions that need more than their stage. */
enum wt_stage_call {
	WT_CALL_PLAIN = 0,		/* has no exit probe: the stage lasts until the next call */
	WT_CALL_PROBE = 1,		/* what it calls looks at the input only: nothing is counted */
	WT_CALL_SETUP = 6,		/* between its exit and the next call is no stage */
	WT_CALL_OPEN = 2,		/* argument 0: a codec context that becomes a decoder or an encoder */
	WT_CALL_CODEC = 3,		/* as PLAIN; argument 0: a context of this stage */
	WT_CALL_FRAME = 4,		/* … that gives a decoded frame if it returns 0 */
	WT_CALL_WRITE = 5,		/* arguments 0 and 1: a format context and the packet that is written */
};

/*
 * The cookie of a probe: what the function is, whether this is its entry or its
 * exit, and of a format library where its streams keep what is asked for.
 */
#define WT_STAGE_COOKIE(stage, call, exit, codecpar, time_base) \
	((__u64)(stage) | (__u64)(call) << 8 | (__u64)(exit) << 16 | (__u64)(codecpar) << 32 | \
	 (__u64)(time_base) << 48)
enum wt_stage_at {
	WT_AT_ENTRY = 0,
	WT_AT_RET = 1,			/* at its ret instruction: the return address lies at sp */
	WT_AT_RETURNED = 2,		/* the kernel's return probe: it lay below sp */
};

/* One stream of one output. */
struct wt_stage_stream {
	__u64 format;			/* its format context; 0: this place is free */
	__u64 packets;
	__s64 first_pts, end_pts;	/* in units of num/den s */
	__u32 num, den;
	__s32 type;			/* enum AVMediaType: 0 video, 1 audio */
	__u32 index;
};

/* A codec context that was opened. */
struct wt_stage_codec {
	__u64 context;			/* 0: this place is free */
	__u32 stage;			/* WT_STAGE_DECODE or _ENCODE, once it is known */
	__s32 type;
	__u64 cpu_ns, elapsed_ns;	/* to open it */
};

/* One transcode: a value of `stages`, by image.  Times are of threads that call the libraries. */
struct wt_stages {
	__u64 image;
	__u64 since_ns;			/* its first call that was seen */
	__u64 cpu_ns[WT_STAGES];	/* within the stage, without other stages inside; [0]: before a thread's first call, between calls that set up */
	__u64 elapsed_ns[WT_STAGES];	/* [0]: CPU time of its first thread until its last call was over */
	__u64 calls[WT_STAGES];
	__u64 frames_in;		/* video frames decoded */
	__u64 unknown;			/* packets whose stream could not be read */
	struct wt_stage_stream stream[WT_STAGE_STREAMS];
	struct wt_stage_codec codec[WT_STAGE_CODECS];
};
_Static_assert(sizeof(struct wt_stages) == 8 * (2 + 3 * WT_STAGES + 2) + 48 * WT_STAGE_STREAMS +
	       32 * WT_STAGE_CODECS, "wt_stages is on the wire");

#endif /* WT_FFMPEG_H */
