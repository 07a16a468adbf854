// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixtures/symbols/fixture.h"
#include "symbols/names.h"

static const char *demangled(const char *symbol)
{
	static char buf[NAME_MAX_SZ];

	names__demangle(symbol, buf, sizeof(buf));
	return buf;
}

static void demangles_cxx(void **state)
{
	(void)state;
	assert_string_equal(demangled("_ZN2ns5class6methodEi"), "ns::class::method");
	assert_string_equal(demangled("_ZN2ns5classC2Ev"), "ns::class::class");
	assert_string_equal(demangled("_ZNSt6vectorIiSaIiEE9push_backEOi"),
			    "std::vector<int, std::allocator<int> >::push_back");
	assert_string_equal(demangled("_Z3addii.constprop.0"), "add");
	assert_string_equal(demangled("_Znwm"), "operator new");
}

static void demangles_rust(void **state)
{
	(void)state;
	assert_string_equal(demangled("_ZN4core3fmt9Formatter3pad17h930b740aa94f1d3aE"),
			    "core::fmt::Formatter::pad");
	assert_string_equal(demangled("_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo.."
				      "Bar$LT$Test$GT$$GT$3bar17h930b740aa94f1d3aE"),
			    "<Test + 'static as foo::Bar<Test>>::bar");
	assert_string_equal(demangled("_RNvC6_123foo3bar"), "123foo::bar");
	assert_string_equal(demangled("_RNvNtCs1234_7mycrate5inner4work"), "mycrate::inner::work");
}

static void leaves_the_rest_alone(void **state)
{
	(void)state;
	assert_string_equal(demangled("main"), "main");
	assert_string_equal(demangled("_D3std5stdioQwFZv"), "_D3std5stdioQwFZv");
	assert_string_equal(demangled("_Zgarbage"), "_Zgarbage");
	assert_string_equal(demangled("_R"), "_R");
	assert_string_equal(demangled("memcpy@@GLIBC_2.14"), "memcpy");
	assert_string_equal(demangled("@odd"), "@odd");
	assert_string_equal(demangled(""), "");
}

/* Substitutions that double at each step: a short symbol, an endless name. */
static void bounds_explosions(void **state)
{
	char symbol[1200] = "_Z1fISt4pairIiiE", *p = symbol + strlen(symbol);
	const char *out;
	int i;

	(void)state;
	/* S_ is pair, S0_ pair<int, int>, S1_ pair<S0_, S0_> … */
	for (i = 0; i < 34; i++) {
		char c = i < 10 ? '0' + i : 'A' + i - 10;

		p += sprintf(p, "S_IS%c_S%c_E", c, c);
	}
	strcpy(p, "Evv");
	out = demangled(symbol);
	assert_int_equal(strncmp(out, "f<std::pair<int, int>", 21), 0);
	assert_int_equal(strlen(out), NAME_MAX_SZ - 1);
	assert_string_equal(out + NAME_MAX_SZ - 4, "...");

	memset(symbol, 'x', sizeof(symbol) - 1);
	symbol[sizeof(symbol) - 1] = '\0';
	out = demangled(symbol);
	assert_int_equal(strlen(out), NAME_MAX_SZ - 1);
	assert_string_equal(out + NAME_MAX_SZ - 4, "...");
}

static void sanitises(void **state)
{
	char a[] = " a;b\nc\rd\te f ", b[] = "\n\t ", c[] = "plain", d[] = "\x01x\x7f";

	(void)state;
	names__sanitise(a);
	assert_string_equal(a, "a:b c d e f");
	names__sanitise(b);
	assert_string_equal(b, "");
	names__sanitise(c);
	assert_string_equal(c, "plain");
	names__sanitise(d);
	assert_string_equal(d, "x");
}

static void knows_roots(void **state)
{
	static const char *const user[] = { "_start", "start_thread", "__clone3", "clone3", "clone",
		"__libc_start_main@@GLIBC_2.34", "__libc_start_main_impl",
		"__libc_start_call_main", "runtime.goexit.abi0" };
	static const char *const kernel[] = { "ret_from_fork", "ret_from_fork_asm",
		"secondary_startup_64_no_verify", "entry_SYSCALL_64_after_hwframe",
		"asm_exc_page_fault", "el0t_64_sync" };
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(user) / sizeof(user[0]); i++)
		assert_true(names__is_user_root(user[i]));
	for (i = 0; i < sizeof(kernel) / sizeof(kernel[0]); i++)
		assert_true(names__is_kernel_root(kernel[i]));
	assert_false(names__is_user_root("main"));
	assert_false(names__is_user_root("_starting"));
	assert_false(names__is_user_root("clone4"));
	assert_false(names__is_user_root(""));
	assert_false(names__is_kernel_root("schedule"));
	assert_false(names__is_kernel_root("do_ret_from_fork"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(demangles_cxx),
		cmocka_unit_test(demangles_rust),
		cmocka_unit_test(leaves_the_rest_alone),
		cmocka_unit_test(bounds_explosions),
		cmocka_unit_test(sanitises),
		cmocka_unit_test(knows_roots),
	};

	return cmocka_run_group_tests_name("symbols_names", tests, NULL, NULL);
}
