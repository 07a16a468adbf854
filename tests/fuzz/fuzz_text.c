/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_text.c - /proc/kallsyms, /proc/PID/maps, and symbols that are to be demangled. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "symbols/jitname.h"
#include "symbols/ksyms.h"
#include "symbols/names.h"
#include "symbols/procmaps.h"

static void kernel_symbols(const uint8_t *data, size_t size)
{
	struct ksyms *k;
	const char *name;

	fuzz__file(data, size);
	if (ksyms__load(&k, fuzz__file_path()))
		return;
	REQUIRE(ksyms__count(k));
	for (__u64 off = 0; off < 0x1000; off += 0x40) {
		name = ksyms__find(k, 0xffffffff81000000 + off);
		REQUIRE(!name || *name);
		ksyms__find(k, off);
	}
	ksyms__find(k, ksyms__text(k));
	ksyms__free(k);
}

static void mapping(void *ctx, const struct symbols_mmap *m)
{
	++*(unsigned *)ctx;
	REQUIRE(m->len && m->start + m->len > m->start);
	REQUIRE(!strchr(m->path, '\n'));
}

static void mappings(char *text)
{
	unsigned n = 0;

	procmaps__parse(text, 1, mapping, &n);
}

static void names(const char *text)
{
	char name[NAME_MAX_SZ], small[16];

	names__demangle(text, name, sizeof(name));
	names__sanitise(name);
	REQUIRE(!strpbrk(name, ";\n"));
	names__demangle(text, small, sizeof(small));
	REQUIRE(memchr(small, 0, sizeof(small)));
	names__is_user_root(text);
	names__is_kernel_root(text);
	jitname__clean(text, name, sizeof(name));
	jitname__clean(text, small, sizeof(small));
	REQUIRE(memchr(small, 0, sizeof(small)));
}

/* First byte: which of them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	if (data[0] % 3 == 0) {
		kernel_symbols(data + 1, size - 1);
		return 0;
	}
	text = malloc(size);
	REQUIRE(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	if (data[0] % 3 == 1)
		mappings(text);
	else
		names(text);
	free(text);
	return 0;
}
