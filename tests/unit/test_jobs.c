// SPDX-License-Identifier: GPL-2.0-or-later
/* test_jobs.c - what jobs are called, which presets there are, and how many fit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jobs/jobs.h"
#include "jobs/presets.h"
#include "ledger/ledger.h"

#define ID "3f2a91bc44de0f1e2d3c4b5a69788796a5b4c3d2e1f0aabbccddeeff00112233"

/* path: outermost first */
static const char *name_of(const char *path, const char **kind)
{
	static char name[1024];
	struct wt_ev_cgroup e = { 0 };
	char copy[1024], *slash = copy;

	snprintf(copy, sizeof(copy), "%s", path);
	while (slash && e.levels < WT_CGROUP_LEVELS) {
		slash = strrchr(copy, '/');
		memccpy(e.name[e.levels++], slash ? slash + 1 : copy, 0, WT_CGROUP_NAME - 1);
		if (slash)
			*slash = 0;
	}
	*kind = cgroup_job_name(&e, name, sizeof(name));
	return name;
}

static void test_groups(void **state)
{
	static const struct {
		const char *path, *name, *kind;
	} cases[] = {
		{ "system.slice/jenkins.service", "jenkins.service", "unit" },
		{ "system.slice/system-celery.slice/celery@1.service", "celery@1.service", "unit" },
		{ "user.slice/user-1000.slice/session-3.scope", "session-3.scope", "unit" },
		{ "user.slice/user-1000.slice/user@1000.service/app.slice/batch.service", "batch.service", "unit" },
		{ "system.slice/docker-" ID ".scope", "docker:3f2a91bc44de", "container" },
		{ "docker/" ID, "docker:3f2a91bc44de", "container" },
		{ "docker/" ID "/system.slice/cron.service", "docker:3f2a91bc44de", "container" },
		{ "machine.slice/libpod-" ID ".scope", "podman:3f2a91bc44de", "container" },
		{ "kubepods.slice/kubepods-pod1234.slice/cri-containerd-" ID ".scope", "containerd:3f2a91bc44de", "container" },
		{ "kubepods/besteffort/pod0f1e/" ID, "k8s:3f2a91bc44de", "container" },
		{ "kubepods.slice/x.slice/crio-" ID ".scope", "crio:3f2a91bc44de", "container" },
		{ "lxc.payload.web1/init.scope", "lxc:web1", "container" },
		{ "batch/night", "/batch/night", "cgroup" },
		{ "docker-" "3f2a" ".scope", "docker-3f2a.scope", "unit" },
		{ "docker", "/docker", "cgroup" },
		{ "a\nb;c", "/a b;c", "cgroup" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *kind, *name = name_of(cases[i].path, &kind);

		assert_string_equal(name, cases[i].name);
		assert_string_equal(kind, cases[i].kind);
	}
}

static void put(struct jobs *j, __u64 id, unsigned system, const char *name, const char *build,
		const char *tag)
{
	struct wt_ev_job e = { .job = id, .system = system, .have = 1 << WT_JOB_NAME };

	snprintf(e.value[WT_JOB_NAME], WT_JOB_VALUE, "%s", name);
	if (build) {
		snprintf(e.value[WT_JOB_BUILD], WT_JOB_VALUE, "%s", build);
		e.have |= 1 << WT_JOB_BUILD;
	}
	if (tag) {
		snprintf(e.value[WT_JOB_TAG], WT_JOB_VALUE, "%s", tag);
		e.have |= 1 << WT_JOB_TAG;
	}
	assert_int_equal(jobs__put_build(j, &e), 0);
}

static void test_builds(void **state)
{
	struct wt_ev_job gitlab = { .job = 99, .system = WT_JOB_GITLAB,
				    .have = 1 << WT_JOB_NAME | 1 << WT_JOB_BUILD | 1 << WT_JOB_PROJECT };
	const struct job *a, *b;
	struct jobs *j;

	(void)state;
	assert_int_equal(jobs__new(&j, NULL, NULL), 0);
	put(j, 11, WT_JOB_JENKINS, "immich-batch-A", "1041", "jenkins-immich-batch-A-1041");
	put(j, 13, WT_JOB_JENKINS, "only-tag", NULL, "jenkins-only-tag-7");
	a = jobs__of(j, 11, 5, 0);
	assert_string_equal(a->name, "immich-batch-A#1041");
	assert_string_equal(a->kind, "jenkins");
	assert_true(a->build);
	assert_string_equal(a->field[WT_JOB_TAG], "jenkins-immich-batch-A-1041");
	assert_string_equal(a->field[WT_JOB_COMMIT], "");
	assert_string_equal(jobs__of(j, 13, 0, 0)->name, "only-tag#jenkins-only-tag-7");
	strcpy(gitlab.value[WT_JOB_NAME], "test");
	strcpy(gitlab.value[WT_JOB_BUILD], "4711");
	strcpy(gitlab.value[WT_JOB_PROJECT], "group/app");
	assert_int_equal(jobs__put_build(j, &gitlab), 0);
	assert_string_equal(jobs__of(j, 99, 0, 0)->name, "group/app/test#4711");
	/* steps of one build have one name: they stay apart */
	put(j, 0x500000011, WT_JOB_BUILDKITE, "pipe", "9", "step-1");
	put(j, 0x600000011, WT_JOB_BUILDKITE, "pipe", "9", "step-2");
	a = jobs__of(j, 0x500000011, 0, 0);
	b = jobs__of(j, 0x600000011, 0, 0);
	assert_ptr_not_equal(a, b);
	assert_string_equal(a->name, "pipe#9");
	assert_string_equal(b->name, "pipe#9 ~00000006");
	/* the values of given names are the name */
	put(j, 31, WT_JOB_CUSTOM, "nightly", "17", NULL);
	assert_string_equal(jobs__of(j, 31, 0, 0)->name, "nightly#17");
	assert_string_equal(jobs__of(j, 31, 0, 0)->kind, "env");
	/* what a value may not do: break lines, be no UTF-8, hold what is private */
	put(j, 33, WT_JOB_JENKINS, "a\nb\xff", "1 token=abcdef123456", NULL);
	assert_string_equal(jobs__of(j, 33, 0, 0)->name, "a b?#1 token=[secret]");
	jobs__free(j);
}

static void test_order(void **state)
{
	struct wt_ev_cgroup unit = { .cgroup = 21, .levels = 2, .name = { "x.service", "system.slice" } };
	struct jobs *j;

	(void)state;
	assert_int_equal(jobs__new(&j, NULL, NULL), 0);
	assert_int_equal(jobs__put_cgroup(j, &unit), 0);
	unit.cgroup = 23;		/* started again: the same job */
	assert_int_equal(jobs__put_cgroup(j, &unit), 0);
	assert_ptr_equal(jobs__of(j, 0, 21, 0), jobs__of(j, 0, 23, 0));
	assert_string_equal(jobs__of(j, 0, 21, 0)->name, "x.service");
	assert_string_equal(jobs__of(j, 0, 0, 0)->name, "[system]");
	assert_string_equal(jobs__of(j, 0, 0, WT_F_KTHREAD)->name, "[kernel threads]");
	assert_string_equal(jobs__of(j, 0, 21, WT_F_SELF)->name, "[worktrace]");
	assert_string_equal(jobs__of(j, LEDGER_JOB_LOST, 21, 0)->kind, "lost");
	assert_string_equal(jobs__of(j, LEDGER_JOB_OTHERS, 0, 0)->kind, "others");
	/* identities that were lost */
	assert_string_equal(jobs__of(j, 0xabc0001230001, 0, 0)->name, "[build 000abc000123]");
	assert_string_equal(jobs__of(j, 0, 0xabc0001230001, 0)->name, "[group 000abc000123]");
	/* and a build that calls itself like a unit */
	put(j, 41, WT_JOB_CUSTOM, "y.service", NULL, NULL);
	unit.cgroup = 25;
	unit.name[0][0] = 'y';
	assert_int_equal(jobs__put_cgroup(j, &unit), 0);
	assert_string_equal(jobs__of(j, 0, 25, 0)->name, "y.service ~00000000");
	jobs__free(j);

	assert_int_equal(jobs__new(&j, "command", "./build.sh"), 0);
	assert_string_equal(jobs__of(j, 0, 21, 0)->name, "./build.sh");
	put(j, 11, WT_JOB_JENKINS, "n", "1", NULL);
	assert_string_equal(jobs__of(j, 11, 21, 0)->name, "n#1");
	jobs__free(j);
}

static void test_too_many(void **state)
{
	struct jobs *j;
	char number[16];

	(void)state;
	assert_int_equal(jobs__new(&j, NULL, NULL), 0);
	for (unsigned i = 0; i < JOBS_MAX + 100; i++) {
		snprintf(number, sizeof(number), "%u", i);
		put(j, 2 * i + 101, WT_JOB_JENKINS, "n", number, NULL);
	}
	assert_int_equal(jobs__count(j), JOBS_MAX);
	for (unsigned i = 0; i < 100; i++) {
		struct wt_ev_cgroup e = { .cgroup = 1000001 + 2 * i, .levels = 1 };

		snprintf(e.name[0], WT_CGROUP_NAME, "g%u", i);
		assert_int_equal(jobs__put_cgroup(j, &e), 0);
		assert_string_equal(jobs__of(j, 0, e.cgroup, 0)->name, "[other jobs]");
	}
	assert_int_equal(jobs__count(j), JOBS_MAX);
	assert_string_equal(jobs__of(j, 101, 0, 0)->name, "n#0");
	assert_string_equal(jobs__of(j, 2 * (JOBS_MAX + 50) + 101, 0, 0)->name, "[other jobs]");
	jobs__free(j);
}

static void test_presets(void **state)
{
	const char *given[] = { "MY_JOB", "BUILD_NUMBER" };
	struct job_env names[WT_ENV_NAMES];
	struct wt_job_rule rules[WT_JOB_SYSTEMS];
	unsigned n = job_presets(names, given, 2), jenkins = 0;

	(void)state;
	assert_true(n <= WT_ENV_NAMES);
	for (unsigned i = 0; i < n; i++) {
		assert_true(strlen(names[i].name) < WT_ENV_NAME);
		for (unsigned k = 0; k < i; k++) {
			assert_string_not_equal(names[i].name, names[k].name);
			assert_false(names[i].system == names[k].system && names[i].role == names[k].role);
		}
		jenkins += names[i].system == WT_JOB_JENKINS;
		if (!strcmp(names[i].name, "BUILD_NUMBER"))
			assert_int_equal(names[i].system, WT_JOB_CUSTOM);
	}
	assert_int_equal(jenkins, 6);
	job_rules(rules, 2);
	assert_int_equal(rules[WT_JOB_CUSTOM].any, 3);
	assert_int_equal(rules[WT_JOB_JENKINS].any, 0);
	job_rules(rules, 0);
	assert_int_equal(rules[WT_JOB_CUSTOM].any, 0);
}

static void test_value_hash(void **state)
{
	char a[WT_JOB_VALUE] __attribute__((aligned(8))) = "build";
	char b[WT_JOB_VALUE] __attribute__((aligned(8))) = "build";

	(void)state;
	assert_int_equal(wt_job_value_hash(a), wt_job_value_hash(b));
	b[WT_JOB_VALUE - 2] = 'x';
	assert_int_not_equal(wt_job_value_hash(a), wt_job_value_hash(b));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_builds),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_presets),
		cmocka_unit_test(test_value_hash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
