/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/servers.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define MAX_SERVERS 4096
#define MAX_ADDRESSES 256

struct address {
	__u16 family;
	__u8 addr[16];
};

struct server {
	struct wt_server_row row;
	bool several;			/* the port had servers of different names */
};

struct servers {
	struct server *v;
	unsigned n, max;
	struct address *own;		/* of this host's interfaces */
	unsigned n_own;
	bool wanted;
	__u8 asked[65536 / 8];		/* ports that were looked for */
};

static void own_addresses(struct servers *s)
{
	struct ifaddrs *all;

	/* without them loopback is all that is known to be here */
	if (getifaddrs(&all))
		return;
	for (struct ifaddrs *i = all; i && s->n_own < MAX_ADDRESSES; i = i->ifa_next) {
		struct address *a = &s->own[s->n_own];

		if (!i->ifa_addr)
			continue;
		if (i->ifa_addr->sa_family == AF_INET)
			memcpy(a->addr, &((struct sockaddr_in *)i->ifa_addr)->sin_addr, 4);
		else if (i->ifa_addr->sa_family == AF_INET6)
			memcpy(a->addr, &((struct sockaddr_in6 *)i->ifa_addr)->sin6_addr, 16);
		else
			continue;
		a->family = i->ifa_addr->sa_family;
		s->n_own++;
	}
	freeifaddrs(all);
}

int servers__new(struct servers **out)
{
	struct servers *s = calloc(1, sizeof(*s));

	*out = s;
	if (s)
		s->own = calloc(MAX_ADDRESSES, sizeof(*s->own));
	if (!s || !s->own)
		return -ENOMEM;
	own_addresses(s);
	return 0;
}

void servers__free(struct servers *s)
{
	if (!s)
		return;
	free(s->own);
	free(s->v);
	free(s);
}

static bool is_here(const struct servers *s, const struct peer_id *id)
{
	if (id->client || id->others || id->own || id->proto != IPPROTO_TCP)
		return false;
	if (id->family == AF_INET && id->addr[0] == 127)
		return true;
	if (id->family == AF_INET6 && !memcmp(id->addr, &in6addr_loopback, 16))
		return true;
	for (unsigned i = 0; i < s->n_own; i++)
		if (s->own[i].family == id->family &&
		    !memcmp(s->own[i].addr, id->addr, id->family == AF_INET ? 4 : 16))
			return true;
	return false;
}

static void meet(struct servers *s, const struct peer_id *id)
{
	if (s->asked[id->port / 8] & 1 << id->port % 8 || !is_here(s, id))
		return;
	s->asked[id->port / 8] |= 1 << id->port % 8;
	s->wanted = true;
}

void servers__meet(struct servers *s, const struct wt_reason *r)
{
	struct peer_id id;

	if (peer_id__of_reason(&id, r))
		meet(s, &id);
}

void servers__meet_conn(struct servers *s, const struct wt_conn *c)
{
	struct peer_id id;

	if (!(c->flags & WT_CONN_CONNECTED))
		return;
	peer_id__of_conn(&id, c);
	meet(s, &id);
}

bool servers__wanted(struct servers *s)
{
	bool wanted = s->wanted;

	s->wanted = false;
	return wanted;
}

static bool same_place(const struct wt_server_row *a, const struct wt_server_row *b)
{
	return a->port == b->port && a->family == b->family && a->netns == b->netns &&
	       !memcmp(a->laddr, b->laddr, sizeof(a->laddr));
}

static bool same_name(const struct wt_server_row *a, const struct wt_server_row *b)
{
	return !strncmp(a->comm, b->comm, sizeof(a->comm));
}

int servers__put(struct servers *s, const struct wt_server_row *row)
{
	for (unsigned i = 0; i < s->n; i++) {
		struct server *old = &s->v[i];

		if (!same_place(&old->row, row))
			continue;
		/* init opens sockets for those it starts; others inherit them from who made them */
		if (old->row.cookie == row->cookie && old->row.tgid == 1)
			old->row = *row;
		else if (old->row.cookie != row->cookie && !same_name(&old->row, row))
			old->several = true;
		return 0;
	}
	if (s->n == MAX_SERVERS)
		return 0;
	if (s->n == s->max) {
		unsigned max = s->max ? 2 * s->max : 64;
		struct server *v = realloc(s->v, max * sizeof(*v));

		if (!v)
			return -ENOMEM;
		s->v = v;
		s->max = max;
	}
	s->v[s->n++] = (struct server){ .row = *row };
	return 0;
}

static bool is_any(const struct wt_server_row *row)
{
	static const __u8 any[16];

	return !memcmp(row->laddr, any, sizeof(any));
}

/* How well a listener fits: 0 not, 3 that very address, 2 any of its family, 1 any of IPv6 for IPv4. */
static int fits(const struct wt_server_row *row, const struct peer_id *id)
{
	if (row->port != id->port)
		return 0;
	if (row->family == id->family)
		return is_any(row) ? 2 : memcmp(row->laddr, id->addr, sizeof(row->laddr)) ? 0 : 3;
	return row->family == AF_INET6 && id->family == AF_INET && is_any(row);
}

const struct wt_server_row *servers__of(const struct servers *s, const struct peer_id *id)
{
	const struct server *best = NULL;
	int how = 0;

	if (!s || !is_here(s, id))
		return NULL;
	for (unsigned i = 0; i < s->n; i++) {
		const struct server *one = &s->v[i];
		int now = fits(&one->row, id);

		if (!now)
			continue;
		/* another namespace's: no telling in which of them the connection is */
		if (best && best->row.netns != one->row.netns && !same_name(&best->row, &one->row))
			return NULL;
		if (now > how) {
			best = one;
			how = now;
		}
	}
	return best && !best->several ? &best->row : NULL;
}
