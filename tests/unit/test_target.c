// SPDX-License-Identifier: GPL-2.0-or-later
/* What the options name is found on this machine, or one sentence says why not. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "target/target.h"
#include "util/log.h"

static char sentence[4096];

/* target__open with standard error caught in `sentence`. */
static int open_said(struct target **t, const struct options *o)
{
	FILE *f = tmpfile();
	int saved = dup(STDERR_FILENO), err;
	ssize_t n;

	assert_non_null(f);
	dup2(fileno(f), STDERR_FILENO);
	err = target__open(t, o);
	dup2(saved, STDERR_FILENO);
	close(saved);
	n = pread(fileno(f), sentence, sizeof(sentence) - 1, 0);
	sentence[n > 0 ? n : 0] = 0;
	fclose(f);
	return err;
}

static void assert_refused(const struct options *o, const char *part)
{
	struct target *t = (void *)&t;
	char *nl;

	assert_true(open_said(&t, o) < 0);
	assert_null(t);
	assert_non_null(strstr(sentence, part));
	nl = strchr(sentence, '\n');
	assert_non_null(nl);
	assert_int_equal(nl[1], 0);
}

static pid_t child_named(const char *comm)
{
	int ready[2];
	char byte;
	pid_t pid;

	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (comm)
			prctl(PR_SET_NAME, comm);
		if (write(ready[1], "r", 1) == 1)
			for (;;)
				pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_pids(void **state)
{
	pid_t pids[2] = { child_named(NULL), child_named(NULL) };
	struct options o = { .pids = pids, .n_pids = 2 };
	struct pollfd pfd = { .events = POLLIN };
	struct target *t;

	(void)state;
	assert_int_equal(target__open(&t, &o), 0);
	assert_int_equal(t->type, WT_TARGET_PIDS);
	assert_int_equal(t->n_pids, 2);
	assert_int_equal(t->pids[1], pids[1]);
	assert_int_equal(target__alive(t), 2);
	pfd.fd = target__fd(t);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	kill(pids[0], SIGKILL);
	/* it has ended even if nobody collects it */
	assert_int_equal(poll(&pfd, 1, 10000), 1);
	assert_int_equal(target__alive(t), 1);
	assert_int_equal(poll(&pfd, 1, 0), 0);
	end_child(pids[1]);
	assert_int_equal(target__alive(t), 0);
	target__close(t);
	waitpid(pids[0], NULL, 0);
}

static void test_no_such_pid(void **state)
{
	pid_t pid = child_named(NULL);
	struct options o = { .pids = &pid, .n_pids = 1 };
	char expect[64];

	(void)state;
	end_child(pid);
	snprintf(expect, sizeof(expect), "there is no process %d\n", pid);
	assert_refused(&o, expect);
}

static void test_zombie(void **state)
{
	pid_t pid = child_named(NULL);
	struct options o = { .pids = &pid, .n_pids = 1 };
	siginfo_t info;

	(void)state;
	kill(pid, SIGKILL);
	assert_int_equal(waitid(P_PID, pid, &info, WEXITED | WNOWAIT), 0);
	assert_refused(&o, "it is a zombie");
	waitpid(pid, NULL, 0);
}

struct helper {
	pthread_t thread;
	pid_t tid;
	int ready[2], quit[2];
};

static void *helper_main(void *arg)
{
	struct helper *h = arg;
	char byte;

	h->tid = syscall(SYS_gettid);
	if (write(h->ready[1], "r", 1) != 1 || read(h->quit[0], &byte, 1) < 0)
		return NULL;
	return h;
}

static void test_thread_id(void **state)
{
	struct helper h;
	struct options o = { .pids = &h.tid, .n_pids = 1 };
	char expect[64], byte;

	(void)state;
	assert_int_equal(pipe(h.ready) | pipe(h.quit), 0);
	assert_int_equal(pthread_create(&h.thread, NULL, helper_main, &h), 0);
	assert_int_equal(read(h.ready[0], &byte, 1), 1);
	snprintf(expect, sizeof(expect), "name the process, -p %d\n", getpid());
	assert_refused(&o, expect);
	assert_int_equal(write(h.quit[1], "q", 1), 1);
	pthread_join(h.thread, NULL);
	for (int i = 0; i < 2; i++) {
		close(h.ready[i]);
		close(h.quit[i]);
	}
}

static void test_comm(void **state)
{
	/* cut to 15 by the kernel, as our own search string must be */
	const char *name = "wt-test-of-a-long-name";
	pid_t a = child_named(name), b = child_named(name);
	struct options o = { .comm = name };
	struct target *t;

	(void)state;
	assert_int_equal(open_said(&t, &o), 0);
	assert_non_null(strstr(sentence, "looking for \"wt-test-of-a-lo\""));
	assert_int_equal(t->type, WT_TARGET_COMM);
	assert_string_equal(t->comm, "wt-test-of-a-lo");
	assert_int_equal(t->n_pids, 2);
	assert_true((t->pids[0] == a && t->pids[1] == b) || (t->pids[0] == b && t->pids[1] == a));
	target__close(t);
	/* a zombie does not count */
	kill(a, SIGKILL);
	waitid(P_PID, a, &(siginfo_t){ 0 }, WEXITED | WNOWAIT);
	assert_int_equal(open_said(&t, &o), 0);
	assert_int_equal(t->n_pids, 1);
	target__close(t);
	end_child(a);
	end_child(b);
	assert_refused(&o, "no process is named \"wt-test-of-a-lo\"; --wait waits for the first one");
}

static void test_comm_wait(void **state)
{
	struct options o = { .comm = "wt-no-such-name", .wait = true };
	struct target *t;

	(void)state;
	assert_int_equal(target__open(&t, &o), 0);
	assert_int_equal(t->n_pids, 0);
	assert_int_equal(target__fd(t), -1);
	target__close(t);
	o.wait = false;
	assert_refused(&o, "no process is named \"wt-no-such-name\"");
}

static void test_all(void **state)
{
	struct options o = { .all = true };
	struct target *t;
	json_t *j;

	(void)state;
	assert_int_equal(target__open(&t, &o), 0);
	assert_int_equal(t->type, WT_TARGET_ALL);
	j = target__json(t);
	assert_string_equal(json_string_value(json_object_get(j, "type")), "all");
	json_decref(j);
	target__close(t);
}

static const char mountinfo[] =
	"22 1 0:20 / /proc rw - proc proc rw\n"
	"31 27 0:26 / /sys/fs/cgroup\\040x/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n"
	"32 27 0:27 / /sys/fs/cgroup/systemd rw,nosuid shared:10 master:3 - cgroup cgroup rw,xattr,release_agent=/x,name=systemd\n"
	"33 27 0:28 /docker/abc /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw,nsdelegate\n"
	"34 27 0:29 / /sys/fs/cgroup/blkio rw - cgroup none ro,blkio\n";

static void test_mounts(void **state)
{
	FILE *f = fmemopen((void *)mountinfo, sizeof(mountinfo) - 1, "r");
	struct cgroup_mounts m;

	(void)state;
	assert_int_equal(cgroup_mounts__read(&m, f), 0);
	fclose(f);
	assert_int_equal(m.n, 4);
	assert_string_equal(m.v[0].point, "/sys/fs/cgroup x/cpu,cpuacct");
	assert_string_equal(m.v[0].controllers, "cpu,cpuacct");
	assert_false(m.v[0].v2);
	assert_string_equal(m.v[1].name, "systemd");
	assert_string_equal(m.v[1].controllers, "");
	assert_true(m.v[2].v2);
	assert_string_equal(m.v[2].root, "/docker/abc");
	assert_string_equal(m.v[3].controllers, "blkio");
	cgroup_mounts__free(&m);
}

static void test_bad_cgroups(void **state)
{
	struct options o = { .cgroup = "/etc" };

	(void)state;
	if (access("/sys/fs/cgroup", F_OK))
		skip();
	assert_refused(&o, "/etc is not a control group");
	o.cgroup = "/etc/passwd";
	assert_refused(&o, "/etc/passwd is a file");
	o.cgroup = "wt-no-such-group";
	assert_refused(&o, "there is no control group \"wt-no-such-group\"");
	o.cgroup = "../../../etc";
	assert_refused(&o, "there is no control group \"../../../etc\"");
}

/* The first hierarchy that one may make groups in; a hierarchy of kind `want_v2` only. */
static bool writable_hierarchy(bool want_v2, struct cgroup_mount *out)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	struct cgroup_mounts m;
	bool found = false;

	assert_non_null(f);
	assert_int_equal(cgroup_mounts__read(&m, f), 0);
	fclose(f);
	for (unsigned i = 0; i < m.n && !found; i++) {
		found = m.v[i].v2 == want_v2 && !access(m.v[i].point, W_OK) &&
			(want_v2 || (m.v[i].controllers[0] && !strstr(m.v[i].controllers, "cpuset")));
		if (found) {
			*out = m.v[i];
			m.v[i].point = m.v[i].root = NULL;
		}
	}
	cgroup_mounts__free(&m);
	return found;
}

static void put_into(const char *group, pid_t pid)
{
	char path[8192];
	FILE *f;

	snprintf(path, sizeof(path), "%s/cgroup.procs", group);
	f = fopen(path, "we");
	assert_non_null(f);
	fprintf(f, "%d\n", pid);
	assert_int_equal(fclose(f), 0);
}

static void try_group(const struct cgroup_mount *m)
{
	char outer[2048], inner[4096], name[64], relative[128];
	struct options o = { .cgroup = outer };
	struct target *t;
	struct stat st;
	pid_t pid;

	snprintf(name, sizeof(name), "wt-test-%d", getpid());
	snprintf(outer, sizeof(outer), "%s/%s", m->point, name);
	snprintf(inner, sizeof(inner), "%s/inner", outer);
	snprintf(relative, sizeof(relative), "%s/inner", name);
	if (mkdir(outer, 0755))
		skip();
	assert_int_equal(mkdir(inner, 0755), 0);
	assert_refused(&o, "no process is in the control group");
	o.wait = true;
	assert_int_equal(target__open(&t, &o), 0);
	target__close(t);
	o.wait = false;

	pid = child_named(NULL);
	put_into(inner, pid);
	/* it counts for the outer one, too; and a relative name finds the inner one */
	assert_int_equal(target__open(&t, &o), 0);
	assert_int_equal(t->type, WT_TARGET_CGROUP);
	assert_int_equal(t->cgroup.level, 1);
	target__close(t);
	o.cgroup = relative;
	assert_int_equal(target__open(&t, &o), 0);
	assert_int_equal(t->cgroup.level, 2);
	assert_int_equal(t->cgroup.v2, m->v2);
	assert_string_equal(t->cgroup.path, inner);
	assert_int_equal(stat(inner, &st), 0);
	assert_int_equal(t->cgroup.id, st.st_ino);
	if (!m->v2)
		assert_non_null(strstr(m->controllers, t->cgroup.controller));
	target__close(t);
	end_child(pid);
	assert_int_equal(rmdir(inner), 0);
	assert_int_equal(rmdir(outer), 0);
}

static void test_cgroup(void **state)
{
	struct cgroup_mount m;
	int tried = 0;

	(void)state;
	if (geteuid())
		skip();
	for (int v2 = 0; v2 < 2; v2++) {
		if (!writable_hierarchy(v2, &m))
			continue;
		try_group(&m);
		free(m.point);
		free(m.root);
		tried++;
	}
	if (!tried)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pids),
		cmocka_unit_test(test_no_such_pid),
		cmocka_unit_test(test_zombie),
		cmocka_unit_test(test_thread_id),
		cmocka_unit_test(test_comm),
		cmocka_unit_test(test_comm_wait),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_bad_cgroups),
		cmocka_unit_test(test_cgroup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
