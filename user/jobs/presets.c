/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "jobs/presets.h"

#include <string.h>

static const struct job_env known[] = {
	{ "JOB_NAME", WT_JOB_JENKINS, WT_JOB_NAME },
	{ "BUILD_NUMBER", WT_JOB_JENKINS, WT_JOB_BUILD },
	{ "BUILD_TAG", WT_JOB_JENKINS, WT_JOB_TAG },
	{ "NODE_NAME", WT_JOB_JENKINS, WT_JOB_NODE },
	{ "EXECUTOR_NUMBER", WT_JOB_JENKINS, WT_JOB_EXECUTOR },
	{ "GIT_BRANCH", WT_JOB_JENKINS, WT_JOB_BRANCH },
	{ "GIT_COMMIT", WT_JOB_JENKINS, WT_JOB_COMMIT },

	{ "CI_JOB_NAME", WT_JOB_GITLAB, WT_JOB_NAME },
	{ "CI_JOB_ID", WT_JOB_GITLAB, WT_JOB_BUILD },
	{ "CI_PIPELINE_ID", WT_JOB_GITLAB, WT_JOB_TAG },
	{ "CI_RUNNER_ID", WT_JOB_GITLAB, WT_JOB_NODE },
	{ "CI_COMMIT_REF_NAME", WT_JOB_GITLAB, WT_JOB_BRANCH },
	{ "CI_COMMIT_SHA", WT_JOB_GITLAB, WT_JOB_COMMIT },
	{ "CI_PROJECT_PATH", WT_JOB_GITLAB, WT_JOB_PROJECT },

	{ "GITHUB_JOB", WT_JOB_GITHUB, WT_JOB_NAME },
	{ "GITHUB_RUN_NUMBER", WT_JOB_GITHUB, WT_JOB_BUILD },
	{ "GITHUB_RUN_ID", WT_JOB_GITHUB, WT_JOB_TAG },
	{ "RUNNER_NAME", WT_JOB_GITHUB, WT_JOB_NODE },
	{ "GITHUB_REF_NAME", WT_JOB_GITHUB, WT_JOB_BRANCH },
	{ "GITHUB_SHA", WT_JOB_GITHUB, WT_JOB_COMMIT },
	{ "GITHUB_REPOSITORY", WT_JOB_GITHUB, WT_JOB_PROJECT },
	{ "GITHUB_WORKFLOW", WT_JOB_GITHUB, WT_JOB_WORKFLOW },

	{ "BUILDKITE_PIPELINE_SLUG", WT_JOB_BUILDKITE, WT_JOB_NAME },
	{ "BUILDKITE_BUILD_NUMBER", WT_JOB_BUILDKITE, WT_JOB_BUILD },
	{ "BUILDKITE_JOB_ID", WT_JOB_BUILDKITE, WT_JOB_TAG },
	{ "BUILDKITE_AGENT_NAME", WT_JOB_BUILDKITE, WT_JOB_NODE },
	{ "BUILDKITE_BRANCH", WT_JOB_BUILDKITE, WT_JOB_BRANCH },
	{ "BUILDKITE_COMMIT", WT_JOB_BUILDKITE, WT_JOB_COMMIT },
};
#define KNOWN (sizeof(known) / sizeof(known[0]))
_Static_assert(KNOWN + JOB_CUSTOM_MAX <= WT_ENV_NAMES, "all names fit the kernel's map");
_Static_assert(JOB_CUSTOM_MAX <= WT_JOB_ROLES, "each name that is given has a place");

#define BIT(role) (1 << (role))

unsigned job_presets(struct job_env *out, const char *const *custom, unsigned n_custom)
{
	unsigned n = 0;

	for (unsigned i = 0; i < n_custom && i < JOB_CUSTOM_MAX; i++)
		out[n++] = (struct job_env){ custom[i], WT_JOB_CUSTOM, i };
	for (unsigned k = 0; k < KNOWN; k++) {
		bool given = false;

		for (unsigned i = 0; i < n_custom; i++)
			given |= !strcmp(custom[i], known[k].name);
		if (!given)
			out[n++] = known[k];
	}
	return n;
}

void job_rules(struct wt_job_rule *out, unsigned n_custom)
{
	memset(out, 0, WT_JOB_SYSTEMS * sizeof(*out));
	out[WT_JOB_CUSTOM].any = (1 << n_custom) - 1;
	/* many things are called JOB_NAME: alone it is no build */
	out[WT_JOB_JENKINS].all = BIT(WT_JOB_NAME) | BIT(WT_JOB_BUILD);
	out[WT_JOB_JENKINS].other = BIT(WT_JOB_NAME) | BIT(WT_JOB_TAG);
	out[WT_JOB_GITLAB].all = BIT(WT_JOB_BUILD) | BIT(WT_JOB_NAME);
	/* a job of a matrix runs several times under one name, on several runners */
	out[WT_JOB_GITHUB].all = BIT(WT_JOB_PROJECT) | BIT(WT_JOB_NAME) | BIT(WT_JOB_TAG) |
				 BIT(WT_JOB_NODE);
	out[WT_JOB_GITHUB].other = BIT(WT_JOB_NAME) | BIT(WT_JOB_TAG);
	out[WT_JOB_BUILDKITE].all = BIT(WT_JOB_NAME) | BIT(WT_JOB_BUILD) | BIT(WT_JOB_TAG);
	out[WT_JOB_BUILDKITE].other = BIT(WT_JOB_NAME) | BIT(WT_JOB_BUILD);
}

const char *job_system_name(unsigned system)
{
	static const char *const names[WT_JOB_SYSTEMS] = {
		[WT_JOB_CUSTOM] = "env", [WT_JOB_JENKINS] = "jenkins", [WT_JOB_GITLAB] = "gitlab",
		[WT_JOB_GITHUB] = "github", [WT_JOB_BUILDKITE] = "buildkite",
	};

	return system < WT_JOB_SYSTEMS ? names[system] : "env";
}
