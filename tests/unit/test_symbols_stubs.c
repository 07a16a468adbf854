// SPDX-License-Identifier: GPL-2.0-or-later
/* Functions that no symbol table has: PLT stubs against objdump(1), Go's against nm(1). */
#include "fixtures/symbols/fixture.h"

#include "symbols/elfsyms_impl.h"
#include "symbols/names.h"

static struct elfsyms *load(const char *path, int *fd)
{
	struct elfimg img = { .fd = open(path, O_RDONLY | O_CLOEXEC) };
	struct elfsyms *es;

	*fd = img.fd;
	assert_true(img.fd >= 0);
	assert_int_equal(elfsyms__load(&es, &img, path), 0);
	return es;
}

static const char *at(const struct elfsyms *es, uint64_t addr)
{
	static char buf[SYMBOL_MAX_SZ];

	return elfsyms__find(es, addr, false, buf, sizeof(buf)).named ? buf : "";
}

/* Every stub that objdump finds a name for has the same one here, over its whole length. */
static unsigned compare_plt(const char *path)
{
	unsigned long addr;
	char line[4096], name[2048];
	unsigned n = 0;
	struct elfsyms *es;
	FILE *f;
	int fd;

	snprintf(line, sizeof(line), "objdump -d -j .plt -j .plt.sec -j .plt.got %s 2>/dev/null", path);
	f = popen(line, "re");
	es = load(path, &fd);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx <%2047[^>]>:", &addr, name) != 2)
			continue;
		if (strncmp(name, "*ABS*", 5) && strlen(name) > 4 &&
		    !strcmp(name + strlen(name) - 4, "@plt")) {
			assert_string_equal(at(es, addr), name);
			assert_string_equal(at(es, addr + 7), name);
			n++;
		}
	}
	pclose(f);
	elfsyms__free(es);
	close(fd);
	return n;
}

static void names_plt_stubs(void **state)
{
	static const char *const kinds[] = {
		"-Wl,-z,lazy -fcf-protection=none -Wl,-z,noibtplt", "-Wl,-z,lazy -Wl,-z,ibtplt",
		"-Wl,-z,now", "-Wl,-z,now -fno-plt",
	};
	static const char *const real[] = {
		"/bin/bash", "/usr/bin/python3", "/usr/bin/gdb", "/usr/bin/git",
		"/usr/lib/x86_64-linux-gnu/libx264.so.164", "/usr/lib/x86_64-linux-gnu/libelf.so.1",
		"/usr/lib/x86_64-linux-gnu/libavcodec.so.59",
	};
	unsigned total = 0;
	char name[16];

	(void)state;
	if (run("command -v objdump >/dev/null"))
		skip();
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		const char *path;

		sprintf(name, "plt%zu", i);
		path = fixture_cc(name, "program.c", kinds[i]);
		assert_true(compare_plt(path) > 0 || i >= 2);
		assert_int_equal(run("strip -s %s", path), 0);
		assert_true(compare_plt(path) > 0 || i >= 2);
	}
	for (size_t i = 0; i < sizeof(real) / sizeof(real[0]); i++)
		if (!access(real[i], R_OK))
			total += compare_plt(real[i]);
	print_message("%u stubs of installed files\n", total);
}

static void keeps_the_mark(void **state)
{
	char buf[64], small[16];

	(void)state;
	names__demangle("_ZN2ns5classC2Ev@plt", buf, sizeof(buf));
	assert_string_equal(buf, "ns::class::class@plt");
	names__demangle("memcpy@plt", buf, sizeof(buf));
	assert_string_equal(buf, "memcpy@plt");
	names__demangle("memcpy@@GLIBC_2.14", buf, sizeof(buf));
	assert_string_equal(buf, "memcpy");
	names__demangle("a_name_that_is_too_long@plt", small, sizeof(small));
	assert_string_equal(small, "a_name_t...@plt");
}

/* Where nm says that a function of the program starts, its stripped copy has the same name. */
static void compare_go(const char *build)
{
	char line[4096], name[2048], type;
	unsigned n = 0, missing = 0;
	unsigned long addr;
	struct elfsyms *es;
	FILE *f;
	int fd;

	snprintf(line, sizeof(line), "%s/go", fixture_dir);
	if (run("HOME=%s GOCACHE=%s/cache GO111MODULE=off GOFLAGS= %s -o %s/go %s/hello.go 2>%s/go.log && "
		"cd %s && cp go go.stripped && strip -s go.stripped && nm go >go.nm",
		fixture_dir, fixture_dir, build, fixture_dir, fixture_src(), fixture_dir, fixture_dir)) {
		print_message("cannot run %s\n", build);
		return;
	}
	snprintf(line, sizeof(line), "%s/go.stripped", fixture_dir);
	es = load(line, &fd);
	snprintf(line, sizeof(line), "%s/go.nm", fixture_dir);
	f = fopen(line, "re");
	while (fgets(line, sizeof(line), f)) {
		const char *got;

		if (sscanf(line, "%lx %c %2047[^\n]", &addr, &type, name) != 3 ||
		    (type != 't' && type != 'T'))
			continue;
		/* Go's own functions only: C code is in no table of Go's */
		if (strncmp(name, "runtime.", 8) && strncmp(name, "main.", 5) && strncmp(name, "fmt.", 4))
			continue;
		/* marks of the linker, and the assembler's suffix for its calling convention */
		if (!strcmp(name, "runtime.text") || !strcmp(name, "runtime.etext"))
			continue;
		name[strcspn(name, ".") + strcspn(name + strcspn(name, "."), "\n")] = '\0';
		got = at(es, addr);
		if (strstr(name, ".abi0"))
			*strstr(name, ".abi0") = '\0';
		n++;
		if (strncmp(got, name, strlen(name))) {
			missing++;
			if (missing < 5)
				print_message("%lx is %s, but %s here\n", addr, name, got);
		}
	}
	fclose(f);
	elfsyms__free(es);
	close(fd);
	print_message("%s: %u functions, %u with another name\n", build, n, missing);
	assert_true(n > 500);
	assert_true(missing * 100 <= n);
}

static void names_stripped_go_programs(void **state)
{
	(void)state;
	if (run("command -v go >/dev/null")) {
		print_message("skipped: there is no go\n");
		skip();
	}
	compare_go("go build");
	compare_go("go build -buildmode=pie");
}

/* The table of old versions, made by hand: addresses instead of offsets. */
static void reads_the_table_of_go_116(void **state)
{
	const char *path = fixture_cc("go116.so", "gopclntab.s", "-shared -nostdlib");
	struct elfsyms *es;
	int fd;

	(void)state;
	assert_int_equal(run("strip -s %s", path), 0);
	es = load(path, &fd);
	assert_string_equal(at(es, 0x5000), "main.one");
	assert_string_equal(at(es, 0x500f), "main.one");
	assert_string_equal(at(es, 0x5010), "main.two");
	assert_string_equal(at(es, 0x5040), "");
	elfsyms__free(es);
	close(fd);
}

/* Whatever the table says, it stays within the file. */
static void survives_damage(void **state)
{
	const char *path = fixture_cc("damaged.so", "gopclntab.s", "-shared -nostdlib");
	static const unsigned char evil[] = { 0, 1, 0x7f, 0x80, 0xff, 0xfe };
	static char buf[65536], bad[65536];
	int fd = run("strip -s %s", path) ? -1 : open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, buf, sizeof(buf));
	char *table = memmem(buf, n, "\xfa\xff\xff\xff\0\0\1\x8", 8);
	uint32_t seed = 815;

	(void)state;
	close(fd);
	assert_non_null(table);
	for (int round = 0; round < 4000; round++) {
		struct elfimg img = { .fd = -1, .mem = bad, .size = n };
		struct elfsyms *es;

		memcpy(bad, buf, n);
		for (int i = 0; i < 4; i++) {
			seed = seed * 1103515245 + 12345;
			bad[table - buf + (seed >> 8) % 220] = evil[(seed >> 20) % sizeof(evil)];
		}
		if (elfsyms__load(&es, &img, NULL))
			continue;
		for (uint64_t a = 0x4ff0; a < 0x5050; a += 8)
			at(es, a);
		elfsyms__free(es);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_plt_stubs),
		cmocka_unit_test(keeps_the_mark),
		cmocka_unit_test(names_stripped_go_programs),
		cmocka_unit_test(reads_the_table_of_go_116),
		cmocka_unit_test(survives_damage),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
