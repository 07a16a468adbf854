// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * conn.bpf.c - the lives of TCP connections, from the tracepoints of their states.
 *
 * Most of these fire for whatever process the interrupt hit, so a connection has an
 * owner: who called connect(2); of an accepted one who listens, until a thread is seen
 * to use it.  Only a few changes of state are made by the process itself: SYN_SENT
 * by connect(2), LISTEN by listen(2), FIN_WAIT1 and LAST_ACK by close(2) or shutdown(2).
 *
 * The figures are taken when the state becomes CLOSE; a reset that the end itself
 * sends comes after that, and a thread that waited has not run yet.  So what is
 * kept goes to user space when the socket is destroyed.
 */
#include "conn.bpf.h"

static __noinline int wt_conn_send(struct wt_conn *c)
{
	struct wt_ev_conn *e;

	if (c->end_ns < run_start_ns)
		return 0;
	e = bpf_ringbuf_reserve(&ring, sizeof(*e), 0);
	if (!e) {
		wt_lost(WT_LOSS_CONN_RING);
		return 0;
	}
	e->h.type = WT_EV_CONN;
	e->h.zero = 0;
	e->h.ts_ns = c->end_ns;
	__builtin_memcpy(&e->conn, c, sizeof(e->conn));
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
	return 0;
}

static __noinline int wt_conn_closed(struct wt_conn *c, struct sock *sk, int old)
{
	if (c->flags & WT_CONN_CLOSED)
		return 0;
	wt_conn_ports(c, sk);
	wt_conn_figures(c, sk);
	c->end_ns = bpf_ktime_get_ns();
	c->state = old;
	c->error = BPF_CORE_READ(sk, sk_err);
	__sync_fetch_and_or(&c->flags, WT_CONN_CLOSED);
	return 0;
}

static __noinline int wt_listen_gone(struct sock *sk, __u64 cookie)
{
	struct wt_listener *l = wt_listener_of(sk);

	if (!l)
		return 0;
	if (l->cookie == cookie) {
		l->drops = wt_drops(sk) - l->base_drops;
		l->sock = 0;
	}
	__sync_fetch_and_add(&l->sockets, -1);
	return 0;
}

static __noinline int wt_conn_accepted(struct sock *sk, __u64 cookie, __u64 now)
{
	struct wt_listener *l = wt_listener_of(sk);
	struct sock *ls;
	__u32 waiting;

	if (!l)
		return 0;
	__sync_fetch_and_add(&l->accepted, 1);
	ls = (void *)l->sock;
	if (ls && BPF_CORE_READ(ls, __sk_common.skc_cookie.counter) == (__s64)l->cookie) {
		waiting = BPF_CORE_READ(ls, sk_ack_backlog);
		if (waiting > l->backlog_peak)
			l->backlog_peak = waiting;
		l->backlog_limit = BPF_CORE_READ(ls, sk_max_ack_backlog);
	}
	return wt_conn_make(sk, cookie, now, NULL, WT_CONN_LISTENER | WT_CONN_CONNECTED);
}

/* By whom it is closed first. */
static __always_inline void wt_conn_first(struct wt_conn *c, __u32 who)
{
	if (!(c->flags & (WT_CONN_HERE_FIRST | WT_CONN_PEER_FIRST)))
		__sync_fetch_and_or(&c->flags, who);
}

/* What the state of a connection that is followed has become. */
static __always_inline void wt_conn_moves(struct wt_conn *c, struct sock *sk, int old, int new,
					  __u64 now)
{
	struct wt_task *w;

	switch (new) {
	case WT_TCP_ESTABLISHED:
		c->connect_ns = now - c->start_ns;
		wt_conn_address(c, sk);
		__sync_fetch_and_or(&c->flags, WT_CONN_CONNECTED);
		break;
	case WT_TCP_FIN_WAIT1:
	case WT_TCP_LAST_ACK:
		wt_conn_first(c, WT_CONN_HERE_FIRST);
		if (now < run_end_ns)
			__sync_fetch_and_or(&c->flags, WT_CONN_LET_GO);
		w = wt_task_of(bpf_get_current_task_btf());
		if (w && (c->flags & WT_CONN_LISTENER))
			wt_conn_claim(c, w);
		break;
	case WT_TCP_CLOSE_WAIT:
	case WT_TCP_CLOSING:
	case WT_TCP_TIME_WAIT:
		wt_conn_first(c, WT_CONN_PEER_FIRST);
		break;
	case WT_TCP_CLOSE:
		wt_conn_closed(c, sk, old);
		break;
	}
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(wt_sock_state, struct sock *sk, int old, int new)
{
	struct wt_conn *c = NULL;
	struct wt_task *w;
	__u64 cookie, now;

	if (sk->sk_protocol != WT_IPPROTO_TCP)
		return 0;
	now = bpf_ktime_get_ns();
	cookie = sk->__sk_common.skc_cookie.counter;
	if (cookie)
		c = bpf_map_lookup_elem(&conns, &cookie);
	if (c && new != WT_TCP_SYN_SENT) {
		if (wt_fault(WT_FAULT_CONN_STATE, 1))
			return 0;
		wt_conn_moves(c, sk, old, new, now);
		return 0;
	}
	if (now >= run_end_ns)
		return 0;
	switch (new) {
	case WT_TCP_SYN_SENT:
		if (c) {		/* it failed, and is tried again */
			wt_conn_send(c);
			bpf_map_delete_elem(&conns, &cookie);
		}
		w = wt_task_of(bpf_get_current_task_btf());
		if (w)
			wt_conn_make(sk, bpf_get_socket_cookie(sk), now, w, WT_CONN_OUT);
		break;
	case WT_TCP_ESTABLISHED:
		if (old == WT_TCP_SYN_RECV && wt_listener_of(sk))
			wt_conn_accepted(sk, bpf_get_socket_cookie(sk), now);
		break;
	case WT_TCP_LISTEN:
		w = wt_task_of(bpf_get_current_task_btf());
		if (w)
			wt_listen_add(sk, bpf_get_socket_cookie(sk), w);
		break;
	case WT_TCP_CLOSE:
		if (old == WT_TCP_LISTEN)
			wt_listen_gone(sk, cookie);
		break;
	}
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(wt_sock_gone, struct sock *sk)
{
	__u64 cookie = sk->__sk_common.skc_cookie.counter;
	struct wt_conn *c;

	if (!cookie)
		return 0;
	c = bpf_map_lookup_elem(&conns, &cookie);
	if (!c || wt_fault(WT_FAULT_CLOSE, 4))
		return 0;
	wt_conn_closed(c, sk, WT_TCP_CLOSE);	/* unless that was seen already */
	/* the walk at the end tells of what was there then: it is not to be told of twice, nor otherwise */
	if (bpf_ktime_get_ns() >= run_end_ns)
		return 0;
	wt_conn_send(c);
	bpf_map_delete_elem(&conns, &cookie);
	return 0;
}

/* sk may be NULL, and may be a small stand-in of a socket: its head is the same. */
static __always_inline struct wt_conn *wt_conn_of(struct sock *sk)
{
	__u64 cookie = sk ? BPF_CORE_READ(sk, __sk_common.skc_cookie.counter) : 0;

	return cookie ? bpf_map_lookup_elem(&conns, &cookie) : NULL;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(wt_reset_sent, struct sock *sk)
{
	struct wt_conn *c = wt_conn_of(sk);

	if (c)
		__sync_fetch_and_add(&c->resets_sent, 1);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(wt_reset_received, struct sock *sk)
{
	struct wt_conn *c = wt_conn_of(sk);

	if (c)
		__sync_fetch_and_add(&c->resets_received, 1);
	return 0;
}

int wt_conn_waited(struct wt_task *w, __u64 ns)
{
	struct wt_conn *c;
	__u64 cookie;

	if (!w)
		return -1;
	cookie = w->sock;
	c = bpf_map_lookup_elem(&conns, &cookie);
	if (!c) {
		run_conn_unseen = 1;
		return 0;
	}
	__sync_fetch_and_add(&c->wait_ns, ns);
	__sync_fetch_and_add(&c->waits, 1);
	if (ns > c->wait_max_ns)
		c->wait_max_ns = ns;
	wt_conn_claim(c, w);
	return 0;
}
