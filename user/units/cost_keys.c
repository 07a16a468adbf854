/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cost_keys.c - what of a unit's time was spent where: functions, waits, rivals. */
#include "units/cost_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/errors.h"

#define OTHER "[other]"
#define MAX_PENDING 50000

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

static bool keep_none(struct u64map_slot *s, void *arg)
{
	(void)s;
	(void)arg;
	return false;
}

/* There are less of them than before: the map has room for them. */
static void index_keys(struct cost *c)
{
	u64map__filter(&c->by_hash, keep_none, NULL);
	for (unsigned i = 0; i < c->n_keys; i++)
		u64map__put(&c->by_hash, c->keys[i].hash, i);
}

/*
 * Makes room: the smallest quarter goes to [other] of its kind and state, so that
 * what becomes large late still finds a place.
 */
static int shrink_keys(struct cost *c)
{
	struct cost_key *gone;
	unsigned n = c->n_keys / 4, keep = c->n_keys - n;
	int err = 0;

	gone = malloc((n + 1) * sizeof(*gone));
	if (!gone)
		return -ENOMEM;
	qsort(c->keys, c->n_keys, sizeof(*c->keys), largest_first);
	memcpy(gone, c->keys + keep, n * sizeof(*gone));
	c->n_keys = keep;
	index_keys(c);
	for (unsigned i = 0; i < n; i++) {
		__u64 hash = hash_of(gone[i].kind, gone[i].state, OTHER, strlen(OTHER));
		struct cost_key *other = find_key(c, hash);

		if (!other)
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
	k->by_window[cost__window_of(c, seq)] += ns;
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
int cost__charge_pending(struct cost *c)
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
	for (unsigned i = n; i-- > 0; ) {	/* innermost first: its line is the one that ran */
		__u32 line;
		struct cost_key *k = get_key(c, kind, 0, names[i], &line);

		if (!k) {
			err = -ENOMEM;
			continue;
		}
		if (k->stamp == c->stamp)	/* a recursion: its time is in there */
			continue;
		k->stamp = c->stamp;
		k->depth_ns += (double)i * ns;
		k->depth_of_ns += ns;
		vote(k, line, ns);
		if (put_detail(c, k, seq, ns))
			err = -ENOMEM;
	}
	vote_file(c, names, n, ns);
	return err;
}

int cost__stack(struct cost *c, __u64 seq, const char *const *names, unsigned n, __u64 ns)
{
	int err = put_each(c, COST_TOTAL, seq, names, n, ns);

	return n ? first_error(err, cost__detail(c, seq, COST_SELF, 0, names[n - 1], ns)) : err;
}

int cost__blocked(struct cost *c, __u64 seq, const char *const *names, unsigned n, __u64 ns)
{
	return put_each(c, COST_BLOCKED, seq, names, n, ns);
}

const char *cost__main_file(const struct cost *c)
{
	return c->main_file[0] ? c->main_file : NULL;
}

unsigned cost__keys(const struct cost *c, const struct cost_key **k)
{
	*k = c->keys;
	return c->n_keys;
}
