/* SPDX-License-Identifier: GPL-2.0-or-later */
/* units_cost.h - what units cost, for summary.json and for the terminal; see units/verdict.h. */
#ifndef WT_UNITS_COST_SINK_H
#define WT_UNITS_COST_SINK_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include "disks/disks.h"
#include "units/verdict.h"

/* Who listens where a peer is, "127.0.0.1:5432": NULL, nobody that is known.  Valid until asked again. */
struct unit_servers {
	const char *(*of)(void *ctx, const char *peer);
	void *ctx;
	const struct disks *disks;	/* their names, or NULL */
};

/*
 * summary.json's jobs[].units[]: one object for each kind of unit of a job.  The
 * job's entry in summary's "jobs" is found by its "job", or made.  servers may be
 * NULL.  0 or -ENOMEM.
 */
int sink_units_json(const struct judged *j, unsigned n, const struct unit_servers *servers, json_t *summary);

/* The terminal's section UNITS; nothing when there is none.  0 or a negative errno. */
int sink_units_terminal(const struct judged *j, unsigned n, const struct unit_servers *servers, FILE *f,
			bool colour);

/*
 * "its own estimates …": how far the program's were off, or what they are, and ours;
 * false when there is nothing to say.  For people: one or two sentences.
 */
bool units_estimate_text(const struct cost_report *r, char *buf, size_t sz);

#endif /* WT_UNITS_COST_SINK_H */
