// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * test_cfi.c - the rules at every row boundary of system binaries against those
 * that readelf (binutils has its own interpreter) prints.
 */
#include <fcntl.h>
#include <gelf.h>
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "unwind/cfi.h"

#define MAX_COLUMNS 140
#define MIN_BINARIES 10

/* Where there is such a file; then libraries, until there are enough. */
static const char *const binaries[] = {
	"/lib64/ld-linux-x86-64.so.2",
	"/lib/x86_64-linux-gnu/libc.so.6",
	"/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
	"/usr/lib/x86_64-linux-gnu/libcrypto.so.3",
	"/usr/lib/x86_64-linux-gnu/libavcodec.so.59",
	"/usr/lib/x86_64-linux-gnu/libx264.so.164",
	"/usr/lib/x86_64-linux-gnu/libswscale.so.6",
	"/usr/bin/ffmpeg",
	"/usr/bin/python3.11",
	"/usr/bin/redis-server",
	"/usr/bin/node",
	"/usr/bin/bash",
	"/usr/lib/postgresql/15/bin/postgres",
	"/usr/lib/gcc/x86_64-linux-gnu/12/cc1",
	"/usr/lib/jvm/java-17-openjdk-amd64/lib/server/libjvm.so",
	"/root/.cargo/bin/rustup",
	"/usr/lib/x86_64-linux-gnu/lib*.so.?",
	"/usr/lib64/lib*.so.?",
};

struct expected {
	char cfa[64], rbp[16], rbx[16], ra[16];
	bool rsp;		/* has a rule of its own */
};

struct extent {
	uint64_t start, end;
};

struct check {
	const char *path;
	struct cfi_table *t;
	GElf_Phdr seg[16];
	unsigned n_seg;
	struct extent *fde;
	size_t n_fde, cap_fde;
	uint64_t rows, points, wrong;
	/* the columns of the table at hand, and the rows of CIEs by their offset */
	int cfa, rbp, rbx, rsp, ra, columns;
	struct { uint64_t off; struct expected e; } cie[256];
	unsigned n_cie;
	uint64_t random;
};

static bool offset_of(const struct check *c, uint64_t vaddr, uint64_t *off)
{
	for (unsigned i = 0; i < c->n_seg; i++) {
		const GElf_Phdr *p = &c->seg[i];

		if (vaddr < p->p_vaddr || vaddr - p->p_vaddr >= p->p_filesz)
			continue;
		*off = vaddr - p->p_vaddr + p->p_offset;
		return true;
	}
	return false;
}

static void read_segments(struct check *c, int fd)
{
	Elf *elf;
	GElf_Phdr p;
	size_t n;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	assert_non_null(elf);
	assert_int_equal(elf_getphdrnum(elf, &n), 0);
	for (size_t i = 0; i < n; i++)
		if (gelf_getphdr(elf, i, &p) && p.p_type == PT_LOAD && (p.p_flags & PF_X) && c->n_seg < 16)
			c->seg[c->n_seg++] = p;
	elf_end(elf);
}

/* Where rbx is saved; what is neither "at the CFA" nor "as it was" must count as lost. */
static bool rbx_agrees(const struct wt_rule *r, const struct expected *e)
{
	int off;

	if (!e->rbx[0] || !strcmp(e->rbx, "u") || !strcmp(e->rbx, "s"))
		return !r->bx_off;
	return r->bx_off == (sscanf(e->rbx, "c%d", &off) == 1 ? off : WT_BX_LOST);
}

/* What the kernel side can follow of what readelf printed; CFA expressions have tests of their own. */
static bool agrees(const struct wt_rule *r, const struct expected *e)
{
	bool exp = !strcmp(e->cfa, "exp");
	int off = 0, cfa = WT_CFA_BAD;

	if (!strcmp(e->ra, "u"))
		return r->cfa != WT_CFA_NONE && r->cfa != WT_CFA_BAD && r->ra == WT_RA_ROOT;
	if (r->ra == WT_RA_ROOT)
		return false;
	if (exp && !strcmp(e->ra, "exp"))
		return r->cfa == WT_CFA_SIGNAL;
	if (strcmp(e->ra, "c-8") || e->rsp)
		return r->cfa == WT_CFA_BAD;
	if (sscanf(e->cfa, "rsp%d", &off) == 1)
		cfa = WT_CFA_SP;
	else if (sscanf(e->cfa, "rbp%d", &off) == 1)
		cfa = WT_CFA_FP;
	else if (sscanf(e->cfa, "rbx%d", &off) == 1)
		cfa = WT_CFA_BX;
	if (exp ? r->cfa != WT_CFA_PLT && r->cfa != WT_CFA_DEREF_FP && r->cfa != WT_CFA_DEREF_SP &&
		  r->cfa != WT_CFA_BAD :
		  r->cfa != cfa)
		return false;
	if (r->cfa == WT_CFA_BAD)
		return true;
	if ((!exp && r->cfa_off != off) || !rbx_agrees(r, e))
		return false;
	/* no column, or "u": readelf says that of what was never mentioned, too */
	if (!e->rbp[0] || !strcmp(e->rbp, "u") || !strcmp(e->rbp, "s"))
		return r->fp == WT_FP_SAME;
	if (sscanf(e->rbp, "c%d", &off) == 1)
		return r->fp == WT_FP_CFA && r->fp_off == off;
	if (!strcmp(e->rbp, "exp"))
		return r->fp == WT_FP_DEREF_FP || r->fp == WT_FP_LOST;
	return r->fp == WT_FP_LOST;
}

static void check_at(struct check *c, uint64_t pc, const struct expected *e)
{
	const struct wt_rule *r;
	uint64_t off;

	if (!offset_of(c, pc, &off))
		return;
	c->points++;
	r = cfi__lookup(c->t, off);
	/* the start of the dynamic linker has a rule of ours: cfi_start.c */
	if (e ? agrees(r, e) : r->cfa == WT_CFA_NONE || r->ra == WT_RA_ROOT)
		return;
	if (c->wrong++ < 5)
		print_error("%s: %#lx: cfa %u%+d fp %u%+d ra %u, but readelf: cfa %s rbp %s ra %s\n", c->path,
			    pc, r->cfa, r->cfa_off, r->fp, r->fp_off, r->ra, e ? e->cfa : "none",
			    e ? e->rbp : "", e ? e->ra : "");
}

static uint64_t below(struct check *c, uint64_t n)
{
	c->random = c->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (c->random >> 33) % n;
}

static void check_range(struct check *c, uint64_t from, uint64_t to, const struct expected *e)
{
	if (from >= to)
		return;
	if (e)
		c->rows++;
	check_at(c, from, e);
	check_at(c, to - 1, e);
	check_at(c, from + below(c, to - from), e);
}

static void read_header(struct check *c, char *line)
{
	char *save, *tok = strtok_r(line, " \n", &save);

	c->cfa = c->rbp = c->rbx = c->rsp = c->ra = -1;
	for (c->columns = 0; tok; tok = strtok_r(NULL, " \n", &save), c->columns++) {
		if (!strcmp(tok, "CFA"))
			c->cfa = c->columns;
		else if (!strcmp(tok, "rbp"))
			c->rbp = c->columns;
		else if (!strcmp(tok, "rbx"))
			c->rbx = c->columns;
		else if (!strcmp(tok, "rsp"))
			c->rsp = c->columns;
		else if (!strcmp(tok, "ra") || !strcmp(tok, "rip"))
			c->ra = c->columns;
	}
}

static uint64_t read_row(struct check *c, char *line, struct expected *e)
{
	char *save, *tok = strtok_r(line, " \n", &save);
	uint64_t pc = strtoull(line, NULL, 16);

	memset(e, 0, sizeof(*e));
	for (int i = 0; tok; tok = strtok_r(NULL, " \n", &save), i++) {
		/* the second half of "r10 (r10)" */
		if (tok[0] == '(' && i--)
			continue;
		if (i == c->cfa)
			snprintf(e->cfa, sizeof(e->cfa), "%s", tok);
		else if (i == c->rbp)
			snprintf(e->rbp, sizeof(e->rbp), "%s", tok);
		else if (i == c->rbx)
			snprintf(e->rbx, sizeof(e->rbx), "%s", tok);
		else if (i == c->ra)
			snprintf(e->ra, sizeof(e->ra), "%s", tok);
		else if (i == c->rsp && strcmp(tok, "u"))
			e->rsp = true;
	}
	return pc;
}

static void add_fde(struct check *c, uint64_t start, uint64_t end)
{
	if (c->n_fde == c->cap_fde) {
		c->cap_fde = c->cap_fde ? c->cap_fde * 2 : 4096;
		c->fde = realloc(c->fde, c->cap_fde * sizeof(*c->fde));
		assert_non_null(c->fde);
	}
	c->fde[c->n_fde++] = (struct extent){ start, end };
}

static const struct expected *cie_row(const struct check *c, uint64_t off)
{
	static const struct expected none;

	for (unsigned i = 0; i < c->n_cie; i++)
		if (c->cie[i].off == off)
			return &c->cie[i].e;
	/* nothing is printed for one without instructions */
	return &none;
}

/* Reads all that readelf prints, row by row; a row holds up to the next. */
static void compare(struct check *c, FILE *f)
{
	struct expected row, last = { 0 };
	uint64_t at = 0, end = 0, id, cie, pc;
	bool in_fde = false, in_cie = false;
	char *line = NULL, *p;
	size_t sz = 0;

	while (getline(&line, &sz, f) > 0) {
		if ((p = strstr(line, " FDE cie=")) && sscanf(p, " FDE cie=%lx pc=%lx..%lx", &cie, &at, &end) == 3) {
			last = *cie_row(c, cie);
			in_fde = true;
			in_cie = false;
			add_fde(c, at, end);
		} else if (strstr(line, " CIE \"") && sscanf(line, "%lx", &id) == 1) {
			in_cie = true;
			in_fde = false;
		} else if (!strncmp(line, "   LOC", 6)) {
			read_header(c, line);
		} else if ((in_cie || in_fde) && line[0] != '\n' && line[0] != 'C') {
			pc = read_row(c, line, &row);
			if (in_cie) {
				assert_true(c->n_cie < 256);
				c->cie[c->n_cie].off = id;
				c->cie[c->n_cie++].e = row;
				in_cie = false;
				continue;
			}
			check_range(c, at, pc, &last);
			at = pc;
			last = row;
		} else if (in_fde) {
			check_range(c, at, end, &last);
			in_fde = false;
		}
	}
	if (in_fde)
		check_range(c, at, end, &last);
	free(line);
}

static int by_start(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static void check_gaps(struct check *c)
{
	uint64_t end = 0;

	qsort(c->fde, c->n_fde, sizeof(*c->fde), by_start);
	for (size_t i = 0; i < c->n_fde; i++) {
		if (end)
			check_range(c, end, c->fde[i].start, NULL);
		if (c->fde[i].end > end)
			end = c->fde[i].end;
	}
	if (end)
		check_range(c, end, end + 1, NULL);
}

static void check_binary(const char *path)
{
	struct check c = { .path = path, .random = 42 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char cmd[512];
	FILE *f;

	assert_true(fd >= 0);
	read_segments(&c, fd);
	assert_int_equal(lseek(fd, 11, SEEK_SET), 11);
	assert_int_equal(cfi__compile(fd, NULL, &c.t), 0);
	assert_int_equal(lseek(fd, 0, SEEK_CUR), 11);
	/* N: not what separate files of debug information say */
	snprintf(cmd, sizeof(cmd), "LC_ALL=C readelf -wFN '%s' 2>/dev/null", path);
	f = popen(cmd, "r");
	assert_non_null(f);
	compare(&c, f);
	pclose(f);
	check_gaps(&c);
	print_message("%s: %zu FDEs, %lu rows, %lu points, %u of ours (%u bad), %.1f ms\n", path, c.n_fde, c.rows,
		      c.points, c.t->n_rows, c.t->bad_rows, c.t->cpu_ns / 1e6);
	assert_int_equal(c.wrong, 0);
	assert_int_equal(c.t->bad_fdes, 0);
	assert_true(c.points > 10);
	/* what readelf has, and what ends nowhere: merged, never invented */
	assert_true(c.t->n_rows <= c.rows + c.n_fde + 1);
	assert_true(c.t->bytes <= 16 * (size_t)c.t->n_rows + 16 * c.t->n_rules);
	cfi__free(c.t);
	free(c.fde);
	close(fd);
}

static void agrees_with_readelf(void **state)
{
	unsigned n = 0;

	(void)state;
	if (system("readelf --version >/dev/null 2>&1")) {
		print_message("no readelf\n");
		skip();
	}
	for (size_t i = 0; i < sizeof(binaries) / sizeof(*binaries); i++) {
		glob_t g;

		if (glob(binaries[i], 0, NULL, &g))
			continue;
		for (size_t k = 0; k < g.gl_pathc && (k == 0 || n < MIN_BINARIES); k++, n++)
			check_binary(g.gl_pathv[k]);
		globfree(&g);
	}
	assert_true(n >= MIN_BINARIES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_readelf),
	};

	return cmocka_run_group_tests_name("cfi", tests, NULL, NULL);
}
