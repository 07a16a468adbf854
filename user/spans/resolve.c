/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spans/resolve.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "spans/exits.h"
#include "spans/symbol.h"
#include "spans/usdt.h"
#include "symbols/elfsyms.h"
#include "symbols/names.h"
#include "util/log.h"
#include "worktrace.h"

#define MAX_PLACES 1024

struct file {
	const struct span_spec *spec;
	struct elfimg img;
	struct elfsyms *es;
	const char *shown;
	bool return_probe;	/* wanted where it is safe */
	bool unwinds;		/* exceptions may be thrown through its functions */
	bool go;
	bool x86_64;
};

static int add_place(struct span_places *p, __u64 off, __u64 semaphore, __u32 at, bool ret)
{
	struct span_place *v;

	for (unsigned i = 0; i < p->n; i++)
		if (p->v[i].off == off && p->v[i].at == at && p->v[i].ret == ret)
			return 0;
	if (p->n == MAX_PLACES)
		return wt_error(WT_ESAID, "a span can have %d places, this one has more", MAX_PLACES);
	v = reallocarray(p->v, p->n + 1, sizeof(*v));
	if (!v)
		return wt_error(-ENOMEM, "cannot note the places of a span");
	p->v = v;
	v[p->n++] = (struct span_place){ off, semaphore, at, ret };
	return 0;
}

static int add_code(struct file *f, struct span_places *p, __u64 addr, __u32 at, bool ret)
{
	__u64 off = elfsyms__file_off(f->es, addr);

	if (off == UINT64_MAX || !elfsyms__is_code(f->es, addr))
		return wt_error(WT_ESAID, "0x%llx is no code in %s", addr, f->shown);
	return add_place(p, off, 0, at, ret);
}

/* --- code, for exits.h ------------------------------------------------------ */

static unsigned read_code(void *ctx, __u64 addr, __u8 *buf, unsigned n)
{
	struct file *f = ctx;
	__u64 off = elfsyms__file_off(f->es, addr);
	ssize_t got = off == UINT64_MAX ? 0 : elfimg__read(&f->img, off, buf, n);

	return got > 0 ? got : 0;
}

static bool function_at(void *ctx, __u64 addr, __u64 *start, __u64 *end)
{
	struct file *f = ctx;

	return elfsyms__extent(f->es, addr, start, end);
}

static struct exits_code code_of(struct file *f)
{
	return (struct exits_code){ f, read_code, function_at };
}

/* --- a function from its entry to its return -------------------------------- */

static int add_exits(struct file *f, struct span_places *p, const struct exits *x)
{
	int err = 0;

	for (unsigned i = 0; i < x->n_ret && !err; i++)
		err = add_code(f, p, x->ret[i], i < x->own_ret ? WT_SPAN_RET : WT_SPAN_FOLLOW, false);
	for (unsigned i = 0; i < x->n_leave && !err; i++)
		err = add_code(f, p, x->leave[i], WT_SPAN_FOLLOW, false);
	return err;
}

/*
 * The kernel's return probe puts another address in the place of the return address.
 * What unwinds the stack to throw an exception, or moves it as Go does, then finds
 * no caller, and ends the program: there it must not be used.
 */
static int add_function(struct file *f, struct span_places *p, __u64 start, __u64 end)
{
	bool hijack = !f->unwinds && !f->go, known = false;
	struct exits_code code = code_of(f);
	struct exits *x = malloc(sizeof(*x));
	__u64 lo, hi;
	int err;

	if (!x)
		return wt_error(-ENOMEM, "cannot note the places of a span");
	/* what unwind tables say is exact; a symbol may lack its size */
	if (elfsyms__extent(f->es, start, &lo, &hi) && lo == start)
		end = hi;
	if (f->x86_64 && !(f->return_probe && hijack))
		known = !exits__find(&code, start, end, x) && x->n_ret + x->n_leave;
	if (known && (!x->n_leave || !hijack)) {
		if (x->n_leave)
			wt_warn("span %s: %s may end with a jump into another function; the span ends "
				"there, not where that one returns", f->spec->name, p->name);
		err = add_code(f, p, start, WT_SPAN_ENTRY, false);
		if (!err)
			err = add_exits(f, p, x);
	} else if (hijack) {
		p->method = SPAN_BY_RETURN;
		err = add_code(f, p, start, WT_SPAN_ENTRY | WT_SPAN_HIJACKED >> 16, false);
		if (!err)
			err = add_code(f, p, start, WT_SPAN_RETURN, true);
	} else {
		err = wt_error(WT_ESAID, "the ends of %s in %s cannot be found, and a return probe would "
			       "break %s; name two places: BEGIN,END", p->name, f->shown,
			       f->go ? "Go's moving stacks" : "exceptions that pass through it");
	}
	free(x);
	return err;
}

/* --- points ------------------------------------------------------------------ */

/* A breakpoint in the middle of an instruction would make another one of it. */
static int check_boundary(struct file *f, __u64 addr, bool must_begin)
{
	struct exits_code code = code_of(f);
	__u64 start, end;
	char name[SYMBOL_MAX_SZ];
	struct elfsym sym;

	if (!elfsyms__is_code(f->es, addr))
		return wt_error(WT_ESAID, "0x%llx is no code in %s", addr, f->shown);
	if (!elfsyms__extent(f->es, addr, &start, &end))
		return wt_error(WT_ESAID, "nothing tells in which function of %s 0x%llx lies: no probe can "
				"be put there safely", f->shown, addr);
	if (addr == start)
		return 0;
	/* functions in assembly may share what unwind tables know as one */
	sym = elfsyms__find(f->es, addr, false, name, sizeof(name));
	if (sym.named && sym.start == addr)
		return 0;
	if (must_begin)
		return wt_error(WT_ESAID, "no function of %s begins at 0x%llx; the one that it lies in begins "
				"at 0x%llx", f->shown, addr, start);
	if (!f->x86_64 || !exits__is_boundary(&code, start, end, addr))
		return wt_error(WT_ESAID, "no instruction of %s begins at 0x%llx: a probe there would change "
				"the program", f->shown, addr);
	return 0;
}

static int add_usdt(struct file *f, struct span_places *p, const struct span_point *pt, __u32 at)
{
	struct usdt_places u;
	int err = usdt__find(&f->img, pt->text, pt->probe, f->shown, &u);

	for (unsigned i = 0; i < u.n && !err; i++) {
		__u64 off = elfsyms__file_off(f->es, u.v[i].addr), sema = 0;

		if (u.v[i].semaphore)
			sema = elfsyms__file_off(f->es, u.v[i].semaphore);
		if (off == UINT64_MAX || sema == UINT64_MAX || !elfsyms__is_code(f->es, u.v[i].addr))
			return wt_error(WT_ESAID, "the probe %s:%s of %s lies outside of it", pt->text,
					pt->probe, f->shown);
		err = add_place(p, off, sema, at, false);
	}
	return err;
}

/* One function, at all of its copies; at 0: from entry to return. */
static int add_named(struct file *f, struct span_places *p, const struct span_point *pt, __u32 at)
{
	struct symbol_places s;
	int err = span_symbol__find(f->es, &f->img, pt->text, f->shown, &s);

	if (!err && !p->name) {
		p->name = s.name;
		s.name = NULL;
	}
	for (unsigned i = 0; i < s.n && !err; i++) {
		__u64 addr = s.v[i].start + pt->offset;

		if (!at) {
			err = add_function(f, p, addr, s.v[i].end);
			continue;
		}
		err = pt->offset ? check_boundary(f, addr, false) : 0;
		if (!err)
			err = add_code(f, p, addr, at, false);
	}
	symbol_places__free(&s);
	return err;
}

static int add_address(struct file *f, struct span_places *p, const struct span_point *pt, __u32 at)
{
	int err = check_boundary(f, pt->offset, !at);

	if (!err && !p->name) {
		p->name = strdup(pt->text);
		err = p->name ? 0 : wt_error(-ENOMEM, "cannot note the places of a span");
	}
	if (err)
		return err;
	return at ? add_code(f, p, pt->offset, at, false) : add_function(f, p, pt->offset, 0);
}

static int add_point(struct file *f, struct span_places *p, const struct span_point *pt, __u32 at)
{
	switch (pt->where) {
	case SPAN_USDT:
		return add_usdt(f, p, pt, at);
	case SPAN_ADDRESS:
		return add_address(f, p, pt, at);
	default:
		return add_named(f, p, pt, at);
	}
}

/* BEGIN and END are one and the same: from one time to the next. */
static bool is_lap(const struct span_spec *s)
{
	const struct span_point *a = &s->begin, *b = &s->end;

	if (!s->has_end)
		return a->where == SPAN_USDT;
	return a->where == b->where && a->offset == b->offset && !strcmp(a->text, b->text) &&
	       (a->where != SPAN_USDT || !strcmp(a->probe, b->probe));
}

static int add_all(struct file *f, struct span_places *p)
{
	const struct span_spec *s = f->spec;
	int err;

	if (!is_lap(s) && !s->has_end)
		return add_point(f, p, &s->begin, 0);
	p->method = SPAN_BY_POINTS;
	if (is_lap(s))
		return add_point(f, p, &s->begin, WT_SPAN_LAP);
	err = add_point(f, p, &s->begin, WT_SPAN_BEGIN);
	return err ? err : add_point(f, p, &s->end, WT_SPAN_END);
}

/* What the file tells of how its stacks are unwound. */
static int look_at(struct file *f)
{
	Elf *elf = elfimg__begin(&f->img);
	GElf_Ehdr eh;
	bool ok = elf && gelf_getehdr(elf, &eh);

	if (ok) {
		f->x86_64 = eh.e_machine == EM_X86_64;
		f->unwinds = elfimg__find_section(elf, ".gcc_except_table");
		f->go = elfimg__find_section(elf, ".gopclntab") ||
			elfimg__find_section(elf, ".go.buildinfo");
		ok = eh.e_ident[EI_CLASS] == ELFCLASS64;
	}
	elf_end(elf);
	return ok ? 0 : wt_error(WT_ESAID, "%s is no 64-bit program or library: it cannot have spans",
				 f->shown);
}

int span_resolve(const struct span_spec *s, bool return_probe, int fd, const char *shown,
		 const char *path, struct span_places *out)
{
	struct file f = { .spec = s, .return_probe = return_probe, .img = { .fd = fd }, .shown = shown };
	int err;

	memset(out, 0, sizeof(*out));
	err = look_at(&f);
	if (err)
		return err;
	err = elfsyms__load(&f.es, &f.img, path);
	if (err)
		return wt_error(err, "cannot read the symbols of %s", shown);
	err = add_all(&f, out);
	elfsyms__free(f.es);
	if (err)
		span_places__free(out);
	return err;
}

void span_places__free(struct span_places *p)
{
	free(p->v);
	free(p->name);
	memset(p, 0, sizeof(*p));
}
