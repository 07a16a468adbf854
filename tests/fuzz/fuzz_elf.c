/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_elf.c - a whole ELF file: its symbols, stubs, debug link and pieces, and
 * whether it is an interpreter or a VM.
 */
#include "fuzz.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/jvm_elf.h"
#include "runtime/python_elf.h"
#include "symbols/elfsyms.h"
#include "symbols/names.h"

static void find(const struct elfsyms *es, __u64 vaddr)
{
	char symbol[SYMBOL_MAX_SZ], name[NAME_MAX_SZ];
	struct elfsym s = elfsyms__find(es, vaddr, vaddr & 1, symbol, sizeof(symbol));

	REQUIRE(s.start <= vaddr);
	REQUIRE(memchr(symbol, 0, sizeof(symbol)));
	names__demangle(symbol, name, sizeof(name));
}

static void symbols_of(int fd, const uint8_t *data, size_t size)
{
	const struct elfimg img = { .fd = fd };
	struct elfsyms *es;
	Elf64_Ehdr eh = { 0 };

	if (elfsyms__load(&es, &img, "/nowhere/of/this/name"))
		return;
	memcpy(&eh, data, size < sizeof(eh) ? size : sizeof(eh));
	find(es, eh.e_entry);
	for (__u64 off = 0; off < size; off += size / 32 + 1) {
		find(es, elfsyms__vaddr(es, off));
		find(es, off);
	}
	find(es, UINT64_MAX);
	REQUIRE(elfsyms__bytes(es) < 256 << 20);
	elfsyms__free(es);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = fuzz__file(data, size);
	char why[256] = "";
	struct python_elf py;
	struct jvm_elf jvm;

	symbols_of(fd, data, size);
	if (python_elf__open(fd, "/usr/bin/python3.11", &py, why, sizeof(why)) > 0)
		for (__u64 off = 0; off < size; off += 4096)
			python_elf__bias(&py, 0x7f0000000000, off);
	if (jvm_elf__open(fd, &jvm))
		jvm_elf__bias(&jvm, 0x7f0000000000, 4096);
	return 0;
}
