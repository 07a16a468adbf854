/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * checks.h - the verdicts on struct features: what is there, what a lack costs
 * the recording, and what to do about it.  For `worktrace doctor`, for the one
 * sentence of a recording that cannot begin, and for its summary.
 */
#ifndef WT_CHECKS_H
#define WT_CHECKS_H

#include <jansson.h>
#include <stdbool.h>
#include "loader/features.h"

struct check {
	const char *id;		/* "btf", "cpu-samples" … stable, for scripts */
	bool ok;
	bool essential;		/* no recording without it */
	char found[160];	/* what there is */
	const char *cost;	/* what its lack costs */
	const char *remedy;	/* what to do about it */
};

#define CHECKS_MAX 32

/* Fills out[CHECKS_MAX]; returns how many. */
unsigned checks__all(const struct features *f, struct check *out);
/* 0, or WT_ESAID after one sentence on the first essential thing that is lacking. */
int checks__require(const struct features *f);
/*
 * [{"id", "ok", "essential", "found", "cost", "remedy"}, …], cost and remedy for
 * what is lacking; lacking_only leaves the rest out.  A new reference.
 */
json_t *checks__json(const struct features *f, bool lacking_only);

#endif /* WT_CHECKS_H */
