/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls of bpf_rdonly_cast() in our own object file: all of them, and nothing else. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "loader/casts.h"
#include "worktrace.h"
#include "worktrace.skel.h"

#define FUNCTION 0x5a5a5a

/* Instructions that are that call, wherever in the file; they are 8 bytes apart. */
static unsigned calls(const void *elf, size_t size, unsigned src, int imm)
{
	const struct bpf_insn call = { .code = BPF_JMP | BPF_CALL, .src_reg = src, .imm = imm };
	const char *p = elf;
	unsigned n = 0;

	for (size_t at = 0; at + sizeof(call) <= size; at += 8)
		n += !memcmp(p + at, &call, sizeof(call));
	return n;
}

static void test_every_call(void **state)
{
	size_t size, differ = 0;
	const char *elf = worktrace_bpf__elf_bytes(&size);
	char *copy = casts__elf(elf, size, FUNCTION);
	unsigned n = calls(elf, size, 0, WT_CAST_CALL);

	(void)state;
	assert_non_null(copy);
	assert_true(n > 100);
	assert_int_equal(calls(copy, size, 0, WT_CAST_CALL), 0);
	assert_int_equal(calls(copy, size, BPF_PSEUDO_KFUNC_CALL, FUNCTION), n);
	for (size_t i = 0; i < size; i += 8)
		differ += memcmp(copy + i, elf + i, size - i < 8 ? size - i : 8) != 0;
	assert_int_equal(differ, n);
	free(copy);
}

static void test_no_such_function(void **state)
{
	size_t size;
	const char *elf = worktrace_bpf__elf_bytes(&size);
	char *copy = casts__elf(elf, size, 0);

	(void)state;
	assert_non_null(copy);
	assert_memory_equal(copy, elf, size);
	free(copy);
}

static void test_no_object_file(void **state)
{
	static const char junk[] = "not an object file at all, but long enough to be looked at .....";

	(void)state;
	errno = 0;
	assert_null(casts__elf(junk, sizeof(junk), FUNCTION));
	assert_int_equal(errno, EINVAL);
	assert_null(casts__elf(junk, 0, FUNCTION));
}

/* Sections whose end lies behind the file's: they are left alone, whatever they say. */
static void test_truncated(void **state)
{
	size_t size;
	const char *elf = worktrace_bpf__elf_bytes(&size);

	(void)state;
	for (size_t cut = size - 1; cut > 64; cut -= cut / 7 + 1)
		free(casts__elf(elf, cut, FUNCTION));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_call),
		cmocka_unit_test(test_no_such_function),
		cmocka_unit_test(test_no_object_file),
		cmocka_unit_test(test_truncated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
