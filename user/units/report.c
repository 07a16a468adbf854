/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "units/report.h"
#include "ledger/ledger.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIN_WINDOWS 4		/* for an interval of a ratio */
#define MOST_OF_A_SAMPLE 2
#define NEARER 0.8
#define LITTLE 0.05		/* of a function's time, spent in itself */

/* Fills x and w; y is the caller's. */
static unsigned axis(const struct cost_report *r, struct trend_point *p)
{
	double done = 0;

	for (unsigned i = 0; i < r->n_windows; i++) {
		p[i].w = r->windows[i].units;
		p[i].x = done + p[i].w / 2;
		done += p[i].w;
	}
	return r->n_windows;
}

unsigned cost_report__elapsed(const struct cost_report *r, struct trend_point *p)
{
	unsigned n = axis(r, p);

	for (unsigned i = 0; i < n; i++)
		p[i].y = r->windows[i].elapsed_ns / p[i].w;
	return n;
}

unsigned cost_report__state(const struct cost_report *r, unsigned state, struct trend_point *p)
{
	unsigned n = axis(r, p);

	for (unsigned i = 0; i < n; i++)
		p[i].y = r->windows[i].st_ns[state] / p[i].w;
	return n;
}

unsigned cost_report__key(const struct cost_report *r, const struct cost_key *k,
			  struct trend_point *p)
{
	double scale = k->kind == COST_SELF || k->kind == COST_TOTAL ? r->cpu_scale : 1;
	unsigned n = axis(r, p);

	for (unsigned i = 0; i < n; i++)
		p[i].y = scale * k->by_window[i] / p[i].w;
	return n;
}

void cost_report__trend(const struct cost_report *r, const struct cost_key *k, struct trend *t)
{
	struct trend_point p[COST_WINDOWS];

	trend__fit(t, p, cost_report__key(r, k, p));
}

bool cost_report__grows(const struct cost_report *r, const struct cost_key *k)
{
	struct trend_point p[COST_WINDOWS];
	unsigned n = cost_report__key(r, k, p);
	struct trend_jump j;
	struct trend t;

	trend__fit(&t, p, n);
	if (t.way == TREND_UP || !r->jump.found)
		return t.way == TREND_UP;
	trend__jump(&j, p, n);
	return j.found && j.after > j.before;
}

static char *rival_name(const struct cost_key *k, char *buf, size_t sz)
{
	static const char *const who[] = {
		[WT_RIVAL_SELF] = "same process", [WT_RIVAL_JOB] = "same job",
		[WT_RIVAL_OTHER] = "another process", [WT_RIVAL_SYSTEM] = "system",
		[WT_RIVAL_IDLE] = "idle CPU",
	};
	const char *text = k->state < sizeof(who) / sizeof(*who) ? who[k->state] : NULL;

	if (k->state == WT_RIVAL_OTHER_JOB)
		snprintf(buf, sz, "job %s", k->name);
	else if (text)
		snprintf(buf, sz, "%s (%s)", k->name, text);
	else
		snprintf(buf, sz, "%s", k->name);
	return buf;
}

char *cost_figure__name(const struct cost_figure *f, char *buf, size_t sz)
{
	const struct cost_key *k = f->key;

	if (k->kind == COST_RIVAL)
		return rival_name(k, buf, sz);
	if (k->kind == COST_WAIT && strncmp(k->name, "child", 5))	/* "child: make" says it already */
		snprintf(buf, sz, "%s %s", ledger__state_name(k->state), k->name);
	else if (k->line)
		snprintf(buf, sz, "%s:%u)", k->name, k->line);
	else
		snprintf(buf, sz, "%s", k->name);
	return buf;
}

/* The interval of sum ÷ units: windows are the independent draws, and few. */
static void ratio(const struct trend_point *p, unsigned n, double *lo, double *hi, double *mean)
{
	double sum = 0, w = 0, var = 0, half;

	for (unsigned i = 0; i < n; i++) {
		sum += p[i].y * p[i].w;
		w += p[i].w;
	}
	*mean = w > 0 ? sum / w : 0;
	*lo = *hi = NAN;
	if (n < MIN_WINDOWS)
		return;
	for (unsigned i = 0; i < n; i++)
		var += pow((p[i].y - *mean) * p[i].w, 2);
	half = trend__t975(n - 1) * sqrt(var * n / (n - 1)) / w;
	*lo = fmax(*mean - half, 0);
	*hi = *mean + half;
}

static int by_kind_and_size(const void *a, const void *b)
{
	const struct cost_figure *x = a, *y = b;

	if (x->key->kind != y->key->kind)
		return x->key->kind < y->key->kind ? -1 : 1;
	if (x->key->ns != y->key->ns)
		return x->key->ns > y->key->ns ? -1 : 1;
	return x->key->hash < y->key->hash ? -1 : x->key->hash > y->key->hash;
}

/*
 * Samples say where CPU time was spent, the account how much it was.  As in the
 * ledger, one sample stands for at most two periods.
 */
static double cpu_scale(const struct cost_report *r, const struct cost_key *k, unsigned n)
{
	double sampled = 0;

	for (unsigned i = 0; i < n; i++)
		sampled += k[i].kind == COST_SELF ? k[i].ns : 0;
	return sampled > 0 ? fmin(r->t.st_ns[WT_CPU] / sampled, MOST_OF_A_SAMPLE) : 1;
}

static int figures(struct cost_report *r)
{
	struct trend_point p[COST_WINDOWS];
	const struct cost_key *k;
	unsigned n = cost__keys(r->cost, &k);

	r->cpu_scale = cpu_scale(r, k, n);
	r->figures = calloc(n + 1, sizeof(*r->figures));
	if (!r->figures)
		return -ENOMEM;
	r->n_figures = n;
	for (unsigned i = 0; i < n; i++) {
		struct cost_figure *f = &r->figures[i];
		unsigned m = cost_report__key(r, &k[i], p);

		f->key = &k[i];
		ratio(p, m, &f->lo, &f->hi, &f->ns);
		f->growth_ns = trend__slope(p, m) * r->range;
	}
	qsort(r->figures, n, sizeof(*r->figures), by_kind_and_size);
	return 0;
}

const struct cost_figure *cost_report__kind(const struct cost_report *r, enum cost_kind kind,
					    unsigned *n)
{
	unsigned i = 0, first;

	while (i < r->n_figures && r->figures[i].key->kind < kind)
		i++;
	first = i;
	while (i < r->n_figures && r->figures[i].key->kind == kind)
		i++;
	*n = i - first;
	return r->figures + first;
}

bool cost_key__is_told(const struct cost_key *k)
{
	return k->kind == COST_WAIT && k->state == WT_LOCK && !strcmp(k->name, "futex");
}

const struct cost_figure *cost_report__told(const struct cost_report *r)
{
	const struct cost_figure *f;
	unsigned n;

	f = cost_report__kind(r, COST_WAIT, &n);
	for (; n--; f++)
		if (cost_key__is_told(f->key))
			return f;
	return NULL;
}

double cost_report__told_ns(const struct cost_report *r)
{
	const struct cost_figure *f = cost_report__told(r);

	return f ? fmin(f->ns, r->st_ns[WT_LOCK]) : 0;
}

const struct cost_figure *cost_report__same(const struct cost_report *r, enum cost_kind kind,
					    const struct cost_key *k)
{
	const struct cost_figure *f;
	unsigned n;

	f = cost_report__kind(r, kind, &n);
	for (; n--; f++)
		if (!strcmp(f->key->name, k->name))
			return f;
	return NULL;
}

double cost_key__depth(const struct cost_key *k)
{
	return k->depth_of_ns > 0 ? k->depth_ns / k->depth_of_ns : 0;
}

int cost_report__closeness(const struct cost_report *r, const struct cost_key *k)
{
	const char *own = cost__main_file(r->cost);
	size_t len = strlen(k->name), n = own ? strlen(own) : 0;

	if (k->line)
		return own && len > n && k->name[len - n - 1] == '(' && !strcmp(k->name + len - n, own) ? 3 : 2;
	return len > 4 && !strcmp(k->name + len - 4, "_[k]") ? 0 : 1;
}

bool cost_report__only_calls(const struct cost_report *r, const struct cost_figure *f, double share)
{
	const struct cost_figure *o, *self = cost_report__same(r, COST_SELF, f->key);
	int near = cost_report__closeness(r, f->key);
	unsigned n;

	if (self && self->ns >= LITTLE * f->ns)
		return false;
	o = cost_report__kind(r, f->key->kind, &n);
	for (; n-- && o->ns >= share * f->ns; o++)	/* largest first */
		if (o != f && cost_report__closeness(r, o->key) >= near &&
		    cost_key__depth(o->key) > cost_key__depth(f->key))
			return true;
	return false;
}

static void rates(struct cost_report *r)
{
	const struct cost_totals *t = &r->t;
	__u64 wall_ns = t->end_ns > t->start_ns ? t->end_ns - t->start_ns : 0;

	/* over the same time, so that the one is the other times the mean (Little's law) */
	if (wall_ns) {
		r->per_min = t->units > 1 ? t->units * 60e9 / wall_ns : 0;
		r->concurrency = (double)t->seen_ns / wall_ns;
		for (unsigned s = 0; s < WT_STATES; s++)
			r->threads[s] = (double)t->st_ns[s] / wall_ns;
	}
	r->thread_ns = (double)t->thread_ns / t->units;
	for (unsigned s = 0; s < WT_STATES; s++)
		r->st_ns[s] = (double)t->st_ns[s] / t->units;
	r->p50_ns = cost__percentile(r->cost, 50);
	r->p95_ns = cost__percentile(r->cost, 95);
	r->p99_ns = cost__percentile(r->cost, 99);
}

static void trends(struct cost_report *r)
{
	struct trend_point p[COST_WINDOWS];
	unsigned n = cost_report__elapsed(r, p);
	double unit;

	r->range = p[n - 1].x - p[0].x;
	ratio(p, n, &r->mean_lo, &r->mean_hi, &r->mean_ns);
	trend__fit(&r->trend, p, n);
	trend__jump(&r->jump, p, n);
	/* what rises steadily is no jump, what jumps is no steady rise: whichever is nearer */
	if (r->trend.way != TREND_STEADY && r->jump.off > NEARER * r->trend.off)
		r->jump.found = false;
	unit = r->trend.level > 0 ? 100 * 1000 / r->trend.level : 0;
	r->pct = r->trend.slope * unit;
	r->pct_lo = r->trend.lo * unit;
	r->pct_hi = r->trend.hi * unit;
	r->growth_ns = trend__slope(p, n) * r->range;
	for (unsigned s = 0; s < WT_STATES; s++)
		r->st_growth_ns[s] = trend__slope(p, cost_report__state(r, s, p)) * r->range;
}

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *v, unsigned n)
{
	if (!n)
		return NAN;
	qsort(v, n, sizeof(*v), ascending);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

/* (estimated − actual) ÷ actual; NAN when either is not known. */
static double error_of(__u64 estimate_ns, const struct cost_guess *g)
{
	double actual = (double)g->finished_ns - (double)g->at_ns;

	if (estimate_ns == COST_NO_ESTIMATE || !g->finished_ns || actual <= 0)
		return NAN;
	return ((double)estimate_ns - actual) / actual;
}

static bool in_the_middle(const struct cost_guess *g)
{
	return g->done * 10 >= g->total && g->done * 10 <= g->total * 9;
}

static void add_error(double *v, unsigned *n, double error)
{
	if (isfinite(error))
		v[(*n)++] = error;
}

/* The promised end of the last estimate less that of the first. */
static double moved(const struct cost_guess *first, const struct cost_guess *last)
{
	if (!first || first == last)
		return 0;
	return (double)last->at_ns + last->theirs_ns - first->at_ns - first->theirs_ns;
}

static unsigned long long from_half(const struct cost_guess *g)
{
	return g->done * 2 > g->total ? g->done * 2 - g->total : g->total - g->done * 2;
}

static void own_estimates(struct cost_report *r)
{
	const struct cost_guess *g, *half = NULL, *first = NULL, *last = NULL;
	double theirs[COST_GUESSES], ours[COST_GUESSES];
	unsigned n = cost__guesses(r->cost, &g), n_theirs = 0, n_ours = 0;
	struct cost_own *o = &r->own;

	*o = (struct cost_own){ .half_error = NAN, .half_ours = NAN, .last_ns = COST_NO_ESTIMATE };
	for (unsigned i = 0; i < n; i++) {
		if (g[i].theirs_ns == COST_NO_ESTIMATE)
			continue;
		if (!g[i].finished_ns)
			o->last_ns = g[i].theirs_ns;
		if (!in_the_middle(&g[i]))
			continue;
		o->n++;
		o->finished |= g[i].finished_ns != 0;
		add_error(theirs, &n_theirs, error_of(g[i].theirs_ns, &g[i]));
		add_error(ours, &n_ours, error_of(g[i].ours_ns, &g[i]));
		first = first && first->run == g[i].run ? first : &g[i];
		last = &g[i];
		if (g[i].finished_ns && (!half || from_half(&g[i]) < from_half(half)))
			half = &g[i];
	}
	o->error = median(theirs, n_theirs);
	o->ours = median(ours, n_ours);
	o->moved_ns = moved(first, last);
	if (half) {
		o->half_error = error_of(half->theirs_ns, half);
		o->half_ours = error_of(half->ours_ns, half);
	}
}

int cost__report(const struct cost *c, struct cost_report *r)
{
	memset(r, 0, sizeof(*r));
	r->cost = c;
	cost__totals(c, &r->t);
	r->n_windows = cost__windows(c, &r->windows);
	own_estimates(r);
	if (!r->n_windows)
		return figures(r);
	rates(r);
	trends(r);
	if (r->t.total > r->t.done)
		forecast__left(&r->left, r->windows, r->n_windows, r->t.total - r->t.done);
	return figures(r);
}

void cost_report__free(struct cost_report *r)
{
	free(r->figures);
	memset(r, 0, sizeof(*r));
}
