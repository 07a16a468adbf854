// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixtures/symbols/fixture.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>

#include "drain/sideband.h"
#include "drain/sideband_ring.h"
#include "symbols/mapvec.h"
#include "symbols/symbols.h"
#include "symbols/symbols_impl.h"

#define SIZE 4096

/* A ring that no kernel wrote. */
struct made {
	struct sideband_ring r;
	struct perf_event_mmap_page meta;
	char data[SIZE];
};

static struct made *new_ring(__u64 from)
{
	struct made *m = calloc(1, sizeof(*m));

	m->meta.data_head = m->meta.data_tail = from;
	m->r.meta = &m->meta;
	m->r.data = m->data;
	m->r.size = SIZE;
	return m;
}

static void put(struct made *m, const void *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		m->data[(m->meta.data_head + i) % SIZE] = ((const char *)p)[i];
	m->meta.data_head += n;
}

struct mmap2 {
	struct perf_event_header h;
	__u32 pid, tid;
	__u64 addr, len, pgoff;
	union {
		struct {
			__u8 id_size, zero[3], id[20];
		};
		struct {
			__u32 maj, min;
			__u64 ino, generation;
		};
	};
	__u32 prot, flags;
	char path[16];
	__u64 time;
};

static struct mmap2 mmap_rec(__u32 pid, __u64 time, __u64 addr, __u8 id)
{
	struct mmap2 r = {
		.h = { .type = PERF_RECORD_MMAP2, .misc = 1 << 14, .size = sizeof(r) },
		.pid = pid, .tid = pid, .addr = addr, .len = 0x1000, .id_size = 20, .id = { id },
		.prot = PROT_READ | PROT_EXEC, .path = "/nowhere/x", .time = time,
	};

	r.path[9] = 'a' + id % 26;
	return r;
}

struct task {
	struct perf_event_header h;
	__u32 pid, ppid, tid, ptid;
	__u64 time, stamp;
};

static void put_task(struct made *m, __u32 type, __u32 pid, __u32 ppid, __u64 time)
{
	struct task r = {
		.h = { .type = type, .size = sizeof(r) },
		.pid = pid, .tid = pid, .ppid = ppid, .ptid = ppid, .time = time, .stamp = time,
	};

	put(m, &r, sizeof(r));
}

static const char *name(struct symbols *s, __u32 tgid, __u64 t, __u64 ip)
{
	return symbols__name(s, symbols__user_frame(s, tgid, t, ip, false));
}

#define PID 0x7ffffff0U

static void merges_rings_by_time(void **state)
{
	struct made *a = new_ring(0), *b = new_ring(1ULL << 40);
	struct sideband_ring rings[2];
	__u64 records = 0, lost = 0;
	struct symbols *s;
	struct mmap2 r;

	(void)state;
	assert_int_equal(symbols__new(&s), 0);
	/* fork on one CPU, the child's mapping on another, an exec in between on the first */
	r = mmap_rec(PID, 10, 0x1000, 1);
	put(a, &r, sizeof(r));
	put_task(a, PERF_RECORD_FORK, PID + 1, PID, 20);
	r = mmap_rec(PID + 1, 30, 0x1000, 2);
	put(b, &r, sizeof(r));
	r = mmap_rec(PID, 40, 0x1000, 3);
	put(a, &r, sizeof(r));
	r = mmap_rec(PID, 1000, 0x1000, 4);
	put(b, &r, sizeof(r));
	rings[0] = a->r;
	rings[1] = b->r;
	assert_int_equal(sideband_rings__drain(rings, 2, 500, s, &records, &lost), 1);
	assert_int_equal(records, 4);
	assert_int_equal(lost, 0);
	assert_int_equal(a->meta.data_tail, a->meta.data_head);
	assert_int_equal(b->meta.data_head - b->meta.data_tail, sizeof(r));
	assert_string_equal(name(s, PID, 15, 0x1001), "[b+0x1]");
	assert_string_equal(name(s, PID + 1, 25, 0x1001), "[b+0x1]");
	assert_string_equal(name(s, PID + 1, 35, 0x1001), "[c+0x1]");
	assert_string_equal(name(s, PID, 45, 0x1001), "[d+0x1]");
	assert_string_equal(name(s, PID, 2000, 0x1001), "[d+0x1]");
	assert_int_equal(sideband_rings__drain(rings, 2, 1000, s, &records, &lost), 0);
	assert_string_equal(name(s, PID, 2000, 0x1001), "[e+0x1]");
	symbols__free(s);
	free(a);
	free(b);
}

static void wraps_around(void **state)
{
	struct symbols *s;
	size_t skew;

	(void)state;
	for (skew = 8; skew < sizeof(struct mmap2); skew += 8) {
		struct made *m = new_ring(10 * SIZE - skew);
		struct mmap2 r = mmap_rec(PID, 10, 0x1000, 1);
		__u64 records = 0, lost = 0;

		assert_int_equal(symbols__new(&s), 0);
		put(m, &r, sizeof(r));
		sideband_rings__drain(&m->r, 1, 100, s, &records, &lost);
		assert_int_equal(records, 1);
		assert_string_equal(name(s, PID, 15, 0x1001), "[b+0x1]");
		symbols__free(s);
		free(m);
	}
}

static void counts_and_ignores(void **state)
{
	struct {
		struct perf_event_header h;
		__u64 id, lost, stamp;
	} l = { .h = { .type = PERF_RECORD_LOST, .size = sizeof(l) }, .lost = 17, .stamp = 1 };
	struct made *m = new_ring(0);
	__u64 records = 0, lost = 0;
	struct mmap2 r;
	struct symbols *s;

	(void)state;
	assert_int_equal(symbols__new(&s), 0);
	put(m, &l, sizeof(l));
	r = mmap_rec(PID, 2, 0x1000, 1);
	r.prot = PROT_READ;			/* data */
	put(m, &r, sizeof(r));
	r.prot = PROT_EXEC;
	memset(r.path, 'x', sizeof(r.path));	/* a path without an end */
	put(m, &r, sizeof(r));
	r = mmap_rec(PID, 2, 0x1000, 1);
	r.id_size = 255;			/* longer than its field: cut, not believed */
	r.addr = 0x2000;
	put(m, &r, sizeof(r));
	sideband_rings__drain(&m->r, 1, 100, s, &records, &lost);
	assert_int_equal(lost, 17);
	assert_int_equal(records, 4);
	assert_string_equal(name(s, PID, 15, 0x1001), "[unmapped+0x1000]");
	assert_string_equal(name(s, PID, 15, 0x2001), "[b+0x1]");
	symbols__free(s);
	free(m);
}

/* As kernels before 5.12 tell it: device and inode, and the file has to say the rest. */
static void names_without_build_ids(void **state)
{
	const char *path = fixture_cc("s", "shapes.s", "-shared -nostdlib -Wl,-z,noseparate-code");
	uint64_t inner = fixture_addr(path, "inner");
	struct made *m = new_ring(0);
	struct mmap2 r = mmap_rec(PID, 2, 0x10000, 1);
	struct { char bytes[256]; } big = { 0 };
	__u64 records = 0, lost = 0, stamp = 2;
	struct symbols_stats st;
	struct symbols *s;
	struct stat sb;

	(void)state;
	assert_int_equal(stat(path, &sb), 0);
	r.h.misc = 0;
	r.h.size = sizeof(big);
	r.len = 0x10000;
	r.maj = major(sb.st_dev);
	r.min = minor(sb.st_dev);
	r.ino = sb.st_ino;
	r.generation = 0;
	memcpy(big.bytes, &r, sizeof(r));
	strcpy(big.bytes + offsetof(struct mmap2, path), path);
	memcpy(big.bytes + sizeof(big) - 8, &stamp, 8);
	put(m, &big, sizeof(big));
	/* another inode: that path is another file now */
	r.pid = PID + 1;
	r.ino++;
	memcpy(big.bytes, &r, offsetof(struct mmap2, path));
	put(m, &big, sizeof(big));
	assert_int_equal(symbols__new(&s), 0);
	sideband_rings__drain(&m->r, 1, 100, s, &records, &lost);
	assert_int_equal(records, 2);
	assert_string_equal(name(s, PID, 15, 0x10000 + inner), "inner");
	assert_string_equal(name(s, PID + 1, 15, 0x10010), "[s+0x10]");
	symbols__stats(s, &st);
	assert_int_equal(st.object_gone, 1);
	symbols__free(s);
	free(m);
}

/* A ring full of noise: it ends, and is counted. */
static void survives_noise(void **state)
{
	uint32_t seed = 99;
	struct symbols *s;
	int round, i;

	(void)state;
	assert_int_equal(symbols__new(&s), 0);
	for (round = 0; round < 2000; round++) {
		struct made *m = new_ring((seed & 0xfff) & ~7U);
		struct mmap2 r = mmap_rec(PID, 2, 0x1000, 1);
		__u64 records = 0, lost = 0;

		for (i = 0; i < 20; i++)
			put(m, &r, sizeof(r));
		for (i = 0; i < 8; i++) {
			seed = seed * 1664525 + 1013904223;
			m->data[seed >> 8 & (SIZE - 1)] = seed >> 24;
		}
		if (round % 16 == 0)
			m->meta.data_head += SIZE * 2;
		sideband_rings__drain(&m->r, 1, UINT64_MAX, s, &records, &lost);
		assert_int_equal(m->meta.data_tail, m->meta.data_head);
		free(m);
	}
	symbols__free(s);
}

static __u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/*
 * Runs path for 20 ms, deletes it meanwhile and drains when the rings ask for
 * it.  Returns a frame of its _start, asked for when it is gone.
 */
static __u32 run_shortly(struct sideband *sb, struct symbols *s, const char *path, __u64 entry,
			 pid_t *pid)
{
	struct pollfd pfd = { .fd = sideband__fd(sb), .events = POLLIN };
	const struct generation *g;
	int in[2], out[2];
	__u64 alive;
	char c;
	__u32 i;

	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	*pid = fork();
	if (!*pid) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		execl(path, path, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	assert_int_equal(read(out[0], &c, 1), 1);
	alive = now();
	unlink(path);
	while (now() < alive + 20000000)
		if (poll(&pfd, 1, 2) > 0)
			assert_int_equal(sideband__drain(sb, s), 0);
	close(in[1]);
	close(out[0]);
	waitpid(*pid, NULL, 0);
	assert_int_equal(sideband__drain(sb, s), 0);
	g = images__at(&s->images, *pid, alive, false);
	assert_non_null(g);
	assert_true(g->whole);
	for (i = 0; i < g->maps->n; i++) {
		const struct mapping *m = &g->maps->m[i];

		/* this file's offsets are its addresses */
		if (m->object >= OBJ_FIRST_FILE &&
		    !strcmp(s->objects.obj[m->object].module, "shortlived"))
			return symbols__user_frame(s, *pid, alive, m->start + entry - m->pgoff, false);
	}
	return 0;
}

static void short_lived(const char *layout)
{
	struct sideband_stats st;
	struct symbols_stats sst;
	struct sideband *sb;
	struct symbols *s;
	const char *path;
	uint64_t entry;
	pid_t pid;
	__u32 f;

	path = fixture_cc("shortlived", "program.c", layout);
	entry = fixture_addr(path, "_start");
	assert_int_equal(symbols__new(&s), 0);
	assert_int_equal(sideband__open(&sb, 16), 0);
	f = run_shortly(sb, s, path, entry, &pid);
	assert_int_not_equal(f, 0);
	assert_string_equal(symbols__name(s, f), "_start");
	assert_true(symbols__is_root(s, f));
	sideband__stats(sb, &st);
	assert_true(st.records >= 4);
	assert_int_equal(st.lost, 0);
	assert_true(st.bytes_mapped >= 17 * 4096);
	symbols__stats(s, &sst);
	assert_int_equal(sst.object_gone, 0);
	sideband__close(sb);
	symbols__free(s);
}

static void names_the_short_lived(void **state)
{
	(void)state;
	if (geteuid()) {
		print_message("skipped: the side-band of the machine needs root\n");
		skip();
	}
	short_lived("-O1 -pie -fPIE -Wl,-z,separate-code");
	/* its first segment is executable: announced longer than it stays */
	short_lived("-O1 -pie -fPIE -Wl,-z,noseparate-code");
}

/* More than a ring of one page holds: the kernel says so, we pass it on. */
static void counts_what_the_kernel_lost(void **state)
{
	struct sideband_stats st;
	struct sideband *sb;
	struct symbols *s;
	cpu_set_t before, one;
	int i;

	(void)state;
	if (geteuid()) {
		print_message("skipped: the side-band of the machine needs root\n");
		skip();
	}
	/* a loss is told by the ring where it happened */
	assert_int_equal(sched_getaffinity(0, sizeof(before), &before), 0);
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
	assert_int_equal(symbols__new(&s), 0);
	assert_int_equal(sideband__open(&sb, 1), 0);
	for (i = 0; i < 2000; i++) {
		void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		munmap(p, 4096);
	}
	assert_int_equal(sideband__drain(sb, s), 0);
	/* the kernel mentions a loss in front of the next record that fits */
	munmap(mmap(NULL, 4096, PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), 4096);
	assert_int_equal(sideband__drain(sb, s), 0);
	sideband__stats(sb, &st);
	assert_true(st.records > 10);
	assert_true(st.lost > 100);
	assert_int_equal(sched_setaffinity(0, sizeof(before), &before), 0);
	sideband__close(sb);
	symbols__free(s);
}

static void refuses_bad_sizes(void **state)
{
	struct sideband *sb;

	(void)state;
	if (geteuid()) {
		print_message("skipped: the side-band of the machine needs root\n");
		skip();
	}
	assert_true(sideband__open(&sb, 3) < 0);	/* not a power of two */
	assert_null(sb);
	sideband__close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(merges_rings_by_time),
		cmocka_unit_test(wraps_around),
		cmocka_unit_test(counts_and_ignores),
		cmocka_unit_test(names_without_build_ids),
		cmocka_unit_test(survives_noise),
		cmocka_unit_test(names_the_short_lived),
		cmocka_unit_test(counts_what_the_kernel_lost),
		cmocka_unit_test(refuses_bad_sizes),
	};

	return cmocka_run_group_tests_name("sideband", tests, fixture_setup, fixture_teardown);
}
