/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/relos.h"

#include <gelf.h>
#include <libelf.h>
#include <string.h>

#define BTF_MAGIC 0xeb9f

struct btf_ext {
	__u16 magic;
	__u8 version, flags;
	__u32 hdr_len;
	__u32 func_info_off, func_info_len;
	__u32 line_info_off, line_info_len;
	__u32 core_relo_off, core_relo_len;
};

static struct btf_ext *find(Elf *e, char *elf, size_t size)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(e, &names))
		return NULL;
	while ((scn = elf_nextscn(e, scn))) {
		const char *name;
		GElf_Shdr h;

		if (!gelf_getshdr(scn, &h) || h.sh_type != SHT_PROGBITS)
			continue;
		name = elf_strptr(e, names, h.sh_name);
		if (!name || strcmp(name, ".BTF.ext") || h.sh_offset > size ||
		    h.sh_size > size - h.sh_offset || h.sh_size < sizeof(struct btf_ext) || h.sh_offset % 4)
			continue;
		return (void *)(elf + h.sh_offset);
	}
	return NULL;
}

__u32 *relos__len(void *elf, size_t size)
{
	struct btf_ext *x = NULL;
	Elf *e;

	if (elf_version(EV_CURRENT) == EV_NONE)
		return NULL;
	e = elf_memory(elf, size);
	if (e && elf_kind(e) == ELF_K_ELF)
		x = find(e, elf, size);
	elf_end(e);
	return x && x->magic == BTF_MAGIC && x->hdr_len >= sizeof(*x) ? &x->core_relo_len : NULL;
}
