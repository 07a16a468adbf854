// SPDX-License-Identifier: GPL-2.0-or-later
/* checks.c - the verdicts on struct features. */
#include "loader/checks.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "util/log.h"

struct list {
	struct check *v;
	unsigned n;
};

/* The next check; its `found` is the caller's to write. */
static struct check *add(struct list *l, const char *id, bool essential, bool ok,
			 const char *cost, const char *remedy)
{
	struct check *c = &l->v[l->n++];

	*c = (struct check){
		.id = id, .ok = ok, .essential = essential, .cost = cost, .remedy = remedy,
	};
	return c;
}

#define FOUND(c, ...) snprintf((c)->found, sizeof((c)->found), __VA_ARGS__)

static const char *reason(int err)
{
	return err ? strerror(-err) : "works";
}

static bool may_trace(const struct features *f)
{
	return f->cap_sys_admin || (f->cap_bpf && f->cap_perfmon);
}

static void check_privileges(struct list *l, const struct features *f)
{
	struct check *c;

	c = add(l, "privileges", true, may_trace(f), "nothing can be traced", "run it as root");
	if (c->ok)
		FOUND(c, "allowed to load BPF programs and to trace");
	else
		FOUND(c, "not allowed to trace: neither CAP_SYS_ADMIN nor CAP_BPF with CAP_PERFMON");

	c = add(l, "proc-maps", false, f->cap_sys_ptrace &&
		(f->cap_sys_admin || f->cap_checkpoint_restore),
		"programs that ended or whose files were deleted have no function names",
		"run it as root, with CAP_SYS_PTRACE and CAP_SYS_ADMIN");
	FOUND(c, "the mapped files of other processes %s", c->ok ? "can be opened" : "are closed to us");
}

/* The first that is lacking of what the programs attach to or read. */
static const char *missing_in_kernel(const struct features *f)
{
	if (f->tp.sched_switch < 0)
		return "the tracepoint sched_switch";
	if (f->tp.sched_switch < 4)
		return "the state of the leaving thread in sched_switch";
	if (f->tp.sched_wakeup < 0 || f->tp.sched_wakeup_new < 0)
		return "the tracepoints of wakeups";
	if (f->tp.sched_process_fork < 0 || f->tp.sched_process_exec < 0)
		return "the tracepoints of fork and exec";
	if (!f->field.task_state)
		return "task_struct.__state";
	if (!f->field.clock_task)
		return "the clock of the run queue";
	if (!f->helper_task_pt_regs)
		return "bpf_task_pt_regs, which finds system calls and their arguments";
	if (!f->helper_loop)
		return "bpf_loop";
	if (!f->iter_task)
		return "BPF's iterator of tasks";
	return NULL;
}

static void check_kernel(struct list *l, const struct features *f)
{
	const char *missing = missing_in_kernel(f);
	struct check *c;

	c = add(l, "btf", true, !f->btf_err, "the programs cannot be fitted to this kernel",
		"boot a kernel built with CONFIG_DEBUG_INFO_BTF, as those of distributions are");
	if (c->ok)
		FOUND(c, "the kernel describes its types (%llu KiB in /sys/kernel/btf/vmlinux)",
		      f->btf_bytes / 1024);
	else
		FOUND(c, "the kernel does not describe its types (/sys/kernel/btf/vmlinux: %s)",
		      reason(f->btf_err));
	if (!c->ok)
		return;

	c = add(l, "kernel", true, !missing, "there is nothing to trace with",
		"boot Linux 6.1 or later");
	if (c->ok)
		FOUND(c, "Linux %s has the tracepoints and helpers that are needed", f->release);
	else
		FOUND(c, "Linux %s lacks %s", f->release, missing);
}

static void check_bpf(struct list *l, const struct features *f)
{
	bool ok = !f->task_storage_err && !f->ring_buffer_err;
	struct check *c;

	/* without the right to try, a trial says nothing */
	if (!may_trace(f))
		return;
	c = add(l, "bpf-maps", true, ok, "there is no place for the account",
		"boot Linux 6.1 or later; in a container, run it on the host");
	if (ok)
		FOUND(c, "task storage and ring buffers can be made");
	else
		FOUND(c, "cannot make %s (%s)", f->ring_buffer_err ? "a ring buffer" : "task storage",
		      reason(f->ring_buffer_err ? f->ring_buffer_err : f->task_storage_err));

	c = add(l, "bpf-jit", true, !f->no_jit, "the programs are refused",
		"sysctl net.core.bpf_jit_enable=1");
	FOUND(c, "BPF programs are %s", c->ok ? "compiled" : "interpreted");

	c = add(l, "bpf-read", true, !f->read_kernel_err, "waits cannot be given a reason",
		strcmp(f->lockdown, "confidentiality") ?
		"find out what restricts BPF here: a container, a security module" :
		"boot with lockdown=integrity or without lockdown");
	FOUND(c, c->ok ? "programs may read kernel memory" :
	      "programs that read kernel memory are refused (%s%s%s)", reason(f->read_kernel_err),
	      *f->lockdown ? ", lockdown: " : "", f->lockdown);
}

static void check_samples(struct list *l, const struct features *f)
{
	struct check *c;

	if (!may_trace(f))
		return;
	c = add(l, "cpu-samples", false, !f->cpu_clock_err,
		"CPU time is exact but has no stacks",
		"allow perf_event_open, which a container or a security module forbids");
	FOUND(c, "sampling by the clock of the CPU: %s", reason(f->cpu_clock_err));

	c = add(l, "cpu-cycles", false, !f->hw_cycles_err,
		"--event=cycles cannot be used; the default needs none",
		"no need to do anything");
	FOUND(c, "the processor's cycle counter: %s", f->hw_cycles_err == -ENOENT ||
	      f->hw_cycles_err == -EOPNOTSUPP ? "not there" : reason(f->hw_cycles_err));

	c = add(l, "sample-rate", false, f->perf_event_max_sample_rate < 0 ||
		f->perf_event_max_sample_rate >= 99,
		"-F above that is refused, the default of 99 too",
		"sysctl kernel.perf_event_max_sample_rate=10000, or a lower -F");
	if (f->perf_event_max_sample_rate < 0)
		FOUND(c, "no limit of samples a second is known");
	else
		FOUND(c, "at most %d samples a second", f->perf_event_max_sample_rate);
}

static void check_probes(struct list *l, const struct features *f)
{
	struct check *c;

	if (!may_trace(f))
		return;
	c = add(l, "uprobes", false, !f->uprobe_err && f->uprobe_semaphore,
		f->uprobe_err ? "--span cannot be used" : "USDT probes with a semaphore stay switched off",
		f->uprobe_err == -ENOENT || !f->uprobe_err ?
		"boot a kernel built with CONFIG_UPROBE_EVENTS, as those of distributions are" :
		"allow perf_event_open, which a container or a security module forbids");
	FOUND(c, "probes in programs, for --span: %s", f->uprobe_err == -ENOENT ? "not in this kernel" :
	      f->uprobe_err ? reason(f->uprobe_err) : f->uprobe_semaphore ? "work, USDT too" :
	      "work, but for the semaphores of USDT");
}

static void check_names(struct list *l, const struct features *f)
{
	struct check *c = add(l, "kernel-names", false, f->kallsyms,
			      "kernel frames print as addresses",
			      f->cap_syslog ? "sysctl kernel.kptr_restrict=1" :
			      "run it as root, with CAP_SYSLOG");

	if (c->ok)
		FOUND(c, "the addresses of kernel functions are shown");
	else if (f->kptr_restrict == FEATURES_ABSENT)
		FOUND(c, "the addresses of kernel functions are hidden");
	else
		FOUND(c, "the addresses of kernel functions are hidden (kptr_restrict is %d)",
		      f->kptr_restrict);
}

static void check_states(struct list *l, const struct features *f)
{
	struct check *c;

	if (f->btf_err)
		return;
	c = add(l, "state-throttled", false, f->field.throttle_count,
		"the wait of a group that spent its CPU quota counts as runq",
		"boot a kernel built with CONFIG_CFS_BANDWIDTH");
	FOUND(c, "CPU quotas: %s", c->ok ? "throttled threads are told apart" : "not in this kernel");

	c = add(l, "state-mem", false, f->field.in_memstall && f->psi,
		"waits for reclaim and memory.high count as disk or other",
		f->field.in_memstall ? "boot with psi=1" : "boot a kernel built with CONFIG_PSI");
	FOUND(c, "pressure stall information: %s",
	      c->ok ? "on" : f->field.in_memstall ? "off" : "not in this kernel");

	c = add(l, "state-stopped", false, f->field.frozen,
		"threads of a frozen control group count as idle or other",
		"boot Linux 6.1 or later, built with CONFIG_CGROUPS");
	FOUND(c, "frozen control groups: %s", c->ok ? "told apart" : "not in this kernel");

	c = add(l, "steal", false, f->field.prev_steal_time,
		"time that a hypervisor took counts as cpu",
		"boot a kernel built with CONFIG_PARAVIRT_TIME_ACCOUNTING");
	FOUND(c, "time that a hypervisor took: %s", c->ok ? "told apart" : "not in this kernel");
}

static void check_following(struct list *l, const struct features *f)
{
	struct check *c;

	if (f->btf_err)
		return;
	c = add(l, "renames", false, f->tp.task_rename >= 0,
		"a thread keeps the name it had at first",
		"boot a kernel that has the tracepoint task_rename");
	FOUND(c, "changes of a thread's name: %s", c->ok ? "followed" : "not traced by this kernel");

	c = add(l, "cgroup", false, (f->cgroup_v1 || f->cgroup_v2) && f->tp.cgroup_attach_task >= 0,
		"-g cannot be used, or misses what is moved into the group later",
		"mount the control groups, on a kernel that has the tracepoint cgroup_attach_task");
	FOUND(c, "control groups: %s%s%s", f->cgroup_v1 ? "v1" : "",
	      f->cgroup_v1 && f->cgroup_v2 ? " and v2" : f->cgroup_v2 ? "v2" : "",
	      f->cgroup_v1 || f->cgroup_v2 ? "" : "not mounted");
}

unsigned checks__all(const struct features *f, struct check *out)
{
	struct list l = { .v = out };

	check_privileges(&l, f);
	check_kernel(&l, f);
	check_bpf(&l, f);
	check_samples(&l, f);
	check_probes(&l, f);
	check_names(&l, f);
	check_states(&l, f);
	check_following(&l, f);
	return l.n;
}

int checks__require(const struct features *f)
{
	struct check all[CHECKS_MAX];
	unsigned n = checks__all(f, all);

	for (unsigned i = 0; i < n; i++)
		if (all[i].essential && !all[i].ok)
			return wt_error(WT_ESAID, "%s; %s", all[i].found, all[i].remedy);
	return 0;
}

json_t *checks__json(const struct features *f, bool lacking_only)
{
	struct check all[CHECKS_MAX];
	unsigned n = checks__all(f, all);
	json_t *array = json_array();

	for (unsigned i = 0; array && i < n; i++) {
		const struct check *c = &all[i];
		json_t *o;

		if (c->ok && lacking_only)
			continue;
		o = json_pack("{s:s, s:b, s:b, s:s}", "id", c->id, "ok", c->ok,
			      "essential", c->essential, "found", c->found);
		if (o && !c->ok) {
			json_object_set_new(o, "cost", json_string(c->cost));
			json_object_set_new(o, "remedy", json_string(c->remedy));
		}
		json_array_append_new(array, o);
	}
	return array;
}
