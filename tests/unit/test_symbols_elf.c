// SPDX-License-Identifier: GPL-2.0-or-later
#include "fixtures/symbols/fixture.h"

#include <elfutils/libdw.h>
#include <errno.h>
#include <sys/mman.h>

#include "symbols/elfimg.h"
#include "symbols/elfsyms.h"
#include "symbols/elfsyms_impl.h"
#include "symbols/names.h"

#define SHAPES "-shared -nostdlib -Wl,--build-id=sha1"

struct opened {
	int fd;
	struct elfsyms *es;
};

static struct opened load(const char *path)
{
	struct opened o = { .fd = open(path, O_RDONLY | O_CLOEXEC) };
	const struct elfimg img = { .fd = o.fd };

	assert_true(o.fd >= 0);
	assert_int_equal(elfsyms__load(&o.es, &img, path), 0);
	return o;
}

static void unload(struct opened *o)
{
	elfsyms__free(o->es);
	close(o->fd);
}

static const char *at(const struct opened *o, uint64_t addr)
{
	static char buf[SYMBOL_MAX_SZ];
	struct elfsym s = elfsyms__find(o->es, addr, false, buf, sizeof(buf));

	return s.named ? buf : s.start ? "(unnamed function)" : "(nothing)";
}

static uint64_t start_of(const struct opened *o, uint64_t addr)
{
	char buf[SYMBOL_MAX_SZ];

	return elfsyms__find(o->es, addr, false, buf, sizeof(buf)).start;
}

static void honours_sizes(void **state)
{
	const char *path = fixture_cc("shapes.so", "shapes.s", SHAPES);
	struct opened o = load(path);
	uint64_t outer = fixture_addr(path, "outer"), bare = fixture_addr(path, "bare"), tail;

	(void)state;
	assert_int_not_equal(outer, 0);
	assert_string_equal(at(&o, outer), "outer");
	assert_string_equal(at(&o, outer + 15), "outer");
	assert_string_equal(at(&o, outer + 16), "inner");
	assert_string_equal(at(&o, outer + 23), "inner");
	/* behind the inner one the outer one goes on; a label in it changes nothing */
	assert_string_equal(at(&o, outer + 24), "outer");
	assert_string_equal(at(&o, outer + 63), "outer");
	/* "gap" has 4 bytes; what follows is nobody's, and begins where "gap" ends */
	assert_string_equal(at(&o, outer + 64 + 3), "gap");
	assert_string_equal(at(&o, outer + 64 + 4), "(unnamed function)");
	assert_int_equal(start_of(&o, outer + 64 + 40), outer + 64 + 4);
	/* no size: up to the next one */
	assert_string_equal(at(&o, bare), "bare");
	assert_string_equal(at(&o, bare + 31), "bare");
	assert_string_equal(at(&o, bare + 32), "sized");
	assert_string_equal(at(&o, bare + 48), "(unnamed function)");
	/* … or to the end of the section */
	tail = fixture_addr(path, "tail");
	assert_string_equal(at(&o, tail + 23), "tail");
	assert_string_equal(at(&o, tail + 24), "(nothing)");
	/* data has no functions */
	assert_string_equal(at(&o, fixture_addr(path, "datum")), "(nothing)");
	assert_string_equal(at(&o, 0), "(nothing)");
	assert_string_equal(at(&o, UINT64_MAX), "(nothing)");
	/* no code beyond the segments that are executable */
	assert_int_equal(start_of(&o, 1), 0);
	unload(&o);
}

/* What is left of pieces.s when its symbols are gone: starts, and never a wrong name. */
static void cuts_stripped_code_into_pieces(void **state)
{
	const char *path = fixture_cc("pieces.so", "pieces.s",
				      "-shared -nostdlib -Wl,--build-id=sha1 -Wl,-z,separate-code");
	uint64_t init = fixture_addr(path, "init"), second = fixture_addr(path, "second");
	uint64_t one = fixture_addr(path, "asm_one"), two = fixture_addr(path, "asm_two");
	uint64_t three = fixture_addr(path, "asm_three"), loose = fixture_addr(path, "loose");
	uint64_t exported = fixture_addr(path, "exported"), last = fixture_addr(path, "last");
	struct opened o = load(path);

	(void)state;
	/* with its symbols: a label without a size ends where unwind tables know another function */
	assert_string_equal(at(&o, loose + 31), "loose");
	assert_string_equal(at(&o, last + 1), "last");
	assert_string_equal(at(&o, exported + 9), "(unnamed function)");
	unload(&o);
	if (run("strip -s %s", path))
		skip();
	o = load(path);
	assert_string_equal(at(&o, init + 30), "(unnamed function)");
	assert_int_equal(start_of(&o, init), init);
	assert_int_equal(start_of(&o, init + 30), init);
	assert_int_equal(start_of(&o, second + 40), second);
	/* the exported one is named within its size only, and stays one function beyond it */
	assert_string_equal(at(&o, exported + 8), "exported");
	assert_string_equal(at(&o, exported + 9), "(unnamed function)");
	assert_int_equal(start_of(&o, exported + 31), exported);
	/* assembly: what is referred to starts a piece; what is not goes with what is before it */
	assert_int_equal(start_of(&o, one), one);
	assert_int_equal(start_of(&o, one + 63), one);
	assert_int_equal(start_of(&o, two + 1), two);
	assert_int_equal(start_of(&o, three + 16), three);
	assert_string_equal(at(&o, loose + 1), "loose");
	assert_string_equal(at(&o, last), "(unnamed function)");
	assert_int_equal(start_of(&o, last + 3), last);
	unload(&o);
}

/*
 * A label that a library exports from assembly without sizes: it reaches up to the
 * next piece that something refers to, not over all that lost their names.
 */
static void ends_exported_labels(void **state)
{
	const char *path = fixture_cc("labels.so", "labels.s", "-shared -nostdlib");
	uint64_t label = fixture_addr(path, "label"), hidden = fixture_addr(path, "hidden");
	struct opened o;

	(void)state;
	assert_int_not_equal(run("strip -s %s", path), -1);
	o = load(path);
	assert_string_equal(at(&o, label), "label");
	assert_string_equal(at(&o, label + 31), "label");
	assert_string_equal(at(&o, hidden), "(unnamed function)");
	assert_int_equal(start_of(&o, hidden + 17), hidden);
	unload(&o);
}

/* Its starts are those that libdw gives, for every entry of real libraries. */
static void agrees_with_libdw(void **state)
{
	static const char *const files[] = {
		"/lib/x86_64-linux-gnu/libc.so.6", "/lib/x86_64-linux-gnu/libm.so.6",
		"/usr/lib/x86_64-linux-gnu/libstdc++.so.6", "/usr/lib/x86_64-linux-gnu/libx264.so.164",
	};
	unsigned f, n = 0;

	(void)state;
	for (f = 0; f < sizeof(files) / sizeof(files[0]); f++) {
		struct opened o;
		Dwarf_Off off = 0, next;
		Dwarf_CFI_Entry e;
		Elf_Data *data = NULL;
		GElf_Shdr sh = { 0 };
		Elf *elf;
		size_t strndx;
		Elf_Scn *scn = NULL;

		if (access(files[f], R_OK))
			continue;
		o = load(files[f]);
		elf = elf_begin(o.fd, ELF_C_READ, NULL);
		elf_getshdrstrndx(elf, &strndx);
		while ((scn = elf_nextscn(elf, scn)) && gelf_getshdr(scn, &sh))
			if (!strcmp(elf_strptr(elf, strndx, sh.sh_name), ".eh_frame"))
				break;
		data = elf_rawdata(scn, NULL);
		while (!dwarf_next_cfi((const unsigned char *)elf_getident(elf, NULL), data, true, off,
				       &next, &e)) {
			uint64_t at_entry = sh.sh_addr + off + 8;
			int32_t rel, len;
			struct elfunit u;

			off = next;
			if (dwarf_cfi_cie_p(&e))
				continue;
			/* pc-relative, 4 bytes: what these libraries use */
			memcpy(&rel, e.fde.start, 4);
			memcpy(&len, e.fde.start + 4, 4);
			u = elfunits__find(o.es, at_entry + rel + len / 2);
			assert_true(u.function);
			assert_int_equal(u.start, at_entry + rel);
			assert_int_equal(u.end, at_entry + rel + len);
			n++;
		}
		elf_end(elf);
		unload(&o);
	}
	if (!n)
		skip();
}

static void chooses_among_aliases(void **state)
{
	const char *path = fixture_cc("shapes.so", "shapes.s", SHAPES);
	struct opened o = load(path);
	uint64_t addr = fixture_addr(path, "alias_b");
	char buf[64];

	(void)state;
	/* not the local "a", not the label "z", not the longer or underscored ones */
	assert_string_equal(at(&o, addr), "alias_a");
	assert_string_equal(at(&o, addr + 15), "alias_a");
	assert_true(elfsyms__find(o.es, addr, true, buf, sizeof(buf)).named);
	assert_string_equal(buf, "__alias");
	/* of local ones the longer, as perf has it */
	assert_string_equal(at(&o, fixture_addr(path, "copy_local")), "moved_local");
	assert_string_equal(at(&o, fixture_addr(path, "copy_hidden")), "moved_hidden");
	unload(&o);
}

static void falls_back_when_stripped(void **state)
{
	const char *path = fixture_cc("lib.so", "program.c", "-shared -fPIC -O1 -Wl,--build-id=sha1");
	uint64_t hidden = fixture_addr(path, "hidden_function");
	uint64_t exported = fixture_addr(path, "exported_function");
	struct opened o = load(path);
	char stripped[256];

	(void)state;
	assert_string_equal(at(&o, hidden), "hidden_function");
	assert_string_equal(at(&o, exported + 1), "exported_function");
	unload(&o);
	snprintf(stripped, sizeof(stripped), "%s/stripped.so", fixture_dir);
	if (run("strip -s -o %s %s", stripped, path))
		skip();
	o = load(stripped);
	assert_string_equal(at(&o, exported + 1), "exported_function");
	/* without a name, but known to be a function, from its unwind entry */
	assert_string_equal(at(&o, hidden + 1), "(unnamed function)");
	unload(&o);
}

static void finds_debug_files(void **state)
{
	const char *path = fixture_cc("dbg.so", "program.c", "-shared -fPIC -O1 -Wl,--build-id=sha1");
	const char *other = fixture_cc("other.so", "program.c", "-shared -fPIC -O0 -Wl,--build-id=sha1");
	const char *plain = fixture_cc("plain.so", "program.c", "-shared -fPIC -O1 -Wl,--build-id=none");
	uint64_t hidden = fixture_addr(path, "hidden_function");
	uint64_t hidden_plain = fixture_addr(plain, "hidden_function");
	struct opened o;

	(void)state;
	if (run("cd %s && objcopy --only-keep-debug dbg.so dbg.debug && objcopy --only-keep-debug "
		"other.so other.debug && strip -s --remove-section=.eh_frame_hdr dbg.so && "
		"objcopy --add-gnu-debuglink=dbg.debug dbg.so", fixture_dir))
		skip();
	o = load(path);
	assert_string_equal(at(&o, hidden), "hidden_function");
	unload(&o);
	/* in .debug beside it */
	assert_int_equal(run("cd %s && mkdir .debug && mv dbg.debug .debug", fixture_dir), 0);
	o = load(path);
	assert_string_equal(at(&o, hidden), "hidden_function");
	unload(&o);
	/* that of another build is not taken */
	assert_int_equal(run("cd %s && cp other.debug .debug/dbg.debug", fixture_dir), 0);
	o = load(path);
	assert_string_not_equal(at(&o, hidden), "hidden_function");
	unload(&o);
	(void)other;
	/* without a build id the checksum decides */
	assert_int_equal(run("cd %s && objcopy --only-keep-debug plain.so plain.debug && "
			     "strip -s plain.so && objcopy --add-gnu-debuglink=plain.debug plain.so",
			     fixture_dir), 0);
	o = load(plain);
	assert_string_equal(at(&o, hidden_plain), "hidden_function");
	unload(&o);
	assert_int_equal(run("printf x >>%s/plain.debug", fixture_dir), 0);
	o = load(plain);
	assert_string_not_equal(at(&o, hidden_plain), "hidden_function");
	unload(&o);
}

static void makes_start(const char *name, const char *args)
{
	const char *path = fixture_cc(name, "program.c", args);
	uint64_t start = fixture_addr(path, "_start");
	struct opened o;

	assert_int_not_equal(start, 0);
	assert_int_equal(run("strip -s %s", path), 0);
	o = load(path);
	assert_string_equal(at(&o, start), "_start");
	assert_string_equal(at(&o, start + 33), "_start");
	assert_string_not_equal(at(&o, start + 48), "_start");
	unload(&o);
}

static void names_the_entry_point(void **state)
{
	struct opened o;

	(void)state;
	makes_start("pie", "-O1 -pie -fPIE");
	makes_start("fixed", "-O1 -no-pie -fno-pie");
	makes_start("static-pie", "-O1 -static-pie -fPIE");
	/* a library's e_entry is anything: libc's is the function that prints its version */
	if (access("/lib/x86_64-linux-gnu/libc.so.6", R_OK))
		skip();
	o = load("/lib/x86_64-linux-gnu/libc.so.6");
	for (unsigned i = 0; i < o.es->n; i++)
		assert_false(o.es->sym[i].src == SRC_MADE && o.es->sym[i].name == MADE_START);
	unload(&o);
}

static void reads_32_bit_files(void **state)
{
	char path[256];
	struct opened o;

	(void)state;
	snprintf(path, sizeof(path), "%s/shapes32.so", fixture_dir);
	if (run("as --32 -o %s/shapes32.o %s/shapes.s && ld -m elf_i386 -shared --build-id -o %s %s/shapes32.o",
		fixture_dir, fixture_src(), path, fixture_dir))
		skip();
	o = load(path);
	assert_string_equal(at(&o, fixture_addr(path, "outer") + 17), "inner");
	assert_string_equal(at(&o, fixture_addr(path, "alias_b")), "alias_a");
	unload(&o);
}

static void turns_offsets_into_addresses(void **state)
{
	struct eseg seg[] = {
		{ .off = 0, .filesz = 0x1800, .vaddr = 0x400000 },
		{ .off = 0x1000, .filesz = 0x1000, .vaddr = 0x601000, .exec = true },
	};
	const struct elfsyms es = { .seg = seg, .n_seg = 2, .debug_fd = -1 };

	(void)state;
	assert_int_equal(elfsyms__vaddr(&es, 0x10), 0x400010);
	/* both segments hold it: the executable one counts */
	assert_int_equal(elfsyms__vaddr(&es, 0x1010), 0x601010);
	assert_int_equal(elfsyms__vaddr(&es, 0x1fff), 0x601fff);
	assert_int_equal(elfsyms__vaddr(&es, 0x9000), 0x9000);
}

/* Everything that the tracer does with a file, on one in memory and on one that is a file. */
static void digest(const void *buf, size_t len)
{
	struct elfimg img = { .fd = -1, .mem = buf, .size = len };
	__u8 id[BUILD_ID_MAX];
	struct elfsyms *es;
	char name[SYMBOL_MAX_SZ];
	int pass, fd = memfd_create("hostile", MFD_CLOEXEC);
	uint64_t a;

	assert_int_equal(write(fd, buf, len), len);
	for (pass = 0; pass < 2; pass++, img.fd = fd) {
		int err = elfsyms__load(&es, &img, NULL);

		assert_true(err == 0 || err == -ENOEXEC || err == -ENOMEM);
		if (err)
			continue;
		for (a = 0; a < 0x5000; a += 0x91)
			elfsyms__find(es, elfsyms__vaddr(es, a), false, name, sizeof(name));
		assert_true(elfsyms__bytes(es) < (size_t)200 << 20);
		elfsyms__free(es);
	}
	assert_true(elfimg__file_build_id(fd, id) <= BUILD_ID_MAX);
	close(fd);
}

static char *read_file(const char *path, size_t *len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *buf;

	assert_int_equal(fstat(fd, &st), 0);
	buf = malloc(st.st_size);
	assert_int_equal(read(fd, buf, st.st_size), st.st_size);
	*len = st.st_size;
	close(fd);
	return buf;
}

static void survives_truncation(void **state)
{
	const char *path = fixture_cc("cut.so", "program.c", "-shared -fPIC -O1 -Wl,--build-id=sha1");
	size_t len, n;
	char *buf = read_file(path, &len), *copy;

	(void)state;
	for (n = 0; n < len; n += 64) {
		copy = malloc(n ? n : 1);	/* its own size, so that a sanitiser sees the end */
		memcpy(copy, buf, n);
		digest(copy, n);
		free(copy);
	}
	free(buf);
}

static uint32_t next_random(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static void survives_damage(void **state)
{
	const char *path = fixture_cc("bad.so", "program.c", "-shared -fPIC -O1 -Wl,--build-id=sha1");
	static const unsigned char evil[] = { 0, 1, 0x7f, 0x80, 0xff, 0xfe, 0x10 };
	uint32_t seed = 20240611;
	size_t len;
	char *buf = read_file(path, &len), *copy = malloc(len);
	int round, i, flips;

	(void)state;
	for (round = 0; round < 3000; round++) {
		memcpy(copy, buf, len);
		flips = 1 + next_random(&seed) % 12;
		for (i = 0; i < flips; i++) {
			uint32_t r = next_random(&seed);
			/* headers at both ends are where the damage is felt */
			size_t at = r % 3 == 0 ? r / 3 % len : r % 3 == 1 ? r / 3 % 1024 :
				    len - 1 - r / 3 % 2048;

			copy[at] = r & 0x800000 ? evil[r / 7 % sizeof(evil)] : copy[at] ^ (1 << r % 8);
		}
		digest(copy, len);
	}
	free(copy);
	free(buf);
}

/* A file of few bytes that claims terabytes, in places where it would be believed. */
static void bounds_giants(void **state)
{
	const char *path = fixture_cc("giant.so", "shapes.s", SHAPES);
	char copy[256];
	Elf64_Shdr sh[64];
	Elf64_Ehdr eh;
	struct elfsyms *es;
	struct elfimg img;
	int i;

	(void)state;
	snprintf(copy, sizeof(copy), "%s/giant2.so", fixture_dir);
	assert_int_equal(run("cp %s %s && truncate -s 2T %s 2>/dev/null || truncate -s 8T %s", path, copy,
			     copy, copy), 0);
	img.fd = open(copy, O_RDWR | O_CLOEXEC);
	assert_int_equal(pread(img.fd, &eh, sizeof(eh), 0), sizeof(eh));
	if (eh.e_ident[EI_CLASS] != ELFCLASS64)
		skip();
	assert_int_equal(pread(img.fd, sh, eh.e_shnum * sizeof(sh[0]), eh.e_shoff),
			 eh.e_shnum * sizeof(sh[0]));
	for (i = 0; i < eh.e_shnum; i++)
		if (sh[i].sh_type == SHT_SYMTAB || sh[i].sh_type == SHT_STRTAB ||
		    sh[i].sh_type == SHT_NOTE)
			sh[i].sh_size = 1ULL << 40;
	assert_int_equal(pwrite(img.fd, sh, eh.e_shnum * sizeof(sh[0]), eh.e_shoff),
			 eh.e_shnum * sizeof(sh[0]));
	assert_int_equal(elfsyms__load(&es, &img, NULL), 0);
	assert_true(elfsyms__bytes(es) < 1 << 20);
	elfsyms__free(es);
	/* a count of sections that is elsewhere: 2^40 / 64 of them */
	sh[0].sh_size = 1ULL << 34;
	eh.e_shnum = 0;
	assert_int_equal(pwrite(img.fd, sh, sizeof(sh[0]), eh.e_shoff), sizeof(sh[0]));
	assert_int_equal(pwrite(img.fd, &eh, sizeof(eh), 0), sizeof(eh));
	assert_int_equal(elfsyms__load(&es, &img, NULL), -ENOEXEC);
	close(img.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(honours_sizes),
		cmocka_unit_test(cuts_stripped_code_into_pieces),
		cmocka_unit_test(ends_exported_labels),
		cmocka_unit_test(agrees_with_libdw),
		cmocka_unit_test(chooses_among_aliases),
		cmocka_unit_test(falls_back_when_stripped),
		cmocka_unit_test(finds_debug_files),
		cmocka_unit_test(names_the_entry_point),
		cmocka_unit_test(reads_32_bit_files),
		cmocka_unit_test(turns_offsets_into_addresses),
		cmocka_unit_test(survives_truncation),
		cmocka_unit_test(survives_damage),
		cmocka_unit_test(bounds_giants),
	};

	return cmocka_run_group_tests_name("symbols_elf", tests, fixture_setup, fixture_teardown);
}
