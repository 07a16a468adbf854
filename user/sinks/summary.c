/* SPDX-License-Identifier: GPL-2.0-or-later */
/* summary.c - summary.json: totals, balance, audit, what was lost. */
#include "ledger/text.h"
#include "sinks/csv.h"
#include "sinks/recording.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <time.h>

#define SUMMARY_SCHEMA 1
#define SUMMARY_INDENT 2

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
	__s64 utc_ns = (__s64)ns + offset_ns;
	time_t t = utc_ns / 1000000000;
	char text[64];
	struct tm tm;
	size_t n;

	gmtime_r(&t, &tm);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, sizeof(text) - n, ".%09lldZ", (long long)(utc_ns % 1000000000));
	return json_string(text);
}

static json_t *states_json(const struct ledger_totals *t)
{
	json_t *states = json_object();

	for (unsigned s = 0; s < WT_STATES; s++) {
		json_t *o = json_object();

		json_object_set_new(o, "ns", ns_json(t->st_ns[s]));
		if (s == WT_CPU) {
			json_object_set_new(o, "user_ns", ns_json(t->user_ns));
			json_object_set_new(o, "sys_ns", ns_json(t->sys_ns));
			json_object_set_new(o, "steal_ns", ns_json(t->steal_ns));
		} else if (s == WT_RUNQ) {
			json_object_set_new(o, "wakeup_ns", ns_json(t->wakeup_ns));
			json_object_set_new(o, "preempt_ns", ns_json(t->preempt_ns));
		}
		json_object_set_new(o, "unattributed_ns", ns_json(t->unattributed_st_ns[s]));
		json_object_set_new(states, ledger__state_name(s), o);
	}
	return states;
}

static json_t *ledger_json(const struct ledger_totals *t)
{
	json_t *o = json_object();

	json_object_set_new(o, "threads", ns_json(t->threads));
	json_object_set_new(o, "processes", ns_json(t->processes));
	json_object_set_new(o, "folded_threads", ns_json(t->folded_threads));
	json_object_set_new(o, "wall_ns", ns_json(t->wall_ns));
	json_object_set_new(o, "accounted_ns", ns_json(t->accounted_ns));
	json_object_set_new(o, "residual_ns", json_integer(t->residual_ns));
	json_object_set_new(o, "unattributed_ns", ns_json(t->unattributed_ns));
	json_object_set_new(o, "overattributed_ns", ns_json(t->overattributed_ns));
	json_object_set_new(o, "states", states_json(t));
	return o;
}

static json_t *audit_json(const struct ledger_totals *t)
{
	json_t *o = json_object();

	json_object_set_new(o, "cpu_kernel_ns", ns_json(t->cpu_kernel_ns));
	json_object_set_new(o, "cpu_ours_ns", ns_json(t->cpu_ours_ns));
	json_object_set_new(o, "cpu_residual_ppm", real_json(t->cpu_residual_ppm));
	json_object_set_new(o, "runq_kernel_ns", ns_json(t->runq_kernel_ns));
	json_object_set_new(o, "runq_ours_ns", ns_json(t->runq_ours_ns));
	json_object_set_new(o, "runq_residual_ppm", real_json(t->runq_residual_ppm));
	json_object_set_new(o, "switches", ns_json(t->switches));
	json_object_set_new(o, "clock_ns_per_switch", real_json(t->clock_ns_per_switch));
	json_object_set_new(o, "witness_waits", ns_json(t->witness_waits));
	json_object_set_new(o, "witness_disagreements", ns_json(t->witness_disagreements));
	return o;
}

/* Every cause is there, at 0 too: a reader need not guess which exist. */
static json_t *incomplete_json(const __u64 *cut)
{
	json_t *o = json_object();

	for (int c = LEDGER_COMPLETE + 1; c < LEDGER_CUTS; c++)
		json_object_set_new(o, ledger__cut_name(c), ns_json(cut[c]));
	return o;
}

static json_t *stacks_json(const struct ledger_totals *t)
{
	json_t *o = json_object(), *off = json_object();

	json_object_set_new(o, "oncpu_samples", ns_json(t->oncpu_samples));
	json_object_set_new(o, "complete", ns_json(t->cut[LEDGER_COMPLETE]));
	json_object_set_new(o, "incomplete", incomplete_json(t->cut));
	json_object_set_new(off, "complete", ns_json(t->offcpu_stacks[LEDGER_COMPLETE]));
	json_object_set_new(off, "incomplete", incomplete_json(t->offcpu_stacks));
	json_object_set_new(o, "offcpu_waits", off);
	return o;
}

static json_t *exit_json(const struct recording *r)
{
	json_t *o = json_object();
	bool killed = r->exit_signal > 0;

	json_object_set_new(o, "status", r->has_exit && !killed ? json_integer(r->exit_status) :
			    json_null());
	json_object_set_new(o, "signal", r->has_exit && killed ? json_integer(r->exit_signal) :
			    json_null());
	return o;
}

static json_t *loss_json(const struct recording *r)
{
	json_t *o = json_object();

	for (unsigned i = 0; i < r->n_loss; i++)
		json_object_set_new(o, r->loss[i].name, ns_json(r->loss[i].n));
	return o;
}

static json_t *self_json(const struct recording *r)
{
	json_t *o = json_object();

	json_object_set_new(o, "cpu_ns", ns_json(r->self.cpu_ns));
	json_object_set_new(o, "bpf_ns", ns_json(r->self.bpf_ns));
	json_object_set_new(o, "rss_peak_bytes", ns_json(r->self.rss_peak_bytes));
	json_object_set_new(o, "bpf_map_bytes", ns_json(r->self.bpf_map_bytes));
	json_object_set_new(o, "startup_ns", ns_json(r->self.startup_ns));
	return o;
}

static json_t *borrowed(json_t *j)
{
	return j ? json_incref(j) : json_null();
}

static void set_head(json_t *o, const struct recording *r)
{
	json_object_set_new(o, "schema", json_integer(SUMMARY_SCHEMA));
	json_object_set_new(o, "tool", json_sprintf("worktrace %s", r->version ? r->version : ""));
	json_object_set_new(o, "host", text_json(r->host));
	json_object_set_new(o, "kernel", text_json(r->kernel));
	json_object_set_new(o, "start_utc", utc_json(r->start_ns, r->utc_offset_ns));
	json_object_set_new(o, "end_utc", utc_json(r->end_ns, r->utc_offset_ns));
	json_object_set_new(o, "start_ns", ns_json(r->start_ns));
	json_object_set_new(o, "utc_offset_ns", json_integer(r->utc_offset_ns));
	json_object_set_new(o, "duration_ns", ns_json(r->end_ns - r->start_ns));
	json_object_set_new(o, "complete", json_boolean(r->complete));
	json_object_set_new(o, "end_reason", text_json(r->end_reason));
	json_object_set_new(o, "target", borrowed(r->target));
	json_object_set_new(o, "options", borrowed(r->options));
	json_object_set_new(o, "exit", exit_json(r));
}

int sink_summary_json(const struct recording *r, FILE *f)
{
	json_t *o = json_object();
	int err = 0;

	if (!o)
		return -ENOMEM;
	set_head(o, r);
	json_object_set_new(o, "ledger", ledger_json(&r->totals));
	json_object_set_new(o, "audit", audit_json(&r->totals));
	json_object_set_new(o, "stacks", stacks_json(&r->totals));
	json_object_set_new(o, "loss", loss_json(r));
	json_object_set_new(o, "self", self_json(r));
	if (json_object_set_new(o, "features", borrowed(r->features)))
		err = -ENOMEM;
	if (!err && json_dumpf(o, f, JSON_INDENT(SUMMARY_INDENT) | JSON_REAL_PRECISION(6)))
		err = sink_result(f) ? sink_result(f) : -ENOMEM;
	json_decref(o);
	if (err)
		return err;
	putc('\n', f);
	return sink_result(f);
}
