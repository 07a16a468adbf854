// SPDX-License-Identifier: GPL-2.0-or-later
#include "unwind/cfi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "unwind/cfi_impl.h"

#define MAX_RULES 32768		/* as many as the kernel side has room for */
#define CHECK_TIME 64		/* rows between looks at the clock */

static const struct cfi_limits defaults = {
	.rows = 4u << 20,
	.fdes = 512u << 10,
	.section = 64u << 20,
	.program = 256u << 10,
	.cpu_ns = 5000000000ULL,
};

/* A table in the making. */
struct build {
	struct cfi_table *t;
	__u32 cap_rows, cap_rules;
	__u32 max_rows;
	__u32 *hash;		/* rule number + 1, open addressing; 0: free */
	__u32 hash_sz;		/* a power of two, at least twice cap_rules */
};

__u64 cfi__cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static __u32 *rule_slot(struct build *b, const struct wt_rule *r)
{
	__u64 h = ((__u64)(__u32)r->cfa_off << 32 | ((__u32)r->fp_off ^ (__u32)r->bx_off << 16)) ^
		  (r->cfa | r->fp << 8 | r->ra << 16 | (__u32)r->cfa_add << 24) * 0x9e3779b97f4a7c15ULL;
	__u32 i;

	h *= 0x9e3779b97f4a7c15ULL;
	for (i = h >> 40;; i++) {
		__u32 *slot = &b->hash[i & (b->hash_sz - 1)];

		if (!*slot || !memcmp(&b->t->rules[*slot - 1], r, sizeof(*r)))
			return slot;
	}
}

static int grow_rules(struct build *b)
{
	__u32 cap = b->cap_rules ? b->cap_rules * 2 : 256;
	struct wt_rule *rules;

	if (b->t->n_rules >= MAX_RULES)
		return -E2BIG;
	rules = realloc(b->t->rules, cap * sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	b->t->rules = rules;
	b->cap_rules = cap;
	free(b->hash);
	b->hash_sz = cap * 2;
	b->hash = calloc(b->hash_sz, sizeof(*b->hash));
	if (!b->hash)
		return -ENOMEM;
	for (__u32 i = 0; i < b->t->n_rules; i++)
		*rule_slot(b, &rules[i]) = i + 1;
	return 0;
}

/* Its number among the table's rules, or a negative errno. */
static int rule_number(struct build *b, const struct wt_rule *r)
{
	__u32 *slot;
	int err;

	if (b->t->n_rules == b->cap_rules) {
		err = grow_rules(b);
		if (err)
			return err;
	}
	slot = rule_slot(b, r);
	if (!*slot) {
		b->t->rules[b->t->n_rules++] = *r;
		*slot = b->t->n_rules;
	}
	return *slot - 1;
}

/* From off on that rule holds; offsets come in order. */
static int add_row(struct build *b, __u32 off, const struct wt_rule *r)
{
	struct cfi_table *t = b->t;
	int rule = rule_number(b, r);

	if (rule < 0)
		return rule;
	/* the row before ended where it began, or says the same */
	if (t->n_rows && t->rows[t->n_rows - 1].off == off)
		t->n_rows--;
	if (t->n_rows ? t->rows[t->n_rows - 1].rule == (__u32)rule : r->cfa == WT_CFA_NONE)
		return 0;
	if (t->n_rows == b->max_rows)
		return -E2BIG;
	if (t->n_rows == b->cap_rows) {
		__u32 cap = b->cap_rows ? b->cap_rows * 2 : 4096;
		struct wt_row *rows = realloc(t->rows, (size_t)cap * sizeof(*rows));

		if (!rows)
			return -ENOMEM;
		t->rows = rows;
		b->cap_rows = cap;
	}
	t->rows[t->n_rows++] = (struct wt_row){ .off = off, .rule = rule };
	return 0;
}

static int by_place(const void *a, const void *b)
{
	const struct cfi_range *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/*
 * Cuts the ranges so that none lies over another: what we know better and what
 * .eh_frame covers is their own, else the one that starts first is left alone.  Both only matter to files
 * that have .debug_frame as well, and to damaged ones.
 */
static void disentangle(struct cfi_source *src)
{
	struct cfi_range *r = src->range, *last = NULL;
	__u32 n = 0;

	for (__u32 i = 0; i < src->n_range; i++) {
		struct cfi_range cur = r[i];

		if (last && cur.start < last->end) {
			if ((cur.fixed || (cur.eh && !last->eh)) && cur.start > last->start) {
				last->end = cur.start;
			} else if (cur.fixed && !last->fixed) {
				n--;
			} else {
				__u32 cut = last->end - cur.start;

				if (last->end >= cur.end)
					continue;
				cur.start += cut;
				cur.vaddr += cut;
				cur.code = NULL;
			}
		}
		last = &r[n++];
		*last = cur;
	}
	src->n_range = n;
}

static int must_stop(const struct cfi_source *src)
{
	if (src->lim.cancel && __atomic_load_n(src->lim.cancel, __ATOMIC_RELAXED))
		return -ECANCELED;
	return cfi__cpu_ns() > src->deadline ? -ETIME : 0;
}

/* libdw's answer holds from one address to another. */
static int libdw_rows(struct cfi_source *src, struct build *b, const struct cfi_range *r, __u32 *turn)
{
	Dwarf_CFI *cfi = r->eh ? src->eh.cfi : src->debug.cfi;
	static const struct wt_rule bad = { .cfa = WT_CFA_BAD };
	__u32 at = r->start;

	while (at < r->end) {
		__u64 pc = r->vaddr + (at - r->start);
		Dwarf_Addr from, to = 0;
		Dwarf_Frame *f;
		struct wt_rule rule = bad;
		bool signal;
		int err;

		err = ++*turn % CHECK_TIME ? 0 : must_stop(src);
		if (err)
			return err;
		if (!r->bad && !dwarf_cfi_addrframe(cfi, pc, &f)) {
			rule = cfi__rule(f);
			dwarf_frame_info(f, &from, &to, &signal);
			free(f);
		}
		err = add_row(b, at, &rule);
		if (err)
			return err;
		if (rule.cfa != WT_CFA_BAD)
			b->t->covered += (to > pc && to - pc < r->end - at) ? to - pc : r->end - at;
		if (to <= pc || to - pc >= r->end - at)
			break;
		at += to - pc;
	}
	return 0;
}

struct executed {
	struct cfi_source *src;
	struct build *b;
	__u32 *turn;
};

static int executed_row(void *ctx, __u32 off, __u32 size, const struct wt_rule *rule)
{
	struct executed *x = ctx;
	int err = ++*x->turn % CHECK_TIME ? 0 : must_stop(x->src);

	if (err)
		return err;
	if (rule->cfa != WT_CFA_BAD)
		x->b->t->covered += size;
	return add_row(x->b, off, rule);
}

/* As far as cfi__execute() goes; 1, and as it was: not at all. */
static int executed_rows(struct cfi_source *src, struct build *b, const struct cfi_range *r, __u32 *turn)
{
	struct executed x = { .src = src, .b = b, .turn = turn };
	struct cfi_table *t = b->t, was = *t;
	struct wt_row last = t->n_rows ? t->rows[t->n_rows - 1] : (struct wt_row){ 0 };
	const struct cfi_section *sec = r->eh ? &src->eh : &src->debug;
	int err = r->code ? cfi__execute(&sec->cie[r->cie], r, executed_row, &x) : 1;

	if (err > 0) {
		t->n_rows = was.n_rows;
		t->covered = was.covered;
		if (t->n_rows)
			t->rows[t->n_rows - 1] = last;
	}
	return err;
}

/* The rows of one range. */
static int range_rows(struct cfi_source *src, struct build *b, const struct cfi_range *r, __u32 *turn)
{
	int err;

	if (r->fixed)
		return add_row(b, r->start, &src->fixed[r->fixed - 1]);
	if (r->down) {
		b->t->covered += r->end - r->start;
		return add_row(b, r->start, &(struct wt_rule){ .cfa = WT_CFA_SP, .cfa_off = r->sp_down + 8 });
	}
	err = executed_rows(src, b, r, turn);
	if (err > 0)
		err = libdw_rows(src, b, r, turn);
	if (!err)
		b->t->fdes++;
	return err;
}

static int make_rows(struct cfi_source *src, struct build *b)
{
	static const struct wt_rule none = { .cfa = WT_CFA_NONE };
	__u32 turn = 0;
	int err = 0;

	if (!src->n_range)
		return 0;
	qsort(src->range, src->n_range, sizeof(*src->range), by_place);
	disentangle(src);
	for (__u32 i = 0; !err && i < src->n_range; i++) {
		const struct cfi_range *r = &src->range[i];

		err = range_rows(src, b, r, &turn);
		if (!err && (i + 1 == src->n_range || r[1].start != r->end))
			err = add_row(b, r->end, &none);
	}
	return err;
}

static void count(struct cfi_source *src, struct cfi_table *t)
{
	for (__u32 i = 0; i < t->n_rows; i++)
		t->bad_rows += t->rules[t->rows[i].rule].cfa == WT_CFA_BAD;
	for (unsigned i = 0; i < src->n_seg; i++)
		t->code += src->seg[i].size;
	t->bad_fdes = src->bad_fdes;
	t->bytes = t->n_rows * sizeof(*t->rows) + t->n_rules * sizeof(*t->rules);
	if (cfi__keeps_fp(src, t))
		t->flags |= WT_OBJ_FP;
}

static int fill(struct cfi_source *src, struct build *b)
{
	static const struct wt_rule none = { .cfa = WT_CFA_NONE };
	int err;

	err = rule_number(b, &none);
	if (!err)
		err = cfi__open(src);
	if (!err)
		err = cfi__entries(src, &src->eh);
	if (!err)
		err = cfi__entries(src, &src->debug);
	if (!err)
		err = cfi__start(src);
	if (!err && src->eh.image)
		err = cfi__begin(&src->eh);
	if (!err && src->debug.image)
		err = cfi__begin(&src->debug);
	if (!err)
		err = make_rows(src, b);
	if (!err)
		count(src, b->t);
	return err;
}

static void set_limits(struct cfi_limits *l, const struct cfi_limits *given)
{
	*l = given ? *given : defaults;
	if (!l->rows)
		l->rows = defaults.rows;
	if (!l->fdes)
		l->fdes = defaults.fdes;
	if (!l->section)
		l->section = defaults.section;
	if (!l->program)
		l->program = defaults.program;
	if (!l->cpu_ns)
		l->cpu_ns = defaults.cpu_ns;
}

static int compile(const struct elfimg *img, const struct cfi_limits *limits,
		   struct cfi_table **out)
{
	struct cfi_source src = { .img = *img };
	struct build b = { 0 };
	__u64 begin = cfi__cpu_ns();
	int err = -ENOMEM;

	*out = NULL;
	set_limits(&src.lim, limits);
	src.deadline = begin + src.lim.cpu_ns;
	b.max_rows = src.lim.rows;
	b.t = calloc(1, sizeof(*b.t));
	if (b.t)
		err = fill(&src, &b);
	cfi__close(&src);
	free(b.hash);
	if (err) {
		cfi__free(b.t);
		return err;
	}
	b.t->cpu_ns = cfi__cpu_ns() - begin;
	*out = b.t;
	return 0;
}

int cfi__compile(int fd, const struct cfi_limits *limits, struct cfi_table **out)
{
	const struct elfimg img = { .fd = fd };

	return compile(&img, limits, out);
}

int cfi__compile_image(const void *image, size_t size, const struct cfi_limits *limits,
		       struct cfi_table **out)
{
	const struct elfimg img = { .fd = -1, .mem = image, .size = size };

	return compile(&img, limits, out);
}

void cfi__free(struct cfi_table *t)
{
	if (!t)
		return;
	free(t->rows);
	free(t->rules);
	free(t);
}

const struct wt_rule *cfi__lookup(const struct cfi_table *t, __u64 off)
{
	__u32 lo = 0, hi = t->n_rows, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (t->rows[mid].off > off)
			hi = mid;
		else
			lo = mid + 1;
	}
	return &t->rules[lo ? t->rows[lo - 1].rule : 0];
}
