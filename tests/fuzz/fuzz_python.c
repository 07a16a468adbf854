/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_python.c - CPython's code objects as the kernel side sends them, and tables of lines. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/python_codes.h"
#include "runtime/python_lines.h"

#define MAX_EVENTS 16

/* The table's rest is read from the process: from nobody, or from what we have here. */
static void place_table(struct wt_ev_pycode *e, const char *rest, bool here)
{
	e->tgid = here ? (__u32)getpid() : 0x7fffffff;
	if (here)
		e->table_at = (__u64)(uintptr_t)rest;
}

static void lines(const __u8 *table, size_t n, __u32 first)
{
	for (unsigned minor = 8; minor <= 14; minor++)
		for (__u32 lasti = 0; lasti < 64; lasti += 6) {
			unsigned line = python_line(minor, table, n, lasti & 1, first, lasti);

			REQUIRE(line <= 0x7fffffff);
		}
	python_line(11, table, n, true, first, UINT32_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char rest[64 << 10];
	struct input in = { data, size };
	struct wt_ev_pycode *e;
	struct python *py;
	char name[1024];

	REQUIRE(!python__new(&py, -1, -1));
	for (unsigned i = 0; i < MAX_EVENTS && in.n; i++) {
		/* an allocation of just that size: reading beyond it is seen */
		size_t n = input__number(&in, 2) % (sizeof(*e) + 1);
		bool here = input__number(&in, 1) & 1;

		if (n < offsetof(struct wt_ev_pycode, table))
			n = offsetof(struct wt_ev_pycode, table);
		e = malloc(n);
		REQUIRE(e);
		input__copy(&in, e, n);
		memset(rest, 0x80, sizeof(rest));
		memcpy(rest, e->table, n - offsetof(struct wt_ev_pycode, table));
		if (e->table_size > sizeof(rest))
			here = false;
		place_table(e, rest, here);
		REQUIRE(!python__on_code(py, e, n));
		for (__u64 lasti = 0; lasti < 0x2000000; lasti = lasti * 3 + 2) {
			python__name(py, WT_FRAME_MAKE(WT_FRAME_PY) |
				     (e->code & 0xfffffffff) << 24 | (lasti & 0xffffff),
				     name, sizeof(name));
			REQUIRE(!strpbrk(name, ";\n"));
		}
		lines(e->table, n - offsetof(struct wt_ev_pycode, table), e->firstlineno);
		free(e);
	}
	python__free(py);
	return 0;
}
