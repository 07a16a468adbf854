/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/casts.h"

#include <errno.h>
#include <gelf.h>
#include <libelf.h>
#include <linux/bpf.h>
#include <stdlib.h>
#include <string.h>

#include "worktrace.h"

static void patch(struct bpf_insn *insn, size_t n, unsigned function)
{
	for (size_t i = 0; i < n; i++) {
		/* an instruction of two slots takes the second along */
		if (insn[i].code == (BPF_LD | BPF_IMM | BPF_DW)) {
			i++;
			continue;
		}
		if (insn[i].code != (BPF_JMP | BPF_CALL) || insn[i].src_reg || insn[i].imm != WT_CAST_CALL)
			continue;
		insn[i].src_reg = BPF_PSEUDO_KFUNC_CALL;
		insn[i].imm = function;
	}
}

void *casts__elf(const void *elf, size_t size, unsigned function)
{
	char *copy = malloc(size);
	Elf_Scn *scn = NULL;
	Elf *e = NULL;

	if (!copy)
		return NULL;
	memcpy(copy, elf, size);
	if (elf_version(EV_CURRENT) != EV_NONE)
		e = elf_memory(copy, size);
	if (!e || elf_kind(e) != ELF_K_ELF) {
		elf_end(e);
		free(copy);
		errno = EINVAL;
		return NULL;
	}
	while (function && (scn = elf_nextscn(e, scn))) {
		GElf_Shdr h;

		if (!gelf_getshdr(scn, &h) || h.sh_type != SHT_PROGBITS || !(h.sh_flags & SHF_EXECINSTR) ||
		    h.sh_offset > size || h.sh_size > size - h.sh_offset || h.sh_offset % 8)
			continue;
		patch((void *)(copy + h.sh_offset), h.sh_size / sizeof(struct bpf_insn), function);
	}
	elf_end(e);
	return copy;
}
