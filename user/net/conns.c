/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/conns.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_ROWS 10000
#define MAX_PEERS 4096
#define TCP_SYN_SENT 2

struct rows {
	struct wt_conn *v;
	unsigned n, room;
};

struct conns {
	unsigned max;
	struct rows closed;		/* a ring once it is full: next is the oldest */
	unsigned next;
	struct rows live;
	struct peers *closed_peers, *live_peers;
	__u64 n_closed, n_live, n_open, lost_closed;
	struct wt_listen_row listeners[CONNS_MAX_LISTENERS];
	unsigned n_listeners;
};

int conns__new(struct conns **out, const struct conns_opts *o)
{
	struct conns *c = calloc(1, sizeof(*c));
	unsigned max_peers;
	int err;

	*out = NULL;
	if (!c)
		return -ENOMEM;
	c->max = o->max_rows ? o->max_rows : MAX_ROWS;
	max_peers = o->max_peers ? o->max_peers : MAX_PEERS;
	err = peers__new(&c->closed_peers, max_peers);
	if (!err)
		err = peers__new(&c->live_peers, max_peers);
	if (err) {
		conns__free(c);
		return err;
	}
	*out = c;
	return 0;
}

void conns__free(struct conns *c)
{
	if (!c)
		return;
	peers__free(c->closed_peers);
	peers__free(c->live_peers);
	free(c->closed.v);
	free(c->live.v);
	free(c);
}

/* Room for one more, at most max. */
static int grow(struct rows *r, unsigned max)
{
	unsigned room = r->room ? r->room * 2 : 64;
	struct wt_conn *v;

	if (r->n < r->room)
		return 0;
	if (room > max)
		room = max;
	v = realloc(r->v, room * sizeof(*v));
	if (!v)
		return -ENOMEM;
	r->v = v;
	r->room = room;
	return 0;
}

int conns__put_closed(struct conns *c, const struct wt_conn *conn)
{
	int err = peers__add_conn(c->closed_peers, conn);

	c->n_closed++;
	c->lost_closed += !!(conn->flags & WT_CONN_LOST);
	if (err)
		return err;
	if (c->closed.n < c->max) {
		err = grow(&c->closed, c->max);
		if (!err)
			c->closed.v[c->closed.n++] = *conn;
		return err;
	}
	c->closed.v[c->next] = *conn;
	c->next = (c->next + 1) % c->max;
	return 0;
}

void conns__begin(struct conns *c)
{
	c->live.n = 0;
	c->n_live = 0;
	c->n_open = 0;
	c->n_listeners = 0;
	peers__clear(c->live_peers);
}

int conns__put_live(struct conns *c, const struct wt_conn *conn)
{
	int err = peers__add_conn(c->live_peers, conn);

	c->n_live++;
	c->n_open += conn__lives(conn);
	if (err || c->live.n >= c->max)
		return err;
	err = grow(&c->live, c->max);
	if (!err)
		c->live.v[c->live.n++] = *conn;
	return err;
}

void conns__put_listener(struct conns *c, const struct wt_listen_row *row)
{
	if (c->n_listeners < CONNS_MAX_LISTENERS)
		c->listeners[c->n_listeners++] = *row;
}

static int by_start(const void *a, const void *b)
{
	const struct wt_conn *x = *(const struct wt_conn *const *)a;
	const struct wt_conn *y = *(const struct wt_conn *const *)b;

	if (x->start_ns != y->start_ns)
		return x->start_ns < y->start_ns ? -1 : 1;
	return x->cookie < y->cookie ? -1 : x->cookie > y->cookie;
}

const struct wt_conn **conns__sorted(const struct conns *c)
{
	unsigned n = 0, all = c->closed.n + c->live.n;
	const struct wt_conn **v = calloc(all + 1, sizeof(*v));

	if (!v)
		return NULL;
	for (unsigned i = 0; i < c->closed.n; i++)
		v[n++] = &c->closed.v[i];
	for (unsigned i = 0; i < c->live.n; i++)
		v[n++] = &c->live.v[i];
	if (n)
		qsort(v, n, sizeof(*v), by_start);
	return v;
}

const struct wt_listen_row *conns__listeners(const struct conns *c, unsigned *n)
{
	*n = c->n_listeners;
	return c->listeners;
}

int conns__add_peers(const struct conns *c, struct peers *p)
{
	int err = peers__add_all(p, c->closed_peers);

	return err ? err : peers__add_all(p, c->live_peers);
}

void conns__stats(const struct conns *c, struct conns_stats *out)
{
	*out = (struct conns_stats){
		.total = c->n_closed + c->n_live,
		.folded = c->n_closed - c->closed.n + c->n_live - c->live.n,
		.lost = c->lost_closed,
		.live = c->n_open,
	};
}

const char *conn__state_name(unsigned state)
{
	static const char *const names[] = {
		"", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT",
		"CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING",
	};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "";
}

static const char *failed(int error)
{
	switch (error) {
	case ECONNREFUSED:
		return "refused";
	case ETIMEDOUT:
		return "connect timed out";
	case ENETUNREACH:
	case EHOSTUNREACH:
		return "unreachable";
	case ECONNRESET:
		return "reset during connect";
	}
	return "connect given up";
}

bool conn__lives(const struct wt_conn *c)
{
	return !(c->flags & (WT_CONN_CLOSED | WT_CONN_LET_GO | WT_CONN_LOST));
}

const char *conn__end_reason(const struct wt_conn *c)
{
	if (c->flags & WT_CONN_LOST)
		return "not seen";
	if (conn__lives(c))
		return c->state == TCP_SYN_SENT ? "connecting" : "open";
	if (!(c->flags & WT_CONN_CONNECTED))
		return failed(c->error);
	if (c->resets_received)
		return "reset by peer";
	if (c->resets_sent)
		return "reset here";
	if (c->error == ETIMEDOUT)
		return "timed out";
	if (c->flags & WT_CONN_HERE_FIRST)
		return "closed here";
	return c->flags & WT_CONN_PEER_FIRST ? "closed by peer" : "closed";
}
