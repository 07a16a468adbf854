/* SPDX-License-Identifier: GPL-2.0-or-later */
/* common.c - see fuzz.h. */
#include "fuzz.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

void fuzz__fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: this must hold: %s\n", file, line, what);
	abort();
}

__u64 input__number(struct input *in, unsigned bytes)
{
	__u64 v = 0;

	input__copy(in, &v, bytes);
	return v;
}

size_t input__copy(struct input *in, void *to, size_t size)
{
	size_t n = size < in->n ? size : in->n;

	if (n)
		memcpy(to, in->p, n);
	memset((char *)to + n, 0, size - n);
	in->p += n;
	in->n -= n;
	return n;
}

static int memory_file(void)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("fuzz", MFD_CLOEXEC);
	REQUIRE(fd >= 0);
	return fd;
}

int fuzz__file(const void *data, size_t size)
{
	int fd = memory_file();

	REQUIRE(!ftruncate(fd, 0));
	REQUIRE(pwrite(fd, data, size, 0) == (ssize_t)size);
	return fd;
}

const char *fuzz__file_path(void)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", memory_file());
	return path;
}

/* Header, program headers, section headers, names, code, contents. */
struct wrap {
	Elf64_Ehdr eh;
	Elf64_Phdr ph[2];
	Elf64_Shdr sh[4];
	char names[64];
	char code[WRAP_CODE_SIZE];
};

void *fuzz__wrap(const char *name, const void *data, size_t size, size_t *len)
{
	struct wrap *w = calloc(1, sizeof(*w) + size);
	const size_t code = offsetof(struct wrap, code), text = 1, own = 7, strtab = 40;

	REQUIRE(w);
	w->eh = (Elf64_Ehdr){
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
		.e_phoff = offsetof(struct wrap, ph), .e_shoff = offsetof(struct wrap, sh),
		.e_ehsize = sizeof(w->eh), .e_phentsize = sizeof(w->ph[0]), .e_phnum = 2,
		.e_shentsize = sizeof(w->sh[0]), .e_shnum = 4, .e_shstrndx = 3,
	};
	w->ph[0] = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_offset = code, .p_vaddr = WRAP_CODE,
		.p_filesz = WRAP_CODE_SIZE, .p_memsz = WRAP_CODE_SIZE, .p_align = 1,
	};
	w->ph[1] = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_flags = PF_R, .p_offset = sizeof(*w), .p_vaddr = WRAP_SECTION,
		.p_filesz = size, .p_memsz = size, .p_align = 1,
	};
	w->sh[1] = (Elf64_Shdr){
		.sh_name = text, .sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC | SHF_EXECINSTR,
		.sh_addr = WRAP_CODE, .sh_offset = code, .sh_size = WRAP_CODE_SIZE, .sh_addralign = 1,
	};
	w->sh[2] = (Elf64_Shdr){
		.sh_name = own, .sh_type = SHT_PROGBITS, .sh_flags = SHF_ALLOC,
		.sh_addr = WRAP_SECTION, .sh_offset = sizeof(*w), .sh_size = size, .sh_addralign = 1,
	};
	w->sh[3] = (Elf64_Shdr){
		.sh_name = strtab, .sh_type = SHT_STRTAB, .sh_offset = offsetof(struct wrap, names),
		.sh_size = sizeof(w->names), .sh_addralign = 1,
	};
	memcpy(w->names + text, ".text", 5);
	snprintf(w->names + own, strtab - own, "%s", name);
	memcpy(w->names + strtab, ".shstrtab", 9);
	memset(w->code, 0x90, sizeof(w->code));
	if (size)
		memcpy(w + 1, data, size);
	*len = sizeof(*w) + size;
	return w;
}
