// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * options.c - argv to struct options.
 *
 * One table says everything about an option: its letter, its name, what its
 * argument is, how that is read and what the help says, so that none of these
 * can drift apart.
 */
#include "options_impl.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units/match.h"
#include "util/log.h"

#define MAX_SECONDS 31622400.0		/* a leap year */
#define MAX_FREQ 10000
#define FIRST_LONG 256			/* codes of options without a letter */

static int parse_help(struct options *o, const struct opt *opt, const char *arg);

#define AT(f) offsetof(struct options, f)

static const struct opt opts[] = {
	{ .help = "Target (exactly one; its descendants are traced with it):" },
	{ "pid", 'p', "PID[,PID…]", opt__pids, 0, 0, 0, "these processes" },
	{ "name", 'n', "COMM", opt__string, AT(comm), 0, 0,
	  "processes of this name, also those that start later" },
	{ "cgroup", 'g', "CGROUP", opt__string, AT(cgroup), 0, 0,
	  "a control group: a path below /sys/fs/cgroup, a name,\n"
	  "or a systemd unit such as nginx.service" },
	{ "job", 'J', "NAME[#NUMBER]", opt__job, AT(job), 0, 0,
	  "a build of Jenkins (or of another build server), or all\n"
	  "builds of a job, also those that start later" },
	{ "all", 'a', NULL, opt__flag, AT(all), 0, 0, "everything on this machine" },
	{ "user", 'u', "USER", opt__string, AT(user), 0, 0, "run COMMAND as this user" },
	{ "wait", 0, NULL, opt__flag, AT(wait), 0, 0,
	  "with -n, -g or -J: nothing there yet is no error, wait" },

	{ .help = "Recording:" },
	{ "duration", 'd', "SECONDS", opt__seconds, AT(duration_s), 0.001, MAX_SECONDS,
	  "end after so long (default: with the target, or at Ctrl-C)" },
	{ "output", 'o', "DIR", opt__string, AT(output), 0, 0,
	  "the recording's directory (default: TARGET_TIME_HOST here)" },
	{ "force", 0, NULL, opt__flag, AT(force), 0, 0,
	  "with -o: replace the recording that is there" },
	{ "owner", 0, "USER[:GROUP]", opt__string, AT(owner), 0, 0,
	  "give the recording to this user" },
	{ "folded", 0, "wall|cpu|offcpu", opt__folded, AT(folded), 0, 0,
	  "write these folded stacks to standard output" },
	{ "fold", 0, "FRAME[,FRAME…]", opt__fold, 0, 0, 0,
	  "what folded stacks begin with: job, unit, span, comm,\n"
	  "thread, pid, tid, span (default comm,thread)" },
	{ "exit-status", 0, NULL, opt__flag, AT(exit_status), 0, 0,
	  "exit with COMMAND's status; worktrace's own failures are 125" },
	{ "checkpoint", 0, "SECONDS", opt__seconds, AT(checkpoint_s), 0, MAX_SECONDS,
	  "save what there is so often (default 30, 0: never)" },
	{ "quiet", 'q', NULL, opt__flag, AT(quiet), 0, 0, "no progress, no closing table" },
	{ "verbose", 'v', NULL, opt__flag, AT(verbose), 0, 0, "more about what is being done" },

	{ .help = "Jobs:" },
	{ "job-env", 0, "NAME[,NAME…]", opt__job_env, 0, 0, 0,
	  "variables whose values tell builds apart, besides those of\n"
	  "Jenkins, GitLab, GitHub and Buildkite" },
	{ "no-job-env", 0, NULL, opt__flag, AT(no_job_env), 0, 0,
	  "do not look into environments" },

	{ .help = "Stacks:" },
	{ "frequency", 'F', "HZ", opt__unsigned, AT(freq), 0, MAX_FREQ,
	  "samples a second of each CPU (default 99, 0: none)" },
	{ "event", 0, "cpu-clock|cycles", opt__event, AT(event), 0, 0,
	  "what samples (default cpu-clock); sampling by cycles has\n"
	  "frozen CPUs of virtual machines: not on a machine that matters" },
	{ "inlines", 0, NULL, opt__flag, AT(inlines), 0, 0,
	  "functions that were inlined as frames of their own, \"name_[i]\";\n"
	  "reads the DWARF of the programs, which takes time and memory" },
	{ "no-user-stacks", 0, NULL, opt__flag, AT(no_user_stacks), 0, 0,
	  "no user stacks where threads block" },
	{ "no-rivals", 0, NULL, opt__flag, AT(no_rivals), 0, 0,
	  "do not say who ran while a thread waited for a CPU" },
	{ "no-kernel-stacks", 0, NULL, opt__flag, AT(no_kernel_stacks), 0, 0,
	  "no kernel stacks where threads block" },
	{ "no-remember", 0, NULL, opt__flag, AT(no_remember), 0, 0,
	  "unwind every stack again instead of verifying the last ones" },
	{ "frame-pointers", 0, NULL, opt__flag, AT(frame_pointers), 0, 0,
	  "walk user stacks by frame pointer only, without unwind tables" },
	{ "jvm-perfmap", 0, NULL, opt__flag, AT(jvm_perfmap), 0, 0,
	  "ask a Java VM that cannot be read from outside for a perf map,\n"
	  "as jcmd does: it gets a SIGQUIT and writes /tmp/perf-PID.map,\n"
	  "which is removed at the end" },
	{ "budget", 0, "PERCENT|off", opt__budget, AT(budget), 0.01, 100,
	  "of the machine's CPU time for the stacks of waits (default 1);\n"
	  "beyond, fewer are taken, without bias; the ledger stays exact" },
	{ "unwind-check", 0, NULL, opt__flag, AT(unwind_check), 0, 0,
	  "unwind what was remembered, too, and count what differs" },

	{ .help = "Units of work:" },
	{ "unit-preset", 0, "NAME[,NAME…]", opt__string, AT(unit_preset), 0, 0,
	  "units by the lines that programs write: auto finds out which\n"
	  "lines count; or celery, perf-counter, json, bracket …;\n"
	  "celery-frames: Celery's tasks, whatever it logs" },
	{ "unit-line", 0, "REGEX", opt__unit_line, 0, 0, 0,
	  "the same by a pattern, with groups (?<done>…), (?<total>…),\n"
	  "(?<unit>…), (?<begin>…), (?<end>…), (?<ok>…), (?<failed>…),\n"
	  "(?<left>…), (?<elapsed>…), (?<remaining>…); may be repeated" },
	{ "unit", 0, "GLOB", opt__string, AT(unit), 0, 0,
	  "only units of this name in the folded stacks (* and ? stand for others)" },
	{ "unit-exec", 0, "NAME[,NAME…]|none", opt__names, AT(unit_exec), 0, 0,
	  "programs that are units from their start to their end\n"
	  "(default ffmpeg,ffprobe)" },
	{ "no-stages", 0, NULL, opt__flag, AT(no_stages), 0, 0,
	  "no probes in ffmpeg's libraries: no frames, no stages" },
	{ "span", 0, "NAME=BINARY:FUNCTION", opt__span, 0, 0, 0,
	  "each call of a function, from its entry to its return;\n"
	  "BINARY:BEGIN,END: from one place to another of the same\n"
	  "thread; BINARY:provider:probe[,provider:probe]: USDT;\n"
	  "BINARY: a path, or a name like libpq; may be repeated" },
	{ "span-limit", 0, "HITS", opt__unsigned, AT(span_limit), 0, 1 << 30,
	  "take a span's probes away beyond so many hits a second\n"
	  "and CPU (default 25000; 0: never)" },
	{ "span-return-probe", 0, NULL, opt__flag, AT(return_probes), 0, 0,
	  "see returns by the kernel's return probe where that breaks\n"
	  "no program: cheaper, but it changes the stack" },
	{ "unit-thread-name", 0, NULL, opt__flag, AT(thread_names), 0, 0,
	  "a thread that takes a new name begins a unit of work" },

	{ .help = "Interrupts:" },
	{ "irqs", 0, NULL, opt__flag, AT(irqs), 0, 0,
	  "tell what of threads' CPU time went to interrupts, hard and soft" },

	{ .help = "Network:" },
	{ "idle-peer", 0, "PEER", opt__idle_peer, 0, 0, 0,
	  "reading from this peer is waiting for work: idle, not net; ADDR:PORT,\n"
	  "ADDR, :PORT or the name of a service; up to 8 times" },
	{ "no-connections", 0, NULL, opt__flag, AT(no_connections), 0, 0,
	  "do not follow TCP connections: peers have waits only" },
	{ "datagrams", 0, NULL, opt__flag, AT(datagrams), 0, 0,
	  "bytes over UDP and unix sockets by peer, too (Linux 6.3 and later):\n"
	  "costs each call on a socket, of any process, a little" },
	{ "resolve", 0, NULL, opt__flag, AT(resolve), 0, 0,
	  "names of the peers' hosts, asked for after the recording" },

	{ .help = "Disks:" },
	{ "no-files", 0, NULL, opt__flag, AT(no_files), 0, 0,
	  "do not name the files that are waited for" },
	{ "no-disks", 0, NULL, opt__flag, AT(no_disks), 0, 0,
	  "do not follow the requests of block devices" },

	{ .help = "Sizes (what does not fit is counted and reported):" },
	{ "detail-entries", 0, "N", opt__unsigned, AT(detail_entries), 1, 1 << 24,
	  "lines of detail between two drains (default 32768)" },
	{ "ring-kb", 0, "KIB", opt__power_of_two, AT(ring_kb), 4, 1 << 20,
	  "ring buffer from the kernel (default 4096)" },
	{ "write-kb", 0, "KIB", opt__power_of_two, AT(write_kb), 4, 1 << 20,
	  "ring buffer for what is written (default 2048)" },
	{ "seen-entries", 0, "N", opt__unsigned, AT(seen_entries), 1, 1 << 24,
	  "stacks and reasons the kernel side remembers (default 32768)" },
	{ "conn-entries", 0, "N", opt__unsigned, AT(conn_entries), 1, 1 << 20,
	  "TCP connections followed at a time (default 24576)" },
	{ "max-conns", 0, "N", opt__unsigned, AT(max_conns), 1, 1 << 20,
	  "rows of connections that ended, and of those that live (default 10000)" },
	{ "max-exited", 0, "N", opt__unsigned, AT(max_exited), 0, 1 << 28,
	  "ended threads that keep a row of their own (default 10000)" },
	{ "max-stacks", 0, "N", opt__unsigned, AT(max_stacks), 1, 1 << 28,
	  "different stacks kept (default 100000)" },
	{ "max-units", 0, "N", opt__unsigned, AT(max_units), 1, 1 << 24,
	  "units that keep a row of their own (default 100000)" },
	{ "sideband-pages", 0, "N", opt__power_of_two, AT(sideband_pages), 1, 1 << 16,
	  "pages of each CPU's buffer for mappings (default 64)" },
	{ "drain-ms", 0, "MS", opt__unsigned, AT(drain_ms), 10, 60000,
	  "time between two drains (default 1000)" },
	{ "max-files", 0, "N", opt__unsigned, AT(max_files), 1, 1 << 20,
	  "files that are named; beyond, \"[other files]\" (default 1024)" },
	{ "disk-requests", 0, "N", opt__unsigned, AT(disk_requests), 1, 1 << 20,
	  "requests of disks under way at one time (default 8192)" },
	{ "disk-rows", 0, "N", opt__unsigned, AT(disk_rows), 1, 1 << 20,
	  "rows of disks by operation, job and process (default 1024)" },
	{ "table-mb", 0, "MIB", opt__unsigned, AT(table_mb), 1, 40,
	  "unwind tables in the kernel (default 32)" },
	{ "fault", 0, "NAME", opt__fault, AT(fault), 0, 0,
	  "for tests: get something wrong on purpose" },

	{ "help", 'h', NULL, parse_help, 0, 0, 0, "this text" },
};

#define N_OPTS (sizeof(opts) / sizeof(opts[0]))
#define HELP_COLUMN 32

static void print_option(const struct opt *opt)
{
	int used, columns = 0;

	if (opt->letter)
		used = printf("  -%c, --%s", opt->letter, opt->name);
	else
		used = printf("      --%s", opt->name);
	if (opt->arg)
		used += printf("%c%s", opt->letter ? ' ' : '=', opt->arg);
	/* "…" is three bytes and one column */
	for (const char *p = opt->arg; p && *p; p++)
		columns += (*p & 0xc0) == 0x80;
	used -= columns;
	if (used > HELP_COLUMN - 2) {
		putchar('\n');
		used = 0;
	}
	for (const char *p = opt->help; *p; used = 0) {
		int len = strcspn(p, "\n");

		printf("%*s%.*s\n", HELP_COLUMN - used, "", len, p);
		p += len + (p[len] == '\n');
	}
}

static int parse_help(struct options *o, const struct opt *help, const char *arg)
{
	(void)o;
	(void)help;
	(void)arg;
	puts("usage: worktrace record [OPTIONS…] TARGET\n"
	     "       worktrace record [OPTIONS…] [--] COMMAND [ARGS…]\n\n"
	     "Records where the time of the target goes, until the duration is over, the\n"
	     "target is gone, or Ctrl-C; then writes the recording, a directory of standard\n"
	     "files, and prints a table.  Needs root.");
	for (size_t i = 0; i < N_OPTS; i++) {
		if (!opts[i].name)
			printf("\n%s\n", opts[i].help);
		else
			print_option(&opts[i]);
	}
	puts("\nExit status: 0 the recording is whole, 1 failure, 2 usage.");
	return 1;
}

/* getopt_long's view of the table; code of entry i is its letter or FIRST_LONG + i. */
static void make_getopt(struct option *longs, char *shorts)
{
	/* stop at the first word that is no option; say ':' for a missing argument */
	*shorts++ = '+';
	*shorts++ = ':';
	for (size_t i = 0; i < N_OPTS; i++) {
		const struct opt *opt = &opts[i];

		if (!opt->name)
			continue;
		*longs++ = (struct option){
			.name = opt->name,
			.has_arg = opt->arg ? required_argument : no_argument,
			.val = FIRST_LONG + (int)i,
		};
		if (!opt->letter)
			continue;
		*shorts++ = opt->letter;
		if (opt->arg)
			*shorts++ = ':';
	}
	*longs = (struct option){ 0 };
	*shorts = 0;
}

static const struct opt *find_opt(int code)
{
	if (code >= FIRST_LONG && code < FIRST_LONG + (int)N_OPTS)
		return &opts[code - FIRST_LONG];
	for (size_t i = 0; i < N_OPTS; i++)
		if (code && opts[i].letter == code)
			return &opts[i];
	return NULL;
}

/* What getopt_long found wrong with the word before optind. */
static int bad_option(int code, char **argv)
{
	const struct opt *opt = find_opt(optopt);
	const char *word = argv[optind - 1];

	if (code == ':')
		return wt_error(WT_EUSAGE, "%s%s lacks its argument: %s is expected",
				optopt < FIRST_LONG ? "-" : "--",
				optopt < FIRST_LONG ? (char[2]){ (char)optopt } : opt->name,
				opt->arg);
	if (opt && optopt >= FIRST_LONG)
		return wt_error(WT_EUSAGE, NAME_FMT " takes no argument", opt->name);
	if (optopt)
		return wt_error(WT_EUSAGE, "there is no option -%c; see worktrace record --help",
				optopt);
	return wt_error(WT_EUSAGE, "there is no option %s, or it is short for several; "
			"see worktrace record --help", word);
}

static int check_target(const struct options *o)
{
	int n = !!o->command + !!o->n_pids + !!o->comm + !!o->cgroup + !!o->job +
		o->all;

	if (!n)
		return wt_error(WT_EUSAGE, "a target is needed: -- COMMAND, -p PID, -n COMM, "
				"-g CGROUP, -J JOB or -a; see worktrace record --help");
	if (n > 1)
		return wt_error(WT_EUSAGE, "only one target can be recorded, either of%s%s%s%s%s%s",
				o->command ? " COMMAND" : "", o->n_pids ? " --pid" : "",
				o->comm ? " --name" : "", o->cgroup ? " --cgroup" : "",
				o->job ? " --job" : "", o->all ? " --all" : "");
	return 0;
}

/* A pattern that is no good is found before anything is attached. */
static int check_units(const struct options *o)
{
	const struct match_opts opts = {
		.lines = o->unit_lines, .n_lines = o->n_unit_lines, .presets = o->unit_preset,
	};
	struct matcher *m = NULL;
	int err = options__units(o) ? matcher__new(&m, &opts) : 0;

	matcher__free(m);
	return err;
}

static int check(const struct options *o)
{
	int err = check_target(o);

	if (!err)
		err = check_units(o);

	if (err)
		return err;
	if (o->command && !o->command[0][0])
		return wt_error(WT_EUSAGE, "the command's name is empty");
	if (o->user && !o->command)
		return wt_error(WT_EUSAGE, "--user needs a COMMAND to run as %s", o->user);
	if (o->exit_status && !o->command)
		return wt_error(WT_EUSAGE, "--exit-status needs a COMMAND whose status it is");
	if (o->wait && !o->comm && !o->cgroup && !o->job)
		return wt_error(WT_EUSAGE, "--wait goes with --name, --cgroup or --job only");
	if (o->no_job_env && (o->job || o->n_job_env))
		return wt_error(WT_EUSAGE, "--no-job-env contradicts %s", o->job ? "--job" : "--job-env");
	if (o->force && !o->output)
		return wt_error(WT_EUSAGE, "--force needs --output: a name that worktrace makes "
				"up is never taken yet");
	if (o->jvm_perfmap && o->frame_pointers)
		return wt_error(WT_EUSAGE, "--jvm-perfmap goes with unwind tables, not with --frame-pointers");
	if (o->quiet && o->verbose)
		return wt_error(WT_EUSAGE, "--quiet and --verbose contradict each other");
	return 0;
}

void options__defaults(struct options *o)
{
	*o = (struct options){
		.folded = -1,
		.freq = 99,
		.event = "cpu-clock",
		.unit_exec = "ffmpeg,ffprobe",
		.checkpoint_s = 30,
		.drain_ms = 1000,
		.table_mb = 32,
		.disk_rows = 1024,
		.max_files = 1024,
		.disk_requests = 8192,
		.budget = 1,
		.detail_entries = 32768,
		.ring_kb = 4096,
		.seen_entries = 32768,
		.write_kb = 2048,
		.conn_entries = 24576,
		.max_conns = 10000,
		.max_exited = 10000,
		.span_limit = 25000,
		.max_stacks = 100000,
		.max_units = 100000,
		.sideband_pages = 64,
	};
}

int options__parse_record(struct options *o, int argc, char **argv)
{
	struct option longs[N_OPTS + 1];
	char shorts[3 * N_OPTS + 3];
	int code;

	make_getopt(longs, shorts);
	opterr = 0;
	optind = 0;		/* glibc: start afresh, also after an earlier call */
	while ((code = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct opt *opt = find_opt(code);
		int err;

		if (code == '?' || code == ':')
			return bad_option(code, argv);
		err = opt->parse(o, opt, optarg);
		if (err)
			return err;
	}
	if (optind < argc)
		o->command = argv + optind;
	else if (optind > 1 && !strcmp(argv[optind - 1], "--"))
		return wt_error(WT_EUSAGE, "-- must be followed by a command");
	return check(o);
}

bool options__stages(const struct options *o)
{
	return !o->no_stages && strstr(o->unit_exec, "ffmpeg");
}

bool options__units(const struct options *o)
{
	return o->n_unit_lines || o->unit_preset;
}

bool options__told(const struct options *o)
{
	return preset_list_has(o->unit_preset, PRESET_CELERY_FRAMES);
}

void options__free(struct options *o)
{
	for (unsigned i = 0; i < o->n_spans; i++)
		span_spec__free(&o->spans[i]);
	free(o->unit_lines);
	o->unit_lines = NULL;
	o->n_unit_lines = 0;
	free(o->spans);
	o->spans = NULL;
	o->n_spans = 0;
	free(o->pids);
	o->pids = NULL;
	o->n_pids = 0;
	for (unsigned i = 0; i < o->n_job_env; i++)
		free((char *)o->job_env[i]);
	o->n_job_env = 0;
}
