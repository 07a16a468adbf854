/* SPDX-License-Identifier: GPL-2.0-or-later */
/* elfload.c - fills the symbol table of elfsyms.h from a file. */
#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdlib.h>
#include <string.h>

#include "symbols/debugfile.h"
#include "symbols/elfsyms_impl.h"
#include "symbols/minidebug.h"

#define MAX_SYMTAB ((size_t)64 << 20)	/* 2.8 million symbols */

/* Where a section lies, for symbols without a size and those of data. */
struct sect {
	__u64 start, end;
	bool exec;
};

static int read_segments(struct elfsyms *es, Elf *elf)
{
	size_t n = 0, i;
	GElf_Phdr ph;

	elf_getphdrnum(elf, &n);
	if (!n)
		return 0;
	es->seg = calloc(n, sizeof(*es->seg));
	if (!es->seg)
		return -ENOMEM;
	for (i = 0; i < n; i++)
		if (gelf_getphdr(elf, i, &ph) && ph.p_type == PT_LOAD)
			es->seg[es->n_seg++] = (struct eseg){
				.off = ph.p_offset, .filesz = ph.p_filesz, .vaddr = ph.p_vaddr,
				.exec = ph.p_flags & PF_X,
			};
	return 0;
}

static struct sect *read_sections(Elf *elf, size_t *n)
{
	Elf_Scn *scn = NULL;
	struct sect *sect;
	GElf_Shdr sh;

	*n = 0;
	if (elf_getshdrnum(elf, n) || !*n)
		return NULL;
	sect = calloc(*n, sizeof(*sect));
	while (sect && (scn = elf_nextscn(elf, scn))) {
		size_t i = elf_ndxscn(scn);

		if (i >= *n || !gelf_getshdr(scn, &sh) || sh.sh_addr + sh.sh_size < sh.sh_addr)
			continue;
		sect[i].start = sh.sh_addr;
		sect[i].end = sh.sh_addr + sh.sh_size;
		sect[i].exec = (sh.sh_flags & SHF_EXECINSTR) && (sh.sh_flags & SHF_ALLOC);
	}
	return sect;
}

/* What is known of the file as a whole: where its code is. */
static int read_layout(struct elfsyms *es, Elf *elf)
{
	int err = read_segments(es, elf);
	struct sect *sect;
	GElf_Ehdr eh;
	size_t n, i;

	if (gelf_getehdr(elf, &eh)) {
		es->is64 = eh.e_ident[EI_CLASS] == ELFCLASS64;
		es->is_x86_64 = eh.e_machine == EM_X86_64;
	}
	es->units = elfunits__new(elf, &es->img);
	sect = read_sections(elf, &n);
	es->sect = sect ? calloc(n, sizeof(*es->sect)) : NULL;
	for (i = 0; es->sect && i < n; i++)
		if (sect[i].exec)
			es->sect[es->n_sect++] = (struct esect){ sect[i].start, sect[i].end };
	free(sect);
	return err || !es->units ? -ENOMEM : 0;
}

/* False for what is not the start of code. */
static bool to_esym(const GElf_Sym *in, const struct sect *sect, size_t n_sect, GElf_Half machine,
		    struct esym *out)
{
	unsigned type = GELF_ST_TYPE(in->st_info), bind = GELF_ST_BIND(in->st_info);
	bool func = type == STT_FUNC || type == STT_GNU_IFUNC;
	__u64 addr = in->st_value, size = in->st_size;
	const struct sect *s;

	if ((!func && type != STT_NOTYPE) || !in->st_name || in->st_shndx >= n_sect)
		return false;
	/* "$x" and its like mark the kind of bytes on machines other than x86 */
	if (type == STT_NOTYPE && bind == STB_LOCAL && !size && machine != EM_X86_64 &&
	    machine != EM_386)
		return false;
	if (machine == EM_ARM)
		addr &= ~1ULL;
	s = &sect[in->st_shndx];
	if (!s->exec || addr < s->start || addr >= s->end)
		return false;
	memset(out, 0, sizeof(*out));
	out->zero = !size;
	if (!size || size > s->end - addr)
		size = s->end - addr;
	out->size = size < ESYM_MAX_SIZE ? size : ESYM_MAX_SIZE;
	out->addr = addr;
	out->rank = (func ? RANK_FUNC : 0) | (bind != STB_LOCAL ? RANK_GLOBAL : 0);
	out->hidden = GELF_ST_VISIBILITY(in->st_other) == STV_HIDDEN ||
		      GELF_ST_VISIBILITY(in->st_other) == STV_INTERNAL;
	out->name = in->st_name;
	return true;
}

static int read_table(struct elfsyms *es, Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh,
		      enum elf_source src, const struct elfimg *img)
{
	Elf_Data *data = elfimg__section(scn, MAX_SYMTAB);
	Elf_Scn *str = elf_getscn(elf, sh->sh_link);
	struct sect *sect;
	size_t n_sect, i, n;
	GElf_Shdr strsh;
	GElf_Ehdr eh;
	int err = 0;

	if (!data || !str || !gelf_getshdr(str, &strsh) || strsh.sh_type != SHT_STRTAB ||
	    (strsh.sh_flags & SHF_COMPRESSED) || !gelf_getehdr(elf, &eh))
		return 0;
	es->src[src].img = *img;
	es->src[src].str_off = strsh.sh_offset;
	es->src[src].str_size = strsh.sh_size;
	sect = read_sections(elf, &n_sect);
	n = data->d_size / gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT);
	for (i = 0; sect && i < n && !err; i++) {
		struct esym sym;
		GElf_Sym in;

		if (!gelf_getsym(data, i, &in) || !to_esym(&in, sect, n_sect, eh.e_machine, &sym))
			continue;
		sym.src = src;
		err = elfsyms__add(es, &sym);
	}
	free(sect);
	return err;
}

/* The first table of that type; a file has no reason to have more. */
static int read_type(struct elfsyms *es, Elf *elf, GElf_Word type, enum elf_source src,
		     const struct elfimg *img)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr sh;

	while ((scn = elf_nextscn(elf, scn)))
		if (gelf_getshdr(scn, &sh) && sh.sh_type == type)
			return read_table(es, elf, scn, &sh, src, img);
	return 0;
}

/* known_fd: of a debug file that was found earlier, or -1. */
static int read_debug_file(struct elfsyms *es, Elf *elf, const char *path, int known_fd)
{
	struct elfimg img = { .fd = -1 };
	Elf *debug;
	int err = 0;

	if (known_fd >= 0)
		img.fd = fcntl(known_fd, F_DUPFD_CLOEXEC, 0);
	if (img.fd < 0)
		img.fd = debugfile__open(elf, path, -1);
	if (img.fd < 0)
		return 0;
	debug = elfimg__begin(&img);
	if (debug)
		err = read_type(es, debug, SHT_SYMTAB, SRC_DEBUG, &img);
	elf_end(debug);
	es->debug_fd = img.fd;
	return err;
}

/* Of what was unpacked only the names are kept. */
static int keep_names(struct elfsyms *es, const struct elfimg *unpacked)
{
	__u64 off = es->src[SRC_MINI].str_off, size = es->src[SRC_MINI].str_size;

	if (off > unpacked->size || size > unpacked->size - off)
		size = off > unpacked->size ? 0 : unpacked->size - off;
	es->mini_names = malloc(size + 1);
	if (!es->mini_names)
		return -ENOMEM;
	es->mini_names_sz = elfimg__read(unpacked, off, es->mini_names, size);
	es->src[SRC_MINI].img = (struct elfimg){
		.fd = -1, .mem = es->mini_names, .size = es->mini_names_sz,
	};
	es->src[SRC_MINI].str_off = 0;
	es->src[SRC_MINI].str_size = es->mini_names_sz;
	return 0;
}

static int read_minidebug(struct elfsyms *es, Elf *elf)
{
	struct elfimg img = { .fd = -1 };
	void *unpacked;
	Elf *mini;
	int err = minidebug__unpack(elf, &unpacked, &img.size);

	if (err || !unpacked)
		return err;
	img.mem = unpacked;
	mini = elfimg__begin(&img);
	if (mini)
		err = read_type(es, mini, SHT_SYMTAB, SRC_MINI, &img);
	elf_end(mini);
	if (!err)
		err = keep_names(es, &img);
	free(unpacked);
	return err;
}

static int read_symbols(struct elfsyms *es, Elf *elf, const char *path, int debug_fd)
{
	int err = read_type(es, elf, SHT_SYMTAB, SRC_SYMTAB, &es->img);

	if (!err && !es->n)
		err = read_debug_file(es, elf, path, debug_fd);
	if (err || es->n)
		return err;
	err = read_type(es, elf, SHT_DYNSYM, SRC_DYNSYM, &es->img);
	if (!err)
		err = read_minidebug(es, elf);
	return err ? err : gosyms__add(es, elf);
}

int elfsyms__load(struct elfsyms **out, const struct elfimg *img, const char *path)
{
	return elfsyms__load_with(out, img, path, -1);
}

int elfsyms__load_with(struct elfsyms **out, const struct elfimg *img, const char *path,
		       int debug_fd)
{
	struct elfsyms *es = calloc(1, sizeof(*es));
	Elf *elf = elfimg__begin(img);
	int err = 0;

	*out = NULL;
	if (!es || !elf) {
		err = es ? -ENOEXEC : -ENOMEM;
		goto out;
	}
	es->debug_fd = -1;
	es->img = *img;
	err = read_layout(es, elf);
	if (!err)
		err = read_symbols(es, elf, path, debug_fd);
	if (!err)
		err = pltsyms__add(es, elf);
	if (err)
		goto out;
	elfsyms__finish(es);
	err = elfentry__add_start(es, elf);
out:
	elf_end(elf);
	if (err) {
		elfsyms__free(es);
		es = NULL;
	}
	*out = es;
	return err;
}
