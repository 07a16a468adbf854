// SPDX-License-Identifier: GPL-2.0-or-later
/* Symbols that are not in the file itself: debug files and .gnu_debugdata. */
#include "fixtures/symbols/fixture.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "symbols/elfsyms_impl.h"
#include "symbols/names.h"
#include "symbols/symbols.h"

#define LIB "-shared -fPIC -O1 -Wl,--build-id=sha1"

/* The name at that address in the file, "" when it has none. */
static const char *name_in(const char *path, uint64_t addr)
{
	static char buf[SYMBOL_MAX_SZ];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	const struct elfimg img = { .fd = fd };
	struct elfsyms *es;

	assert_int_equal(elfsyms__load(&es, &img, path), 0);
	if (!elfsyms__find(es, addr, false, buf, sizeof(buf)).named)
		buf[0] = '\0';
	elfsyms__free(es);
	close(fd);
	return buf;
}

static void reads_minidebuginfo(void **state)
{
	const char *path = fixture_cc("mini.so", "program.c", LIB);
	uint64_t hidden = fixture_addr(path, "hidden_function");
	uint64_t exported = fixture_addr(path, "exported_function");

	(void)state;
	if (run("cd %s && objcopy --only-keep-debug mini.so mini && xz -f mini && strip -s mini.so && "
		"objcopy --add-section .gnu_debugdata=mini.xz mini.so packed.so && "
		"head -c 300 mini.xz >cut.xz && "
		"objcopy --add-section .gnu_debugdata=cut.xz mini.so damaged.so", fixture_dir))
		skip();
	assert_string_equal(name_in(path, hidden), "");
	snprintf((char *)path, 128, "%s/packed.so", fixture_dir);
	assert_string_equal(name_in(path, hidden), "hidden_function");
	assert_string_equal(name_in(path, exported), "exported_function");
	snprintf((char *)path, 128, "%s/damaged.so", fixture_dir);
	assert_string_equal(name_in(path, hidden), "");
	assert_string_equal(name_in(path, exported), "exported_function");
}

/* 150 KB that become 1 GiB: refused before they do. */
static void bounds_minidebuginfo(void **state)
{
	const char *path = fixture_cc("bomb.so", "program.c", LIB);
	uint64_t exported = fixture_addr(path, "exported_function");
	struct rusage before, after;

	(void)state;
	if (run("cd %s && head -c 1G /dev/zero | xz -1 >bomb.xz && "
		"objcopy -S --add-section .gnu_debugdata=bomb.xz bomb.so", fixture_dir))
		skip();
	getrusage(RUSAGE_SELF, &before);
	assert_string_equal(name_in(path, exported), "exported_function");
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_maxrss - before.ru_maxrss < 96 << 10);
}

static void reads_the_systems_debug_files(void **state)
{
	const char *libc = "/lib/x86_64-linux-gnu/libc.so.6";
	int fd = open(libc, O_RDONLY | O_CLOEXEC);
	const struct elfimg img = { .fd = fd };
	struct elfsyms *es;
	unsigned i, from_debug = 0;

	(void)state;
	if (fd < 0 || access("/usr/lib/debug/.build-id", R_OK))
		skip();
	assert_int_equal(elfsyms__load(&es, &img, libc), 0);
	close(fd);
	for (i = 0; i < es->n; i++)
		from_debug += es->sym[i].src == SRC_DEBUG;
	elfsyms__free(es);
	if (!from_debug) {
		print_message("skipped: libc6-dbg is not installed\n");
		skip();
	}
	/* .dynsym has 2,400 functions */
	assert_true(from_debug > 4000);
}

/* A child that has lib mapped and lives in root; the caller kills it. */
static pid_t live_in(const char *root, const char *lib, uint64_t *base)
{
	int p[2], fd;
	pid_t pid;

	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		void *m;

		fd = open(lib, O_RDONLY | O_CLOEXEC);
		m = mmap(NULL, 1 << 20, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
		if (m == MAP_FAILED || chroot(root) || chdir("/") ||
		    write(p[1], &m, sizeof(m)) != sizeof(m))
			_exit(1);
		for (;;)
			pause();
	}
	close(p[1]);
	assert_int_equal(read(p[0], base, sizeof(*base)), sizeof(*base));
	close(p[0]);
	return pid;
}

static __u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* A container has its debug files in its own /usr/lib/debug, by its own links. */
static void reads_debug_files_in_the_processs_root(void **state)
{
	const char *path = fixture_cc("boxed.so", "program.c", LIB " -Wl,-z,noseparate-code");
	uint64_t hidden = fixture_addr(path, "hidden_function"), base;
	char hex[2 * BUILD_ID_MAX + 1] = "", root[96];
	__u8 id[BUILD_ID_MAX];
	struct symbols *s;
	unsigned i, len;
	pid_t pid;
	__u32 f;
	int fd;

	(void)state;
	if (geteuid()) {
		print_message("skipped: a process in another root needs root\n");
		skip();
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = elfimg__file_build_id(fd, id);
	close(fd);
	for (i = 0; i < len; i++)
		sprintf(hex + 2 * i, "%02x", id[i]);
	snprintf(root, sizeof(root), "%s/box", fixture_dir);
	if (run("mkdir -p %s/usr/lib/debug/.build-id %s/store/%.2s && ln -s /store/%.2s "
		"%s/usr/lib/debug/.build-id/%.2s && "
		"objcopy --only-keep-debug %s %s/store/%.2s/%s.debug && strip -s %s", root, root, hex,
		hex, root, hex, path, root, hex, hex + 2, path))
		skip();
	assert_string_equal(name_in(path, hidden), "");
	pid = live_in(root, path, &base);
	assert_int_equal(symbols__new(&s), 0);
	assert_int_equal(symbols__seed(s, pid, now()), 0);
	f = symbols__user_frame(s, pid, now(), base + hidden, false);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(run("rm -r %s", root), 0);
	assert_string_equal(symbols__name(s, f), "hidden_function");
	symbols__free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_minidebuginfo),
		cmocka_unit_test(bounds_minidebuginfo),
		cmocka_unit_test(reads_the_systems_debug_files),
		cmocka_unit_test(reads_debug_files_in_the_processs_root),
	};

	return cmocka_run_group_tests(tests, fixture_setup, fixture_teardown);
}
