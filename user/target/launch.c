// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * launch.c - a command held just before its exec.
 *
 * All that may allocate happens before the fork; the child only makes system
 * calls.  It reports over a pipe that exec closes: once when it is ready, and
 * again only if exec failed.
 */
#include "target/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <paths.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "util/log.h"

enum stage {
	STAGE_USER = 1,		/* becoming the user */
	STAGE_SEARCH = 2,	/* looking for the command: it is not there */
	STAGE_ACCESS = 3,	/* it is there, but cannot be executed */
	STAGE_READY = 4,	/* waiting to be let go */
	STAGE_EXEC = 5,
};

/* What the child says; err is a positive errno. */
struct report {
	int stage;
	int err;
};

struct identity {
	bool change;
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	int n_groups;
};

struct launch {
	char **argv;
	const char *user;
	bool stdout_to_stderr;
	struct identity id;
	char **envp;		/* array owned; its first n_own_env strings too */
	unsigned n_own_env;
	char **paths;		/* where the command may be, in order; owned */
	char **sh_argv;		/* argv for a script without a "#!" line; array owned */

	pid_t pid;		/* 0: none, or collected */
	pid_t was_pid;
	int pidfd;
	int go_fd;		/* we write a byte to it */
	int report_fd;		/* we read reports from it */
	bool gone;		/* let go */
	bool reaped;
	int status;
};

/* --- before the fork ---------------------------------------------------- */

/* By name, or else by number. */
static int find_user(const char *user, struct passwd **out)
{
	char *end;
	unsigned long uid;

	errno = 0;
	*out = getpwnam(user);
	if (*out)
		return 0;
	if (errno && errno != ENOENT && errno != ESRCH)
		return wt_error(-errno, "cannot look up the user \"%s\"", user);
	uid = strtoul(user, &end, 10);
	if (*user >= '0' && *user <= '9' && !*end && uid < (uid_t)-1)
		*out = getpwuid(uid);
	if (!*out)
		return wt_error(WT_ESAID, "there is no user \"%s\"", user);
	return 0;
}

static int find_groups(struct identity *id, const char *name)
{
	int n = 64;

	for (int tries = 0; tries < 2; tries++) {
		gid_t *groups = reallocarray(id->groups, n, sizeof(*groups));

		if (!groups)
			return wt_error(-ENOMEM, "cannot look up the groups of %s", name);
		id->groups = groups;
		id->n_groups = n;
		if (getgrouplist(name, id->gid, groups, &id->n_groups) >= 0)
			return 0;
		n = id->n_groups;
	}
	return wt_error(WT_ESAID, "cannot look up the groups of %s", name);
}

static bool is_identity_var(const char *var)
{
	static const char *const names[] = { "HOME=", "USER=", "LOGNAME=", "SHELL=" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(var, names[i], strlen(names[i])))
			return true;
	return false;
}

static int add_env(struct launch *l, const char *var, const char *value)
{
	char **slot = &l->envp[l->n_own_env];

	if (asprintf(slot, "%s=%s", var, value) < 0) {
		*slot = NULL;
		return wt_error(-ENOMEM, "cannot start the command");
	}
	l->n_own_env++;
	return 0;
}

/* The caller's environment; for another user with that one's name and home. */
static int make_env(struct launch *l, const struct passwd *pw)
{
	unsigned n = 0, k;

	while (environ[n])
		n++;
	l->envp = calloc(n + 5, sizeof(*l->envp));
	if (!l->envp)
		return wt_error(-ENOMEM, "cannot start the command");
	if (pw && (add_env(l, "HOME", pw->pw_dir) || add_env(l, "USER", pw->pw_name) ||
		   add_env(l, "LOGNAME", pw->pw_name) ||
		   add_env(l, "SHELL", *pw->pw_shell ? pw->pw_shell : _PATH_BSHELL)))
		return -ENOMEM;
	k = l->n_own_env;
	for (unsigned i = 0; i < n; i++)
		if (!pw || !is_identity_var(environ[i]))
			l->envp[k++] = environ[i];
	return 0;
}

/* One candidate for each directory of PATH; an empty one is the current one. */
static int make_paths(struct launch *l)
{
	const char *name = l->argv[0], *path = getenv("PATH");
	unsigned n = 2, k = 0;

	if (!path)
		path = _PATH_DEFPATH;
	for (const char *p = path; *p; p++)
		n += *p == ':';
	l->paths = calloc(n + 1, sizeof(*l->paths));
	if (!l->paths)
		return wt_error(-ENOMEM, "cannot start the command");
	if (strchr(name, '/')) {
		l->paths[0] = strdup(name);
		return l->paths[0] ? 0 : wt_error(-ENOMEM, "cannot start the command");
	}
	for (const char *p = path;; p++) {
		int len = strcspn(p, ":");

		if (asprintf(&l->paths[k++], "%.*s%s%s", len, p, len ? "/" : "./", name) < 0) {
			l->paths[k - 1] = NULL;
			return wt_error(-ENOMEM, "cannot start the command");
		}
		p += len;
		if (!*p)
			return 0;
	}
}

static int make_sh_argv(struct launch *l)
{
	unsigned n = 0;

	while (l->argv[n])
		n++;
	l->sh_argv = calloc(n + 2, sizeof(*l->sh_argv));
	if (!l->sh_argv)
		return wt_error(-ENOMEM, "cannot start the command");
	l->sh_argv[0] = (char *)_PATH_BSHELL;
	/* [1] is the file, filled in by the child */
	for (unsigned i = 1; i < n; i++)
		l->sh_argv[i + 1] = l->argv[i];
	return 0;
}

static int plan(struct launch *l)
{
	struct passwd *pw = NULL;
	int err;

	if (l->user) {
		err = find_user(l->user, &pw);
		if (err)
			return err;
		l->id.change = true;
		l->id.uid = pw->pw_uid;
		l->id.gid = pw->pw_gid;
		err = find_groups(&l->id, pw->pw_name);
		if (err)
			return err;
	}
	err = make_env(l, pw);
	if (!err)
		err = make_paths(l);
	if (!err)
		err = make_sh_argv(l);
	return err;
}

/* --- the child ----------------------------------------------------------- */

static void __attribute__((noreturn)) child_fail(int fd, enum stage stage, int err)
{
	struct report r = { stage, err };

	/* if nobody reads it, nobody wants to know */
	if (write(fd, &r, sizeof(r)) < 0)
		_exit(126);
	_exit(127);
}

static void child_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++) {
		struct sigaction sa;

		if (sigaction(sig, NULL, &sa))
			continue;
		if (sa.sa_handler == SIG_IGN && (sig == SIGHUP || sig == SIGINT || sig == SIGQUIT))
			continue;
		sa = (struct sigaction){ .sa_handler = SIG_DFL };
		sigaction(sig, &sa, NULL);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int child_identity(const struct identity *id)
{
	if (!id->change)
		return 0;
	/* one who is that user already may lack the right to set groups */
	if (geteuid() == id->uid && getuid() == id->uid && geteuid() != 0)
		return 0;
	if (setgroups(id->n_groups, id->groups) || setgid(id->gid) || setuid(id->uid))
		return errno;
	return 0;
}

/*
 * The first executable file; the complaint is about the first that is there at
 * all.  A directory of PATH that we may not search has nothing for us.
 */
static enum stage child_search(const struct launch *l, char **found, int *err)
{
	bool by_path = strchr(l->argv[0], '/');
	enum stage stage = STAGE_SEARCH;

	*err = ENOENT;
	for (char **p = l->paths; *p; p++) {
		struct stat st;
		int why;

		if (stat(*p, &st)) {
			if (by_path && errno != ENOTDIR)
				*err = errno;
			continue;
		}
		if (S_ISDIR(st.st_mode)) {
			why = EISDIR;
		} else if (access(*p, X_OK)) {
			why = errno;
		} else {
			*found = *p;
			*err = 0;
			return STAGE_READY;
		}
		if (stage == STAGE_SEARCH)
			*err = why;
		stage = STAGE_ACCESS;
	}
	return stage;
}

static void __attribute__((noreturn))
child_main(struct launch *l, int go_fd, int report_fd)
{
	struct report ready;
	const char *base = strrchr(l->argv[0], '/');
	char *file = NULL;
	char byte;
	int err;

	/* what little time it spends before the exec is the command's */
	prctl(PR_SET_NAME, base && base[1] ? base + 1 : l->argv[0]);
	child_signals();
	if (l->stdout_to_stderr && dup2(STDERR_FILENO, STDOUT_FILENO) < 0)
		child_fail(report_fd, STAGE_USER, errno);
	close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
	err = child_identity(&l->id);
	if (err)
		child_fail(report_fd, STAGE_USER, err);
	ready.stage = child_search(l, &file, &ready.err);
	if (ready.err)
		child_fail(report_fd, ready.stage, ready.err);
	if (write(report_fd, &ready, sizeof(ready)) != sizeof(ready))
		_exit(126);
	/* the end of the file: worktrace is gone */
	if (read(go_fd, &byte, 1) != 1)
		_exit(126);

	execve(file, l->argv, l->envp);
	if (errno == ENOEXEC) {
		/* as every shell does with a script that has no "#!" line */
		l->sh_argv[1] = file;
		execve(_PATH_BSHELL, l->sh_argv, l->envp);
	}
	child_fail(report_fd, STAGE_EXEC, errno);
}

/* --- the parent ---------------------------------------------------------- */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static bool has_interpreter_line(const char *path)
{
	char head[2] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (read(fd, head, sizeof(head)) < 0)
		head[0] = 0;
	close(fd);
	return head[0] == '#' && head[1] == '!';
}

/* The file of the list that made exec complain: it is there, so the loader is not. */
static int say_no_interpreter(const struct launch *l)
{
	const char *path = l->argv[0];

	for (char **p = l->paths; *p; p++) {
		if (!access(*p, X_OK)) {
			path = *p;
			break;
		}
	}
	wt_error(WT_ESAID, "cannot run %s: %s does not exist", path,
		 has_interpreter_line(path) ? "the interpreter in its first line" :
					      "its dynamic loader");
	return -ENOENT;
}

static int say_failure(const struct launch *l, const struct report *r)
{
	const char *name = l->argv[0];

	if (r->stage == STAGE_USER)
		return wt_error(-r->err, "cannot run %s as %s", name,
				l->user ? l->user : "this user");
	if (r->stage == STAGE_EXEC && r->err == ENOENT)
		return say_no_interpreter(l);
	if (r->stage == STAGE_SEARCH && r->err == ENOENT) {
		wt_error(WT_ESAID, "command not found: %s%s%s", name,
			 strchr(name, '/') ? "" : " (PATH was searched",
			 strchr(name, '/') ? "" : ")");
		return -ENOENT;
	}
	if (r->err == EISDIR) {
		wt_error(WT_ESAID, "cannot run %s: it is a directory", name);
		return -EISDIR;
	}
	if (r->err == EACCES && r->stage != STAGE_SEARCH) {
		wt_error(WT_ESAID, "cannot run %s: it is not executable%s%s", name,
			 l->user ? " by " : "", l->user ? l->user : "");
		return -EACCES;
	}
	return wt_error(-r->err, "cannot run %s", name);
}

/* 1: a report came; 0: the pipe was closed (exec worked, or the child is dead). */
static int read_report(struct launch *l, struct report *r)
{
	ssize_t n;

	do
		n = read(l->report_fd, r, sizeof(*r));
	while (n < 0 && errno == EINTR);
	return n == sizeof(*r);
}

static void collect(struct launch *l)
{
	int status;

	launch__reap(l, &status, true);
	close_fd(&l->go_fd);
	close_fd(&l->report_fd);
}

static int start_child(struct launch *l)
{
	int go[2] = { -1, -1 }, report[2] = { -1, -1 };
	int err = 0;

	if (pipe2(go, O_CLOEXEC) || pipe2(report, O_CLOEXEC)) {
		err = wt_error(-errno, "cannot start %s", l->argv[0]);
		goto out;
	}
	/* what is buffered must not be written twice */
	fflush(NULL);
	l->pid = fork();
	if (l->pid < 0) {
		err = wt_error(-errno, "cannot start %s", l->argv[0]);
		l->pid = 0;
		goto out;
	}
	if (!l->pid) {
		close(go[1]);
		close(report[0]);
		child_main(l, go[0], report[1]);
	}
	l->was_pid = l->pid;
	l->go_fd = go[1];
	l->report_fd = report[0];
	go[1] = report[0] = -1;
	l->pidfd = syscall(SYS_pidfd_open, l->pid, 0);
	if (l->pidfd < 0)
		err = wt_error(-errno, "cannot watch %s", l->argv[0]);
out:
	for (int i = 0; i < 2; i++) {
		close_fd(&go[i]);
		close_fd(&report[i]);
	}
	return err;
}

int launch__prepare(struct launch **out, char **argv, const char *user,
		    bool stdout_to_stderr)
{
	struct launch *l = calloc(1, sizeof(*l));
	struct report r;
	int err;

	*out = NULL;
	if (!l)
		return wt_error(-ENOMEM, "cannot start %s", argv[0]);
	l->argv = argv;
	l->user = user;
	l->stdout_to_stderr = stdout_to_stderr;
	l->pidfd = l->go_fd = l->report_fd = -1;
	err = plan(l);
	if (!err)
		err = start_child(l);
	if (err)
		goto fail;
	if (!read_report(l, &r)) {
		err = wt_error(WT_ESAID, "cannot run %s: it was killed before its start", argv[0]);
		goto fail;
	}
	if (r.stage != STAGE_READY) {
		err = say_failure(l, &r);
		goto fail;
	}
	*out = l;
	return 0;
fail:
	launch__free(l);
	return err;
}

pid_t launch__pid(const struct launch *l)
{
	return l->was_pid;
}

int launch__pidfd(const struct launch *l)
{
	return l->pidfd;
}

int launch__go(struct launch *l)
{
	struct report r;
	int err = 0;

	if (l->gone || l->go_fd < 0)
		return -EINVAL;
	l->gone = true;
	if (write(l->go_fd, "g", 1) != 1) {
		if (errno == EPIPE)
			err = wt_error(WT_ESAID, "cannot run %s: it was killed before its start",
				       l->argv[0]);
		else
			err = wt_error(-errno, "cannot let %s run", l->argv[0]);
		launch__kill(l, SIGKILL);
	}
	else if (read_report(l, &r))
		err = say_failure(l, &r);
	if (err) {
		collect(l);
		return err;
	}
	close_fd(&l->go_fd);
	close_fd(&l->report_fd);
	return 0;
}

int launch__reap(struct launch *l, int *status, bool block)
{
	pid_t pid;

	if (!l->reaped) {
		do
			pid = waitpid(l->pid, &l->status, block ? 0 : WNOHANG);
		while (pid < 0 && errno == EINTR);
		if (pid < 0)
			return -errno;
		if (!pid)
			return -EAGAIN;
		l->reaped = true;
		l->pid = 0;
	}
	*status = l->status;
	return 0;
}

int launch__kill(struct launch *l, int sig)
{
	if (l->reaped || !l->pid)
		return 0;
	/* not collected yet: the number is still the child's */
	return kill(l->pid, sig) ? -errno : 0;
}

void launch__free(struct launch *l)
{
	if (!l)
		return;
	if (l->pid && !l->gone) {
		launch__kill(l, SIGKILL);
		collect(l);
	}
	close_fd(&l->go_fd);
	close_fd(&l->report_fd);
	close_fd(&l->pidfd);
	for (unsigned i = 0; i < l->n_own_env; i++)
		free(l->envp[i]);
	free(l->envp);
	for (char **p = l->paths; p && *p; p++)
		free(*p);
	free(l->paths);
	free(l->sh_argv);
	free(l->id.groups);
	free(l);
}
