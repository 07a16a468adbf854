// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cfi_elf.c - finds the sections with call frame information and makes of each
 * an ELF image in memory that has nothing else in it.
 */
#include <errno.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "unwind/cfi_impl.h"

/* The image: header, the section, its name table, three section headers. */
static const char eh_names[] = "\0.eh_frame\0.shstrtab";
static const char debug_names[] = "\0.debug_frame\0.shstrtab";

static size_t names_of(bool eh, const char **names)
{
	*names = eh ? eh_names : debug_names;
	return eh ? sizeof(eh_names) : sizeof(debug_names);
}

/* Room for a section of that size; its contents are the caller's to fill in. */
static int make_image(struct cfi_section *sec, size_t size, __u64 vaddr, bool eh)
{
	const char *names;
	size_t names_sz = names_of(eh, &names);
	size_t names_at = sizeof(Elf64_Ehdr) + size;
	size_t shdrs_at = (names_at + names_sz + 7) & ~(size_t)7;
	Elf64_Ehdr eh64 = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
		.e_shoff = shdrs_at, .e_ehsize = sizeof(Elf64_Ehdr),
		.e_shentsize = sizeof(Elf64_Shdr), .e_shnum = 3, .e_shstrndx = 2,
	};
	Elf64_Shdr sh[3] = {
		[1] = { .sh_name = 1, .sh_type = SHT_PROGBITS, .sh_flags = eh ? SHF_ALLOC : 0,
			.sh_addr = eh ? vaddr : 0, .sh_offset = sizeof(Elf64_Ehdr), .sh_size = size,
			.sh_addralign = 8 },
		[2] = { .sh_name = eh ? 11 : 14, .sh_type = SHT_STRTAB, .sh_offset = names_at,
			.sh_size = names_sz, .sh_addralign = 1 },
	};

	sec->image_sz = shdrs_at + sizeof(sh);
	sec->image = calloc(1, sec->image_sz);
	if (!sec->image)
		return -ENOMEM;
	memcpy(sec->image, &eh64, sizeof(eh64));
	memcpy(sec->image + names_at, names, names_sz);
	memcpy(sec->image + shdrs_at, sh, sizeof(sh));
	sec->data = sec->image + sizeof(eh64);
	sec->size = size;
	sec->vaddr = eh ? vaddr : 0;
	sec->eh = eh;
	return 0;
}

/* What of the section is in the file; the rest stays zero, which ends the entries. */
static int load(struct cfi_source *src, struct cfi_section *sec, __u64 off, __u64 size,
		__u64 vaddr, bool eh)
{
	size_t done = 0;
	ssize_t n;
	int err;

	if (!size)
		return 0;
	if (size > src->lim.section)
		return -E2BIG;
	err = make_image(sec, size, vaddr, eh);
	if (err)
		return err;
	while (done < size) {
		n = elfimg__read(&src->img, off + done, sec->data + done, size - done);
		if (n <= 0)
			break;
		done += n;
	}
	return 0;
}

/* A compressed .debug_frame, as Go's linker writes it. */
static int load_compressed(struct cfi_source *src, struct cfi_section *sec, Elf_Scn *scn,
			   const GElf_Shdr *sh)
{
	Elf_Data *d;
	GElf_Chdr ch;
	int err;

	/* libelf reads all of it for its header */
	if (sh->sh_size > src->lim.section)
		return -E2BIG;
	if (!gelf_getchdr(scn, &ch) || !ch.ch_size)
		return 0;
	if (ch.ch_size > src->lim.section)
		return -E2BIG;
	if (elf_compress(scn, 0, 0) < 0)
		return 0;
	d = elf_rawdata(scn, NULL);
	if (!d || !d->d_buf || d->d_size > src->lim.section)
		return 0;
	err = make_image(sec, d->d_size, 0, false);
	if (!err)
		memcpy(sec->data, d->d_buf, d->d_size);
	return err;
}

static int load_sections(struct cfi_source *src, Elf *elf)
{
	bool debug = false;	/* the first is tried, the file has no reason to have more */
	Elf_Scn *scn = NULL;
	const char *name;
	GElf_Shdr sh;
	int err = 0;

	while (!err && (scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &sh) || sh.sh_type == SHT_NOBITS)
			continue;
		name = elfimg__section_name(elf, &sh);
		if (!src->eh.image && !strcmp(name, ".eh_frame") && !(sh.sh_flags & SHF_COMPRESSED)) {
			err = load(src, &src->eh, sh.sh_offset, sh.sh_size, sh.sh_addr, true);
		} else if (!debug && !strcmp(name, ".debug_frame")) {
			debug = true;
			err = sh.sh_flags & SHF_COMPRESSED ?
			      load_compressed(src, &src->debug, scn, &sh) :
			      load(src, &src->debug, sh.sh_offset, sh.sh_size, 0, false);
		}
	}
	return err;
}

/*
 * Without section headers .eh_frame is where PT_GNU_EH_FRAME points to, up to the
 * end of what is mapped there (the entries end with a zero before that).
 * .eh_frame_hdr (LSB 5.0 Core, 10.6.2): version 1, encoding of the pointer,
 * of the count, of the table, then the pointer; every linker writes it relative
 * to itself in 4 bytes (DW_EH_PE_pcrel | DW_EH_PE_sdata4).
 */
static int load_by_hdr(struct cfi_source *src, const GElf_Phdr *hdr, const GElf_Phdr *ph, size_t n)
{
	unsigned char b[8];
	__u64 at, room;
	__s32 rel;

	if (elfimg__read(&src->img, hdr->p_offset, b, sizeof(b)) != sizeof(b) || b[0] != 1 ||
	    b[1] != 0x1b)
		return 0;
	memcpy(&rel, b + 4, sizeof(rel));
	at = hdr->p_vaddr + 4 + (__s64)rel;
	for (size_t i = 0; i < n; i++) {
		if (ph[i].p_type != PT_LOAD || at < ph[i].p_vaddr ||
		    at - ph[i].p_vaddr >= ph[i].p_filesz)
			continue;
		room = ph[i].p_filesz - (at - ph[i].p_vaddr);
		if (room > src->lim.section)
			room = src->lim.section;
		return load(src, &src->eh, ph[i].p_offset + (at - ph[i].p_vaddr), room, at, true);
	}
	return 0;
}

static void add_segment(struct cfi_source *src, const GElf_Phdr *ph)
{
	if (ph->p_type != PT_LOAD || !(ph->p_flags & PF_X) || !ph->p_filesz ||
	    src->n_seg == CFI_MAX_SEGMENTS)
		return;
	/* rows have 32 bits for the offset */
	if (ph->p_offset > UINT32_MAX || ph->p_filesz > UINT32_MAX - ph->p_offset ||
	    ph->p_vaddr + ph->p_filesz < ph->p_vaddr)
		return;
	src->seg[src->n_seg++] = (struct cfi_segment){ ph->p_vaddr, ph->p_offset, ph->p_filesz };
}

static int read_all(struct cfi_source *src, Elf *elf)
{
	GElf_Phdr hdr = { 0 }, *ph;
	size_t n = 0;
	int err;

	if (elf_getphdrnum(elf, &n) || !n)
		return 0;
	ph = calloc(n, sizeof(*ph));
	if (!ph)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (!gelf_getphdr(elf, i, &ph[i]))
			continue;
		add_segment(src, &ph[i]);
		if (ph[i].p_type == PT_GNU_EH_FRAME)
			hdr = ph[i];
	}
	err = src->n_seg ? load_sections(src, elf) : 0;
	if (!err && src->n_seg && !src->eh.image && hdr.p_type)
		err = load_by_hdr(src, &hdr, ph, n);
	if (!err && src->n_seg)
		err = cfi__go(src, elf);
	free(ph);
	return err;
}

int cfi__open(struct cfi_source *src)
{
	GElf_Ehdr eh;
	int err = 0;
	Elf *elf;

	elf = elfimg__begin(&src->img);
	if (!elf)
		return -ENOEXEC;
	/* executables and shared objects of x86-64; x32's are of 32 bits */
	if (gelf_getehdr(elf, &eh) && eh.e_machine == EM_X86_64 && gelf_getclass(elf) == ELFCLASS64 &&
	    (eh.e_type == ET_EXEC || eh.e_type == ET_DYN)) {
		src->entry = eh.e_entry;
		err = read_all(src, elf);
	}
	elf_end(elf);
	return err;
}

int cfi__begin(struct cfi_section *sec)
{
	elf_version(EV_CURRENT);
	sec->elf = elf_memory((char *)sec->image, sec->image_sz);
	if (!sec->elf)
		return -EIO;
	if (sec->eh) {
		sec->cfi = dwarf_getcfi_elf(sec->elf);
	} else {
		sec->dwarf = dwarf_begin_elf(sec->elf, DWARF_C_READ, NULL);
		sec->cfi = sec->dwarf ? dwarf_getcfi(sec->dwarf) : NULL;
	}
	return sec->cfi ? 0 : -EIO;
}

static void close_section(struct cfi_section *sec)
{
	/* dwarf_getcfi()'s belongs to its Dwarf */
	if (sec->eh)
		dwarf_cfi_end(sec->cfi);
	dwarf_end(sec->dwarf);
	elf_end(sec->elf);
	free(sec->image);
	free(sec->cie);
}

void cfi__close(struct cfi_source *src)
{
	close_section(&src->eh);
	close_section(&src->debug);
	free(src->range);
}
