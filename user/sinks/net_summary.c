/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net_summary.c - what summary.json says of the network. */
#include "sinks/recording.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ledger/text.h"
#include "net/services.h"

#define TOP_PEERS 50

static json_int_t num(__u64 v)
{
	return (json_int_t)v;
}

static json_t *peer_json(const struct recording *r, const struct peer *p)
{
	const struct wt_server_row *server = servers__of(r->servers, &p->id);
	char text[96], name[2 * WT_COMM_LEN];
	json_t *o;

	peer__text(&p->id, text, sizeof(text));
	o = json_pack("{s:s, s:s, s:s, s:s}", "peer", text, "service", peer__service(&p->id), "job",
		      recording__job(r, p->id.job, p->id.cgroup), "direction",
		      p->id.own ? "" : p->id.client ? "in" : "out");
	if (o && hosts__name(r->hosts, p->id.family, p->id.addr)[0])
		json_object_set_new(o, "host", json_string(hosts__name(r->hosts, p->id.family,
								       p->id.addr)));
	if (o && p->sends + p->receives)
		json_object_update_new(o, json_pack("{s:I, s:I}", "sends", num(p->sends), "receives", num(p->receives)));
	if (o && server)
		json_object_update_new(o, json_pack("{s:s, s:I}", "server",
			text__clean(name, sizeof(name), server->comm, WT_COMM_LEN, false),
			"server_pid", num(server->tgid)));
	if (!o || json_object_update_new(o, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}",
			"connections", num(p->connections), "failed_connects", num(p->failed),
			"connect_p95_ns", num(peer__connect_pct(p, 95)),
			"bytes_sent", num(p->bytes_sent), "bytes_received", num(p->bytes_received),
			"srtt_us_mean", num(p->srtt_n ? p->srtt_sum_us / p->srtt_n : 0))) ||
	    json_object_update_new(o, json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}",
			"retransmits", num(p->retransmits), "resets_sent", num(p->resets_sent),
			"resets_received", num(p->resets_received), "wait_ns", num(p->wait_ns),
			"waits", num(p->waits), "wait_p95_ns", num(peer__wait_pct(p, 95))))) {
		json_decref(o);
		return NULL;
	}
	return o;
}

json_t *sink_peers_json(const struct recording *r)
{
	const struct peer **v = r->peers ? peers__sorted(r->peers) : NULL;
	json_t *a = json_array();

	if (r->peers && !v) {
		json_decref(a);
		return NULL;
	}
	for (unsigned i = 0; v && v[i] && i < TOP_PEERS && a; i++) {
		if (json_array_append_new(a, peer_json(r, v[i]))) {
			json_decref(a);
			a = NULL;
		}
	}
	free(v);
	return a;
}

static json_t *listener_json(const struct wt_listen_row *row)
{
	char addr[INET6_ADDRSTRLEN], local[INET6_ADDRSTRLEN + 16], comm[WT_COMM_LEN * 2];
	const struct wt_listener *l = &row->value;

	inet_ntop(row->key.family == AF_INET6 ? AF_INET6 : AF_INET, l->laddr, addr, sizeof(addr));
	snprintf(local, sizeof(local), row->key.family == AF_INET6 ? "[%s]:%u" : "%s:%u", addr,
		 row->key.port);
	return json_pack("{s:s, s:s, s:I, s:s, s:I, s:I, s:I, s:I, s:I}", "local", local, "service",
			 service__name(row->key.port, IPPROTO_TCP), "pid", num(l->tgid), "comm",
			 text__clean(comm, sizeof(comm), l->comm, WT_COMM_LEN, false),
			 "accepted", num(l->accepted), "backlog_peak", num(l->backlog_peak),
			 "backlog_limit", num(l->backlog_limit), "drops", num(l->drops),
			 "sockets", num(l->sockets));
}

static json_t *listeners_json(const struct recording *r)
{
	const struct wt_listen_row *rows;
	json_t *a = json_array();
	unsigned n = 0;

	if (r->conns)
		rows = conns__listeners(r->conns, &n);
	for (unsigned i = 0; i < n && a; i++) {
		if (json_array_append_new(a, listener_json(&rows[i]))) {
			json_decref(a);
			a = NULL;
		}
	}
	return a;
}

static json_t *machine_json(const struct netstat *n)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "listen_overflows", num(n->listen_overflows), "listen_drops",
			 num(n->listen_drops), "retransmitted_segments", num(n->retransmitted),
			 "attempt_fails", num(n->attempt_fails), "established_resets",
			 num(n->established_resets), "resets_out", num(n->resets_out),
			 "udp_in", num(n->udp_in), "udp_out", num(n->udp_out),
			 "udp_errors", num(n->udp_errors), "udp_buffer_full", num(n->udp_full));
}

json_t *sink_network_json(const struct recording *r)
{
	struct conns_stats st = { 0 };

	if (r->conns)
		conns__stats(r->conns, &st);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "connections", num(st.total),
			 "connections_folded", num(st.folded), "connections_open", num(st.live),
			 "peers", num(r->peers ? peers__count(r->peers) : 0), "peers_folded",
			 num(r->peers ? peers__folded(r->peers) : 0), "listeners", listeners_json(r),
			 "namespace", r->netstat ? machine_json(r->netstat) : json_null());
}
