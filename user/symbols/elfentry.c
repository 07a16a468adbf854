/* SPDX-License-Identifier: GPL-2.0-or-later */
/* elfentry.c - functions of stripped files: the entry point and those with unwind entries. */
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "symbols/elfsyms_impl.h"

/* The code of glibc's and musl's _start is 34 to 48 bytes on all machines they know. */
#define START_SIZE 48
#define MAX_DYNAMIC (64 * 1024)
/* The encodings that ld writes: 4-byte offsets from the header (LSB, exception frames). */
#define EH_TABLE_DATAREL_SDATA4 0x3b
#define EH_COUNT_UDATA4 0x03
#define EH_PTR_PCREL_SDATA4 0x1b
#define FDE_CHUNK 512

/* What the loader's view of the file tells about its kind. */
struct kind {
	bool interp, pie;
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
		if (ph.p_type == PT_DYNAMIC)
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

/* Adds the starts in a table of (start, entry) pairs. */
static int add_table(struct elfsyms *es, const struct elfimg *img, const GElf_Phdr *ph,
		     __u64 off, __u32 count)
{
	struct esym s = { .zero = 1, .size = ESYM_MAX_SIZE, .src = SRC_MADE, .name = MADE_NONE };
	int err = 0;

	while (count && !err) {
		__s32 pair[FDE_CHUNK][2];
		unsigned n = count < FDE_CHUNK ? count : FDE_CHUNK, i;

		if (elfimg__read(img, off, pair, n * sizeof(pair[0])) != (ssize_t)(n * sizeof(pair[0])))
			break;
		for (i = 0; i < n && !err; i++) {
			s.addr = ph->p_vaddr + pair[i][0];
			err = elfsyms__add(es, &s);
		}
		off += n * sizeof(pair[0]);
		count -= n;
	}
	return err;
}

int elfentry__add_fdes(struct elfsyms *es, Elf *elf, const struct elfimg *img)
{
	size_t n = 0, i;
	GElf_Phdr ph;

	elf_getphdrnum(elf, &n);
	for (i = 0; i < n; i++) {
		struct {
			__u8 version, ptr_enc, count_enc, table_enc;
			__s32 ptr;
			__u32 count;
		} h;

		if (!gelf_getphdr(elf, i, &ph) || ph.p_type != PT_GNU_EH_FRAME)
			continue;
		if (elfimg__read(img, ph.p_offset, &h, sizeof(h)) != sizeof(h) || h.version != 1 ||
		    h.ptr_enc != EH_PTR_PCREL_SDATA4 || h.count_enc != EH_COUNT_UDATA4 ||
		    h.table_enc != EH_TABLE_DATAREL_SDATA4 || ph.p_filesz < sizeof(h) ||
		    h.count > (ph.p_filesz - sizeof(h)) / 8)
			return 0;
		return add_table(es, img, &ph, ph.p_offset + sizeof(h), h.count);
	}
	return 0;
}
