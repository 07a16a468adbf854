/* SPDX-License-Identifier: GPL-2.0-or-later */
/* csv_peers.c - peers.csv: who was at the other end, how it answered, how long we waited. */
#include "ledger/text.h"
#include "sinks/csv.h"
#include "sinks/recording.h"

#include <errno.h>
#include <stdlib.h>

static void write_row(const struct recording *r, const struct peer *p, FILE *f)
{
	const struct wt_server_row *server = servers__of(r->servers, &p->id);
	char text[96], name[2 * WT_COMM_LEN];

	peer__text(&p->id, text, sizeof(text));
	csv_field(f, text);
	fprintf(f, ",%s,", peer__service(&p->id));
	csv_field(f, recording__job(r, p->id.job, p->id.cgroup));
	fprintf(f, ",%llu,%llu,%llu,%llu,%llu,%llu,%llu", p->connections,
		peer__connect_pct(p, 50), peer__connect_pct(p, 95), p->connect_max_ns, p->failed,
		p->bytes_sent, p->bytes_received);
	fprintf(f, ",%llu,%llu,%llu,%llu,%llu", p->srtt_n ? p->srtt_sum_us / p->srtt_n : 0,
		p->srtt_max_us, p->retransmits, p->resets_sent, p->resets_received);
	fprintf(f, ",%llu,%llu,%llu,%llu,%s,", p->wait_ns, p->waits, peer__wait_pct(p, 95),
		p->wait_max_ns, p->id.own ? "" : p->id.client ? "in" : "out");
	csv_field(f, hosts__name(r->hosts, p->id.family, p->id.addr));
	putc(',', f);
	if (p->id.pid) {
		csv_field(f, text__clean(name, sizeof(name), (const char *)p->id.addr, WT_COMM_LEN, false));
		fprintf(f, ",%u", p->id.pid);
	} else if (server) {
		csv_field(f, text__clean(name, sizeof(name), server->comm, WT_COMM_LEN, false));
		fprintf(f, ",%u", server->tgid);
	} else {
		putc(',', f);
	}
	fprintf(f, ",%llu,%llu\n", p->sends, p->receives);
}

int sink_peers_csv(const struct recording *r, FILE *f)
{
	const struct peer **v = r->peers ? peers__sorted(r->peers) : NULL;

	if (r->peers && !v)
		return -ENOMEM;
	fputs("peer,service,job,connections,connect_p50_ns,connect_p95_ns,connect_max_ns,"
	      "failed_connects,bytes_sent,bytes_received,srtt_us_mean,srtt_us_max,retransmits,"
	      "resets_sent,resets_received,wait_ns,waits,wait_p95_ns,wait_max_ns,direction,host,"
	      "server,server_pid,sends,receives\n", f);
	for (unsigned i = 0; v && v[i]; i++)
		write_row(r, v[i], f);
	free(v);
	return sink_result(f);
}
