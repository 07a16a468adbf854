// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * udp.bpf.c - who a thread waited for on a UDP socket that is connected to nobody: whose
 * datagram lies first in the queue when it goes on.
 *
 * Only of sockets whose port the program left to the kernel, as clients do (a resolver, say).
 * Who has chosen a port is a server, and its peers are as many as its clients.
 */
#include "calls.bpf.h"
#include <bpf/bpf_endian.h>

#define AF_INET 2
#define AF_INET6 10
#define ETH_P_IP 0x0800
#define IPPROTO_UDP 17
#define IP4_SOURCE 12			/* where the sender's address lies in a header of IPv4 … */
#define IP6_SOURCE 8			/* … of IPv6 */

static __always_inline struct sk_buff *wt_first(struct sock *sk)
{
	struct sk_buff *first = BPF_CORE_READ(sk, sk_receive_queue.next);

	/* an empty queue leads back to itself */
	return first == (void *)&sk->sk_receive_queue ? NULL : first;
}

__u64 wt_datagram_reason(struct wt_scratch *s, struct wt_task *w)
{
	struct wt_reason *r;
	struct sk_buff *skb;
	struct sock *sk;
	__u64 ip, udp;
	bool four;

	if (!s || !w)
		return 0;
	sk = (void *)w->udp;
	skb = wt_first(sk);
	if (!skb)
		return w->reason;
	r = &s->reason.reason;
	__builtin_memset(r, 0, sizeof(*r));
	r->state = WT_NET;
	r->kind = WT_K_SOCKET;
	r->proto = IPPROTO_UDP;
	r->n = WT_SOCK_PEER;
	ip = (__u64)BPF_CORE_READ(skb, head);
	udp = ip + BPF_CORE_READ(skb, transport_header);
	ip += BPF_CORE_READ(skb, network_header);
	/* also on a socket of IPv6, whose programs see it as ::ffff:a.b.c.d */
	four = BPF_CORE_READ(skb, protocol) == bpf_htons(ETH_P_IP);
	r->family = four ? AF_INET : AF_INET6;
	if (bpf_probe_read_kernel(&r->port, 2, (void *)udp) ||
	    (four ? bpf_probe_read_kernel(r->addr, 4, (void *)(ip + IP4_SOURCE)) :
		    bpf_probe_read_kernel(r->addr, 16, (void *)(ip + IP6_SOURCE))))
		return w->reason;
	r->port = bpf_ntohs(r->port);
	return wt_intern_reason(s, w);
}
