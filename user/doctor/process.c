/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/process.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "doctor/judge.h"
#include "runtime/jvm_elf.h"
#include "runtime/python.h"
#include "symbols/debugfile.h"
#include "symbols/elfsyms.h"
#include "symbols/jit.h"
#include "symbols/objects.h"
#include "symbols/procmaps.h"
#include "unwind/cfi.h"
#include "util/clock.h"
#include "util/log.h"

/* A mapping of each binary by which its file is opened. */
struct look {
	struct doctor_process *p;
	struct symbols_mmap *first;	/* its path is the binary's */
	int err;
};

static const char *kind_of(const struct symbols_mmap *m)
{
	if (m->ino)
		return m->path;
	return !strcmp(m->path, "[vdso]") || !strcmp(m->path, "[vsyscall]") ||
	       !strcmp(m->path, "[uprobes]") ? m->path : "[anon]";
}

static void add_mapping(void *ctx, const struct symbols_mmap *m)
{
	struct look *l = ctx;
	struct doctor_process *p = l->p;
	const char *path = kind_of(m);
	struct symbols_mmap *first;
	struct doctor_binary *b;

	for (unsigned i = 0; i < p->n; i++)
		if (!strcmp(p->binary[i].path, path) && l->first[i].ino == m->ino) {
			p->binary[i].bytes += m->len;
			p->binary[i].mappings++;
			return;
		}
	b = reallocarray(p->binary, p->n + 1, sizeof(*b));
	if (b)
		p->binary = b;
	first = reallocarray(l->first, p->n + 1, sizeof(*first));
	if (first)
		l->first = first;
	if (!b || !first) {
		l->err = -ENOMEM;
		return;
	}
	b += p->n;
	*b = (struct doctor_binary){ .path = strdup(path), .bytes = m->len, .mappings = 1 };
	if (!b->path) {
		l->err = -ENOMEM;
		return;
	}
	first[p->n] = *m;
	first[p->n++].path = NULL;
}

static void read_unwind(struct doctor_binary *b, int fd, const void *image, size_t size)
{
	struct cfi_table *t = NULL;
	int err = image ? cfi__compile_image(image, size, NULL, &t) :
			  cfi__compile(fd, NULL, &t);

	b->unwind = UNWIND_SCAN;
	if (err || !t)
		return;
	b->uncovered = t->code - t->covered;
	b->fp = t->flags & WT_OBJ_FP;
	if (t->n_rows && t->covered)
		b->unwind = UNWIND_TABLES;
	else if (b->fp)
		b->unwind = UNWIND_FP;
	cfi__free(t);
}

static void read_names(struct doctor_binary *b, const struct elfsyms *es)
{
	struct elfsyms_sources s;

	elfsyms__sources(es, &s);
	b->named = s.symtab + s.debug + s.dynsym + s.mini + s.go;
	b->unnamed = s.nameless;
	/* that of the tables counts padding, and pages that a segment only begins */
	if (s.uncovered != UINT64_MAX)
		b->uncovered = s.uncovered;
	if (s.symtab)
		b->names = NAMES_SYMTAB;
	else if (s.debug)
		b->names = NAMES_DEBUG_FILE;
	else if (s.mini)
		b->names = NAMES_MINIDEBUG;
	else if (s.go)
		b->names = NAMES_GO;
	else if (s.dynsym)
		b->names = NAMES_DYNSYM;
	else
		b->names = s.nameless ? NAMES_STARTS : NAMES_NONE;
}

static void look_at_file(struct doctor_process *p, struct doctor_binary *b, struct symbols_mmap *m)
{
	__u8 id[BUILD_ID_MAX];
	unsigned id_len = 0;
	bool elf = false;
	struct elfsyms *es = NULL;
	struct elfimg img = { 0 };
	int debug_fd;

	m->path = b->path;
	img.fd = objopen(m, id, &id_len, &elf);
	if (img.fd < 0 || !elf) {
		judge__unreadable(b, img.fd < 0);
		if (img.fd >= 0)
			close(img.fd);
		return;
	}
	for (unsigned i = 0; i < id_len; i++)
		sprintf(b->build_id + 2 * i, "%02x", id[i]);
	b->python_ok = python__describe(img.fd, b->path, b->python, sizeof(b->python));
	read_unwind(b, img.fd, NULL, 0);
	debug_fd = debugfile__of_process(img.fd, p->tgid, b->path);
	if (!elfsyms__load_with(&es, &img, b->path, debug_fd))
		read_names(b, es);
	else
		b->names = NAMES_NONE;
	elfsyms__free(es);
	if (debug_fd >= 0)
		close(debug_fd);
	close(img.fd);
	judge__file(b);
}

static void look_at_vdso(struct doctor_binary *b)
{
	struct elfimg img = { .fd = -1, .mem = (void *)getauxval(AT_SYSINFO_EHDR), .size = b->bytes };
	struct elfsyms *es;

	read_unwind(b, -1, img.mem, img.size);
	b->names = NAMES_NONE;
	if (!elfsyms__load(&es, &img, NULL)) {
		read_names(b, es);
		elfsyms__free(es);
	}
	judge__file(b);
}

/* Memory: what of it is code, a runtime has made. */
static void look_at_memory(struct doctor_process *p, struct doctor_binary *b, bool hotspot)
{
	struct jit jit = { 0 };
	int lines;

	b->unwind = hotspot ? UNWIND_HOTSPOT : UNWIND_FP;
	lines = jit__lines(&jit, p->tgid, now_ns());
	jit__clear(&jit);
	b->named = lines > 0 ? lines : 0;
	b->names = hotspot ? NAMES_HOTSPOT : lines > 0 ? NAMES_PERF_MAP : NAMES_NONE;
	judge__memory(b, p->runtime);
}

/* What makes code in it: the same question that a recording asks. */
static const char *runtime_of(const struct doctor_process *p)
{
	int best = -1, found;

	for (unsigned i = 0; i < p->n; i++) {
		const char *slash = strrchr(p->binary[i].path, '/');

		found = jit__runtime(slash ? slash + 1 : p->binary[i].path);
		if (found >= 0 && (best < 0 || found < best))
			best = found;
	}
	return best < 0 ? NULL : jit__runtime_name(best);
}

static bool is_hotspot(struct doctor_binary *b, struct symbols_mmap *m)
{
	struct jvm_elf e;
	__u8 id[BUILD_ID_MAX];
	unsigned len;
	bool elf, ok;
	int fd;

	if (!strstr(b->path, "libjvm"))
		return false;
	m->path = b->path;
	fd = objopen(m, id, &len, &elf);
	ok = fd >= 0 && elf && jvm_elf__open(fd, &e);
	if (fd >= 0)
		close(fd);
	return ok;
}

static void read_identity(struct doctor_process *p)
{
	char path[64], exe[PATH_MAX];
	ssize_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%u/comm", p->tgid);
	f = fopen(path, "re");
	if (f && fgets(p->comm, sizeof(p->comm), f))
		p->comm[strcspn(p->comm, "\n")] = '\0';
	if (f)
		fclose(f);
	snprintf(path, sizeof(path), "/proc/%u/exe", p->tgid);
	n = readlink(path, exe, sizeof(exe) - 1);
	if (n > 0)
		exe[n] = '\0';
	p->exe = strdup(n > 0 ? exe : "");
}

int doctor_process__look(struct doctor_process *p, __u32 tgid)
{
	struct look l = { .p = p };
	bool hotspot = false;
	int err;

	*p = (struct doctor_process){ .tgid = tgid };
	read_identity(p);
	err = procmaps__each(tgid, add_mapping, &l);
	if (err == -ESRCH) {
		free(l.first);
		return wt_error(WT_ESAID, "there is no process %u", tgid);
	}
	if (err || l.err || !p->exe) {
		free(l.first);
		return wt_error(err ? err : -ENOMEM, "cannot read the mappings of process %u", tgid);
	}
	if (!p->n) {
		free(l.first);
		return wt_error(WT_ESAID, "process %u has no program: it is a kernel thread or has ended",
				tgid);
	}
	p->runtime = runtime_of(p);
	for (unsigned i = 0; i < p->n; i++)
		hotspot |= l.first[i].ino && is_hotspot(&p->binary[i], &l.first[i]);
	for (unsigned i = 0; i < p->n; i++) {
		struct doctor_binary *b = &p->binary[i];

		if (l.first[i].ino)
			look_at_file(p, b, &l.first[i]);
		else if (!strcmp(b->path, "[vdso]"))
			look_at_vdso(b);
		else if (!strcmp(b->path, "[anon]"))
			look_at_memory(p, b, hotspot);
		else
			judge__kernels(b);
	}
	free(l.first);
	return 0;
}

void doctor_process__clear(struct doctor_process *p)
{
	for (unsigned i = 0; i < p->n; i++)
		free(p->binary[i].path);
	free(p->binary);
	free(p->exe);
	*p = (struct doctor_process){ 0 };
}
