/* SPDX-License-Identifier: GPL-2.0-or-later */
/* elfentry.c - the function at the entry point of a stripped file. */
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "symbols/elfsyms_impl.h"

/* The code of glibc's and musl's _start is 34 to 48 bytes on all machines they know. */
#define START_SIZE 48
#define MAX_DYNAMIC (64 * 1024)

/* What the loader's view of the file tells about its kind. */
struct kind {
	bool interp, pie;
	bool dynamic;		/* one was read: loaders take one, and so do we */
	char soname[16];
};

static void read_dynamic(struct elfsyms *es, Elf *elf, const GElf_Phdr *ph, struct kind *k)
{
	Elf_Data *data = NULL;
	__u64 strtab = 0, soname = 0, off = 0;
	bool has_soname = false;
	unsigned j;
	GElf_Dyn d;
	int i;

	k->dynamic = true;
	if (ph->p_filesz <= MAX_DYNAMIC)
		data = elf_getdata_rawchunk(elf, ph->p_offset, ph->p_filesz, ELF_T_DYN);
	for (i = 0; data && gelf_getdyn(data, i, &d) && d.d_tag != DT_NULL; i++) {
		if (d.d_tag == DT_FLAGS_1)
			k->pie = d.d_un.d_val & DF_1_PIE;
		else if (d.d_tag == DT_STRTAB)
			strtab = d.d_un.d_ptr;
		else if (d.d_tag == DT_SONAME) {
			soname = d.d_un.d_val;
			has_soname = true;
		}
	}
	if (!has_soname)
		return;
	strcpy(k->soname, "?");
	for (j = 0; j < es->n_seg; j++)
		if (strtab >= es->seg[j].vaddr && strtab - es->seg[j].vaddr < es->seg[j].filesz)
			off = strtab - es->seg[j].vaddr + es->seg[j].off + soname;
	data = off && off < INT64_MAX ? elf_getdata_rawchunk(elf, off, 2, ELF_T_BYTE) : NULL;
	if (data && data->d_buf)
		memcpy(k->soname, data->d_buf, 2);
}

/*
 * An executable's entry point is _start, whatever its symbols say; so is the
 * dynamic linker's.  In other libraries e_entry is anything.
 */
int elfentry__add_start(struct elfsyms *es, Elf *elf)
{
	struct esym s = { .size = START_SIZE, .rank = RANK_FUNC, .src = SRC_MADE, .name = MADE_START };
	struct kind k = { 0 };
	size_t n = 0, i;
	GElf_Phdr ph;
	GElf_Ehdr eh;
	int err;
	long at;

	if (!gelf_getehdr(elf, &eh) || !eh.e_entry)
		return 0;
	elf_getphdrnum(elf, &n);
	for (i = 0; i < n; i++) {
		if (!gelf_getphdr(elf, i, &ph))
			continue;
		k.interp |= ph.p_type == PT_INTERP;
		if (ph.p_type == PT_DYNAMIC && !k.dynamic)
			read_dynamic(es, elf, &ph, &k);
	}
	if (eh.e_type != ET_EXEC && !k.pie && !(k.interp && !k.soname[0]) &&
	    strncmp(k.soname, "ld", 2))
		return 0;
	at = elfsyms__covering(es, eh.e_entry);
	if (at >= 0 && es->sym[at].src != SRC_MADE)
		return 0;
	s.addr = eh.e_entry;
	err = elfsyms__add(es, &s);
	elfsyms__finish(es);
	return err;
}
