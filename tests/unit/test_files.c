// SPDX-License-Identifier: GPL-2.0-or-later
/* Files by a pattern: as a shell would find them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "util/files.h"

static char root[256], got[1024];

static void on_file(void *arg, const char *path)
{
	assert_ptr_equal(arg, root);
	assert_true(!strncmp(path, root, strlen(root)));
	strncat(got, path + strlen(root), sizeof(got) - strlen(got) - 2);
	strcat(got, " ");
}

static const char *match(const char *pattern)
{
	char path[512];

	snprintf(path, sizeof(path), "%s%s", root, pattern);
	got[0] = 0;
	files__match(path, on_file, root);
	return got;
}

static int setup(void **state)
{
	static const char *const dirs[] = { "/a-x86", "/a-arm", "/b", "/a-x86/deep", "/.a-hidden" };
	static const char *const files[] = { "/a-x86/libz.so.2", "/a-x86/libz.so.1", "/a-arm/libz.so.1",
					     "/b/libz.so.1", "/a-x86/deep/x", "/.a-hidden/libz.so.1" };
	const char *tmp = getenv("TMPDIR");
	char path[512];

	(void)state;
	snprintf(root, sizeof(root), "%s/files.XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(root))
		return -1;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		snprintf(path, sizeof(path), "%s%s", root, dirs[i]);
		if (mkdir(path, 0700))
			return -1;
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		snprintf(path, sizeof(path), "%s%s", root, files[i]);
		close(open(path, O_CREAT | O_WRONLY, 0600));
	}
	return 0;
}

static int teardown(void **state)
{
	char command[512];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}

static void test_match(void **state)
{
	(void)state;
	assert_string_equal(match("/a-*/libz.so.*"), "/a-arm/libz.so.1 /a-x86/libz.so.1 /a-x86/libz.so.2 ");
	assert_string_equal(match("/*/libz.so.[2-9]"), "/a-x86/libz.so.2 ");
	assert_string_equal(match("/a-x86/deep/?"), "/a-x86/deep/x ");
	assert_string_equal(match("//b///libz.so.1"), "/b/libz.so.1 ");
	assert_string_equal(match("/.a*/libz*"), "/.a-hidden/libz.so.1 ");
}

static void test_nothing(void **state)
{
	char longest[2 * PATH_MAX];

	(void)state;
	assert_string_equal(match("/c/libz.so.*"), "");
	assert_string_equal(match("/b/libz.so.3"), "");
	assert_string_equal(match("/b/libz.so.1/*"), "");
	got[0] = 0;
	files__match("", on_file, root);
	files__match("*", on_file, root);
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = 0;
	files__match(longest, on_file, root);
	for (size_t i = 0; i < sizeof(longest) - 1; i += 2)
		longest[i] = '/';
	files__match(longest, on_file, root);
	assert_string_equal(got, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
