// SPDX-License-Identifier: GPL-2.0-or-later
/* What is detected agrees with what /proc and /sys say; verdicts follow from it. */
#include <bpf/btf.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include "loader/checks.h"
#include "loader/features.h"
#include "util/log.h"

static struct features here;

static int count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void test_leaves_nothing(void **state)
{
	struct features again;
	int before = count_fds();

	(void)state;
	btf__free(features__detect(&again));
	assert_int_equal(count_fds(), before);
	assert_memory_equal(&again, &here, sizeof(here));
}

static void test_btf(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(here.btf_err == 0, !stat("/sys/kernel/btf/vmlinux", &st));
	if (here.btf_err)
		skip();
	assert_int_equal(here.btf_bytes, st.st_size);
	/* in every kernel that has BTF at all */
	assert_true(here.tp.sched_switch >= 3);
	assert_int_equal(here.tp.sched_wakeup, 1);
	assert_int_equal(here.tp.sched_process_fork, 2);
	assert_int_equal(here.tp.sched_process_exec, 3);
	assert_true(here.field.clock_task);
}

/* Where root finds tracefs: mounted, or for this test in a mount namespace of its own. */
static const char *tracefs(void)
{
	static const char *const roots[] = { "/sys/kernel/tracing", "/sys/kernel/debug/tracing" };
	static const char own[] = "/sys/kernel/tracing";

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		char path[128];

		snprintf(path, sizeof(path), "%s/events/sched", roots[i]);
		if (!access(path, F_OK))
			return roots[i];
	}
	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tracefs", own, "tracefs", 0, NULL))
		return NULL;
	return own;
}

/* tracefs knows the tracepoints as well. */
static void test_tracepoints(void **state)
{
	const char *root = tracefs();
	char path[256];

	(void)state;
	if (!root) {
		print_message("skip: tracefs is not mounted, and only root can mount it\n");
		skip();
	}
	snprintf(path, sizeof(path), "%s/events/sched/sched_switch", root);
	assert_int_equal(here.tp.sched_switch >= 0, !access(path, F_OK));
	snprintf(path, sizeof(path), "%s/events/task/task_rename", root);
	assert_int_equal(here.tp.task_rename >= 0, !access(path, F_OK));
	snprintf(path, sizeof(path), "%s/events/cgroup/cgroup_attach_task", root);
	assert_int_equal(here.tp.cgroup_attach_task >= 0, !access(path, F_OK));
}

static void test_subsystems(void **state)
{
	char line[256], name[64];
	FILE *f = fopen("/proc/cgroups", "re");
	bool used[FEATURES_SUBSYS_MAX] = { 0 };

	(void)state;
	if (!f || here.btf_err)
		skip();
	while (fgets(line, sizeof(line), f)) {
		int i;

		if (line[0] == '#' || sscanf(line, "%63s", name) != 1)
			continue;
		i = features__subsys_index(&here, name);
		if (i < 0)
			fail_msg("the controller %s has no index", name);
		assert_true(i < FEATURES_SUBSYS_MAX && !used[i]);
		used[i] = true;
	}
	fclose(f);
	assert_int_equal(features__subsys_index(&here, "blkio"),
			 features__subsys_index(&here, "io"));
	assert_int_equal(features__subsys_index(&here, "no-such-controller"), -1);
}

static void test_settings(void **state)
{
	FILE *f = fopen("/proc/sys/kernel/perf_event_paranoid", "re");
	int value;

	(void)state;
	if (f) {
		assert_int_equal(fscanf(f, "%d", &value), 1);
		fclose(f);
		assert_int_equal(here.perf_event_paranoid, value);
	}
	assert_true(here.possible_cpus >= sysconf(_SC_NPROCESSORS_ONLN));
	if (!access("/sys/fs/cgroup/cgroup.controllers", F_OK))
		assert_true(here.cgroup_v2);
	assert_int_equal(here.psi, !access("/proc/pressure/memory", R_OK));
}

/* A machine that lacks nothing, for verdicts. */
static struct features complete(void)
{
	return (struct features){
		.release = "9.9",
		.tp = { 4, 1, 1, 2, 3, 2, 2, 4 },
		.field = { true, true, true, true, true, true, true },
		.iter_task = true, .helper_task_pt_regs = true, .helper_loop = true,
		.cap_bpf = true, .cap_perfmon = true, .cap_sys_admin = true,
		.cap_sys_ptrace = true, .cap_syslog = true,
		.perf_event_max_sample_rate = 100000,
		.kallsyms = true, .psi = true, .cgroup_v2 = true, .possible_cpus = 4,
		.uprobe_semaphore = true,
	};
}

static bool lacks(const struct features *f, const char *id, bool *essential)
{
	struct check all[CHECKS_MAX];
	unsigned n = checks__all(f, all);

	assert_true(n > 0 && n <= CHECKS_MAX);
	for (unsigned i = 0; i < n; i++) {
		assert_true(all[i].found[0] && *all[i].cost && *all[i].remedy);
		if (!strcmp(all[i].id, id)) {
			*essential = all[i].essential;
			return !all[i].ok;
		}
	}
	fail_msg("there is no check %s", id);
	return false;
}

/* Standard error's text of checks__require, which must be one sentence. */
static void assert_required(const struct features *f, const char *part)
{
	FILE *t = tmpfile();
	char text[1024] = "", *nl;
	int saved = dup(STDERR_FILENO), err;

	assert_non_null(t);
	dup2(fileno(t), STDERR_FILENO);
	err = checks__require(f);
	dup2(saved, STDERR_FILENO);
	close(saved);
	assert_true(pread(fileno(t), text, sizeof(text) - 1, 0) >= 0);
	fclose(t);
	if (!part) {
		assert_int_equal(err, 0);
		assert_string_equal(text, "");
		return;
	}
	assert_int_equal(err, WT_ESAID);
	nl = strchr(text, '\n');
	if (!strstr(text, part) || !nl || nl[1])
		fail_msg("said: %s", text);
}

static void test_essential(void **state)
{
	struct features f = complete();
	bool essential;

	(void)state;
	assert_required(&f, NULL);
	f.cap_sys_admin = false;
	assert_required(&f, NULL);
	f.cap_perfmon = false;
	assert_required(&f, "neither CAP_SYS_ADMIN nor CAP_BPF with CAP_PERFMON; run it as root");
	assert_true(lacks(&f, "privileges", &essential));
	assert_true(essential);

	f = complete();
	f.btf_err = -ENOENT;
	assert_required(&f, "the kernel does not describe its types");
	f = complete();
	f.tp.sched_switch = 3;
	assert_required(&f, "Linux 9.9 lacks the state of the leaving thread in sched_switch; "
			"boot Linux 6.1 or later");
	f = complete();
	f.helper_task_pt_regs = false;
	assert_required(&f, "Linux 9.9 lacks bpf_task_pt_regs");
	f = complete();
	f.iter_task = false;
	assert_required(&f, "iterator of tasks");
	f = complete();
	f.task_storage_err = -EPERM;
	assert_required(&f, "cannot make task storage (Operation not permitted)");
	f = complete();
	f.no_jit = true;
	assert_required(&f, "BPF programs are interpreted; sysctl net.core.bpf_jit_enable=1");
	f = complete();
	f.read_kernel_err = -EINVAL;
	strcpy(f.lockdown, "confidentiality");
	assert_required(&f, "lockdown: confidentiality); boot with lockdown=integrity");
}

static void test_costs(void **state)
{
	struct {
		const char *id;
		struct features f;
	} one[] = {
		{ "cpu-samples", complete() }, { "cpu-cycles", complete() },
		{ "sample-rate", complete() }, { "kernel-names", complete() },
		{ "state-throttled", complete() }, { "state-mem", complete() },
		{ "state-stopped", complete() }, { "steal", complete() },
		{ "renames", complete() }, { "cgroup", complete() }, { "proc-maps", complete() },
		{ "uprobes", complete() }, { "uprobes", complete() },
	};
	struct features all = complete();
	bool essential;

	(void)state;
	one[0].f.cpu_clock_err = -EACCES;
	one[1].f.hw_cycles_err = -ENOENT;
	one[2].f.perf_event_max_sample_rate = 50;
	one[3].f.kallsyms = false;
	one[4].f.field.throttle_count = false;
	one[5].f.psi = false;
	one[6].f.field.frozen = false;
	one[7].f.field.prev_steal_time = false;
	one[8].f.tp.task_rename = -1;
	one[9].f.cgroup_v2 = false;
	one[10].f.cap_sys_ptrace = false;
	one[11].f.uprobe_err = -ENOENT;
	one[12].f.uprobe_semaphore = false;
	for (size_t i = 0; i < sizeof(one) / sizeof(one[0]); i++) {
		json_t *lacking = checks__json(&one[i].f, true);

		assert_false(lacks(&all, one[i].id, &essential));
		assert_false(essential);
		assert_true(lacks(&one[i].f, one[i].id, &essential));
		assert_required(&one[i].f, NULL);
		assert_int_equal(json_array_size(lacking), 1);
		assert_string_equal(json_string_value(json_object_get(
				json_array_get(lacking, 0), "id")), one[i].id);
		json_decref(lacking);
	}
}

static int setup(void **state)
{
	(void)state;
	/* padding is compared as well */
	memset(&here, 0, sizeof(here));
	btf__free(features__detect(&here));
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leaves_nothing),
		cmocka_unit_test(test_btf),
		cmocka_unit_test(test_tracepoints),
		cmocka_unit_test(test_subsystems),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_essential),
		cmocka_unit_test(test_costs),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
