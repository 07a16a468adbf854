// SPDX-License-Identifier: GPL-2.0-or-later
/* main.c - the command table and the exit status, nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "cmds.h"
#include "util/log.h"
#include "version.h"

static int cmd_help(int argc, char **argv);
static int cmd_version(int argc, char **argv);

static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "record", cmd_record, "record where the time of a target goes" },
	{ "doctor", cmd_doctor, "say what this kernel and these privileges allow" },
	{ "help", cmd_help, "this text, or the help of a command" },
	{ "version", cmd_version, "the version of worktrace" },
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static void usage(FILE *f)
{
	fputs("worktrace: where did the time of this work go?\n\n"
	      "usage: worktrace COMMAND [OPTIONS…]\n\n", f);
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(f, "  %-10s %s\n", commands[i].name, commands[i].help);
	fputs("\nFor example:\n"
	      "  worktrace record -- ./build.sh       a command, from start to end\n"
	      "  worktrace record -d 30 -p 1234       a process and its descendants, 30 s\n"
	      "  worktrace help record                every option\n", f);
}

static const struct command *find_command(const char *name)
{
	if (!strcmp(name, "--help") || !strcmp(name, "-h"))
		name = "help";
	else if (!strcmp(name, "--version") || !strcmp(name, "-V"))
		name = "version";
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	wt_error(WT_EUSAGE, "there is no command \"%s\"; see worktrace help", name);
	return NULL;
}

static int cmd_help(int argc, char **argv)
{
	const struct command *c;
	char *args[] = { argc > 1 ? argv[1] : NULL, "--help", NULL };

	if (argc < 2 || argv[1][0] == '-') {
		usage(stdout);
		return 0;
	}
	c = find_command(argv[1]);
	if (!c)
		return 2;
	if (c->run == cmd_help || c->run == cmd_version) {
		printf("worktrace %s: %s\n", c->name, c->help);
		return 0;
	}
	return c->run(2, args);
}

static int cmd_version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	printf("worktrace %s\n", WT_VERSION);
	return 0;
}

/* A full disk or a closed pipe often shows only when the last byte is flushed. */
static int finish_stdout(int status)
{
	bool failed = ferror(stdout);
	int err = 0;

	if (fflush(stdout) || fclose(stdout))
		err = -errno;
	if (status || (!failed && !err))
		return status;
	wt_error(err ? err : WT_ESAID, "cannot write to standard output");
	return 1;
}

/*
 * Who starts us may have closed standard descriptors: no file or pipe of ours
 * may get their numbers.  What is opened for reading still refuses our output.
 */
static void hold_standard_fds(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) < 0)
			return;
}

int main(int argc, char **argv)
{
	const struct command *c;

	hold_standard_fds();
	/* writing to a closed pipe is an error like any other */
	signal(SIGPIPE, SIG_IGN);
	if (argc < 2) {
		usage(stderr);
		return 2;
	}
	c = find_command(argv[1]);
	if (!c)
		return 2;
	return finish_stdout(c->run(argc - 1, argv + 1));
}
