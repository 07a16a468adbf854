/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asking a VM for a perf map: a child that behaves as a VM does, or as it should not.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/jvm_attach.h"
#include "util/clock.h"

enum manner {
	GOOD,			/* listens when it is asked to, writes its map, says so */
	DEAF,			/* catches the signal and does nothing */
	BRITTLE,		/* does not catch it */
	SILENT,			/* listens already, never answers … */
	ENDLESS,		/* … never stops */
	CLOSING,		/* … closes */
	UNABLE,			/* … does not know the command */
	LYING,			/* … says that it did, and did not */
};

struct child {
	pid_t pid;
	char map[64], socket[64], trigger[64];
	struct jvm_attach a;
	struct jvm_map_file f;
	char why[160];
};

static volatile sig_atomic_t asked;

static void on_quit(int sig)
{
	(void)sig;
	asked = 1;
}

static int listener(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s", path);
	if (bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 4))
		_exit(1);
	return fd;
}

static void write_map(const char *path)
{
	FILE *f = fopen(path, "we");

	fprintf(f, "7f0000000000 40 int A.b(int)\n");
	fclose(f);
}

static void answer(const struct child *c, enum manner manner, int fd)
{
	static const char wanted[] = "1\0jcmd\0Compiler.perfmap\0\0";
	char got[64] = "";

	if (read(fd, got, sizeof(got)) != sizeof(wanted) || memcmp(got, wanted, sizeof(wanted)))
		_exit(2);
	switch (manner) {
	case GOOD:
		write_map(c->map);
		/* fallthrough */
	case LYING:
		dprintf(fd, "0\nCommand executed successfully\n");
		break;
	case UNABLE:
		dprintf(fd, "1\njava.lang.IllegalArgumentException: Unknown\033 command\n");
		break;
	case ENDLESS:
		while (write(fd, "xxxxxxxxxxxxxxxx", 16) > 0)
			;
		break;
	case SILENT:
		pause();
		break;
	default:
		break;
	}
	close(fd);
}

static void be_vm(struct child *c, enum manner manner, int ready)
{
	int fd = -1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	if (manner != BRITTLE)
		signal(SIGQUIT, on_quit);
	if (manner >= SILENT)
		fd = listener(c->socket);
	if (write(ready, "x", 1) != 1)
		_exit(3);
	for (;;) {
		if (manner == GOOD && asked && fd < 0 && !access(c->trigger, F_OK))
			fd = listener(c->socket);
		if (fd >= 0)
			answer(c, manner, accept(fd, NULL, NULL));
		else
			poll(NULL, 0, 5);
	}
}

/* Some executable mapping of that process. */
static void find_code(struct child *c)
{
	char path[64], line[512], prot[8];
	unsigned long long start, end;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", c->pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (!c->a.end && fgets(line, sizeof(line), f))
		if (sscanf(line, "%llx-%llx %7s", &start, &end, prot) == 3 && prot[2] == 'x' &&
		    strchr(line, '/')) {
			c->a.start = start;
			c->a.end = end;
		}
	fclose(f);
	assert_true(c->a.end);
}

static void name_files(struct child *c)
{
	snprintf(c->map, sizeof(c->map), "/tmp/perf-%d.map", c->pid);
	snprintf(c->socket, sizeof(c->socket), "/tmp/.java_pid%d", c->pid);
	snprintf(c->trigger, sizeof(c->trigger), "/tmp/.attach_pid%d", c->pid);
}

static void start(struct child *c, enum manner manner)
{
	int ready[2];
	char byte;

	memset(c, 0, sizeof(*c));
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	asked = 0;
	c->pid = fork();
	if (!c->pid) {
		c->pid = getpid();
		name_files(c);
		be_vm(c, manner, ready[1]);
	}
	name_files(c);
	close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	c->f.tmp_fd = -1;
	c->a.tgid = c->pid;
	c->a.seen_ns = now_ns();
	c->a.cancel_fd = -1;
	c->a.listen_ms = c->a.answer_ms = 300;
	find_code(c);
}

static int request(struct child *c)
{
	__u64 began = now_ns();
	int err = jvm_attach__perfmap(&c->a, &c->f, c->why, sizeof(c->why));

	assert_true(now_ns() - began < 3 * NSEC_PER_SEC);
	/* whatever came of it, nothing of ours is left */
	assert_int_equal(access(c->trigger, F_OK), -1);
	return err;
}

static void stop(struct child *c)
{
	assert_int_equal(waitpid(c->pid, NULL, WNOHANG), 0);	/* it lives */
	kill(c->pid, SIGKILL);
	waitpid(c->pid, NULL, 0);
	unlink(c->map);
	unlink(c->socket);
}

static void test_asked(void **state)
{
	struct child c;
	struct stat st;

	(void)state;
	start(&c, GOOD);
	assert_int_equal(request(&c), 0);
	assert_int_equal(stat(c.map, &st), 0);
	assert_true(st.st_ino == c.f.ino && st.st_dev == c.f.dev);
	/* again, over what is there: it is ours */
	assert_int_equal(request(&c), 0);
	assert_int_equal(jvm_attach__remove(&c.f), 0);
	assert_int_equal(stat(c.map, &st), -1);
	assert_int_equal(jvm_attach__remove(&c.f), -ENOENT);
	stop(&c);
}

static void test_map_of_others(void **state)
{
	struct child c;

	(void)state;
	start(&c, GOOD);
	write_map(c.map);		/* since it began: somebody has asked for it */
	assert_int_equal(request(&c), -EEXIST);
	assert_int_equal(c.f.tmp_fd, -1);
	assert_int_equal(unlink(c.map), 0);
	/* the VM would write to where it leads */
	assert_int_equal(symlink("/tmp/wt-elsewhere", c.map), 0);
	assert_int_equal(request(&c), -EPERM);
	assert_int_equal(access(c.socket, F_OK), -1);	/* it was not even asked */
	assert_int_equal(access("/tmp/wt-elsewhere", F_OK), -1);
	stop(&c);
}

static void test_map_replaced(void **state)
{
	struct child c;
	char other[80];

	(void)state;
	start(&c, GOOD);
	assert_int_equal(request(&c), 0);
	snprintf(other, sizeof(other), "%s.new", c.map);
	write_map(other);
	assert_int_equal(rename(other, c.map), 0);
	assert_int_equal(jvm_attach__remove(&c.f), -ENOENT);
	assert_int_equal(access(c.map, F_OK), 0);
	stop(&c);
}

static void expect(enum manner manner, int err, const char *why)
{
	struct child c;

	start(&c, manner);
	assert_int_equal(request(&c), err);
	assert_non_null(strstr(c.why, why));
	assert_int_equal(c.f.tmp_fd, -1);
	stop(&c);
}

static void test_bad_vms(void **state)
{
	(void)state;
	expect(DEAF, -ETIMEDOUT, "did not open its socket");
	expect(BRITTLE, -EPERM, "does not catch SIGQUIT");
	expect(SILENT, -ETIMEDOUT, "did not answer in time");
	expect(ENDLESS, -EPROTO, "makes no sense");
	expect(CLOSING, -EPROTO, "closed its socket");
	expect(UNABLE, -EOPNOTSUPP, "it says \"java.lang.IllegalArgumentException: Unknown? command\"");
	expect(LYING, -ENOENT, "there is none");
}

static void test_another_program(void **state)
{
	struct child c;

	(void)state;
	start(&c, GOOD);
	c.a.start -= 4096;
	assert_int_equal(request(&c), -ESRCH);
	c.a.start += 4096;
	c.a.seen_ns = 0;		/* it began later than that */
	assert_int_equal(request(&c), -ESRCH);
	assert_int_equal(access(c.socket, F_OK), -1);
	stop(&c);
}

static void test_cancelled(void **state)
{
	struct child c;
	__u64 began;

	(void)state;
	start(&c, SILENT);
	c.a.cancel_fd = eventfd(1, EFD_CLOEXEC);
	c.a.answer_ms = 60000;
	began = now_ns();
	assert_int_equal(request(&c), -ECANCELED);
	assert_true(now_ns() - began < NSEC_PER_SEC);
	close(c.a.cancel_fd);
	stop(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_asked),
		cmocka_unit_test(test_map_of_others),
		cmocka_unit_test(test_map_replaced),
		cmocka_unit_test(test_bad_vms),
		cmocka_unit_test(test_another_program),
		cmocka_unit_test(test_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
