/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "spans/exits.h"

#include <stdlib.h>
#include <string.h>

#include "spans/x86.h"

#define MAX_FUNCTION (4U << 20)		/* bytes of code; more is no function */
#define TABLE_WINDOW 8			/* instructions between the load of a table's offset and the jump */

struct piece {
	__u64 start, end;
};

struct work {
	const struct exits_code *c;
	struct exits *out;
	struct piece piece[EXITS_PIECES];
	unsigned n;
};

/* One piece of code, read and cut into instructions. */
struct sweep {
	__u64 start;
	unsigned size;
	__u8 *code;
	__u8 *begins;		/* a byte each: an instruction begins there */
	__u8 *target;		/* … something jumps there */
};

static void sweep_free(struct sweep *s)
{
	free(s->code);
	free(s->begins);
	free(s->target);
	memset(s, 0, sizeof(*s));
}

static int sweep_read(struct sweep *s, const struct exits_code *c, __u64 start, __u64 end)
{
	memset(s, 0, sizeof(*s));
	if (end <= start || end - start > MAX_FUNCTION)
		return -1;
	s->start = start;
	s->size = end - start;
	s->code = malloc(s->size);
	s->begins = calloc(1, s->size);
	s->target = calloc(1, s->size);
	if (s->code && s->begins && s->target && c->read(c->ctx, start, s->code, s->size) == s->size)
		return 0;
	sweep_free(s);
	return -1;
}

static bool inside(const struct work *w, __u64 addr)
{
	for (unsigned i = 0; i < w->n; i++)
		if (addr >= w->piece[i].start && addr < w->piece[i].end)
			return true;
	return false;
}

static int add_leave(struct work *w, __u64 addr)
{
	if (w->out->n_leave == EXITS_MAX)
		return -1;
	w->out->leave[w->out->n_leave++] = addr;
	return 0;
}

/* A jump out of what is known: into another piece of the function, or a function it ends in. */
static int follow(struct work *w, __u64 from, __u64 target)
{
	struct piece p;

	if (inside(w, target))
		return 0;
	if (!w->c->function(w->c->ctx, target, &p.start, &p.end))
		return add_leave(w, from);
	if (w->n == EXITS_PIECES)
		return -1;
	w->piece[w->n++] = p;
	w->out->pieces++;
	return 0;
}

/* A jump to what a register holds: by a table of offsets, as a switch makes it, or to a function. */
static bool by_table(const struct x86_insn *i, unsigned since_load, unsigned since_add)
{
	if (i->kind == X86_JUMP_TABLE)
		return true;
	if (i->kind == X86_JUMP_MEM)
		return false;
	return i->notrack || (since_load <= TABLE_WINDOW && since_add <= TABLE_WINDOW);
}

static int one_insn(struct work *w, struct sweep *s, unsigned off, const struct x86_insn *i,
		    unsigned since_load, unsigned since_add)
{
	__u64 addr = s->start + off, target = addr + i->len + i->rel;

	switch (i->kind) {
	case X86_RET:
		if (w->out->n_ret == EXITS_MAX)
			return -1;
		w->out->ret[w->out->n_ret++] = addr;
		return 0;
	case X86_JUMP:
	case X86_BRANCH:
		if (target >= s->start && target - s->start < s->size) {
			s->target[target - s->start] = 1;
			return 0;
		}
		return follow(w, addr, target);
	case X86_JUMP_REG:
	case X86_JUMP_TABLE:
	case X86_JUMP_MEM:
		return by_table(i, since_load, since_add) ? 0 : add_leave(w, addr);
	default:
		return 0;
	}
}

/* Cuts into instructions; w NULL: only that.  -1: not all of it is code as we know it. */
static int sweep(struct work *w, struct sweep *s)
{
	unsigned since_load = ~0U / 2, since_add = ~0U / 2;
	struct x86_insn i;

	for (unsigned off = 0; off < s->size; off += i.len) {
		if (x86__decode(s->code + off, s->size - off, &i))
			return -1;
		s->begins[off] = 1;
		since_load = i.kind == X86_LOAD_INDEXED ? 0 : since_load + 1;
		since_add = i.kind == X86_ADD_REG ? 0 : since_add + 1;
		if (w && one_insn(w, s, off, &i, since_load, since_add))
			return -1;
	}
	/* data between the code would have led the cuts astray, and jumps between them */
	for (unsigned off = 0; off < s->size; off++)
		if (s->target[off] && !s->begins[off])
			return -1;
	return 0;
}

int exits__find(const struct exits_code *c, __u64 start, __u64 end, struct exits *out)
{
	struct work w = { .c = c, .out = out, .piece = { { start, end } }, .n = 1 };
	int err = 0;

	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < w.n && !err; i++) {
		struct sweep s;

		err = sweep_read(&s, c, w.piece[i].start, w.piece[i].end);
		if (!err)
			err = sweep(&w, &s);
		sweep_free(&s);
		if (!i)
			out->own_ret = out->n_ret;
	}
	return err;
}

bool exits__is_boundary(const struct exits_code *c, __u64 start, __u64 end, __u64 addr)
{
	struct sweep s;
	bool is = false;

	if (addr == start)
		return true;
	if (addr > start && addr < end && !sweep_read(&s, c, start, end)) {
		if (!sweep(NULL, &s))
			is = s.begins[addr - start];
		sweep_free(&s);
	}
	return is;
}
