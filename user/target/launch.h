/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * launch.h - a command that is held just before its exec, so that it can be
 * traced from its first instruction.
 *
 * Life: prepare (a child exists, is the user it shall be and has found the
 * command's file) → attach the tracer to launch__pid → go → reap → free.
 */
#ifndef WT_LAUNCH_H
#define WT_LAUNCH_H

#include <stdbool.h>
#include <sys/types.h>

struct launch;

/*
 * Forks the child.  argv: NULL-terminated, argv[0] is looked up in PATH unless
 * it has a slash; borrowed until go.  user: name or number of the user to become
 * (with HOME, USER, LOGNAME and SHELL set), NULL: nobody else.
 * stdout_to_stderr: the command's standard output goes where its standard error
 * goes, as worktrace writes to standard output itself.
 *
 * The child has the working directory, standard descriptors and environment of
 * the caller, no other descriptor, no blocked signal and default dispositions;
 * but SIGHUP, SIGINT and SIGQUIT stay ignored where they were (nohup, "&").
 *
 * Returns 0 or a negative errno, or WT_ESAID, after a sentence on standard
 * error: no such user, no right to become it, command not found, not executable.
 */
int launch__prepare(struct launch **out, char **argv, const char *user,
		    bool stdout_to_stderr);
pid_t launch__pid(const struct launch *l);
/* Readable (poll, epoll) once the child has ended.  Owned by l. */
int launch__pidfd(const struct launch *l);
/*
 * Lets the child call exec and waits until that has happened.  If it fails, says
 * so in one sentence, collects the child and returns the negative errno.  The
 * caller ignores SIGPIPE: the child may have been killed meanwhile.
 */
int launch__go(struct launch *l);
/*
 * Collects the child's end: 0 with *status as of wait(2), -EAGAIN if it still
 * runs and block is false.  Later calls give the same answer again.
 */
int launch__reap(struct launch *l, int *status, bool block);
/* Sends a signal; nothing happens to a child that has been collected.  0 or -errno. */
int launch__kill(struct launch *l, int sig);
/* A child that was never let go is killed and collected; one that was runs on. */
void launch__free(struct launch *l);

#endif /* WT_LAUNCH_H */
