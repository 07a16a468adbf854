/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cost.c - takes in what finished units cost; see report.c for what is read out. */
#include "units/cost.h"
#include "units/forecast.h"
#include "util/u64map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_MAX_KEYS 2000
#define OTHER "[other]"
#define MAX_PENDING 50000

/* Sixteen buckets to the octave: a bucket's middle is within 3.2 % of all in it. */
#define SUB 16
#define SUB_BITS 4
#define BUCKETS ((64 - SUB_BITS) * SUB)

/* A detail that came before its unit. */
struct pending {
	__u64 seq, key, ns;	/* key: its hash */
	__u32 kind, state;
};

/* A counter on its way to its total. */
struct source {
	__u32 source, run;
	__u64 at_ns;		/* of its last line */
	__u64 done, total;
};

struct cost {
	char *job, *kind;
	unsigned max_keys;
	struct cost_window w[COST_WINDOWS];
	unsigned n_windows;
	__u64 capacity;			/* records that a window holds before the next begins */
	struct cost_key *keys;
	unsigned n_keys, room;
	struct u64map by_hash;
	__u32 stamp;
	char main_file[64];
	__u64 main_file_ns;		/* its lead over others (majority vote) */
	__u64 hist[BUCKETS];
	struct pending *pending;
	unsigned n_pending, pending_room;
	struct source sources[COST_SOURCES];
	unsigned n_sources;
	__u32 runs;
	__u64 gone_done, gone_total;	/* of sources that had to make room */
	struct cost_guess guesses[COST_GUESSES];
	unsigned n_guesses, skip, skipped;	/* of the guesses that come, skip that many */
	struct cost_totals t;
};

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
	to->elapsed_sq += from->elapsed_sq;
	to->thread_sq += from->thread_sq;
	for (unsigned s = 0; s < WT_STATES; s++) {
		to->st_ns[s] += from->st_ns[s];
		to->st_sq[s] += from->st_sq[s];
	}
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

/* The window of a number that is not new; the last whose first is not beyond it. */
static unsigned window_of(const struct cost *c, __u64 seq)
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
		w = &c->w[window_of(c, u->seq)];
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

/* Squares of what one unit took, for each of the units of a record. */
static double squares(__u64 ns, __u64 units)
{
	return (double)ns * (double)ns / (double)units;
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
	w->elapsed_sq += squares(u->elapsed_ns, units);
	w->thread_ns += u->thread_ns;
	w->thread_sq += squares(u->thread_ns, units);
	for (unsigned s = 0; s < WT_STATES; s++) {
		w->st_ns[s] += u->st_ns[s];
		w->st_sq[s] += squares(u->st_ns[s], units);
	}
}

/* ---- distribution ---- */

static unsigned bucket_of(__u64 ns)
{
	unsigned e;

	if (ns < SUB)
		return ns;
	e = 63 - __builtin_clzll(ns);
	return (e - SUB_BITS + 1) * SUB + ((ns >> (e - SUB_BITS)) & (SUB - 1));
}

static __u64 bucket_ns(unsigned b)
{
	unsigned e;

	if (b < SUB)
		return b;
	e = b / SUB - 1;
	return ((__u64)(SUB + b % SUB) << e) + (e ? 1ULL << (e - 1) : 0);
}

__u64 cost__percentile(const struct cost *c, double p)
{
	double rank = p / 100 * c->t.units;
	__u64 below = 0, ns;

	for (unsigned b = 0; b < BUCKETS; b++) {
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

	if (!t->records || u->start_ns < t->start_ns)
		t->start_ns = u->start_ns;
	if (!t->records || u->end_ns < t->first_end_ns) {
		t->first_end_ns = u->end_ns;
		t->first_units = units;
	}
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
	t->elapsed_ns += u->elapsed_ns;
	t->thread_ns += u->thread_ns;
	for (unsigned s = 0; s < WT_STATES; s++)
		t->st_ns[s] += u->st_ns[s];
	c->hist[bucket_of(each_ns)] += units;
}

/* ---- keys ---- */

static __u64 hash_of(enum cost_kind kind, unsigned state, const char *name, size_t len)
{
	__u64 h = 0xcbf29ce484222325ULL ^ (kind * 31 + state);

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 0x100000001b3ULL;
	return u64_mix(h);
}

/* "f (file.py:12)": the length up to the colon, and the line; else all of it, and 0. */
static size_t without_line(const char *name, __u32 *line)
{
	size_t len = strlen(name), i = len;
	__u32 scale = 1;

	*line = 0;
	if (len < 4 || name[len - 1] != ')')
		return len;
	for (i = len - 2; i > 0 && name[i] >= '0' && name[i] <= '9' && scale < 100000000; i--) {
		*line += (name[i] - '0') * scale;
		scale *= 10;
	}
	if (name[i] != ':' || i == len - 2 || !memchr(name, '(', i)) {
		*line = 0;
		return len;
	}
	return i;
}

/* NULL when memory is out. */
static struct cost_key *new_key(struct cost *c, __u64 hash, enum cost_kind kind, unsigned state,
				const char *name, size_t len)
{
	struct cost_key *k;

	if (c->n_keys == c->room) {
		unsigned room = c->room ? c->room * 2 : 64;

		k = realloc(c->keys, room * sizeof(*k));
		if (!k)
			return NULL;
		c->keys = k;
		c->room = room;
	}
	k = &c->keys[c->n_keys];
	memset(k, 0, sizeof(*k));
	k->name = strndup(name, len);
	if (!k->name)
		return NULL;
	if (!u64map__put(&c->by_hash, hash, c->n_keys)) {
		free(k->name);
		return NULL;
	}
	k->hash = hash;
	k->kind = kind;
	k->state = state;
	c->n_keys++;
	return k;
}

static struct cost_key *find_key(struct cost *c, __u64 hash)
{
	const struct u64map_slot *s = u64map__find(&c->by_hash, hash);

	return s ? &c->keys[s->value] : NULL;
}

static int largest_first(const void *a, const void *b)
{
	const struct cost_key *x = a, *y = b;

	if (x->ns != y->ns)
		return x->ns > y->ns ? -1 : 1;
	return x->hash < y->hash ? -1 : x->hash > y->hash;
}

static void add_key(struct cost_key *to, const struct cost_key *from)
{
	to->ns += from->ns;
	to->depth_ns += from->depth_ns;
	to->depth_of_ns += from->depth_of_ns;
	for (unsigned i = 0; i < COST_WINDOWS; i++)
		to->by_window[i] += from->by_window[i];
}

static bool is_other(const struct cost_key *k)
{
	return !strcmp(k->name, OTHER);
}

static int index_keys(struct cost *c)
{
	u64map__free(&c->by_hash);
	for (unsigned i = 0; i < c->n_keys; i++)
		if (!u64map__put(&c->by_hash, c->keys[i].hash, i))
			return -ENOMEM;
	return 0;
}

/*
 * Makes room: the smallest quarter goes to [other] of its kind and state, so that
 * what becomes large late still finds a place.
 */
static int shrink_keys(struct cost *c)
{
	struct cost_key *gone;
	unsigned n = c->n_keys / 4, keep = c->n_keys - n;
	int err;

	gone = malloc((n + 1) * sizeof(*gone));
	if (!gone)
		return -ENOMEM;
	qsort(c->keys, c->n_keys, sizeof(*c->keys), largest_first);
	memcpy(gone, c->keys + keep, n * sizeof(*gone));
	c->n_keys = keep;
	err = index_keys(c);
	for (unsigned i = 0; i < n; i++) {
		__u64 hash = hash_of(gone[i].kind, gone[i].state, OTHER, strlen(OTHER));
		struct cost_key *other = err ? NULL : find_key(c, hash);

		if (!err && !other)
			other = new_key(c, hash, gone[i].kind, gone[i].state, OTHER, strlen(OTHER));
		if (other)
			add_key(other, &gone[i]);
		else
			err = -ENOMEM;
		c->t.keys_merged += !is_other(&gone[i]);
		free(gone[i].name);
	}
	free(gone);
	return err;
}

/* The line that had most of a function's time, as a majority vote in one pass sees it. */
static void vote(struct cost_key *k, __u32 line, __u64 ns)
{
	if (!line)
		return;
	if (k->line == line) {
		k->line_ns += ns;
	} else if (k->line_ns < ns) {
		k->line = line;
		k->line_ns = ns - k->line_ns;
	} else {
		k->line_ns -= ns;
	}
}

/* The key of that name, made if it is new; NULL when memory is out. */
static struct cost_key *get_key(struct cost *c, enum cost_kind kind, unsigned state, const char *name,
				__u32 *line)
{
	size_t len = without_line(name, line);
	__u64 hash = hash_of(kind, state, name, len);
	struct cost_key *k = find_key(c, hash);

	if (!k && c->n_keys >= c->max_keys && shrink_keys(c))
		return NULL;
	return k ? k : new_key(c, hash, kind, state, name, len);
}

static void charge(struct cost *c, struct cost_key *k, __u64 seq, __u64 ns)
{
	k->ns += ns;
	k->by_window[window_of(c, seq)] += ns;
}

/* When its unit comes, so does it. */
static int wait_for_unit(struct cost *c, const struct cost_key *k, __u64 seq, __u64 ns)
{
	if (c->n_pending == MAX_PENDING) {
		c->t.orphans++;
		c->t.orphan_ns += ns;
		return 0;
	}
	if (c->n_pending == c->pending_room) {
		unsigned room = c->pending_room ? c->pending_room * 2 : 256;
		struct pending *v = reallocarray(c->pending, room, sizeof(*v));

		if (!v)
			return -ENOMEM;
		c->pending = v;
		c->pending_room = room;
	}
	c->pending[c->n_pending++] = (struct pending){ seq, k->hash, ns, k->kind, k->state };
	return 0;
}

/* Is that unit final, or one before it, with which it shares a window? */
static bool is_final(const struct cost *c, __u64 seq)
{
	return c->n_windows && seq <= c->w[c->n_windows - 1].last_seq;
}

static int put_detail(struct cost *c, struct cost_key *k, __u64 seq, __u64 ns)
{
	if (!is_final(c, seq))
		return wait_for_unit(c, k, seq, ns);
	charge(c, k, seq, ns);
	return 0;
}

/* What waited for units up to the last that is final. */
static int charge_pending(struct cost *c)
{
	unsigned kept = 0;
	int err = 0;

	for (unsigned i = 0; i < c->n_pending; i++) {
		const struct pending *p = &c->pending[i];
		struct cost_key *k;

		if (!is_final(c, p->seq)) {
			c->pending[kept++] = *p;
			continue;
		}
		k = find_key(c, p->key);
		if (!k)		/* it was too small to be kept */
			k = find_key(c, hash_of(p->kind, p->state, OTHER, strlen(OTHER)));
		if (k)
			charge(c, k, p->seq, p->ns);
		else
			err = -ENOMEM;
	}
	c->n_pending = kept;
	return err;
}

int cost__unit(struct cost *c, const struct cost_unit *u)
{
	__u64 units = u->units ? u->units : 1;

	add_to_window(window_for(c, u), u, units);
	add_to_totals(c, u, units);
	return charge_pending(c);
}

int cost__detail(struct cost *c, __u64 seq, enum cost_kind kind, unsigned state, const char *name,
		 __u64 ns)
{
	__u32 line;
	bool has_state = kind == COST_WAIT || kind == COST_RIVAL;
	struct cost_key *k = get_key(c, kind, has_state ? state : 0, name, &line);

	if (!k)
		return -ENOMEM;
	vote(k, line, ns);
	return put_detail(c, k, seq, ns);
}

/* "job.py" of "f (job.py:12)"; its length, 0: it names no file. */
static size_t file_of(const char *name, const char **file)
{
	__u32 line;
	size_t len = without_line(name, &line);

	*file = line ? memrchr(name, '(', len) : NULL;
	if (!*file || (*file)[1] == '<')		/* <string>, <frozen runpy> */
		return 0;
	++*file;
	return name + len - *file;
}

/* Votes for the file of the outermost frame that has one. */
static void vote_file(struct cost *c, const char *const *names, unsigned n, __u64 ns)
{
	const char *file = NULL;
	size_t len = 0;

	for (unsigned i = 0; i < n && !len; i++)
		len = file_of(names[i], &file);
	if (!len || len >= sizeof(c->main_file))
		return;
	if (strlen(c->main_file) == len && !memcmp(c->main_file, file, len)) {
		c->main_file_ns += ns;
	} else if (c->main_file_ns < ns) {
		memcpy(c->main_file, file, len);
		c->main_file[len] = '\0';
		c->main_file_ns = ns - c->main_file_ns;
	} else {
		c->main_file_ns -= ns;
	}
}

/* Once for each function of a stack. */
static int put_each(struct cost *c, enum cost_kind kind, __u64 seq, const char *const *names,
		    unsigned n, __u64 ns)
{
	int err = 0;

	c->stamp = c->stamp + 1 ? c->stamp + 1 : 1;
	for (unsigned i = n; i-- > 0 && !err; ) {	/* innermost first: its line is the one that ran */
		__u32 line;
		struct cost_key *k = get_key(c, kind, 0, names[i], &line);

		if (!k)
			return -ENOMEM;
		if (k->stamp == c->stamp)	/* a recursion: its time is in there */
			continue;
		k->stamp = c->stamp;
		k->depth_ns += (double)i * ns;
		k->depth_of_ns += ns;
		vote(k, line, ns);
		err = put_detail(c, k, seq, ns);
	}
	vote_file(c, names, n, ns);
	return err;
}

int cost__stack(struct cost *c, __u64 seq, const char *const *names, unsigned n, __u64 ns)
{
	int err = put_each(c, COST_TOTAL, seq, names, n, ns);

	return err || !n ? err : cost__detail(c, seq, COST_SELF, 0, names[n - 1], ns);
}

int cost__blocked(struct cost *c, __u64 seq, const char *const *names, unsigned n, __u64 ns)
{
	return put_each(c, COST_BLOCKED, seq, names, n, ns);
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

/* ---- reading ---- */

const char *cost__job(const struct cost *c)
{
	return c->job;
}

const char *cost__main_file(const struct cost *c)
{
	return c->main_file[0] ? c->main_file : NULL;
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

unsigned cost__keys(const struct cost *c, const struct cost_key **k)
{
	*k = c->keys;
	return c->n_keys;
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
