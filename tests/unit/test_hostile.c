/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * test_hostile.c - ELF files that claim much with little: sparse, and with
 * thousands of headers for the same bytes.  A fuzzer's inputs are too small to be
 * like that.  Each is read in a process of its own, whose memory and time are
 * looked at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/jvm_elf.h"
#include "runtime/python_elf.h"
#include "symbols/elfsyms.h"
#include "unwind/cfi.h"

#define CODE 0x10000
#define MAX_RSS_KB (400 << 10)	/* the largest single table is 64 MiB; sanitizers double it */
#define MAX_CPU_S 20
#define KILLED_S 60

struct headers {
	Elf64_Phdr ph[4096];
	unsigned n_ph;
	Elf64_Shdr sh[4096];
	unsigned n_sh;
};

static struct headers h;
static const char names[] = "\0.shstrtab\0.text\0.plt\0.debug_frame";
enum { N_SHSTRTAB = 1, N_TEXT = 11, N_PLT = 17, N_DEBUG_FRAME = 22 };

static void begin(void)
{
	memset(&h, 0, sizeof(h));
	h.n_sh = 1;
}

static unsigned section(unsigned name, unsigned type, uint64_t flags, uint64_t off, uint64_t size,
			unsigned link)
{
	h.sh[h.n_sh] = (Elf64_Shdr){
		.sh_name = name, .sh_type = type, .sh_flags = flags, .sh_offset = off, .sh_size = size,
		.sh_link = link, .sh_addralign = 1,
		.sh_entsize = type == SHT_DYNSYM || type == SHT_RELA ? 24 : 0,
	};
	return h.n_sh++;
}

static void segment(unsigned type, uint64_t off, uint64_t size)
{
	h.ph[h.n_ph++] = (Elf64_Phdr){
		.p_type = type, .p_flags = PF_R | PF_X, .p_offset = off, .p_vaddr = CODE + off,
		.p_filesz = size, .p_memsz = size, .p_align = 1,
	};
}

/* The file with those headers, its last size bytes a hole; strings: bytes of its section names. */
static int file(uint64_t size, uint64_t strings)
{
	const uint64_t ph = sizeof(Elf64_Ehdr), sh = ph + sizeof(h.ph), text = sh + sizeof(h.sh);
	unsigned shstrtab = section(N_SHSTRTAB, SHT_STRTAB, 0, text, strings, 0);
	const Elf64_Ehdr eh = {
		.e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_DYN, .e_machine = EM_X86_64, .e_version = EV_CURRENT, .e_entry = CODE + 64,
		.e_phoff = ph, .e_shoff = sh, .e_ehsize = sizeof(eh), .e_phentsize = sizeof(h.ph[0]),
		.e_phnum = h.n_ph, .e_shentsize = sizeof(h.sh[0]), .e_shnum = h.n_sh,
		.e_shstrndx = shstrtab,
	};
	int fd = memfd_create("hostile", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, text + sizeof(names) + size), 0);
	assert_int_equal(pwrite(fd, &eh, sizeof(eh), 0), sizeof(eh));
	assert_int_equal(pwrite(fd, h.ph, sizeof(h.ph), ph), sizeof(h.ph));
	assert_int_equal(pwrite(fd, h.sh, sizeof(h.sh), sh), sizeof(h.sh));
	assert_int_equal(pwrite(fd, names, sizeof(names), text), sizeof(names));
	return fd;
}

static void read_file(int fd)
{
	const struct elfimg img = { .fd = fd };
	struct elfsyms *es;
	struct cfi_table *t;
	struct python_elf py;
	struct jvm_elf jvm;
	char buf[4096];

	if (!elfsyms__load(&es, &img, "/nowhere/of/this/name")) {
		elfsyms__find(es, CODE + 4096, false, buf, sizeof(buf));
		elfsyms__free(es);
	}
	python_elf__open(fd, "/usr/bin/python3.11", &py, buf, sizeof(buf));
	jvm_elf__open(fd, &jvm);
	if (!cfi__compile(fd, NULL, &t))
		cfi__free(t);
}

/* What a process that reads it costs; the file is gone afterwards. */
static void assert_bounded(int fd)
{
	struct rusage ru;
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (!pid) {
		alarm(KILLED_S);
		read_file(fd);
		_exit(0);
	}
	assert_int_equal(wait4(pid, &status, 0, &ru), pid);
	close(fd);
	print_message("%ld KiB, %ld.%03ld s\n", ru.ru_maxrss, ru.ru_utime.tv_sec + ru.ru_stime.tv_sec,
		      (ru.ru_utime.tv_usec + ru.ru_stime.tv_usec) / 1000 % 1000);
	assert_int_equal(status, 0);
	assert_true(ru.ru_maxrss < MAX_RSS_KB);
	assert_true(ru.ru_utime.tv_sec + ru.ru_stime.tv_sec < MAX_CPU_S);
}

static void test_names_of_sections(void **state)
{
	(void)state;
	begin();
	segment(PT_LOAD, 0, 4096);
	assert_bounded(file(2048ULL << 20, 2048ULL << 20));
}

static void test_names_of_symbols(void **state)
{
	unsigned dynsym, dynstr;

	(void)state;
	begin();
	segment(PT_LOAD, 0, 4096);
	dynstr = section(N_TEXT, SHT_STRTAB, SHF_ALLOC, 4096, 2048ULL << 20, 0);
	dynsym = section(N_TEXT, SHT_DYNSYM, SHF_ALLOC, 4096, 4080, dynstr);
	assert_int_equal(dynsym, dynstr + 1);
	assert_bounded(file(2049ULL << 20, sizeof(names)));
}

static void test_many_tables_of_symbols(void **state)
{
	unsigned dynstr;

	(void)state;
	begin();
	segment(PT_LOAD, 0, 4096);
	dynstr = section(N_TEXT, SHT_STRTAB, SHF_ALLOC, 4096, 64, 0);
	for (unsigned i = 0; i < 100; i++)
		section(N_TEXT, SHT_DYNSYM, SHF_ALLOC, 4096, 15 << 20, dynstr);
	assert_bounded(file(64ULL << 20, sizeof(names)));
}

static void test_many_relocations(void **state)
{
	unsigned dynstr, dynsym;

	(void)state;
	begin();
	segment(PT_LOAD, 0, 4096);
	dynstr = section(N_TEXT, SHT_STRTAB, SHF_ALLOC, 4096, 64, 0);
	dynsym = section(N_TEXT, SHT_DYNSYM, SHF_ALLOC, 4096, 4080, dynstr);
	for (unsigned i = 0; i < 60; i++)
		section(N_TEXT, SHT_RELA, SHF_ALLOC, 4096, 30 << 20, dynsym);
	assert_bounded(file(64ULL << 20, sizeof(names)));
}

static void test_many_notes(void **state)
{
	(void)state;
	begin();
	segment(PT_LOAD, 0, 4096);
	/* of different sizes: libelf shares equal ones */
	for (unsigned i = 0; i < 4000; i++)
		segment(PT_NOTE, 4096 + i, 65536 - i);
	for (unsigned i = 0; i < 4000; i++)
		section(N_TEXT, SHT_NOTE, 0, 4096 + i, 65536, 0);
	for (unsigned i = 0; i < 90; i++)
		segment(PT_DYNAMIC, 4096 + i, 65536 - i);
	assert_bounded(file(1 << 20, sizeof(names)));
}

static void test_many_segments_of_code(void **state)
{
	(void)state;
	begin();
	for (unsigned i = 0; i < 4000; i++)
		segment(PT_LOAD, 0, 200 << 20);
	assert_bounded(file(200 << 20, sizeof(names)));
}

static void test_large_segment_of_code(void **state)
{
	(void)state;
	begin();
	segment(PT_LOAD, 0, 1 << 20);
	segment(PT_LOAD, 1 << 20, 1ULL << 40);
	assert_bounded(file(1ULL << 41, sizeof(names)));
}

static void test_compressed_frames(void **state)
{
	(void)state;
	begin();
	segment(PT_LOAD, 0, 4096);
	section(N_DEBUG_FRAME, SHT_PROGBITS, SHF_COMPRESSED, 1 << 20, 2048ULL << 20, 0);
	for (unsigned i = 0; i < 100; i++)
		section(N_DEBUG_FRAME, SHT_PROGBITS, SHF_COMPRESSED, 1 << 20, 60 << 20, 0);
	assert_bounded(file(2050ULL << 20, sizeof(names)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_of_sections),
		cmocka_unit_test(test_names_of_symbols),
		cmocka_unit_test(test_many_tables_of_symbols),
		cmocka_unit_test(test_many_relocations),
		cmocka_unit_test(test_many_notes),
		cmocka_unit_test(test_many_segments_of_code),
		cmocka_unit_test(test_large_segment_of_code),
		cmocka_unit_test(test_compressed_frames),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
