/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/elfimg.h"

#include <endian.h>
#include <gelf.h>
#include <string.h>
#include <unistd.h>

#define MAX_PHDRS 4096
#define MAX_NOTES (64 * 1024)
#define MAX_NAMES (1024 * 1024)
#define MAX_STRINGS ((size_t)64 << 20)
#define NOTES_ROOM (256 * 1024)	/* of all notes that are looked at */

#if __BYTE_ORDER == __LITTLE_ENDIAN
#define NATIVE ELFDATA2LSB
#else
#define NATIVE ELFDATA2MSB
#endif

ssize_t elfimg__read(const struct elfimg *img, __u64 off, void *buf, size_t n)
{
	if (img->fd >= 0)
		return off > INT64_MAX ? 0 : pread(img->fd, buf, n, off);
	if (off >= img->size)
		return 0;
	if (n > img->size - off)
		n = img->size - off;
	memcpy(buf, (const char *)img->mem + off, n);
	return n;
}

bool elfimg__is_elf(const struct elfimg *img)
{
	unsigned char id[EI_NIDENT];

	return elfimg__read(img, 0, id, sizeof(id)) == sizeof(id) &&
	       !memcmp(id, ELFMAG, SELFMAG) && id[EI_DATA] == NATIVE &&
	       (id[EI_CLASS] == ELFCLASS64 || id[EI_CLASS] == ELFCLASS32);
}

/*
 * libelf takes memory for every section header that the file claims, so more
 * than 65279 of them (e_shnum 0 and a count elsewhere) are refused, and so are
 * 65535 and more program headers.
 */
static bool acceptable(const struct elfimg *img)
{
	union {
		Elf64_Ehdr e64;
		Elf32_Ehdr e32;
	} h;
	ssize_t n;

	if (!elfimg__is_elf(img))
		return false;
	n = elfimg__read(img, 0, &h, sizeof(h));
	if (h.e64.e_ident[EI_CLASS] == ELFCLASS64)
		return n == sizeof(h.e64) && h.e64.e_phnum <= MAX_PHDRS &&
		       (h.e64.e_shnum || !h.e64.e_shoff);
	return n >= (ssize_t)sizeof(h.e32) && h.e32.e_phnum <= MAX_PHDRS &&
	       (h.e32.e_shnum || !h.e32.e_shoff);
}

Elf *elfimg__begin(const struct elfimg *img)
{
	Elf *elf;

	elf_version(EV_CURRENT);
	if (!acceptable(img))
		return NULL;
	if (img->fd >= 0)
		elf = elf_begin(img->fd, ELF_C_READ, NULL);
	else
		elf = elf_memory((char *)img->mem, img->size);
	if (elf && elf_kind(elf) != ELF_K_ELF) {
		elf_end(elf);
		return NULL;
	}
	return elf;
}

const char *elfimg__section_name(Elf *elf, const GElf_Shdr *sh)
{
	const char *name = NULL;
	size_t strndx;
	GElf_Shdr str;

	/* elf_strptr() reads all of the strings, however many the file claims to have */
	if (!elf_getshdrstrndx(elf, &strndx) && gelf_getshdr(elf_getscn(elf, strndx), &str) &&
	    !(str.sh_flags & SHF_COMPRESSED) && str.sh_size <= MAX_NAMES)
		name = elf_strptr(elf, strndx, sh->sh_name);
	return name ? name : "";
}

Elf_Scn *elfimg__find_section(Elf *elf, const char *name)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type != SHT_NOBITS &&
		    !strcmp(elfimg__section_name(elf, &sh), name))
			return scn;
	return NULL;
}

Elf_Data *elfimg__section_of(Elf_Scn *scn, size_t *room)
{
	GElf_Shdr sh;

	if (!gelf_getshdr(scn, &sh) || sh.sh_type == SHT_NOBITS || (sh.sh_flags & SHF_COMPRESSED) ||
	    sh.sh_size > *room)
		return NULL;
	*room -= sh.sh_size;
	return elf_getdata(scn, NULL);
}

Elf_Data *elfimg__section(Elf_Scn *scn, size_t max)
{
	return elfimg__section_of(scn, &max);
}

bool elfimg__is_strings(Elf *elf, size_t index)
{
	GElf_Shdr sh;

	return gelf_getshdr(elf_getscn(elf, index), &sh) && sh.sh_type == SHT_STRTAB &&
	       !(sh.sh_flags & SHF_COMPRESSED) && sh.sh_size <= MAX_STRINGS;
}

static unsigned note_build_id(Elf_Data *data, __u8 id[BUILD_ID_MAX])
{
	size_t off = 0, next, name, desc;
	GElf_Nhdr nh;

	if (!data || !data->d_buf)
		return 0;
	for (; (next = gelf_getnote(data, off, &nh, &name, &desc)) > off; off = next) {
		if (nh.n_type != NT_GNU_BUILD_ID || nh.n_namesz != 4 || !nh.n_descsz ||
		    memcmp((char *)data->d_buf + name, "GNU", 4))
			continue;
		if (nh.n_descsz > BUILD_ID_MAX)
			nh.n_descsz = BUILD_ID_MAX;
		memcpy(id, (char *)data->d_buf + desc, nh.n_descsz);
		return nh.n_descsz;
	}
	return 0;
}

unsigned elfimg__build_id(Elf *elf, __u8 id[BUILD_ID_MAX])
{
	Elf_Scn *scn = NULL;
	size_t n = 0, i, room = NOTES_ROOM;
	unsigned len = 0;
	GElf_Phdr ph;
	GElf_Shdr sh;

	elf_getphdrnum(elf, &n);
	for (i = 0; i < n && !len; i++) {
		if (!gelf_getphdr(elf, i, &ph) || ph.p_type != PT_NOTE || ph.p_filesz > MAX_NOTES ||
		    ph.p_filesz > room)
			continue;
		room -= ph.p_filesz;
		len = note_build_id(elf_getdata_rawchunk(elf, ph.p_offset, ph.p_filesz,
				    ph.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR), id);
	}
	/* a file of debug information keeps the note in a section only */
	while (!len && (scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_NOTE && sh.sh_size <= MAX_NOTES)
			len = note_build_id(elfimg__section_of(scn, &room), id);
	return len;
}

unsigned elfimg__file_build_id(int fd, __u8 id[BUILD_ID_MAX])
{
	const struct elfimg img = { .fd = fd };
	Elf *elf = elfimg__begin(&img);
	unsigned len = elf ? elfimg__build_id(elf, id) : 0;

	elf_end(elf);
	return len;
}
