/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "units/form.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A begin that a line states as "… in 12.3 s" is put at a boundary that is this near. */
#define SNAP_NS 3000000ULL
#define SNAP_SHARE 200		/* … or nearer than one part in so many of the unit */
#define MOST_AT_ONCE 1000000	/* a counter that jumps by more is not counted in ones */
#define OPEN_MAX 256		/* units of a process that have begun and not ended */

/* What is known of one pattern's units in one process. */
struct seq {
	struct seq *next;
	const char *pattern;
	__u64 n;			/* units so far */
	__u64 done, total;
	bool has_done;
	__u64 last_ns;			/* the end of the last unit, 0: none yet */
};

struct begun {
	__u64 hash;			/* of its label */
	__u64 ts_ns;
};

/* What is kept with a process. */
struct proc_form {
	struct seq *seqs;
	__u64 boundary_ns;		/* its last boundary */
	struct begun begun[OPEN_MAX];
	unsigned n_begun;
};

void form__free_proc(void *state)
{
	struct proc_form *pf = state;

	while (pf && pf->seqs) {
		struct seq *s = pf->seqs;

		pf->seqs = s->next;
		free(s);
	}
	free(pf);
}

void form__destroy(struct form *f)
{
	free(f->batch);
	free(f->labels);
}

static struct proc_form *form_of(struct uproc *p)
{
	if (!p->form)
		p->form = calloc(1, sizeof(struct proc_form));
	return p->form;
}

static struct seq *seq_of(struct proc_form *pf, const char *pattern)
{
	struct seq *s;

	for (s = pf->seqs; s; s = s->next)
		if (!strcmp(s->pattern, pattern))
			return s;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->pattern = pattern;
	s->next = pf->seqs;
	pf->seqs = s;
	return s;
}

static __u64 label_hash(const char *label, size_t len)
{
	__u64 h = len + 1;

	for (size_t i = 0; i < len; i++)
		h = u64_mix(h ^ (unsigned char)label[i]);
	return h;
}

static void begin(struct proc_form *pf, const struct unit_mark *m)
{
	__u64 hash = label_hash(m->label, m->label_len);

	for (unsigned i = 0; i < pf->n_begun; i++)
		if (pf->begun[i].hash == hash)
			pf->begun[i--] = pf->begun[--pf->n_begun];
	if (pf->n_begun == OPEN_MAX)
		memmove(pf->begun, pf->begun + 1, --pf->n_begun * sizeof(*pf->begun));
	pf->begun[pf->n_begun++] = (struct begun){ hash, m->at->h.ts_ns };
}

/* When the unit of that label began, as the process itself said; 0: it did not. */
static __u64 take_begun(struct proc_form *pf, const struct unit_mark *m)
{
	__u64 hash = label_hash(m->label, m->label_len), ts;

	for (unsigned i = 0; i < pf->n_begun; i++) {
		if (pf->begun[i].hash != hash)
			continue;
		ts = pf->begun[i].ts_ns;
		memmove(pf->begun + i, pf->begun + i + 1, (--pf->n_begun - i) * sizeof(*pf->begun));
		return ts;
	}
	return 0;
}

int form__boundary(struct form *f, struct uproc *p, __u64 ts_ns)
{
	struct proc_form *pf = form_of(p);

	(void)f;
	if (!pf)
		return -ENOMEM;
	pf->boundary_ns = ts_ns;
	return 0;
}

/* Where the unit that ends at `end` began. */
static __u64 begin_of(struct form *f, struct uproc *p, struct proc_form *pf, const struct seq *s,
		      const struct unit_mark *m, __u64 end)
{
	__u64 begun = take_begun(pf, m), from, near, reach;

	if (m->elapsed_ns && m->elapsed_ns < end) {
		from = end - m->elapsed_ns;
		near = epochs__nearest(f->epochs, p, from);
		reach = m->elapsed_ns / SNAP_SHARE > SNAP_NS ? m->elapsed_ns / SNAP_SHARE : SNAP_NS;
		if (near && near < end && (near > from ? near - from : from - near) <= reach)
			from = near;
		return from;
	}
	if (begun)
		return begun;
	return s->last_ns ? s->last_ns : pf->boundary_ns ? pf->boundary_ns : end;
}

/* How many units that line tells of: 0, none that we know the beginning of. */
static __u64 units_of(const struct seq *s, const struct unit_mark *m, bool seeded)
{
	__u64 n;

	/* the first of a process that was there before: it began we do not know when */
	if (seeded && !s->last_ns && !m->elapsed_ns)
		return 0;
	if (!m->has_done)
		return 1;
	if (s->has_done && m->done >= s->done)
		n = m->done - s->done;
	else
		n = m->done;		/* it began anew, or with the recording */
	return n > MOST_AT_ONCE ? 1 : n;
}

static int add_row(struct form *f, struct uproc *p, struct seq *s, const struct unit_mark *m,
		   __u64 from, __u64 to, __u64 n)
{
	char number[32];
	struct unit_row row = {
		.kind = UNIT_LINE,
		.pattern = m->pattern,
		.job = m->at->job,
		.cgroup = m->at->cgroup,
		.tgid = m->at->tgid,
		.n = n,
		.seq = s->n + 1,
		.done = m->has_done ? m->done : ~0ULL,
		.total = m->has_total ? m->total : ~0ULL,
		.start_ns = from,
		.end_ns = to,
		.batched = n > f->n_batch ? n : f->n_batch,
		.failed = m->failed,
	};
	char label[256];
	__u32 i;
	int err;

	memcpy(row.comm, m->at->comm, WT_COMM_LEN);
	row.comm[WT_COMM_LEN - 1] = 0;
	snprintf(label, sizeof(label), "%.*s", (int)(m->label ? m->label_len : 0), m->label ? m->label : "");
	snprintf(number, sizeof(number), "%llu", m->has_done ? m->done : s->n + n);
	row.label = m->label ? label : number;
	i = rows__add(f->rows, &row);
	if (!i)
		return -ENOMEM;
	err = epochs__claim(f->epochs, p, from, to, i);
	if (!err && m->remaining_ns != ~0ULL && f->sink.estimate)
		err = f->sink.estimate(f->sink.ctx, &rows__at(f->rows, i)->row, m->remaining_ns);
	return err;
}

/* The i-th of n units that the write at hand tells of: they share the time since the last. */
static int end_unit(struct form *f, struct uproc *p, struct proc_form *pf,
		    const struct unit_mark *m, unsigned i)
{
	struct seq *s = seq_of(pf, m->pattern);
	__u64 from, to, end = m->at->h.ts_ns, n;
	int err = 0;

	if (!s)
		return -ENOMEM;
	n = units_of(s, m, !p->born);
	from = begin_of(f, p, pf, s, m, end);
	to = end;
	/* what is left of the time, divided by the marks that are left */
	if (f->n_batch > 1 && !m->elapsed_ns && from < end)
		to = from + (end - from) / (f->n_batch - i);
	if (n)
		err = add_row(f, p, s, m, from, to, n);
	s->n += n;
	s->has_done |= m->has_done;
	s->done = m->done;
	s->total = m->total;
	s->last_ns = to;
	return err;
}

int form__flush(struct form *f)
{
	struct uproc *p;
	struct proc_form *pf;
	int err = 0;

	if (!f->n_batch)
		return 0;
	p = epochs__find_proc(f->epochs, f->batch_at.image);
	pf = p ? form_of(p) : NULL;
	if (p && !pf)
		return -ENOMEM;
	for (unsigned i = 0; p && i < f->n_batch && !err; i++) {
		f->batch[i].at = &f->batch_at;
		err = end_unit(f, p, pf, &f->batch[i], i);
	}
	if (p)
		epochs__decided(p, f->batch_at.h.ts_ns);
	f->n_batch = 0;
	f->labels_len = 0;
	return err;
}

/* The mark's label is copied: what it was read from goes on. */
static int keep_label(struct form *f, struct unit_mark *m)
{
	if (!m->label)
		return 0;
	if (f->labels_len + m->label_len > f->labels_cap) {
		size_t cap = 2 * f->labels_cap + m->label_len + 4096;
		char *labels = malloc(cap);

		if (!labels)
			return -ENOMEM;
		if (f->labels_len)
			memcpy(labels, f->labels, f->labels_len);
		for (unsigned i = 0; i < f->n_batch; i++)
			if (f->batch[i].label)
				f->batch[i].label = labels + (f->batch[i].label - f->labels);
		free(f->labels);
		f->labels = labels;
		f->labels_cap = cap;
	}
	memcpy(f->labels + f->labels_len, m->label, m->label_len);
	m->label = f->labels + f->labels_len;
	f->labels_len += m->label_len;
	return 0;
}

int form__mark(struct form *f, const struct unit_mark *m)
{
	struct uproc *p = epochs__find_proc(f->epochs, m->at->image);
	struct proc_form *pf = p ? form_of(p) : NULL;
	struct unit_mark copy = *m;
	int err = 0;

	if (!pf)
		return p ? -ENOMEM : 0;
	if (m->begin) {
		err = form__flush(f);
		begin(pf, m);
		return err;
	}
	if (f->n_batch && (f->batch_at.image != m->at->image ||
			   f->batch_at.h.ts_ns != m->at->h.ts_ns))
		err = form__flush(f);
	if (!err && f->n_batch == f->cap_batch) {
		unsigned cap = f->cap_batch ? 2 * f->cap_batch : 64;
		struct unit_mark *v = reallocarray(f->batch, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		f->batch = v;
		f->cap_batch = cap;
	}
	if (!err)
		err = keep_label(f, &copy);
	if (err)
		return err;
	f->batch_at = *m->at;
	f->batch[f->n_batch++] = copy;
	return 0;
}
