// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wl_spawn - many processes.
 *
 *     wl_spawn row COUNT                 COUNT processes, one after the other: fork, exit
 *     wl_spawn brief COUNT [WIDTH]       COUNT programs that live 20 ms, WIDTH at a time
 *     wl_spawn deleted COUNT [WIDTH]     the same from a binary that is gone
 *     wl_spawn chroot COUNT [WIDTH] DIR  the same in a chroot with its own mounts
 *     wl_spawn boxed COUNT [WIDTH] DIR   the same, and the binary in it is gone
 *     wl_spawn exec COUNT                one process that is COUNT programs in turn
 *     wl_spawn leader                    a thread that is not the leader calls exec
 *     wl_spawn rename                    a process and a thread that change their names
 *
 * A brief program waits in brief_sleep(), called from brief_work(): with frame
 * pointers all the way, so that a tracer can name both.
 */
#define _GNU_SOURCE
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "wl.h"

#define LIFE_NS (20 * WL_MS)

static const char *self_path = "/proc/self/exe";

static int64_t children_cpu_ns(void)
{
	struct rusage r;

	getrusage(RUSAGE_CHILDREN, &r);
	return (r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000000LL +
	       (r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1000LL;
}

static void report(const char *mode, int count, const char *more)
{
	printf("{\"program\": \"wl_spawn\", \"mode\": \"%s\", \"pid\": %d, \"count\": %d, "
	       "\"cpu_ns\": %lld, \"children_cpu_ns\": %lld%s}\n", mode, getpid(), count,
	       (long long)wl_clock_ns(CLOCK_PROCESS_CPUTIME_ID), (long long)children_cpu_ns(), more);
}

static int in_a_row(int count)
{
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			wl_die("fork");
		if (!pid)
			_exit(0);
		if (waitpid(pid, NULL, 0) != pid)
			wl_die("waitpid");
	}
	report("row", count, "");
	return 0;
}

/* The system call itself: libc's function would hide its caller. */
WL_NOINLINE static long brief_sleep(int64_t ns)
{
	struct timespec t = { 0, ns };

#ifdef __x86_64__
	long r;

	__asm__ volatile("syscall" : "=a"(r) : "a"(SYS_nanosleep), "D"(&t), "S"(NULL)
			 : "rcx", "r11", "memory");
	return r;
#else
	return syscall(SYS_nanosleep, &t, NULL);
#endif
}

WL_NOINLINE static long brief_work(void)
{
	int64_t end = wl_now() + LIFE_NS;
	long sum = 0;

	wl_burn(WL_MS / 2);
	while (wl_now() < end)
		sum += brief_sleep(LIFE_NS / 2) + 1;
	return sum;
}

static void start_brief(int fd)
{
	char *argv[] = { "wl-brief", "one-brief", NULL };
	char *envp[] = { NULL };
	pid_t pid = vfork();

	if (pid < 0)
		wl_die("vfork");
	if (pid)
		return;
	if (fd >= 0)
		syscall(SYS_execveat, fd, "", argv, envp, 0x1000 /* AT_EMPTY_PATH */);
	else
		execve(self_path, argv, envp);
	_exit(127);
}

/* Keeps width of them alive until count have been. */
static int brief(const char *mode, int count, int width, int fd)
{
	int failed = 0, status;

	for (int started = 0, live = 0; started < count || live; ) {
		if (started < count && live < width) {
			start_brief(fd);
			started++, live++;
			continue;
		}
		if (wait(&status) < 0)
			wl_die("wait");
		failed += status != 0;
		live--;
	}
	report(mode, count, "");
	return failed ? 1 : 0;
}

static void copy_file(const char *from, const char *to)
{
	char b[65536];
	ssize_t n;
	int in = open(from, O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	if (in < 0 || out < 0)
		wl_die(in < 0 ? from : to);
	while ((n = read(in, b, sizeof(b))) > 0)
		if (write(out, b, n) != n)
			wl_die(to);
	close(in);
	close(out);
}

static int deleted(int count, int width)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/var/tmp/wl-gone-%d", getpid());
	copy_file("/proc/self/exe", path);
	fd = open(path, O_PATH);
	if (fd < 0 || unlink(path))
		wl_die(path);
	return brief("deleted", count, width, fd);
}

static void copy_below(const char *dir, const char *path)
{
	char real[PATH_MAX], to[PATH_MAX * 2];

	if (!realpath(path, real))
		wl_die(path);
	snprintf(to, sizeof(to), "%s%s", dir, path);
	for (char *p = to + strlen(dir) + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		mkdir(to, 0755);
		*p = '/';
	}
	copy_file(real, to);
}

static int copy_object(struct dl_phdr_info *info, size_t size, void *dir)
{
	(void)size;
	if (info->dlpi_name[0] == '/')
		copy_below(dir, info->dlpi_name);
	return 0;
}

static int in_chroot(const char *mode, int count, int width, const char *dir)
{
	char program[PATH_MAX];
	int fd = -1;

	if (unshare(CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("wl", dir, "tmpfs", 0, "size=64m"))
		wl_die(dir);
	dl_iterate_phdr(copy_object, (void *)dir);
	snprintf(program, sizeof(program), "%s/wl_inside", dir);
	copy_file("/proc/self/exe", program);
	if (chroot(dir) || chdir("/"))
		wl_die("chroot");
	self_path = "/wl_inside";
	if (!strcmp(mode, "boxed")) {
		fd = open(self_path, O_PATH);
		if (fd < 0 || unlink(self_path))
			wl_die(self_path);
	}
	return brief(mode, count, width, fd);
}

/* argv: exec LEFT TOTAL */
static int exec_chain(char **argv)
{
	int left = atoi(argv[2]), total = argv[3] ? atoi(argv[3]) : left;
	char a[16], b[16];

	if (left <= 1) {
		wl_burn(WL_MS);
		report("exec", total, "");
		return 0;
	}
	wl_burn(WL_MS);
	snprintf(a, sizeof(a), "%d", left - 1);
	snprintf(b, sizeof(b), "%d", total);
	execl("/proc/self/exe", "wl_spawn", "exec", a, b, NULL);
	wl_die("exec");
	return 1;
}

static void *exec_from_thread(void *arg)
{
	char tid[16];

	(void)arg;
	prctl(PR_SET_NAME, "wl-not-leader");
	wl_burn(20 * WL_MS);
	snprintf(tid, sizeof(tid), "%ld", syscall(SYS_gettid));
	execl("/proc/self/exe", "wl_spawn", "after-leader", tid, NULL);
	wl_die("exec");
	return NULL;
}

static void *rename_thread(void *arg)
{
	prctl(PR_SET_NAME, "wl-thread-old");
	wl_sleep(50 * WL_MS);
	prctl(PR_SET_NAME, "wl-thread-new");
	wl_sleep(50 * WL_MS);
	return arg;
}

static int rename_both(void)
{
	pthread_t t;

	pthread_create(&t, NULL, rename_thread, NULL);
	wl_sleep(50 * WL_MS);
	prctl(PR_SET_NAME, "wl-renamed");
	wl_sleep(100 * WL_MS);
	pthread_join(t, NULL);
	report("rename", 1, "");
	return 0;
}

int main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";
	int count = argc > 2 ? atoi(argv[2]) : 0;
	int width = argc > 3 ? atoi(argv[3]) : 8;
	char more[64];
	pthread_t t;

	if (!strcmp(mode, "one-brief"))
		return brief_work() < 0;
	if (!strcmp(mode, "row"))
		return in_a_row(count);
	if (!strcmp(mode, "brief"))
		return brief(mode, count, width, -1);
	if (!strcmp(mode, "deleted"))
		return deleted(count, width);
	if ((!strcmp(mode, "chroot") || !strcmp(mode, "boxed")) && argc > 4)
		return in_chroot(mode, count, width, argv[4]);
	if (!strcmp(mode, "exec") && argc > 2)
		return exec_chain(argv);
	if (!strcmp(mode, "rename"))
		return rename_both();
	if (!strcmp(mode, "leader")) {
		pthread_create(&t, NULL, exec_from_thread, NULL);
		for (;;)
			pause();
	}
	if (!strcmp(mode, "after-leader") && argc > 2) {
		wl_burn(20 * WL_MS);
		wl_sleep(50 * WL_MS);
		snprintf(more, sizeof(more), ", \"old_tid\": %s", argv[2]);
		report("leader", 1, more);
		return 0;
	}
	fprintf(stderr, "usage: wl_spawn row|brief|deleted|chroot|boxed|exec|leader|rename …\n");
	return 2;
}
