/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/peers.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/services.h"

struct peers {
	struct rowmap map;		/* struct peer */
	unsigned max;
	__u64 folded;
};

int peers__new(struct peers **out, unsigned max)
{
	*out = calloc(1, sizeof(**out));
	if (!*out)
		return -ENOMEM;
	(*out)->map.size = sizeof(struct peer);
	(*out)->max = max;
	return 0;
}

void peers__clear(struct peers *p)
{
	for (unsigned i = 0; i < p->map.n; i++) {
		struct peer *peer = rowmap__at(&p->map, i);

		free(peer->connect.cells);
		free(peer->wait.cells);
	}
	rowmap__free(&p->map);
	p->map = (struct rowmap){ .size = sizeof(struct peer) };
	p->folded = 0;
}

void peers__free(struct peers *p)
{
	if (!p)
		return;
	peers__clear(p);
	free(p);
}

static int hist_add(struct peer_hist *h, __u32 bucket, __u64 count)
{
	unsigned at = 0;

	while (at < h->n && h->cells[at].bucket < bucket)
		at++;
	if (at < h->n && h->cells[at].bucket == bucket) {
		h->cells[at].count += count;
		return 0;
	}
	if (h->n == h->max) {
		unsigned max = h->max ? h->max * 2 : 4;
		struct hist_cell *cells = realloc(h->cells, max * sizeof(*cells));

		if (!cells)
			return -ENOMEM;
		h->cells = cells;
		h->max = max;
	}
	memmove(h->cells + at + 1, h->cells + at, (h->n - at) * sizeof(*h->cells));
	h->cells[at] = (struct hist_cell){ bucket, count };
	h->n++;
	return 0;
}

static int hist_add_all(struct peer_hist *h, const struct peer_hist *from)
{
	int err = 0;

	for (unsigned i = 0; i < from->n && !err; i++)
		err = hist_add(h, from->cells[i].bucket, from->cells[i].count);
	return err;
}

/* The row of a peer; beyond the limit that of the others. */
static struct peer *row_of(struct peers *p, const struct peer_id *id)
{
	struct peer_id key = *id;
	struct peer *row = rowmap__find(&p->map, (const char *)&key, sizeof(key));

	if (row)
		return row;
	if (p->map.n >= p->max && !key.others) {
		memset(&key, 0, sizeof(key));
		key.client = id->client;
		key.others = 1;
		p->folded++;
	}
	row = rowmap__get(&p->map, (const char *)&key, sizeof(key));
	if (row)
		row->id = key;
	return row;
}

static __u64 larger(__u64 a, __u64 b)
{
	return a > b ? a : b;
}

static int add_peer(struct peer *to, const struct peer *from)
{
	int err = hist_add_all(&to->connect, &from->connect);

	to->connections += from->connections;
	to->failed += from->failed;
	to->connect_max_ns = larger(to->connect_max_ns, from->connect_max_ns);
	to->bytes_sent += from->bytes_sent;
	to->bytes_received += from->bytes_received;
	to->srtt_sum_us += from->srtt_sum_us;
	to->srtt_n += from->srtt_n;
	to->srtt_max_us = larger(to->srtt_max_us, from->srtt_max_us);
	to->retransmits += from->retransmits;
	to->resets_sent += from->resets_sent;
	to->resets_received += from->resets_received;
	to->wait_ns += from->wait_ns;
	to->waits += from->waits;
	to->wait_max_ns = larger(to->wait_max_ns, from->wait_max_ns);
	to->sends += from->sends;
	to->receives += from->receives;
	return err ? err : hist_add_all(&to->wait, &from->wait);
}

int peers__add_all(struct peers *p, const struct peers *from)
{
	int err = 0;

	p->folded += from->folded;
	for (unsigned i = 0; i < from->map.n && !err; i++) {
		const struct peer *peer = rowmap__at(&from->map, i);
		struct peer *row = row_of(p, &peer->id);

		err = row ? add_peer(row, peer) : -ENOMEM;
	}
	return err;
}

/* IPv4 in IPv6's clothes is IPv4: one peer, whatever the program's socket is. */
static void set_address(struct peer_id *id, __u16 family, const __u8 *addr)
{
	static const __u8 mapped[12] = { [10] = 0xff, [11] = 0xff };

	id->family = family;
	if (family == AF_INET) {
		memcpy(id->addr, addr, 4);
	} else if (!memcmp(addr, mapped, sizeof(mapped))) {
		id->family = AF_INET;
		memcpy(id->addr, addr + 12, 4);
	} else {
		memcpy(id->addr, addr, 16);
	}
}

void peer_id__of_conn(struct peer_id *id, const struct wt_conn *c)
{
	memset(id, 0, sizeof(*id));
	id->proto = IPPROTO_TCP;
	id->client = !(c->flags & WT_CONN_OUT);
	id->port = id->client ? c->lport : c->rport;
	set_address(id, c->family, c->raddr);
}

int peers__add_conn(struct peers *p, const struct wt_conn *c)
{
	struct peer_id id;
	struct peer *row;

	peer_id__of_conn(&id, c);
	id.job = c->job;
	id.cgroup = c->cgroup;
	row = row_of(p, &id);
	if (!row)
		return -ENOMEM;
	if (c->flags & WT_CONN_CONNECTED)
		row->connections++;
	else if (c->flags & WT_CONN_CLOSED)
		row->failed++;
	row->bytes_sent += c->bytes_sent;
	row->bytes_received += c->bytes_received;
	row->retransmits += c->retransmits;
	row->resets_sent += c->resets_sent;
	row->resets_received += c->resets_received;
	if (c->srtt_us) {
		row->srtt_sum_us += c->srtt_us;
		row->srtt_n++;
		row->srtt_max_us = larger(row->srtt_max_us, c->srtt_us);
	}
	if (!c->connect_ns || !(c->flags & WT_CONN_OUT))
		return 0;
	row->connect_max_ns = larger(row->connect_max_ns, c->connect_ns);
	return hist_add(&row->connect, hist__bucket(c->connect_ns), 1);
}

bool peer_id__of_reason(struct peer_id *id, const struct wt_reason *r)
{
	if ((r->kind != WT_K_SOCKET && r->kind != WT_K_CONNECT) || r->n == WT_SOCK_OWN ||
	    (r->family != AF_INET && r->family != AF_INET6))
		return false;
	memset(id, 0, sizeof(*id));
	id->proto = r->proto;
	id->port = r->port;
	id->client = r->n == WT_SOCK_CLIENT;
	set_address(id, r->family, r->addr);
	return true;
}

/* Likewise of a unix socket, or of one that is connected to nobody. */
static bool id_of_any(struct peer_id *id, const struct wt_reason *r)
{
	if (peer_id__of_reason(id, r))
		return true;
	memset(id, 0, sizeof(*id));
	id->family = r->family;
	if (r->kind == WT_K_UNIX) {
		memcpy(id->addr, r->addr, sizeof(id->addr));
		memcpy(id->name, r->name, sizeof(id->name));
		id->name[WT_NAME_LEN - 1] = 0;
		id->pid = r->n;
		return true;
	}
	id->proto = r->proto;
	id->port = r->port;
	id->own = 1;
	return r->kind == WT_K_SOCKET && r->n == WT_SOCK_OWN &&
	       (r->family == AF_INET || r->family == AF_INET6);
}

int peers__add_datagrams(struct peers *p, const struct wt_dgram_key *k, const struct wt_dgram_val *v)
{
	struct peer_id id;
	struct peer *row;

	if (!id_of_any(&id, &k->peer))
		return 0;
	id.job = k->job;
	id.cgroup = k->cgroup;
	row = row_of(p, &id);
	if (!row)
		return -ENOMEM;
	row->bytes_sent += v->sent;
	row->bytes_received += v->received;
	row->sends += v->sends;
	row->receives += v->receives;
	return 0;
}

int peers__add_line(struct peers *p, const struct ledger *l, const struct ledger_line *line)
{
	const struct wt_reason *r;
	struct peer_id id;
	struct peer *row;

	if ((line->state != WT_NET && line->state != WT_IPC) || line->unattributed)
		return 0;
	r = ledger__reason(l, line->reason);
	if (!r || !(line->state == WT_IPC ? r->kind == WT_K_UNIX && id_of_any(&id, r) : peer_id__of_reason(&id, r)))
		return 0;
	id.job = line->job;
	id.cgroup = line->cgroup;
	row = row_of(p, &id);
	if (!row)
		return -ENOMEM;
	row->wait_ns += line->ns;
	row->waits += line->count;
	row->wait_max_ns = larger(row->wait_max_ns, line->max_ns < line->ns ? line->max_ns : line->ns);
	return hist_add(&row->wait, line->bucket, line->count);
}

unsigned peers__count(const struct peers *p)
{
	return p->map.n;
}

__u64 peers__folded(const struct peers *p)
{
	return p->folded;
}

static int by_weight(const void *a, const void *b)
{
	const struct peer *x = *(const struct peer *const *)a, *y = *(const struct peer *const *)b;
	__u64 xb = x->bytes_sent + x->bytes_received, yb = y->bytes_sent + y->bytes_received;

	if (x->wait_ns != y->wait_ns)
		return x->wait_ns > y->wait_ns ? -1 : 1;
	if (xb != yb)
		return xb > yb ? -1 : 1;
	return memcmp(&x->id, &y->id, sizeof(x->id));
}

const struct peer **peers__sorted(const struct peers *p)
{
	return rowmap__sorted(&p->map, by_weight);
}

bool peers__of_reason(const struct peers *p, const struct wt_reason *r, struct peer *sum)
{
	struct peer_id id;

	memset(sum, 0, sizeof(*sum));
	if (!p || !peer_id__of_reason(&id, r))
		return false;
	for (unsigned i = 0; i < p->map.n; i++) {
		const struct peer *peer = rowmap__at(&p->map, i);
		struct peer_id one = peer->id;

		one.job = one.cgroup = 0;
		if (memcmp(&one, &id, sizeof(id)))
			continue;
		sum->connections += peer->connections;
		sum->failed += peer->failed;
		sum->retransmits += peer->retransmits;
		sum->resets_sent += peer->resets_sent;
		sum->resets_received += peer->resets_received;
	}
	sum->id = id;
	return true;
}

__u64 peer__connect_pct(const struct peer *peer, unsigned pct)
{
	return hist__percentile(peer->connect.cells, peer->connect.n, pct, peer->connect_max_ns);
}

__u64 peer__wait_pct(const struct peer *peer, unsigned pct)
{
	return hist__percentile(peer->wait.cells, peer->wait.n, pct, peer->wait_max_ns);
}

void peer__text(const struct peer_id *id, char *buf, size_t sz)
{
	struct wt_reason r = { .kind = WT_K_SOCKET, .family = id->family, .proto = id->proto,
			       .port = id->port, .n = id->client ? WT_SOCK_CLIENT : WT_SOCK_PEER };

	if (id->others) {
		snprintf(buf, sz, id->client ? "[other clients]" : "[other peers]");
		return;
	}
	memcpy(r.addr, id->addr, sizeof(r.addr));
	memcpy(r.name, id->name, sizeof(r.name));
	ledger__peer_text(&r, buf, sz);
}

const char *peer__service(const struct peer_id *id)
{
	return id->others || id->family == AF_UNIX ? "" : service__name(id->port, id->proto);
}
