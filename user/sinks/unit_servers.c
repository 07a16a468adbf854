/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit_servers.c - units know their peers by name only: who listens there. */
#include "ledger/text.h"
#include "sinks/recording.h"
#include "sinks/unit_servers.h"

#include <stdlib.h>
#include <string.h>

void unit_servers__open(struct unit_servers_of *s, const struct recording *r)
{
	*s = (struct unit_servers_of){ .r = r, .peers = r->servers && r->peers ? peers__sorted(r->peers) : NULL };
	s->servers = (struct unit_servers){ unit_servers__of, s, r->disks };
}

void unit_servers__close(struct unit_servers_of *s)
{
	free(s->peers);
}

const char *unit_servers__of(void *ctx, const char *peer)
{
	struct unit_servers_of *s = ctx;
	const struct wt_server_row *server;
	char text[96];

	for (unsigned i = 0; s->peers && s->peers[i]; i++) {
		peer__text(&s->peers[i]->id, text, sizeof(text));
		if (strcmp(text, peer))
			continue;
		server = servers__of(s->r->servers, &s->peers[i]->id);
		return server ? text__clean(s->name, sizeof(s->name), server->comm, WT_COMM_LEN, false) : NULL;
	}
	return NULL;
}
