/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * progress.h - how far a running ffmpeg is: the position in the files that it reads, by
 * /proc/PID/fd and fdinfo.  Nothing is asked of the program.
 */
#ifndef WT_FFMPEG_PROGRESS_H
#define WT_FFMPEG_PROGRESS_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * The part, 0 to 1, of the regular files that it has open for reading, by bytes; false:
 * there is none (it reads from the network or a pipe, or has ended).
 */
bool ffmpeg_progress__read(pid_t pid, double *part);

#endif /* WT_FFMPEG_PROGRESS_H */
