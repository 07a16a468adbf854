/* SPDX-License-Identifier: GPL-2.0-or-later */
/* summary.c - summary.json: totals, balance, audit, what was lost. */
#include "ledger/text.h"
#include "sinks/csv.h"
#include "sinks/job_totals.h"
#include "sinks/devices.h"
#include "sinks/recording.h"
#include "sinks/system_json.h"
#include "sinks/transcodes.h"
#include "units/execs.h"
#include "sinks/unit_servers.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#define SUMMARY_SCHEMA 1
#define SUMMARY_INDENT 2

/* Set when memory was out for one of the values; a summary with holes is none. */
static bool incomplete;

static void set(json_t *o, const char *key, json_t *value)
{
	if (json_object_set_new(o, key, value))
		incomplete = true;
}

/* JSON strings are UTF-8; a host's name need not be. */
static json_t *text_json(const char *text)
{
	char clean[512];

	if (!text)
		return json_null();
	return json_string(text__clean(clean, sizeof(clean), text, strlen(text), false));
}

static json_t *ns_json(__u64 ns)
{
	return json_integer((json_int_t)ns);
}

static json_t *real_json(double x)
{
	return isfinite(x) ? json_real(x) : json_null();
}

static json_t *utc_json(__u64 ns, __s64 offset_ns)
{
	char text[64];

	return json_string(sink_utc(text, sizeof(text), ns, offset_ns));
}

static json_t *states_json(const struct ledger_totals *t)
{
	json_t *states = json_object();

	for (unsigned s = 0; s < WT_STATES; s++) {
		json_t *o = json_object();

		set(o, "ns", ns_json(t->st_ns[s]));
		if (s == WT_CPU) {
			set(o, "user_ns", ns_json(t->user_ns));
			set(o, "sys_ns", ns_json(t->sys_ns));
			set(o, "steal_ns", ns_json(t->taken.steal_ns));
			set(o, "irq_ns", ns_json(t->taken.irq_ns));
			set(o, "softirq_ns", ns_json(t->taken.softirq_ns));
		} else if (s == WT_RUNQ) {
			set(o, "wakeup_ns", ns_json(t->wakeup_ns));
			set(o, "preempt_ns", ns_json(t->preempt_ns));
		}
		set(o, "unattributed_ns", ns_json(t->unattributed_st_ns[s]));
		set(states, ledger__state_name(s), o);
	}
	return states;
}

static json_t *ledger_json(const struct ledger_totals *t)
{
	json_t *o = json_object();

	set(o, "threads", ns_json(t->threads));
	set(o, "processes", ns_json(t->processes));
	set(o, "folded_threads", ns_json(t->folded_threads));
	set(o, "wall_ns", ns_json(t->wall_ns));
	set(o, "accounted_ns", ns_json(t->accounted_ns));
	set(o, "residual_ns", json_integer(t->residual_ns));
	set(o, "migrations", ns_json(t->migrations));
	set(o, "unattributed_ns", ns_json(t->unattributed_ns));
	set(o, "overattributed_ns", ns_json(t->overattributed_ns));
	set(o, "states", states_json(t));
	return o;
}

static json_t *audit_json(const struct ledger_totals *t)
{
	json_t *o = json_object();

	set(o, "cpu_kernel_ns", ns_json(t->cpu_kernel_ns));
	set(o, "cpu_ours_ns", ns_json(t->cpu_ours_ns));
	set(o, "cpu_residual_ppm", real_json(t->cpu_residual_ppm));
	set(o, "runq_kernel_ns", ns_json(t->runq_kernel_ns));
	set(o, "runq_ours_ns", ns_json(t->runq_ours_ns));
	set(o, "runq_residual_ppm", real_json(t->runq_residual_ppm));
	set(o, "switches", ns_json(t->switches));
	set(o, "clock_ns_per_switch", real_json(t->clock_ns_per_switch));
	set(o, "clock_runq_ns_per_switch", real_json(t->clock_runq_ns_per_switch));
	set(o, "witness_waits", ns_json(t->witness_waits));
	set(o, "witness_disagreements", ns_json(t->witness_disagreements));
	return o;
}

/* Every cause is there, at 0 too: a reader need not guess which exist. */
static json_t *incomplete_json(const __u64 *cut)
{
	json_t *o = json_object();

	for (int c = LEDGER_COMPLETE + 1; c < LEDGER_SHED; c++)
		set(o, ledger__cut_name(c), ns_json(cut[c]));
	return o;
}

static json_t *stacks_json(const struct recording *r)
{
	const struct ledger_totals *t = &r->totals;
	json_t *o = json_object(), *off = json_object();

	set(o, "oncpu_samples", ns_json(t->oncpu_samples));
	set(o, "complete", ns_json(t->cut[LEDGER_COMPLETE]));
	set(o, "exiting", ns_json(t->cut[LEDGER_EXITING]));
	set(o, "in_execve", ns_json(t->cut[LEDGER_EXECING]));
	set(o, "guessed", ns_json(t->guessed));
	set(o, "shed_ns", ns_json(t->shed_ns));
	set(o, "folded_ns", ns_json(t->folded_ns));
	set(o, "incomplete", incomplete_json(t->cut));
	set(off, "complete", ns_json(t->offcpu_stacks[LEDGER_COMPLETE]));
	set(off, "exiting", ns_json(t->offcpu_stacks[LEDGER_EXITING]));
	set(off, "in_execve", ns_json(t->offcpu_stacks[LEDGER_EXECING]));
	set(off, "shed", ns_json(t->offcpu_stacks[LEDGER_SHED]));
	set(off, "incomplete", incomplete_json(t->offcpu_stacks));
	set(off, "remembered", ns_json(r->remembered_stacks));
	set(o, "offcpu_waits", off);
	set(o, "raw", ns_json(r->raw_stacks));
	return o;
}

static json_t *exit_json(const struct recording *r)
{
	json_t *o = json_object();
	bool killed = r->exit_signal > 0;

	set(o, "status", r->has_exit && !killed ? json_integer(r->exit_status) :
			    json_null());
	set(o, "signal", r->has_exit && killed ? json_integer(r->exit_signal) :
			    json_null());
	return o;
}

static json_t *loss_json(const struct recording *r)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < r->n_loss; i++)
		set(o, r->loss[i].name, ns_json(r->loss[i].n));
	return o;
}

static json_t *self_json(const struct recording *r)
{
	json_t *o = json_object();

	set(o, "cpu_ns", ns_json(r->self.cpu_ns));
	set(o, "bpf_ns", ns_json(r->self.bpf_ns));
	set(o, "rss_peak_bytes", ns_json(r->self.rss_peak_bytes));
	set(o, "bpf_map_bytes", ns_json(r->self.bpf_map_bytes));
	set(o, "startup_ns", ns_json(r->self.startup_ns));
	return o;
}

static json_t *span_json(const struct span_row *s)
{
	static const char *const methods[] = {
		[SPAN_BY_EXITS] = "exits", [SPAN_BY_RETURN] = "return-probe",
		[SPAN_BY_POINTS] = "points", [SPAN_BY_NAME] = "thread-names",
	};
	json_t *o = json_object(), *states = json_object();

	set(o, "name", text_json(s->name));
	set(o, "what", text_json(s->what));
	set(o, "method", text_json(methods[s->method]));
	set(o, "files", ns_json(s->files));
	set(o, "probes", ns_json(s->probes));
	set(o, "count", ns_json(s->count));
	set(o, "recursive", ns_json(s->recursive));
	set(o, "abandoned", ns_json(s->abandoned));
	set(o, "unmatched", ns_json(s->unmatched));
	set(o, "open", ns_json(s->open));
	set(o, "hits", ns_json(s->hits));
	set(o, "total_ns", ns_json(s->total_ns));
	set(o, "p50_ns", ns_json(s->p50_ns));
	set(o, "p95_ns", ns_json(s->p95_ns));
	set(o, "p99_ns", ns_json(s->p99_ns));
	set(o, "max_ns", ns_json(s->max_ns));
	set(o, "rate_limited", json_boolean(s->rate_limited));
	for (unsigned i = 0; i < WT_STATES; i++)
		set(states, ledger__state_name(i), ns_json(s->st_ns[i]));
	set(o, "states", states);
	return o;
}

static json_t *spans_json(const struct recording *r)
{
	json_t *a = json_array();

	for (unsigned i = 0; i < r->n_spans; i++)
		if (json_array_append_new(a, span_json(&r->spans[i])))
			incomplete = true;
	return a;
}

static json_t *unit_stats_json(const struct units_stats *u)
{
	json_t *o = json_object();

	set(o, "lines", ns_json(u->lines));
	set(o, "lines_cut", ns_json(u->lines_cut));
	set(o, "matched", ns_json(u->matched));
	set(o, "auto_given_up", ns_json(u->auto_given_up));
	set(o, "relayed", ns_json(u->relayed));
	set(o, "queued", ns_json(u->queued));
	set(o, "epochs", ns_json(u->epochs));
	return o;
}

static json_t *borrowed(json_t *j)
{
	return j ? json_incref(j) : json_null();
}

static void set_head(json_t *o, const struct recording *r)
{
	set(o, "schema", json_integer(SUMMARY_SCHEMA));
	set(o, "tool", json_sprintf("worktrace %s", r->version ? r->version : ""));
	set(o, "host", text_json(r->host));
	set(o, "kernel", text_json(r->kernel));
	set(o, "start_utc", utc_json(r->start_ns, r->utc_offset_ns));
	set(o, "end_utc", utc_json(r->end_ns, r->utc_offset_ns));
	set(o, "start_ns", ns_json(r->start_ns));
	set(o, "utc_offset_ns", json_integer(r->utc_offset_ns));
	set(o, "duration_ns", ns_json(r->end_ns - r->start_ns));
	set(o, "complete", json_boolean(r->complete));
	set(o, "end_reason", text_json(r->end_reason));
	set(o, "target", borrowed(r->target));
	set(o, "options", borrowed(r->options));
	set(o, "exit", exit_json(r));
}

int sink_summary_json(const struct recording *r, FILE *f)
{
	json_t *o = json_object();
	struct unit_servers_of servers;
	int err;

	incomplete = false;
	set_head(o, r);
	set(o, "ledger", ledger_json(&r->totals));
	if (devices__json(r, o) || system_json(r, o))
		incomplete = true;
	if (job_totals__json(r, o))
		incomplete = true;
	set(o, "audit", audit_json(&r->totals));
	set(o, "stacks", stacks_json(r));
	if (execs__has(r->execs, EXEC_FFMPEG))
		set(o, "transcodes", transcodes__json(r));
	if (r->n_spans)
		set(o, "spans", spans_json(r));
	if (r->units)
		set(o, "units", unit_stats_json(&r->unit_stats));
	set(o, "loss", loss_json(r));
	set(o, "peers", sink_peers_json(r));
	set(o, "network", sink_network_json(r));
	set(o, "self", self_json(r));
	set(o, "features", borrowed(r->features));
	unit_servers__open(&servers, r);
	if (r->n_judged && sink_units_json(r->judged, r->n_judged, &servers.servers, o))
		incomplete = true;
	unit_servers__close(&servers);
	err = incomplete ? -ENOMEM : 0;
	if (!err && json_dumpf(o, f, JSON_INDENT(SUMMARY_INDENT) | JSON_REAL_PRECISION(6)))
		err = sink_result(f) ? sink_result(f) : -ENOMEM;
	json_decref(o);
	if (err)
		return err;
	putc('\n', f);
	return sink_result(f);
}
