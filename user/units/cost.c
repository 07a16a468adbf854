/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cost.c - takes in finished units and their counters; see report.c for what is read out. */
#include "units/cost_impl.h"
#include "units/forecast.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MAX_KEYS 2000

int cost__new(struct cost **out, const char *job, const char *kind, const struct cost_opts *opts)
{
	struct cost *c = calloc(1, sizeof(*c));

	*out = NULL;
	if (!c)
		return -ENOMEM;
	c->job = strdup(job ? job : "");
	c->kind = strdup(kind ? kind : "");
	c->max_keys = opts && opts->max_keys ? opts->max_keys : DEFAULT_MAX_KEYS;
	c->capacity = 1;
	if (!c->job || !c->kind) {
		cost__free(c);
		return -ENOMEM;
	}
	*out = c;
	return 0;
}

void cost__free(struct cost *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->n_keys; i++)
		free(c->keys[i].name);
	free(c->keys);
	free(c->pending);
	u64map__free(&c->by_hash);
	free(c->job);
	free(c->kind);
	free(c);
}

/* ---- windows ---- */

static void merge_window(struct cost_window *to, const struct cost_window *from)
{
	to->last_seq = from->last_seq;
	to->records += from->records;
	to->units += from->units;
	to->failed += from->failed;
	if (from->start_ns < to->start_ns)
		to->start_ns = from->start_ns;
	if (from->end_ns > to->end_ns)
		to->end_ns = from->end_ns;
	to->elapsed_ns += from->elapsed_ns;
	to->thread_ns += from->thread_ns;
	for (unsigned s = 0; s < WT_STATES; s++)
		to->st_ns[s] += from->st_ns[s];
}

static void halve_windows(struct cost *c)
{
	unsigned half = c->n_windows / 2;

	for (unsigned i = 0; i < half; i++) {
		merge_window(&c->w[2 * i], &c->w[2 * i + 1]);
		c->w[i] = c->w[2 * i];
	}
	for (unsigned k = 0; k < c->n_keys; k++) {
		__u64 *ns = c->keys[k].by_window;

		for (unsigned i = 0; i < half; i++)
			ns[i] = ns[2 * i] + ns[2 * i + 1];
		memset(ns + half, 0, (COST_WINDOWS - half) * sizeof(*ns));
	}
	c->n_windows = half;
	c->capacity *= 2;
}

unsigned cost__window_of(const struct cost *c, __u64 seq)
{
	unsigned lo = 0, hi = c->n_windows;

	while (hi - lo > 1) {
		unsigned mid = lo + (hi - lo) / 2;

		if (c->w[mid].first_seq <= seq)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

static struct cost_window *window_for(struct cost *c, const struct cost_unit *u)
{
	struct cost_window *w = c->n_windows ? &c->w[c->n_windows - 1] : NULL;

	if (w && u->seq <= w->last_seq) {
		w = &c->w[cost__window_of(c, u->seq)];
		if (u->seq < w->first_seq)	/* before all others */
			w->first_seq = u->seq;
		return w;
	}
	if (!w || w->records >= c->capacity) {
		if (c->n_windows == COST_WINDOWS)
			halve_windows(c);
		w = &c->w[c->n_windows++];
		memset(w, 0, sizeof(*w));
		w->first_seq = u->seq;
		w->start_ns = u->start_ns;
	}
	w->last_seq = u->seq;
	return w;
}

static void add_to_window(struct cost_window *w, const struct cost_unit *u, __u64 units)
{
	w->records++;
	w->units += units;
	w->failed += u->failed;
	if (u->start_ns < w->start_ns)
		w->start_ns = u->start_ns;
	if (u->end_ns > w->end_ns)
		w->end_ns = u->end_ns;
	w->elapsed_ns += u->elapsed_ns;
	w->thread_ns += u->thread_ns;
	for (unsigned s = 0; s < WT_STATES; s++)
		w->st_ns[s] += u->st_ns[s];
}

/* ---- distribution ---- */

static unsigned bucket_of(__u64 ns)
{
	unsigned e;

	if (ns < COST_SUB)
		return ns;
	e = 63 - __builtin_clzll(ns);
	return (e - COST_SUB_BITS + 1) * COST_SUB + ((ns >> (e - COST_SUB_BITS)) & (COST_SUB - 1));
}

static __u64 bucket_ns(unsigned b)
{
	unsigned e;

	if (b < COST_SUB)
		return b;
	e = b / COST_SUB - 1;
	return ((__u64)(COST_SUB + b % COST_SUB) << e) + (e ? 1ULL << (e - 1) : 0);
}

__u64 cost__percentile(const struct cost *c, double p)
{
	double rank = p / 100 * c->t.units;
	__u64 below = 0, ns;

	for (unsigned b = 0; b < COST_BUCKETS; b++) {
		below += c->hist[b];
		if (!c->hist[b] || (double)below < rank)
			continue;
		if (below >= c->t.units && rank > below - 1)	/* the longest, which is known */
			return c->t.max_ns;
		ns = bucket_ns(b);
		ns = ns < c->t.min_ns ? c->t.min_ns : ns;
		return ns > c->t.max_ns ? c->t.max_ns : ns;
	}
	return c->t.max_ns;
}

static void add_to_totals(struct cost *c, const struct cost_unit *u, __u64 units)
{
	struct cost_totals *t = &c->t;
	__u64 each_ns = u->elapsed_ns / units;
	__u64 from_ns = u->since_ns > u->start_ns ? u->since_ns : u->start_ns;
	__u64 before_ns = from_ns - u->start_ns;

	if (!t->records || from_ns < t->start_ns)
		t->start_ns = from_ns;
	t->seen_ns += u->elapsed_ns > before_ns ? u->elapsed_ns - before_ns : 0;
	if (!t->records || each_ns < t->min_ns)
		t->min_ns = each_ns;
	if (each_ns > t->max_ns)
		t->max_ns = each_ns;
	if (u->end_ns > t->end_ns)
		t->end_ns = u->end_ns;
	t->records++;
	t->units += units;
	t->grouped += units > 1 ? units : 0;
	t->failed += u->failed;
	t->overlapped += u->overlapped;
	t->elapsed_ns += u->elapsed_ns;
	t->thread_ns += u->thread_ns;
	for (unsigned s = 0; s < WT_STATES; s++)
		t->st_ns[s] += u->st_ns[s];
	c->hist[bucket_of(each_ns)] += units;
}

/* How long its process had had no unit before. */
static void add_gap(struct cost *c, const struct cost_unit *u)
{
	struct cost_totals *t = &c->t;
	unsigned i;
	__u64 gap;

	for (i = 0; i < c->n_workers && c->workers[i].id != u->worker; i++)
		;
	if (!u->worker || i == COST_WORKERS)
		return;
	if (i == c->n_workers) {
		c->workers[c->n_workers++] = (struct worker){ u->worker, u->end_ns };
		return;
	}
	gap = u->start_ns > c->workers[i].end_ns ? u->start_ns - c->workers[i].end_ns : 0;
	t->gaps++;
	t->gap_ns += gap;
	t->max_gap_ns = gap > t->max_gap_ns ? gap : t->max_gap_ns;
	if (u->end_ns > c->workers[i].end_ns)
		c->workers[i].end_ns = u->end_ns;
}

int cost__unit(struct cost *c, const struct cost_unit *u)
{
	__u64 units = u->units ? u->units : 1;

	add_to_window(window_for(c, u), u, units);
	add_to_totals(c, u, units);
	add_gap(c, u);
	return cost__charge_pending(c);
}

void cost__extra(struct cost *c, const __u64 extra[UNIT_EXTRAS])
{
	c->t.has_extra = true;
	for (unsigned k = 0; k < UNIT_EXTRAS; k++)
		c->t.extra[k] += extra[k];
}

void cost__requests(struct cost *c, const struct unit_request *x)
{
	unsigned i = 0, what = x->what - OBJECT_READS;
	__u32 dev = x->dev;
	struct cost_disk *d;

	if (what >= 3)
		return;
	while (i < c->t.n_disks && i < COST_DISKS && c->t.disks[i].dev != dev)
		i++;
	if (i == COST_DISKS)
		dev = OBJECT_NO_DISK;
	d = &c->t.disks[i];
	if (i >= c->t.n_disks) {
		c->t.n_disks = i + 1;
		d->dev = dev;
	}
	d->count[what] += x->count;
	d->bytes[what] += x->bytes;
	d->ns += x->ns;
}

void cost__more(struct cost *c, __u64 seq, const __u64 st_ns[WT_STATES])
{
	struct cost_window *w = c->n_windows ? &c->w[cost__window_of(c, seq)] : NULL;

	for (unsigned s = 0; w && s < WT_STATES; s++) {
		w->st_ns[s] += st_ns[s];
		w->thread_ns += st_ns[s];
		c->t.st_ns[s] += st_ns[s];
		c->t.thread_ns += st_ns[s];
	}
}

/* ---- estimates ---- */

/* When all places are taken, every second one goes, and only every second one comes. */
static void thin_guesses(struct cost *c)
{
	for (unsigned i = 0; i < COST_GUESSES / 2; i++)
		c->guesses[i] = c->guesses[2 * i];
	c->n_guesses = COST_GUESSES / 2;
	c->skip = c->skip * 2 + 1;
}

/* The oldest makes room; what it had counts on. */
static void drop_source(struct cost *c)
{
	c->gone_done += c->sources[0].done;
	c->gone_total += c->sources[0].total;
	memmove(c->sources, c->sources + 1, --c->n_sources * sizeof(*c->sources));
}

/*
 * The counter that this line moves on; NULL: the line is not newer than the last.
 * One that goes back is another run's: the last one came no farther.
 */
static struct source *source_of(struct cost *c, __u32 source, __u64 at_ns, __u64 done)
{
	struct source *s;

	for (unsigned i = c->n_sources; i-- > 0; ) {
		s = &c->sources[i];
		if (s->source != source)
			continue;
		if (at_ns <= s->at_ns)
			return NULL;
		if (done >= s->done)
			return s;
		s->total = s->done;
		break;
	}
	if (c->n_sources == COST_SOURCES)
		drop_source(c);
	s = &c->sources[c->n_sources++];
	*s = (struct source){ .source = source, .run = ++c->runs };
	return s;
}

static void sum_sources(struct cost *c)
{
	c->t.done = c->gone_done;
	c->t.total = c->gone_total;
	for (unsigned i = 0; i < c->n_sources; i++) {
		c->t.done += c->sources[i].total ? c->sources[i].done : 0;
		c->t.total += c->sources[i].total;
	}
}

static void finish_guesses(struct cost *c, __u32 run, __u64 at_ns)
{
	for (unsigned i = 0; i < c->n_guesses; i++)
		if (c->guesses[i].run == run && !c->guesses[i].finished_ns)
			c->guesses[i].finished_ns = at_ns;
}

void cost__estimate(struct cost *c, __u32 source, __u64 at_ns, __u64 done, __u64 total,
		    __u64 remaining_ns)
{
	struct source *s = source_of(c, source, at_ns, done);
	struct forecast f;

	if (!s)
		return;
	s->at_ns = at_ns;
	s->done = done;
	s->total = total;
	sum_sources(c);
	if (total && done >= total)
		finish_guesses(c, s->run, at_ns);
	if (done >= total || c->skipped++ < c->skip)
		return;
	c->skipped = 0;
	if (c->n_guesses == COST_GUESSES)
		thin_guesses(c);
	forecast__quick(&f, c->w, c->n_windows, total - done);
	c->guesses[c->n_guesses++] = (struct cost_guess){
		at_ns, done, total, remaining_ns, f.known ? (__u64)f.ns : COST_NO_ESTIMATE, 0, s->run };
}

int cost__set_job(struct cost *c, const char *job)
{
	char *copy;

	if (!strcmp(c->job, job))
		return 0;
	copy = strdup(job);
	if (!copy)
		return -ENOMEM;
	free(c->job);
	c->job = copy;
	return 0;
}

/* ---- reading ---- */

const char *cost__job(const struct cost *c)
{
	return c->job;
}

const char *cost__kind(const struct cost *c)
{
	return c->kind;
}

unsigned cost__windows(const struct cost *c, const struct cost_window **w)
{
	*w = c->w;
	return c->n_windows;
}

unsigned cost__guesses(const struct cost *c, const struct cost_guess **g)
{
	*g = c->guesses;
	return c->n_guesses;
}

void cost__totals(const struct cost *c, struct cost_totals *t)
{
	*t = c->t;
	t->waiting = c->n_pending;
}
