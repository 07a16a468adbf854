/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "units/costs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/errors.h"
#include "util/u64map.h"

#define MAX_DEPTH (2 * WT_MAX_FRAMES)
#define NAME_MAX_LEN 200	/* of a function's name; a template's can have thousands */
#define DEFAULT_PERIOD_NS 10000000

struct costs {
	struct costs_opts o;
	struct cost *v[COSTS_MAX + 1];
	struct {
		__u64 job, cgroup;
		bool rest;	/* COSTS_REST: no job's */
	} whose[COSTS_MAX + 1];
	unsigned n;
	struct {
		struct cost *cost;
		unsigned whole;		/* of v[] */
	} named[COSTS_NAMES_MAX + 1];
	unsigned n_named;
	__u64 since_ns;
	struct u64map by_hash, by_name;	/* → v[]; → named[] */
	__u64 dropped, nameless;
	/* names of the stack at hand */
	const char *names[MAX_DEPTH];
	char text[MAX_DEPTH][NAME_MAX_LEN];
};

int costs__new(struct costs **out, const struct costs_opts *opts)
{
	struct costs *c = calloc(1, sizeof(*c));

	*out = c;
	if (!c)
		return -ENOMEM;
	c->o = *opts;
	if (!c->o.period_ns)	/* samples are scaled to the exact time: it is only a weight */
		c->o.period_ns = DEFAULT_PERIOD_NS;
	return 0;
}

void costs__free(struct costs *c)
{
	if (!c)
		return;
	for (unsigned i = 0; i < c->n; i++)
		cost__free(c->v[i]);
	for (unsigned i = 0; i < c->n_named; i++)
		cost__free(c->named[i].cost);
	u64map__free(&c->by_hash);
	u64map__free(&c->by_name);
	free(c);
}

void costs__begin(struct costs *c, __u64 start_ns)
{
	c->since_ns = start_ns;
}

/* "line:perf", "exec:ffmpeg" */
static void kind_text(char *buf, size_t sz, const struct unit_row *r)
{
	const char *which = *r->pattern ? r->pattern : r->kind == UNIT_EXEC ? r->comm : "";

	snprintf(buf, sz, "%s%s%s", unit__kind_name(r->kind), *which ? ":" : "", which);
}

static __u64 hash_of(const char *job, const char *kind)
{
	__u64 h = 1;

	for (; *job; job++)
		h = u64_mix(h ^ (unsigned char)*job);
	for (h ^= 0x100; *kind; kind++)
		h = u64_mix(h ^ (unsigned char)*kind);
	return h;
}

/* Few jobs have room for many names, many jobs for few each. */
static unsigned room_for_keys(unsigned n)
{
	return n < 8 ? 2000 : n < 64 ? 500 : 200;
}

static struct cost *make(struct costs *c, __u64 hash, const char *job, const char *kind)
{
	const struct cost_opts opts = { .max_keys = room_for_keys(c->n) };
	struct cost *cost;

	if (cost__new(&cost, job, kind, &opts))
		return NULL;
	if (!u64map__put(&c->by_hash, hash, c->n)) {
		cost__free(cost);
		return NULL;
	}
	c->v[c->n++] = cost;
	return cost;
}

/* Its place in v[]; -ENOMEM. */
static int whole_of(struct costs *c, const struct unit_row *r)
{
	const char *job = c->o.job ? c->o.job(c->o.ctx, r->job, r->cgroup) : "";
	const struct u64map_slot *s;
	char kind[128];
	__u64 hash;

	kind_text(kind, sizeof(kind), r);
	hash = hash_of(job, kind);
	s = u64map__find(&c->by_hash, hash);
	if (!s && c->n >= COSTS_MAX) {
		job = COSTS_REST;
		snprintf(kind, sizeof(kind), "all");
		hash = hash_of(job, kind);
		s = u64map__find(&c->by_hash, hash);
	}
	if (s)
		return s->value;
	c->whose[c->n].job = r->job;
	c->whose[c->n].cgroup = r->cgroup;
	c->whose[c->n].rest = !strcmp(job, COSTS_REST);
	return make(c, hash, job, kind) ? (int)c->n - 1 : -ENOMEM;
}

/* "sim.run" of "sim.run[89a0b393-…]"; false: it is not called so. */
static bool name_of(char *buf, size_t sz, const struct unit_row *r)
{
	size_t len = r->label ? strlen(r->label) : 0, n = r->label ? strcspn(r->label, "[ ") : 0;

	if (!n || n >= sz || n + 2 >= len || r->label[n] != '[' || r->label[len - 1] != ']')
		return false;
	snprintf(buf, sz, "%.*s", (int)n, r->label);
	return true;
}

static unsigned names_of(const struct costs *c, unsigned whole)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n_named; i++)
		n += c->named[i].whole == whole;
	return n;
}

/* The cost of the units of that name; NULL: it has none, or there is no memory for one. */
static struct cost *named_of(struct costs *c, const struct unit_row *r, unsigned whole)
{
	const struct cost_opts opts = { .max_keys = 300 };
	const struct u64map_slot *s;
	char name[96];
	__u64 hash;

	if (!name_of(name, sizeof(name), r))
		return NULL;
	hash = hash_of(name, "") ^ u64_mix(whole + 1);
	s = u64map__find(&c->by_name, hash);
	if (!s && (names_of(c, whole) >= COSTS_NAMES - 1 || c->n_named >= COSTS_NAMES_MAX - 1)) {
		snprintf(name, sizeof(name), COSTS_OTHERS);
		hash = hash_of(name, "") ^ u64_mix(whole + 1);
		s = u64map__find(&c->by_name, hash);
	}
	if (s)
		return c->named[s->value].cost;
	if (c->n_named >= COSTS_NAMES_MAX)
		return NULL;
	if (cost__new(&c->named[c->n_named].cost, cost__job(c->v[whole]), name, &opts))
		return NULL;
	if (!u64map__put(&c->by_name, hash, c->n_named)) {
		cost__free(c->named[c->n_named].cost);
		return NULL;
	}
	c->named[c->n_named].whole = whole;
	return c->named[c->n_named++].cost;
}

/* Where a unit counts: with its kind, and with those of its name.  The number of them, or -ENOMEM. */
static int costs_of(struct costs *c, const struct unit_row *r, struct cost *v[2])
{
	int whole = whole_of(c, r);

	if (whole < 0)
		return whole;
	v[0] = c->v[whole];
	v[1] = named_of(c, r, whole);
	return v[1] ? 2 : 1;
}

static bool has_counters(const struct unit_row *r)
{
	return r->done != ~0ULL && r->total != ~0ULL;
}

int costs__unit(struct costs *c, const struct unit_row *r, __u32 row)
{
	struct cost *v[2];
	char name[96];
	struct cost_unit u = {
		.seq = row,
		.units = r->n,
		.failed = r->failed ? r->n : 0,
		.overlapped = r->overlaps ? r->n : 0,
		.start_ns = r->start_ns,
		.end_ns = r->end_ns,
		.since_ns = c->since_ns,
		.worker = r->tgid,
		.elapsed_ns = r->end_ns - r->start_ns,
		.thread_ns = unit__thread_ns(r),
	};
	int n = costs_of(c, r, v), err = n < 0 ? n : 0;

	memcpy(u.st_ns, r->st_ns, sizeof(u.st_ns));
	c->nameless += n == 1 && name_of(name, sizeof(name), r) ? r->n : 0;
	for (int i = 0; i < n; i++) {
		if (r->has_extra)
			cost__extra(v[i], r->extra);
		err = first_error(err, cost__unit(v[i], &u));
	}
	/* a counter is of all */
	if (n > 0 && has_counters(r))
		cost__estimate(v[0], r->source ? r->source : r->tgid, r->end_ns, r->done, r->total, COST_NO_ESTIMATE);
	return err;
}

void costs__more(struct costs *c, const struct unit_row *r, __u32 row, const __u64 st_ns[WT_STATES],
		 const __u64 extra[UNIT_EXTRAS])
{
	struct cost *v[2];
	int n = costs_of(c, r, v);

	for (int i = 0; i < n; i++) {
		cost__extra(v[i], extra);
		cost__more(v[i], row, st_ns);
	}
}

int costs__requests(struct costs *c, const struct unit_row *r, const struct unit_request *x)
{
	struct cost *v[2];
	int n = costs_of(c, r, v);

	for (int i = 0; i < n; i++)
		cost__requests(v[i], x);
	return n < 0 ? n : 0;
}

int costs__estimate(struct costs *c, const struct unit_row *r, __u64 remaining_ns)
{
	int whole = whole_of(c, r);

	if (whole < 0)
		return whole;
	if (has_counters(r))
		cost__estimate(c->v[whole], r->source ? r->source : r->tgid, r->end_ns, r->done, r->total, remaining_ns);
	return 0;
}

static void add_name(struct costs *c, unsigned *n, const char *name, const char *mark)
{
	if (*n == MAX_DEPTH)
		return;
	snprintf(c->text[*n], NAME_MAX_LEN, "%.*s%s", NAME_MAX_LEN - 8,
		 name && *name ? name : "[unnamed]", mark);
	c->names[*n] = c->text[*n];
	++*n;
}

static int put_stack(struct costs *c, struct cost *cost, __u32 row, const struct ledger_line *line)
{
	const struct ledger_frames *f = &c->o.frames;
	unsigned n = 0;

	for (unsigned i = line->n_ustack; i-- > 0; )
		add_name(c, &n, f->name(f->ctx, line->ustack[i]), "");
	for (unsigned i = line->n_kstack; i-- > 0; )
		add_name(c, &n, f->kernel_name(f->ctx, line->kstack[i]), "_[k]");
	if (!n)
		add_name(c, &n, "[no stack]", "");
	return cost__stack(cost, row, c->names, n, line->count * c->o.period_ns);
}

/* Who had the CPU that was waited for, where it is known. */
static int put_rival(struct costs *c, struct cost *cost, __u32 row, const struct ledger_line *line)
{
	const struct wt_reason *r = ledger__reason(c->o.ledger, line->reason);
	char comm[WT_NAME_LEN + 1];
	__u64 job[2];

	if (!r || !r->n)
		return 0;
	memcpy(job, r->addr, sizeof(job));
	snprintf(comm, sizeof(comm), "%.*s", WT_NAME_LEN, r->name);
	return cost__detail(cost, row, COST_RIVAL, r->n, r->n == WT_RIVAL_OTHER_JOB && c->o.job ?
			    c->o.job(c->o.ctx, job[0], job[1]) : comm, line->ns);
}

/* In which function it waited; whoever waits for work, or for a CPU, waits in none. */
static int put_blocked(struct costs *c, struct cost *cost, __u32 row, const struct ledger_line *line)
{
	const struct ledger_frames *f = &c->o.frames;
	unsigned n = 0;

	if (line->state == WT_IDLE || line->state == WT_STOPPED || line->state == WT_RUNQ ||
	    line->state == WT_THROTTLED)
		return 0;
	for (unsigned i = line->n_ustack; i-- > 0; )
		add_name(c, &n, f->name(f->ctx, line->ustack[i]), "");
	if (!n)
		add_name(c, &n, line->cut == LEDGER_SHED ? "[shed]" : "[no stack]", "");
	return cost__blocked(cost, row, c->names, n, line->ns);
}

static int put_detail(struct costs *c, struct cost *cost, __u32 row, const struct ledger_line *line,
		      const char *object)
{
	int err = 0;

	if (line->state == WT_CPU)
		return put_stack(c, cost, row, line);
	if (line->state == WT_RUNQ)
		err = put_rival(c, cost, row, line);
	err = first_error(err, put_blocked(c, cost, row, line));
	return first_error(err, cost__detail(cost, row, COST_WAIT, line->state, object, line->ns));
}

int costs__detail(struct costs *c, const struct unit_row *r, __u32 row,
		  const struct ledger_line *line, const char *object)
{
	struct cost *v[2];
	int n, err = 0;

	if (!r) {
		c->dropped++;
		return 0;
	}
	n = costs_of(c, r, v);
	if (n < 0)
		return n;
	for (int i = 0; i < n; i++)
		err = first_error(err, put_detail(c, v[i], row, line, object));
	return err;
}

/* A job's name may have come after its first units. */
static int name_jobs(struct costs *c)
{
	for (unsigned i = 0; i < c->n && c->o.job; i++) {
		const char *name = c->o.job(c->o.ctx, c->whose[i].job, c->whose[i].cgroup);
		int err = c->whose[i].rest ? 0 : cost__set_job(c->v[i], name);

		if (err)
			return err;
	}
	return 0;
}

static int by_time(const void *a, const void *b)
{
	const struct judged *x = a, *y = b;
	__u64 p = x->report.t.elapsed_ns, q = y->report.t.elapsed_ns;

	return p != q ? (p > q ? -1 : 1) : strcmp(cost__kind(x->report.cost), cost__kind(y->report.cost));
}

/* The names of that kind, where there is more than one. */
static int judge_names(struct costs *c, unsigned whole, struct judged *j)
{
	struct cost *v[COSTS_NAMES];
	unsigned n = 0;
	int err;

	for (unsigned i = 0; i < c->n_named && n < COSTS_NAMES; i++)
		if (c->named[i].whole == whole)
			v[n++] = c->named[i].cost;
	if (n < 2)
		return 0;
	err = judged__new(&j->parts, v, n);
	if (err)
		return err;
	j->n_parts = n;
	qsort(j->parts, n, sizeof(*j->parts), by_time);
	return 0;
}

int costs__judge(struct costs *c, struct judged **out, unsigned *n)
{
	int err = name_jobs(c);

	*n = 0;
	if (!err)
		err = judged__new(out, c->v, c->n);
	for (unsigned i = 0; i < c->n && !err; i++) {
		err = judge_names(c, i, &(*out)[i]);
		if (err) {
			judged__free(*out, c->n);
			*out = NULL;
		}
	}
	if (!err)
		*n = c->n;
	return err;
}

__u64 costs__nameless(const struct costs *c)
{
	return c->nameless;
}

__u64 costs__dropped(const struct costs *c)
{
	return c->dropped;
}
