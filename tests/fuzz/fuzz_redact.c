/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_redact.c - whatever comes before it, a password on a line of its own is taken out. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "units/redact.h"

static const char secret[] = "hunter2hunter2";

/* The text, then what must not be seen; all that is written lies within cap. */
static void redact(size_t (*how)(char *, size_t, const char *, size_t), const uint8_t *data,
		   size_t size, const char *tail, size_t tail_size, size_t cap)
{
	char *in = malloc(size + tail_size), *out = malloc(cap);
	size_t n;

	REQUIRE(in && out);
	memcpy(in, data, size);
	memcpy(in + size, tail, tail_size);
	n = how(out, cap, in, size + tail_size);
	REQUIRE(n < cap && !out[n]);
	REQUIRE(!memmem(out, n, secret, sizeof(secret) - 1));
	free(in);
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char line[] = "\nPGPASSWORD=hunter2hunter2 redis://:hunter2hunter2@h/ "
				   "--token hunter2hunter2 \"secret\": \"hunter2hunter2\"";
	static const char words[] = "\0--password\0hunter2hunter2\0--x\0API_KEY=hunter2hunter2";
	size_t cap;

	if (!size || memmem(data, size, "hunter", 6))
		return 0;
	/* now and then with too little room */
	cap = data[0] < 16 ? data[0] + 1 : 8 * (size + sizeof(line)) + 64;
	redact(redact__text, data + 1, size - 1, line, sizeof(line) - 1, cap);
	redact(redact__argv, data + 1, size - 1, words, sizeof(words) - 1, cap);
	return 0;
}
