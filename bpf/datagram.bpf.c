// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * datagram.bpf.c - --datagrams: bytes over UDP and unix sockets, by peer.
 *
 * The kernel keeps no count of them, and these tracepoints (from 6.3 on) are run for each
 * call on any socket of the machine, so nobody gets them unasked.  They tell the socket,
 * not the message: to whom an unconnected UDP socket sends is read from the call's own
 * arguments; from whom it receives is not known.
 */
#include "calls.bpf.h"
#include <bpf/bpf_endian.h>

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define IPPROTO_UDP 17
#define MSG_PEEK 2
#if defined(__TARGET_ARCH_x86)
#define NR_SENDTO 44
#define NR_SENDMSG 46
#elif defined(__TARGET_ARCH_arm64)
#define NR_SENDTO 206
#define NR_SENDMSG 211
#endif

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct wt_dgram_key);
	__type(value, struct wt_dgram_val);
} dgrams SEC(".maps");

/* struct sockaddr_in, or sockaddr_in6 */
struct wt_sockaddr {
	__u16 family, port;
	__u32 addr4_or_flow;
	__u8 addr6[16];
};

/* The address that the call names; not there: the peer stays our own end. */
static __always_inline void wt_sent_to(struct wt_reason *r, struct task_struct *t)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(t);
	struct wt_sockaddr a = {};
	struct wt_call c = {};
	__u64 at = 0;

	wt_read_call(t, &c);
	if (c.compat)
		return;
	if (c.nr == NR_SENDMSG)
		bpf_probe_read_user(&at, sizeof(at), (void *)c.arg[1]);	/* msg_name, the first field */
	else if (c.nr == NR_SENDTO)
#if defined(__TARGET_ARCH_x86)
		at = regs->r8;
#elif defined(__TARGET_ARCH_arm64)
		at = regs->regs[4];
#endif
	if (!at || bpf_probe_read_user(&a, 8, (void *)at) || (a.family != AF_INET && a.family != AF_INET6))
		return;
	if (a.family == AF_INET6 && bpf_probe_read_user(a.addr6, sizeof(a.addr6), (void *)(at + 8)))
		return;
	r->family = a.family;
	r->port = bpf_ntohs(a.port);
	r->n = WT_SOCK_PEER;
	__builtin_memset(r->addr, 0, sizeof(r->addr));
	if (a.family == AF_INET)
		__builtin_memcpy(r->addr, &a.addr4_or_flow, 4);
	else
		__builtin_memcpy(r->addr, a.addr6, sizeof(a.addr6));
}

static __always_inline struct wt_dgram_val *wt_dgram_of(__u64 sk, struct task_struct *t,
							struct wt_task *w, bool sends)
{
	struct wt_dgram_val fresh = {}, *v;
	struct wt_dgram_key k = {};

	k.job = w->exec_ns ? w->exec_job : w->job;
	k.cgroup = w->cgroup;
	wt_on_sock(&k.peer, sk, t->tgid);
	if (k.peer.kind == WT_K_SOCKET && k.peer.n == WT_SOCK_OWN) {
		__builtin_memset(k.peer.addr, 0, sizeof(k.peer.addr));
		if (sends)
			wt_sent_to(&k.peer, t);
	}
	v = bpf_map_lookup_elem(&dgrams, &k);
	if (v)
		return v;
	bpf_map_update_elem(&dgrams, &k, &fresh, BPF_NOEXIST);
	v = bpf_map_lookup_elem(&dgrams, &k);
	if (!v)
		wt_lost(WT_LOSS_DGRAM);
	return v;
}

static __always_inline int wt_dgram(void *ctx, struct sock *sk, int ret, bool sends)
{
	__u16 family = sk->__sk_common.skc_family, proto = sk->sk_protocol;
	struct task_struct *t;
	struct wt_dgram_val *v;
	struct wt_task *w;
	__u64 now, address = 0;

	if (family != AF_UNIX && proto != IPPROTO_UDP)
		return 0;
	if (ret < 0 || (!ret && family == AF_UNIX))
		return 0;
	t = bpf_get_current_task_btf();
	w = wt_task_of(t);
	now = bpf_ktime_get_ns();
	if (!w || !wt_recording(now))
		return 0;
	/* the first argument, as a number: a global function takes no pointer of the verifier's */
	bpf_probe_read_kernel(&address, sizeof(address), ctx);
	v = wt_dgram_of(address, t, w, sends);
	if (!v)
		return 0;
	__sync_fetch_and_add(sends ? &v->sends : &v->receives, 1);
	__sync_fetch_and_add(sends ? &v->sent : &v->received, ret);
	return 0;
}

SEC("?tp_btf/sock_send_length")
int BPF_PROG(wt_sock_sent, struct sock *sk, int ret, int flags)
{
	return wt_dgram(ctx, sk, ret, true);
}

SEC("?tp_btf/sock_recv_length")
int BPF_PROG(wt_sock_received, struct sock *sk, int ret, int flags)
{
	return flags & MSG_PEEK ? 0 : wt_dgram(ctx, sk, ret, false);
}
