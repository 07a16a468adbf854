/* SPDX-License-Identifier: GPL-2.0-or-later */
/* test_recdir.c - a recording appears whole, replaces whole, or leaves no trace. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sinks/recfile.h"
#include "sinks/recording.h"
#include "util/log.h"

static char top[4096];
static int home;

static const char *frame_name(void *ctx, __u32 frame)
{
	(void)ctx;
	(void)frame;
	return "main";
}

/* of a recording */
#define FILES 10

static bool is_root(void *ctx, __u32 frame)
{
	(void)ctx;
	(void)frame;
	return true;
}

static struct recording *new_recording(void)
{
	struct recording *r = calloc(1, sizeof(*r));
	const struct ledger_opts opts = { 0 };
	struct wt_thread_rec rec = { .birth_ns = 1, .end_ns = 5001, .st_ns = { 5000 }, .serial = 1,
				     .task = 1, .tid = 7, .tgid = 7, .comm = "w", .pcomm = "w" };

	assert_int_equal(ledger__new(&r->ledger, &opts), 0);
	ledger__put_thread(r->ledger, &rec);
	r->frames = (struct ledger_frames){ NULL, frame_name, frame_name, is_root };
	assert_int_equal(ledger__settle(r->ledger, &r->frames, &r->totals), 0);
	r->host = "h";
	r->version = "0";
	r->complete = true;
	return r;
}

static void free_recording(struct recording *r)
{
	ledger__free(r->ledger);
	free(r);
}

static int setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(top, sizeof(top), "%s/wt-recdir-XXXXXX", tmp ? tmp : "/tmp");
	home = open(".", O_RDONLY | O_DIRECTORY);
	if (home < 0 || !mkdtemp(top) || chdir(top))
		return -1;
	*state = new_recording();
	return 0;
}

static int teardown(void **state)
{
	free_recording(*state);
	umount2("small", MNT_DETACH);	/* a failed test may have left it */
	if (fchdir(home))
		return -1;
	close(home);
	return remove_tree(AT_FDCWD, top);
}

/* Entries of a directory, hidden ones too. */
static unsigned entries(const char *path)
{
	DIR *d = opendir(path);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static int open_dir(struct recdir **d, const char *path, bool force)
{
	const struct recdir_opts opts = { .path = path, .force = force };

	return recdir__open(d, &opts);
}

static void test_writes_whole(void **state)
{
	struct recdir *d;

	umask(0777);
	assert_int_equal(open_dir(&d, "rec///", false), 0);
	assert_string_equal(recdir__path(d), "rec");
	assert_int_equal(entries("."), 0);
	assert_int_equal(recdir__write(d, *state), 0);
	umask(022);
	assert_int_equal(entries("."), 1);
	assert_int_equal(entries("rec"), FILES);
	assert_int_equal(mode_of("rec"), 0700);
	assert_int_equal(mode_of("rec/wall.folded"), 0600);
	assert_int_equal(mode_of("rec/summary.json"), 0600);
	/* a checkpoint is replaced by the next writing */
	assert_int_equal(recdir__write(d, *state), 0);
	assert_int_equal(entries("."), 1);
	assert_int_equal(entries("rec"), FILES);
	recdir__close(d);
}

static void test_existing_is_refused(void **state)
{
	struct recdir *d;

	(void)state;
	/* rec is there from the test before */
	assert_int_equal(open_dir(&d, "rec", false), WT_ESAID);
	assert_null(d);
	assert_int_equal(mkdir("other", 0700), 0);
	assert_int_equal(open_dir(&d, "other", false), WT_ESAID);
	assert_int_equal(close(creat("other/precious", 0600)), 0);
	assert_int_equal(open_dir(&d, "other", true), WT_ESAID);
	assert_int_equal(close(creat("file", 0600)), 0);
	assert_int_equal(open_dir(&d, "file", true), WT_ESAID);
	assert_int_equal(symlink("rec", "link"), 0);
	assert_int_equal(open_dir(&d, "link", true), WT_ESAID);
	assert_int_equal(open_dir(&d, ".", true), WT_ESAID);
	assert_int_equal(open_dir(&d, "/", true), WT_ESAID);
	assert_int_equal(open_dir(&d, "", true), WT_EUSAGE);
	assert_int_equal(open_dir(&d, "absent/rec", false), -ENOENT);
	assert_int_equal(open_dir(&d, "file/rec", false), -ENOTDIR);
	assert_int_equal(entries("."), 4);
}

static void test_force_replaces(void **state)
{
	struct recdir *d;

	assert_int_equal(close(creat("rec/my-notes", 0600)), 0);
	assert_int_equal(open_dir(&d, "rec", true), 0);
	assert_int_equal(access("rec/my-notes", F_OK), 0);
	assert_int_equal(recdir__write(d, *state), 0);
	assert_int_equal(access("rec/my-notes", F_OK), -1);
	assert_int_equal(entries("rec"), FILES);
	recdir__close(d);
	/* an empty directory may go too */
	assert_int_equal(mkdir("empty", 0700), 0);
	assert_int_equal(open_dir(&d, "empty", true), 0);
	assert_int_equal(recdir__write(d, *state), 0);
	assert_int_equal(entries("empty"), FILES);
	recdir__close(d);
	assert_int_equal(entries("."), 5);
}

/* What came into being after the start is not replaced either. */
static void test_late_arrival_is_kept(void **state)
{
	struct recdir *d;

	assert_int_equal(open_dir(&d, "late", false), 0);
	assert_int_equal(mkdir("late", 0700), 0);
	assert_int_equal(close(creat("late/precious", 0600)), 0);
	assert_true(recdir__write(d, *state) < 0);
	assert_int_equal(access("late/precious", F_OK), 0);
	assert_int_equal(entries("late"), 1);
	/* our checkpoint moved away, and something else in its place */
	assert_int_equal(rename("late", "elsewhere"), 0);
	assert_int_equal(recdir__write(d, *state), 0);
	assert_int_equal(rename("late", "checkpoint"), 0);
	assert_int_equal(rename("elsewhere", "late"), 0);
	assert_true(recdir__write(d, *state) < 0);
	assert_int_equal(access("late/precious", F_OK), 0);
	recdir__close(d);
	assert_int_equal(entries("."), 7);
}

static void test_default_name(void **state)
{
	struct recdir_opts opts = { .name = "/usr/bin/my job;rm" };
	struct recdir *a, *b;
	char first[300];

	assert_int_equal(mkdir("names", 0700), 0);
	assert_int_equal(chdir("names"), 0);
	assert_int_equal(recdir__open(&a, &opts), 0);
	assert_int_equal(recdir__open(&b, &opts), 0);
	assert_memory_equal(recdir__path(a), "my_job_rm_20", 12);
	assert_null(strpbrk(recdir__path(a), " ;/"));
	assert_int_equal(recdir__write(a, *state), 0);
	snprintf(first, sizeof(first), "%s", recdir__path(a));
	/* within the same second both want one name: the second gets another */
	assert_int_equal(recdir__write(b, *state), 0);
	assert_string_not_equal(recdir__path(b), first);
	assert_int_equal(recdir__write(b, *state), 0);
	assert_int_equal(entries("."), 2);
	recdir__close(a);
	recdir__close(b);
	opts.name = "...";
	assert_int_equal(recdir__open(&a, &opts), 0);
	assert_int_not_equal(recdir__path(a)[0], '.');
	recdir__close(a);
	assert_int_equal(chdir(".."), 0);
}

static void test_owner(void **state)
{
	struct recdir_opts opts = { .path = "owned", .owner = "no-such-user" };
	struct recdir *d;
	struct stat st;
	uid_t uid;
	gid_t gid;

	assert_int_equal(recdir__open(&d, &opts), WT_EUSAGE);
	opts.owner = "root:no-such-group";
	assert_int_equal(recdir__open(&d, &opts), WT_EUSAGE);
	opts.owner = "";
	assert_int_equal(recdir__open(&d, &opts), WT_EUSAGE);
	assert_int_equal(parse_owner("daemon", &uid, &gid), 0);
	assert_int_equal(uid, 1);
	assert_int_equal(gid, 1);
	assert_int_equal(parse_owner("4711", &uid, &gid), 0);
	assert_int_equal(uid, 4711);
	assert_int_equal(gid, (gid_t)-1);
	assert_int_equal(parse_owner(":0", &uid, &gid), 0);
	assert_int_equal(uid, (uid_t)-1);
	assert_int_equal(gid, 0);
	assert_int_equal(parse_owner("12x", &uid, &gid), WT_EUSAGE);
	if (geteuid()) {
		print_message("giving files away needs root\n");
		skip();
	}
	opts.owner = "4711:4712";
	assert_int_equal(recdir__open(&d, &opts), 0);
	assert_int_equal(recdir__write(d, *state), 0);
	recdir__close(d);
	assert_int_equal(stat("owned/wall.folded", &st), 0);
	assert_int_equal(st.st_uid, 4711);
	assert_int_equal(st.st_gid, 4712);
	assert_int_equal(stat("owned", &st), 0);
	assert_int_equal(st.st_uid, 4711);
	assert_int_equal(st.st_mode & 07777, 0700);
}

static void test_error_of_a_full_file_is_kept(void **state)
{
	struct recfile rf = { .err = 0 };
	int err;

	(void)state;
	/* a long file: stdio has thrown the failed bytes away by the time it is closed */
	assert_int_equal(recfile__open(&rf, AT_FDCWD, "full", -1, -1), 0);
	assert_true(dup2(open("/dev/full", O_WRONLY), rf.fd) >= 0);
	for (int i = 0; i < 100000; i++)
		putc('x', rf.f);
	errno = 0;
	err = recfile__close(&rf, 0);
	assert_int_equal(err, -ENOSPC);
	assert_int_equal(unlink("full"), 0);
}

/* The disk fills up while the recording is written: the old one stays. */
static void test_full_disk(void **state)
{
	struct recdir *d;
	char *junk;
	int fd;

	assert_int_equal(mkdir("small", 0700), 0);
	if (geteuid() || mount("none", "small", "tmpfs", 0, "size=256k")) {
		print_message("a small file system needs root and mount(2)\n");
		skip();
	}
	assert_int_equal(open_dir(&d, "small/rec", false), 0);
	assert_int_equal(recdir__write(d, *state), 0);
	fd = open("small/junk", O_WRONLY | O_CREAT, 0600);
	junk = calloc(1, 4096);
	while (write(fd, junk, 4096) == 4096)
		;
	close(fd);
	free(junk);
	assert_int_equal(recdir__write(d, *state), -ENOSPC);
	assert_int_equal(entries("small"), 2);
	assert_int_equal(entries("small/rec"), FILES);
	recdir__close(d);
	/* and a disk that is full already is found at the start */
	assert_int_equal(open_dir(&d, "small/rec2", false), -ENOSPC);
	assert_int_equal(entries("small"), 2);
	assert_int_equal(umount("small"), 0);
}

int main(void)
{
	/* in this order: later ones find what earlier ones wrote */
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writes_whole),
		cmocka_unit_test(test_existing_is_refused),
		cmocka_unit_test(test_force_replaces),
		cmocka_unit_test(test_late_arrival_is_kept),
		cmocka_unit_test(test_default_name),
		cmocka_unit_test(test_owner),
		cmocka_unit_test(test_error_of_a_full_file_is_kept),
		cmocka_unit_test(test_full_disk),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
