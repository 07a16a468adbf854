// SPDX-License-Identifier: GPL-2.0-or-later
/* test_cfi_rules.c - each kind of rule, and files that lie, by small files made for it. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "unwind/cfi.h"

static char dir[] = "/tmp/wt-cfi-XXXXXX";

static int setup(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
	char cmd[64];

	(void)state;
	snprintf(cmd, sizeof(cmd), "rm -rf %s", dir);
	return system(cmd);
}

struct file {
	unsigned char *b;
	size_t n;
};

static struct file read_file(const char *path)
{
	struct file f = { 0 };
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	f.b = malloc(st.st_size + 1);
	assert_non_null(f.b);
	f.n = read(fd, f.b, st.st_size);
	assert_int_equal(f.n, st.st_size);
	close(fd);
	return f;
}

/* Assembles and links; the whole file.  Skips without a compiler. */
static struct file build(const char *source, const char *args)
{
	char cmd[512], path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/x.s", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(source, f);
	fclose(f);
	snprintf(path, sizeof(path), "%s/x.so", dir);
	snprintf(cmd, sizeof(cmd), "cd %s && cc -shared -nostdlib %s -o x.so x.s 2>cc.log", dir, args);
	if (system(cmd)) {
		print_message("cannot assemble with %s\n", args);
		skip();
	}
	return read_file(path);
}

static struct cfi_table *compile(struct file f)
{
	struct cfi_table *t = NULL;

	assert_int_equal(cfi__compile_image(f.b, f.n, NULL, &t), 0);
	assert_non_null(t);
	return t;
}

/* The code is filled with one byte per function: the first place in the file with 16 of it. */
static uint64_t place(struct file f, int c)
{
	unsigned char want[16];

	memset(want, c, sizeof(want));
	for (size_t i = 0; i + 16 <= f.n; i++)
		if (!memcmp(f.b + i, want, 16))
			return i;
	fail_msg("no code of %#x", c);
	return 0;
}

static void is(const struct cfi_table *t, uint64_t off, struct wt_rule want)
{
	const struct wt_rule *r = cfi__lookup(t, off);

	if (memcmp(r, &want, sizeof(want)))
		fail_msg("at %#lx: cfa %u%+d fp %u%+d ra %u, not cfa %u%+d fp %u%+d ra %u", off, r->cfa, r->cfa_off,
			 r->fp, r->fp_off, r->ra, want.cfa, want.cfa_off, want.fp, want.fp_off, want.ra);
}

/* A section's place in the file, or 0. */
static uint64_t section(struct file f, const char *name)
{
	const Elf64_Ehdr *eh = (void *)f.b;
	const Elf64_Shdr *sh = (void *)(f.b + eh->e_shoff);
	const char *names = (char *)f.b + sh[eh->e_shstrndx].sh_offset;

	for (int i = 0; i < eh->e_shnum; i++)
		if (!strcmp(names + sh[i].sh_name, name))
			return sh[i].sh_offset;
	return 0;
}

#define RULE(...) ((struct wt_rule){ __VA_ARGS__ })

/* Functions of 16 bytes, told apart by their contents; gaps of 16 bytes of 0xcc between some. */
static const char kinds[] =
	".text\n"
	/* 0x50: a frame with rbp */
	".cfi_startproc\n"
	".fill 4, 1, 0x50\n"
	".cfi_def_cfa_offset 16\n.cfi_offset rbp, -16\n"
	".fill 4, 1, 0x50\n"
	".cfi_def_cfa_register rbp\n"
	".fill 4, 1, 0x50\n"
	".cfi_def_cfa rsp, 8\n.cfi_restore rbp\n"
	".fill 4, 1, 0x50\n"
	".cfi_endproc\n"
	".fill 16, 1, 0xcc\n"
	/* 0x51: the procedure linkage table; 0x52: the newer kind */
	".cfi_startproc\n"
	".cfi_escape 0x0f, 0x0b, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22\n"
	".fill 16, 1, 0x51\n"
	".cfi_endproc\n"
	".cfi_startproc\n"
	".cfi_escape 0x0f, 0x0b, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x39, 0x2a, 0x33, 0x24, 0x22\n"
	".fill 16, 1, 0x52\n"
	".cfi_endproc\n"
	/* 0x53: realigned: CFA at *(rbp − 8), rbp at *(rbp) */
	".cfi_startproc\n"
	".cfi_escape 0x0f, 3, 0x76, 0x78, 0x06\n"
	".cfi_escape 0x10, 6, 2, 0x76, 0\n"
	".fill 16, 1, 0x53\n"
	".cfi_endproc\n"
	/* 0x54: CFA at *(rsp + 24) */
	".cfi_startproc\n"
	".cfi_escape 0x0f, 3, 0x77, 24, 0x06\n"
	".fill 16, 1, 0x54\n"
	".cfi_endproc\n"
	/* 0x55: the outermost */
	".cfi_startproc\n.cfi_undefined rip\n"
	".fill 16, 1, 0x55\n"
	".cfi_endproc\n"
	/* 0x56: rbp lost; 0x57: rbp in rcx */
	".cfi_startproc\n.cfi_undefined rbp\n"
	".fill 16, 1, 0x56\n"
	".cfi_endproc\n"
	".cfi_startproc\n.cfi_register rbp, rcx\n"
	".fill 16, 1, 0x57\n"
	".cfi_endproc\n"
	/* 0x62: CFA by rbx, which is saved below it; 0x63: rbx in rcx */
	".cfi_startproc\n.cfi_def_cfa rbx, 32\n.cfi_offset rbx, -32\n"
	".fill 16, 1, 0x62\n"
	".cfi_endproc\n"
	".cfi_startproc\n.cfi_register rbx, rcx\n"
	".fill 16, 1, 0x63\n"
	".cfi_endproc\n"
	/* 0x58: CFA by r10; 0x59: RA in rdx; 0x5a: rsp elsewhere; 0x5b: some other expression */
	".cfi_startproc\n.cfi_def_cfa r10, 0\n"
	".fill 16, 1, 0x58\n"
	".cfi_endproc\n"
	".cfi_startproc\n.cfi_register rip, rdx\n"
	".fill 16, 1, 0x59\n"
	".cfi_endproc\n"
	".cfi_startproc\n.cfi_offset rsp, -24\n"
	".fill 16, 1, 0x5a\n"
	".cfi_endproc\n"
	".cfi_startproc\n.cfi_escape 0x0f, 4, 0x77, 8, 0x06, 0x06\n"
	".fill 16, 1, 0x5b\n"
	".cfi_endproc\n"
	/* 0x5c: a signal frame as libc's restorer has it: rsp at *(rsp + 160), rip 168, rbp 120 */
	".cfi_startproc\n.cfi_signal_frame\n"
	".cfi_escape 0x0f, 4, 0x77, 0xa0, 0x01, 0x06\n"
	".cfi_escape 0x10, 16, 3, 0x77, 0xa8, 0x01\n"
	".cfi_escape 0x10, 6, 3, 0x77, 0xf8, 0x00\n"
	".fill 16, 1, 0x5c\n"
	".cfi_endproc\n"
	/* 0x5d: said to be one, but its registers are not where they belong */
	".cfi_startproc\n.cfi_signal_frame\n"
	".cfi_escape 0x0f, 4, 0x77, 0xa0, 0x01, 0x06\n"
	".cfi_escape 0x10, 16, 3, 0x77, 0xb0, 0x01\n"
	".fill 16, 1, 0x5d\n"
	".cfi_endproc\n"
	/* 0x60: OpenSSL's *(rsp + 152) + 8; 0x61: too much to add */
	".cfi_startproc\n"
	".cfi_escape 0x0f, 6, 0x77, 0x98, 1, 0x06, 0x23, 8\n"
	".fill 16, 1, 0x60\n"
	".cfi_endproc\n"
	".cfi_startproc\n"
	".cfi_escape 0x0f, 6, 0x77, 8, 0x06, 0x23, 0x80, 2\n"
	".fill 16, 1, 0x61\n"
	".cfi_endproc\n"
	/* 0x5e, 0x5f: equal neighbours become one row */
	".cfi_startproc\n.fill 16, 1, 0x5e\n.cfi_endproc\n"
	".cfi_startproc\n.fill 16, 1, 0x5f\n.cfi_endproc\n"
	".fill 16, 1, 0xcc\n";

static void check_kinds(struct file f)
{
	struct cfi_table *t = compile(f);
	struct wt_rule bad = RULE(.cfa = WT_CFA_BAD), at_start = RULE(.cfa = WT_CFA_SP, .cfa_off = 8);
	uint64_t at = place(f, 0x50);

	is(t, at - 1, RULE(0));
	is(t, at, at_start);
	is(t, at + 3, at_start);
	is(t, at + 4, RULE(.cfa = WT_CFA_SP, .cfa_off = 16, .fp = WT_FP_CFA, .fp_off = -16));
	is(t, at + 8, RULE(.cfa = WT_CFA_FP, .cfa_off = 16, .fp = WT_FP_CFA, .fp_off = -16));
	is(t, at + 12, at_start);
	is(t, at + 15, at_start);
	is(t, at + 16, RULE(0));
	is(t, at + 31, RULE(0));
	is(t, place(f, 0x51), RULE(.cfa = WT_CFA_PLT, .cfa_off = 11));
	is(t, place(f, 0x52), RULE(.cfa = WT_CFA_PLT, .cfa_off = 9));
	is(t, place(f, 0x53), RULE(.cfa = WT_CFA_DEREF_FP, .cfa_off = -8, .fp = WT_FP_DEREF_FP));
	is(t, place(f, 0x54), RULE(.cfa = WT_CFA_DEREF_SP, .cfa_off = 24));
	is(t, place(f, 0x55), RULE(.cfa = WT_CFA_SP, .ra = WT_RA_ROOT));
	is(t, place(f, 0x56), RULE(.cfa = WT_CFA_SP, .cfa_off = 8, .fp = WT_FP_LOST));
	is(t, place(f, 0x57), RULE(.cfa = WT_CFA_SP, .cfa_off = 8, .fp = WT_FP_LOST));
	is(t, place(f, 0x62), RULE(.cfa = WT_CFA_BX, .cfa_off = 32, .bx_off = -32));
	is(t, place(f, 0x63), RULE(.cfa = WT_CFA_SP, .cfa_off = 8, .bx_off = WT_BX_LOST));
	for (int c = 0x58; c <= 0x5b; c++)
		is(t, place(f, c), bad);
	is(t, place(f, 0x5c), RULE(.cfa = WT_CFA_SIGNAL));
	is(t, place(f, 0x5d), bad);
	is(t, place(f, 0x60), RULE(.cfa = WT_CFA_DEREF_SP, .cfa_off = 152, .cfa_add = 8));
	is(t, place(f, 0x61), bad);
	is(t, place(f, 0x5e), at_start);
	is(t, place(f, 0x5f), at_start);
	is(t, place(f, 0x5f) + 16, RULE(0));
	for (unsigned i = 1; i < t->n_rows; i++) {
		assert_true(t->rows[i - 1].off < t->rows[i].off);
		assert_true(t->rows[i - 1].rule != t->rows[i].rule);
		assert_true(t->rows[i].rule < t->n_rules);
		assert_int_not_equal(t->rows[i].off, place(f, 0x5f));
	}
	assert_int_equal(t->fdes, 20);
	assert_int_equal(t->bad_fdes, 0);
	assert_int_equal(t->bad_rows, 3);	/* 0x58 … 0x5b are one row */
	assert_int_equal(t->covered, 16 * (20 - 6));
	assert_int_equal(t->flags, 0);
	cfi__free(t);
	free(f.b);
}

static void knows_each_kind(void **state)
{
	(void)state;
	check_kinds(build(kinds, ""));
	/* without .eh_frame_hdr; at another address, in another segment */
	check_kinds(build(kinds, "-Wl,--no-eh-frame-hdr"));
	check_kinds(build(kinds, "-Wl,-Ttext-segment=0x7ff000000000 -Wl,-z,noseparate-code"));
}

static void knows_debug_frame(void **state)
{
	char *source = malloc(sizeof(kinds) + 64);

	(void)state;
	sprintf(source, ".cfi_sections .debug_frame\n%s", kinds);
	check_kinds(build(source, ""));
	check_kinds(build(source, "-Wl,--compress-debug-sections=zlib"));
	free(source);
}

/* Both sections: what .eh_frame says of a function holds, the rest is the other's. */
static void prefers_eh_frame(void **state)
{
	struct file f = build(".text\n"
			      ".cfi_sections .eh_frame, .debug_frame\n"
			      ".cfi_startproc\n.cfi_def_cfa_offset 32\n.fill 16, 1, 0x50\n.cfi_endproc\n"
			      ".fill 16, 1, 0x51\n", "");
	unsigned char *fde = f.b + section(f, ".debug_frame");
	struct cfi_table *t;

	(void)state;
	/* the copy in .debug_frame is made to be 32 bytes long */
	fde += 4 + *(uint32_t *)fde;
	assert_int_equal(*(uint64_t *)(fde + 16), 16);
	*(uint64_t *)(fde + 16) = 32;
	t = compile(f);
	is(t, place(f, 0x50), RULE(.cfa = WT_CFA_SP, .cfa_off = 32));
	is(t, place(f, 0x51), RULE(.cfa = WT_CFA_SP, .cfa_off = 32));
	assert_int_equal(t->fdes, 2);
	cfi__free(t);
	free(f.b);
}

static void needs_no_section_headers(void **state)
{
	struct file f = build(kinds, "");
	Elf64_Ehdr *eh = (void *)f.b;

	(void)state;
	eh->e_shoff = eh->e_shnum = eh->e_shstrndx = 0;
	check_kinds(f);
}

static void knows_the_vdso(void **state)
{
	const void *vdso = (void *)getauxval(AT_SYSINFO_EHDR);
	struct cfi_table *t;

	(void)state;
	if (!vdso) {
		print_message("no vdso\n");
		skip();
	}
	assert_int_equal(cfi__compile_image(vdso, sysconf(_SC_PAGESIZE) * 2, NULL, &t), 0);
	assert_true(t->n_rows > 4);
	assert_int_equal(t->bad_rows, 0);
	cfi__free(t);
}

/* Files that have none are no errors; what is no ELF file is one. */
static void has_no_table_for_others(void **state)
{
	struct file f = build(kinds, "");
	Elf64_Ehdr *eh = (void *)f.b;
	struct cfi_table *t;

	(void)state;
	eh->e_machine = EM_AARCH64;
	t = compile(f);
	assert_int_equal(t->n_rows, 0);
	cfi__free(t);
	eh->e_machine = EM_X86_64;
	eh->e_type = ET_REL;
	t = compile(f);
	assert_int_equal(t->n_rows, 0);
	cfi__free(t);
	eh->e_type = ET_DYN;
	eh->e_ident[EI_CLASS] = ELFCLASS32;
	if (!cfi__compile_image(f.b, f.n, NULL, &t)) {
		assert_int_equal(t->n_rows, 0);
		cfi__free(t);
	}
	eh->e_ident[0] = 0;
	assert_int_equal(cfi__compile_image(f.b, f.n, NULL, &t), -ENOEXEC);
	assert_null(t);
	assert_int_equal(cfi__compile_image("", 0, NULL, &t), -ENOEXEC);
	assert_int_equal(cfi__compile(-1, NULL, &t), -ENOEXEC);
	free(f.b);
	t = compile(f = build(".text\n.fill 64, 1, 0x50\n", ""));
	assert_int_equal(t->n_rows, 0);
	assert_int_equal(cfi__lookup(t, 0x1000)->cfa, WT_CFA_NONE);
	cfi__free(t);
	free(f.b);
}

/* A function that asks for memory or time without bound, beside one that does not. */
static struct file hostile(const char *what)
{
	char source[2048];

	snprintf(source, sizeof(source),
		 ".text\n"
		 ".cfi_startproc\n.fill 16, 1, 0x50\n.cfi_endproc\n"
		 ".cfi_startproc\n.fill 8, 1, 0x51\n%s\n.fill 16, 1, 0x51\n.cfi_endproc\n"
		 ".cfi_startproc\n.fill 16, 1, 0x52\n.cfi_endproc\n", what);
	return build(source, "");
}

static void blanks_what_costs_memory(void **state)
{
	static const char *const evil[] = {
		/* a register whose number takes 1.6 GB of libdw */
		".cfi_escape 0x05, 0xff, 0xff, 0xff, 0x2f, 0",
		".cfi_escape 0x10, 0xff, 0xff, 0xff, 0x2f, 1, 0x30",
		".cfi_escape 0x09, 6, 0xff, 0xff, 0xff, 0x2f",
		/* states in states */
		".rept 65\n.cfi_escape 0x0a\n.endr",
		/* one taken back that there is not */
		".cfi_escape 0x0b",
		/* an expression that is longer than the entry, a number without an end, no such instruction */
		".cfi_escape 0x0f, 0xff, 0xff, 0x03, 0x77",
		".cfi_escape 0x0e, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff",
		".cfi_escape 0x3f",
	};
	struct rusage before, after;

	(void)state;
	getrusage(RUSAGE_SELF, &before);
	for (size_t i = 0; i < sizeof(evil) / sizeof(*evil); i++) {
		struct file f = hostile(evil[i]);
		struct cfi_table *t = compile(f);

		is(t, place(f, 0x50), RULE(.cfa = WT_CFA_SP, .cfa_off = 8));
		is(t, place(f, 0x51), RULE(.cfa = WT_CFA_BAD));
		is(t, place(f, 0x51) + 23, RULE(.cfa = WT_CFA_BAD));
		is(t, place(f, 0x52), RULE(.cfa = WT_CFA_SP, .cfa_off = 8));
		assert_int_equal(t->bad_fdes, 1);
		cfi__free(t);
		free(f.b);
	}
	getrusage(RUSAGE_SELF, &after);
	assert_true(after.ru_maxrss - before.ru_maxrss < 32 << 10);
}

static void keeps_its_limits(void **state)
{
	/* 2,000 rows of one function, each of which libdw starts from the beginning for */
	struct file f = build(".text\n.cfi_startproc\n.rept 2000\n.byte 0x50\n.cfi_adjust_cfa_offset 8\n.endr\n"
			      ".fill 16, 1, 0x51\n.cfi_endproc\n.cfi_startproc\n.fill 16, 1, 0x52\n.cfi_endproc\n",
			      "");
	struct cfi_limits l = { .rows = 1000 };
	struct cfi_table *t;
	int cancel = 1;

	(void)state;
	assert_int_equal(cfi__compile_image(f.b, f.n, &l, &t), -E2BIG);
	assert_null(t);
	l = (struct cfi_limits){ .fdes = 1 };
	assert_int_equal(cfi__compile_image(f.b, f.n, &l, &t), -E2BIG);
	l = (struct cfi_limits){ .section = 64 };
	assert_int_equal(cfi__compile_image(f.b, f.n, &l, &t), -E2BIG);
	l = (struct cfi_limits){ .cpu_ns = 1 };
	assert_int_equal(cfi__compile_image(f.b, f.n, &l, &t), -ETIME);
	l = (struct cfi_limits){ .cancel = &cancel };
	assert_int_equal(cfi__compile_image(f.b, f.n, &l, &t), -ECANCELED);
	/* a function that is too long loses its own rows only */
	l = (struct cfi_limits){ .program = 1000 };
	assert_int_equal(cfi__compile_image(f.b, f.n, &l, &t), 0);
	assert_int_equal(t->bad_fdes, 1);
	is(t, place(f, 0x51), RULE(.cfa = WT_CFA_BAD));
	is(t, place(f, 0x52), RULE(.cfa = WT_CFA_SP, .cfa_off = 8));
	cfi__free(t);
	t = compile(f);
	assert_int_equal(t->n_rows, 2003);
	is(t, place(f, 0x51), RULE(.cfa = WT_CFA_SP, .cfa_off = 8 + 8 * 2000));
	cfi__free(t);
	free(f.b);
}

/* Whatever comes of it: an order in the rows, and rules that exist. */
static void sane(const struct file *f)
{
	struct cfi_limits l = { .cpu_ns = 1000000000 };
	struct cfi_table *t;

	if (cfi__compile_image(f->b, f->n, &l, &t)) {
		assert_null(t);
		return;
	}
	for (unsigned i = 0; i < t->n_rows; i++) {
		assert_true(t->rows[i].rule < t->n_rules);
		assert_true(!i || t->rows[i - 1].off < t->rows[i].off);
	}
	assert_true(t->covered <= t->code);
	cfi__free(t);
}

static void survives_damage(void **state)
{
	struct file f = build(kinds, ""), cut;
	uint64_t random = 1, frame = section(f, ".eh_frame");

	(void)state;
	for (size_t n = 0; n < f.n; n += n < 4096 ? 1 : 97) {
		/* on the heap, for what reads beyond it to be seen */
		cut.b = malloc(n ? n : 1);
		memcpy(cut.b, f.b, n);
		cut.n = n;
		sane(&cut);
		free(cut.b);
	}
	assert_int_not_equal(frame, 0);
	for (int turn = 0; turn < 20000; turn++) {
		unsigned char old[8];
		size_t at[8];
		int n = 1 + turn % 8;

		for (int i = 0; i < n; i++) {
			random = random * 6364136223846793005ULL + 1442695040888963407ULL;
			at[i] = turn % 4 ? frame + (random >> 33) % 700 : (random >> 33) % f.n;
			old[i] = f.b[at[i]];
			f.b[at[i]] = random >> 20;
		}
		sane(&f);
		while (n--)
			f.b[at[n]] = old[n];
	}
	free(f.b);
}

/* Code between the rows that keeps frame pointers, and such as does not. */
static void sees_frame_pointers(void **state)
{
	static const char with[] = ".rept 300\n.byte 0x55, 0x48, 0x89, 0xe5\n.fill 60, 1, 0x90\n.endr\n",
			  v8[] = ".rept 300\n.byte 0x55, 0x48, 0x8b, 0xec\n.fill 60, 1, 0x90\n.endr\n",
			  without[] = ".rept 300\n.byte 0x55, 0x48, 0x89, 0xe6\n.fill 60, 1, 0x90\n.endr\n";
	static const struct {
		const char *bare, *covered;
		__u32 flags;
	} cases[] = {
		{ with, without, WT_OBJ_FP },
		{ v8, with, WT_OBJ_FP },
		{ without, with, 0 },
		{ ".fill 64, 1, 0x90\n", with, 0 },
	};
	char source[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct cfi_table *t;
		struct file f;

		snprintf(source, sizeof(source), ".text\n.cfi_startproc\n%s.cfi_endproc\n%s", cases[i].covered,
			 cases[i].bare);
		f = build(source, "");
		t = compile(f);
		assert_int_equal(t->flags, cases[i].flags);
		assert_int_equal(t->covered, 300 * 64);
		cfi__free(t);
		free(f.b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_each_kind),
		cmocka_unit_test(knows_debug_frame),
		cmocka_unit_test(prefers_eh_frame),
		cmocka_unit_test(needs_no_section_headers),
		cmocka_unit_test(knows_the_vdso),
		cmocka_unit_test(has_no_table_for_others),
		cmocka_unit_test(blanks_what_costs_memory),
		cmocka_unit_test(keeps_its_limits),
		cmocka_unit_test(survives_damage),
		cmocka_unit_test(sees_frame_pointers),
	};

	return cmocka_run_group_tests_name("cfi-rules", tests, setup, teardown);
}
