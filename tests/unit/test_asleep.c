/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_asleep.c - whose turn it is, that a thread which has run has no stack, and that
 * nobody is waited for who serves its faults.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "unwind/asleep.h"

static struct {
	__u64 now, image;
	unsigned asked, done, frames;
	__u64 id, frame0;
	unsigned end;
} w;

static __u64 now(void)
{
	return w.now;
}

static __u64 image(void *ctx, __u32 tgid)
{
	(void)ctx;
	(void)tgid;
	return w.image;
}

static void ask(void *ctx, __u32 tgid, __u64 img)
{
	(void)ctx;
	(void)tgid;
	(void)img;
	w.asked++;
}

static int no_space(void *ctx, __u32 tgid, struct wt_space *sp)
{
	(void)ctx;
	(void)tgid;
	(void)sp;
	return -ENOENT;
}

/* One mapping of a JIT's, whose frames are walked by frame pointer. */
static struct wt_mapping jit = { .start = 0x4000, .end = 0x8000, .flags = WT_MAP_ANON };

static int jit_space(void *ctx, __u32 tgid, struct wt_space *sp)
{
	(void)ctx;
	(void)tgid;
	*sp = (struct wt_space){ .image = 5, .n = 1 };
	return 0;
}

static int done(void *ctx, const struct wt_ev_stack *e, size_t size)
{
	(void)ctx;
	assert_int_equal(size, sizeof(*e) + e->n * sizeof(e->ip[0]));
	w.done++;
	w.id = e->id;
	w.frames = e->n;
	w.end = e->end;
	w.frame0 = e->n ? e->ip[0] : 0;
	return 0;
}

static unsigned long long runs_of(pid_t pid)
{
	unsigned long long ran, waited, runs;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/schedstat", pid, pid);
	f = fopen(path, "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%llu %llu %llu", &ran, &waited, &runs), 3);
	fclose(f);
	return runs;
}

/* What the kernel side sends of it. */
static struct wt_ev_asleep event_of(pid_t pid)
{
	return (struct wt_ev_asleep){ .h.ts_ns = 1000, .id = 7, .image = 5, .ip = 0x4000, .tgid = pid,
				      .tid = pid, .runs = runs_of(pid) };
}

/* From now on a fault at that page waits for who never comes. */
static void serve_faults(void *page)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register r = { .range = { (unsigned long)page, 4096 },
				     .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &r))
		_exit(1);
}

static pid_t sleeper_with(void *page)
{
	char path[64], state = 0;
	pid_t pid = fork();

	if (!pid) {
		if (page)
			serve_faults(page);
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	while (state != 'S') {
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		f = fopen(path, "r");
		assert_non_null(f);
		assert_int_equal(fscanf(f, "%*d (%*[^)]) %c", &state), 1);
		fclose(f);
	}
	return pid;
}

static pid_t sleeper(void)
{
	return sleeper_with(NULL);
}

static bool a_vm;

static bool has_vm(void *ctx, __u32 tgid)
{
	(void)ctx;
	(void)tgid;
	return a_vm;
}

static struct asleep *begin_in(int (*space)(void *ctx, __u32 tgid, struct wt_space *sp))
{
	static struct spaces_maps spaces;
	static const struct tables_maps tables;
	const struct asleep_ops ops = {
		.spaces = &spaces, .tables = &tables, .py_procs_fd = -1, .py_code_fd = -1,
		.jvm_procs_fd = -1, .image = image, .ask = ask, .has_vm = has_vm, .now_ns = now,
	};
	struct asleep *a;

	spaces = (struct spaces_maps){ .get = space, .pool = &jit };
	memset(&w, 0, sizeof(w));
	w.now = 1000;
	assert_int_equal(asleep__new(&a, &ops), 0);
	return a;
}

static struct asleep *begin(void)
{
	return begin_in(no_space);
}

static void test_waits_for_what_is_unknown(void **state)
{
	pid_t pid = sleeper();
	struct wt_ev_asleep e = event_of(pid);
	struct asleep *a = begin();

	(void)state;
	assert_int_equal(asleep__put(a, &e), 0);
	/* a process that nobody has asked for: not before half a second has passed */
	assert_int_equal(asleep__work(a, false, done, NULL), 0);
	assert_int_equal(w.asked, 0);
	w.now += 500000000;
	assert_int_equal(asleep__work(a, false, done, NULL), 0);
	assert_int_equal(w.asked, 1);
	/* known, but without its mappings: on with it, and in the end what there is */
	w.image = 5;
	assert_int_equal(asleep__work(a, false, done, NULL), 0);
	assert_int_equal(w.done, 0);
	assert_int_equal(asleep__waiting(a), 1);
	assert_int_equal(asleep__work(a, true, done, NULL), 0);
	assert_int_equal(asleep__waiting(a), 0);
	assert_int_equal(w.done, 1);
	assert_int_equal(w.id, 7);
	assert_int_equal(w.end, WT_END_NO_SPACE);
	assert_int_equal(w.frames, 1);
	assert_int_equal(w.frame0, 0x4000);
	asleep__free(a);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* of one that blocks just now there is a copy, too: nothing is asked but a VM, and the copy is what else there is */
static void test_copied(void **state)
{
	pid_t pid = sleeper();
	struct wt_ev_asleep e = event_of(pid);
	struct wt_ev_stack copy = { .h.type = WT_EV_STACK, .id = 7, .user = 1, .end = WT_END_BACK };
	struct asleep *a = begin();
	int err;

	(void)state;
	e.copied = 1;
	a_vm = false;
	assert_int_equal(asleep__put(a, &e), 0);
	assert_int_equal(asleep__work(a, false, done, NULL), 0);
	assert_int_equal(asleep__waiting(a), 0);
	assert_int_equal(w.done, 0);
	assert_false(asleep__keep(a, &copy, sizeof(copy), &err));
	a_vm = true;
	assert_int_equal(asleep__put(a, &e), 0);
	assert_int_equal(asleep__work(a, false, done, NULL), 0);
	assert_int_equal(asleep__waiting(a), 1);
	copy.id++;
	assert_false(asleep__keep(a, &copy, sizeof(copy), &err));
	copy.id--;
	assert_true(asleep__keep(a, &copy, sizeof(copy), &err));
	assert_int_equal(err, 0);
	assert_int_equal(w.done, 0);
	assert_int_equal(asleep__work(a, true, done, NULL), 0);
	assert_int_equal(asleep__waiting(a), 0);
	assert_int_equal(w.done, 1);
	assert_int_equal(w.end, WT_END_BACK);
	/* kept, and nobody comes for it */
	assert_int_equal(asleep__put(a, &e), 0);
	assert_true(asleep__keep(a, &copy, sizeof(copy), &err));
	asleep__free(a);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* where there is no room for one more process's mappings: asked for once, and given up in time */
static void test_in_vain(void **state)
{
	pid_t pid = sleeper();
	struct wt_ev_asleep e = event_of(pid);
	struct asleep *a = begin();

	(void)state;
	assert_int_equal(asleep__put(a, &e), 0);
	for (unsigned i = 0; i < 49; i++) {
		w.now = 1000 + i * 100000000ULL;
		assert_int_equal(asleep__work(a, false, done, NULL), 0);
	}
	assert_int_equal(w.asked, 1);
	assert_int_equal(w.done, 0);
	w.now += 200000000;
	assert_int_equal(asleep__work(a, false, done, NULL), 0);
	assert_int_equal(asleep__waiting(a), 0);
	assert_int_equal(w.done, 1);
	assert_int_equal(w.end, WT_END_NO_SPACE);
	asleep__free(a);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_has_run(void **state)
{
	pid_t pid = sleeper();
	struct wt_ev_asleep e = event_of(pid);
	struct asleep *a = begin();

	(void)state;
	e.runs--;
	w.image = 5;
	assert_int_equal(asleep__put(a, &e), 0);
	assert_int_equal(asleep__work(a, false, done, NULL), 0);
	assert_int_equal(w.done, 1);
	assert_int_equal(w.frames, 0);
	assert_int_equal(w.end, WT_END_READ);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	/* gone */
	assert_int_equal(asleep__put(a, &e), 0);
	assert_int_equal(asleep__work(a, false, done, NULL), 0);
	assert_int_equal(w.done, 2);
	assert_int_equal(w.frames, 0);
	asleep__free(a);
}

/* The callers' frames lie in one page that is there, and go on in one that is not. */
static void test_faults_served(void **state)
{
	__u64 *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct wt_ev_asleep e;
	struct asleep *a;
	pid_t pid;

	(void)state;
	if (geteuid())
		skip();
	assert_ptr_not_equal(page, MAP_FAILED);
	page[0] = (__u64)&page[512];	/* the caller's frame pointer */
	page[1] = 0x4100;		/* where it goes on */
	pid = sleeper_with(&page[512]);
	e = event_of(pid);
	e.sp = e.fp = (__u64)page;
	a = begin_in(jit_space);
	w.image = 5;
	assert_int_equal(asleep__put(a, &e), 0);
	alarm(5);
	/* frames in no file: a VM's, perhaps, which will be known in half a second */
	assert_int_equal(asleep__work(a, false, done, NULL), 0);
	assert_int_equal(w.done, 0);
	w.now += 500000000;
	assert_int_equal(asleep__work(a, false, done, NULL), 0);
	alarm(0);
	assert_int_equal(w.done, 1);
	assert_int_equal(w.frames, 2);
	assert_int_equal(w.frame0, 0x4000);
	asleep__free(a);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	munmap(page, 8192);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_waits_for_what_is_unknown),
		cmocka_unit_test(test_copied),
		cmocka_unit_test(test_in_vain),
		cmocka_unit_test(test_has_run),
		cmocka_unit_test(test_faults_served),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
