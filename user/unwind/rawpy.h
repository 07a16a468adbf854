/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * rawpy.h - Python frames into a stack that was walked in a copy: the kernel side has read them
 * when it took the copy, and which of them share a native frame; the walk has found those.  Pure.
 */
#ifndef WT_RAWPY_H
#define WT_RAWPY_H

#include <stdbool.h>
#include "unwind/rawwalk.h"

/* e has Python frames that no native frame of its own has given way to yet. */
bool rawpy__needed(const struct wt_ev_raw *e);
/*
 * walk is that of e, over: its native frames of the evaluation loop that py describes give way to
 * Python's.  If they do not fit, or the walk has no root, it becomes what the kernel side had found.
 */
void rawpy__merge(const struct wt_ev_raw *e, const struct wt_py *py, struct rawwalk *walk);

#endif /* WT_RAWPY_H */
