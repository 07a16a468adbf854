/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * python_elf.c - recognises CPython by its dynamic symbols.  Every build exports
 * _PyRuntime, PyCode_Type and _PyEval_EvalFrameDefault, be it a program or
 * libpython, stripped or not: extension modules need them.
 */
#include "runtime/python_elf.h"

#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DYNSYM ((size_t)64 << 20)

struct found {
	__u64 runtime, code_type, eval, eval_size, version, version_size;
};

static void read_segments(Elf *elf, struct python_image *im)
{
	size_t n = 0;
	GElf_Phdr ph;

	elf_getphdrnum(elf, &n);
	for (size_t i = 0; i < n; i++) {
		if (!gelf_getphdr(elf, i, &ph))
			continue;
		if (ph.p_type == PT_GNU_EH_FRAME) {
			im->eh_hdr = ph.p_vaddr;
			im->eh_hdr_size = ph.p_filesz;
		}
		if (ph.p_type != PT_LOAD || im->n_seg == PY_MAX_SEGMENTS)
			continue;
		im->seg[im->n_seg++] = (struct python_segment){
			.vaddr = ph.p_vaddr, .off = ph.p_offset, .filesz = ph.p_filesz,
			.exec = ph.p_flags & PF_X,
		};
	}
}

int python_image__read(const struct python_image *im, __u64 vaddr, void *buf, size_t n)
{
	for (unsigned i = 0; i < im->n_seg; i++) {
		const struct python_segment *s = &im->seg[i];

		if (vaddr < s->vaddr || vaddr - s->vaddr > s->filesz ||
		    n > s->filesz - (vaddr - s->vaddr))
			continue;
		return elfimg__read(&im->img, s->off + (vaddr - s->vaddr), buf, n) == (ssize_t)n ?
			0 : -1;
	}
	return -1;
}

static void one_symbol(const char *name, const GElf_Sym *sym, struct found *f)
{
	if (sym->st_shndx == SHN_UNDEF)
		return;
	if (!strcmp(name, "_PyRuntime")) {
		f->runtime = sym->st_value;
	} else if (!strcmp(name, "PyCode_Type")) {
		f->code_type = sym->st_value;
	} else if (!strcmp(name, "Py_Version")) {
		f->version = sym->st_value;
		f->version_size = sym->st_size;
	} else if (!strcmp(name, "_PyEval_EvalFrameDefault")) {
		f->eval = sym->st_value;
		f->eval_size = sym->st_size;
	}
}

static void read_symbols(Elf *elf, struct found *f)
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
			/* all four have a 'P' at the start or behind an underscore */
			if (name && (name[0] == 'P' || name[0] == '_'))
				one_symbol(name, &sym, f);
		}
	}
}

/* "…/libpython3.9.so.1.0", "…/python3.9": the minor version, 0: none there. */
static unsigned minor_of_path(const char *path)
{
	const char *base = strrchr(path, '/'), *at;

	base = base ? base + 1 : path;
	at = strstr(base, "python3.");
	return at ? strtoul(at + 8, NULL, 10) : 0;
}

/* PY_VERSION_HEX: major, minor, micro, level and serial from the highest byte down; 0: not known. */
static __u32 version_of(const struct python_image *im, const struct found *f, const char *path)
{
	__u64 words[3];
	unsigned minor;

	if (f->version && f->version_size == 8 && !python_image__read(im, f->version, words, 8))
		return words[0];
	/* from 3.13 on _PyRuntime tells, too */
	if (!python_image__read(im, f->runtime, words, sizeof(words)) &&
	    !memcmp(words, "xdebugpy", 8))
		return words[1];
	minor = minor_of_path(path);
	return minor && minor < 256 ? 3U << 24 | minor << 16 : 0;
}

/* _Py_DebugOffsets, from 3.13 on: is it a build, and are its offsets, as we know them? */
static const char *check_debug(const struct python_image *im, const struct found *f,
			       const struct python_version *v)
{
	__u64 words[PY_DEBUG_WORDS];

	if (v->l.minor < 13)
		return NULL;
	if (python_image__read(im, f->runtime, words, sizeof(words)) ||
	    memcmp(words, "xdebugpy", 8))
		return "its _PyRuntime does not begin as that version's does";
	if (words[2])
		return "a free-threaded build, which is not supported";
	if (!python_layout_agrees(v, words, PY_DEBUG_WORDS))
		return "its structures are not laid out as that version's are";
	return NULL;
}

static int refuse(char *reason, size_t size, __u32 hex, const char *why)
{
	if (hex)
		snprintf(reason, size, "CPython %u.%u.%u: %s", hex >> 24, hex >> 16 & 255,
			 hex >> 8 & 255, why);
	else
		snprintf(reason, size, "CPython: %s", why);
	return -1;
}

static int identify(const struct python_image *im, const struct found *f, const char *path,
		    struct python_elf *out, char *reason, size_t size)
{
	__u32 hex = version_of(im, f, path);
	const char *why;

	if (!hex)
		return refuse(reason, size, 0, "neither a symbol nor the file's name tells its version");
	out->version = python_layout(hex >> 24, hex >> 16 & 255);
	if (!out->version)
		return refuse(reason, size, hex, "that version is not known (3.8 to 3.14 are)");
	why = check_debug(im, f, out->version);
	if (why)
		return refuse(reason, size, hex, why);
	if (!f->code_type || !f->eval)
		return refuse(reason, size, hex, "it does not export PyCode_Type and _PyEval_EvalFrameDefault");
	if (!python_ranges(im, f->eval, f->eval_size, out->range))
		return refuse(reason, size, hex, "its evaluation loop is not in its code");
	out->runtime = f->runtime;
	out->code_type = f->code_type;
	for (unsigned i = 0; i < im->n_seg; i++)
		if (im->seg[i].exec)
			out->seg[out->n_seg++] = im->seg[i];
	/* where an older file's name told the version, only that is known */
	if (hex & 0xffff)
		snprintf(reason, size, "CPython %u.%u.%u", hex >> 24, hex >> 16 & 255, hex >> 8 & 255);
	else
		snprintf(reason, size, "CPython %u.%u", hex >> 24, hex >> 16 & 255);
	return 1;
}

int python_elf__open(int fd, const char *path, struct python_elf *out, char *reason, size_t size)
{
	struct python_image im = { .img.fd = fd };
	struct found f = { 0 };
	GElf_Ehdr eh;
	Elf *elf;
	int ret = 0;

	memset(out, 0, sizeof(*out));
	elf = elfimg__begin(&im.img);
	if (!elf)
		return 0;
	if (gelf_getehdr(elf, &eh) && eh.e_machine == EM_X86_64 &&
	    eh.e_ident[EI_CLASS] == ELFCLASS64) {
		read_symbols(elf, &f);
		if (f.runtime) {
			read_segments(elf, &im);
			ret = identify(&im, &f, path, out, reason, size);
		}
	}
	elf_end(elf);
	return ret;
}

__u64 python_elf__bias(const struct python_elf *e, __u64 start, __u64 pgoff)
{
	for (unsigned i = 0; i < e->n_seg; i++) {
		__u64 off = e->seg[i].off & ~4095ULL;

		if (pgoff >= off && pgoff - off < e->seg[i].filesz + 4096)
			return start - pgoff + e->seg[i].off - e->seg[i].vaddr;
	}
	return 0;
}
