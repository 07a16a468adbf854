/* SPDX-License-Identifier: GPL-2.0-or-later */
/* units_terminal.c - the section UNITS: how many, how fast, what one costs, and the verdict. */
#include "ledger/ledger.h"
#include "ledger/text.h"
#include "sinks/csv.h"
#include "sinks/human.h"
#include "sinks/units_cost.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOP 5			/* waits of a job */
#define TOP_FUNCTIONS 8
#define TOP_JOBS 8
#define CANDIDATES 100		/* functions that are looked at */
#define PASSES 0.05		/* a function that spends so little of its time itself … */
#define ONE 0.7			/* … and so much in one that it calls, only calls: main() */
#define SAME 0.8
#define WAITING 0.1		/* threads that wait for a CPU, on average: worth a line */
#define IDLE_SHARE 0.05		/* of the time without a unit: likewise */
#define SMALL 0.02		/* of a unit: not worth a line */
#define TAKEN 0.01		/* of CPU time that was others': worth one */

static const char *ns_text(char *buf, size_t sz, double ns)
{
	return isfinite(ns) && ns >= 0 ? human_ns(buf, sz, (__u64)(ns + 0.5)) : "-";
}

static const char *rate_text(char *buf, size_t sz, double per_min)
{
	if (per_min <= 0)
		return "-";
	snprintf(buf, sz, per_min < 10 ? "%.2f" : per_min < 100 ? "%.1f" : "%.0f", per_min);
	return buf;
}

static void name_text(char *buf, size_t sz, const struct cost *c)
{
	char job[96], kind[64];

	text__clean(job, sizeof(job), cost__job(c), strlen(cost__job(c)), false);
	text__clean(kind, sizeof(kind), cost__kind(c), strlen(cost__kind(c)), false);
	snprintf(buf, sz, "%s, %s", job[0] ? job : "no job", kind);
}

static void numbers(const struct cost_report *r, FILE *f)
{
	char buf[32];

	human_cell(f, human_count(buf, sizeof(buf), r->t.units), 11);
	human_cell(f, rate_text(buf, sizeof(buf), r->per_min), 9);
	human_cell(f, ns_text(buf, sizeof(buf), r->mean_ns), 10);
	human_cell(f, ns_text(buf, sizeof(buf), r->p50_ns), 10);
	human_cell(f, ns_text(buf, sizeof(buf), r->p95_ns), 10);
	human_cell(f, ns_text(buf, sizeof(buf), r->p99_ns), 10);
	human_cell(f, ns_text(buf, sizeof(buf), r->st_ns[WT_CPU]), 10);
	snprintf(buf, sizeof(buf), "%.2f", r->concurrency);
	human_cell(f, buf, 8);
	fputs("\n", f);
}

static void row(const struct cost_report *r, FILE *f)
{
	char name[192];

	name_text(name, sizeof(name), r->cost);
	fprintf(f, "  %s\n", name);
	numbers(r, f);
}

static const char *figure_name(const struct cost_figure *v, char *clean, size_t sz)
{
	char name[256];

	cost_figure__name(v, name, sizeof(name));
	return text__clean(clean, sz, name, strlen(name), false);
}

static void interval(const struct cost_figure *v, FILE *f)
{
	char ns[32], lo[32], hi[32];

	human_cell(f, ns_text(ns, sizeof(ns), v->ns), 11);
	if (isfinite(v->lo))
		fprintf(f, "  (%s … %s)", ns_text(lo, sizeof(lo), v->lo), ns_text(hi, sizeof(hi), v->hi));
}

static double work_ns(const struct cost_report *r)
{
	return r->thread_ns - r->st_ns[WT_IDLE] - r->st_ns[WT_STOPPED] - cost_report__told_ns(r);
}

/* "lock 61.7 s, runq 17.2 s, cpu 2.53 s": the states that matter, largest first. */
static void mix(const struct cost_report *r, const char *indent, FILE *f)
{
	bool done[WT_STATES] = { false };
	char ns[32];

	for (unsigned k = 0; k < WT_STATES; k++) {
		unsigned top = 0;

		for (unsigned s = 1; s < WT_STATES; s++)
			if (done[top] || (!done[s] && r->st_ns[s] > r->st_ns[top]))
				top = s;
		if (done[top] || r->st_ns[top] < SMALL * r->thread_ns || r->st_ns[top] <= 0)
			break;
		done[top] = true;
		fprintf(f, "%s%s%s %s", k ? "" : indent, k ? ", " : "thread time of one: ", ledger__state_name(top),
			ns_text(ns, sizeof(ns), r->st_ns[top]));
	}
	if (r->thread_ns > 0)
		fputs("\n", f);
}

/* Why more at once would be no faster, or why less is done than could be. */
static void occupancy(const struct cost_report *r, FILE *f)
{
	const struct cost_totals *t = &r->t;
	char gap[32], most[32];

	if (r->threads[WT_RUNQ] + r->threads[WT_THROTTLED] >= WAITING) {
		fprintf(f, "    all together: %.2f CPUs in use on average", r->threads[WT_CPU]);
		if (r->threads[WT_RUNQ] >= WAITING)
			fprintf(f, ", %.2f threads waiting for one", r->threads[WT_RUNQ]);
		if (r->threads[WT_THROTTLED] >= WAITING)
			fprintf(f, ", %.2f held back by a quota", r->threads[WT_THROTTLED]);
		fputs("\n", f);
	}
	if (t->gaps && t->gap_ns >= IDLE_SHARE * (t->gap_ns + t->elapsed_ns))
		fprintf(f, "    a process had no unit for %.0f %% of the time: %s between two, at most %s\n",
			100.0 * t->gap_ns / (t->gap_ns + t->elapsed_ns),
			ns_text(gap, sizeof(gap), (double)t->gap_ns / t->gaps),
			ns_text(most, sizeof(most), t->max_gap_ns));
}

/* What a unit asked of disks, and what of its CPU time was others'. */
static void extras(const struct cost_report *r, FILE *f)
{
	const __u64 *x = r->t.extra;
	double n = r->t.units, cpu = r->st_ns[WT_CPU] * n, taken;
	char a[32], b[32], ns[32];

	if (!r->t.has_extra || !r->t.units)
		return;
	if (x[UNIT_READS] + x[UNIT_WRITES] + x[UNIT_REQUESTS])
		fprintf(f, "    asks of disks, a unit: %.1f reads (%s), %.1f writes (%s), %.1f others; "
			"they took %s\n",
			x[UNIT_READS] / n, human_bytes(a, sizeof(a), x[UNIT_READ_BYTES] / n),
			x[UNIT_WRITES] / n, human_bytes(b, sizeof(b), x[UNIT_WRITE_BYTES] / n),
			x[UNIT_REQUESTS] / n, ns_text(ns, sizeof(ns), x[UNIT_REQUESTS_NS] / n));
	taken = x[UNIT_STEAL_NS] + x[UNIT_IRQ_NS] + x[UNIT_SOFTIRQ_NS];
	if (taken > TAKEN * cpu)
		fprintf(f, "    not its own, of its CPU time: %s by the hypervisor, %s in interrupts, a unit\n",
			ns_text(a, sizeof(a), x[UNIT_STEAL_NS] / n),
			ns_text(b, sizeof(b), (x[UNIT_IRQ_NS] + x[UNIT_SOFTIRQ_NS]) / n));
}

/* "net postgres 127.0.0.1:5432" */
static const char *wait_name(const struct cost_figure *v, const struct unit_servers *servers, char *clean, size_t sz)
{
	const char *server = servers && v->key->state == WT_NET ? servers->of(servers->ctx, v->key->name) : NULL;
	char name[256];

	if (!server)
		return figure_name(v, clean, sz);
	snprintf(name, sizeof(name), "%s %s %s", ledger__state_name(v->key->state), server, v->key->name);
	return text__clean(clean, sz, name, strlen(name), false);
}

static void waits(const struct cost_report *r, const struct unit_servers *servers, FILE *f)
{
	const struct cost_figure *v;
	double of_ns = work_ns(r) - r->st_ns[WT_CHILD];
	unsigned n, shown = 0;
	char name[256], share[32];

	v = cost_report__kind(r, COST_WAIT, &n);
	for (; n-- && shown < TOP; v++) {
		if (v->key->state == WT_IDLE || v->ns < SMALL * work_ns(r))
			continue;
		if (!shown++)
			fputs("    waits, per unit (95 % interval), of its work without waiting for children:\n", f);
		fputs("      ", f);
		human_label(f, wait_name(v, servers, name, sizeof(name)), 44);
		human_cell(f, v->key->state == WT_CHILD || cost_key__is_told(v->key) || of_ns <= 0 ? "-" :
			   human_share(share, sizeof(share), (__u64)v->ns, (__u64)of_ns), 8);
		interval(v, f);
		fputs("\n", f);
	}
}

/* A function with its time on a CPU and its time of waiting; either may be NULL. */
struct function {
	const struct cost_figure *cpu, *blocked, *self;
	double ns;
};

static const struct cost_key *key_of(const struct function *f)
{
	return f->cpu ? f->cpu->key : f->blocked->key;
}

static int by_ns(const void *a, const void *b)
{
	const struct function *x = a, *y = b;

	return x->ns != y->ns ? (x->ns > y->ns ? -1 : 1) : strcmp(key_of(x)->name, key_of(y)->name);
}

/* The largest of both kinds, each function once, largest first. */
static unsigned collect(const struct cost_report *r, struct function *v)
{
	const struct cost_figure *f;
	unsigned n, m = 0;

	f = cost_report__kind(r, COST_TOTAL, &n);
	for (unsigned i = 0; i < n && i < CANDIDATES; i++)
		v[m++] = (struct function){ &f[i], cost_report__same(r, COST_BLOCKED, f[i].key),
					    cost_report__same(r, COST_SELF, f[i].key), 0 };
	f = cost_report__kind(r, COST_BLOCKED, &n);
	for (unsigned i = 0; i < n && i < CANDIDATES; i++)
		if (!cost_report__same(r, COST_TOTAL, f[i].key))
			v[m++] = (struct function){ NULL, &f[i], NULL, 0 };
	for (unsigned i = 0; i < m; i++)
		v[i].ns = (v[i].cpu ? v[i].cpu->ns : 0) + (v[i].blocked ? v[i].blocked->ns : 0);
	qsort(v, m, sizeof(*v), by_ns);
	return m;
}

/* What i mostly does, computing or waiting, k does nearly as much: it may be all in k. */
static bool may_hold(const struct function *k, const struct function *i)
{
	bool computes = i->cpu && 2 * i->cpu->ns >= i->ns;
	const struct cost_figure *of = computes ? i->cpu : i->blocked, *in = computes ? k->cpu : k->blocked;

	return in && in->ns >= ONE * of->ns;
}

/*
 * Of no interest to who wants to know which part of a program costs what: the kernel's,
 * and what spends next to nothing itself and most of it below one other that is as near.
 */
static bool is_dull(const struct cost_report *r, const struct function *v, unsigned n, unsigned i)
{
	int near = cost_report__closeness(r, key_of(&v[i]));

	if (!near || v[i].ns < SMALL * work_ns(r))
		return true;
	if (v[i].self && v[i].self->ns >= PASSES * v[i].ns)
		return false;
	for (unsigned k = 0; k < n && v[k].ns >= ONE * v[i].ns; k++)
		if (k != i && may_hold(&v[k], &v[i]) && cost_report__closeness(r, key_of(&v[k])) >= near &&
		    cost_key__depth(key_of(&v[k])) > cost_key__depth(key_of(&v[i])))
			return true;
	return false;
}

/* Machinery in which nearly all of one function of the program's language is: that one is shown. */
static bool is_told(const struct cost_report *r, const struct function *v, unsigned n, unsigned i)
{
	if (cost_report__closeness(r, key_of(&v[i])) > 1)
		return false;
	for (unsigned k = 0; k < n && v[k].ns >= v[i].ns; k++)
		if (k != i && cost_report__closeness(r, key_of(&v[k])) > 1 &&
		    v[i].ns >= SAME * v[k].ns && !is_dull(r, v, n, k))
			return true;
	return false;
}

static void functions(const struct cost_report *r, FILE *f)
{
	struct function v[2 * CANDIDATES];
	unsigned n = collect(r, v), shown = 0;
	char name[256], ns[32];

	for (unsigned i = 0; i < n && shown < TOP_FUNCTIONS; i++) {
		const struct cost_figure *any = v[i].cpu ? v[i].cpu : v[i].blocked;

		if (is_dull(r, v, n, i) || is_told(r, v, n, i))
			continue;
		if (!shown++)
			fputs("    functions with what they call, per unit:           waiting        cpu"
			      " (95 % interval)\n", f);
		fputs("      ", f);
		human_label(f, figure_name(any, name, sizeof(name)), 44);
		human_cell(f, v[i].blocked ? ns_text(ns, sizeof(ns), v[i].blocked->ns) : "-", 11);
		if (v[i].cpu)
			interval(v[i].cpu, f);
		else
			human_cell(f, "-", 11);
		fputs("\n", f);
	}
}

static void backlog(const struct cost_report *r, FILE *f)
{
	const struct forecast *l = &r->left;
	char ns[32], lo[32], hi[32];

	if (!r->t.total)
		return;
	fprintf(f, "    %llu of %llu done", r->t.done, r->t.total);
	if (l->known)
		fprintf(f, ", about %s left", ns_text(ns, sizeof(ns), l->ns));
	if (l->bounded)
		fprintf(f, " (%s … %s)", ns_text(lo, sizeof(lo), l->lo_ns), ns_text(hi, sizeof(hi), l->hi_ns));
	fprintf(f, "%s\n", !l->known ? "" : l->trended ? " if the trend goes on" : " at this pace");
}

static const char *sign_text(double error)
{
	return error < 0 ? "too short" : "too long";
}

static void accuracy(const struct cost_own *o, char *buf, size_t sz)
{
	int len = snprintf(buf, sz, "its own estimates of what is left were %.0f %% %s (median of %u)",
			   100 * fabs(o->error), sign_text(o->error), o->n);

	if (isfinite(o->half_error) && len < (int)sz)
		len += snprintf(buf + len, sz - len, ", half-way %.0f %% %s", 100 * fabs(o->half_error),
				sign_text(o->half_error));
	if (isfinite(o->ours) && len < (int)sz)
		snprintf(buf + len, sz - len, "; ours at the same instants %.0f %% %s",
			 100 * fabs(o->ours), sign_text(o->ours));
}

bool units_estimate_text(const struct cost_report *r, char *buf, size_t sz)
{
	const struct cost_own *o = &r->own;
	char left[32], moved[32];
	int len = 0;

	buf[0] = '\0';
	if (o->n && o->finished && isfinite(o->error)) {
		accuracy(o, buf, sz);
		return true;
	}
	if (o->finished || o->last_ns == COST_NO_ESTIMATE)
		return false;
	len = snprintf(buf, sz, "its own estimate says %s left", ns_text(left, sizeof(left), o->last_ns));
	/* how right it will be is not known; how much it changed its mind is */
	if (o->n > 1 && len < (int)sz)
		snprintf(buf + len, sz - len, "; the end it promises moved by %s%s since its first",
			 o->moved_ns < 0 ? "-" : "+", ns_text(moved, sizeof(moved), fabs(o->moved_ns)));
	return true;
}

static void notes(const struct judged *j, const struct unit_servers *servers, FILE *f, bool colour)
{
	const struct cost_report *r = &j->report;
	const struct verdict *v = &j->verdict;
	bool alarm = v->kind == VERDICT_DEGRADING || v->kind == VERDICT_INTERFERENCE;
	char buf[320];

	for (unsigned i = 0; i < v->n_lines; i++) {
		text__clean(buf, sizeof(buf), v->line[i], strlen(v->line[i]), false);
		fprintf(f, colour && alarm && !i ? "    \033[31m%s\033[0m\n" : "    %s\n", buf);
	}
	if (r->t.failed)
		fprintf(f, "    %llu of %llu failed\n", r->t.failed, r->t.units);
	backlog(r, f);
	if (units_estimate_text(r, buf, sizeof(buf)))
		fprintf(f, "    %s\n", buf);
	if (r->t.grouped)
		fprintf(f, "    %llu units came in records of several: their percentiles are those of means\n",
			r->t.grouped);
	if (r->t.overlapped)
		fprintf(f, "    %llu units overlapped others of their thread, or of nobody knows which: the thread time of one of\n"
			"      them, its CPU time with it, is an estimate; the mean is not\n", r->t.overlapped);
	if (r->t.keys_merged)
		fprintf(f, "    %llu small functions and objects are summed as [other]\n", r->t.keys_merged);
	if (r->t.orphans)
		fprintf(f, "    lost: %llu details found no place to wait for their unit\n", r->t.orphans);
	mix(r, "    ", f);
	occupancy(r, f);
	extras(r, f);
	functions(r, f);
	waits(r, servers, f);
}

/* What a job does by several names: each with the same numbers. */
static void parts(const struct judged *j, FILE *f)
{
	char name[96], buf[320];

	if (j->n_parts)
		fputs("    of these, by name:\n", f);
	for (unsigned i = 0; i < j->n_parts; i++) {
		const struct judged *p = &j->parts[i];
		const char *kind = cost__kind(p->report.cost);

		fprintf(f, "      %s", text__clean(name, sizeof(name), kind, strlen(kind), false));
		if (p->report.t.failed)
			fprintf(f, ", %llu failed", p->report.t.failed);
		fputs("\n", f);
		numbers(&p->report, f);
		if (p->verdict.n_lines && p->verdict.kind != VERDICT_TOO_FEW) {
			text__clean(buf, sizeof(buf), p->verdict.line[0], strlen(p->verdict.line[0]), false);
			fprintf(f, "      %s\n", buf);
		}
		mix(&p->report, "      ", f);
	}
}

static int by_time(const void *a, const void *b)
{
	const struct judged *x = *(const struct judged *const *)a, *y = *(const struct judged *const *)b;
	__u64 p = x->report.t.elapsed_ns, q = y->report.t.elapsed_ns;

	return p != q ? (p > q ? -1 : 1) : x > y ? 1 : -1;
}

int sink_units_terminal(const struct judged *j, unsigned n, const struct unit_servers *servers, FILE *f,
			bool colour)
{
	const struct judged **v;

	if (!n)
		return 0;
	v = calloc(n, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++)
		v[i] = &j[i];
	qsort(v, n, sizeof(*v), by_time);
	fprintf(f, colour ? "\n\033[1m%s\033[0m\n" : "\n%s\n", "UNITS");
	fputs("  job\n      units  per min      mean       p50       p95       p99  cpu/unit at once\n", f);
	for (unsigned i = 0; i < n && i < TOP_JOBS; i++) {
		row(&v[i]->report, f);
		notes(v[i], servers, f, colour);
		parts(v[i], f);
	}
	if (n > TOP_JOBS)
		fprintf(f, "  … and %u more: see summary.json\n", n - TOP_JOBS);
	free(v);
	return sink_result(f);
}
