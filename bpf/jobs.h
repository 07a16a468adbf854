/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jobs.h - jobs by their environment and control groups, on the wire.
 *
 * A build server gives each process of a build variables that say which build it
 * is.  The kernel side looks through the environment of a fresh program for a few
 * allowed names; only the values of those ever leave the process.
 */
#ifndef WT_JOBS_H
#define WT_JOBS_H

#define WT_ENV_NAME 32			/* of a variable, with its NUL */
#define WT_JOB_VALUE 256		/* of its value, with its NUL; longer ones are cut */
#define WT_ENV_TEXT 320			/* one string of an environment, or one piece of it */
#define WT_ENV_STEPS 1024		/* strings and pieces that are looked through */
#define WT_ENV_NAMES 64			/* allowed names at most */

/* What a variable says; of WT_JOB_CUSTOM, the n-th name that was given. */
enum wt_job_role {
	WT_JOB_NAME = 0,
	WT_JOB_BUILD = 1,
	WT_JOB_TAG = 2,
	WT_JOB_NODE = 3,
	WT_JOB_EXECUTOR = 4,
	WT_JOB_BRANCH = 5,
	WT_JOB_COMMIT = 6,
	WT_JOB_PROJECT = 7,
	WT_JOB_WORKFLOW = 8,
	WT_JOB_ROLES = 9,
};

/* Whose variables they are; the first whose identity is there counts. */
enum wt_job_system {
	WT_JOB_CUSTOM = 0,
	WT_JOB_JENKINS = 1,
	WT_JOB_GITLAB = 2,
	WT_JOB_GITHUB = 3,
	WT_JOB_BUILDKITE = 4,
	WT_JOB_SYSTEMS = 5,
};

/* Which roles make a job what it is, as bits. */
struct wt_job_rule {
	__u16 all;			/* all of these; else … */
	__u16 other;			/* … all of these; else … */
	__u16 any;			/* … those of these that are there; 0: it is no job */
	__u16 zero;
};

/* An allowed name. */
struct wt_env_role {
	__u8 system, role;
	__u8 zero[2];
};

/* Of struct worktrace.h's WT_EV_JOB; zeroed before use but for values without their bit in `have`. */
struct wt_ev_job {
	struct wt_event h;
	__u64 job;			/* hash of what its rule names; never 0 */
	__u32 tgid;			/* the first process that was seen of it */
	__u16 have;			/* roles that are there, as bits */
	__u8 system;
	__u8 cut;			/* a value was longer than WT_JOB_VALUE */
	char value[WT_JOB_ROLES][WT_JOB_VALUE];
};
_Static_assert(sizeof(struct wt_ev_job) == 2336, "wt_ev_job is on the wire");

#define WT_CGROUP_LEVELS 8
#define WT_CGROUP_NAME 96
struct wt_ev_cgroup {
	struct wt_event h;
	__u64 cgroup;			/* as in wt_thread_rec */
	__u32 hierarchy;		/* 0: the unified one */
	__u16 levels;			/* names that follow, innermost first */
	__u16 cut;			/* there are more above them */
	char name[WT_CGROUP_LEVELS][WT_CGROUP_NAME];
};
_Static_assert(sizeof(struct wt_ev_cgroup) == 800, "wt_ev_cgroup is on the wire");

static inline __u64 wt_job_mix(__u64 h, __u64 v)
{
	h ^= v;
	h *= 0x9ddfea08eb382d69ULL;
	return h ^ (h >> 29);
}

/* value: zeroed behind its NUL. */
static inline __u64 wt_job_value_hash(const char *value)
{
	const __u64 *word = (const __u64 *)value;
	__u64 h = 0x6a6f62;

	for (int i = 0; i < WT_JOB_VALUE / 8; i++)
		h = wt_job_mix(h, word[i]);
	return h | 1;
}

#endif /* WT_JOBS_H */
