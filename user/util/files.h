/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * files.h - files by a pattern, as glob(3) would find them.  The C library's own frees
 * names twice where memory runs out in the middle (glibc 2.36, prefix_array()), and
 * worktrace does not end that way.
 */
#ifndef WT_FILES_H
#define WT_FILES_H

typedef void (*files_fn)(void *arg, const char *path);

/*
 * Calls fn for each file whose absolute path fits the pattern, in order of names; each
 * part between slashes is one for fnmatch(3), and a leading period must be in it.  What
 * cannot be read or does not fit PATH_MAX is left out.
 */
void files__match(const char *pattern, files_fn fn, void *arg);

#endif /* WT_FILES_H */
