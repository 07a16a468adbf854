/* SPDX-License-Identifier: GPL-2.0-or-later */
/* presets.h - which variables of an environment say what job a process belongs to. */
#ifndef WT_JOB_PRESETS_H
#define WT_JOB_PRESETS_H

#include <stdbool.h>
#include <linux/types.h>
#include "worktrace.h"

#define JOB_CUSTOM_MAX 8	/* names of --job-env */

/* One allowed name. */
struct job_env {
	const char *name;	/* at most WT_ENV_NAME − 1 bytes */
	__u8 system, role;	/* enum wt_job_system, enum wt_job_role */
};

/*
 * The build servers' names, then those given (n_custom of them, borrowed): at most
 * WT_ENV_NAMES in out; returns how many.  A name that is given and known counts as
 * given.
 */
unsigned job_presets(struct job_env *out, const char *const *custom, unsigned n_custom);
/* What makes a job of each system: WT_JOB_SYSTEMS rules. */
void job_rules(struct wt_job_rule *out, unsigned n_custom);
/* "jenkins", "gitlab" …; "env" for names that were given. */
const char *job_system_name(unsigned system);

#endif /* WT_JOB_PRESETS_H */
