// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixtures/symbols/fixture.h"

#include <errno.h>

#include "symbols/ksyms.h"
#include "symbols/symbols_impl.h"

static const char *file(const char *name)
{
	static char path[4200];

	snprintf(path, sizeof(path), "%s/%s", fixture_src(), name);
	return path;
}

static void parses_kallsyms(void **state)
{
	struct ksyms *k;

	(void)state;
	assert_int_equal(ksyms__load(&k, file("kallsyms.txt")), 0);
	assert_int_equal(ksyms__text(k), 0xffffffff81000000ULL);
	assert_string_equal(ksyms__find(k, 0xffffffff81000000ULL), "first_function");
	assert_string_equal(ksyms__find(k, 0xffffffff81000050ULL), "do_nanosleep");
	assert_string_equal(ksyms__find(k, 0xffffffff810000ffULL), "do_nanosleep");
	/* the first of two names for one address */
	assert_string_equal(ksyms__find(k, 0xffffffff81000110ULL), "futex_wait.isra.0");
	assert_string_equal(ksyms__find(k, 0xffffffff81000180ULL), "weak_function");
	assert_null(ksyms__find(k, 0xffffffff80ffffffULL));
	assert_null(ksyms__find(k, 0xffffffff81000400ULL));	/* behind _etext */
	assert_null(ksyms__find(k, 0xffffffff81800000ULL));
	assert_string_equal(ksyms__find(k, 0xffffffffc0100083ULL), "ext4_write");
	assert_null(ksyms__find(k, 0xffffffffc0200000ULL));	/* between two modules */
	assert_null(ksyms__find(k, 0));
	ksyms__free(k);
}

static void refuses_hidden_addresses(void **state)
{
	struct ksyms *k;

	(void)state;
	assert_int_equal(ksyms__load(&k, file("kallsyms-hidden.txt")), -ENODATA);
	assert_null(k);
	assert_int_equal(ksyms__load(&k, file("no such file")), -ENOENT);
	assert_null(k);
}

static const char *kname(struct symbols *s, __u64 ip)
{
	return symbols__name(s, symbols__kernel_frame(s, ip));
}

static void names_kernel_frames(void **state)
{
	struct symbols *s;
	__u32 f;

	(void)state;
	assert_int_equal(symbols__new(&s), 0);
	s->kallsyms = file("kallsyms.txt");
	assert_string_equal(kname(s, 0xffffffff81000060ULL), "do_nanosleep_[k]");
	assert_string_equal(kname(s, 0xffffffffc0100000ULL), "ext4_read_[k]");
	assert_string_equal(kname(s, 0xffffffffc0300010ULL), "nvme_queue:rq_[k]");
	assert_string_equal(kname(s, 0xffffffff81800000ULL), "[kernel+0x800000]_[k]");
	f = symbols__kernel_frame(s, 0xffffffff81000110ULL);
	assert_string_equal(symbols__name(s, f), "futex_wait.isra.0_[k]");
	assert_string_equal(symbols__kernel_name(s, f), "futex_wait");
	assert_string_equal(symbols__kernel_name(s, 0), "");
	assert_false(symbols__is_root(s, f));
	assert_true(symbols__is_root(s, symbols__kernel_frame(s, 0xffffffff81000310ULL)));
	assert_int_equal(symbols__kernel_frame(s, 0xffffffff81000110ULL), f);
	symbols__free(s);
}

static void works_without_addresses(void **state)
{
	struct symbols *s;

	(void)state;
	assert_int_equal(symbols__new(&s), 0);
	s->kallsyms = file("kallsyms-hidden.txt");
	assert_string_equal(kname(s, 0xffffffff81000060ULL), "[kernel+0xffffffff81000060]_[k]");
	assert_string_equal(symbols__kernel_name(s, symbols__kernel_frame(s, 0xffffffff81000060ULL)),
			    "");
	symbols__free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_kallsyms),
		cmocka_unit_test(refuses_hidden_addresses),
		cmocka_unit_test(names_kernel_frames),
		cmocka_unit_test(works_without_addresses),
	};

	return cmocka_run_group_tests_name("symbols_ksyms", tests, NULL, NULL);
}
