/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stages.h - the probes of ffmpeg's libraries: one BPF program at many places of
 * every libavformat, libavcodec and libavfilter that is found, by file, so that
 * processes of every root are covered, those that start later, too; and of every ffmpeg
 * that is linked statically and still has the names of its functions.
 */
#ifndef WT_LOADER_STAGES_H
#define WT_LOADER_STAGES_H

#include <linux/types.h>
#include <stdbool.h>

struct tracer;
struct stage_probes;

/* 0 or -ENOMEM, printed. */
int stage_probes__new(struct stage_probes **out, struct tracer *t);
void stage_probes__free(struct stage_probes *p);
/* The libraries, and the static ffmpegs, that are installed on this machine. */
void stage_probes__installed(struct stage_probes *p);
/* The command that is going to be run, if it is an ffmpeg: looked up in PATH unless it has a slash. */
void stage_probes__command(struct stage_probes *p, const char *name);
/*
 * That file, if it is one of the libraries, or a static ffmpeg, and has no probes yet.  Returns since when
 * it has them (CLOCK_MONOTONIC), 0: it is none, or takes none.
 */
__u64 stage_probes__file(struct stage_probes *p, int fd, const char *path);
/* Probes that stand, for people. */
unsigned stage_probes__count(const struct stage_probes *p);

#endif /* WT_LOADER_STAGES_H */
