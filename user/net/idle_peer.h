/* SPDX-License-Identifier: GPL-2.0-or-later */
/* idle_peer.h - a peer as the command line names it. */
#ifndef WT_IDLE_PEER_H
#define WT_IDLE_PEER_H

#include <linux/types.h>
#include "worktrace.h"

/*
 * "10.0.0.5:6379", "[::1]:6379", "10.0.0.5", "::1", ":6379", or the name of a service.
 * NULL, or what is wrong with it, as the end of a sentence.
 */
const char *idle_peer__parse(struct wt_idle_peer *out, const char *text);

#endif /* WT_IDLE_PEER_H */
