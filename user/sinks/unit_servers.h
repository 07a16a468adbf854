/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit_servers.h - who listens where the peers of units are: what units_cost.h asks for. */
#ifndef WT_UNIT_SERVERS_H
#define WT_UNIT_SERVERS_H

#include "sinks/units_cost.h"
#include "worktrace.h"

struct recording;
struct peer;

struct unit_servers_of {
	struct unit_servers servers;
	const struct recording *r;
	const struct peer **peers;	/* by waiting; NULL: none, or no memory: then nobody has a name */
	char name[2 * WT_COMM_LEN];
};

/* r stays the caller's, and s where it is, until it is closed. */
void unit_servers__open(struct unit_servers_of *s, const struct recording *r);
void unit_servers__close(struct unit_servers_of *s);
const char *unit_servers__of(void *ctx, const char *peer);

#endif /* WT_UNIT_SERVERS_H */
