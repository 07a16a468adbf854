/* SPDX-License-Identifier: GPL-2.0-or-later */
/* conn.bpf.h - readers of the kernel's TCP sockets, and what is kept of one. */
#ifndef WT_CONN_BPF_H
#define WT_CONN_BPF_H

#include "calls.bpf.h"
#include "listen.bpf.h"
#include <bpf/bpf_endian.h>

#define WT_AF_INET 2
#define WT_AF_INET6 10
#define WT_IPPROTO_TCP 6

/* include/net/tcp_states.h */
enum {
	WT_TCP_ESTABLISHED = 1, WT_TCP_SYN_SENT = 2, WT_TCP_SYN_RECV = 3, WT_TCP_FIN_WAIT1 = 4,
	WT_TCP_FIN_WAIT2 = 5, WT_TCP_TIME_WAIT = 6, WT_TCP_CLOSE = 7, WT_TCP_CLOSE_WAIT = 8,
	WT_TCP_LAST_ACK = 9, WT_TCP_LISTEN = 10, WT_TCP_CLOSING = 11,
};

static __always_inline void wt_conn_ports(struct wt_conn *c, struct sock *sk)
{
	__u16 port = BPF_CORE_READ(sk, __sk_common.skc_num);

	/* a socket that has failed has given its number back; what it sent from is still there */
	if (!port)
		port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	if (port)
		c->lport = port;
}

static __always_inline void wt_conn_address(struct wt_conn *c, struct sock *sk)
{
	c->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	wt_conn_ports(c, sk);
	c->rport = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (c->family == WT_AF_INET6) {
		bpf_core_read(c->laddr, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		bpf_core_read(c->raddr, 16, &sk->__sk_common.skc_v6_daddr);
	} else {
		bpf_core_read(c->laddr, 4, &sk->__sk_common.skc_rcv_saddr);
		bpf_core_read(c->raddr, 4, &sk->__sk_common.skc_daddr);
	}
}

/* The socket's own figures, less those it had when it was met. */
static __always_inline void wt_conn_figures(struct wt_conn *c, struct sock *sk)
{
	struct tcp_sock *tp = (void *)sk;
	__u64 received = BPF_CORE_READ(tp, bytes_received);

	/* the peer's FIN counts as a byte */
	if (received && BPF_CORE_READ(sk, __sk_common.skc_flags) >> SOCK_DONE & 1)
		received--;
	c->bytes_sent = BPF_CORE_READ(tp, bytes_sent) - BPF_CORE_READ(tp, bytes_retrans) -
			c->base_sent;
	c->bytes_received = received - c->base_received;
	c->retransmits = BPF_CORE_READ(tp, total_retrans) - c->base_retransmits;
	c->srtt_us = BPF_CORE_READ(tp, srtt_us) >> 3;
}

static __always_inline void wt_conn_owner(struct wt_conn *c, struct wt_task *w)
{
	c->job = w->job;
	c->cgroup = w->cgroup;
	c->tgid = w->tgid;
	__builtin_memcpy(c->comm, w->pcomm, WT_COMM_LEN);
}

/* A traced thread uses it: the first to do so owns it. */
static __always_inline void wt_conn_claim(struct wt_conn *c, struct wt_task *w)
{
	if (c->flags & WT_CONN_LISTENER) {
		wt_conn_owner(c, w);
		__sync_fetch_and_and(&c->flags, ~WT_CONN_LISTENER);
	} else if (c->tgid != w->tgid && !(c->flags & WT_CONN_SHARED)) {
		__sync_fetch_and_or(&c->flags, WT_CONN_SHARED);
	}
}

/*
 * Connections that found no room for the listener had none in the queue of those
 * that wait for accept(2).  Counted by the socket itself (which also counts segments of a
 * connection that is reset while it is being made), except where a kernel
 * counts drops elsewhere for some sockets: those of TCP it does not.
 */
static __always_inline __u32 wt_drops(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_drops.counter);
}

/* It found the map full; once, however often it is met. */
static __noinline int wt_conn_refused(__u64 cookie)
{
	if (!bpf_map_peek_elem(&refused, &cookie))
		return 0;
	bpf_map_push_elem(&refused, &cookie, BPF_ANY);
	wt_lost(WT_LOSS_CONN);
	return 0;
}

/*
 * Follows a connection from now on.  w: its owner, NULL: who listens.  Static, not
 * inline: what is kept of it is laid out on the stack.
 */
static __noinline int wt_conn_make(struct sock *sk, __u64 cookie, __u64 now, struct wt_task *w,
				   __u32 flags)
{
	struct wt_conn c = {};
	struct wt_listener *l;
	int err;

	c.cookie = cookie;
	c.sock = (__u64)sk;
	c.start_ns = now;
	c.flags = flags;
	c.state = BPF_CORE_READ(sk, __sk_common.skc_state);
	wt_conn_address(&c, sk);
	if (w) {
		wt_conn_owner(&c, w);
	} else {
		l = wt_listener_of(sk);
		if (!l)
			return 0;
		c.job = l->job;
		c.cgroup = l->cgroup;
		c.tgid = l->tgid;
		__builtin_memcpy(c.comm, l->comm, WT_COMM_LEN);
	}
	if (flags & WT_CONN_OPEN) {
		wt_conn_figures(&c, sk);
		c.base_sent = c.bytes_sent;
		c.base_received = c.bytes_received;
		c.base_retransmits = c.retransmits;
	}
	err = bpf_map_update_elem(&conns, &cookie, &c, BPF_NOEXIST);
	if (err && err != -17)		/* EEXIST: somebody was faster */
		wt_conn_refused(cookie);
	return 0;
}

static __noinline int wt_listen_add(struct sock *sk, __u64 cookie, struct wt_task *w)
{
	struct wt_listener fresh = {}, *l;
	struct wt_listen_key k = {};

	wt_listen_key(&k, sk);
	l = bpf_map_lookup_elem(&listeners, &k);
	if (!l) {
		fresh.job = w->job;
		fresh.cgroup = w->cgroup;
		fresh.tgid = w->tgid;
		__builtin_memcpy(fresh.comm, w->pcomm, WT_COMM_LEN);
		if (k.family == WT_AF_INET6)
			bpf_core_read(fresh.laddr, 16, &sk->__sk_common.skc_v6_rcv_saddr);
		else
			bpf_core_read(fresh.laddr, 4, &sk->__sk_common.skc_rcv_saddr);
		if (bpf_map_update_elem(&listeners, &k, &fresh, BPF_NOEXIST) == -7)	/* E2BIG */
			wt_lost(WT_LOSS_CONN);
		l = bpf_map_lookup_elem(&listeners, &k);
	}
	if (!l || (l->cookie == cookie && l->sockets))
		return 0;
	l->cookie = cookie;
	l->sock = (__u64)sk;
	l->base_drops = wt_drops(sk);
	__sync_fetch_and_add(&l->sockets, 1);
	return 0;
}

#endif /* WT_CONN_BPF_H */
