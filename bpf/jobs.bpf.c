// SPDX-License-Identifier: GPL-2.0-or-later
/* jobs.bpf.c - which build a fresh program belongs to, by its environment. */
#include "jobs.bpf.h"

const volatile struct wt_job_rule cfg_job_rules[WT_JOB_SYSTEMS] = {};
const volatile __u8 cfg_env_first[256] = {};
const volatile __u64 cfg_job_name = 0;		/* wt_job_value_hash() of -J's NAME … */
const volatile __u64 cfg_job_build = 0;		/* … and NUMBER, 0: any */

/* Global: proved for one value, not for each. */
__noinline __u64 wt_job_value(struct wt_ev_job *j, __u32 role)
{
	if (!j || role >= WT_JOB_ROLES)
		return 0;
	return wt_job_value_hash(j->value[role]);
}

__u64 wt_job_hash(struct wt_ev_job *j, __u32 system, __u32 roles)
{
	__u64 h = 0x9e3779b97f4a7c15ULL + system;

	if (!j)
		return 0;
	for (__u32 i = 0; i < WT_JOB_ROLES; i++)
		if (roles >> i & 1)
			h = wt_job_mix(wt_job_mix(h, i), wt_job_value(j, i));
	return wt_mix(h) | 1;
}

/* The roles that identify the job, by the system's rule; 0: it is none of that system. */
static __always_inline __u32 wt_job_roles(__u32 system, __u32 have)
{
	__u32 all = cfg_job_rules[system].all, other = cfg_job_rules[system].other;

	if (all && (have & all) == all)
		return all;
	if (other && (have & other) == other)
		return other;
	return have & cfg_job_rules[system].any;
}

static __always_inline void wt_job_send(struct wt_ev_job *j)
{
	__u64 id = j->job;
	__u8 one = 1;

	if (bpf_map_lookup_elem(&seen, &id))
		return;
	j->h.type = WT_EV_JOB;
	j->h.zero = 0;
	j->h.ts_ns = bpf_ktime_get_ns();
	if (bpf_ringbuf_output(&ring, j, sizeof(*j), BPF_RB_NO_WAKEUP)) {
		wt_lost(WT_LOSS_JOB);
		return;
	}
	bpf_map_update_elem(&seen, &id, &one, BPF_ANY);
}

/* The build that -J names. */
static __always_inline bool wt_job_wanted(struct wt_ev_job *j)
{
	if (!(j->have >> WT_JOB_NAME & 1) || wt_job_value(j, WT_JOB_NAME) != cfg_job_name)
		return false;
	if (!cfg_job_build)
		return true;
	return (j->have >> WT_JOB_BUILD & 1) &&
	       wt_job_value(j, WT_JOB_BUILD) == cfg_job_build;
}

/*
 * The first system that knows the environment; WT_JOB_SYSTEMS: none does.  Global: what follows
 * is proved for any system, not for each.
 */
__noinline __u32 wt_job_system(struct wt_env *e)
{
	if (!e)
		return WT_JOB_SYSTEMS;
	for (__u32 i = 0; i < WT_JOB_SYSTEMS; i++)
		if (e->job[i].have && wt_job_roles(i, e->job[i].have))
			return i;
	return WT_JOB_SYSTEMS;
}

int wt_job_decide(__u32 which, __u32 tgid, struct wt_job_found *out)
{
	struct wt_env *e = bpf_map_lookup_elem(&envs, &which);
	struct wt_ev_job *j;
	__u32 system, roles;

	if (!e || !out)
		return -1;
	out->job = 0;
	out->wanted = 0;
	system = wt_job_system(e);
	if (system >= WT_JOB_SYSTEMS)
		return 0;
	j = &e->job[system];
	roles = wt_job_roles(system, j->have);
	if (j->cut)
		wt_lost(WT_LOSS_ENV_CUT);
	j->job = wt_job_hash(j, system, roles);
	j->system = system;
	j->tgid = tgid;
	out->job = j->job;
	if (cfg_target == WT_TARGET_JOB)
		out->wanted = wt_job_wanted(j);
	/* of a build that is not recorded nothing leaves, either */
	if (cfg_target != WT_TARGET_JOB || out->wanted)
		wt_job_send(j);
	return 0;
}

static long wt_env_step(__u32 i, struct wt_env_walk *x)
{
	struct wt_env *e = x->env;
	long n;

	if (!e || x->at >= x->end)
		return 1;
	n = bpf_probe_read_user_str(e->text, WT_ENV_TEXT, (void *)x->at);
	if (n <= 0) {
		x->failed = 1;
		return 1;
	}
	wt_env_advance(x, n);
	return 0;
}

int wt_exec_job(struct wt_job_found *out)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct mm_struct *mm = BPF_CORE_READ(t, mm);
	struct wt_env_walk x = { .env = wt_env(WT_ENV_EXEC) };

	if (!out)
		return -1;
	out->job = 0;
	out->wanted = 0;
	if (!x.env || !mm)
		return 0;
	x.at = BPF_CORE_READ(mm, env_start);
	x.end = BPF_CORE_READ(mm, env_end);
	if (wt_fault(WT_FAULT_ENV, 2))
		x.at = 1;
	bpf_loop(WT_ENV_STEPS, wt_env_step, &x, 0);
	if (x.failed)
		wt_lost(WT_LOSS_ENV_READ);
	else if (x.at < x.end)
		wt_lost(WT_LOSS_ENV_CUT);
	return wt_job_decide(WT_ENV_EXEC, t->tgid, out);
}
