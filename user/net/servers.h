/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * servers.h - the processes of this host that peers are: who listens on the port that
 * a traced thread waits for; bounded.  Nobody is looked for before somebody waits.
 */
#ifndef WT_SERVERS_H
#define WT_SERVERS_H

#include <linux/types.h>
#include <stdbool.h>

#include "net/peers.h"
#include "worktrace.h"

struct servers;

/* 0 or -ENOMEM. */
int servers__new(struct servers **out);
void servers__free(struct servers *s);

/* Somebody waits for that: one on this host that is not known yet is wanted. */
void servers__meet(struct servers *s, const struct wt_reason *r);
/* A walk over those who listen is due; asks once. */
bool servers__wanted(struct servers *s);
/* One that listens; what is known already stays.  Beyond 4096 they have no names. */
int servers__put(struct servers *s, const struct wt_server_row *row);

/*
 * Who listens where that peer is; NULL: it is not on this host, nobody was found, or it
 * could be one of several (namespaces have ports of their own).
 */
/* The same by a connection. */
void servers__meet_conn(struct servers *s, const struct wt_conn *c);
const struct wt_server_row *servers__of(const struct servers *s, const struct peer_id *id);

#endif /* WT_SERVERS_H */
