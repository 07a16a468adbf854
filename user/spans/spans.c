/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spans/spans.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/hist.h"
#include "loader/spans.h"
#include "spans/binary.h"
#include "symbols/symbols.h"
#include "util/clock.h"
#include "util/log.h"

#define LIMIT_WINDOW_NS (200 * NSEC_PER_MSEC)
#define NAMES_ROW "[thread names]"


struct span {
	const struct span_spec *spec;
	struct binary_files files;
	struct span_places places[BINARY_FILES];	/* one for each file */
	__u64 open;			/* they lasted when the recording ended */
	__u64 window_ns, window_hits;	/* of the busiest CPU, when the window began */
	unsigned probes;
	/* its probes were taken away then; what was open has no end that anybody sees */
	bool limited;
	__u64 limited_ns;
	struct wt_span_total final;
};

struct spans {
	const struct options *o;
	struct tracer *tracer;		/* NULL: not attached */
	struct span_probes *probes;	/* NULL: the same */
	struct span span[WT_MAX_SPANS + 1];	/* by number; [0] are the names of threads */
	struct span_row row[WT_MAX_SPANS + 1];
	unsigned n;
	span_done_fn done;
	void *done_ctx;
};

static int find_span(struct span *sp, bool return_probe, const struct binary_search *search)
{
	const struct span_spec *spec = sp->spec;
	int err = binary_files__find(spec->binary, spec->name, search, &sp->files);

	for (unsigned i = 0; i < sp->files.n && !err; i++) {
		const struct binary_file *f = &sp->files.v[i];

		err = span_resolve(spec, return_probe, f->fd, f->path, f->path, &sp->places[i]);
	}
	return err;
}

int spans__new(struct spans **out, const struct options *o, const struct target *t,
	       const char *command)
{
	const struct binary_search search = {
		.t = command ? NULL : t, .command = command, .later = !o->n_pids,
	};
	struct spans *s = calloc(1, sizeof(*s));
	int err = 0;

	*out = NULL;
	if (!s)
		return wt_error(-ENOMEM, "cannot start");
	s->o = o;
	s->n = o->n_spans;
	for (unsigned i = 1; i <= s->n && !err; i++) {
		s->span[i].spec = &o->spans[i - 1];
		err = find_span(&s->span[i], o->return_probes, &search);
	}
	if (err) {
		spans__free(s);
		return err;
	}
	*out = s;
	return 0;
}

void spans__free(struct spans *s)
{
	if (!s)
		return;
	span_probes__free(s->probes);
	for (unsigned i = 1; i <= s->n; i++) {
		for (unsigned k = 0; k < s->span[i].files.n; k++)
			span_places__free(&s->span[i].places[k]);
		binary_files__free(&s->span[i].files);
	}
	free(s);
}

void spans__on_done(struct spans *s, span_done_fn fn, void *ctx)
{
	s->done = fn;
	s->done_ctx = ctx;
}

int spans__attach(struct spans *s, struct tracer *t)
{
	int err = span_probes__new(&s->probes, t);

	s->tracer = t;
	for (unsigned i = 1; i <= s->n && !err; i++) {
		struct span *sp = &s->span[i];

		for (unsigned k = 0; k < sp->files.n && !err; k++)
			err = span_probes__attach(s->probes, i, sp->files.v[k].fd, &sp->places[k],
						  sp->spec->name, sp->files.v[k].path);
		sp->probes = span_probes__count(s->probes, i);
	}
	return err;
}

/* Another file of that name: another container's, a wheel's, one that was installed just now. */
static void add_late(struct spans *s, __u32 number, const struct symbols_mmap *m)
{
	struct span *sp = &s->span[number];
	struct span_places *places = &sp->places[sp->files.n];
	const struct binary_file *f = &sp->files.v[sp->files.n];
	int fd;

	if (sp->limited || sp->files.n == BINARY_FILES || !tracer__has(s->tracer, m->tgid))
		return;
	fd = binary__open_mapped(m->tgid, m->start, m->start + m->len);
	if (fd < 0 || binary_files__add(&sp->files, fd, m->path) != 1)
		return;
	if (span_resolve(sp->spec, s->o->return_probes, f->fd, f->path, f->path, places) ||
	    span_probes__attach(s->probes, number, f->fd, places, sp->spec->name, f->path))
		wt_warn("span %s: calls in this copy of %s are not seen", sp->spec->name, sp->spec->binary);
	sp->probes = span_probes__count(s->probes, number);
}

void spans__on_mapping(struct spans *s, const struct symbols_mmap *m)
{
	if (!s->probes || *m->path != '/')
		return;
	for (unsigned i = 1; i <= s->n; i++)
		if (binary__matches(s->span[i].spec->binary, m->path))
			add_late(s, i, m);
}

int spans__put(struct spans *s, const void *data, size_t size)
{
	const struct wt_ev_span *e = data;
	struct span_done d = { .ev = e };

	if (size < sizeof(*e) || e->span > s->n)
		return 0;
	if (s->span[e->span].limited && e->end_ns > s->span[e->span].limited_ns)
		return 0;
	if (e->flags & WT_SPAN_F_OPEN)
		s->span[e->span].open++;
	if (e->span)
		d.name = s->span[e->span].spec->name;
	return s->done ? s->done(s->done_ctx, &d) : 0;
}

/* Over the limit for a whole window, a span costs the program more than it tells. */
static void limit(struct spans *s, __u32 number, __u64 now)
{
	struct span *sp = &s->span[number];
	struct wt_span_total total;
	__u64 busiest, passed;
	double rate;

	if (sp->limited || span_probes__total(s->probes, number, &total, &busiest))
		return;
	passed = now - sp->window_ns;
	if (!sp->window_ns) {
		sp->window_ns = now;
		sp->window_hits = busiest;
		return;
	}
	rate = (double)(busiest - sp->window_hits) * NSEC_PER_SEC / (double)passed;
	/* what would be over the limit in a whole window is known before it has passed */
	if (passed < LIMIT_WINDOW_NS &&
	    (double)(busiest - sp->window_hits) * NSEC_PER_SEC <= (double)s->o->span_limit * LIMIT_WINDOW_NS)
		return;
	if (rate > s->o->span_limit) {
		span_probes__detach(s->probes, number);
		sp->limited = !span_probes__total(s->probes, number, &sp->final, &busiest);
		sp->limited_ns = now_ns();
		wt_warn("span %s: %.0f hits a second on one CPU are more than --span-limit %u; its probes were "
			"taken away, what it recorded until now stays", sp->spec->name, rate,
			s->o->span_limit);
	}
	sp->window_ns = now;
	sp->window_hits = busiest;
}

void spans__tick(struct spans *s, __u64 now_ns)
{
	if (!s->probes || !s->o->span_limit)
		return;
	for (unsigned i = 1; i <= s->n; i++)
		limit(s, i, now_ns);
}

static void percentiles(struct span_row *r, const struct wt_span_total *t)
{
	struct hist_cell cell[WT_BUCKETS];

	for (unsigned i = 0; i < WT_BUCKETS; i++)
		cell[i] = (struct hist_cell){ i, t->bucket[i] };
	r->p50_ns = hist__percentile(cell, WT_BUCKETS, 50, t->max_ns);
	r->p95_ns = hist__percentile(cell, WT_BUCKETS, 95, t->max_ns);
	r->p99_ns = hist__percentile(cell, WT_BUCKETS, 99, t->max_ns);
}

/* What the first file that has it calls it. */
static const struct span_places *first_places(const struct span *sp)
{
	for (unsigned i = 0; i < sp->files.n; i++)
		if (sp->places[i].n)
			return &sp->places[i];
	return &sp->places[0];
}

static void fill_row(struct spans *s, __u32 number, struct span_row *r)
{
	const struct span *sp = &s->span[number];
	struct wt_span_total t;
	__u64 busiest;

	memset(r, 0, sizeof(*r));
	r->name = sp->spec ? sp->spec->name : NAMES_ROW;
	r->what = first_places(sp)->name;
	r->method = number ? first_places(sp)->method : SPAN_BY_NAME;
	r->files = sp->files.n;
	r->open = sp->open;
	r->probes = sp->probes;
	r->rate_limited = sp->limited;
	if (sp->limited)
		t = sp->final;
	else if (!s->probes || span_probes__total(s->probes, number, &t, &busiest))
		return;
	r->count = t.count;
	r->recursive = t.recursive;
	r->abandoned = t.abandoned;
	r->unmatched = t.unmatched;
	r->hits = t.hits;
	r->total_ns = t.total_ns;
	r->max_ns = t.max_ns;
	memcpy(r->st_ns, t.st_ns, sizeof(r->st_ns));
	percentiles(r, &t);
}

const struct span_row *spans__rows(struct spans *s, unsigned *n)
{
	unsigned k = 0;

	for (unsigned i = 1; i <= s->n; i++)
		fill_row(s, i, &s->row[k++]);
	if (s->o->thread_names)
		fill_row(s, 0, &s->row[k++]);
	*n = k;
	return s->row;
}
