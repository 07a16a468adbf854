/* SPDX-License-Identifier: GPL-2.0-or-later */
/* paths.h - names of files that were waited for. */
#ifndef WT_PATHS_H
#define WT_PATHS_H

#include <linux/types.h>
#include <stddef.h>
#include "worktrace.h"

struct ledger;

/* An event's name as it is shown, without secrets: its last directories, "… (deleted)"; always terminated. */
void path_text(const struct wt_ev_path *e, char *buf, size_t sz);

#endif /* WT_PATHS_H */
