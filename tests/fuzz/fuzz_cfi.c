/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_cfi.c - .eh_frame and .debug_frame, alone or in a whole file, to rows. */
#include "fuzz.h"

#include <stdlib.h>

#include "unwind/cfi.h"

static void look_at(const struct cfi_table *t)
{
	REQUIRE(t->n_rules);
	for (__u32 i = 0; i < t->n_rows; i++) {
		REQUIRE(t->rows[i].rule < t->n_rules);
		REQUIRE(!i || t->rows[i - 1].off < t->rows[i].off);
	}
	for (__u64 off = 0; off < 1 << 16; off += 0x111)
		REQUIRE(cfi__lookup(t, off) < t->rules + t->n_rules);
}

/* First byte: 0: a file, 1: .eh_frame, 2: .debug_frame. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct cfi_limits limits = {
		.rows = 1 << 16, .fdes = 1 << 12, .section = 1 << 20, .program = 1 << 14,
		.cpu_ns = 2000000000,
	};
	static const char *const sections[] = { ".eh_frame", ".debug_frame" };
	struct cfi_table *t;
	void *file = NULL;
	size_t len;
	int err;

	if (!size)
		return 0;
	if (data[0] % 3) {
		file = fuzz__wrap(sections[data[0] % 3 - 1], data + 1, size - 1, &len);
		err = cfi__compile_image(file, len, &limits, &t);
	} else {
		err = cfi__compile(fuzz__file(data + 1, size - 1), &limits, &t);
	}
	REQUIRE(err <= 0);
	if (!err)
		look_at(t);
	cfi__free(t);
	free(file);
	return 0;
}
