/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_net.c - peers and connections added up in bounded memory; names; the kernel's counters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "net/conns.h"
#include "net/idle_peer.h"
#include "net/netstat.h"
#include "net/resolve.h"
#include "net/servers.h"
#include "net/services.h"

static struct wt_conn conn(__u64 cookie, const char *peer, __u16 port, __u32 flags)
{
	struct wt_conn c = { .cookie = cookie, .start_ns = cookie, .family = AF_INET, .rport = port,
			     .lport = 40000, .flags = flags, .state = 1 };

	inet_pton(AF_INET, peer, c.raddr);
	return c;
}

#define OUT_DONE (WT_CONN_OUT | WT_CONN_CONNECTED | WT_CONN_CLOSED)

static void test_peers(void **state)
{
	const struct peer **v;
	struct peers *p;
	struct wt_conn c;
	char text[96];

	(void)state;
	assert_int_equal(peers__new(&p, 100), 0);
	for (unsigned i = 1; i <= 100; i++) {
		c = conn(i, "10.0.0.5", 5432, OUT_DONE);
		c.connect_ns = i * 1000;
		c.bytes_sent = 10;
		c.bytes_received = 20;
		c.srtt_us = i;
		c.retransmits = i == 7 ? 2 : 0;
		c.resets_received = i == 8;
		assert_int_equal(peers__add_conn(p, &c), 0);
	}
	c = conn(101, "10.0.0.5", 5432, WT_CONN_OUT | WT_CONN_CLOSED);
	c.error = ECONNREFUSED;
	assert_int_equal(peers__add_conn(p, &c), 0);
	/* accepted ones of the same host, from ports of all sorts: a client of our port */
	for (unsigned i = 0; i < 10; i++) {
		c = conn(200 + i, "10.0.0.5", 30000 + i, WT_CONN_CONNECTED);
		c.lport = 8080;
		assert_int_equal(peers__add_conn(p, &c), 0);
	}
	assert_int_equal(peers__count(p), 2);
	v = peers__sorted(p);
	peer__text(&v[0]->id, text, sizeof(text));
	assert_string_equal(text, "10.0.0.5:5432");
	assert_string_equal(peer__service(&v[0]->id), "postgres");
	assert_int_equal(v[0]->connections, 100);
	assert_int_equal(v[0]->failed, 1);
	assert_int_equal(v[0]->bytes_sent, 1000);
	assert_int_equal(v[0]->bytes_received, 2000);
	assert_int_equal(v[0]->srtt_sum_us / v[0]->srtt_n, 50);
	assert_int_equal(v[0]->srtt_max_us, 100);
	assert_int_equal(v[0]->retransmits, 2);
	assert_int_equal(v[0]->resets_received, 1);
	assert_int_equal(v[0]->connect_max_ns, 100000);
	assert_in_range(peer__connect_pct(v[0], 50), 43750, 56250);
	assert_in_range(peer__connect_pct(v[0], 95), 83125, 100000);
	peer__text(&v[1]->id, text, sizeof(text));
	assert_string_equal(text, "client 10.0.0.5 of :8080");
	assert_int_equal(v[1]->connections, 10);
	free(v);
	peers__free(p);
}

/* Beyond the limit nothing is lost but whose it was, and that is counted. */
static void test_too_many_peers(void **state)
{
	const struct peer **v;
	struct peers *p, *all;
	__u64 sent = 0, n = 0;
	char host[32], text[96];

	(void)state;
	assert_int_equal(peers__new(&p, 50), 0);
	for (unsigned i = 0; i < 1000; i++) {
		struct wt_conn c;

		snprintf(host, sizeof(host), "10.1.%u.%u", i / 250, i % 250);
		c = conn(i + 1, host, 80, OUT_DONE);
		c.bytes_sent = 3;
		assert_int_equal(peers__add_conn(p, &c), 0);
	}
	assert_int_equal(peers__new(&all, 50), 0);
	assert_int_equal(peers__add_all(all, p), 0);
	assert_int_equal(peers__count(all), 51);
	assert_int_equal(peers__folded(all), 950);
	v = peers__sorted(all);
	for (unsigned i = 0; v[i]; i++) {
		sent += v[i]->bytes_sent;
		n += v[i]->connections;
	}
	peer__text(&v[0]->id, text, sizeof(text));
	assert_string_equal(text, "[other peers]");
	assert_int_equal(v[0]->connections, 950);
	assert_int_equal(sent, 3000);
	assert_int_equal(n, 1000);
	free(v);
	peers__free(p);
	peers__free(all);
}

/* IPv4 by an IPv6 socket is the same peer as by an IPv4 one. */
static void test_mapped(void **state)
{
	struct wt_conn a = conn(1, "10.0.0.5", 80, OUT_DONE), b = a;
	struct peers *p;

	(void)state;
	b.family = AF_INET6;
	inet_pton(AF_INET6, "::ffff:10.0.0.5", b.raddr);
	assert_int_equal(peers__new(&p, 9), 0);
	assert_int_equal(peers__add_conn(p, &a), 0);
	assert_int_equal(peers__add_conn(p, &b), 0);
	assert_int_equal(peers__count(p), 1);
	peers__free(p);
}

static void test_rows_are_bounded(void **state)
{
	const struct conns_opts o = { .max_rows = 10 };
	const struct wt_conn **v;
	struct conns_stats st;
	struct conns *c;
	struct peers *p;
	struct wt_conn one;

	(void)state;
	assert_int_equal(conns__new(&c, &o), 0);
	for (unsigned i = 1; i <= 25; i++) {
		one = conn(i, "10.0.0.5", 80, OUT_DONE);
		assert_int_equal(conns__put_closed(c, &one), 0);
	}
	/* what lives is told anew each time */
	for (unsigned round = 0; round < 2; round++) {
		conns__begin(c);
		for (unsigned i = 0; i < 12; i++) {
			one = conn(100 + i, "10.0.0.6", 80, WT_CONN_OUT | WT_CONN_CONNECTED);
			assert_int_equal(conns__put_live(c, &one), 0);
		}
	}
	conns__stats(c, &st);
	assert_int_equal(st.total, 37);
	assert_int_equal(st.live, 12);
	assert_int_equal(st.folded, 15 + 2);
	v = conns__sorted(c);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(v[i]->cookie, 16 + i);	/* the newest of those that ended */
	assert_int_equal(v[10]->cookie, 100);
	assert_null(v[20]);
	free(v);
	assert_int_equal(peers__new(&p, 9), 0);
	assert_int_equal(conns__add_peers(c, p), 0);
	assert_int_equal(peers__count(p), 2);
	peers__free(p);
	conns__free(c);
}

static void test_ends(void **state)
{
	struct wt_conn c = conn(1, "10.0.0.5", 80, OUT_DONE);

	(void)state;
	assert_string_equal(conn__end_reason(&c), "closed");
	c.flags |= WT_CONN_HERE_FIRST;
	assert_string_equal(conn__end_reason(&c), "closed here");
	c.resets_received = 1;
	assert_string_equal(conn__end_reason(&c), "reset by peer");
	c = conn(1, "10.0.0.5", 80, WT_CONN_OUT | WT_CONN_CLOSED);
	c.error = ECONNREFUSED;
	assert_string_equal(conn__end_reason(&c), "refused");
	c.error = ETIMEDOUT;
	assert_string_equal(conn__end_reason(&c), "connect timed out");
	c.flags = WT_CONN_OUT | WT_CONN_CONNECTED;
	assert_string_equal(conn__end_reason(&c), "open");
	assert_true(conn__lives(&c));
	c.error = 0;
	c.flags |= WT_CONN_HERE_FIRST;		/* by half */
	assert_string_equal(conn__end_reason(&c), "open");
	c.flags |= WT_CONN_LET_GO;
	assert_string_equal(conn__end_reason(&c), "closed here");
	assert_false(conn__lives(&c));
	c.flags |= WT_CONN_LOST;
	assert_string_equal(conn__end_reason(&c), "not seen");
	assert_string_equal(conn__state_name(9), "LAST_ACK");
	assert_string_equal(conn__state_name(200), "");
}

static struct wt_server_row listener(const char *addr, __u16 port, __u32 tgid, const char *comm)
{
	struct wt_server_row row = { .cookie = tgid, .netns = 1, .tgid = tgid, .port = port };

	row.family = strchr(addr, ':') ? AF_INET6 : AF_INET;
	inet_pton(row.family, addr, row.laddr);
	strncpy(row.comm, comm, sizeof(row.comm) - 1);
	return row;
}

static void put_listener(struct servers *s, const char *addr, __u16 port, __u32 tgid, const char *comm)
{
	struct wt_server_row row = listener(addr, port, tgid, comm);

	assert_int_equal(servers__put(s, &row), 0);
}

/* Who serves there, "" where nobody is known. */
static const char *server_of(const struct servers *s, const char *addr, __u16 port)
{
	struct peer_id id = { .proto = IPPROTO_TCP, .port = port };
	const struct wt_server_row *row;

	id.family = strchr(addr, ':') ? AF_INET6 : AF_INET;
	inet_pton(id.family, addr, id.addr);
	row = servers__of(s, &id);
	return row ? row->comm : "";
}

static void meet(struct servers *s, const char *addr, __u16 port, unsigned end)
{
	struct wt_reason r = { .state = WT_NET, .kind = WT_K_SOCKET, .proto = IPPROTO_TCP, .port = port,
			       .n = end };

	r.family = strchr(addr, ':') ? AF_INET6 : AF_INET;
	inet_pton(r.family, addr, r.addr);
	servers__meet(s, &r);
}

static void test_servers(void **state)
{
	struct wt_server_row row;
	struct servers *s;

	(void)state;
	assert_int_equal(servers__new(&s), 0);
	/* wanted once for each port of this host that a server is waited for at */
	assert_false(servers__wanted(s));
	meet(s, "192.0.2.5", 5432, WT_SOCK_PEER);
	meet(s, "127.0.0.1", 5432, WT_SOCK_CLIENT);
	assert_false(servers__wanted(s));
	meet(s, "127.0.0.1", 5432, WT_SOCK_PEER);
	assert_true(servers__wanted(s));
	assert_false(servers__wanted(s));
	meet(s, "127.0.0.1", 5432, WT_SOCK_PEER);
	assert_false(servers__wanted(s));
	meet(s, "::1", 80, WT_SOCK_PEER);
	assert_true(servers__wanted(s));

	/* that very address before any, IPv6's any for IPv4, and nobody elsewhere */
	put_listener(s, "0.0.0.0", 5432, 10, "any");
	put_listener(s, "127.0.0.1", 5432, 11, "postgres");
	put_listener(s, "::", 80, 12, "nginx");
	put_listener(s, "127.0.0.2", 81, 13, "other");
	assert_string_equal(server_of(s, "127.0.0.1", 5432), "postgres");
	assert_string_equal(server_of(s, "127.0.0.9", 5432), "any");
	assert_string_equal(server_of(s, "127.0.0.1", 80), "nginx");
	assert_string_equal(server_of(s, "::1", 80), "nginx");
	assert_string_equal(server_of(s, "127.0.0.1", 81), "");
	assert_string_equal(server_of(s, "192.0.2.5", 5432), "");

	/* children inherit the socket; init gave it to somebody; a later owner is another one */
	row = listener("127.0.0.1", 5432, 11, "child");
	row.tgid = 99;
	assert_int_equal(servers__put(s, &row), 0);
	assert_string_equal(server_of(s, "127.0.0.1", 5432), "postgres");
	put_listener(s, "127.0.0.1", 22, 1, "systemd");
	row = listener("127.0.0.1", 22, 1, "sshd");
	row.tgid = 50;
	assert_int_equal(servers__put(s, &row), 0);
	assert_string_equal(server_of(s, "127.0.0.1", 22), "sshd");
	put_listener(s, "127.0.0.1", 22, 60, "dropbear");
	assert_string_equal(server_of(s, "127.0.0.1", 22), "");

	/* the same port in another namespace: the same name is right in both, else none */
	row = listener("127.0.0.1", 80, 70, "nginx");
	row.netns = 2;
	assert_int_equal(servers__put(s, &row), 0);
	assert_string_equal(server_of(s, "127.0.0.1", 80), "nginx");
	row = listener("127.0.0.1", 80, 71, "apache2");
	row.netns = 3;
	assert_int_equal(servers__put(s, &row), 0);
	assert_string_equal(server_of(s, "127.0.0.1", 80), "");

	/* bounded */
	for (unsigned i = 0; i < 5000; i++)
		put_listener(s, "127.0.0.1", 20000 + i, 100 + i, "many");
	assert_string_equal(server_of(s, "127.0.0.1", 20001), "many");
	assert_string_equal(server_of(s, "127.0.0.1", 24999), "");
	servers__free(s);
	servers__free(NULL);
}

static void test_services(void **state)
{
	(void)state;
	assert_string_equal(service__name(5432, IPPROTO_TCP), "postgres");
	assert_string_equal(service__name(53, IPPROTO_UDP), "dns");
	assert_string_equal(service__name(123, IPPROTO_TCP), "");
	assert_string_equal(service__name(0, IPPROTO_TCP), "");
	assert_int_equal(service__port("redis"), 6379);
	assert_int_equal(service__port("Redis"), 6379);
	assert_int_equal(service__port("no such service"), 0);
}

/* UDP and unix sockets: a peer, our own end where there is none, a path with its process. */
static void test_datagrams(void **state)
{
	struct wt_dgram_key k = { .job = 1, .peer = { .kind = WT_K_SOCKET, .family = AF_INET, .proto = IPPROTO_UDP,
						      .port = 53, .addr = { 10, 0, 0, 5 } } };
	const struct wt_dgram_val v = { .sends = 2, .sent = 100, .receives = 1, .received = 7 };
	const struct peer **rows;
	struct peers *p;
	char text[96];

	(void)state;
	assert_int_equal(peers__new(&p, 9), 0);
	assert_int_equal(peers__add_datagrams(p, &k, &v), 0);
	assert_int_equal(peers__add_datagrams(p, &k, &v), 0);
	k.peer.n = WT_SOCK_OWN;
	memset(k.peer.addr, 0, sizeof(k.peer.addr));
	assert_int_equal(peers__add_datagrams(p, &k, &v), 0);
	k.peer = (struct wt_reason){ .kind = WT_K_UNIX, .family = AF_UNIX, .n = 4711, .name = "/run/x.sock" };
	memcpy(k.peer.addr, "postgres", 9);
	assert_int_equal(peers__add_datagrams(p, &k, &v), 0);
	k.peer = (struct wt_reason){ .kind = WT_K_PIPE };		/* no socket at all */
	assert_int_equal(peers__add_datagrams(p, &k, &v), 0);
	assert_int_equal(peers__count(p), 3);
	rows = peers__sorted(p);
	for (unsigned i = 0; i < 3; i++) {
		unsigned n = 1;

		peer__text(&rows[i]->id, text, sizeof(text));
		if (!strcmp(text, "udp 10.0.0.5:53")) {
			n = 2;
		} else if (!strcmp(text, "udp *:53")) {
			assert_true(rows[i]->id.own);
		} else {
			assert_string_equal(text, "unix /run/x.sock");
			assert_int_equal(rows[i]->id.pid, 4711);
			assert_string_equal(peer__service(&rows[i]->id), "");
		}
		assert_int_equal(rows[i]->sends, n * 2);
		assert_int_equal(rows[i]->bytes_sent, n * 100);
		assert_int_equal(rows[i]->receives, n);
		assert_int_equal(rows[i]->bytes_received, n * 7);
	}
	free(rows);
	peers__free(p);
}

static void test_idle_peers(void **state)
{
	static const char *const bad[] = { "", ":", ":0", ":65536", ":7x", "10.0.0.5:", "10.0.0:80",
					   "::1:80:", "[::1]", "[]:80", "1:2:80", "no-such-service" };
	struct wt_idle_peer p, q;

	(void)state;
	assert_null(idle_peer__parse(&p, "10.0.0.5:6379"));
	assert_int_equal(p.port, 6379);
	assert_int_equal(p.any_addr, 0);
	assert_null(idle_peer__parse(&q, "[::ffff:10.0.0.5]:6379"));
	assert_memory_equal(&p, &q, sizeof(p));
	assert_null(idle_peer__parse(&p, "::1"));
	assert_int_equal(p.port, 0);
	assert_null(idle_peer__parse(&p, ":5672"));
	assert_null(idle_peer__parse(&q, "amqp"));
	assert_memory_equal(&p, &q, sizeof(p));
	assert_int_equal(p.any_addr, 1);
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_non_null(idle_peer__parse(&p, bad[i]));
}

static void test_counters(void **state)
{
	static const char text[] =
		"TcpExt: SyncookiesSent ListenOverflows ListenDrops\nTcpExt: 1 22 33\n"
		"Tcp: RtoAlgorithm RetransSegs InErrs OutRsts\nTcp: 1 44 0 5\n"
		"Udp: InDatagrams NoPorts\nUdp: 6 7\nOdd: line\n";
	struct netstat a = { 0 }, b = { .retransmitted = 40, .resets_out = 50 }, d;
	FILE *f = fmemopen((char *)text, strlen(text), "r");

	(void)state;
	netstat__parse(&a, f);
	fclose(f);
	assert_int_equal(a.listen_overflows, 22);
	assert_int_equal(a.listen_drops, 33);
	assert_int_equal(a.retransmitted, 44);
	assert_int_equal(a.resets_out, 5);
	assert_int_equal(a.udp_in, 6);
	netstat__diff(&d, &a, &b);
	assert_int_equal(d.retransmitted, 4);
	assert_int_equal(d.resets_out, 0);
}

/* Whatever the resolver does, it is over in time. */
static void test_resolve(void **state)
{
	struct wt_conn c = conn(1, "127.0.0.1", 80, OUT_DONE);
	struct hosts *h;
	struct peers *p;

	(void)state;
	assert_string_equal(hosts__name(NULL, AF_INET, c.raddr), "");
	assert_int_equal(peers__new(&p, 9), 0);
	assert_int_equal(peers__add_conn(p, &c), 0);
	assert_int_equal(hosts__resolve(&h, p, 4, 2000), 0);
	/* by /etc/hosts, where there is one */
	if (hosts__name(h, AF_INET, c.raddr)[0])
		assert_non_null(strstr(hosts__name(h, AF_INET, c.raddr), "local"));
	hosts__free(h);
	assert_int_equal(hosts__resolve(&h, p, 4, 0), 0);
	hosts__free(h);
	peers__free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_peers),
		cmocka_unit_test(test_too_many_peers),
		cmocka_unit_test(test_mapped),
		cmocka_unit_test(test_rows_are_bounded),
		cmocka_unit_test(test_ends),
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_datagrams),
		cmocka_unit_test(test_idle_peers),
		cmocka_unit_test(test_counters),
		cmocka_unit_test(test_resolve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
