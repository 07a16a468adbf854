// SPDX-License-Identifier: GPL-2.0-or-later
/* Perf maps: which line counts, which file is believed, and what becomes of a name. */
#include "fixtures/symbols/fixture.h"

#include <sys/mman.h>
#include <time.h>

#include "symbols/jit.h"
#include "symbols/jitname.h"
#include "symbols/perfmap.h"
#include "symbols/symbols.h"
#include "symbols/symbols_impl.h"

static char path[128];

static void write_file(const char *text, int flags)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static struct perfmap *load(const char *text)
{
	struct perfmap *m;

	snprintf(path, sizeof(path), "%s/test.map", fixture_dir);
	unlink(path);
	write_file(text, 0);
	m = perfmap__new(open(path, O_RDONLY | O_CLOEXEC));
	assert_int_equal(perfmap__refresh(m, -1), 0);
	return m;
}

static void again(struct perfmap *m)
{
	assert_int_equal(perfmap__refresh(m, open(path, O_RDONLY | O_CLOEXEC)), 0);
}

static const char *at(struct perfmap *m, __u64 addr)
{
	static char buf[256];

	return perfmap__find(m, addr, buf, sizeof(buf)) ? buf : "";
}

static void reads_lines(void **state)
{
	struct perfmap *m = load("1000 20 first\n0x2000 0x10 second one;\nffff800000000000 10 no\n"
				 "3000 0 empty\nx 1 y\n\n4000 10\n5000 10 \n6000  10 two\n"
				 "7fffffffff00 100 last\n8000 10 cut sho");

	(void)state;
	assert_int_equal(perfmap__count(m), 3);
	assert_string_equal(at(m, 0xfff), "");
	assert_string_equal(at(m, 0x1000), "first");
	assert_string_equal(at(m, 0x101f), "first");
	assert_string_equal(at(m, 0x1020), "");
	assert_string_equal(at(m, 0x200f), "second one;");
	assert_string_equal(at(m, 0x3000), "");
	assert_string_equal(at(m, 0x7fffffffffff), "last");
	assert_string_equal(at(m, 0x8000), "");		/* its line is not whole yet */
	write_file("rt\n", O_APPEND);
	again(m);
	assert_string_equal(at(m, 0x8000), "cut short");
	perfmap__free(m);
}

static void later_lines_win(void **state)
{
	struct perfmap *m = load("1000 100 old\n1040 20 inner\n1800 10 other\n");

	(void)state;
	assert_string_equal(at(m, 0x103f), "old");
	assert_string_equal(at(m, 0x1040), "inner");
	assert_string_equal(at(m, 0x1060), "old");
	write_file("10f0 20 tail\n1000 30 head\n", O_APPEND);
	assert_string_equal(at(m, 0x1000), "old");	/* nobody has looked yet */
	again(m);
	assert_string_equal(at(m, 0x102f), "head");
	assert_string_equal(at(m, 0x1030), "old");
	assert_string_equal(at(m, 0x1050), "inner");
	assert_string_equal(at(m, 0x10ef), "old");
	assert_string_equal(at(m, 0x110f), "tail");
	assert_string_equal(at(m, 0x1110), "");
	assert_string_equal(at(m, 0x1805), "other");
	perfmap__free(m);
}

static void sees_files_written_anew(void **state)
{
	struct perfmap *m = load("1000 10 one_and_only_function\n2000 10 another_function\n");

	(void)state;
	/* shorter */
	write_file("1000 10 short\n", O_TRUNC);
	again(m);
	assert_string_equal(at(m, 0x1000), "short");
	assert_string_equal(at(m, 0x2000), "");
	/* longer, but not a continuation */
	write_file("3000 10 something_else_entirely\n1000 10 moved\n4000 10 more_of_it\n", O_TRUNC);
	again(m);
	write_file("5000 10 x\n1000 10 anew_with_a_long_name\n5000 10 five\n6000 10 six_six_six_six\n",
		   O_TRUNC);
	/* until somebody looks, a line that changed has no name rather than a wrong one */
	assert_string_equal(at(m, 0x4000), "");
	again(m);
	assert_string_equal(at(m, 0x1000), "anew_with_a_long_name");
	assert_string_equal(at(m, 0x4000), "");
	/* another file of that name */
	unlink(path);
	write_file("7000 10 seven\n", 0);
	again(m);
	assert_string_equal(at(m, 0x7000), "seven");
	assert_string_equal(at(m, 0x1000), "");
	perfmap__free(m);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Against the obvious way: the last of all lines that hold the address. */
static void agrees_with_brute_force(void **state)
{
	enum { LINES = 600, SPAN = 4000 };
	static unsigned start[LINES], size[LINES];
	static char text[LINES * 32];
	uint32_t seed = 7;

	(void)state;
	for (int round = 0; round < 40; round++) {
		char *p = text, want[32];
		struct perfmap *m;

		for (int i = 0; i < LINES; i++) {
			start[i] = next_random(&seed) % SPAN;
			size[i] = 1 + next_random(&seed) % (round % 2 ? 20 : 400);
			p += sprintf(p, "%x %x f%d\n", start[i], size[i], i);
		}
		m = load(text);
		for (unsigned a = 0; a < SPAN + 500; a++) {
			int last = -1;

			for (int i = 0; i < LINES; i++)
				if (a >= start[i] && a - start[i] < size[i])
					last = i;
			snprintf(want, sizeof(want), last < 0 ? "" : "f%d", last);
			assert_string_equal(at(m, a), want);
		}
		perfmap__free(m);
	}
}

/* A program that compiles on and on: what is kept stays bounded, and is the newest. */
static void bounds_what_it_keeps(void **state)
{
	struct perfmap *m = load("1 1 a\n");
	FILE *f = fopen(path, "we");
	unsigned i, n = 3 * PERFMAP_MAX_ENTRIES / 2;

	(void)state;
	for (i = 0; i < n; i++)
		fprintf(f, "%x 10 fn%u\n", 0x10000 + i * 16, i);
	fclose(f);
	do {
		again(m);
	} while (perfmap__more(m));
	assert_true(perfmap__count(m) <= PERFMAP_MAX_ENTRIES);
	assert_true(perfmap__bytes(m) <= JIT_MAX_BYTES);
	assert_string_equal(at(m, 0x10000 + (n - 1) * 16), "fn393215");
	assert_string_equal(at(m, 0x10000), "");
	/* the same addresses over and over: nothing that counts is dropped */
	f = fopen(path, "we");
	for (i = 0; i < n; i++)
		fprintf(f, "%x 10 fn%u\n", 0x10000 + i % 1000 * 16, i);
	fclose(f);
	do {
		again(m);
	} while (perfmap__more(m));
	for (i = 0; i < 1000; i++)
		assert_true(*at(m, 0x10000 + i * 16));
	assert_string_equal(at(m, 0x10000 + (n - 1) % 1000 * 16), "fn393215");
	perfmap__free(m);
}

static void survives_garbage(void **state)
{
	static char junk[200000];
	static const char alphabet[] = "0123456789abcdef xX\n\n  \t\377:~";
	uint32_t seed = 99;

	(void)state;
	for (int round = 0; round < 50; round++) {
		struct perfmap *m;

		for (size_t i = 0; i < sizeof(junk) - 1; i++)
			junk[i] = alphabet[next_random(&seed) % (sizeof(alphabet) - 1)];
		if (round % 5 == 0)		/* no newline for longer than a buffer */
			for (size_t i = 1000; i < 150000; i++)
				junk[i] = junk[i] == '\n' ? '7' : junk[i];
		m = load(junk);
		for (__u64 a = 1; a; a = a < 1ULL << 62 ? a * 3 : 0)
			at(m, a);
		perfmap__free(m);
	}
}

static void cleans_names(void **state)
{
	static const struct {
		const char *raw, *want;
	} t[] = {
		{ "JS:*foo /srv/app/file.js:12:3", "foo (file.js:12)_[j]" },
		{ "JS:~foo /srv/app/file.js:12:3", "foo (file.js:12)_[j]" },
		{ "JS:^ file:///srv/app/file.mjs:3:85", "(anonymous) (file.mjs:3)_[j]" },
		{ "LazyCompile:+Module._load node:internal/modules/cjs/loader:1017:24",
		  "Module._load (node:internal/modules/cjs/loader:1017)_[j]" },
		{ "Eval:~ /tmp/t.js:1:1", "(anonymous) (t.js:1)_[j]" },
		{ "JS:*nofile", "nofile_[j]" },
		{ "JS:*get a /x/with blank.js:1:2", "get (with blank.js:1)_[j]" },
		{ "JS:", "_[j]" },
		{ "Builtin:ArrayMap", "Builtin:ArrayMap_[j]" },
		{ "BytecodeHandler:LdaSmi", "BytecodeHandler:LdaSmi_[j]" },
		{ "py::fib:/home/u/fib.py", "fib (fib.py)_[j]" },
		{ "py::Foo.<lambda>:<string>", "Foo.<lambda> (<string>)_[j]" },
		{ "int java.lang.String.hashCode()", "int java.lang.String.hashCode()_[j]" },
	};
	char buf[128], small[16];

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		jitname__clean(t[i].raw, buf, sizeof(buf));
		assert_string_equal(buf, t[i].want);
		jitname__clean(t[i].raw, small, sizeof(small));
		assert_true(strlen(small) < sizeof(small));
		assert_string_equal(small + strlen(small) - 4, "_[j]");
	}
}

static void knows_runtimes(void **state)
{
	static const struct {
		const char *module, *want;
	} t[] = {
		{ "node", "node" }, { "node20", "node" }, { "nodejs", NULL }, { "node-gyp", NULL },
		{ "libjvm.so", "java" }, { "libnode.so.108", "node" }, { "python3.11", "python" },
		{ "libpython3.13.so.1.0", "python" }, { "libcoreclr.so", "dotnet" },
		{ "libLLVM-14.so.1", "llvm" }, { "qemu-system-x86_64", "qemu" }, { "bash", NULL },
		{ "", NULL }, { "nod", NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		int r = jit__runtime(t[i].module);

		if (t[i].want) {
			assert_true(r >= 0);
			assert_string_equal(jit__runtime_name(r), t[i].want);
		} else {
			assert_int_equal(r, -1);
		}
	}
	/* a JVM that runs Python is a JVM's */
	assert_true(jit__runtime("libjvm.so") < jit__runtime("python3"));
}

static __u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static const char *name_of(struct symbols *s, const void *code)
{
	return symbols__name(s, symbols__user_frame(s, getpid(), now(), (uintptr_t)code, false));
}

/* Two pages that we may run, and a map of them where the tests have their /tmp. */
static struct symbols *with_code(char **code, const char *format)
{
	struct symbols *s;
	char text[256];

	*code = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	snprintf(path, sizeof(path), "%s/perf-%d.map", fixture_dir, getpid());
	unlink(path);
	snprintf(text, sizeof(text), format, *code);
	write_file(text, O_TRUNC);
	assert_int_equal(symbols__new(&s), 0);
	s->jit.tmp = fixture_dir;
	assert_int_equal(symbols__seed(s, getpid(), now()), 0);
	return s;
}

static void names_code_of_a_process(void **state)
{
	char *code, want[64], line[64];
	struct symbols *s = with_code(&code, "%p 40 JS:*hot /a/b.js:1:2\n");
	struct symbols_stats st;

	(void)state;
	assert_string_equal(name_of(s, code + 0x10), "hot (b.js:1)_[j]");
	snprintf(want, sizeof(want), "[anon+0x%lx]", (unsigned long)(uintptr_t)code);
	assert_string_equal(name_of(s, code + 0x50), want);
	/* one function is one frame, wherever it was compiled to */
	snprintf(line, sizeof(line), "%p 40 JS:~hot /a/b.js:1:2\n", code + 0x1000);
	write_file(line, O_APPEND);
	/* … as soon as it is there, for an address that has no name yet */
	usleep(20000);
	assert_int_equal(symbols__user_frame(s, getpid(), now(), (uintptr_t)code + 0x1010, false),
			 symbols__user_frame(s, getpid(), now(), (uintptr_t)code + 0x20, false));
	symbols__stats(s, &st);
	assert_int_equal(st.unnamed, 1);
	symbols__free(s);
	munmap(code, 8192);
}

static void says_what_made_code(void **state)
{
	char *code, want[64];
	struct symbols *s = with_code(&code, "%p 10 x\n");
	__u8 id[20] = { 9 };
	const struct symbols_mmap m = {
		.tgid = getpid(), .tid = getpid(), .time_ns = now(), .start = 0x5000000, .len = 4096,
		.build_id = id, .build_id_len = 20, .path = "/usr/bin/node",
	};
	struct symbols_stats st;

	(void)state;
	symbols__on_mmap(s, &m);
	snprintf(want, sizeof(want), "[jit:node+0x%lx]", (unsigned long)(uintptr_t)code);
	assert_string_equal(name_of(s, code + 0x10), want);
	assert_string_equal(name_of(s, code + 0x20), want);
	assert_string_equal(name_of(s, code), "x_[j]");
	symbols__stats(s, &st);
	assert_int_equal(st.unnamed, 1);
	symbols__free(s);
	munmap(code, 8192);
}

struct seen {
	__u64 start;
	bool anonymous;
	__u32 object;
};

static void see(void *ctx, const struct symbols_mapping *m)
{
	struct seen *seen = ctx;

	if (m->start != seen->start)
		return;
	seen->anonymous = m->anonymous;
	seen->object = m->object;
}

/* Some runtimes make code in shared memory that they have mapped twice. */
static void names_code_in_shared_memory(void **state)
{
	int fd = memfd_create("doublemapper", MFD_CLOEXEC);
	struct seen seen = { .object = 77 };
	char *code, *unused, text[64];
	struct symbols *s;

	(void)state;
	if (geteuid()) {
		print_message("skipped: opening a file without a name needs root\n");
		skip();
	}
	assert_int_equal(ftruncate(fd, 8192), 0);
	code = mmap(NULL, 8192, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	assert_true(code != MAP_FAILED);
	s = with_code(&unused, "%p 10 x\n");
	snprintf(text, sizeof(text), "%p 40 void [app] Foo::Bar()[Tier0]\n", code);
	write_file(text, O_APPEND);
	assert_string_equal(name_of(s, code + 8), "void [app] Foo::Bar()[Tier0]_[j]");
	assert_string_equal(name_of(s, code + 0x50), "[memfd:doublemapper+0x0]");
	/* to the kernel side it is memory, not a file with tables */
	seen.start = (uintptr_t)code;
	assert_int_equal(symbols__each_mapping(s, getpid(), now(), see, &seen), 0);
	assert_true(seen.anonymous);
	assert_int_equal(seen.object, 0);
	symbols__free(s);
	munmap(code, 8192);
	munmap(unused, 8192);
	close(fd);
}

/* What the file must be for its names to be taken. */
static void believes_no_strangers_file(void **state)
{
	struct timespec old[2] = { { .tv_sec = 1000000 }, { .tv_sec = 1000000 } };
	char *code, link[160];
	struct symbols *s = with_code(&code, "%p 10 x\n");

	(void)state;
	snprintf(link, sizeof(link), "%s/elsewhere", fixture_dir);
	/* older than the process: another one had that number */
	utimensat(AT_FDCWD, path, old, 0);
	assert_non_null(strstr(name_of(s, code), "[anon+"));
	old[1].tv_nsec = UTIME_NOW;
	utimensat(AT_FDCWD, path, old, 0);
	/* a symbolic link */
	assert_int_equal(rename(path, link), 0);
	assert_int_equal(symlink(link, path), 0);
	jit__clear(&s->jit);
	assert_non_null(strstr(name_of(s, code), "[anon+"));
	/* a second name of some other file */
	unlink(path);
	assert_int_equal(linkat(AT_FDCWD, link, AT_FDCWD, path, 0), 0);
	jit__clear(&s->jit);
	assert_non_null(strstr(name_of(s, code), "[anon+"));
	/* a FIFO: nobody waits for it */
	unlink(path);
	assert_int_equal(mkfifo(path, 0644), 0);
	jit__clear(&s->jit);
	assert_non_null(strstr(name_of(s, code), "[anon+"));
	unlink(path);
	assert_int_equal(rename(link, path), 0);
	if (!geteuid()) {
		assert_int_equal(chown(path, 12345, 12345), 0);
		jit__clear(&s->jit);
		assert_non_null(strstr(name_of(s, code), "[anon+"));
		assert_int_equal(chown(path, 0, 0), 0);
	}
	/* as it should be */
	jit__clear(&s->jit);
	assert_string_equal(name_of(s, code), "x_[j]");
	symbols__free(s);
	munmap(code, 8192);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_lines),
		cmocka_unit_test(later_lines_win),
		cmocka_unit_test(sees_files_written_anew),
		cmocka_unit_test(agrees_with_brute_force),
		cmocka_unit_test(bounds_what_it_keeps),
		cmocka_unit_test(survives_garbage),
		cmocka_unit_test(cleans_names),
		cmocka_unit_test(knows_runtimes),
		cmocka_unit_test(names_code_of_a_process),
		cmocka_unit_test(says_what_made_code),
		cmocka_unit_test(names_code_in_shared_memory),
		cmocka_unit_test(believes_no_strangers_file),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
