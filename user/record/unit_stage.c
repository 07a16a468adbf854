/* SPDX-License-Identifier: GPL-2.0-or-later */
/* unit_stage.c - units of work in a session: what was asked for, and who hears of them. */
#include "record/session.h"

#include <errno.h>
#include <string.h>

#include "jobs/jobs.h"
#include "units/match.h"
#include "util/clock.h"
#include "util/errors.h"
#include "util/log.h"

static __u32 unit_of(void *ctx, __u32 epoch, __u32 thread)
{
	const struct session *s = ctx;

	return units__of_epoch(s->units, epoch, thread);
}

static int unit_is_final(void *ctx, const struct unit_row *r, __u32 row)
{
	const struct session *s = ctx;

	return costs__unit(s->costs, r, row);
}

static void on_more(void *ctx, const struct unit_row *r, __u32 row, const __u64 st_ns[WT_STATES],
		    const __u64 extra[UNIT_EXTRAS])
{
	const struct session *s = ctx;

	costs__more(s->costs, r, row, st_ns, extra);
}

static int on_requests(void *ctx, const struct unit_row *r, const struct unit_request *x)
{
	const struct session *s = ctx;

	return costs__requests(s->costs, r, x);
}

static int on_estimate(void *ctx, const struct unit_row *r, __u64 remaining_ns)
{
	const struct session *s = ctx;

	return costs__estimate(s->costs, r, remaining_ns);
}

static int on_unit_detail(void *ctx, __u32 row, const struct ledger_line *line)
{
	const struct session *s = ctx;
	char object[128];
	int err;

	if (line->state == WT_CPU)
		return costs__detail(s->costs, units__row(s->units, row), row, line, NULL);
	ledger__object_text(s->ledger, line->state, line->reason, object, sizeof(object));
	err = costs__detail(s->costs, units__row(s->units, row), row, line, object);
	return first_error(err, units__waited(s->units, row, line->state, object, line->reason, line->ns,
					      line->count));
}

static const char *job_name(void *ctx, __u64 job, __u64 cgroup)
{
	const struct session *s = ctx;

	return jobs__of(s->jobs, job, cgroup, 0)->name;
}

static int open_costs(struct session *s)
{
	const struct units_sink sink = { s, unit_is_final, on_more, on_requests, on_estimate };
	const struct costs_opts opts = {
		.ledger = s->ledger,
		.frames = session__frames(s),
		.period_ns = s->o->freq ? NSEC_PER_SEC / s->o->freq : 0,
		.job = job_name,
		.ctx = s,
	};
	int err = costs__new(&s->costs, &opts);

	if (!err)
		units__on_unit(s->units, &sink);
	return err;
}

const char *session__unit_name(void *ctx, const struct ledger_line *line)
{
	const struct session *s = ctx;
	const struct unit_row *row;

	if (!line->unit)
		return NULL;
	row = units__row(s->units, line->unit);
	if (!row)
		return UNIT_FOLDED;
	return row->label && row->label[0] ? row->label : "[unit]";
}

int session__open_units(struct session *s)
{
	const struct ledger_retire retire = {
		.ctx = s, .unit = unit_of, .detail = on_unit_detail,
		/* lines of different units do not merge then */
		.keep = s->o->unit || memchr(s->o->fold, FOLD_UNIT, sizeof(s->o->fold)),
	};
	const struct match_opts match = { s->o->unit_lines, s->o->n_unit_lines, s->o->unit_preset };
	const struct units_opts opts = { .max_rows = s->o->max_units };
	int err;

	if (!options__units(s->o) && !s->o->unit_exec_given && !s->spans)
		return 0;
	err = units__new(&s->units, &opts, options__units(s->o) ? &match : NULL);
	if (!err)
		err = open_costs(s);
	if (err)
		return err == -ENOMEM ? wt_error(err, "cannot keep units of work") : err;
	return drain__units(s->drain, s->units, &retire);
}

void session__unit_losses(const struct session *s, struct losses *l)
{
	struct units_stats st = {};

	if (s->units)
		units__stats(s->units, &st);
	session__add_loss(l, "lines_dropped",
			  "lines lack a part that was lost, and were not looked at (--write-kb)", st.lines_dropped, false);
	session__add_loss(l, "match_limit",
			  "lines took a pattern too long to match", st.match_limit, false);
	session__add_loss(l, "epochs_given_up",
			  "stretches between two writes belong to no unit: too many waited for one", st.given_up, false);
	session__add_loss(l, "unit_late_ns",
			  "of waits that began in a unit long forgotten are in no unit", st.late_ns, true);
	session__add_loss(l, "unit_shared_ns",
			  "of threads that tell of no units, while others of their process were at several, are in no unit",
			  st.shared_ns, true);
	session__add_loss(l, "unit_objects_full",
			  "waits and requests of units found no room for their object in unit_objects.csv",
			  st.objects_left_out, false);
	session__add_loss(l, "unit_names_full",
			  "units are counted with others of their kind only, not by their name: there were too many names",
			  s->costs ? costs__nameless(s->costs) : 0, false);
	session__add_loss(l, "units_folded",
			  "units share a row with others of their kind: there were too many (--max-units)", st.folded, true);
}
