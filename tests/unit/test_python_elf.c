/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which files are CPython interpreters, of which version, and where their loop lies. */
#include "fixtures/symbols/fixture.h"

#include "runtime/python.h"
#include "runtime/python_elf.h"
#include "util/log.h"
#include "util/u64map.h"

static char why[200];

static const char *build(const char *name, const char *defs)
{
	static char path[200];

	snprintf(path, sizeof(path), "%s/%s", fixture_dir, name);
	assert_int_equal(run("cc -O2 -fno-ipa-cp -freorder-blocks-and-partition -shared -fPIC "
			     "-Wl,-Bsymbolic -o '%s' %s '%s/../python/fake.c'",
			     path, defs, fixture_src()), 0);
	return path;
}

static int look(const char *path, struct python_elf *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), kind;

	assert_true(fd >= 0);
	why[0] = 0;
	kind = python_elf__open(fd, path, e, why, sizeof(why));
	close(fd);
	return kind;
}

static int fake(const char *name, const char *defs, struct python_elf *e)
{
	return look(build(name, defs), e);
}

static void knows_versions(void **state)
{
	struct python_elf e;

	(void)state;
	assert_int_equal(fake("libpython3.11.so", "-DMINOR=11 -DHEX=0x030b02f0 -DFREE=0 -DSHIFT=0", &e), 1);
	assert_string_equal(why, "CPython 3.11.2");
	assert_int_equal(e.version->l.minor, 11);
	assert_int_equal(e.version->tss, 592);
	assert_true(e.runtime && e.code_type);
	/* up to 3.10 the file's name is all there is */
	assert_int_equal(fake("libpython3.9.so.1.0", "-DMINOR=9 -DNOSYM -DSHIFT=0", &e), 1);
	assert_string_equal(why, "CPython 3.9");
	assert_int_equal(fake("libpython3.13.so", "-DMINOR=13 -DHEX=0x030d00f0 -DFREE=0 -DSHIFT=0", &e), 1);
	assert_int_equal(fake("renamed", "-DMINOR=14 -DHEX=0x030e0af0 -DNOSYM -DFREE=0 -DSHIFT=0", &e), 1);
	assert_string_equal(why, "CPython 3.14.10");
}

static void refuses_by_name(void **state)
{
	struct python_elf e;

	(void)state;
	assert_int_equal(fake("a", "-DMINOR=9 -DNOSYM -DSHIFT=0", &e), -1);
	assert_non_null(strstr(why, "tells its version"));
	assert_int_equal(fake("libpython3.7m.so", "-DMINOR=7 -DNOSYM -DSHIFT=0", &e), -1);
	assert_non_null(strstr(why, "3.7.0: that version is not known"));
	assert_int_equal(fake("b", "-DMINOR=15 -DHEX=0x030f00a1 -DFREE=0 -DSHIFT=0", &e), -1);
	assert_non_null(strstr(why, "3.15.0: that version is not known"));
	assert_int_equal(fake("c", "-DMINOR=13 -DHEX=0x030d00f0 -DFREE=1 -DSHIFT=0", &e), -1);
	assert_non_null(strstr(why, "free-threaded"));
	assert_int_equal(fake("d", "-DMINOR=13 -DHEX=0x030d00f0 -DFREE=0 -DSHIFT=8", &e), -1);
	assert_non_null(strstr(why, "laid out"));
	assert_int_equal(fake("e", "-DMINOR=11 -DHEX=0x030d00f0 -DFREE=0 -DSHIFT=0", &e), -1);
	assert_non_null(strstr(why, "_PyRuntime"));
}

static void leaves_others_alone(void **state)
{
	struct python_elf e;

	(void)state;
	assert_int_equal(look("/proc/self/exe", &e), 0);
	assert_int_equal(look("/etc/passwd", &e), 0);
	assert_string_equal(why, "");
}

/* The file offsets of a symbol of .symtab, which the detection does not read. */
static int symbol_at(const char *path, const char *name, unsigned long *start, unsigned long *size)
{
	char cmd[600];
	FILE *f;
	int n;

	/* value and file offset are the same in a small library's first segments, or p_vaddr - p_offset apart */
	snprintf(cmd, sizeof(cmd), "readelf -sW '%s' | awk '$8 == \"%s\" { print $2, $3; exit }'", path, name);
	f = popen(cmd, "r");
	if (!f)
		return 0;
	n = fscanf(f, "%lx %lu", start, size);
	pclose(f);
	return n == 2;
}

static void finds_the_cold_part(void **state)
{
	unsigned long hot, hot_size, cold, cold_size;
	struct python_elf e;
	const char *path = build("libpython3.12.so",
				 "-DMINOR=12 -DHEX=0x030c01f0 -DFREE=0 -DSPLIT=1 -DSHIFT=0");

	(void)state;
	assert_int_equal(look(path, &e), 1);
	assert_true(symbol_at(path, "_PyEval_EvalFrameDefault", &hot, &hot_size));
	if (!symbol_at(path, "_PyEval_EvalFrameDefault.cold", &cold, &cold_size)) {
		print_message("this compiler does not split the function\n");
		skip();
	}
	assert_int_equal(e.range[0].start, hot - e.seg[0].vaddr + e.seg[0].off);
	assert_int_equal(e.range[0].end - e.range[0].start, hot_size);
	assert_int_equal(e.range[1].start, cold - e.seg[0].vaddr + e.seg[0].off);
	/* the entry in .eh_frame may go on to the next function's alignment: never short of it */
	assert_true(e.range[1].end - e.range[1].start >= cold_size);
	assert_int_equal(e.range[2].end, 0);
}

static void a_whole_loop_has_one_range(void **state)
{
	struct python_elf e;

	(void)state;
	assert_int_equal(fake("libpython3.12.so.1", "-DMINOR=12 -DHEX=0x030c01f0 -DFREE=0 -DSHIFT=0", &e), 1);
	assert_true(e.range[0].end > e.range[0].start);
	assert_int_equal(e.range[1].end, 0);
}

static void computes_the_bias(void **state)
{
	struct python_elf e = { .n_seg = 1, .seg = { { 0x401000, 0x1000, 0x5000, true } } };

	(void)state;
	/* a program at its own address, a part of it mapped, a library somewhere */
	assert_int_equal(python_elf__bias(&e, 0x401000, 0x1000), 0);
	assert_int_equal(python_elf__bias(&e, 0x403000, 0x3000), 0);
	assert_int_equal(python_elf__bias(&e, 0x7f0000001000, 0x1000), 0x7f0000001000 - 0x401000);
	e.seg[0] = (struct python_segment){ 0x2000, 0x1800, 0x5000, true };
	assert_int_equal(python_elf__bias(&e, 0x7f0000001000, 0x1000), 0x7f0000000000 - 0x800);
}

static void enters_a_process(void **state)
{
	struct python_stats st;
	struct python *py;
	const char *path;
	int fd, self;

	(void)state;
	assert_int_equal(python__new(&py, -1, -1), 0);
	path = build("libpython3.10.so", "-DMINOR=10 -DNOSYM -DSHIFT=0");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	assert_int_equal(python__enter(py, 10, 5, -1, path, 0x1000, 0x1000), 0);
	assert_int_equal(python__enter(py, 10, 4, self, "exe", 0x1000, 0x1000), 0);
	assert_int_equal(python__enter(py, 10, 5, fd, path, 0x1000, 0x1000), WT_MAP_PY);
	/* another mapping of it, another object beside it, another process */
	assert_int_equal(python__enter(py, 10, 5, fd, path, 0x3000, 0x3000), WT_MAP_PY);
	assert_int_equal(python__enter(py, 10, 6, fd, path, 0x1000, 0x1000), 0);
	assert_int_equal(python__enter(py, 11, 6, fd, path, 0x1000, 0x1000), WT_MAP_PY);
	python__leave(py, 10);
	assert_int_equal(python__enter(py, 10, 6, fd, path, 0x1000, 0x1000), WT_MAP_PY);
	python__stats(py, &st);
	assert_int_equal(st.processes, 3);
	assert_int_equal(st.refused, 0);
	close(fd);
	close(self);
	python__free(py);
}

/* Somebody else's file: whatever it says, nothing is read outside it and nothing hangs. */
static void survives_damage(void **state)
{
	const char *path = build("libpython3.13.so.1", "-DMINOR=13 -DHEX=0x030d00f0 -DFREE=0 -DSPLIT=1 -DSHIFT=0");
	char out[240];
	struct python_elf e;
	unsigned char *all, *copy;
	struct stat st;
	__u64 r = 1;
	int fd;

	(void)state;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fstat(fd, &st), 0);
	all = malloc(st.st_size);
	copy = malloc(st.st_size);
	assert_int_equal(read(fd, all, st.st_size), st.st_size);
	close(fd);
	snprintf(out, sizeof(out), "%s/damaged", fixture_dir);
	for (unsigned turn = 0; turn < 1500; turn++) {
		memcpy(copy, all, st.st_size);
		for (unsigned k = 0; k < 1 + turn % 12; k++) {
			r = u64_mix(r + turn + k);
			/* every other byte in the headers and tables at the start */
			copy[r % (turn & 1 ? st.st_size : 4096)] = r >> 32;
		}
		fd = open(out, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
		assert_int_equal(write(fd, copy, st.st_size), st.st_size);
		python_elf__open(fd, "libpython3.13.so", &e, why, sizeof(why));
		close(fd);
	}
	free(all);
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_versions),
		cmocka_unit_test(refuses_by_name),
		cmocka_unit_test(leaves_others_alone),
		cmocka_unit_test(finds_the_cold_part),
		cmocka_unit_test(a_whole_loop_has_one_range),
		cmocka_unit_test(computes_the_bias),
		cmocka_unit_test(enters_a_process),
		cmocka_unit_test(survives_damage),
	};

	return cmocka_run_group_tests_name("python_elf", tests, fixture_setup, fixture_teardown);
}
