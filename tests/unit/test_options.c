// SPDX-License-Identifier: GPL-2.0-or-later
/* The command line of `worktrace record`: what is taken, and every way to be wrong. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "options.h"
#include "sinks/recording.h"
#include "util/log.h"

static struct options o;
static char said[16384];

/* Parses the words after "record", with `fd` caught in `said`. */
static int parse_caught(int fd, char **words)
{
	char *argv[32] = { "record" };
	FILE *f = tmpfile();
	int argc = 1, saved = dup(fd), err;
	ssize_t n;

	assert_non_null(f);
	while (words[argc - 1]) {
		argv[argc] = words[argc - 1];
		argc++;
	}
	options__free(&o);
	options__defaults(&o);
	fflush(stdout);
	dup2(fileno(f), fd);
	err = options__parse_record(&o, argc, argv);
	fflush(stdout);
	dup2(saved, fd);
	close(saved);
	n = pread(fileno(f), said, sizeof(said) - 1, 0);
	said[n > 0 ? n : 0] = 0;
	fclose(f);
	return err;
}

#define PARSE(...) parse_caught(STDERR_FILENO, (char *[]){ __VA_ARGS__, NULL })

/* Usage, in one sentence that holds `part`. */
static void check_refused(int err, const char *part, int line)
{
	char *nl = strchr(said, '\n');

	if (err != WT_EUSAGE || !strstr(said, part) || !nl || nl[1])
		fail_msg("line %d: returned %d, said: %s", line, err, said);
}

#define REFUSED(part, ...) check_refused(PARSE(__VA_ARGS__), part, __LINE__)

static void test_defaults(void **state)
{
	(void)state;
	assert_int_equal(PARSE("-a"), 0);
	assert_true(o.all);
	assert_int_equal(o.freq, 99);
	assert_string_equal(o.event, "cpu-clock");
	assert_int_equal(o.folded, -1);
	assert_true(o.duration_s == 0);
	assert_true(o.checkpoint_s == 30);
	assert_int_equal(o.drain_ms, 1000);
	assert_int_equal(o.detail_entries, 32768);
	assert_int_equal(o.ring_kb, 4096);
	assert_int_equal(o.sideband_pages, 64);
	assert_null(o.command);
	assert_null(o.output);
}

static void test_targets(void **state)
{
	(void)state;
	assert_int_equal(PARSE("-p", "12,34,12", "--pid=4194304"), 0);
	assert_int_equal(o.n_pids, 3);
	assert_int_equal(o.pids[0], 12);
	assert_int_equal(o.pids[1], 34);
	assert_int_equal(o.pids[2], 4194304);
	assert_int_equal(PARSE("-n", "ffmpeg", "--wait"), 0);
	assert_string_equal(o.comm, "ffmpeg");
	assert_true(o.wait);
	assert_int_equal(PARSE("--cgroup", "nginx.service"), 0);
	assert_string_equal(o.cgroup, "nginx.service");
}

static void test_command(void **state)
{
	(void)state;
	assert_int_equal(PARSE("-d", "2.5", "--", "-x", "-d", "9"), 0);
	assert_true(o.duration_s == 2.5);
	assert_string_equal(o.command[0], "-x");
	assert_string_equal(o.command[2], "9");
	assert_null(o.command[3]);
	/* without --, the first word that is no option; what follows is its own */
	assert_int_equal(PARSE("-u", "daemon", "--exit-status", "make", "-a", "-j2"), 0);
	assert_string_equal(o.user, "daemon");
	assert_true(o.exit_status);
	assert_false(o.all);
	assert_string_equal(o.command[0], "make");
	assert_string_equal(o.command[2], "-j2");
	/* a -- of the command's own stays */
	assert_int_equal(PARSE("env", "--", "x"), 0);
	assert_string_equal(o.command[1], "--");
}

static void test_values(void **state)
{
	(void)state;
	assert_int_equal(PARSE("-a", "-o", "dir", "--force", "--owner", "a:b", "-q", "-F", "0",
			       "--event=cycles", "--no-user-stacks", "--no-kernel-stacks",
			       "--no-remember", "--checkpoint=0", "--drain-ms=10",
			       "--detail-entries=1", "--ring-kb=4", "--seen-entries=7"), 0);
	assert_string_equal(o.output, "dir");
	assert_true(o.force && o.quiet && o.no_user_stacks && o.no_kernel_stacks && o.no_remember);
	assert_string_equal(o.owner, "a:b");
	assert_int_equal(o.freq, 0);
	assert_string_equal(o.event, "cycles");
	assert_true(o.checkpoint_s == 0);
	assert_int_equal(o.drain_ms, 10);
	assert_int_equal(o.detail_entries, 1);
	assert_int_equal(o.ring_kb, 4);
	assert_int_equal(o.seen_entries, 7);
	assert_int_equal(PARSE("-a", "-v", "--max-exited=0", "--max-stacks=5",
			       "--sideband-pages=128", "--folded=offcpu"), 0);
	assert_true(o.verbose);
	assert_int_equal(o.max_exited, 0);
	assert_int_equal(o.max_stacks, 5);
	assert_int_equal(o.sideband_pages, 128);
	assert_int_equal(o.folded, FOLDED_OFFCPU);
	assert_int_equal(PARSE("-a", "--folded", "wall"), 0);
	assert_int_equal(o.folded, FOLDED_WALL);
	assert_int_equal(PARSE("-a", "-F", "10000"), 0);
}

static void test_bad_seconds(void **state)
{
	static const char *const bad[] = {
		"0", "0.0", "abc", "-1", "", " 1", "1 ", "1s", "0x10", "inf", "nan", "1e3",
		"1.2.3", ".", "99999999999", "0.0001",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char part[64];

		snprintf(part, sizeof(part), "--duration \"%s\": a number of seconds", bad[i]);
		REFUSED(part, "-a", "-d", (char *)bad[i]);
	}
	REFUSED("--checkpoint \"-3\"", "-a", "--checkpoint=-3");
}

static void test_bad_numbers(void **state)
{
	(void)state;
	REFUSED("--frequency \"1e9\": a whole number from 0 to 10000", "-a", "-F", "1e9");
	REFUSED("--frequency \"10001\"", "-a", "-F", "10001");
	REFUSED("--frequency \"-99\"", "-a", "-F", "-99");
	REFUSED("--frequency \"\"", "-a", "-F", "");
	REFUSED("--frequency \"+9\"", "-a", "-F", "+9");
	REFUSED("--frequency \"18446744073709551617\"", "-a", "-F", "18446744073709551617");
	REFUSED("--drain-ms \"9\"", "-a", "--drain-ms=9");
	REFUSED("--detail-entries \"0\"", "-a", "--detail-entries=0");
	REFUSED("--detail-entries \"4294967297\"", "-a", "--detail-entries=4294967297");
	REFUSED("--ring-kb \"5\": a power of two", "-a", "--ring-kb=5");
	REFUSED("--ring-kb \"2\"", "-a", "--ring-kb=2");
	REFUSED("--sideband-pages \"0\"", "-a", "--sideband-pages=0");
	REFUSED("--max-stacks \"many\"", "-a", "--max-stacks=many");
}

static void test_bad_pids(void **state)
{
	static const char *const bad[] = {
		"12,,x", "", ",", "1,", ",1", "0", "-1", "1 2", "12x", "4194305",
		"99999999999999999999",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char part[64];

		snprintf(part, sizeof(part), "--pid \"%s\": process ids from 1 to", bad[i]);
		REFUSED(part, "-p", (char *)bad[i]);
	}
}

static void test_bad_words(void **state)
{
	(void)state;
	REFUSED("--output is empty", "-a", "-o", "");
	REFUSED("--name is empty", "-n", "");
	REFUSED("--cgroup is empty", "--cgroup=");
	REFUSED("--user is empty", "-u", "", "ls");
	REFUSED("--owner is empty", "-a", "--owner=");
	REFUSED("--output is given twice", "-a", "-o", "x", "-o", "y");
	REFUSED("--folded \"all\": wall, cpu or offcpu", "-a", "--folded=all");
	REFUSED("--event \"branches\": cpu-clock or cycles", "-a", "--event=branches");
	REFUSED("-d lacks its argument: SECONDS", "-a", "-d");
	REFUSED("--ring-kb lacks its argument: KIB", "-a", "--ring-kb");
	REFUSED("--all takes no argument", "--all=yes");
	REFUSED("there is no option --frob", "-a", "--frob");
	REFUSED("there is no option --no-", "-a", "--no-");
	REFUSED("there is no option -z", "-az");
}

static void test_jobs(void **state)
{
	static const char *const bad[] = {
		"", ",", "A,", ",A", "A,,B", "1A", "A B", "A=B", "A-B", "\xc3\xa9",
		"A2345678901234567890123456789012", "A,B,C,D,E,F,G,H,I",
	};
	static const char *const bad_folds[] = { "", "job,", "job,job", "job,comn", ",", "jobs", "job comm" };
	static const char *const bad_jobs[] = { "", "#12", "x#", "#" };
	char long_name[WT_JOB_VALUE + 1];

	(void)state;
	assert_int_equal(PARSE("-J", "folder/job#12"), 0);
	assert_string_equal(o.job, "folder/job#12");
	assert_int_equal(PARSE("-a", "--job-env", "CIRCLE_JOB,_B2", "--job-env=A234567890123456789012345678901"), 0);
	assert_int_equal(o.n_job_env, 3);
	assert_string_equal(o.job_env[1], "_B2");
	assert_int_equal(PARSE("-a", "--fold=job,unit,comm,thread,pid,tid,span"), 0);
	for (unsigned i = 0; i < FOLD_FRAMES; i++)
		assert_int_equal(o.fold[i], FOLD_JOB + i);
	assert_int_equal(o.fold[FOLD_FRAMES], FOLD_END);
	assert_int_equal(PARSE("-a"), 0);
	assert_int_equal(o.fold[0], FOLD_END);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		REFUSED("--job-env", "-a", "--job-env", (char *)bad[i]);
	for (size_t i = 0; i < sizeof(bad_folds) / sizeof(bad_folds[0]); i++)
		REFUSED("--fold \"", "-a", "--fold", (char *)bad_folds[i]);
	for (size_t i = 0; i < sizeof(bad_jobs) / sizeof(bad_jobs[0]); i++)
		REFUSED("--job \"", "-J", (char *)bad_jobs[i]);
	REFUSED("--fold is given twice", "-a", "--fold=job", "--fold=comm");
	memset(long_name, 'x', WT_JOB_VALUE);
	long_name[WT_JOB_VALUE] = 0;
	REFUSED("--job: the name of a job has at most 255 bytes", "-J", long_name);
	assert_int_equal(PARSE("-J", long_name + 1), 0);
}

static void test_bad_combinations(void **state)
{
	(void)state;
	REFUSED("a target is needed", "-d", "1");
	REFUSED("-- must be followed by a command", "-d", "1", "--");
	REFUSED("only one target can be recorded, either of --pid --all", "-a", "-p", "1");
	REFUSED("either of COMMAND --name", "-n", "x", "ls");
	REFUSED("either of --name --cgroup", "-n", "x", "-g", "y");
	REFUSED("the command's name is empty", "--", "");
	REFUSED("--user needs a COMMAND", "-a", "-u", "daemon");
	REFUSED("--exit-status needs a COMMAND", "-p", "1", "--exit-status");
	REFUSED("--wait goes with --name, --cgroup or --job", "-p", "1", "--wait");
	REFUSED("--wait goes with --name, --cgroup or --job", "--wait", "ls");
	REFUSED("either of --job --all", "-a", "-J", "x");
	REFUSED("--no-job-env contradicts --job", "-J", "x", "--no-job-env");
	REFUSED("--no-job-env contradicts --job-env", "-a", "--job-env=A", "--no-job-env");
	REFUSED("--force needs --output", "-a", "--force");
	REFUSED("--quiet and --verbose", "-a", "-q", "-v");
}

static void test_units(void **state)
{
	(void)state;
	assert_int_equal(PARSE("-a"), 0);
	assert_false(options__units(&o));
	assert_int_equal(PARSE("--unit-line", "a(?<done>\\d+)", "--unit-preset=auto,celery",
			       "--unit-line=(?<unit>x)", "-a"), 0);
	assert_true(options__units(&o));
	assert_int_equal(o.n_unit_lines, 2);
	assert_string_equal(o.unit_lines[1], "(?<unit>x)");
	assert_string_equal(o.unit_preset, "auto,celery");
	REFUSED("--unit-line \"(?<done>\": at its end", "-a", "--unit-line", "(?<done>");
	REFUSED("exponential", "-a", "--unit-line", "(?<unit>x)", "--unit-line", "((?<unit>x+)*)*y");
	REFUSED("none of its groups", "-a", "--unit-line", "\\d+");
	REFUSED("no preset \"foo\"; there are auto, celery", "-a", "--unit-preset", "auto,foo");
	REFUSED("--unit-preset is empty", "-a", "--unit-preset=");
	REFUSED("--unit-preset is given twice", "-a", "--unit-preset=auto", "--unit-preset=auto");
}

static void test_help(void **state)
{
	static const char *const words[] = {
		"--pid", "--name", "--cgroup", "--job", "--all", "--job-env", "--fold", "--user", "--wait", "--duration",
		"--output", "--force", "--owner", "--folded", "--exit-status", "--checkpoint",
		"--frequency", "--event", "--no-user-stacks", "--ring-kb", "--drain-ms",
	};

	(void)state;
	assert_int_equal(parse_caught(STDOUT_FILENO, (char *[]){ "--help", NULL }), 1);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_non_null(strstr(said, words[i]));
}

static int teardown(void **state)
{
	(void)state;
	options__free(&o);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_targets),
		cmocka_unit_test(test_command),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_bad_seconds),
		cmocka_unit_test(test_bad_numbers),
		cmocka_unit_test(test_bad_pids),
		cmocka_unit_test(test_bad_words),
		cmocka_unit_test(test_jobs),
		cmocka_unit_test(test_bad_combinations),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_help),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
