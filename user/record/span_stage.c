/* SPDX-License-Identifier: GPL-2.0-or-later */
/* span_stage.c - spans in a session: looked up early, probed last, each a unit of work. */
#include "record/session.h"

#include <string.h>
#include <sys/resource.h>

static int on_event(void *arg, const void *data, size_t size)
{
	return spans__put(arg, data, size);
}

/* A span is a unit; one that lasts at the end of the recording is none yet. */
static int put_unit(void *ctx, const struct span_done *d)
{
	const struct wt_ev_span *e = d->ev;
	const char *label = d->name ? d->name : e->name;
	struct session *s = ctx;
	struct unit_row row = {
		.kind = d->name ? UNIT_SPAN : UNIT_THREAD_NAME, .pattern = d->name ? d->name : "",
		.label = label, .job = e->job, .cgroup = e->cgroup, .tgid = e->tgid, .n = 1, .batched = 1,
		.done = ~0ULL, .total = ~0ULL, .start_ns = e->start_ns, .end_ns = e->end_ns,
	};

	if (!s->units || (e->flags & WT_SPAN_F_OPEN))
		return 0;
	memcpy(row.st_ns, e->st_ns, sizeof(row.st_ns));
	return units__put(s->units, &row, NULL, 0);
}

int session__open_spans(struct session *s)
{
	const struct options *o = s->o;
	int err;

	if (!o->n_spans && !o->thread_names)
		return 0;
	err = spans__new(&s->spans, o, s->target, o->command ? o->command[0] : NULL);
	if (!err)
		spans__on_done(s->spans, put_unit, s);
	return err;
}

static void on_mapping(void *ctx, const struct symbols_mmap *m)
{
	spans__on_mapping(ctx, m);
}

/*
 * Probes on a hot function hold up the program until they are taken away.  Where all CPUs are
 * busy, with its own threads above all, this thread must not wait for its turn to do so.  The
 * command, if there is one, was forked before; where it is refused nothing is lost but that.
 */
#define URGENT (-15)

static void be_urgent(const struct session *s)
{
	if (s->o->n_spans && s->o->span_limit)
		setpriority(PRIO_PROCESS, 0, URGENT);
}

int session__attach_spans(struct session *s)
{
	if (!s->spans)
		return 0;
	be_urgent(s);
	drain__on_span(s->drain, on_event, s->spans);
	symbols__on_mapping(s->symbols, on_mapping, s->spans);
	return spans__attach(s->spans, s->tracer);
}

void session__describe_spans(struct session *s, struct recording *r)
{
	if (s->spans)
		r->spans = spans__rows(s->spans, &r->n_spans);
}
