/* SPDX-License-Identifier: GPL-2.0-or-later */
/* csv_connections.c - connections.csv: one row a TCP connection. */
#include "sinks/csv.h"
#include "sinks/recording.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "ledger/text.h"

static void write_end(FILE *f, __u16 family, const __u8 *addr, __u16 port)
{
	static const __u8 mapped[12] = { [10] = 0xff, [11] = 0xff };
	char text[INET6_ADDRSTRLEN];

	if (family == AF_INET6 && !memcmp(addr, mapped, sizeof(mapped))) {
		addr += sizeof(mapped);
		family = AF_INET;
	}
	inet_ntop(family == AF_INET6 ? AF_INET6 : AF_INET, addr, text, sizeof(text));
	fprintf(f, family == AF_INET6 ? ",[%s]:%u" : ",%s:%u", text, port);
}

static void write_row(const struct recording *r, const struct wt_conn *c, FILE *f)
{
	char comm[WT_COMM_LEN * 2];

	csv_field(f, recording__job(r, c->job, c->cgroup));
	fprintf(f, ",%u,", c->tgid);
	csv_field(f, text__clean(comm, sizeof(comm), c->comm, WT_COMM_LEN, false));
	write_end(f, c->family, c->laddr, c->lport);
	write_end(f, c->family, c->raddr, c->rport);
	fprintf(f, ",%s,%s,", c->family == AF_INET6 ? "ipv6" : "ipv4",
		c->flags & WT_CONN_OUT ? "out" : "in");
	if (!(c->flags & WT_CONN_OPEN))
		csv_utc(f, c->start_ns, r->utc_offset_ns);
	putc(',', f);
	if (c->flags & WT_CONN_CLOSED)
		csv_utc(f, c->end_ns, r->utc_offset_ns);
	fprintf(f, ",%llu,%llu,%llu,%u,%u,%u", c->connect_ns, c->bytes_sent, c->bytes_received,
		c->srtt_us, c->retransmits, c->resets_sent + c->resets_received);
	fprintf(f, ",%s,%s,%llu,%llu,%llu,%s,%s\n", conn__state_name(c->state), conn__end_reason(c),
		c->wait_ns, c->waits, c->wait_max_ns,
		c->flags & WT_CONN_LATE ? "late" : c->flags & WT_CONN_OPEN ? "open" : "whole",
		c->flags & WT_CONN_LISTENER ? "listener" :
		c->flags & WT_CONN_SHARED ? "shared" : "user");
}

int sink_connections_csv(const struct recording *r, FILE *f)
{
	const struct wt_conn **v = r->conns ? conns__sorted(r->conns) : NULL;

	if (r->conns && !v)
		return -ENOMEM;
	fputs("job,pid,comm,local,peer,family,direction,start_utc,end_utc,connect_ns,bytes_sent,"
	      "bytes_received,srtt_us,retransmits,resets,state_at_end,end_reason,wait_ns,waits,"
	      "wait_max_ns,seen,owner\n", f);
	for (unsigned i = 0; v && v[i]; i++)
		write_row(r, v[i], f);
	free(v);
	return sink_result(f);
}
