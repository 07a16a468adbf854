// SPDX-License-Identifier: GPL-2.0-or-later
/* The command that worktrace starts: what it gets, how it fails, how it ends. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "target/launch.h"
#include "util/log.h"

static char dir[] = "/tmp/wt-test-launch-XXXXXX";
static char sentence[4096];

static int saved_stderr = -1;

/* Standard error goes to a file until said_end() has read it into `sentence`. */
static void said_begin(void)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/stderr", dir);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	saved_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	dup2(fd, STDERR_FILENO);
	close(fd);
}

static void said_end(void)
{
	ssize_t n = pread(STDERR_FILENO, sentence, sizeof(sentence) - 1, 0);

	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	sentence[n > 0 ? n : 0] = 0;
}

static void assert_one_sentence(const char *part)
{
	char *nl = strchr(sentence, '\n');

	assert_non_null(strstr(sentence, part));
	assert_non_null(nl);
	assert_int_equal(nl[1], 0);
}

static void assert_no_child(void)
{
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static const char *make_file(const char *name, const char *text, mode_t mode)
{
	static char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	chmod(path, mode);
	return path;
}

static int prepare_fails(const char *name, const char *user)
{
	char *argv[] = { (char *)name, NULL };
	struct launch *l = (void *)argv;
	int err;

	said_begin();
	err = launch__prepare(&l, argv, user, false);
	said_end();
	assert_null(l);
	assert_true(err < 0);
	assert_no_child();
	return err;
}

/* Runs a command to its end; its standard error is in `sentence`. */
static int run(char **argv, const char *user, bool stdout_to_stderr)
{
	struct launch *l;
	int status;

	said_begin();
	assert_int_equal(launch__prepare(&l, argv, user, stdout_to_stderr), 0);
	assert_int_equal(launch__go(l), 0);
	assert_int_equal(launch__reap(l, &status, true), 0);
	said_end();
	launch__free(l);
	assert_no_child();
	return status;
}

static int run_sh(const char *script, const char *user, bool stdout_to_stderr)
{
	char *argv[] = { "sh", "-c", (char *)script, NULL };

	return run(argv, user, stdout_to_stderr);
}

static void test_not_found(void **state)
{
	(void)state;
	assert_int_equal(prepare_fails("no-such-command-here", NULL), -ENOENT);
	assert_one_sentence("command not found: no-such-command-here (PATH was searched)");
	assert_int_equal(prepare_fails("/no/such/file", NULL), -ENOENT);
	assert_one_sentence("command not found: /no/such/file");
}

static void test_not_executable(void **state)
{
	(void)state;
	assert_int_equal(prepare_fails(make_file("plain", "text", 0644), NULL), -EACCES);
	assert_one_sentence("is not executable");
	assert_int_equal(prepare_fails("/usr", NULL), -EISDIR);
	assert_one_sentence("it is a directory");
}

static void test_no_user(void **state)
{
	(void)state;
	assert_int_equal(prepare_fails("true", "nobody-has-this-name"), WT_ESAID);
	assert_one_sentence("there is no user \"nobody-has-this-name\"");
}

static void test_bad_interpreter(void **state)
{
	char *argv[] = { (char *)make_file("bad", "#!/no/such/interpreter\n", 0755), NULL };
	struct launch *l;
	int err;

	(void)state;
	assert_int_equal(launch__prepare(&l, argv, NULL, false), 0);
	said_begin();
	err = launch__go(l);
	said_end();
	assert_int_equal(err, -ENOENT);
	assert_one_sentence("the interpreter in its first line does not exist");
	assert_no_child();
	launch__free(l);
}

static void test_script_without_interpreter(void **state)
{
	char *argv[] = { (char *)make_file("script", "exit $(($# + 40))\n", 0755), "x", "y", NULL };
	struct launch *l;
	int status;

	(void)state;
	assert_int_equal(launch__prepare(&l, argv, NULL, false), 0);
	assert_int_equal(launch__go(l), 0);
	assert_int_equal(launch__reap(l, &status, true), 0);
	assert_int_equal(WEXITSTATUS(status), 42);
	launch__free(l);
}

static void test_status_and_signal(void **state)
{
	int status;

	(void)state;
	status = run_sh("exit 7", NULL, false);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	status = run_sh("kill -TERM $$", NULL, false);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
}

static void test_held_until_go(void **state)
{
	char mark[128], *argv[] = { "touch", mark, NULL };
	struct launch *l;
	struct pollfd pfd;
	int status;

	(void)state;
	snprintf(mark, sizeof(mark), "%s/mark", dir);
	assert_int_equal(launch__prepare(&l, argv, NULL, false), 0);
	assert_int_equal(launch__reap(l, &status, false), -EAGAIN);
	pfd = (struct pollfd){ .fd = launch__pidfd(l), .events = POLLIN };
	assert_int_equal(poll(&pfd, 1, 50), 0);
	assert_int_equal(access(mark, F_OK), -1);
	assert_int_equal(launch__go(l), 0);
	assert_int_equal(poll(&pfd, 1, 10000), 1);
	assert_int_equal(launch__reap(l, &status, false), 0);
	assert_int_equal(status, 0);
	assert_int_equal(access(mark, F_OK), 0);
	/* the same answer again, and nobody is shot */
	assert_int_equal(launch__reap(l, &status, true), 0);
	assert_int_equal(launch__kill(l, SIGKILL), 0);
	launch__free(l);
	unlink(mark);
}

static void test_free_kills_the_unstarted(void **state)
{
	char *argv[] = { "sleep", "1000", NULL };
	struct launch *l;
	pid_t pid;

	(void)state;
	assert_int_equal(launch__prepare(&l, argv, NULL, false), 0);
	pid = launch__pid(l);
	assert_int_equal(kill(pid, 0), 0);
	launch__free(l);
	assert_no_child();
	assert_int_equal(kill(pid, 0), -1);
}

static void test_kill(void **state)
{
	char *argv[] = { "sleep", "1000", NULL };
	struct launch *l;
	int status;

	(void)state;
	assert_int_equal(launch__prepare(&l, argv, NULL, false), 0);
	assert_int_equal(launch__go(l), 0);
	assert_int_equal(launch__kill(l, SIGINT), 0);
	assert_int_equal(launch__reap(l, &status, true), 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGINT);
	launch__free(l);
}

static void test_killed_before_go(void **state)
{
	char *argv[] = { "sleep", "1000", NULL };
	struct launch *l;
	int err, status;

	(void)state;
	assert_int_equal(launch__prepare(&l, argv, NULL, false), 0);
	assert_int_equal(launch__kill(l, SIGKILL), 0);
	assert_int_equal(poll(&(struct pollfd){ .fd = launch__pidfd(l), .events = POLLIN },
			      1, 10000), 1);
	said_begin();
	err = launch__go(l);
	said_end();
	assert_true(err < 0);
	assert_one_sentence("it was killed before its start");
	assert_int_equal(launch__reap(l, &status, true), 0);
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_no_child();
	launch__free(l);
}

static void test_descriptors(void **state)
{
	char script[128];
	/* not CLOEXEC on purpose, and a number that no shell uses itself */
	int fd = open("/dev/null", O_RDONLY), high = fcntl(fd, F_DUPFD, 200);

	(void)state;
	assert_true(high >= 200);
	snprintf(script, sizeof(script), "test -e /proc/$$/fd/2 && test ! -e /proc/$$/fd/%d", high);
	assert_int_equal(run_sh(script, NULL, false), 0);
	close(high);
	close(fd);
	assert_int_equal(run_sh("echo out", NULL, true), 0);
	assert_string_equal(sentence, "out\n");
}

static void test_signals(void **state)
{
	char *argv[] = { "cat", "/proc/self/status", NULL };
	sigset_t set, old;
	char *line;

	(void)state;
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, &old);
	/* whoever runs the tests may ignore these */
	signal(SIGINT, SIG_DFL);
	signal(SIGQUIT, SIG_DFL);
	signal(SIGUSR1, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	/* not through a shell, which may ignore signals itself */
	assert_int_equal(run(argv, NULL, true), 0);
	signal(SIGHUP, SIG_DFL);
	signal(SIGUSR1, SIG_DFL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	line = strstr(sentence, "SigBlk:");
	assert_non_null(line);
	assert_int_equal(strtoull(line + 7, NULL, 16), 0);
	line = strstr(sentence, "SigIgn:");
	assert_non_null(line);
	/* what nohup ignores stays so, and nothing else */
	assert_int_equal(strtoull(line + 7, NULL, 16), 1 << (SIGHUP - 1));
}

static void test_user(void **state)
{
	char path[128], *path_before;

	(void)state;
	if (geteuid())
		skip();
	setenv("HOME", "/root", 1);
	setenv("WT_TEST_KEPT", "yes", 1);
	assert_int_equal(run_sh("echo $(id -un) $(id -G) $HOME $USER $LOGNAME $WT_TEST_KEPT >&2",
				"daemon", false), 0);
	assert_string_equal(sentence, "daemon 1 /usr/sbin daemon daemon yes\n");
	chmod(make_file("private", "#!/bin/sh\n", 0700), 0700);
	chmod(dir, 0755);
	prepare_fails(make_file("private", "#!/bin/sh\n", 0700), "daemon");
	assert_one_sentence("it is not executable by daemon");
	/* a PATH that holds a directory closed to that user */
	chmod(dir, 0700);
	snprintf(path, sizeof(path), "%s:/bin", dir);
	path_before = strdup(getenv("PATH"));
	setenv("PATH", path, 1);
	prepare_fails("no-such-command-here", "daemon");
	assert_one_sentence("command not found: no-such-command-here (PATH was searched)");
	assert_int_equal(run_sh("true", "daemon", false), 0);
	setenv("PATH", path_before, 1);
	free(path_before);
}

static int setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	/* whoever runs the tests in the background ignores it, and so would our commands */
	signal(SIGINT, SIG_DFL);
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	(void)state;
	while (d && (e = readdir(d)))
		unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_found),
		cmocka_unit_test(test_not_executable),
		cmocka_unit_test(test_no_user),
		cmocka_unit_test(test_bad_interpreter),
		cmocka_unit_test(test_script_without_interpreter),
		cmocka_unit_test(test_status_and_signal),
		cmocka_unit_test(test_held_until_go),
		cmocka_unit_test(test_free_kills_the_unstarted),
		cmocka_unit_test(test_kill),
		cmocka_unit_test(test_killed_before_go),
		cmocka_unit_test(test_descriptors),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_user),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
