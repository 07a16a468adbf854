/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_inlines.c - DWARF: which functions are inlined at an address. */
#include "fuzz.h"

#include <string.h>

#include "symbols/inlines.h"

static void take(void *ctx, const char *name)
{
	*(size_t *)ctx += strlen(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct inlines *in = inlines__open(fuzz__file(data, size));
	size_t names = 0;

	if (!in)
		return 0;
	for (__u64 vaddr = 0; vaddr < 0x800; vaddr += 32)
		inlines__at(in, vaddr, take, &names);
	inlines__close(in);
	return 0;
}
