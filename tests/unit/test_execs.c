/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Units from programs: their rows, whatever of the kernel side's word was lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "units/execs.h"

#define SEC 1000000000ULL

static struct ledger *ledger;
static struct execs *execs;

static bool no(void *ctx, __u32 frame)
{
	(void)ctx;
	(void)frame;
	return false;
}

static const char *name(void *ctx, __u32 frame)
{
	(void)ctx;
	(void)frame;
	return "f";
}

static void open_all(const char *names, unsigned max, unsigned max_exited)
{
	const struct ledger_opts opts = { .max_exited = max_exited };

	assert_int_equal(ledger__new(&ledger, &opts), 0);
	assert_int_equal(execs__new(&execs, names, ledger, max), 0);
}

static void settle(void)
{
	const struct ledger_frames frames = { NULL, name, name, no };
	struct ledger_totals t;

	assert_int_equal(ledger__settle(ledger, &frames, &t), 0);
}

static void close_all(void)
{
	execs__free(execs);
	ledger__free(ledger);
}

static struct wt_exec program(__u64 image, const char *comm)
{
	struct wt_exec x = { .image = image, .serial = image, .tgid = image, .ppid = 1,
			     .start_ns = image * SEC };

	snprintf(x.name.name, WT_COMM_LEN, "%s", comm);
	return x;
}

/* A thread of that program, cpu seconds on the CPU. */
static void thread(__u64 image, __u32 tid, unsigned cpu_s, __u8 why, __s32 exit_code)
{
	struct wt_thread_rec rec = {
		.birth_ns = image * SEC, .end_ns = (image + cpu_s) * SEC, .image = image,
		.serial = tid, .task = tid, .tid = tid, .tgid = image, .why = why,
		.exit_code = exit_code, .flags = tid == image ? WT_F_LEADER : 0,
		.comm = "ffmpeg", .pcomm = "ffmpeg", .st_ns = { [WT_CPU] = cpu_s * SEC },
		.utime_ns = cpu_s * SEC,
	};

	assert_int_equal(ledger__put_thread(ledger, &rec), 0);
}

static void command(const struct wt_exec *x, const char *path, const char *words, size_t n)
{
	struct wt_ev_exec ev = { .h.type = WT_EV_EXEC, .x = *x, .args_len = n };

	snprintf(ev.path, WT_EXEC_PATH, "%s", path);
	memcpy(ev.args, words, n < WT_EXEC_ARGS ? n : WT_EXEC_ARGS);
	assert_int_equal(execs__on_event(execs, &ev, sizeof(ev)), 0);
}

static struct exec_unit row[8];
static unsigned n_rows;

static int keep(void *arg, const struct exec_unit *u)
{
	(void)arg;
	assert_true(n_rows < 8);
	row[n_rows++] = *u;
	return 0;
}

static void read_rows(unsigned expect)
{
	settle();
	n_rows = 0;
	assert_int_equal(execs__each(execs, keep, NULL), 0);
	assert_int_equal(n_rows, expect);
	for (unsigned i = 0; i < n_rows; i++) {
		__u64 sum = 0;

		for (unsigned s = 0; s < WT_STATES; s++)
			sum += row[i].st_ns[s];
		assert_int_equal(sum, row[i].thread_ns);
		assert_int_equal(row[i].user_ns + row[i].sys_ns, row[i].st_ns[WT_CPU]);
	}
}

static void test_whole(void **state)
{
	static const char words[] = "ffmpeg\0-i\0http://bob:hunter2@h/in.mp4\0out.mp4";
	struct wt_exec x = program(7, "ffmpeg");

	(void)state;
	open_all("ffmpeg,ffprobe", 0, 0);
	command(&x, "/usr/bin/ffmpeg", words, sizeof(words));
	thread(7, 7, 2, WT_REC_EXIT, 0);
	thread(7, 8, 1, WT_REC_EXIT, 0);
	thread(9, 9, 1, WT_REC_EXIT, 0);		/* another program */
	x.flags = WT_X_ENDED;
	x.end_ns = 9 * SEC;
	x.read_bytes = 4096;
	assert_int_equal(execs__put(execs, &x), 0);
	assert_int_equal(execs__put(execs, &x), 0);
	read_rows(1);
	assert_int_equal(row[0].kind, EXEC_FFMPEG);
	assert_string_equal(row[0].status, "0");
	assert_int_equal(row[0].threads, 2);
	assert_int_equal(row[0].thread_ns, 3 * SEC);
	assert_int_equal(exec_unit__elapsed(&row[0], 0), 2 * SEC);
	assert_int_equal(row[0].x.read_bytes, 4096);
	assert_true(row[0].bytes_known);
	assert_string_equal(row[0].output, "out.mp4");
	assert_non_null(strstr(row[0].input, "in.mp4"));
	assert_null(strstr(row[0].input, "hunter2"));
	assert_null(strstr(row[0].command, "hunter2"));
	close_all();
}

/* The kernel side had no room for it: its records say how it ended. */
static void test_no_entry(void **state)
{
	struct wt_exec x = program(7, "ffmpeg");

	(void)state;
	open_all("ffmpeg", 0, 0);
	command(&x, "ffmpeg", "ffmpeg", 7);
	thread(7, 7, 2, WT_REC_EXIT, 9);
	read_rows(1);
	assert_string_equal(row[0].status, "SIGKILL");
	assert_int_equal(row[0].end_ns, 9 * SEC);
	assert_false(row[0].bytes_known);
	close_all();
}

/* The ring had no room for its command line, nor for one of its threads. */
static void test_no_event(void **state)
{
	struct wt_exec x = program(7, "ffprobe");

	(void)state;
	open_all("ffmpeg,ffprobe", 0, 0);
	x.lost_threads = 1;
	x.lost_st_ns[WT_DISK] = SEC;
	x.lost_st_ns[WT_CPU] = 4 * SEC;
	x.lost_utime_ns = 3;
	x.lost_stime_ns = 1;
	assert_int_equal(execs__put(execs, &x), 0);
	thread(7, 7, 2, WT_REC_SNAPSHOT, 0);
	read_rows(1);
	assert_int_equal(row[0].kind, EXEC_FFPROBE);
	assert_string_equal(row[0].name, "ffprobe");
	assert_null(row[0].command);
	assert_string_equal(row[0].status, "");
	assert_int_equal(row[0].end_ns, 0);
	assert_int_equal(row[0].threads, 2);
	assert_int_equal(row[0].thread_ns, 7 * SEC);
	assert_int_equal(row[0].sys_ns, SEC);
	close_all();
}

/* The ring had no room for the record of its last thread, which ends after its process. */
static void test_last_record_lost(void **state)
{
	struct wt_exec x = program(7, "ffprobe");

	(void)state;
	open_all("ffprobe", 0, 0);
	x.flags |= WT_X_ENDED;
	x.end_ns = x.start_ns + SEC;
	x.lost_threads = 1;
	x.lost_st_ns[WT_CPU] = SEC + 3;
	x.lost_end_ns = x.end_ns + 3;
	assert_int_equal(execs__put(execs, &x), 0);
	read_rows(1);
	assert_int_equal(row[0].threads, 1);
	assert_int_equal(row[0].thread_ns, SEC + 3);
	assert_int_equal(row[0].end_ns - row[0].x.start_ns, SEC + 3);
	close_all();
}

/* Its threads are folded into one row of the ledger: the unit keeps what they cost. */
static void test_folded(void **state)
{
	(void)state;
	open_all("ffmpeg", 0, 1);
	for (unsigned i = 0; i < 5; i++) {
		struct wt_exec x = program(10 + i, "ffmpeg");

		x.flags = WT_X_ENDED;
		x.end_ns = (10 + i + 2) * SEC;
		x.exit_code = 1 << 8;
		assert_int_equal(execs__put(execs, &x), 0);
		thread(10 + i, 10 + i, 2, WT_REC_EXIT, 1 << 8);
	}
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(ledger__generation(ledger, 0), 0);
	read_rows(5);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(row[i].thread_ns, 2 * SEC);
		assert_string_equal(row[i].status, "1");
	}
	close_all();
}

static void test_replaced(void **state)
{
	struct wt_exec x = program(7, "ffmpeg");

	(void)state;
	open_all("ffmpeg", 0, 0);
	x.flags = WT_X_SCRIPT | WT_X_REPLACED;
	x.end_ns = 8 * SEC;
	assert_int_equal(execs__put(execs, &x), 0);
	thread(7, 7, 1, WT_REC_EXEC, 0);
	read_rows(1);
	assert_int_equal(row[0].kind, EXEC_OTHER);	/* a script of that name is no transcode */
	assert_string_equal(row[0].status, "");
	assert_int_equal(row[0].end_ns, 8 * SEC);
	close_all();
}

/* The kernel side sees 15 bytes of a name. */
static void test_long_names(void **state)
{
	struct wt_exec a = program(7, "transcode-worke"), b = program(8, "transcode-worke");

	(void)state;
	open_all("transcode-worker-2,x", 0, 0);
	command(&a, "/opt/transcode-worker-1", "a", 2);
	command(&b, "/opt/transcode-worker-2", "b", 2);
	read_rows(1);
	assert_string_equal(row[0].name, "transcode-worker-2");
	assert_int_equal(row[0].x.image, 8);
	assert_int_equal(execs__count(execs), 1);
	close_all();
}

static void test_too_many(void **state)
{
	(void)state;
	open_all("ffmpeg", 3, 0);
	for (unsigned i = 0; i < 5; i++) {
		struct wt_exec x = program(10 + i, "ffmpeg");

		assert_int_equal(execs__put(execs, &x), 0);
		assert_int_equal(execs__put(execs, &x), 0);
		command(&x, "ffmpeg", "ffmpeg", 7);
	}
	read_rows(3);
	assert_int_equal(execs__dropped(execs), 2);
	close_all();
}

/* The middle of a very long command line lacks: its ends are there. */
static void test_long_command(void **state)
{
	struct wt_exec x = program(7, "ffmpeg");
	char words[WT_EXEC_ARGS];
	static const char tail[] = "x\0out.mp4";

	(void)state;
	open_all("ffmpeg", 0, 0);
	memset(words, 'x', sizeof(words));
	memcpy(words, "ffmpeg\0-i\0in.mp4\0-vf", 21);
	memcpy(words + sizeof(words) - sizeof(tail), tail, sizeof(tail));
	command(&x, "ffmpeg", words, WT_EXEC_ARGS + 5000);
	read_rows(1);
	assert_string_equal(row[0].input, "in.mp4");
	assert_non_null(strstr(row[0].output, "out.mp4"));
	close_all();
}

/* This program under another name: what it is from the moment the kernel lets it run. */
static int as_another(const char *how)
{
	prctl(PR_SET_NAME, "worktrace");
	if (write(1, "", 1) != 1)
		return 1;
	usleep(2000);
	if (!strcmp(how, "renamed"))
		prctl(PR_SET_NAME, "ffmpeg");
	pause();
	return 0;
}

static pid_t start_as(const char *path, const char *how)
{
	int ends[2];
	pid_t pid;
	char c;

	assert_int_equal(pipe(ends), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid) {
		dup2(ends[1], 1);
		execl(path, path, how, NULL);
		_exit(127);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &c, 1), 1);
	close(ends[0]);
	return pid;
}

static bool seeds(const char *path, const char *how)
{
	struct wt_thread_rec rec = { .image = 5, .flags = WT_F_LEADER, .pcomm = "worktrace" };
	struct wt_exec x;
	bool yes;

	open_all("ffmpeg", 10, 10);
	rec.tgid = start_as(path, how);
	rec.tid = rec.tgid;
	yes = execs__seed(execs, &rec, &x);
	if (yes)
		assert_string_equal(x.name.name, "ffmpeg");
	kill(rec.tgid, SIGKILL);
	waitpid(rec.tgid, NULL, 0);
	close_all();
	return yes;
}

/*
 * In the middle of an exec the file is the new program's and the name still the old one's: its
 * exec tells of it.  One that goes by another name for good is what its file says.
 */
static void test_seeded_in_an_exec(void **state)
{
	const char *tmp = getenv("TMPDIR");
	char dir[4096], path[4200];
	int in, out;

	(void)state;
	snprintf(dir, sizeof(dir), "%s/wt-execs-XXXXXX", tmp ? tmp : "/tmp");
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/ffmpeg", dir);
	in = open("/proc/self/exe", O_RDONLY);
	out = open(path, O_WRONLY | O_CREAT | O_EXCL, 0755);
	assert_true(in >= 0 && out >= 0);
	while (sendfile(out, in, NULL, 1 << 20) > 0)
		;
	close(in);
	close(out);
	assert_false(seeds(path, "renamed"));
	assert_true(seeds(path, "for good"));
	unlink(path);
	rmdir(dir);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole),
		cmocka_unit_test(test_no_entry),
		cmocka_unit_test(test_no_event),
		cmocka_unit_test(test_last_record_lost),
		cmocka_unit_test(test_folded),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_too_many),
		cmocka_unit_test(test_long_command),
		cmocka_unit_test(test_seeded_in_an_exec),
	};

	if (argc > 1)
		return as_another(argv[1]);

	return cmocka_run_group_tests(tests, NULL, NULL);
}
