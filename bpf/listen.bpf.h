/* SPDX-License-Identifier: GPL-2.0-or-later */
/* listen.bpf.h - who of the traced processes listens where. */
#ifndef WT_LISTEN_BPF_H
#define WT_LISTEN_BPF_H

#include "maps.bpf.h"

static __always_inline void wt_listen_key(struct wt_listen_key *k, struct sock *sk)
{
	k->netns = BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
	k->port = BPF_CORE_READ(sk, __sk_common.skc_num);
	k->family = BPF_CORE_READ(sk, __sk_common.skc_family);
}

/* Who listens on the port that this socket was accepted on; NULL: nobody who is traced. */
static __always_inline struct wt_listener *wt_listener_of(struct sock *sk)
{
	struct wt_listen_key k = {};
	struct wt_listener *l;

	wt_listen_key(&k, sk);
	l = bpf_map_lookup_elem(&listeners, &k);
	return l && l->sockets ? l : NULL;
}

#endif /* WT_LISTEN_BPF_H */
