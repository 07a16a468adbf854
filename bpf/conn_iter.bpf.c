// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * conn_iter.bpf.c - walks: over the descriptors of traced processes, to find the
 * connections that no tracepoint has told of; over those that are followed, for
 * how they stand.
 */
#include "conn.bpf.h"

SEC("iter/task_file")
int wt_iter_file(struct bpf_iter__task_file *ctx)
{
	struct task_struct *t = ctx->task;
	struct file *f = ctx->file;
	struct wt_task *w;
	struct socket *so;
	struct wt_conn *c;
	struct sock *sk;
	__u32 flags, pass = run_conn_pass;
	__u64 cookie;
	__u8 state;

	if (!t || !f)
		return 0;
	w = wt_task_of(t);
	if (!w || w->done)
		return 0;
	so = bpf_sock_from_file(f);
	if (!so)
		return 0;
	sk = so->sk;
	if (!sk || sk->sk_protocol != WT_IPPROTO_TCP ||
	    (sk->__sk_common.skc_family != WT_AF_INET && sk->__sk_common.skc_family != WT_AF_INET6))
		return 0;
	state = sk->__sk_common.skc_state;
	if (state == WT_TCP_CLOSE || (state == WT_TCP_LISTEN) != (pass == WT_PASS_LISTENERS))
		return 0;
	cookie = bpf_get_socket_cookie(sk);
	if (state == WT_TCP_LISTEN)
		return wt_listen_add(sk, cookie, w);
	c = bpf_map_lookup_elem(&conns, &cookie);
	if (c) {
		/* to hold a descriptor is not to use it, but for want of better */
		if (c->flags & WT_CONN_LISTENER)
			wt_conn_claim(c, w);
		return 0;
	}
	flags = WT_CONN_OPEN | (pass == WT_PASS_LATE ? WT_CONN_LATE : 0);
	if (state != WT_TCP_SYN_SENT)
		flags |= WT_CONN_CONNECTED;
	if (!wt_listener_of(sk))
		flags |= WT_CONN_OUT;
	wt_conn_make(sk, cookie, bpf_ktime_get_ns(), w, flags);
	return 0;
}

/* Who listens, of all processes: the servers of this host have names, too, if nobody traces them. */
SEC("iter/task_file")
int wt_iter_server(struct bpf_iter__task_file *ctx)
{
	struct wt_server_row out = {};
	struct task_struct *t = ctx->task;
	struct file *f = ctx->file;
	struct socket *so;
	struct sock *sk;

	if (!t || !f)
		return 0;
	so = bpf_sock_from_file(f);
	if (!so)
		return 0;
	sk = so->sk;
	if (!sk || sk->sk_protocol != WT_IPPROTO_TCP || sk->__sk_common.skc_state != WT_TCP_LISTEN)
		return 0;
	out.family = sk->__sk_common.skc_family;
	if (out.family == WT_AF_INET6)
		bpf_core_read(out.laddr, 16, &sk->__sk_common.skc_v6_rcv_saddr);
	else if (out.family == WT_AF_INET)
		bpf_core_read(out.laddr, 4, &sk->__sk_common.skc_rcv_saddr);
	else
		return 0;
	out.cookie = bpf_get_socket_cookie(sk);
	out.netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	out.port = BPF_CORE_READ(sk, __sk_common.skc_num);
	out.tgid = t->tgid;
	bpf_core_read(out.comm, sizeof(out.comm), &t->group_leader->comm);
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}

/* The socket at that address is still the one it was. */
static __always_inline bool wt_still(struct sock *sk, __u64 cookie)
{
	return sk && BPF_CORE_READ(sk, __sk_common.skc_cookie.counter) == (__s64)cookie &&
	       BPF_CORE_READ(sk, __sk_common.skc_state) != WT_TCP_CLOSE;
}

SEC("iter/bpf_map_elem")
int wt_iter_conn(struct bpf_iter__bpf_map_elem *ctx)
{
	struct wt_conn *c = ctx->value, out;
	struct sock *sk;

	if (!c)
		return 0;
	__builtin_memcpy(&out, c, sizeof(out));
	sk = (void *)out.sock;
	if (!(out.flags & WT_CONN_CLOSED)) {
		if (wt_still(sk, out.cookie)) {
			wt_conn_figures(&out, sk);
			out.state = BPF_CORE_READ(sk, __sk_common.skc_state);
			/* shutdown(2) does not let go of it */
			if (!(BPF_CORE_READ(sk, __sk_common.skc_flags) >> SOCK_DEAD & 1))
				out.flags &= ~WT_CONN_LET_GO;
		} else {
			out.flags |= WT_CONN_LOST;
		}
	} else if (BPF_CORE_READ(sk, __sk_common.skc_cookie.counter) != (__s64)out.cookie) {
		out.flags |= WT_CONN_LOST;	/* it is over, and that it was destroyed was missed */
	}
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}

SEC("iter/bpf_map_elem")
int wt_iter_listener(struct bpf_iter__bpf_map_elem *ctx)
{
	struct wt_listener *l = ctx->value;
	struct wt_listen_key *k = ctx->key;
	struct wt_listen_row out;
	struct sock *sk;

	if (!l || !k)
		return 0;
	__builtin_memcpy(&out.key, k, sizeof(out.key));
	__builtin_memcpy(&out.value, l, sizeof(out.value));
	sk = (void *)out.value.sock;
	if (sk && BPF_CORE_READ(sk, __sk_common.skc_cookie.counter) == (__s64)out.value.cookie) {
		out.value.drops = wt_drops(sk) - out.value.base_drops;
		out.value.backlog_limit = BPF_CORE_READ(sk, sk_max_ack_backlog);
	}
	bpf_seq_write(ctx->meta->seq, &out, sizeof(out));
	return 0;
}
