/* SPDX-License-Identifier: GPL-2.0-or-later */
/* places.h - where probes must stand in a library of ffmpeg's, or in a program that has them in it (bpf/ffmpeg.h). */
#ifndef WT_FFMPEG_PLACES_H
#define WT_FFMPEG_PLACES_H

#include <linux/types.h>
#include <stdbool.h>

enum ffmpeg_lib {
	FFMPEG_NONE, FFMPEG_FORMAT, FFMPEG_CODEC, FFMPEG_FILTER,
	FFMPEG_PROGRAM,		/* an ffmpeg; linked statically, it may have all three */
};

/* What a file is by its name: "libavcodec.so.59.37.100"; *major: its version, 0: the name has none. */
enum ffmpeg_lib ffmpeg_lib__of(const char *path, unsigned *major);
/* A program that is called ffmpeg, or something that begins so. */
bool ffmpeg_program__is(const char *path);

struct ffmpeg_place {
	__u64 off;		/* offset in the file */
	__u64 cookie;		/* WT_STAGE_COOKIE */
	bool ret;		/* the kernel's return probe */
};
struct ffmpeg_places {
	struct ffmpeg_place *v;
	unsigned n;
	unsigned functions;	/* found, of those that this library may have */
};

/*
 * fd: the library, borrowed; of a program the version is found in its code, major is
 * not looked at, and one that has no such functions has no places.  0 or a negative
 * errno, nothing printed.
 */
int ffmpeg_places__find(int fd, enum ffmpeg_lib lib, unsigned major, struct ffmpeg_places *out);
void ffmpeg_places__free(struct ffmpeg_places *p);

#endif /* WT_FFMPEG_PLACES_H */
