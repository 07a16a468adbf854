// SPDX-License-Identifier: GPL-2.0-or-later
/* cmd_doctor.c - `worktrace doctor`: what can be recorded here, and what not. */
#include <bpf/btf.h>
#include <getopt.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "cmds.h"
#include "doctor/process.h"
#include "loader/checks.h"
#include "loader/features.h"
#include "util/log.h"
#include "version.h"

#define PID_LIMIT 4194304		/* the kernel's PID_MAX_LIMIT */

static bool can_record(const struct features *f)
{
	struct check all[CHECKS_MAX];
	unsigned n = checks__all(f, all);

	for (unsigned i = 0; i < n; i++)
		if (all[i].essential && !all[i].ok)
			return false;
	return true;
}

static void print_text(const struct features *f)
{
	struct check all[CHECKS_MAX];
	unsigned n = checks__all(f, all);

	for (unsigned i = 0; i < n; i++) {
		const struct check *c = &all[i];

		printf("%-7s  %-15s  %s", c->ok ? "ok" : "lacking", c->id, c->found);
		if (!c->ok)
			printf("; so %s; %s", c->cost, c->remedy);
		putchar('\n');
	}
	printf("worktrace record %s here.\n", can_record(f) ? "works" : "cannot work");
}

static json_t *setting(int value)
{
	return value == FEATURES_ABSENT ? json_null() : json_integer(value);
}

static json_t *facts(const struct features *f)
{
	json_t *memlock = f->memlock_bytes == ~0ULL ? json_null() :
						     json_integer(f->memlock_bytes);

	return json_pack("{s:s, s:s, s:s, s:i, s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:b, s:b, s:i}",
			 "kernel", f->release, "machine", f->machine, "libbpf", f->libbpf,
			 "possible_cpus", f->possible_cpus, "lockdown", f->lockdown,
			 "memlock_bytes", memlock,
			 "perf_event_paranoid", setting(f->perf_event_paranoid),
			 "perf_event_max_sample_rate", setting(f->perf_event_max_sample_rate),
			 "kptr_restrict", setting(f->kptr_restrict),
			 "unprivileged_bpf_disabled", setting(f->unprivileged_bpf_disabled),
			 "cgroup_v1", f->cgroup_v1, "cgroup_v2", f->cgroup_v2,
			 "delayed_dequeue", f->field.sched_delayed,
			 "sched_process_exit_args", f->tp.sched_process_exit);
}

static int print_json(const struct features *f)
{
	json_t *doc = json_pack("{s:s, s:s, s:b, s:o, s:o}", "schema", "worktrace-doctor-1",
				"tool", "worktrace " WT_VERSION, "record", can_record(f),
				"checks", checks__json(f, false), "facts", facts(f));
	int err;

	if (!doc) {
		wt_error(WT_ESAID, "out of memory");
		return 1;
	}
	/* a write error shows when main() flushes */
	err = json_dumpf(doc, stdout, JSON_INDENT(2)) ? 1 : 0;
	putchar('\n');
	json_decref(doc);
	return err;
}

static void usage(void)
{
	puts("usage: worktrace doctor [--json] [--pid PID]\n\n"
	     "Says what this kernel, these privileges and this machine allow, what each lack\n"
	     "costs a recording, and what to do about it.\n\n"
	     "  -p, --pid PID                 instead, for all that this process has mapped\n"
	     "                                executable: how its stacks will be unwound and named\n"
	     "      --json                    for programs\n"
	     "  -h, --help                    this text\n\n"
	     "Exit status: 0 worktrace record works here, or PID could be looked at, 1 it cannot,\n"
	     "2 usage.");
}

/* 0, or a sentence and -1. */
static int read_pid(const char *arg, __u32 *tgid)
{
	unsigned long v = strspn(arg, "0123456789") == strlen(arg) ? strtoul(arg, NULL, 10) : 0;

	if (!v || v > PID_LIMIT) {
		wt_error(WT_EUSAGE, "--pid \"%s\": a process id from 1 to %d is expected", arg,
			 PID_LIMIT);
		return -1;
	}
	*tgid = v;
	return 0;
}

static int look_at_process(__u32 tgid, bool json)
{
	struct doctor_process p;
	int err = doctor_process__look(&p, tgid) ? 1 : 0;

	if (!err && json)
		err = doctor_report__json(&p);
	else if (!err)
		doctor_report__text(&p);
	doctor_process__clear(&p);
	return err;
}

int cmd_doctor(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "pid", required_argument, NULL, 'p' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	struct features f;
	bool json = false;
	__u32 tgid = 0;
	int c;

	opterr = 0;
	optind = 0;
	while ((c = getopt_long(argc, argv, "+:hp:", longs, NULL)) != -1) {
		if (c == 'h') {
			usage();
			return 0;
		}
		if (c == 'p' && read_pid(optarg, &tgid))
			return 2;
		if (c == ':') {
			wt_error(WT_EUSAGE, "--pid lacks its argument: PID is expected");
			return 2;
		}
		if (c == '?') {
			wt_error(WT_EUSAGE, "there is no option %s; see worktrace doctor --help",
				 argv[optind - 1]);
			return 2;
		}
		json |= c == 'j';
	}
	if (optind < argc) {
		wt_error(WT_EUSAGE, "doctor takes no argument, but got \"%s\"", argv[optind]);
		return 2;
	}
	if (tgid)
		return look_at_process(tgid, json);
	btf__free(features__detect(&f));
	features__try_uprobe(&f);
	if (json && print_json(&f))
		return 1;
	if (!json)
		print_text(&f);
	return can_record(&f) ? 0 : 1;
}
