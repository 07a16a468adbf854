/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where functions end: instructions against objdump, shapes of functions by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "spans/exits.h"
#include "spans/x86.h"

/* Bytes of "f3 0f 1e fa"; how many. */
static unsigned from_hex(const char *text, __u8 *out, unsigned max)
{
	unsigned n = 0;
	char *end;

	for (; n < max && *text && *text != '\t'; n++, text = end + (*end == ' ')) {
		out[n] = strtoul(text, &end, 16);
		if (end != text + 2)
			break;
	}
	return n;
}

static bool is_jump(const char *m)
{
	return m[0] == 'j' || !strncmp(m, "notrack jmp", 11) || !strncmp(m, "bnd j", 5) ||
	       !strncmp(m, "loop", 4);
}

/* One line of objdump's: "addr:\tbytes\tinstruction". */
static bool check_line(const char *line)
{
	const char *bytes = strchr(line, '\t'), *m = bytes ? strchr(bytes + 1, '\t') : NULL;
	__u8 code[32];
	struct x86_insn i;
	unsigned n;

	if (!m || strstr(m, "(bad)") || strstr(m, "rex."))
		return false;
	memset(code, 0x90, sizeof(code));
	n = from_hex(bytes + 1, code, 15);
	m++;
	if (code[0] == 0x9b)		/* objdump takes fwait and what follows for one */
		return false;
	if (x86__decode(code, sizeof(code), &i) || i.len != n)
		fail_msg("%u bytes, not %u: %s", i.len, n, line);
	if ((i.kind == X86_RET) != (!strncmp(m, "ret", 3) || !strncmp(m, "repz ret", 8) ||
				    !strncmp(m, "bnd ret", 7)))
		fail_msg("kind %d: %s", i.kind, line);
	if ((i.kind >= X86_JUMP && i.kind <= X86_JUMP_MEM) != is_jump(m) && !strstr(m, ",p"))
		fail_msg("kind %d: %s", i.kind, line);
	return true;
}

/* Every instruction of real code is cut as objdump cuts it. */
static void test_against_objdump(void **state)
{
	static const char *const files[] = {
		"/proc/self/exe", "/lib/x86_64-linux-gnu/libc.so.6", "/lib/x86_64-linux-gnu/libm.so.6",
		"/usr/lib/x86_64-linux-gnu/libx264.so.164",	/* assembly of every kind, if it is there */
	};
	unsigned long seen = 0;

	(void)state;
#ifndef __x86_64__
	skip();
#endif
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
		char command[256], line[1024], path[200];
		ssize_t n = readlink(files[i], path, sizeof(path) - 1);
		FILE *f;

		if (access(files[i], R_OK))
			continue;
		if (n > 0)
			path[n] = 0;
		snprintf(command, sizeof(command), "objdump -d -w '%s' 2>/dev/null",
			 n > 0 && path[0] == '/' ? path : files[i]);
		f = popen(command, "r");
		while (f && fgets(line, sizeof(line), f))
			seen += check_line(line);
		if (f)
			pclose(f);
	}
	if (!seen)
		skip();
	assert_true(seen > 100000);
}

/* What no compiler here makes. */
static void test_rare(void **state)
{
	static const char *const code[] = {
		"62 f1 7c 48 10 44 24 01", "62 f2 7d 48 18 84 88 00 01 00 00", "c4 e3 79 14 c8 01",
		"c5 f8 77", "8f e8 78 a3 c1 10", "8f e9 78 80 c1", "66 0f 3a 0f c1 08", "0f 38 f0 00",
		"c8 10 00 01", "48 a1 11 22 33 44 55 66 77 88", "67 a1 11 22 33 44",
		"48 b8 11 22 33 44 55 66 77 88", "66 b8 11 22", "f6 c1 01", "f6 d1",
		"66 f7 c1 11 22", "f7 d1", "66 48 e8 11 22 33 44", "2e 0f 85 11 22 33 44",
		"c7 f8 11 22 33 44", "0f 18 05 11 22 33 44", "64 48 8b 04 25 11 22 33 44",
		"62 f5 7c 48 58 c1", "0f 0b",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(code) / sizeof(*code); i++) {
		__u8 b[32];
		unsigned n = from_hex(code[i], b, 16);
		struct x86_insn insn;

		assert_int_equal(x86__decode(b, n, &insn), 0);
		assert_int_equal(insn.len, n);
		/* cut short it is none */
		assert_int_equal(x86__decode(b, n - 1, &insn), -1);
	}
}

/* --- functions ------------------------------------------------------------- */

#define BASE 0x1000

struct image {
	__u8 code[256];
	unsigned size;
	__u64 cut[8];		/* where functions begin, 0: no more */
};

static unsigned read_image(void *ctx, __u64 addr, __u8 *buf, unsigned n)
{
	const struct image *im = ctx;

	if (addr < BASE || addr - BASE >= im->size)
		return 0;
	if (n > im->size - (addr - BASE))
		n = im->size - (addr - BASE);
	memcpy(buf, im->code + (addr - BASE), n);
	return n;
}

static bool image_function(void *ctx, __u64 addr, __u64 *start, __u64 *end)
{
	const struct image *im = ctx;
	unsigned i;

	for (i = 0; im->cut[i]; i++)
		if (addr >= im->cut[i] && (!im->cut[i + 1] || addr < im->cut[i + 1]))
			break;
	*start = im->cut[i];
	*end = im->cut[i] && im->cut[i + 1] ? im->cut[i + 1] : BASE + im->size;
	return im->cut[i] && addr < BASE + im->size;
}

static int find(struct image *im, const char *hex, unsigned first_size, struct exits *x)
{
	const struct exits_code c = { im, read_image, image_function };

	im->size = from_hex(hex, im->code, sizeof(im->code));
	return exits__find(&c, BASE, BASE + (first_size ? first_size : im->size), x);
}

static void test_functions(void **state)
{
	struct exits *x = malloc(sizeof(*x));
	struct image im = { .cut = { BASE } };

	(void)state;
	/* test; je +1; ret; nop; ret */
	assert_int_equal(find(&im, "85 c0 74 01 c3 90 c3", 0, x), 0);
	assert_int_equal(x->n_ret, 2);
	assert_int_equal(x->ret[0], BASE + 4);
	assert_int_equal(x->ret[1], BASE + 6);
	assert_int_equal(x->n_leave, 0);
	/* into the middle of an instruction: there is something between the code that is none */
	assert_int_equal(find(&im, "74 01 b8 c3 c3 c3 c3 c3", 0, x), -1);
	/* an end that cuts an instruction in two */
	assert_int_equal(find(&im, "90 e8 00 00", 0, x), -1);
	/* movslq (%rdx,%rax,4),%rax; add %rdx,%rax; jmp *%rax; ret: a switch */
	assert_int_equal(find(&im, "48 63 04 82 48 01 d0 ff e0 c3", 0, x), 0);
	assert_int_equal(x->n_leave, 0);
	/* notrack jmp *%rax is one, too */
	assert_int_equal(find(&im, "3e ff e0 c3", 0, x), 0);
	assert_int_equal(x->n_leave, 0);
	/* jmp *%rax, jmp *8(%rax), jmp *0(%rip): to other functions; jmp *0(,%rax,8): a table */
	assert_int_equal(find(&im, "ff e0 ff 60 08 ff 25 00 00 00 00 ff 24 c5 00 00 00 00", 0, x), 0);
	assert_int_equal(x->n_leave, 3);
	assert_int_equal(x->leave[0], BASE);
	assert_int_equal(x->leave[2], BASE + 5);
	free(x);
}

static void test_followed(void **state)
{
	struct exits *x = malloc(sizeof(*x));
	struct image im = { .cut = { BASE, BASE + 5, BASE + 8 } };

	(void)state;
	/* first: jmp second; second: jmp third; nop; third: ret */
	assert_int_equal(find(&im, "e9 00 00 00 00 eb 01 90 c3", 5, x), 0);
	assert_int_equal(x->n_ret, 1);
	assert_int_equal(x->own_ret, 0);
	assert_int_equal(x->ret[0], BASE + 8);
	assert_int_equal(x->pieces, 2);
	/* … third jumps to the first again: nothing is followed twice */
	assert_int_equal(find(&im, "e9 00 00 00 00 eb 01 90 eb f6", 5, x), 0);
	assert_int_equal(x->pieces, 2);
	/* a jump to where no function is known */
	assert_int_equal(find(&im, "e9 00 10 00 00 eb 01 90 c3", 5, x), 0);
	assert_int_equal(x->n_leave, 1);
	/* a branch on a condition may be a tail call, too */
	assert_int_equal(find(&im, "75 06 90 90 c3 eb 01 90 c3", 5, x), 0);
	assert_int_equal(x->n_ret, 2);
	assert_int_equal(x->own_ret, 1);
	free(x);
}

static void test_boundary(void **state)
{
	struct image im = { .cut = { BASE } };
	const struct exits_code c = { &im, read_image, image_function };

	(void)state;
	im.size = from_hex("55 48 89 e5 b8 01 00 00 00 5d c3", im.code, sizeof(im.code));
	for (unsigned i = 0; i < im.size; i++)
		assert_int_equal(exits__is_boundary(&c, BASE, BASE + im.size, BASE + i),
				 i == 0 || i == 1 || i == 4 || i == 9 || i == 10);
	assert_false(exits__is_boundary(&c, BASE, BASE + im.size, BASE + im.size));
	assert_false(exits__is_boundary(&c, BASE, BASE + im.size, BASE - 1));
	/* code that the file does not have */
	assert_false(exits__is_boundary(&c, BASE, BASE + im.size + 1, BASE + 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_objdump), cmocka_unit_test(test_rare),
		cmocka_unit_test(test_functions), cmocka_unit_test(test_followed),
		cmocka_unit_test(test_boundary),
	};

	return cmocka_run_group_tests_name("spans_exits", tests, NULL, NULL);
}
