/* SPDX-License-Identifier: GPL-2.0-or-later */
/* units_summary.c - summary.json's jobs[]: rates, costs per unit, trend and verdict of each job. */
#include "ledger/text.h"
#include "sinks/units_cost.h"
#include "ledger/ledger.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define TOP 20
#define NEARLY_ALL 0.95

/* What one call makes; lost: memory was out for a value, so the whole is none. */
struct maker {
	bool lost;
	const struct unit_servers *servers;	/* or NULL */
};

static void set(struct maker *m, json_t *o, const char *key, json_t *value)
{
	if (json_object_set_new(o, key, value))
		m->lost = true;
}

static void append(struct maker *m, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value))
		m->lost = true;
}

static json_t *text(const char *s)
{
	char clean[512];

	return json_string(text__clean(clean, sizeof(clean), s, strlen(s), false));
}

static json_t *real(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

static json_t *whole(__u64 n)
{
	return json_integer((json_int_t)n);
}

static json_t *rounded(double ns)
{
	return isfinite(ns) ? json_integer((json_int_t)llround(ns)) : json_null();
}

static json_t *service(struct maker *m, const struct cost_report *r)
{
	json_t *o = json_object();

	set(m, o, "mean", real(r->mean_ns / 1e9));
	set(m, o, "mean_lo", real(r->mean_lo / 1e9));
	set(m, o, "mean_hi", real(r->mean_hi / 1e9));
	set(m, o, "p50", real(r->p50_ns / 1e9));
	set(m, o, "p95", real(r->p95_ns / 1e9));
	set(m, o, "p99", real(r->p99_ns / 1e9));
	set(m, o, "max", real(r->t.max_ns / 1e9));
	return o;
}

static json_t *states(struct maker *m, const struct cost_report *r)
{
	json_t *o = json_object();

	for (unsigned s = 0; s < WT_STATES; s++)
		set(m, o, ledger__state_name(s), rounded(r->st_ns[s]));
	return o;
}

static json_t *backlog(struct maker *m, const struct cost_report *r)
{
	json_t *o;

	if (!r->t.total)
		return json_null();
	o = json_object();
	set(m, o, "done", whole(r->t.done));
	set(m, o, "total", whole(r->t.total));
	set(m, o, "left_s", r->left.known ? real(r->left.ns / 1e9) : json_null());
	set(m, o, "left_lo_s", r->left.bounded ? real(r->left.lo_ns / 1e9) : json_null());
	set(m, o, "left_hi_s", r->left.bounded ? real(r->left.hi_ns / 1e9) : json_null());
	set(m, o, "trend_goes_on", json_boolean(r->left.trended));
	return o;
}

static const char *way_name(enum trend_way way)
{
	static const char *const names[] = { "too_few", "steady", "up", "down" };

	return names[way];
}

static json_t *jump(struct maker *m, const struct trend_jump *j)
{
	json_t *o;

	if (!j->found)
		return json_null();
	o = json_object();
	set(m, o, "unit", rounded(j->x + 1));
	set(m, o, "before_s", real(j->before / 1e9));
	set(m, o, "after_s", real(j->after / 1e9));
	return o;
}

static json_t *trend(struct maker *m, const struct cost_report *r)
{
	const struct trend *t = &r->trend;
	bool told = t->way != TREND_TOO_FEW;
	json_t *o = json_object();

	set(m, o, "way", text(way_name(t->way)));
	set(m, o, "pct_per_1000", told ? real(r->pct) : json_null());
	set(m, o, "lo", told ? real(r->pct_lo) : json_null());
	set(m, o, "hi", told ? real(r->pct_hi) : json_null());
	set(m, o, "factor", told && t->factor > 0 ? real(t->factor) : json_null());
	set(m, o, "first_s", told ? real(t->at_first / 1e9) : json_null());
	set(m, o, "last_s", told ? real(t->at_last / 1e9) : json_null());
	set(m, o, "jump", jump(m, &r->jump));
	set(m, o, "autocorrelation", told ? real(t->phi) : json_null());
	set(m, o, "n_windows", whole(t->n));
	return o;
}

static json_t *verdict(struct maker *m, const struct verdict *v)
{
	json_t *o = json_object(), *lines = json_array();

	for (unsigned i = 0; i < v->n_lines; i++)
		append(m, lines, text(v->line[i]));
	set(m, o, "kind", text(verdict__kind_name(v->kind)));
	set(m, o, "cause", text(verdict__cause_name(v->cause)));
	set(m, o, "state", v->state < WT_STATES ? text(ledger__state_name(v->state)) : json_null());
	set(m, o, "subject", v->subject[0] ? text(v->subject) : json_null());
	set(m, o, "job", v->job[0] ? text(v->job) : json_null());
	set(m, o, "share", real(v->share));
	set(m, o, "text", lines);
	return o;
}

static json_t *own_estimate(struct maker *m, const struct cost_report *r)
{
	const struct cost_own *w = &r->own;
	json_t *o;

	if (!w->n)
		return json_null();
	o = json_object();
	set(m, o, "n", whole(w->n));
	set(m, o, "finished", json_boolean(w->finished));
	set(m, o, "error_pct", real(100 * w->error));
	set(m, o, "error_at_half_pct", real(100 * w->half_error));
	set(m, o, "our_error_pct", real(100 * w->ours));
	set(m, o, "our_error_at_half_pct", real(100 * w->half_ours));
	set(m, o, "promised_end_moved_s", real(w->moved_ns / 1e9));
	set(m, o, "last_left_s", w->last_ns == COST_NO_ESTIMATE ? json_null() : real(w->last_ns / 1e9));
	return o;
}

static double ns_of(const struct cost_report *r, enum cost_kind kind, const struct cost_key *k)
{
	const struct cost_figure *f = cost_report__same(r, kind, k);

	return f ? f->ns : 0;
}

static json_t *growth(struct maker *m, const struct cost_report *r, const struct cost_figure *f)
{
	json_t *o = json_object();
	struct trend t;
	bool told;

	cost_report__trend(r, f->key, &t);
	told = t.way != TREND_TOO_FEW;
	set(m, o, "way", text(way_name(t.way)));
	set(m, o, "ns", rounded(f->growth_ns));
	set(m, o, "lo", told ? rounded(t.lo * r->range) : json_null());
	set(m, o, "hi", told ? rounded(t.hi * r->range) : json_null());
	return o;
}

static json_t *figure(struct maker *m, const struct cost_report *r, const struct cost_figure *f)
{
	json_t *o = json_object();
	char name[256];

	set(m, o, "name", text(cost_figure__name(f, name, sizeof(name))));
	set(m, o, "ns_per_unit", rounded(f->ns));
	set(m, o, "lo", rounded(f->lo));
	set(m, o, "hi", rounded(f->hi));
	set(m, o, "n", whole(r->t.units));
	if (f->key->kind == COST_TOTAL) {
		set(m, o, "self_ns_per_unit", rounded(ns_of(r, COST_SELF, f->key)));
		set(m, o, "blocked_ns_per_unit", rounded(ns_of(r, COST_BLOCKED, f->key)));
	}
	set(m, o, "growth", growth(m, r, f));
	if (f->key->kind == COST_WAIT && f->key->state == WT_NET) {
		const char *server = m->servers ? m->servers->of(m->servers->ctx, f->key->name) : NULL;

		set(m, o, "server", server ? text(server) : json_null());
	}
	return o;
}

static json_t *figures(struct maker *m, const struct cost_report *r, enum cost_kind kind)
{
	const struct cost_figure *f;
	json_t *a = json_array();
	unsigned n;

	f = cost_report__kind(r, kind, &n);
	for (unsigned shown = 0; n-- && shown < TOP; f++) {
		/* the root of all stacks is no news, and a long one would leave no room */
		if ((kind == COST_TOTAL || kind == COST_BLOCKED) &&
		    cost_report__only_calls(r, f, NEARLY_ALL))
			continue;
		append(m, a, figure(m, r, f));
		shown++;
	}
	return a;
}

static json_t *loss(struct maker *m, const struct cost_report *r)
{
	json_t *o = json_object();

	set(m, o, "keys_merged", whole(r->t.keys_merged));
	set(m, o, "orphan_details", whole(r->t.orphans));
	set(m, o, "orphan_ns", whole(r->t.orphan_ns));
	set(m, o, "waiting_details", whole(r->t.waiting));
	return o;
}

/* How long a process had no unit before its next one. */
static json_t *between(struct maker *m, const struct cost_totals *t)
{
	json_t *o = json_object();

	set(m, o, "n", whole(t->gaps));
	set(m, o, "mean", t->gaps ? real(t->gap_ns / 1e9 / t->gaps) : json_null());
	set(m, o, "max", t->gaps ? real(t->max_gap_ns / 1e9) : json_null());
	return o;
}

/* Means over the units; null where the units are of a kind that has no such sums. */
static json_t *extras(struct maker *m, const struct cost_report *r)
{
	static const char *const names[UNIT_EXTRAS] = {
		[UNIT_STEAL_NS] = "steal_ns", [UNIT_IRQ_NS] = "irq_ns", [UNIT_SOFTIRQ_NS] = "softirq_ns",
		[UNIT_MIGRATIONS] = "migrations", [UNIT_READS] = "disk_reads",
		[UNIT_READ_BYTES] = "disk_read_bytes", [UNIT_WRITES] = "disk_writes",
		[UNIT_WRITE_BYTES] = "disk_write_bytes", [UNIT_REQUESTS] = "disk_others",
		[UNIT_REQUESTS_NS] = "disk_requests_ns",
	};
	json_t *o = json_object();

	for (unsigned k = 0; k < UNIT_EXTRAS; k++)
		set(m, o, names[k], r->t.has_extra && r->t.units ? real((double)r->t.extra[k] / (double)r->t.units) : json_null());
	return o;
}

/* The same of each disk. */
static json_t *disks(struct maker *m, const struct cost_report *r)
{
	static const char *const count[] = { "reads", "writes", "others" }, *const bytes[] = { "read_bytes", "write_bytes" };
	const struct disks *names = m->servers ? m->servers->disks : NULL;
	json_t *a = json_array();
	char buf[WT_DISK_LEN];

	for (unsigned i = 0; i < r->t.n_disks && r->t.units; i++) {
		const struct cost_disk *d = &r->t.disks[i];
		double n = r->t.units;
		json_t *o = json_object();

		set(m, o, "device", text(d->dev == OBJECT_NO_DISK ? "[others]" : disks__label(names, d->dev, buf, sizeof(buf))));
		for (unsigned k = 0; k < 3; k++)
			set(m, o, count[k], real(d->count[k] / n));
		for (unsigned k = 0; k < 2; k++)
			set(m, o, bytes[k], real(d->bytes[k] / n));
		set(m, o, "requests_ns", real(d->ns / n));
		append(m, a, o);
	}
	return a;
}

static json_t *units(struct maker *m, const struct judged *j, const char *key);

/* The same of each name that units have. */
static json_t *names(struct maker *m, const struct judged *j)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < j->n_parts; i++)
		append(m, a, units(m, &j->parts[i], "name"));
	return a;
}

/* key: what their costs' kind is. */
static json_t *units(struct maker *m, const struct judged *j, const char *key)
{
	const struct cost_report *r = &j->report;
	json_t *o = json_object();

	set(m, o, key, text(cost__kind(r->cost)));
	set(m, o, "n", whole(r->t.units));
	set(m, o, "records", whole(r->t.records));
	set(m, o, "grouped", whole(r->t.grouped));
	set(m, o, "overlapped", whole(r->t.overlapped));
	set(m, o, "failed", whole(r->t.failed));
	set(m, o, "throughput_per_min", r->per_min > 0 ? real(r->per_min) : json_null());
	set(m, o, "service_s", service(m, r));
	set(m, o, "concurrency", real(r->concurrency));
	set(m, o, "between_units_s", between(m, &r->t));
	set(m, o, "cpus_in_use", real(r->threads[WT_CPU]));
	set(m, o, "waiting_for_cpu", real(r->threads[WT_RUNQ]));
	set(m, o, "throttled", real(r->threads[WT_THROTTLED]));
	set(m, o, "cpu_ns_per_unit", rounded(r->st_ns[WT_CPU]));
	set(m, o, "thread_ns_per_unit", rounded(r->thread_ns));
	set(m, o, "states_ns_per_unit", states(m, r));
	set(m, o, "per_unit", extras(m, r));
	set(m, o, "disks", disks(m, r));
	set(m, o, "backlog", backlog(m, r));
	set(m, o, "trend", trend(m, r));
	set(m, o, "verdict", verdict(m, &j->verdict));
	set(m, o, "own_estimate", own_estimate(m, r));
	set(m, o, "functions", figures(m, r, COST_TOTAL));
	set(m, o, "blocked", figures(m, r, COST_BLOCKED));
	set(m, o, "waits", figures(m, r, COST_WAIT));
	set(m, o, "rivals", figures(m, r, COST_RIVAL));
	set(m, o, "loss", loss(m, r));
	if (j->n_parts)
		set(m, o, "names", names(m, j));
	return o;
}

/* The entry of that job in an array of jobs, made if there is none; borrowed. */
static json_t *entry_of(struct maker *m, json_t *jobs, const char *job)
{
	json_t *name = text(job), *entry;
	size_t i;

	json_array_foreach(jobs, i, entry) {
		if (!json_equal(json_object_get(entry, "job"), name))
			continue;
		json_decref(name);
		return entry;
	}
	/* none of its threads' records came through */
	entry = json_pack("{s:o, s:i, s:i, s:i, s:i, s:i}", "job", name, "processes", 0,
			  "threads", 0, "elapsed_ns", 0, "thread_ns", 0, "work_ns", 0);
	append(m, jobs, entry);
	return entry;
}

int sink_units_json(const struct judged *j, unsigned n, const struct unit_servers *servers, json_t *summary)
{
	json_t *jobs = json_object_get(summary, "jobs");
	struct maker m = { .servers = servers };

	if (!jobs) {
		jobs = json_array();
		set(&m, summary, "jobs", jobs);
	}
	for (unsigned i = 0; i < n && !m.lost; i++) {
		json_t *entry = entry_of(&m, jobs, cost__job(j[i].report.cost)), *kinds;

		if (m.lost)
			break;
		kinds = json_object_get(entry, "units");
		if (!kinds) {
			kinds = json_array();
			set(&m, entry, "units", kinds);
		}
		if (!m.lost)
			append(&m, kinds, units(&m, &j[i], "kind"));
	}
	return m.lost ? -ENOMEM : 0;
}
