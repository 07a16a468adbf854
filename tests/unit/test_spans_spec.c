/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What --span says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "spans/binary.h"
#include "spans/spec.h"
#include "spans/symbol.h"
#include "util/log.h"

static void accept(const char *text, const char *binary, const char *begin, const char *end)
{
	struct span_spec s;

	assert_int_equal(span_spec__parse(&s, text), 0);
	assert_string_equal(s.binary, binary);
	assert_string_equal(s.begin.text, begin);
	assert_int_equal(s.has_end, end != NULL);
	if (end)
		assert_string_equal(s.end.text, end);
	span_spec__free(&s);
}

static void refuse(const char *text)
{
	struct span_spec s;
	int quiet = dup(2);

	freopen("/dev/null", "w", stderr);
	assert_int_equal(span_spec__parse(&s, text), WT_EUSAGE);
	fflush(stderr);
	dup2(quiet, 2);
	close(quiet);
}

static void test_accepted(void **state)
{
	struct span_spec s;

	(void)state;
	accept("a=b:c", "b", "c", NULL);
	accept("a=/x/y.so:c , d", "/x/y.so", "c", "d");
	accept("a=b:n::C::f(int, char)", "b", "n::C::f(int, char)", NULL);
	accept("a=b:f<a, b>(c),g<d>", "b", "f<a, b>(c)", "g<d>");
	accept("a=b:C::operator,(C),C::operator<", "b", "C::operator,(C)", "C::operator<");
	accept("a=b:C::operator()(int),C::operator->()", "b", "C::operator()(int)", "C::operator->()");
	accept("a=b:C::operator<,C::operator<", "b", "C::operator<", "C::operator<");
	accept("a=b:C::operator< <int>,C::operator,", "b", "C::operator< <int>", "C::operator,");
	accept("a=b:C::operator bool,x", "b", "C::operator bool", "x");
	accept("a=b:my_operator,x", "b", "my_operator", "x");
	accept("a=b\\:c:d", "b:c", "d", NULL);
	accept("a=b:<impl T>::f", "b", "<impl T>::f", NULL);
	assert_int_equal(span_spec__parse(&s, "n-1.x_y=b:0x12F,f+0x10"), 0);
	assert_string_equal(s.name, "n-1.x_y");
	assert_int_equal(s.begin.where, SPAN_ADDRESS);
	assert_int_equal(s.begin.offset, 0x12f);
	assert_int_equal(s.end.where, SPAN_FUNCTION);
	assert_string_equal(s.end.text, "f");
	assert_int_equal(s.end.offset, 0x10);
	span_spec__free(&s);
	assert_int_equal(span_spec__parse(&s, "a=b:p:q,r:s"), 0);
	assert_int_equal(s.begin.where, SPAN_USDT);
	assert_string_equal(s.begin.text, "p");
	assert_string_equal(s.begin.probe, "q");
	assert_string_equal(s.end.probe, "s");
	span_spec__free(&s);
}

static void test_refused(void **state)
{
	static const char *const texts[] = {
		"", "a", "a=", "a=b", "a=b:", "a=:c", "=b:c", "a b=c:d", "a=b:,c", "a=b:c,", "a=b:c,d,e",
		"a=b:f(", "a=b:12", "a=b:0x", "a=b:0xg", "a=b:0x11223344556677889", "a=b:f+0x10",
		"a=b\\", "a=b\\:c",
		"abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij=b:c",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		refuse(texts[i]);
}

static void test_binaries(void **state)
{
	(void)state;
	assert_true(binary__matches("libpq", "/usr/lib/libpq.so.5.15"));
	assert_true(binary__matches("libpq", "/usr/lib/libpq.so"));
	assert_true(binary__matches("libpq.so.5", "/usr/lib/libpq.so.5.15"));
	assert_true(binary__matches("libpq", "/venv/psycopg2.libs/libpq-e8a033dd.so.5.16"));
	assert_true(binary__matches("prog", "/opt/prog"));
	assert_true(binary__matches("/opt/prog", "/opt/prog"));
	assert_false(binary__matches("libpq", "/usr/lib/libpqtypes.so.1"));
	assert_false(binary__matches("libpq", "/usr/lib/libpq-oauth.so.1"));
	assert_false(binary__matches("libpq.so.5", "/usr/lib/libpq.so.55"));
	assert_false(binary__matches("libpq.so.5", "/usr/lib/libpq.so.5x"));
	assert_false(binary__matches("prog", "/opt/prog2"));
	assert_false(binary__matches("prog", "/prog/other"));
	assert_false(binary__matches("/opt/prog", "/x/opt/prog"));
}

static void test_distance(void **state)
{
	(void)state;
	assert_int_equal(span_symbol__distance("PQexec", "PQexec", 3), 0);
	assert_int_equal(span_symbol__distance("pqexec", "PQexec", 3), 0);
	assert_int_equal(span_symbol__distance("PQexce", "PQexec", 3), 1);
	assert_int_equal(span_symbol__distance("PQxec", "PQexec", 3), 1);
	assert_int_equal(span_symbol__distance("PQexecc", "PQexec", 3), 1);
	assert_int_equal(span_symbol__distance("PQaxec", "PQexec", 3), 1);
	assert_int_equal(span_symbol__distance("abc", "xyzuvw", 3), 4);
	assert_int_equal(span_symbol__distance("", "abc", 3), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_binaries), cmocka_unit_test(test_distance),
	};

	return cmocka_run_group_tests_name("spans_spec", tests, NULL, NULL);
}
