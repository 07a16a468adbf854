/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cmd_record.c - worktrace record: a recording, and its exit status. */
#include "cmds.h"

#include <errno.h>
#include <sys/wait.h>
#include <stdio.h>

#include "record/session.h"
#include "util/log.h"

/* With --exit-status, 125 says that worktrace itself failed (as env(1) and its kin do). */
#define STATUS_OWN_FAILURE 125

static int record(struct session *s, const struct options *o)
{
	int err, ran;

	err = session__open(s, o);
	if (err)
		return err;
	ran = session__run(s);
	err = session__finish(s);
	if (!err)
		err = session__write(s, true);
	if (!err)
		err = session__print(s);
	return ran ? ran : err;
}

/* The command's own status, waiting for it if the recording was shorter than it. */
static int command_status(struct session *s)
{
	if (!s->command_ended) {
		while (launch__reap(s->launch, &s->command_status, true) == -EINTR)
			;
	}
	if (WIFSIGNALED(s->command_status))
		return 128 + WTERMSIG(s->command_status);
	return WEXITSTATUS(s->command_status);
}

int cmd_record(int argc, char **argv)
{
	struct session s = {};
	struct options o;
	int err, status;

	options__defaults(&o);
	err = options__parse_record(&o, argc, argv);
	if (err) {
		status = err == WT_EUSAGE ? 2 : err < 0;
		if (status && o.exit_status)
			status = STATUS_OWN_FAILURE;
		options__free(&o);
		return status;
	}
	wt_quiet = o.quiet;
	wt_verbose = o.verbose;
	err = record(&s, &o);
	if (err == WT_EUSAGE)
		status = 2;
	else
		status = err ? 1 : 0;
	if (o.exit_status)
		status = err ? STATUS_OWN_FAILURE : command_status(&s);
	session__close(&s);
	options__free(&o);
	return status;
}
