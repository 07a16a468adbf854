// SPDX-License-Identifier: GPL-2.0-or-later
/* Inlined functions, against addr2line(1) for every byte of code. */
#include "fixtures/symbols/fixture.h"

#include <sys/mman.h>
#include <time.h>

#include "symbols/inlines.h"
#include "symbols/symbols.h"

#define LIB "-shared -fPIC -O2 -g -Wl,--build-id=sha1 -Wl,-z,noseparate-code"

#define TEXT 1024

static __u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void append(void *ctx, const char *name)
{
	char *s = ctx;
	size_t n = strlen(s);

	snprintf(s + n, TEXT - n, "%s ", name);
}

/* What addr2line says of an address: functions from the innermost on, the real one last. */
static void expect(FILE *f, char *want)
{
	char line[512], *functions[32];
	unsigned n = 0;
	long at;

	want[0] = '\0';
	/* 0xADDRESS, then pairs of function and place */
	assert_non_null(fgets(line, sizeof(line), f));
	for (at = ftell(f); fgets(line, sizeof(line), f); at = ftell(f)) {
		if (!strncmp(line, "0x", 2))
			break;
		line[strcspn(line, "\n")] = '\0';
		functions[n++] = strdup(line);
		assert_non_null(fgets(line, sizeof(line), f));
		assert_true(n < 32);
	}
	fseek(f, at, SEEK_SET);
	for (unsigned i = 0; i < n; i++) {
		if (i + 1 < n)
			append(want, functions[i]);
		free(functions[i]);
	}
}

static void compare(const char *compiler, const char *options)
{
	char path[128], got[TEXT], want[TEXT];
	unsigned inlined = 0;
	int fd;
	uint64_t start, end;
	struct inlines *in;
	FILE *f;

	snprintf(path, sizeof(path), "%s/inline.so", fixture_dir);
	if (run("%s " LIB " %s -o %s %s/inline.c 2>/dev/null", compiler, options, path, fixture_src())) {
		print_message("no %s %s\n", compiler, options);
		return;
	}
	start = fixture_addr(path, "outer");
	end = fixture_addr(path, "entry") + 16;
	if (fixture_addr(path, "entry") < start || end - start > 4096)
		end = start + 64;
	assert_int_equal(run("cd %s && seq -f %%.0f %lu %lu | xargs printf '%%x\\n' >addresses && "
			     "addr2line -a -i -f -e %s @addresses >answers", fixture_dir, start, end, path),
			 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	in = inlines__open(fd);
	assert_non_null(in);
	snprintf(got, sizeof(got), "%s/answers", fixture_dir);
	f = fopen(got, "re");
	for (uint64_t a = start; a <= end; a++) {
		expect(f, want);
		got[0] = '\0';
		inlines__at(in, a, append, got);
		assert_string_equal(got, want);
		inlined += !!*want;
	}
	fclose(f);
	inlines__close(in);
	close(fd);
	assert_true(inlined > 20);
}

static void agrees_with_addr2line(void **state)
{
	(void)state;
	if (run("command -v addr2line >/dev/null"))
		skip();
	compare("gcc", "-gdwarf-5");
	compare("gcc", "-gdwarf-4");
	compare("clang", "-gdwarf-5");
	compare("clang", "-gdwarf-4");
}

/* The library as this very process has it mapped. */
static struct symbols *map_library(const char *path, char **base)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct symbols *s;

	*base = mmap(NULL, 65536, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	assert_true(*base != MAP_FAILED);
	close(fd);
	assert_int_equal(symbols__new(&s), 0);
	assert_int_equal(symbols__seed(s, getpid(), now()), 0);
	return s;
}

static void check_frames(struct symbols *s, const char *code)
{
	unsigned two = 0, n, k;
	__u32 f, out[8];

	for (int i = 0; i < 40; i++) {
		f = symbols__user_frame(s, getpid(), now(), (uintptr_t)code + i, false);
		assert_string_equal(symbols__name(s, f), "outer");
		n = symbols__inlines(s, f, out, 8);
		assert_int_equal(symbols__inlines(s, f, out, 8), n);
		if (n < 2)
			continue;
		two++;
		assert_string_equal(symbols__name(s, out[0]), "innermost_[i]");
		assert_string_equal(symbols__name(s, out[1]), "middle_[i]");
		/* too little room: the outermost stays */
		k = out[1];
		assert_int_equal(symbols__inlines(s, f, out, 1), 1);
		assert_int_equal(out[0], k);
	}
	assert_true(two > 5);
}

static void gives_frames(void **state)
{
	const char *path = fixture_cc("frames.so", "inline.c", LIB);
	uint64_t outer = fixture_addr(path, "outer");
	struct symbols *s;
	__u32 out[4], f;
	char *base;

	(void)state;
	s = map_library(path, &base);
	f = symbols__user_frame(s, getpid(), now(), (uintptr_t)base + outer + 4, false);
	assert_int_equal(symbols__inlines(s, f, out, 4), 0);	/* not asked for */
	assert_int_equal(symbols__want_inlines(s), 0);
	check_frames(s, base + outer);
	/* neither a kernel frame nor one of nothing has any */
	assert_int_equal(symbols__inlines(s, symbols__kernel_frame(s, ~0ULL), out, 4), 0);
	assert_int_equal(symbols__inlines(s, 0, out, 4), 0);
	symbols__free(s);
	munmap(base, 65536);
	/* the same when the DWARF is in a debug file */
	if (run("cd %s && objcopy --only-keep-debug frames.so frames.debug && strip -s frames.so && "
		"objcopy --add-gnu-debuglink=frames.debug frames.so", fixture_dir))
		skip();
	s = map_library(path, &base);
	assert_int_equal(symbols__want_inlines(s), 0);
	check_frames(s, base + outer);
	symbols__free(s);
	munmap(base, 65536);
	/* … and none without it */
	assert_int_equal(run("rm %s/frames.debug", fixture_dir), 0);
	s = map_library(path, &base);
	assert_int_equal(symbols__want_inlines(s), 0);
	f = symbols__user_frame(s, getpid(), now(), (uintptr_t)base + outer + 4, false);
	assert_int_equal(symbols__inlines(s, f, out, 4), 0);
	symbols__free(s);
	munmap(base, 65536);
}

/* Damaged DWARF: whatever it says, an answer or none. */
static void survives_damage(void **state)
{
	const char *path = fixture_cc("bad.so", "inline.c", LIB);
	uint64_t outer = fixture_addr(path, "outer");
	int fd = open(path, O_RDONLY | O_CLOEXEC), copy;
	static char buf[65536], bad[65536];
	ssize_t n = read(fd, buf, sizeof(buf));
	uint32_t seed = 4711;

	(void)state;
	close(fd);
	for (int round = 0; round < 1500; round++) {
		char got[TEXT] = "";
		struct inlines *in;

		memcpy(bad, buf, n);
		for (int i = 0; i < 8; i++) {
			seed = seed * 1103515245 + 12345;
			bad[0x1000 + (seed >> 8) % (n - 0x1000)] ^= 1 << (seed & 7);
		}
		copy = memfd_create("bad", MFD_CLOEXEC);
		assert_int_equal(write(copy, bad, n), n);
		in = inlines__open(copy);
		for (int i = 0; in && i < 60; i += 7) {
			got[0] = '\0';
			inlines__at(in, outer + i, append, got);
		}
		inlines__close(in);
		close(copy);
	}
}

static void maps_nothing(void **state)
{
	char path[128], line[512];
	struct inlines *in;
	FILE *maps;
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/unmapped.so", fixture_dir);
	assert_int_equal(run("cc " LIB " -o %s %s/inline.c", path, fixture_src()), 0);
	fd = open(path, O_RDONLY);
	in = inlines__open(fd);
	assert_non_null(in);
	maps = fopen("/proc/self/maps", "r");
	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps))
		assert_null(strstr(line, "unmapped.so"));
	fclose(maps);
	inlines__close(in);
	close(fd);
}

/* Names of other files in it are not followed: whatever is there would be opened. */
static void opens_no_names(void **state)
{
	char path[128];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "%s/alt.so", fixture_dir);
	assert_int_equal(run("cc " LIB " -o %s %s/inline.c", path, fixture_src()), 0);
	assert_int_equal(run("cd %s && printf '/tmp/a-fifo\\0ABCDEFGHIJKLMNOPQRST' >link && "
			     "objcopy --add-section .gnu_debugaltlink=link alt.so", fixture_dir), 0);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_null(inlines__open(fd));
	close(fd);
	assert_int_equal(run("cc " LIB " -gsplit-dwarf -o %s %s/inline.c", path, fixture_src()), 0);
	fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	assert_null(inlines__open(fd));
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_addr2line),
		cmocka_unit_test(gives_frames),
		cmocka_unit_test(survives_damage),
		cmocka_unit_test(maps_nothing),
		cmocka_unit_test(opens_no_names),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
