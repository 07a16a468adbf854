// SPDX-License-Identifier: GPL-2.0-or-later
/* The whole of symbols.h on this very process and on children of it. */
#include "fixtures/symbols/fixture.h"

#include <errno.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "symbols/symbols.h"
#include "symbols/symbols_impl.h"

static __u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static __attribute__((noinline)) int a_static_function(int n)
{
	__asm__ volatile("" ::: "memory");
	return n + 1;
}

static struct symbols *seeded(__u32 tgid)
{
	struct symbols *s;

	assert_int_equal(symbols__new(&s), 0);
	assert_int_equal(symbols__seed(s, tgid, now()), 0);
	return s;
}

static const char *name_at(struct symbols *s, __u64 ip)
{
	return symbols__name(s, symbols__user_frame(s, getpid(), now(), ip, false));
}

static void names_own_functions(void **state)
{
	struct symbols *s = seeded(getpid());
	__u64 ip = (uintptr_t)a_static_function;
	struct symbols_stats st;
	__u32 f, g;

	(void)state;
	assert_string_equal(name_at(s, ip), "a_static_function");
	assert_string_equal(name_at(s, (uintptr_t)symbols__name), "symbols__name");
	/* a return address belongs to the call before it */
	f = symbols__user_frame(s, getpid(), now(), ip + 1, true);
	g = symbols__user_frame(s, getpid(), now(), ip, false);
	assert_int_equal(f, g);
	assert_int_not_equal(symbols__user_frame(s, getpid(), now(), ip, true), g);
	assert_false(symbols__is_root(s, f));
	symbols__stats(s, &st);
	assert_int_equal(st.frames, 3);
	assert_int_equal(st.object_gone, 0);
	assert_int_equal(st.no_mapping, 0);
	assert_int_equal(st.unnamed, 0);
	symbols__free(s);
}

static void names_libc_and_vdso(void **state)
{
	struct symbols *s = seeded(getpid());
	const char *vdso = (const char *)(uintptr_t)getauxval(AT_SYSINFO_EHDR);
	const char *name;

	(void)state;
	name = name_at(s, (uintptr_t)getpgid);
	assert_non_null(strstr(name, "getpgid"));
	assert_null(strchr(name, '@'));
	if (!vdso)
		skip();
	/* the ELF header is no function */
	assert_string_equal(name_at(s, (uintptr_t)vdso + 8), "[vdso+0x8]");
	symbols__free(s);
}

static void names_vdso_functions(void **state)
{
	struct symbols *s = seeded(getpid());
	const char *vdso = (const char *)(uintptr_t)getauxval(AT_SYSINFO_EHDR);
	bool found = false;
	size_t off;

	(void)state;
	if (!vdso)
		skip();
	for (off = 0; off < s->objects.vdso_len; off += 4)
		found |= strstr(name_at(s, (uintptr_t)vdso + off), "clock_gettime") ==
			 name_at(s, (uintptr_t)vdso + off) + strlen("__vdso_");
	assert_true(found);
	symbols__free(s);
}

static void names_what_is_no_file(void **state)
{
	char *exec = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct symbols *s = seeded(getpid());
	struct symbols_stats st;
	char want[64];
	__u32 f;

	(void)state;
	snprintf(want, sizeof(want), "[anon+0x%llx]", (unsigned long long)(uintptr_t)exec);
	assert_string_equal(name_at(s, (uintptr_t)exec + 17), want);
	assert_string_equal(name_at(s, 0xffffffffff600123ULL), "[vsyscall]");
	f = symbols__user_frame(s, getpid(), now(), 0x1234, false);
	assert_string_equal(symbols__name(s, f), "[unmapped+0x1000]");
	assert_int_equal(symbols__user_frame(s, getpid(), now(), 0x1fff, false), f);
	symbols__stats(s, &st);
	assert_int_equal(st.no_mapping, 2);
	assert_string_equal(symbols__name(s, 0), "");
	assert_string_equal(symbols__name(s, 12345678), "");
	assert_false(symbols__is_root(s, 0));
	symbols__free(s);
	munmap(exec, 8192);
}

static void asks_proc_when_nobody_told(void **state)
{
	struct symbols *s;

	(void)state;
	/* no seed, no side-band: the process lives, so /proc has its mappings */
	assert_int_equal(symbols__new(&s), 0);
	assert_string_equal(name_at(s, (uintptr_t)a_static_function), "a_static_function");
	/* … but not those of the process that had this number an hour ago */
	symbols__free(s);
	assert_int_equal(symbols__new(&s), 0);
	assert_non_null(strstr(symbols__name(s, symbols__user_frame(s, getpid(), 1000,
			(uintptr_t)a_static_function, false)), "[unmapped+"));
	symbols__free(s);
}

/* A child that runs path until its standard input ends; the caller closes *in. */
static pid_t start(const char *path, int *in)
{
	int p[2], null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	pid_t pid;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		dup2(p[0], 0);
		dup2(null, 1);
		execl(path, path, (char *)NULL);
		_exit(127);
	}
	close(p[0]);
	close(null);
	*in = p[1];
	return pid;
}

static __u64 find_base(pid_t pid, const char *path, __u64 *pgoff)
{
	unsigned long long start_addr = 0, off;
	char file[64], line[512], perms[5];
	bool found = false;
	FILE *f;

	snprintf(file, sizeof(file), "/proc/%d/maps", pid);
	f = fopen(file, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = sscanf(line, "%llx-%*x %4s %llx", &start_addr, perms, &off) == 3 &&
			perms[2] == 'x' && strstr(line, path);
	if (f)
		fclose(f);
	*pgoff = off;
	return found ? start_addr : 0;
}

/* Where its code is, once its exec is done. */
static __u64 exec_base(pid_t pid, const char *path, __u64 *pgoff)
{
	__u64 base = 0;
	int i;

	for (i = 0; i < 5000 && !base; i++) {
		base = find_base(pid, path, pgoff);
		if (!base)
			usleep(1000);
	}
	return base;
}

static void stop(pid_t pid, int in)
{
	close(in);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void names_survive_process_and_file(void **state)
{
	const char *path = fixture_cc("victim", "program.c", "-O1 -pie -fPIE -Wl,-z,noseparate-code");
	uint64_t vaddr = fixture_addr(path, "hidden_function");
	struct symbols *s;
	__u64 base, pgoff, t, ip;
	pid_t pid;
	__u32 f;
	int in;

	(void)state;
	pid = start(path, &in);
	base = exec_base(pid, path, &pgoff);
	assert_int_not_equal(base, 0);
	unlink(path);
	t = now();
	assert_int_equal(symbols__new(&s), 0);
	assert_int_equal(symbols__seed(s, pid, t), 0);
	stop(pid, in);
	ip = base + vaddr - pgoff;	/* this file's offsets are its addresses */
	f = symbols__user_frame(s, pid, t, ip, false);
	if (geteuid()) {
		print_message("skipped: opening a deleted file through map_files needs root\n");
		symbols__free(s);
		skip();
	}
	assert_string_equal(symbols__name(s, f), "hidden_function");
	symbols__free(s);
}

static void counts_gone_objects(void **state)
{
	__u8 id[20] = { 1, 2, 3 };
	struct symbols_mmap m = {
		.tgid = 0x7ffffff1, .tid = 0x7ffffff1, .time_ns = 10, .start = 0x400000,
		.len = 0x10000, .pgoff = 0x1000, .build_id = id, .build_id_len = 20,
		.path = "/nowhere/lib;x.so.1 (deleted)",
	};
	struct symbols_stats st;
	struct symbols *s;
	__u32 f;

	(void)state;
	assert_int_equal(symbols__new(&s), 0);
	symbols__on_mmap(s, &m);
	symbols__stats(s, &st);
	assert_int_equal(st.object_gone, 0);	/* nobody asked */
	assert_int_equal(st.objects, 1);
	f = symbols__user_frame(s, m.tgid, 20, 0x400234, false);
	symbols__user_frame(s, m.tgid, 20, 0x400238, false);
	symbols__stats(s, &st);
	assert_int_equal(st.object_gone, 1);
	assert_string_equal(symbols__name(s, f), "[lib:x.so.1+0x1234]");
	/* another process's mapping of it is another loss; the frame is the same */
	m.tgid = m.tid = 0x7ffffff2;
	m.start = 0x7f0000000000;
	symbols__on_mmap(s, &m);
	assert_int_equal(symbols__user_frame(s, m.tgid, 20, 0x7f0000000234, false), f);
	symbols__stats(s, &st);
	assert_int_equal(st.object_gone, 2);
	assert_int_equal(st.objects, 1);
	assert_int_equal(st.unnamed, 1);
	symbols__free(s);
}

/* One file mapped by way of its build id, as the side-band tells it, opened by its path. */
static void map_file(struct symbols *s, const char *path, __u32 tgid, __u64 t)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	__u8 id[BUILD_ID_MAX];
	struct symbols_mmap m = {
		.tgid = tgid, .tid = tgid, .time_ns = t, .start = 0x10000000, .len = 0x10000000,
		.build_id = id, .path = path,
	};

	m.build_id_len = elfimg__file_build_id(fd, id);
	assert_int_equal(m.build_id_len, 20);
	close(fd);
	symbols__on_mmap(s, &m);
}

static void verifies_build_ids(void **state)
{
	const char *a = fixture_cc("a.so", "shapes.s", "-shared -nostdlib -Wl,--build-id=sha1");
	const char *b = fixture_cc("b.so", "program.c", "-shared -fPIC -Wl,--build-id=sha1");
	__u8 id[BUILD_ID_MAX];
	int fd = open(a, O_RDONLY | O_CLOEXEC);
	struct symbols_mmap m = {
		.tgid = 0x7ffffff1, .tid = 0x7ffffff1, .time_ns = 1, .start = 0x1000, .len = 0x100000,
		.build_id = id, .build_id_len = 20, .path = b,
	};
	struct symbols_stats st;
	struct symbols *s;

	(void)state;
	assert_int_equal(elfimg__file_build_id(fd, id), 20);
	close(fd);
	assert_int_equal(symbols__new(&s), 0);
	/* another file has that path by now */
	symbols__on_mmap(s, &m);
	symbols__user_frame(s, m.tgid, 2, 0x1100, false);
	symbols__stats(s, &st);
	assert_int_equal(st.object_gone, 1);
	/* somebody maps the right one: what was missing can be named after all */
	m.path = a;
	m.tgid = 0x7ffffff2;
	symbols__on_mmap(s, &m);
	symbols__stats(s, &st);
	assert_int_equal(st.object_gone, 0);
	assert_int_equal(st.objects, 1);
	symbols__free(s);
}

/* More files than may stay open: names that were wanted before stay, nothing leaks. */
static void bounds_open_files(void **state)
{
	enum { FILES = 40 };
	const char *path = fixture_cc("many.so", "shapes.s", "-shared -nostdlib -Wl,--build-id=sha1");
	uint64_t inner = fixture_addr(path, "inner");
	struct opened { __u32 frame; } f[FILES];
	__u64 off = 0;
	struct symbols_stats st;
	struct symbols *s;
	char copy[256];
	int i;

	(void)state;
	assert_int_equal(symbols__new(&s), 0);
	s->objects.max_pinned = 8;
	for (i = 0; i < FILES; i++) {
		snprintf(copy, sizeof(copy), "%s/many%d.so", fixture_dir, i);
		/* a build id of its own, and a name of its own */
		if (run("cc -shared -nostdlib -Wl,--build-id=0x%040x -o %s %s/shapes.s", i + 1, copy,
			fixture_src()))
			skip();
		map_file(s, copy, 0x7fff0000 + i, 1);
		if (!off) {
			const struct elfsyms *es = objects__syms(&s->objects, OBJ_FIRST_FILE);

			for (off = 0; elfsyms__vaddr(es, off) != inner; off++)
				assert_true(off < 0x100000);
		}
		f[i].frame = symbols__user_frame(s, 0x7fff0000 + i, 2, 0x10000000 + off, false);
		assert_true(s->objects.n_pinned <= 8);
		unlink(copy);
	}
	for (i = 0; i < FILES; i++)
		assert_string_equal(symbols__name(s, f[i].frame), "inner");
	symbols__stats(s, &st);
	assert_int_equal(st.objects, FILES);
	assert_int_equal(st.object_gone, 0);
	/* a frame of one that is closed by now, deleted, its process gone */
	symbols__user_frame(s, 0x7fff0000, 2, 0x10000000 + off + 1, false);
	symbols__stats(s, &st);
	assert_int_equal(st.object_gone, 1);
	symbols__free(s);
}

static void forgets_files_nobody_maps(void **state)
{
	struct symbols_stats st;
	struct symbols *s;
	__u32 i;

	(void)state;
	assert_int_equal(symbols__new(&s), 0);
	for (i = 0; i < 30000; i++) {
		__u8 id[20] = { i >> 16, i >> 8, i };
		const struct symbols_mmap m = {
			.tgid = 0x7ff00000 + i, .tid = 1, .time_ns = i, .start = 0x1000, .len = 0x1000,
			.build_id = id, .build_id_len = 20, .path = "/nowhere",
		};

		symbols__on_exec(s, m.tgid, i);
		symbols__on_mmap(s, &m);
		if (i == 5)
			symbols__user_frame(s, m.tgid, i, 0x1010, false);
		symbols__on_exit(s, m.tgid, i + 1);
		if (i % 1000 == 999)
			symbols__expire(s, i - 500);
	}
	symbols__stats(s, &st);
	assert_true(st.objects < 10000);
	/* the one with a frame is still known by its build id */
	assert_true(s->objects.obj[OBJ_FIRST_FILE + 5].in_use);
	assert_int_equal(s->objects.obj[OBJ_FIRST_FILE + 5].build_id[2], 5);
	symbols__free(s);
}

static void bounds_frames(void **state)
{
	struct symbols_stats st;
	struct symbols *s;
	__u32 i, f = 0;

	(void)state;
	assert_int_equal(symbols__new(&s), 0);
	s->frames.max = 1000;
	for (i = 0; i < 2000; i++)
		f = symbols__user_frame(s, 0x7ffffff1, 10, (__u64)i << 12, false);
	assert_string_equal(symbols__name(s, f), "[folded]");
	symbols__stats(s, &st);
	assert_int_equal(st.frames, 998);	/* less 0 and [folded] itself */
	assert_int_equal(st.evicted, 2000 - 998);
	symbols__free(s);
}

static void ends_at_roots(void **state)
{
	const char *path = fixture_cc("root", "program.c", "-O1 -pie -fPIE -Wl,--build-id=sha1");
	uint64_t entry = fixture_addr(path, "_start"), mainf = fixture_addr(path, "main"), off;
	const struct elfsyms *es;
	struct symbols *s;
	__u32 f;

	(void)state;
	assert_int_equal(run("strip -s %s", path), 0);
	assert_int_equal(symbols__new(&s), 0);
	map_file(s, path, 0x7ffffff1, 1);
	es = objects__syms(&s->objects, OBJ_FIRST_FILE);
	for (off = 0; elfsyms__vaddr(es, off) != entry; off++)
		assert_true(off < 0x100000);
	f = symbols__user_frame(s, 0x7ffffff1, 2, 0x10000000 + off + 0x20, true);
	assert_string_equal(symbols__name(s, f), "_start");
	assert_true(symbols__is_root(s, f));
	f = symbols__user_frame(s, 0x7ffffff1, 2, 0x10000000 + off + mainf - entry + 1, true);
	assert_non_null(strstr(symbols__name(s, f), "[root+0x"));
	assert_false(symbols__is_root(s, f));
	symbols__free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_own_functions),
		cmocka_unit_test(names_libc_and_vdso),
		cmocka_unit_test(names_vdso_functions),
		cmocka_unit_test(names_what_is_no_file),
		cmocka_unit_test(asks_proc_when_nobody_told),
		cmocka_unit_test(names_survive_process_and_file),
		cmocka_unit_test(counts_gone_objects),
		cmocka_unit_test(verifies_build_ids),
		cmocka_unit_test(bounds_open_files),
		cmocka_unit_test(forgets_files_nobody_maps),
		cmocka_unit_test(bounds_frames),
		cmocka_unit_test(ends_at_roots),
	};

	return cmocka_run_group_tests_name("symbols", tests, fixture_setup, fixture_teardown);
}
