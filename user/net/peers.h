/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * peers.h - connections and waits, added up by who was at the other end and for
 * which job; pure, and bounded: peers beyond the limit share a row.
 */
#ifndef WT_PEERS_H
#define WT_PEERS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "ledger/hist.h"
#include "ledger/ledger.h"
#include "sinks/rowmap.h"
#include "worktrace.h"

/* Zeroed before use: its bytes are its identity. */
struct peer_id {
	__u64 job, cgroup;
	__u16 family, proto;
	__u16 port;		/* the peer's; of a client ours */
	__u8 client;		/* it connected to us */
	__u8 others;		/* not one peer, but those beyond the limit */
	__u8 addr[16];		/* of a unix socket: the name of the process at the other end … */
	__u32 pid;		/* … and its number */
	__u8 own;		/* not a peer, but our own end: it is connected to nobody */
	__u8 zero[3];
	char name[WT_NAME_LEN];	/* of a unix socket: its path */
};

struct peer_hist {
	struct hist_cell *cells;	/* by bucket */
	unsigned n, max;
};

struct peer {
	struct rowkey key;
	struct peer_id id;
	__u64 connections;		/* that came about, or were open */
	__u64 failed;			/* connects */
	__u64 connect_max_ns, bytes_sent, bytes_received;
	__u64 srtt_sum_us, srtt_n, srtt_max_us;
	__u64 retransmits, resets_sent, resets_received;
	__u64 wait_ns, waits, wait_max_ns;
	__u64 sends, receives;		/* of UDP and unix sockets, with --datagrams */
	struct peer_hist connect, wait;
};

struct peers;

int peers__new(struct peers **out, unsigned max);
void peers__free(struct peers *p);
/* It is as new. */
void peers__clear(struct peers *p);
/* Adds everything of `from`.  0 or -ENOMEM, as all that follow. */
int peers__add_all(struct peers *p, const struct peers *from);
int peers__add_conn(struct peers *p, const struct wt_conn *c);
/* Bytes over UDP or a unix socket. */
int peers__add_datagrams(struct peers *p, const struct wt_dgram_key *k, const struct wt_dgram_val *v);
/* A line of the ledger: taken if it is a wait for a peer, else ignored. */
int peers__add_line(struct peers *p, const struct ledger *l, const struct ledger_line *line);

unsigned peers__count(const struct peers *p);
/* Peers that did not get a row of their own; the same one may count more than once. */
__u64 peers__folded(const struct peers *p);
/* count + 1 pointers, the last NULL, by waiting then bytes; to be freed.  NULL: no memory. */
const struct peer **peers__sorted(const struct peers *p);
/* The peer of a connection, without a job. */
void peer_id__of_conn(struct peer_id *id, const struct wt_conn *c);
/* The peer of a reason, without a job; false: it has none.  id is zeroed first. */
bool peer_id__of_reason(struct peer_id *id, const struct wt_reason *r);
/* What is known of the peer that a reason names, over all jobs; false: nothing. */
bool peers__of_reason(const struct peers *p, const struct wt_reason *r, struct peer *sum);

/* ns; 0 where there is none */
__u64 peer__connect_pct(const struct peer *peer, unsigned pct);
__u64 peer__wait_pct(const struct peer *peer, unsigned pct);
/* "10.0.0.5:5432", "udp 10.0.0.5:53", "client 10.0.0.9 of :8080", "[other peers]" */
void peer__text(const struct peer_id *id, char *buf, size_t sz);
const char *peer__service(const struct peer_id *id);

#endif /* WT_PEERS_H */
