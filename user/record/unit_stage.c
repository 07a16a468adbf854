/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit_stage.c - units of work in a session: what was asked for, and who hears of them. */
#include "record/session.h"

#include <errno.h>

#include "util/log.h"

static __u32 unit_of(void *ctx, __u32 epoch)
{
	const struct session *s = ctx;

	return units__of_epoch(s->units, epoch);
}

int session__open_units(struct session *s)
{
	const struct ledger_retire retire = { .ctx = s, .unit = unit_of };
	const struct units_opts opts = {};
	int err;

	if (!options__units(s->o) && !s->o->unit_exec_given)
		return 0;
	err = units__new(&s->units, &opts, (void *)1);
	if (err)
		return err == -ENOMEM ? wt_error(err, "cannot keep units of work") : err;
	return drain__units(s->drain, s->units, &retire);
}
