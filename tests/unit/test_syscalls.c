// SPDX-License-Identifier: GPL-2.0-or-later
/* Names and classes of the system calls. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/syscall.h>
#include "options.h"

static __u8 native[WT_NR_SYSCALLS], compat[WT_NR_SYSCALLS];

static int nr_of(const char *name, bool is_compat)
{
	for (unsigned nr = 0; nr < WT_NR_SYSCALLS; nr++) {
		const char *n = syscall_name(nr, is_compat);

		if (n && !strcmp(n, name))
			return nr;
	}
	return -1;
}

static void assert_class(const char *name, enum wt_class class)
{
	int nr = nr_of(name, false);

	if (nr < 0)
		fail_msg("%s has no number", name);
	if (native[nr] != class)
		fail_msg("%s has class %d, not %d", name, native[nr], class);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(syscall_name(SYS_read, false), "read");
	assert_string_equal(syscall_name(SYS_clock_nanosleep, false), "clock_nanosleep");
	assert_string_equal(syscall_name(SYS_exit_group, false), "exit_group");
	assert_string_equal(syscall_name(SYS_clone3, false), "clone3");
	assert_null(syscall_name(WT_NR_SYSCALLS, false));
	assert_null(syscall_name(WT_NR_SYSCALLS - 1, false));
	assert_null(syscall_name(~0U, true));
}

/* Newer than the headers of the distributions we build on. */
static void test_newer(void **state)
{
	(void)state;
	assert_string_equal(syscall_name(449, false), "futex_waitv");
	assert_string_equal(syscall_name(455, false), "futex_wait");
	assert_string_equal(syscall_name(462, true), "mseal");
	assert_string_equal(syscall_name(470, false), "listns");
	assert_class("futex_wait", WT_C_FUTEX);
	assert_class("mseal", WT_C_MM);
#ifdef __x86_64__
	assert_string_equal(syscall_name(336, false), "uprobe");
	for (unsigned nr = 0; nr <= 470; nr++)
		if ((nr <= 336 && nr != 335) || nr >= 424)
			assert_non_null(syscall_name(nr, false));
#endif
}

static void test_classes(void **state)
{
	static const struct {
		const char *name;
		enum wt_class class;
	} expect[] = {
		{ "read", WT_C_READ }, { "readv", WT_C_READ }, { "preadv2", WT_C_READ },
		{ "pread64", WT_C_READ }, { "recvfrom", WT_C_READ }, { "recvmsg", WT_C_READ },
		{ "recvmmsg", WT_C_READ }, { "tee", WT_C_READ },
		{ "write", WT_C_WRITE }, { "writev", WT_C_WRITE }, { "pwritev2", WT_C_WRITE },
		{ "sendto", WT_C_WRITE }, { "sendmsg", WT_C_WRITE }, { "sendmmsg", WT_C_WRITE },
		{ "fsync", WT_C_SYNC }, { "fdatasync", WT_C_SYNC },
		{ "openat", WT_C_PATH }, { "getdents64", WT_C_PATH }, { "unlinkat", WT_C_PATH },
		{ "sync", WT_C_PATH }, { "syncfs", WT_C_PATH }, { "msync", WT_C_MSYNC }, { "madvise", WT_C_RANGE },
		{ "execve", WT_C_PATH }, { "mount", WT_C_PATH }, { "statx", WT_C_PATH },
		{ "accept4", WT_C_ACCEPT }, { "connect", WT_C_CONNECT },
		{ "ppoll", WT_C_POLL }, { "pselect6", WT_C_SELECT },
		{ "epoll_pwait", WT_C_EPOLL }, { "epoll_pwait2", WT_C_EPOLL },
		{ "futex", WT_C_FUTEX }, { "futex_waitv", WT_C_FUTEX },
		{ "nanosleep", WT_C_SLEEP }, { "clock_nanosleep", WT_C_SLEEP },
		{ "wait4", WT_C_WAIT4 }, { "waitid", WT_C_WAITID },
		{ "clone", WT_C_FORK }, { "clone3", WT_C_FORK },
		{ "rt_sigtimedwait", WT_C_SIGNAL }, { "rt_sigsuspend", WT_C_SIGNAL },
		{ "semop", WT_C_SEM }, { "semtimedop", WT_C_SEM }, { "msgrcv", WT_C_MSG },
		{ "mq_timedreceive", WT_C_MQ }, { "flock", WT_C_FLOCK }, { "fcntl", WT_C_FCNTL },
		{ "mmap", WT_C_MM }, { "munmap", WT_C_MM }, { "brk", WT_C_MM },
		{ "io_uring_enter", WT_C_URING }, { "io_getevents", WT_C_AIO },
		{ "ioctl", WT_C_IOCTL }, { "sendfile", WT_C_SENDFILE },
		{ "splice", WT_C_SPLICE }, { "copy_file_range", WT_C_SPLICE },
		{ "exit_group", WT_C_EXIT }, { "restart_syscall", WT_C_RESTART },
		/* a name that is the beginning of others */
		{ "getpid", WT_C_OTHER }, { "bpf", WT_C_OTHER }, { "sendfile", WT_C_SENDFILE },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(expect) / sizeof(expect[0]); i++)
		assert_class(expect[i].name, expect[i].class);
	for (unsigned nr = 0; nr < WT_NR_SYSCALLS; nr++) {
		assert_true(native[nr] < WT_CLASSES);
		if (!syscall_name(nr, false))
			assert_int_equal(native[nr], WT_C_OTHER);
	}
}

static void test_compat(void **state)
{
	(void)state;
#ifdef __x86_64__
	/* arch/x86/entry/syscalls/syscall_32.tbl */
	assert_string_equal(syscall_name(3, true), "read");
	assert_string_equal(syscall_name(7, true), "waitpid");
	assert_int_equal(compat[3], WT_C_READ);
	assert_int_equal(compat[7], WT_C_WAIT4);
	assert_int_equal(compat[102], WT_C_SOCKETCALL);
	assert_int_equal(compat[117], WT_C_IPCCALL);
	assert_int_equal(compat[142], WT_C_SELECT);
	assert_int_equal(compat[162], WT_C_SLEEP);
	assert_int_equal(compat[190], WT_C_FORK);
	assert_int_equal(compat[192], WT_C_MM);
	assert_int_equal(compat[221], WT_C_FCNTL);
	assert_int_equal(compat[240], WT_C_FUTEX);
	assert_int_equal(compat[407], WT_C_SLEEP);
	assert_int_equal(compat[414], WT_C_POLL);
	assert_int_equal(compat[417], WT_C_READ);
	assert_int_equal(compat[422], WT_C_FUTEX);
	assert_int_equal(nr_of("restart_syscall", true), 0);
#else
	skip();
#endif
}

static int setup(void **state)
{
	(void)state;
	/* every entry must be written */
	memset(native, 0xff, sizeof(native));
	memset(compat, 0xff, sizeof(compat));
	syscall_classes(native, false);
	syscall_classes(compat, true);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_newer),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_compat),
	};

	return cmocka_run_group_tests(tests, setup, NULL);
}
