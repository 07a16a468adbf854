/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * elfimg.h - a careful way into ELF files, which belong to whoever is traced:
 * read, never mapped (their owner may cut them short at any time), native byte
 * order only, and every size bounded before memory is taken for it.
 */
#ifndef WT_ELFIMG_H
#define WT_ELFIMG_H

#include <gelf.h>
#include <libelf.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A file, or with fd -1 an image in memory.  Both are borrowed. */
struct elfimg {
	int fd;
	const void *mem;
	size_t size;		/* of mem */
};

#define BUILD_ID_MAX 20		/* as many bytes as the kernel hands out */

/* As pread(2); short at the end. */
ssize_t elfimg__read(const struct elfimg *img, __u64 off, void *buf, size_t n);
/* True when it starts like an ELF file of this machine's byte order. */
bool elfimg__is_elf(const struct elfimg *img);
/* libelf's handle, to be given to elf_end(); NULL when the file is not acceptable. */
Elf *elfimg__begin(const struct elfimg *img);
/* Length of the build id (at most BUILD_ID_MAX bytes of it), 0: none. */
unsigned elfimg__build_id(Elf *elf, __u8 id[BUILD_ID_MAX]);
/* The name of a section, "" when it has none or they take more than 1 MiB. */
const char *elfimg__section_name(Elf *elf, const GElf_Shdr *sh);
/* The section of that name that has contents, or NULL. */
Elf_Scn *elfimg__find_section(Elf *elf, const char *name);
/* The contents of a section, NULL when it has none or more than max bytes. */
Elf_Data *elfimg__section(Elf_Scn *scn, size_t max);
/*
 * The same for one of several: what it takes is taken off *room.  libelf keeps all it
 * has read until elf_end(), and 65,000 sections may claim the same bytes of a file.
 */
Elf_Data *elfimg__section_of(Elf_Scn *scn, size_t *room);
/* True when that section has names for elf_strptr(), which reads all of them at once. */
bool elfimg__is_strings(Elf *elf, size_t index);
/* elfimg__build_id() of a file that is opened for it only. */
unsigned elfimg__file_build_id(int fd, __u8 id[BUILD_ID_MAX]);

#endif /* WT_ELFIMG_H */
