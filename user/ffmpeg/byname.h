/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * byname.h - the stage of a transcode by the names in a stack, or by that of a thread:
 * for programs in which no probe can stand; pure.
 */
#ifndef WT_FFMPEG_BYNAME_H
#define WT_FFMPEG_BYNAME_H

#include <linux/types.h>
#include <stdbool.h>

#include "worktrace.h"

/* A frame as symbols.h names it: "x264_slice_write", "[libx264.so.164+0x…]"; WT_STAGE_NONE: it does not tell. */
enum wt_stage ffmpeg_stage__of_frame(const char *name);
/* A frame without a name, in libavcodec: which codec's, it does not tell. */
bool ffmpeg_is_codec(const char *name);
/* A frame of the dynamic loader. */
bool ffmpeg_is_loader(const char *name);
/* ffmpeg from 7 on names its threads: "dec0:0:h264", "enc0:0:libx264", "av:h264:df3"; else WT_STAGE_NONE. */
enum wt_stage ffmpeg_stage__of_thread(const char *comm);

#endif /* WT_FFMPEG_BYNAME_H */
