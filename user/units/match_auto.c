// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * match_auto.c - which preset does a stream follow?
 *
 * Each pattern that fits makes a candidate: this pattern, this place in the line, this
 * total.  A candidate is believed once three of its lines agree: a counter that grows
 * by small steps, events of different units.  The lines it was judged by were kept and
 * are handed out then.  Once one is believed, others are heard only for lines that it
 * has nothing to say about, and only those that are no weaker evidence.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "units/match_auto.h"

#define OCCURRENCES 4		/* pairs in one line that are looked at */
#define DENSE 7			/* … of one that threads count who overtake each other */
#define BREAKS_MAX 3

/* A line on its way. */
struct look {
	struct auto_streams *a;
	struct stream *s;	/* NULL: the stream is not known yet */
	const struct text_line *line;
	__u64 key, group;
	match_fn fn;
	void *ctx;
	unsigned handed_out;
	unsigned features;	/* of the line: enum line_feature */
};

static __u64 hash(const char *s, size_t n)
{
	__u64 h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 0x100000001b3ULL;
	return h;
}

static void drop_kept(struct auto_streams *a, struct candidate *c)
{
	a->stats->unbelieved += c->believed ? 0 : c->n_kept;
	free(c->kept);
	c->kept = NULL;
	c->n_kept = c->room = c->given = 0;
}

static void drop(struct auto_streams *a, struct candidate *c)
{
	drop_kept(a, c);
	*c = (struct candidate){ 0 };
}

static void keep(struct auto_streams *a, struct candidate *c, const struct match *m)
{
	struct kept *k;

	if (c->n_kept == KEPT_MAX) {
		a->stats->unbelieved++;
		return;
	}
	if (c->n_kept == c->room) {
		k = reallocarray(c->kept, c->room + NEEDED - 1, sizeof(*k));
		if (!k) {
			a->stats->no_memory++;
			return;
		}
		c->kept = k;
		c->room += NEEDED - 1;
	}
	k = &c->kept[c->n_kept++];
	k->m = *m;
	k->m.credited = true;
	k->m.label_len = m->label_len < KEPT_LABEL ? m->label_len : KEPT_LABEL;
	if (m->label)
		memcpy(k->label, m->label, k->m.label_len);
}

static void hand_out(struct look *l, const struct candidate *c, struct match *m)
{
	m->series = c->series;
	l->handed_out++;
	l->fn(l->ctx, l->key, m);
}

/* Counters go on by themselves; events of one preset belong together. */
static unsigned series_of(struct stream *s, const struct candidate *c)
{
	bool counts = c->total || c->pattern->preset->evidence == COUNT;

	for (unsigned i = 0; i < CANDIDATES && !counts; i++) {
		const struct candidate *other = &s->candidates[i];

		if (other->pattern && other->believed && other->pattern->kind == c->pattern->kind)
			return other->series;
	}
	return s->n_series++;
}

#define MOST (1ULL << 62)

/* What of the line grows: what is done, or what is no longer left. */
static __u64 grown(const struct match *m)
{
	if (m->counts_down)
		return MOST - (m->total < MOST ? m->total : MOST);
	return m->done;
}

static void mark_believed(struct stream *s, struct candidate *c)
{
	c->series = series_of(s, c);
	c->believed = true;
	if (c->pattern->preset->rank < s->rank)
		s->rank = c->pattern->preset->rank;
}

/* Of the lines that were kept for the candidates v of streams s, the one written first; false: none is left. */
static bool hand_out_next(struct look *l, struct stream **s, struct candidate **v, unsigned n)
{
	struct look to = *l;
	struct kept *first = NULL;
	unsigned whose = 0;

	for (unsigned i = 0; i < n; i++) {
		struct kept *k = v[i]->given < v[i]->n_kept ? &v[i]->kept[v[i]->given] : NULL;

		if (!k || (first && first->m.line.at.ts_ns <= k->m.line.at.ts_ns))
			continue;
		first = k;
		whose = i;
	}
	if (!first)
		return false;
	v[whose]->given++;
	to.key = s[whose]->key;
	first->m.label = first->m.label ? first->label : NULL;
	hand_out(&to, v[whose], &first->m);
	l->handed_out++;
	return true;
}

/*
 * From now on its lines count, and those so far, too; and those of other processes that write
 * the same to the same place.
 */
static void believe(struct look *l, struct candidate *c, struct match *m)
{
	struct candidate *v[GROUP_MAX] = { c };
	struct stream *s = l->s, *of[GROUP_MAX] = { s };
	unsigned n = 1 + group__others(l->a, s, c, of + 1, v + 1);

	if (c->max < grown(m))
		c->max = grown(m);
	for (unsigned i = 0; i < n; i++)
		mark_believed(of[i], v[i]);
	while (hand_out_next(l, of, v, n))
		;
	for (unsigned i = 0; i < n; i++)
		drop_kept(l->a, v[i]);
	hand_out(l, c, m);
	/* what the same lines were to others has been said now */
	for (unsigned i = 0; i < CANDIDATES; i++) {
		struct candidate *other = &s->candidates[i];

		if (!other->pattern || other->believed)
			continue;
		free(other->kept);
		*other = (struct candidate){ 0 };
	}
}

enum step {
	NEXT, SAME, BEHIND, RESTART, BREAK,
};

static enum step step_of(const struct candidate *c, const struct match *m)
{
	__u64 done = grown(m);

	if (done > c->max)
		return NEXT;
	if (done == c->max)
		return SAME;
	if (done <= 1 || (c->total && c->max == c->total && done <= c->max / 2))
		return RESTART;
	return done + LATE > c->max ? BEHIND : BREAK;
}

/* Whether one that is believed takes the line; a counter that jumps about is no counter. */
static bool goes_on(struct auto_streams *a, struct candidate *c, const struct match *m)
{
	enum step step;

	if (c->pattern->preset->evidence != COUNTER && c->pattern->preset->evidence != COUNT)
		return true;
	step = step_of(c, m);
	if (step == BREAK) {
		if (++c->breaks == BREAKS_MAX)
			drop(a, c);
		return false;
	}
	if (step == NEXT)
		c->breaks = 0;
	if (step == NEXT || step == RESTART)
		c->max = grown(m);
	return true;
}

static void start_over(struct auto_streams *a, struct candidate *c, const struct match *m, bool share)
{
	a->stats->unbelieved += c->n_kept;
	c->n_kept = 0;
	c->hits = 1;
	c->shares = share;
	c->even = false;
	c->late = c->fills = 0;
	c->min = c->max = grown(m);
	c->said = 1;
	keep(a, c, m);
}

static bool small_step(const struct candidate *c, const struct match *m)
{
	__u64 limit = c->total / 3;

	return !c->total || m->done - c->max <= (limit > 1 ? limit : 1);
}

/*
 * A large step is believed of lines that say themselves, each, what share they are at; and of
 * three that count in equal parts, the last being the rest: 4, 8, 10 of 10.
 */
static bool sure_step(struct candidate *c, const struct match *m, bool share)
{
	if (share && c->shares == c->hits)
		return true;
	if (c->hits == 1) {
		c->even = m->done == 2 * c->max;
		return c->even;
	}
	return c->hits == 2 && c->even && m->done == c->total && m->done - c->max <= c->max / 2;
}

/* Lines that agree and are enough; of two, the last must be the end, and both say their share. */
static bool are_enough(const struct candidate *c)
{
	if (c->hits == 2 && c->shares == 2 && c->max == c->total && !c->late)
		return true;
	/* threads that overtake each other: each number once, and hardly one left out */
	if (c->hits + c->fills >= DENSE && c->late == c->fills && 4 * (c->max - c->min + 1) <= 5 * (c->hits + c->fills))
		return true;
	return c->hits >= NEEDED + 2 * c->late;
}

static void step_up(struct candidate *c, __u64 to)
{
	c->said = (to - c->max < LATE ? c->said << (to - c->max) : 0) | 1;
	c->max = to;
}

/* A number that comes late; step_of() has seen to it that it is less than LATE behind. */
static void fill_in(struct candidate *c, __u64 number)
{
	__u64 bit = 1ULL << (c->max - number) % LATE;

	c->fills += !(c->said & bit);
	c->said |= bit;
	if (number < c->min)
		c->min = number;
}

/* 3/2026 to 12/2026 are months */
static bool may_be_month(const struct match *m)
{
	return m->has_total && m->total >= 1990 && m->total < 2040 && m->done <= 12;
}

/* The same before it is believed: of threads, the second may be done before the first. */
static enum step step_before(const struct candidate *c, const struct match *m)
{
	enum step step = step_of(c, m);

	if (step == RESTART && c->max <= DENSE && c->max > grown(m) && !(c->said >> (c->max - grown(m)) & 1))
		return BEHIND;
	return step;
}

/* Of several threads one has said as many numbers in a row as are needed, whatever the others said between them. */
static bool thread_counts(struct candidate *c, const struct match *m)
{
	unsigned i = 0;

	while (i < BY_MAX && c->by[i].serial && c->by[i].serial != m->line.at.serial)
		i++;
	if (i == BY_MAX || !m->line.at.serial)
		return false;
	c->by[i].run = c->by[i].serial && m->done == c->by[i].last + 1 ? c->by[i].run + 1 : 1;
	c->by[i].serial = m->line.at.serial;
	c->by[i].last = m->done;
	return c->by[i].run >= NEEDED && c->by[1].serial;
}

/* One more line of a counter that is not believed yet.  True: now it is. */
static bool count_up(struct look *l, struct candidate *c, const struct match *m)
{
	enum step step = c->hits ? step_before(c, m) : BREAK;
	/* a percentage alone does not bear itself out */
	bool share = (l->features & LINE_SHARE) && !c->pattern->preset->total && share_agrees(m, l->line);
	struct auto_streams *a = l->a;

	if (thread_counts(c, m) && !may_be_month(m))
		return true;
	switch (step) {
	case NEXT:
		if (!small_step(c, m) && !sure_step(c, m, share))
			break;
		step_up(c, grown(m));
		c->hits++;
		c->shares += share;
		/* numbers that go up and down need more in their favour */
		if ((are_enough(c) || group__counts(a, l->s, c)) && !may_be_month(m))
			return true;
		keep(a, c, m);
		return false;
	case SAME:
		return false;
	case BEHIND:
		c->late++;
		fill_in(c, grown(m));
		if (are_enough(c) && !may_be_month(m))
			return true;
		keep(a, c, m);
		return false;
	case RESTART:
	case BREAK:
		break;
	}
	start_over(a, c, m, share);
	if (!c->n_kept || may_be_month(m))
		return false;
	c->n_kept--;		/* should it be enough, it is handed out behind those before */
	if (group__counts(a, l->s, c))
		return true;
	c->n_kept++;
	return false;
}

static bool one_more_event(struct auto_streams *a, const struct stream *s, struct candidate *c,
			   const struct match *m)
{
	/* that one begins and that it ends are two things to say */
	__u64 label = (m->label ? hash(m->label, m->label_len) : 0) + m->begin;

	if (label != c->label)
		c->hits++;
	c->label = label;
	/* … or of processes that each have one or two */
	if (c->hits >= NEEDED || group__event(a, s, c, label))
		return true;
	keep(a, c, m);
	return false;
}

static bool convinces(struct look *l, struct candidate *c, const struct match *m)
{
	switch (c->pattern->preset->evidence) {
	case CLEAR:
		return true;
	case COUNTER:
		if (c->total && group__believes(l->a, l->s, c))
			return true;
		return count_up(l, c, m);
	case COUNT:
		return count_up(l, c, m);
	case EVENTS:
		return one_more_event(l->a, l->s, c, m);
	}
	return false;
}

static void free_stream(struct auto_streams *a, unsigned i)
{
	struct stream *s = a->streams[i];

	if (!s)
		return;
	for (unsigned k = 0; k < CANDIDATES; k++)
		drop(a, &s->candidates[k]);
	u64map__delete(&a->by_key, s->key);
	free(s);
	a->streams[i] = NULL;
}

/* A free place, which the stream that was silent longest may have to leave. */
static unsigned find_room(struct auto_streams *a)
{
	unsigned oldest = 0;

	for (unsigned i = 0; i < STREAMS; i++) {
		if (!a->streams[i])
			return i;
		if (a->streams[i]->stamp < a->streams[oldest]->stamp)
			oldest = i;
	}
	a->stats->evicted++;
	free_stream(a, oldest);
	return oldest;
}

static struct stream *new_stream(struct auto_streams *a, __u64 key, __u64 group)
{
	unsigned i = find_room(a);
	struct stream *s = calloc(1, sizeof(*s));

	if (!s || !u64map__put(&a->by_key, key, i)) {
		a->stats->no_memory++;
		free(s);
		return NULL;
	}
	s->key = key;
	s->group = group;
	s->rank = NO_RANK;
	a->streams[i] = s;
	return s;
}

static __u64 total_of(const struct match *m)
{
	return m->has_done && m->has_total ? m->total : 0;
}

static struct candidate *find_candidate(struct stream *s, const struct pattern *p,
					unsigned occurrence, __u64 total)
{
	for (unsigned i = 0; s && i < CANDIDATES; i++) {
		struct candidate *c = &s->candidates[i];

		if (c->pattern == p && c->occurrence == occurrence && c->total == total)
			return c;
	}
	return NULL;
}

/* A free entry, or that of the one least likely to be missed. */
static struct candidate *new_candidate(struct auto_streams *a, struct stream *s)
{
	struct candidate *worst = &s->candidates[0];

	for (unsigned i = 0; i < CANDIDATES; i++) {
		struct candidate *c = &s->candidates[i];

		if (!c->pattern)
			return c;
		if (c->believed != worst->believed ? worst->believed : c->stamp < worst->stamp)
			worst = c;
	}
	drop(a, worst);
	return worst;
}

/* What this pattern makes of the line; known: only candidates that are believed. */
static void look_with(struct look *l, const struct pattern *p, bool known)
{
	struct auto_streams *a = l->a;
	size_t from = 0;
	struct match m;

	if (p->preset->needs & ~l->features)
		return;
	for (unsigned k = 0; k < OCCURRENCES && !l->handed_out; k++) {
		struct candidate *c;

		if (!pattern__match(a->e, p, l->line, &from, &m))
			return;
		c = find_candidate(l->s, p, k, total_of(&m));
		if (c)
			c->stamp = ++a->clock;
		if (known && c && c->believed && goes_on(a, c, &m))
			hand_out(l, c, &m);
		if (!known && !(c && c->believed)) {
			if (!l->s)
				l->s = new_stream(a, l->key, l->group);
			if (!l->s)
				return;
			if (!c) {
				c = new_candidate(a, l->s);
				*c = (struct candidate){ .pattern = p, .occurrence = k,
							 .total = total_of(&m), .stamp = ++a->clock };
			}
			if (convinces(l, c, &m))
				believe(l, c, &m);
		}
		if (!p->preset->anywhere)
			return;
	}
}

static bool is_believed(const struct stream *s, const struct pattern *p)
{
	for (unsigned i = 0; i < CANDIDATES; i++)
		if (s->candidates[i].pattern == p && s->candidates[i].believed)
			return true;
	return false;
}

unsigned auto__line(struct auto_streams *a, __u64 key, __u64 group, const struct text_line *line,
		    match_fn fn, void *ctx)
{
	struct u64map_slot *slot = u64map__find(&a->by_key, key);
	struct look l = { .a = a, .line = line, .key = key, .group = group, .fn = fn, .ctx = ctx };

	if (line->binary)
		return 0;
	if (slot)
		l.s = a->streams[slot->value];
	l.features = line_features(a->e, line);
	for (unsigned i = 0; l.s && l.s->rank != NO_RANK && i < a->n_patterns && !l.handed_out; i++)
		if (a->patterns[i]->preset->rank <= l.s->rank && is_believed(l.s, a->patterns[i]))
			look_with(&l, a->patterns[i], true);
	for (unsigned i = 0; i < a->n_patterns && !l.handed_out; i++) {
		if (l.s && a->patterns[i]->preset->rank > l.s->rank)
			break;
		look_with(&l, a->patterns[i], false);
	}
	if (l.s)
		l.s->stamp = ++a->clock;
	return l.handed_out;
}

void auto__forget(struct auto_streams *a, __u64 key)
{
	struct u64map_slot *slot = u64map__find(&a->by_key, key);

	if (slot)
		free_stream(a, slot->value);
}

static int by_rank(const void *a, const void *b)
{
	const struct pattern *const *p = a, *const *q = b;

	if ((*p)->preset->rank != (*q)->preset->rank)
		return (*p)->preset->rank < (*q)->preset->rank ? -1 : 1;
	return (*p)->preset < (*q)->preset ? -1 : (*p)->preset > (*q)->preset;
}

int auto__new(struct auto_streams **out, const struct engine *e, const struct pattern *patterns,
	      unsigned n, struct matcher_stats *stats)
{
	struct auto_streams *a = calloc(1, sizeof(*a));

	*out = a;
	if (!a)
		return -ENOMEM;
	a->e = e;
	a->stats = stats;
	a->patterns = calloc(n ? n : 1, sizeof(*a->patterns));
	if (!a->patterns)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++)
		a->patterns[a->n_patterns++] = &patterns[i];
	qsort(a->patterns, n, sizeof(*a->patterns), by_rank);
	return 0;
}

void auto__free(struct auto_streams *a)
{
	if (!a)
		return;
	for (unsigned i = 0; i < STREAMS; i++)
		free_stream(a, i);
	u64map__free(&a->by_key);
	free(a->patterns);
	free(a);
}
