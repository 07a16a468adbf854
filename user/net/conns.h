/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conns.h - the TCP connections of a recording, in bounded memory; pure.
 *
 * Those that are over come once, as they end; those that live come anew whenever
 * somebody is about to read.  Every one is in its peer's sums; rows of their own have
 * the newest that ended and as many of the living.
 */
#ifndef WT_CONNS_H
#define WT_CONNS_H

#include <linux/types.h>
#include <stdbool.h>

#include "net/peers.h"
#include "worktrace.h"

/* 0 in a field: the default in parentheses. */
struct conns_opts {
	unsigned max_rows;	/* that ended, and as many that live (10000) */
	unsigned max_peers;	/* (4096) */
};

#define CONNS_MAX_LISTENERS 256

struct conns;

int conns__new(struct conns **out, const struct conns_opts *o);
void conns__free(struct conns *c);

/* One that is over.  0 or -ENOMEM, as all that follow. */
int conns__put_closed(struct conns *c, const struct wt_conn *conn);
/* Forgets who lived and who listened. */
void conns__begin(struct conns *c);
/* One that the kernel side still follows; it may be closed, but not destroyed. */
int conns__put_live(struct conns *c, const struct wt_conn *conn);
/* Beyond CONNS_MAX_LISTENERS they are not kept. */
void conns__put_listener(struct conns *c, const struct wt_listen_row *row);

/* Pointers to all rows by start, the last NULL; to be freed.  NULL: no memory. */
const struct wt_conn **conns__sorted(const struct conns *c);
const struct wt_listen_row *conns__listeners(const struct conns *c, unsigned *n);
/* Adds the connections, rows or not, to p. */
int conns__add_peers(const struct conns *c, struct peers *p);

struct conns_stats {
	__u64 total;		/* connections that came to be known */
	__u64 folded;		/* of them, without a row */
	__u64 lost;		/* whose end was missed */
	__u64 live;		/* of all, rows or not: conn__lives() */
};
void conns__stats(const struct conns *c, struct conns_stats *out);

/* "ESTABLISHED", "TIME_WAIT" … */
const char *conn__state_name(unsigned state);
/* It is not over, and this end has not closed it. */
bool conn__lives(const struct wt_conn *c);
/* "open", "closed here", "closed by peer", "reset by peer", "refused" … */
const char *conn__end_reason(const struct wt_conn *c);

#endif /* WT_CONNS_H */
