/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * conn.h - TCP connections and listeners, as the kernel side tells of them.
 *
 * A connection is known by its socket's cookie: a number that no other socket of
 * this boot has had.  Its figures are the socket's own, less what they were when
 * the recording met it.
 */
#ifndef WT_CONN_H
#define WT_CONN_H

#define WT_CONN_OUT 1			/* connected here; else accepted here */
#define WT_CONN_OPEN 2			/* it was open when the recording met it: its start is not known */
#define WT_CONN_LATE 4			/* … which was on the way, not at the start */
#define WT_CONN_SHARED 8		/* more than one process was seen to use it */
#define WT_CONN_LISTENER 16		/* accepted, and nobody seen to use it: its owner is who listened */
#define WT_CONN_CONNECTED 32		/* both ends agreed on it */
#define WT_CONN_CLOSED 64		/* it is over: figures, state and error are the last ones */
#define WT_CONN_HERE_FIRST 128		/* this end began to close it … */
#define WT_CONN_PEER_FIRST 256		/* … or the other one */
#define WT_CONN_LOST 512		/* its end was missed: the figures are older than that */
#define WT_CONN_LET_GO 1024		/* within the recording this end has closed it, or its half of it */

struct wt_conn {
	__u64 cookie;
	__u64 sock;			/* address of the kernel's socket */
	__u64 start_ns;			/* connect(2), or when the handshake of an accepted one was over */
	__u64 end_ns;			/* with WT_CONN_CLOSED */
	__u64 connect_ns;		/* from connect(2) to the end of the handshake */
	__u64 bytes_sent;		/* without what was sent again */
	__u64 bytes_received;
	__u64 base_sent, base_received;	/* taken off already */
	__u64 wait_ns, wait_max_ns, waits;	/* of traced threads, for this connection */
	__u64 job, cgroup;		/* of the owner, see wt_thread_rec */
	__u32 tgid;			/* of the owner */
	__u32 flags;			/* WT_CONN_* */
	__u32 retransmits, base_retransmits;
	__u32 srtt_us;			/* smoothed round trip, the last one */
	__u32 resets_sent, resets_received;
	__s32 error;			/* errno that ended it, 0: none */
	__u16 family;
	__u16 lport, rport;		/* host order; local, remote */
	__u8 state;			/* the kernel's TCP_*: before its end, or now */
	__u8 zero;
	__u8 laddr[16], raddr[16];	/* network order; IPv4 in the first four */
	char comm[WT_COMM_LEN];		/* of the owner's process */
};
_Static_assert(sizeof(struct wt_conn) == 200, "wt_conn is on the wire");

struct wt_ev_conn {
	struct wt_event h;
	struct wt_conn conn;
};
_Static_assert(sizeof(struct wt_ev_conn) == 216, "wt_ev_conn is on the wire");

/* Sockets that listen on one port; several may share it (SO_REUSEPORT). */
struct wt_listen_key {
	__u32 netns;			/* inode number of the network namespace */
	__u16 port;
	__u16 family;
};
_Static_assert(sizeof(struct wt_listen_key) == 8, "wt_listen_key is on the wire");

struct wt_listener {
	__u64 sock, cookie;		/* of the last one */
	__u64 accepted;			/* handshakes that were completed */
	__u64 job, cgroup;
	__u32 sockets;			/* that listen now */
	__u32 backlog_peak;		/* most connections that waited for accept(2) when one came */
	__u32 backlog_limit;
	__u32 drops, base_drops;	/* connections it had no room for, of the last one */
	__u32 tgid;
	__u8 laddr[16];
	char comm[WT_COMM_LEN];
};
_Static_assert(sizeof(struct wt_listener) == 96, "wt_listener is on the wire");

/* As the walk over listeners tells of one. */
struct wt_listen_row {
	struct wt_listen_key key;
	struct wt_listener value;
};

/* Who listens on a port of this host, traced or not: as the walk over all descriptors tells. */
struct wt_server_row {
	__u64 cookie;			/* of the socket */
	__u32 netns;			/* inode number of the network namespace */
	__u32 tgid;			/* a process that has it open */
	__u16 port;			/* host order */
	__u16 family;
	__u32 zero;
	__u8 laddr[16];			/* network order; IPv4 in the first four; all zero: any */
	char comm[WT_COMM_LEN];		/* of the process */
};
_Static_assert(sizeof(struct wt_server_row) == 56, "wt_server_row is on the wire");

/*
 * --datagrams: whose bytes, and to or from whom: a reason of kind WT_K_SOCKET or WT_K_UNIX, as
 * a wait for that socket has it.
 */
struct wt_dgram_key {
	__u64 job, cgroup;		/* as in wt_thread_rec */
	struct wt_reason peer;
};
_Static_assert(sizeof(struct wt_dgram_key) == 88, "wt_dgram_key is on the wire");

struct wt_dgram_val {
	__u64 sends, sent, receives, received;	/* calls and bytes; of UDP a call is a datagram */
};

/* What the walk over descriptors is asked for. */
enum wt_conn_pass {
	WT_PASS_LISTENERS = 0,
	WT_PASS_CONNS = 1,		/* those open before the recording begins */
	WT_PASS_LATE = 2,		/* those that came to light later */
};

/* --idle-peer: an address (IPv4 as ::ffff:…; all zero: any) and a port (0: any) */
#define WT_MAX_IDLE_PEERS 8
struct wt_idle_peer {
	__u64 addr[2];			/* network order */
	__u32 port;
	__u32 any_addr;
};
_Static_assert(sizeof(struct wt_idle_peer) == 24, "wt_idle_peer is on the wire");

#endif /* WT_CONN_H */
