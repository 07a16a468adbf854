/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_tables.c - sections with formats of their own: Go's table of functions, the
 * packed symbols of .gnu_debugdata (packed here: a fuzzer cannot), the link to a
 * debug file.
 */
#include "fuzz.h"

#include <lzma.h>
#include <stdlib.h>
#include <string.h>

#include "symbols/elfsyms.h"
#include "symbols/names.h"

static void look_up(const void *file, size_t len)
{
	const struct elfimg img = { .fd = -1, .mem = file, .size = len };
	char symbol[SYMBOL_MAX_SZ];
	struct elfsyms *es;
	int err = elfsyms__load(&es, &img, "/nowhere/of/this/name");

	REQUIRE(err <= 0);
	if (err)
		return;
	for (__u64 at = WRAP_CODE; at < WRAP_CODE + WRAP_CODE_SIZE; at += 64) {
		struct elfsym s = elfsyms__find(es, at, false, symbol, sizeof(symbol));

		REQUIRE(s.start <= at);
	}
	elfsyms__free(es);
}

/* First byte: which section, and whether what follows is packed already. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const sections[] = {
		".gopclntab", ".gnu_debugdata", ".gnu_debugdata", ".gnu_debuglink",
	};
	uint8_t *packed = NULL;
	size_t len, n = 0;
	void *file;

	if (!size)
		return 0;
	if (data[0] % 4 == 1) {
		n = lzma_stream_buffer_bound(size - 1);
		packed = malloc(n);
		len = 0;
		REQUIRE(packed && lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, data + 1, size - 1,
							  packed, &len, n) == LZMA_OK);
		n = len;
	}
	file = fuzz__wrap(sections[data[0] % 4], packed ? packed : data + 1,
			  packed ? n : size - 1, &len);
	look_up(file, len);
	free(file);
	free(packed);
	return 0;
}
