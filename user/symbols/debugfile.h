/* SPDX-License-Identifier: GPL-2.0-or-later */
/* debugfile.h - the file with the symbols that were stripped from another one. */
#ifndef WT_DEBUGFILE_H
#define WT_DEBUGFILE_H

#include <libelf.h>

/*
 * Opens /usr/lib/debug/.build-id/xx/yyyy.debug for the build id of elf, else what
 * its .gnu_debuglink names, in the places where gdb(1) looks: beside path, in
 * .debug beside it, below /usr/lib/debug.  What is found must have the same build
 * id, or the checksum that the link gives where there is none.  path may be
 * NULL.  A descriptor, or -1 when there is none.
 */
int debugfile__open(Elf *elf, const char *path);

#endif /* WT_DEBUGFILE_H */
