/* SPDX-License-Identifier: GPL-2.0-or-later */
/* debugfile.h - the file with the symbols that were stripped from another one. */
#ifndef WT_DEBUGFILE_H
#define WT_DEBUGFILE_H

#include <libelf.h>
#include <linux/types.h>

/*
 * Opens /usr/lib/debug/.build-id/xx/yyyy.debug for the build id of elf, else what
 * its .gnu_debuglink names, in the places where gdb(1) looks: beside path, in
 * .debug beside it, below /usr/lib/debug.  What is found must have the same build
 * id, or the checksum that the link gives where there is none.  path may be
 * NULL.  root: whose files those are (regular.h), -1 for ours.  A descriptor, or
 * -1 when there is none.
 */
int debugfile__open(Elf *elf, const char *path, int root);
/* The one among our own files that has this build id, of n bytes (at most BUILD_ID_MAX), or -1. */
int debugfile__by_build_id(const void *id, unsigned n);
/*
 * That of the open file fd among the files of a process that lives in another
 * root than we do: a container has its own debug files.  A descriptor or -1.
 */
int debugfile__of_process(int fd, __u32 tgid, const char *path);

#endif /* WT_DEBUGFILE_H */
