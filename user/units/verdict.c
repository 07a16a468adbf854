/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verdict.c - chooses the one verdict and puts it into words. */
#include "units/verdict.h"
#include "ledger/ledger.h"
#include "sinks/human.h"
#include "units/cause.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOOSE 0.3		/* half an interval of ±30 %: "steady" would say too much */
#define FEW_WINDOWS 4		/* enough to say who was in the way all the time */
#define APART 0.1		/* of a unit's time: growth that is looked for apart */
#define PART 0.1		/* of the growth: what has less is not listed */

const char *verdict__kind_name(enum verdict_kind kind)
{
	static const char *const names[] = { "too_few", "steady", "degrading", "improving",
					     "interference" };

	return kind < VERDICT_KINDS ? names[kind] : "?";
}

const char *verdict__cause_name(enum verdict_cause cause)
{
	static const char *const names[] = { "none", "function", "cpu", "wait", "starved", "shared" };

	return cause < CAUSES ? names[cause] : "?";
}

static void say(struct verdict *v, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void say(struct verdict *v, const char *fmt, ...)
{
	va_list ap;

	if (v->n_lines == VERDICT_LINES)
		return;
	va_start(ap, fmt);
	vsnprintf(v->line[v->n_lines++], sizeof(*v->line), fmt, ap);
	va_end(ap);
}

/* Three digits of a percentage, without an exponent. */
static char *percent(char *buf, size_t sz, double pct)
{
	double size = fabs(pct);

	snprintf(buf, sz, "%.*f", size < 0.995 ? 2 : size < 9.95 ? 1 : 0, pct);
	return buf;
}

/* "+1.25 ms" */
static char *signed_ns(char *buf, size_t sz, double ns)
{
	char size[32];

	snprintf(buf, sz, "%c%s", ns < 0 ? '-' : '+', human_ns(size, sizeof(size), (__u64)fabs(ns)));
	return buf;
}

/* "over 600 units (41 windows)"; records when a line stands for several units */
static char *basis(char *buf, size_t sz, const struct cost_report *r)
{
	if (r->t.grouped)
		snprintf(buf, sz, "%llu units in %llu records", r->t.units, r->t.records);
	else
		snprintf(buf, sz, "%llu units", r->t.units);
	return buf;
}

static void too_few(struct verdict *v, const struct cost_report *r)
{
	char b[64];

	v->kind = VERDICT_TOO_FEW;
	say(v, "too few units to tell a trend: %s (at least %d units in %d records)",
	    basis(b, sizeof(b), r), TREND_MIN_WEIGHT, TREND_MIN_POINTS);
}

static void steady(struct verdict *v, const struct cost_report *r)
{
	const struct trend *t = &r->trend;
	bool loose = (t->change_hi - t->change_lo) / 2 > LOOSE;

	char b[64], lo[32], hi[32];

	v->kind = VERDICT_STEADY;
	say(v, "steady: %s over %s (between %s %% and %s %% from the first to the last)",
	    loose ? "no change stands out from the scatter" : "no change of the time per unit",
	    basis(b, sizeof(b), r), percent(lo, sizeof(lo), 100 * t->change_lo),
	    percent(hi, sizeof(hi), 100 * t->change_hi));
}

/* Puts ", because …" behind a verdict. */
static char *because(char *buf, size_t sz, const struct verdict *v, const char *inner)
{
	char more[160] = "";
	int share = lround(100 * v->share);

	switch (v->cause) {
	case CAUSE_FUNCTION:
		if (inner[0])
			snprintf(more, sizeof(more), ", most of it in `%s`", inner);
		snprintf(buf, sz, ", because function `%s` grows: %d %% of the growth%s", v->subject,
			 share, more);
		break;
	case CAUSE_CPU:
		snprintf(buf, sz, ", because CPU time grows: %d %% of the growth; no function stands out",
			 share);
		break;
	case CAUSE_WAIT:
	case CAUSE_SHARED:
		if (inner[0])
			snprintf(more, sizeof(more), " in `%s`", inner);
		snprintf(buf, sz, ", waiting more on %s%s: %d %% of the growth", v->subject, more, share);
		break;
	case CAUSE_STARVED:
		if (v->subject[0])
			snprintf(more, sizeof(more), " (%s had it)", v->subject);
		snprintf(buf, sz, ", starved of CPU%s%s%s: %s is %d %% of the growth",
			 v->job[0] ? " by other job " : "", v->job, more,
			 v->state == WT_THROTTLED ? "being throttled" : "waiting for a CPU", share);
		break;
	default:
		snprintf(buf, sz, "; no single cause stands out");
	}
	return buf;
}

/*
 * "per unit, from the first to the last: cpu +12.3 ms, net +1.20 ms"; all: of how much
 * these are the parts.
 */
static void parts(struct verdict *v, const struct cost_report *r, const char *when, double all)
{
	double scale = r->growth_ns != 0 ? all / r->growth_ns : 0;
	char text[320], ns[40];
	int len = snprintf(text, sizeof(text), "per unit, %s: %s", when, signed_ns(ns, sizeof(ns), all));
	const char *between = " =";

	for (unsigned s = 0; s < WT_STATES; s++) {
		double part = cause__growth(r, s);

		if (fabs(part) < PART * fabs(r->growth_ns) || len >= (int)sizeof(text) - 60)
			continue;
		len += snprintf(text + len, sizeof(text) - len, "%s %s %s", between,
				ledger__state_name(s), signed_ns(ns, sizeof(ns), scale * part));
		between = ",";
	}
	say(v, "%s", text);
}

/* The cause of what grows; a job that is known to starve it is named. */
static void explain(struct verdict *v, const struct cost_report *r, const struct interference *i,
		    char *why, size_t sz)
{
	char inner[128];

	cause__of_growth(v, r, inner, sizeof(inner));
	if (v->cause == CAUSE_STARVED && !v->job[0] && i->job && i->cause == CAUSE_STARVED)
		snprintf(v->job, sizeof(v->job), "%s", i->job);
	because(why, sz, v, inner);
}

/* It changed once and stayed. */
static void jumped(struct verdict *v, const struct cost_report *r, const struct interference *i)
{
	const struct trend_jump *j = &r->jump;
	char why[256] = "", b[64], before[32], after[32];
	bool up = j->after > j->before;

	v->kind = up ? VERDICT_DEGRADING : VERDICT_IMPROVING;
	if (up)
		explain(v, r, i, why, sizeof(why));
	say(v, "%s since unit %.0f of %s: %s instead of %s (×%.2f)%s", up ? "slower" : "faster",
	    j->x + 1, basis(b, sizeof(b), r), human_ns(after, sizeof(after), j->after),
	    human_ns(before, sizeof(before), j->before), j->after / j->before, why);
	parts(v, r, "since then", j->after - j->before);
}

/* i: what another job does to it, if there is one. */
static void moving(struct verdict *v, const struct cost_report *r, const struct interference *i)
{
	char why[256] = "", b[64], at[32], lo[32], hi[32], factor[64] = "";
	bool up = r->trend.way == TREND_UP;

	v->kind = up ? VERDICT_DEGRADING : VERDICT_IMPROVING;
	if (up)
		explain(v, r, i, why, sizeof(why));
	if (r->trend.factor > 0)
		snprintf(factor, sizeof(factor), ", ×%.2f from the first to the last of", r->trend.factor);
	say(v, "%s by %s %% per 1000 units (%s … %s%s %s)%s", up ? "degrading" : "improving",
	    percent(at, sizeof(at), up ? r->pct : -r->pct),
	    percent(lo, sizeof(lo), up ? r->pct_lo : -r->pct_hi),
	    percent(hi, sizeof(hi), up ? r->pct_hi : -r->pct_lo),
	    factor[0] ? factor : "; n =", basis(b, sizeof(b), r), why);
	parts(v, r, "from the first to the last", r->growth_ns);
}

/* "waiting for net 127.0.0.1:5432, which job-b waits for, too (40 % of its work)" */
static char *through(char *buf, size_t sz, const struct interference *i)
{
	char too[160] = "";

	if (i->cause == CAUSE_SHARED && i->compared)
		snprintf(too, sizeof(too), ", which it waits for, too (%.0f %% of its time, waiting for a CPU left out)",
			 100 * i->other_share);
	if (i->cause == CAUSE_STARVED)
		snprintf(buf, sz, "starved of CPU: %s",
			 i->state == WT_THROTTLED ? "being throttled" : "waiting for a CPU");
	else if (i->cause == CAUSE_SHARED || i->cause == CAUSE_WAIT)
		snprintf(buf, sz, "waiting more on %s%s",
			 i->subject[0] ? i->subject : ledger__state_name(i->state), too);
	else if (i->cause == CAUSE_CPU)
		snprintf(buf, sz, "more CPU time for the same work");
	else
		snprintf(buf, sz, "no single state stands out");
	return buf;
}

static void interference_text(struct verdict *v, const struct interference *i,
			      const struct cost_report *r)
{
	const char *job = i->job;
	const struct trend_effect *e = &i->effect;
	char text[256], with[32], without[32], b[64];

	if (i->compared) {
		say(v, "interference: beside job %s a unit takes %s instead of %s (%+.0f %%, %+.0f … %+.0f; "
		    "%s), %s", job, human_ns(with, sizeof(with), e->without + e->delta),
		    human_ns(without, sizeof(without), e->without), 100 * e->delta / e->without,
		    100 * e->lo / e->without, 100 * e->hi / e->without, basis(b, sizeof(b), r),
		    through(text, sizeof(text), i));
		return;
	}
	if (i->seen) {
		say(v, "interference: starved of CPU by other job %s: %.0f %% of the work time was spent waiting "
		    "for a CPU that it had, over %s", job, 100 * i->share, basis(b, sizeof(b), r));
		return;
	}
	if (i->cause == CAUSE_STARVED)
		say(v, "interference: starved of CPU by other job %s: %.0f %% of the work time was spent %s, "
		    "over %s", job, 100 * i->share,
		    i->state == WT_THROTTLED ? "throttled" : "waiting for a CPU", basis(b, sizeof(b), r));
	else
		say(v, "interference with job %s is possible: both wait for %s (%.0f %% of their time here, "
		    "%.0f %% there, waiting for a CPU left out), over %s", job, i->subject, 100 * i->share, 100 * i->other_share,
		    basis(b, sizeof(b), r));
	say(v, "job %s was there for %.0f %% of the time: there are too few units without it to compare",
	    job, fmin(100 * i->beside, 100));
}

static void interference(struct verdict *v, const struct interference *i, const struct cost_report *r)
{
	v->kind = VERDICT_INTERFERENCE;
	v->cause = i->cause;
	v->state = i->state;
	v->share = i->share;
	snprintf(v->subject, sizeof(v->subject), "%s", i->subject);
	snprintf(v->job, sizeof(v->job), "%s", i->job);
	interference_text(v, i, r);
}

/*
 * Where waiting for a CPU varies so much that nothing can be told: does the rest grow?
 * own: the report as if nothing had ever waited for one; cpu_only: for nothing else, either.
 */
static bool grows_apart(const struct cost_report *r, struct cost_report *own, bool cpu_only)
{
	struct trend_point p[COST_WINDOWS], q[COST_WINDOWS];
	const struct cost_figure *told = cpu_only ? NULL : cost_report__told(r);
	unsigned n = cost_report__state(r, WT_CPU, p);

	*own = *r;
	for (unsigned s = WT_DISK; s < WT_STATES; s++) {
		if (s == WT_IDLE || s == WT_STOPPED || cpu_only) {
			own->st_growth_ns[s] = 0;
			continue;
		}
		cost_report__state(r, s, q);
		for (unsigned i = 0; i < n; i++)
			p[i].y += q[i].y;
	}
	if (told)
		cost_report__key(r, told->key, q);
	for (unsigned i = 0; i < n && told; i++)
		p[i].y -= q[i].y;
	trend__fit(&own->trend, p, n);
	own->growth_ns = trend__slope(p, n) * r->range;
	own->st_growth_ns[WT_RUNQ] = own->st_growth_ns[WT_THROTTLED] = 0;
	if (own->trend.way != TREND_UP || own->growth_ns < APART * r->mean_ns)
		return false;
	own->pct = own->trend.slope * 1e5 / own->trend.level;
	own->pct_lo = own->trend.lo * 1e5 / own->trend.level;
	own->pct_hi = own->trend.hi * 1e5 / own->trend.level;
	return true;
}

static void apart(struct verdict *v, const struct cost_report *own, const struct interference *i,
		  bool cpu_only)
{
	moving(v, own, i);
	say(v, "this is the time %s, which varies too much here to tell a trend",
	    cpu_only ? "on a CPU, without waiting" : "without waiting for a CPU");
}

static void change(struct verdict *v, const struct cost_report *r, const struct interference *i)
{
	if (r->jump.found)
		jumped(v, r, i);
	else
		moving(v, r, i);
}

void verdict__judge(struct verdict *v, const struct cost_report *r, const struct cost_report *all,
		    unsigned n)
{
	struct interference i;
	struct cost_report own;
	bool up, changed;

	memset(v, 0, sizeof(*v));
	v->state = WT_STATES;
	cause__interference(&i, r, all, n);
	if (r->trend.way == TREND_TOO_FEW) {
		/* a wait that was there from the first to the last needs no trend */
		if (i.job && r->t.units >= TREND_MIN_WEIGHT && r->n_windows >= FEW_WINDOWS)
			interference(v, &i, r);
		else
			too_few(v, r);
		return;
	}
	up = r->jump.found ? r->jump.after > r->jump.before : r->trend.way == TREND_UP;
	changed = r->jump.found || r->trend.way != TREND_STEADY;
	/* growth that is there without the other job, too, comes first; then what was compared */
	if (up && !(i.job && i.compared && i.explains))
		change(v, r, &i);
	else if (i.job && i.compared)
		interference(v, &i, r);
	else if (changed)
		change(v, r, &i);
	else if (grows_apart(r, &own, false))
		apart(v, &own, &i, false);
	else if (grows_apart(r, &own, true))
		apart(v, &own, &i, true);
	else if (i.job)
		interference(v, &i, r);
	else
		steady(v, r);
	if (v->kind != VERDICT_INTERFERENCE && i.job)
		interference_text(v, &i, r);
}

int judged__new(struct judged **out, struct cost *const *costs, unsigned n)
{
	struct cost_report *reports = calloc(n + 1, sizeof(*reports));
	struct judged *j = calloc(n + 1, sizeof(*j));
	int err = reports && j ? 0 : -ENOMEM;
	unsigned made = 0;

	for (; !err && made < n; made++)
		err = cost__report(costs[made], &reports[made]);
	for (unsigned i = 0; !err && i < n; i++) {
		verdict__judge(&j[i].verdict, &reports[i], reports, n);
		j[i].report = reports[i];
	}
	for (unsigned i = 0; err && i < made; i++)
		cost_report__free(&reports[i]);
	free(reports);
	if (err) {
		free(j);
		j = NULL;
	}
	*out = j;
	return err;
}

void judged__free(struct judged *j, unsigned n)
{
	for (unsigned i = 0; j && i < n; i++) {
		judged__free(j[i].parts, j[i].n_parts);
		cost_report__free(&j[i].report);
	}
	free(j);
}
