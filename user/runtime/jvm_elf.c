/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/jvm_elf.h"

#include <gelf.h>
#include <string.h>

#include "symbols/elfimg.h"

#define MAX_DYNSYM ((size_t)16 << 20)

static const char *const names[JVM_SYMBOLS] = {
	[JVM_STRUCTS] = "gHotSpotVMStructs",
	[JVM_STRUCT_TYPE_NAME] = "gHotSpotVMStructEntryTypeNameOffset",
	[JVM_STRUCT_FIELD_NAME] = "gHotSpotVMStructEntryFieldNameOffset",
	[JVM_STRUCT_TYPE_STRING] = "gHotSpotVMStructEntryTypeStringOffset",
	[JVM_STRUCT_IS_STATIC] = "gHotSpotVMStructEntryIsStaticOffset",
	[JVM_STRUCT_OFFSET] = "gHotSpotVMStructEntryOffsetOffset",
	[JVM_STRUCT_ADDRESS] = "gHotSpotVMStructEntryAddressOffset",
	[JVM_STRUCT_STRIDE] = "gHotSpotVMStructEntryArrayStride",
	[JVM_TYPES] = "gHotSpotVMTypes",
	[JVM_TYPE_NAME] = "gHotSpotVMTypeEntryTypeNameOffset",
	[JVM_TYPE_SIZE] = "gHotSpotVMTypeEntrySizeOffset",
	[JVM_TYPE_STRIDE] = "gHotSpotVMTypeEntryArrayStride",
};

static void read_segments(Elf *elf, struct jvm_elf *out)
{
	size_t n = 0;
	GElf_Phdr ph;

	elf_getphdrnum(elf, &n);
	for (size_t i = 0; i < n && out->n_seg < JVM_SEGMENTS; i++) {
		if (!gelf_getphdr(elf, i, &ph) || ph.p_type != PT_LOAD || !(ph.p_flags & PF_X))
			continue;
		out->seg[out->n_seg].vaddr = ph.p_vaddr;
		out->seg[out->n_seg].off = ph.p_offset;
		out->seg[out->n_seg++].filesz = ph.p_filesz;
	}
}

static void one_symbol(const char *name, const GElf_Sym *sym, struct jvm_elf *out)
{
	if (sym->st_shndx == SHN_UNDEF || strncmp(name, "gHotSpotVM", 10))
		return;
	for (unsigned i = 0; i < JVM_SYMBOLS; i++)
		if (!strcmp(name, names[i]))
			out->vaddr[i] = sym->st_value;
}

static void read_symbols(Elf *elf, struct jvm_elf *out)
{
	size_t room = MAX_DYNSYM;
	Elf_Scn *scn = NULL;
	Elf_Data *data;
	GElf_Shdr sh;
	GElf_Sym sym;
	const char *name;

	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_DYNSYM || !sh.sh_entsize ||
		    !elfimg__is_strings(elf, sh.sh_link))
			continue;
		data = elfimg__section_of(scn, &room);
		for (size_t i = 0; data && i < data->d_size / sh.sh_entsize; i++) {
			if (!gelf_getsym(data, i, &sym))
				break;
			name = elf_strptr(elf, sh.sh_link, sym.st_name);
			if (name)
				one_symbol(name, &sym, out);
		}
	}
}

bool jvm_elf__open(int fd, struct jvm_elf *out)
{
	struct elfimg img = { .fd = fd };
	bool all = true;
	Elf *elf;

	memset(out, 0, sizeof(*out));
	if (fd < 0 || !elfimg__is_elf(&img))
		return false;
	elf = elfimg__begin(&img);
	if (!elf)
		return false;
	read_segments(elf, out);
	read_symbols(elf, out);
	elf_end(elf);
	for (unsigned i = 0; i < JVM_SYMBOLS; i++)
		all = all && out->vaddr[i];
	return all && out->n_seg;
}

__u64 jvm_elf__bias(const struct jvm_elf *e, __u64 start, __u64 pgoff)
{
	for (unsigned i = 0; i < e->n_seg; i++)
		/* a mapping begins at a page, a segment need not */
		if (pgoff + 4096 > e->seg[i].off && pgoff < e->seg[i].off + e->seg[i].filesz)
			return start - pgoff + e->seg[i].off - e->seg[i].vaddr;
	return start - pgoff;
}
