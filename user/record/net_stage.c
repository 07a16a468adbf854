/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net_stage.c - connections and peers in a session: found, refreshed, added up. */
#include "record/session.h"

#include <errno.h>

#include "util/log.h"

#define RESOLVE_MAX 50
#define RESOLVE_MS 3000

int session__open_net(struct session *s)
{
	const struct conns_opts opts = { .max_rows = s->o->max_conns };
	int err = conns__new(&s->conns, &opts);

	if (!err)
		err = servers__new(&s->servers);
	if (err)
		return wt_error(err, "cannot keep connections");
	netstat__read(&s->netstat);
	drain__conns(s->drain, s->conns);
	drain__servers(s->drain, s->servers);
	return 0;
}

int session__find_conns(struct session *s, bool late)
{
	return tracer__find_conns(s->tracer, late);
}

static int put_server(void *arg, const struct wt_server_row *row)
{
	int err = servers__put(arg, row);

	return err ? wt_error(err, "cannot keep the servers of this host") : 0;
}

int session__find_servers(struct session *s)
{
	return servers__wanted(s->servers) ? tracer__servers(s->tracer, put_server, s->servers) : 0;
}

struct refresh {
	struct session *s;
	bool last;
};

static int put_conn(void *arg, struct wt_conn *c)
{
	const struct refresh *x = arg;
	struct conns *conns = x->s->conns;
	int err;

	servers__meet_conn(x->s->servers, c);
	/* it ended while the account was being closed: at the end of the recording it was not over */
	if (x->last && (c->flags & WT_CONN_CLOSED) && c->end_ns > x->s->end_ns)
		c->flags &= ~(WT_CONN_CLOSED | WT_CONN_LOST);
	/* all is known of it but that its socket is gone, or nobody will tell when it goes */
	if ((c->flags & WT_CONN_CLOSED) && (x->last || (c->flags & WT_CONN_LOST))) {
		c->flags &= ~WT_CONN_LOST;
		err = conns__put_closed(conns, c);
	} else if (c->flags & WT_CONN_LOST) {
		err = conns__put_closed(conns, c);
	} else {
		err = conns__put_live(conns, c);
	}
	return err ? wt_error(err, "cannot keep connections") : 0;
}

static int put_listener(void *arg, const struct wt_listen_row *row)
{
	conns__put_listener(arg, row);
	return 0;
}

int session__refresh_net(struct session *s, bool last)
{
	struct refresh x = { .s = s, .last = last };
	int err = last ? tracer__find_conns(s->tracer, true) : 0;

	if (!err)
		err = session__find_servers(s);
	if (err)
		return err;
	conns__begin(s->conns);
	err = tracer__conns(s->tracer, put_conn, &x);
	return err ? err : tracer__listeners(s->tracer, put_listener, s->conns);
}

struct adding {
	struct peers *peers;
	const struct ledger *ledger;
};

static int add_line(void *arg, const struct ledger_line *line)
{
	const struct adding *a = arg;

	return peers__add_line(a->peers, a->ledger, line);
}

static int add_datagrams(void *arg, const struct wt_dgram_key *k, const struct wt_dgram_val *v)
{
	const struct adding *a = arg;

	return peers__add_datagrams(a->peers, k, v);
}

int session__describe_net(struct session *s, struct recording *r)
{
	struct netstat now;
	struct adding a = { .ledger = s->ledger };
	int err = peers__new(&a.peers, 4096);

	if (!err)
		err = conns__add_peers(s->conns, a.peers);
	if (!err)
		err = ledger__each_line(s->ledger, add_line, &a);
	if (!err && s->o->datagrams)
		err = tracer__datagrams(s->tracer, add_datagrams, &a);
	if (err) {
		peers__free(a.peers);
		return err;
	}
	if (s->o->resolve && r->complete && !s->hosts)
		err = hosts__resolve(&s->hosts, a.peers, RESOLVE_MAX, RESOLVE_MS);
	if (!r->complete || !s->netstat_ended) {
		netstat__read(&now);
		netstat__diff(&s->netstat_diff, &now, &s->netstat);
		s->netstat_ended = r->complete;
	}
	r->conns = s->conns;
	r->servers = s->servers;
	r->peers = a.peers;
	r->hosts = s->hosts;
	r->netstat = &s->netstat_diff;
	return err;
}

void session__close_net(struct session *s)
{
	conns__free(s->conns);
	servers__free(s->servers);
	hosts__free(s->hosts);
}
