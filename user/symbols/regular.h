/* SPDX-License-Identifier: GPL-2.0-or-later */
/* regular.h - opens files by names that whoever is traced may have chosen. */
#ifndef WT_REGULAR_H
#define WT_REGULAR_H

#include <linux/types.h>
#include <stdbool.h>

/*
 * Opens a regular file for reading; a device or a FIFO of that name is never
 * opened.  root: a descriptor of the directory that its path, also where it goes
 * through symbolic links, cannot leave, or -1 for our own root.  A descriptor, or -1.
 */
int regular__open(int root, const char *path);
/* The same, but the last component must not be a symbolic link. */
int regular__open_nofollow(int root, const char *path);
/* The root directory of a process, to be given to the above, or -1 with errno set. */
int regular__root_of(__u32 tgid);
/* True when that directory is our own root. */
bool regular__is_our_root(int root);

#endif /* WT_REGULAR_H */
