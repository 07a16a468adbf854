/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jobs.bpf.h - looking through an environment, whoever reads it: the program that
 * sees an exec (jobs.bpf.c) or the walk over what runs already (iter.bpf.c).
 */
#ifndef WT_JOBS_BPF_H
#define WT_JOBS_BPF_H

#include "calls.bpf.h"

#define WT_NO_SYSTEM 0xff

/* Too large for a program's stack; one for each program that looks. */
struct wt_env {
	char text[WT_ENV_TEXT];		/* the string at hand */
	char spare[WT_ENV_TEXT];
	char key[WT_ENV_NAME];		/* its name, zeroes behind it */
	__u32 equals;			/* how long that is */
	__u32 zero;
	struct wt_ev_job job[WT_JOB_SYSTEMS];
};
enum { WT_ENV_EXEC = 0, WT_ENV_ITER = 1, WT_ENVS = 2 };
struct wt_env_map {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, WT_ENVS);
	__type(key, __u32);
	__type(value, struct wt_env);
};

struct wt_env_names_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WT_ENV_NAMES);
	__type(key, char[WT_ENV_NAME]);
	__type(value, struct wt_env_role);
};

/* What the walk over all tasks has found, by address space: threads share theirs. */
struct wt_seed_jobs_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct wt_job_found);
};

extern struct wt_seed_jobs_map seed_jobs SEC(".maps");
extern struct wt_env_map envs SEC(".maps");
extern struct wt_env_names_map env_names SEC(".maps");
extern const volatile struct wt_job_rule cfg_job_rules[WT_JOB_SYSTEMS];
extern const volatile __u8 cfg_env_first[256];	/* 1: an allowed name begins with this */

/* A walk over the strings between env_start and env_end. */
struct wt_env_walk {
	struct wt_env *env;
	__u64 at, end;
	__u32 tail;			/* what follows is the rest of a long string */
	__u32 failed;
};

static __always_inline struct wt_env *wt_env(__u32 which)
{
	struct wt_env *e = bpf_map_lookup_elem(&envs, &which);

	for (int i = 0; e && i < WT_JOB_SYSTEMS; i++) {
		e->job[i].have = 0;
		e->job[i].cut = 0;
	}
	return e;
}

/*
 * Where e->text has its '=', with what is before it in e->key; 0: it is no variable of
 * ours.  By way of the map: what is done with it is proved once, not for each length.
 * Unrolled: laid out as a loop, an instruction that is no jump falls back into its head,
 * which the verifier of 6.1 calls a back-edge and refuses.
 */
static __always_inline __u32 wt_env_key(struct wt_env *e)
{
	e->equals = 0;
	if (!cfg_env_first[(__u8)e->text[0]])
		return 0;
	__builtin_memset(e->key, 0, sizeof(e->key));
#pragma unroll
	for (__u32 i = 0; i < WT_ENV_NAME; i++) {
		char c = e->text[i];

		if (c == '=')
			e->equals = i;
		if (c == '=' || !c)
			break;
		e->key[i] = c;
	}
	barrier();
	return *(volatile __u32 *)&e->equals;
}

/* The string in e->text: its value is kept if its name is allowed. */
static __always_inline void wt_env_string(struct wt_env *e)
{
	__u32 equals = wt_env_key(e), system, role;
	struct wt_env_role *r;
	struct wt_ev_job *j;
	long n;

	if (!equals || equals >= WT_ENV_NAME)
		return;
	r = bpf_map_lookup_elem(&env_names, e->key);
	if (!r)
		return;
	system = r->system;
	role = r->role;
	if (system >= WT_JOB_SYSTEMS || role >= WT_JOB_ROLES)
		return;
	j = &e->job[system];
	if (j->have >> role & 1)
		return;			/* getenv(3) takes the first, too */
	__builtin_memset(j->value[role], 0, WT_JOB_VALUE);
	n = bpf_probe_read_kernel_str(j->value[role], WT_JOB_VALUE, e->text + equals + 1);
	if (n <= 1)
		return;			/* an empty value says nothing */
	if (n == WT_JOB_VALUE && e->text[equals + WT_JOB_VALUE])
		j->cut = 1;
	j->have |= 1 << role;
}

/* On by what a step found: n bytes with the NUL, WT_ENV_TEXT: a string that goes on. */
static __always_inline void wt_env_advance(struct wt_env_walk *x, __u32 n)
{
	bool goes_on = n >= WT_ENV_TEXT;

	if (!x->tail)
		wt_env_string(x->env);
	x->at += goes_on ? WT_ENV_TEXT - 1 : n;
	x->tail = goes_on;
}

#endif /* WT_JOBS_BPF_H */
