/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * freezer.h - when control groups of version 1 are frozen and thawed.
 *
 * The freezer stops a sleeping thread where it is: it neither runs nor is woken,
 * so no scheduler event tells.  But somebody has written to a file of the
 * hierarchy, and that the kernel tells (fanotify(7)) as soon as it is done.
 */
#ifndef WT_FREEZER_H
#define WT_FREEZER_H

#include <stdbool.h>

/*
 * A descriptor that is readable after such a write, for the caller to close; -1:
 * no freezer is mounted here, or it cannot be watched, which is said.
 */
int freezer__watch(void);
/* Takes what there is to read; true: threads may have been frozen or thawed. */
bool freezer__changed(int fd);

#endif /* WT_FREEZER_H */
