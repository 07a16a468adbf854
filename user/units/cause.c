/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "units/cause.h"
#include "ledger/ledger.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define MAIN_SHARE 0.5		/* of the growth: what accounts for less is no cause */
#define NEAR_TOP 0.7		/* a function that has so much of its caller's growth stands for it */
#define LEAST_FIRST 0.05	/* of the mean: CPU time of the first units, as a line through all has it */
#define EFFECT_FLOOR 0.05	/* of another job on a unit's time */
#define LARGE_WAIT 0.2		/* of the work time */
#define SEEN_WAIT 0.15		/* of that wait and all but waiting for a CPU, where it was seen who is to blame */
#define MOSTLY 0.5

static bool is_rest(const struct cost_key *k)
{
	return k->name[0] == '[';	/* [other], [unsampled] … */
}

static double told_growth(const struct cost_report *r)
{
	const struct cost_figure *f = cost_report__told(r);

	return f ? fmin(f->growth_ns, r->st_growth_ns[WT_LOCK]) : 0;
}

/* What of the growth is neither work nor waiting for a thread that does some: idle threads grow with it. */
static double unexplained(const struct cost_report *r)
{
	double rest = r->growth_ns;

	for (unsigned s = 0; s < WT_STATES; s++)
		rest -= s == WT_IDLE || s == WT_STOPPED ? 0 : r->st_growth_ns[s];
	return fmax(rest + told_growth(r), 0);
}

double cause__growth(const struct cost_report *r, unsigned state)
{
	double told;

	if (state == WT_STOPPED)
		return fmax(r->st_growth_ns[state], 0);
	if (state == WT_IDLE)
		return fmin(r->st_growth_ns[WT_IDLE], unexplained(r));
	if (state != WT_LOCK)
		return r->st_growth_ns[state];
	told = told_growth(r);
	return r->st_growth_ns[WT_LOCK] - told + fmin(told, unexplained(r));
}

/*
 * Who needs a CPU for longer waits longer for it, too, where others want it.  Of the growth of
 * that wait so much goes with the growth of CPU time: as much for each ns as there was to
 * begin with.  What is more than that has another cause.
 */
static double brought_wait(const struct cost_report *r)
{
	double cpu = r->st_growth_ns[WT_CPU], queued = r->st_growth_ns[WT_RUNQ], ratio, first;

	if (cpu <= 0 || queued <= 0 || r->st_ns[WT_CPU] <= 0)
		return 0;
	ratio = r->st_ns[WT_RUNQ] / r->st_ns[WT_CPU];
	first = fmax(r->st_ns[WT_RUNQ] - queued / 2, 0) /
		fmax(r->st_ns[WT_CPU] - cpu / 2, LEAST_FIRST * r->st_ns[WT_CPU]);
	return fmin(queued, cpu * fmin(ratio, first));
}

/* Growth of a state as a cause: the wait for a CPU that CPU time brought along is that's. */
static double cause_growth(const struct cost_report *r, unsigned state)
{
	double brought = state == WT_CPU ? brought_wait(r) : state == WT_RUNQ ? -brought_wait(r) : 0;

	return cause__growth(r, state) + brought;
}

static double all_growth(const struct cost_report *r)
{
	double sum = 0;

	for (unsigned s = 0; s < WT_STATES; s++)
		sum += fmax(cause__growth(r, s), 0);
	/* threads that wait for each other grow together: never more than the whole */
	return fmax(sum, r->growth_ns);
}

static const struct cost_figure *fastest(const struct cost_report *r, enum cost_kind kind, int state)
{
	const struct cost_figure *top = NULL, *f;
	unsigned n;

	f = cost_report__kind(r, kind, &n);
	for (; n--; f++)
		if (!is_rest(f->key) && (state < 0 || f->key->state == state) && f->growth_ns > 0 &&
		    (!top || f->growth_ns > top->growth_ns))
			top = f;
	return top;
}

static bool closer(const struct cost_report *r, const struct cost_figure *a,
		   const struct cost_figure *b)
{
	int x = cost_report__closeness(r, a->key), y = cost_report__closeness(r, b->key);

	return x != y ? x > y : cost_key__depth(a->key) > cost_key__depth(b->key);
}

/*
 * main() grows as much as what it calls does; the function to name is the
 * deepest one that has nearly all of it, in the program's own file if its frames
 * are there, else in the language that it is written in.  kind: COST_TOTAL, COST_BLOCKED.
 */
static const struct cost_figure *growing_function(const struct cost_report *r, enum cost_kind kind)
{
	const struct cost_figure *top = fastest(r, kind, -1), *best = NULL, *f;
	unsigned n;

	if (!top)
		return NULL;
	f = cost_report__kind(r, kind, &n);
	for (; n--; f++)
		if (!is_rest(f->key) && f->growth_ns >= NEAR_TOP * top->growth_ns &&
		    (!best || closer(r, f, best)) && cost_report__grows(r, f->key))
			best = f;
	return best;
}

static void cpu_cause(struct verdict *v, const struct cost_report *r, char *inner, size_t sz,
		      double all)
{
	const struct cost_figure *f = growing_function(r, COST_TOTAL), *self;
	char name[128];

	v->cause = CAUSE_CPU;
	if (!f || f->growth_ns < MAIN_SHARE * r->st_growth_ns[WT_CPU])
		return;
	v->cause = CAUSE_FUNCTION;
	v->share = fmin(f->growth_ns / r->st_growth_ns[WT_CPU] * cause_growth(r, WT_CPU) / all, 1);
	cost_figure__name(f, v->subject, sizeof(v->subject));
	self = fastest(r, COST_SELF, -1);
	if (!self || self->growth_ns < MAIN_SHARE * f->growth_ns)
		return;
	cost_figure__name(self, name, sizeof(name));
	if (strcmp(name, v->subject))
		snprintf(inner, sz, "%s", name);
}

static void wait_cause(struct verdict *v, const struct cost_report *r, char *inner, size_t sz,
		       double all)
{
	const struct cost_figure *f = fastest(r, COST_WAIT, v->state), *in;

	v->cause = CAUSE_WAIT;
	snprintf(v->subject, sizeof(v->subject), "%s", ledger__state_name(v->state));
	if (!f || f->growth_ns < MAIN_SHARE * r->st_growth_ns[v->state])
		return;
	v->share = fmin(f->growth_ns / all, 1);
	cost_figure__name(f, v->subject, sizeof(v->subject));
	in = growing_function(r, COST_BLOCKED);
	if (in && in->growth_ns >= MAIN_SHARE * f->growth_ns)
		cost_figure__name(in, inner, sz);
}

/* Who had the CPU: the rival whose share grew most, if it is known. */
static void starved_cause(struct verdict *v, const struct cost_report *r)
{
	const struct cost_figure *f = fastest(r, COST_RIVAL, -1);

	v->cause = CAUSE_STARVED;
	if (!f || f->growth_ns < MAIN_SHARE * r->st_growth_ns[v->state])
		return;
	if (f->key->state == WT_RIVAL_OTHER_JOB)
		snprintf(v->job, sizeof(v->job), "%s", f->key->name);
	else
		cost_figure__name(f, v->subject, sizeof(v->subject));
}

void cause__of_growth(struct verdict *v, const struct cost_report *r, char *inner, size_t sz)
{
	double all = all_growth(r), top = 0;

	inner[0] = '\0';
	v->cause = CAUSE_NONE;
	v->state = WT_STATES;
	for (unsigned s = 0; s < WT_STATES; s++)
		if (cause_growth(r, s) > top) {
			top = cause_growth(r, s);
			v->state = s;
		}
	if (v->state == WT_STATES || all <= 0)
		return;
	v->share = fmin(top / all, 1);
	if (v->share < MAIN_SHARE) {
		v->state = WT_STATES;
		return;
	}
	if (v->state == WT_CPU)
		cpu_cause(v, r, inner, sz, all);
	else if (v->state == WT_RUNQ || v->state == WT_THROTTLED)
		starved_cause(v, r);
	else
		wait_cause(v, r, inner, sz, all);
}

/* ---- interference ---- */

static double work(const struct cost_report *r)
{
	return r->thread_ns - r->st_ns[WT_IDLE] - r->st_ns[WT_STOPPED] - cost_report__told_ns(r);
}

/* What of [from, to] lies in that window of another job, as far as units were at work in it. */
static double overlap(const struct cost_window *w, __u64 from, __u64 to)
{
	__u64 a = w->start_ns > from ? w->start_ns : from, b = w->end_ns < to ? w->end_ns : to;
	double span = w->end_ns - w->start_ns;

	return a < b ? (b - a) * fmin(w->elapsed_ns / span, 1) : 0;
}

/* For each window: the share of its time during which the other job was at work, too. */
static double fractions(const struct cost_report *r, const struct cost_report *other, double *f)
{
	double all = 0, together = 0;

	for (unsigned i = 0; i < r->n_windows; i++) {
		const struct cost_window *w = &r->windows[i];
		double span = w->end_ns - w->start_ns, both = 0;

		for (unsigned k = 0; k < other->n_windows; k++)
			both += overlap(&other->windows[k], w->start_ns, w->end_ns);
		f[i] = span > 0 ? fmin(both / span, 1) : 0;
		all += w->elapsed_ns;
		together += f[i] * w->elapsed_ns;
	}
	return all > 0 ? together / all : 0;
}

/* Work time without waiting for a CPU: that depends on what else there is on the machine. */
static double own_time(const struct cost_report *r)
{
	return work(r) - r->st_ns[WT_RUNQ] - r->st_ns[WT_THROTTLED];
}

/* How much of that a job waits for an object; 0 when it does not. */
static double waits_for(const struct cost_report *r, const struct cost_key *object)
{
	const struct cost_figure *f;
	unsigned n;

	f = cost_report__kind(r, COST_WAIT, &n);
	for (; n--; f++)
		if (f->key->state == object->state && !strcmp(f->key->name, object->name))
			return own_time(r) > 0 ? f->ns / own_time(r) : 0;
	return 0;
}

/* Names that are the same in every program name no common thing: "epoll", "pipe read", "futex". */
static bool names_an_object(const struct cost_key *k)
{
	if (is_rest(k) || k->state == WT_CHILD || k->state == WT_SLEEP || k->state == WT_IDLE ||
	    k->state == WT_RUNQ || k->state == WT_THROTTLED)
		return false;
	/* a peer has a port, a path a slash; devices are named with the call: "fsync vda" */
	return k->state == WT_NET ? strchr(k->name, ':') != NULL : strpbrk(k->name, ":/") != NULL;
}

/* The object that both wait for most; fills subject, state and the shares. */
static bool shared_wait(struct interference *i, const struct cost_report *r, double least)
{
	const struct cost_figure *f;
	unsigned n;

	f = cost_report__kind(r, COST_WAIT, &n);
	if (own_time(r) <= 0)
		return false;
	for (; n--; f++) {
		double other = waits_for(i->other, f->key);

		if (!names_an_object(f->key) || f->ns / own_time(r) < least || other < least)
			continue;
		i->cause = CAUSE_SHARED;
		i->state = f->key->state;
		i->share = f->ns / own_time(r);
		i->other_share = other;
		cost_figure__name(f, i->subject, sizeof(i->subject));
		return true;		/* largest first */
	}
	return false;
}

/* The state that the other job lengthens most, and the object of it. */
static void effect_on_states(struct interference *i, const struct cost_report *r, const double *f)
{
	struct trend_point p[COST_WINDOWS];
	double top = 0;

	i->state = WT_STATES;
	for (unsigned s = 0; s < WT_STATES; s++) {
		struct trend_effect e;

		if (s == WT_STOPPED)
			continue;
		trend__effect(&e, p, f, cost_report__state(r, s, p));
		if (e.enough && e.delta > top) {
			top = e.delta;
			i->state = s;
		}
	}
	if (top < MAIN_SHARE * i->effect.delta)
		i->state = WT_STATES;
}

static void effect_on_objects(struct interference *i, const struct cost_report *r, const double *f)
{
	struct trend_point p[COST_WINDOWS];
	const struct cost_figure *w;
	struct trend_effect e;
	double top = 0;
	unsigned n;

	w = cost_report__kind(r, COST_WAIT, &n);
	for (unsigned tried = 0; n-- && tried < 50; w++) {
		if (w->key->state != i->state || is_rest(w->key))
			continue;
		tried++;
		trend__effect(&e, p, f, cost_report__key(r, w->key, p));
		if (!e.enough || e.delta <= top || e.delta < MAIN_SHARE * i->effect.delta)
			continue;
		top = e.delta;
		cost_figure__name(w, i->subject, sizeof(i->subject));
		i->other_share = names_an_object(w->key) ? waits_for(i->other, w->key) : 0;
		i->cause = i->other_share >= EFFECT_FLOOR ? CAUSE_SHARED : CAUSE_WAIT;
	}
}

/* Is there still a trend when the other job's effect is taken off? */
static bool explains_trend(const struct cost_report *r, const struct trend_effect *e, const double *f)
{
	struct trend_point p[COST_WINDOWS];
	unsigned n = cost_report__elapsed(r, p);
	struct trend_jump j;
	struct trend t;

	for (unsigned i = 0; i < n; i++)
		p[i].y -= e->delta * f[i];
	trend__fit(&t, p, n);
	trend__jump(&j, p, n);
	return t.way != TREND_UP && !(j.found && j.after > j.before);
}

static bool compare(struct interference *i, const struct cost_report *r, const double *f)
{
	struct trend_point p[COST_WINDOWS];

	trend__effect(&i->effect, p, f, cost_report__elapsed(r, p));
	i->compared = i->effect.enough;
	if (!i->compared || i->effect.lo <= 0 || i->effect.delta < EFFECT_FLOOR * i->effect.without)
		return false;
	effect_on_states(i, r, f);
	i->cause = i->state == WT_RUNQ || i->state == WT_THROTTLED ? CAUSE_STARVED :
		   i->state == WT_CPU ? CAUSE_CPU : i->state < WT_STATES ? CAUSE_WAIT : CAUSE_NONE;
	if (i->cause == CAUSE_WAIT)
		effect_on_objects(i, r, f);
	i->explains = explains_trend(r, &i->effect, f);
	return true;
}

/* How much of the waiting for a CPU it is known for who had it. */
static bool rivals_known(const struct cost_report *r)
{
	const struct cost_figure *f;
	double known = 0;
	unsigned n;

	f = cost_report__kind(r, COST_RIVAL, &n);
	for (; n--; f++)
		known += f->ns;
	return known > 0 && known >= MOSTLY * r->st_ns[WT_RUNQ];
}

/* The other job that had the CPU longest while this one waited for it, if that was long. */
static bool seen_rival(struct interference *i, const struct cost_report *r)
{
	const struct cost_figure *f;
	unsigned n;

	memset(i, 0, sizeof(*i));
	f = cost_report__kind(r, COST_RIVAL, &n);
	for (; n--; f++) {
		if (f->key->state != WT_RIVAL_OTHER_JOB || is_rest(f->key))
			continue;
		if (work(r) <= 0 || f->ns < SEEN_WAIT * (own_time(r) + f->ns))
			return false;
		i->job = f->key->name;
		i->cause = CAUSE_STARVED;
		i->state = WT_RUNQ;
		i->share = f->ns / work(r);
		i->seen = true;
		return true;		/* largest first */
	}
	return false;
}

/* It was there nearly all the time: what it does can only be read from what both do. */
static bool without_comparison(struct interference *i, const struct cost_report *r)
{
	double starved = r->st_ns[WT_RUNQ] + r->st_ns[WT_THROTTLED];

	if (i->compared || i->beside < MOSTLY || work(r) <= 0)
		return false;
	if (starved >= LARGE_WAIT * work(r) && !rivals_known(r)) {
		i->cause = CAUSE_STARVED;
		i->state = r->st_ns[WT_RUNQ] >= r->st_ns[WT_THROTTLED] ? WT_RUNQ : WT_THROTTLED;
		i->share = starved / work(r);
		return true;
	}
	return shared_wait(i, r, LARGE_WAIT);
}

static double strength(const struct interference *i)
{
	if (!i->job)
		return 0;
	/* what was compared is worth more than what was concluded */
	return i->compared ? 10 + i->effect.delta / fmax(i->effect.without, 1) : i->share;
}

void cause__interference(struct interference *out, const struct cost_report *r,
			 const struct cost_report *all, unsigned n)
{
	double share[COST_WINDOWS];

	seen_rival(out, r);
	for (unsigned k = 0; k < n; k++) {
		struct interference i = { .state = WT_STATES, .other = &all[k] };

		if (!strcmp(cost__job(all[k].cost), cost__job(r->cost)))
			continue;
		i.beside = fractions(r, &all[k], share);
		if (i.beside <= 0 || !(compare(&i, r, share) || without_comparison(&i, r)))
			continue;
		i.job = cost__job(all[k].cost);
		if (strength(&i) > strength(out))
			*out = i;
	}
}
