/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "units/form_impl.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "units/redact.h"

/* A begin that a line states as "… in 12.3 s" is put at a boundary that is this near. */
#define SNAP_NS 3000000ULL
#define SNAP_SHARE 200		/* … or nearer than one part in so many of the unit */
/*
 * A worker of a pool says that it takes a unit up before it looks at the clock, and at its
 * end looks at the clock before it writes: if it loses the CPU in between, the begin seems later.
 */
#define TAKEN_UP_NS 10000000ULL
#define OVERTAKING 8		/* the first of a pool to be done is one of those */
#define MOST_AT_ONCE 1000000	/* a counter that jumps by more is not counted in ones */
#define ONE_MS 1000000ULL

void form__free_proc(void *state)
{
	struct proc_form *pf = state;

	while (pf && pf->seqs) {
		struct seq *s = pf->seqs;

		pf->seqs = s->next;
		free(s->by);
		free(s->opens);
		free(s->held);
		free(s);
	}
	for (unsigned i = 0; pf && i < pf->n_begun; i++)
		parts__free(&pf->begun[i].parts);
	free(pf);
}

void form__destroy(struct form *f)
{
	free(f->marks);
	free(f->labels);
	free(f->waiting);
	free(f->seen);
	shared__free(f->shared);
}

static struct proc_form *form_of(struct uproc *p)
{
	if (!p->form)
		p->form = calloc(1, sizeof(struct proc_form));
	return p->form;
}

static struct seq *find_seq(struct proc_form *pf, const struct unit_mark *m, __u32 thread)
{
	for (struct seq *s = pf->seqs; s; s = s->next)
		if (s->series == m->series && s->thread == thread && !strcmp(s->pattern, m->pattern))
			return s;
	return NULL;
}

static struct seq *add_seq(struct proc_form *pf, const struct unit_mark *m, __u32 thread)
{
	struct seq *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->pattern = m->pattern;
	s->series = m->series;
	s->thread = thread;
	s->scale = 1;
	s->next = pf->seqs;
	pf->seqs = s;
	return s;
}

/* The thread's own counter; what it had said when that was found out, and what of it was counted, is in `all`. */
static struct seq *add_own_seq(struct uproc *p, const struct seq *all, const struct unit_mark *m)
{
	struct seq *s = add_seq(p->form, m, m->thread);
	const struct said_by *b = NULL;
	__u64 missing;

	if (!s)
		return NULL;
	s->scale = all->scale;
	s->step = all->step;
	for (unsigned i = 0; i < all->n_by; i++)
		if (all->by[i].thread == m->thread)
			b = &all->by[i];
	/* the first to speak goes on with what was the process's counter; no process has such a number */
	s->source = b && b == all->by ? 0 : m->thread | 1U << 31;
	if (!b || !b->settled)
		return s;
	missing = b->settled > b->counted ? b->settled - b->counted : 0;
	s->done = b->settled - (missing < OVERTAKING ? missing : 0);
	s->first = 1;
	s->has_done = true;
	s->last_ns = b->begun_ns;
	return s;
}

struct seq *form__seq_of(struct uproc *p, const struct unit_mark *m)
{
	struct proc_form *pf = form_of(p);
	struct seq *s = pf ? find_seq(pf, m, 0) : NULL, *own;

	if (!pf)
		return NULL;
	if (!s)
		return add_seq(pf, m, 0);
	if (!s->by_thread || !m->has_done || !m->thread)
		return s;
	own = find_seq(pf, m, m->thread);
	return own ? own : add_own_seq(p, s, m);
}

/* Where a unit of a pool's worker that seems to begin at `from` was taken up; 0: not known. */
static __u64 taken_up(struct form *f, struct uproc *p, const struct seq *s, const struct unit_mark *m, __u64 from)
{
	__u64 at = m->handed && !form__taken_in(f, m) ? epochs__silent(f->epochs, p, from) : 0;

	return at > s->last_ns && from - at <= TAKEN_UP_NS ? at : 0;
}

/* Where the unit that ends at `end` began; begun: 0, or where that was said. */
static __u64 begin_of(struct form *f, struct uproc *p, const struct seq *s, const struct unit_mark *m,
		      __u64 begun, __u64 end)
{
	__u64 from, near, reach;

	if (m->elapsed_ns && m->elapsed_ns < end) {
		from = end - m->elapsed_ns;
		near = taken_up(f, p, s, m, from);
		if (near)
			return near;
		near = epochs__nearest(f->epochs, p, from);
		reach = m->elapsed_ns / SNAP_SHARE > SNAP_NS ? m->elapsed_ns / SNAP_SHARE : SNAP_NS;
		if (near && near < end && (near > from ? near - from : from - near) <= reach)
			from = near;
		return from;
	}
	if (begun)
		return begun;
	from = m->handed ? form__taken_in(f, m) : 0;
	if (from) {
		/* a pool of threads: not before its thread's last one was over */
		near = epochs__thread_end(p, m->thread);
		return near > from ? near : from;
	}
	if (m->handed) {
		from = epochs__after(f->epochs, p, s->last_ns);
		if (from && from < end)
			return from;
		/* taken up right behind the last one: that needed no boundary of its own */
	}
	if (s->last_ns)
		return s->last_ns < end ? s->last_ns : end;
	/* what a thread said first is no other's end */
	if (s->thread && p->since_ns && p->since_ns < end)
		return p->since_ns;
	/* the first: from the last thing that the process did before its line */
	from = epochs__before(f->epochs, p, end);
	return from ? from : end;
}

/* Whether other processes move its counter on, too: then n of it are new, and source told of it first. */
static bool is_shared(struct form *f, const struct uproc *p, const struct seq *s, const struct unit_mark *m,
		      __u64 *n, __u32 *source)
{
	__u64 total = m->has_total ? m->total : 0;
	struct shared_line l = {
		.counter = u64_mix(u64_mix(form__label_hash(m->pattern, strlen(m->pattern)) ^ m->sink) ^ p->job) ^ total,
		.image = m->image, .tgid = p->tgid, .ts_ns = m->ts_ns, .done = m->done, .total = total,
	};

	/* of one that counts down, each process has its own idea of where it began */
	return m->has_done && !s->from && !s->thread && shared__tell(&f->shared, &l, n, source);
}

#define SAID 64			/* numbers below the highest that are remembered */

/*
 * Threads that overtake each other: a number that was left out a moment ago, of a counter that
 * leaves out fewer than it says.  Then the line ahead of this one told of it as well.
 */
static bool comes_late(struct seq *s, const struct unit_mark *m)
{
	__u64 back = s->done - m->done, span = s->done - s->first + 1;

	if (!m->has_done || !s->has_done || m->done >= s->done || m->done < s->first || back >= SAID ||
	    s->said >> back & 1 || (m->has_total && s->done == m->total && m->done <= m->total / 2))
		return false;
	if (2 * (__u64)(__builtin_popcountll(s->said) + 1) < (span < SAID ? span : SAID))
		return false;
	s->said |= 1ULL << back;
	return true;
}

static void note_done(struct seq *s, const struct unit_mark *m)
{
	__u64 step = m->done - s->done;

	if (!m->has_done)
		return;
	if (!s->has_done || m->done < s->done) {
		s->first = m->done < OVERTAKING ? 1 : m->done;
		s->said = 1;
	} else {
		s->said = (step < SAID ? s->said << step : 0) | 1;
	}
	s->done = m->done;
	s->has_done = true;
}

/* How many units that line tells of: 0, none that we know the beginning of. */
static __u64 units_of(const struct seq *s, const struct unit_mark *m, bool seeded, __u64 begun, bool late)
{
	__u64 n;

	/* the first of a process that was there before: it began we do not know when */
	if (seeded && !s->last_ns && !m->elapsed_ns && !begun)
		return 0;
	if (!m->has_done)
		return 1;
	if (late)		/* of one that tells its own time, there is that, too */
		return m->elapsed_ns || begun;
	if (s->has_done && m->done >= s->done)
		n = m->done - s->done;
	else if (seeded && !s->last_ns)
		n = 1;			/* its own time is told; those before it were before the recording */
	else	/* it began anew, or with the recording; or where an earlier run left off */
		n = form__resumes(s, m->done) ? s->step : m->done;
	return n > MOST_AT_ONCE ? 1 : n;
}

static int claim_parts(struct form *f, struct uproc *p, const struct parts *parts, __u32 row, __u32 thread)
{
	int err = 0;

	for (unsigned i = 0; i < parts->n && !err; i++)
		err = epochs__claim_part(f->epochs, p, parts->v[i].from_ns, parts->v[i].to_ns, row, thread,
					 i == parts->n - 1);
	return err;
}

/*
 * Units that overlap in one thread (coroutines, greenlets), or in a process of which no thread
 * is known: whose the time is, is a guess (form__end_turn()), or it goes to the one that ended first; all say so.
 * rough: when it began is said in a figure that may be a round one.
 */
static void mark_overlaps(struct form *f, struct seq *s, struct recent n, bool rough)
{
	struct unit_item *mine = rows__at(f->rows, n.row);

	for (unsigned i = 0; i < RECENT && i < s->n_recent; i++) {
		const struct recent *r = &s->recent[i];
		struct unit_item *other = rows__at(f->rows, r->row);
		__u64 from = r->from_ns > n.from_ns ? r->from_ns : n.from_ns, to = r->to_ns < n.to_ns ? r->to_ns : n.to_ns;
		__u64 mine_ns = n.to_ns - n.from_ns, its_ns = r->to_ns - r->from_ns;
		__u64 slack = rough ? (mine_ns < its_ns ? mine_ns : its_ns) / 4 : 0;

		if (r->thread != n.thread || from + slack + ONE_MS >= to || !other || other->folded)
			continue;
		mine->row.batched++;
		other->row.batched++;
		mine->row.overlaps = other->row.overlaps = true;
	}
	s->recent[s->n_recent++ % RECENT] = n;
}

int form__add_row(struct form *f, struct uproc *p, struct seq *s, const struct unit_mark *m, __u64 from, __u64 to,
		  __u64 n, unsigned batch, __u32 thread, const struct parts *parts, __u32 source)
{
	char number[32];
	struct unit_row row = {
		.kind = UNIT_LINE,
		.pattern = m->pattern,
		.job = p->job,
		.cgroup = p->cgroup,
		.tgid = p->tgid,
		.source = source,
		.n = n,
		.seq = s->n + 1,
		.done = m->has_done ? m->done : ~0ULL,
		.total = m->has_total ? m->total : ~0ULL,
		.start_ns = from,
		.end_ns = to,
		.batched = n > batch ? n : batch,
		.failed = m->failed,
		.queued_ns = form__take_waiting(f, m, from),
		.has_extra = true,
	};
	char label[256];
	__u32 i;
	int err;

	memcpy(row.comm, p->comm, WT_COMM_LEN);
	redact__text(label, sizeof(label), m->label ? m->label : "", m->label ? m->label_len : 0);
	snprintf(number, sizeof(number), "%llu", m->has_done ? m->done : s->n + n);
	row.label = m->label ? label : number;
	i = rows__add(f->rows, &row);
	if (!i)
		return -ENOMEM;
	if (n == 1 && batch == 1 && !m->paired)
		mark_overlaps(f, s, (struct recent){ from, to, i, thread }, m->elapsed_ns != 0);
	err = parts ? claim_parts(f, p, parts, i, thread) :
				      epochs__claim(f->epochs, p, from, to, i, thread);
	if (!err && m->remaining_ns != ~0ULL && f->sink.estimate)
		err = f->sink.estimate(f->sink.ctx, &rows__at(f->rows, i)->row, m->remaining_ns);
	return err;
}

/*
 * The first unit of another round: its time is right also when it is the time of all.  One that a
 * thread comes late with began, by that, before others had ended.
 */
static bool is_first_again(const struct seq *s, const struct unit_mark *m)
{
	return m->has_done && m->done < s->done &&
	       m->ts_ns + s->told.precision_ns + TAKEN_UP_NS >= s->last_ns + m->elapsed_ns;
}

/* So many units were told of by that line, of a counter of which threads may turn out to have one each. */
static void note_settled(struct seq *s, const struct unit_mark *m, __u64 n, __u64 to)
{
	for (unsigned i = 0; i < s->n_by && m->has_done; i++) {
		struct said_by *b = &s->by[i];

		if (b->thread != m->thread)
			continue;
		b->counted += n;
		b->settled = m->done;
		b->begun_ns = to;
	}
}

/* One of the units that a write told of, with so many others to come: they share the time. */
static int end_unit(struct form *f, struct uproc *p, struct proc_form *pf,
		    struct unit_mark *m, unsigned to_come, unsigned batch)
{
	struct seq *s = form__seq_of(p, m);
	__u64 from, to, end = m->ts_ns, n, moved;
	struct begun begun = {};
	__u32 source = 0;
	bool turns = false, late;
	/* whoever is handed its units says itself that they are over */
	bool own = m->handed && (m->elapsed_ns || form__taken_in(f, m));
	int err = 0;

	if (!s)
		return -ENOMEM;
	own |= s->thread != 0;
	source = s->source;
	if (s->told.of_all && (s->last_ns || !p->born) && !is_first_again(s, m))
		m->elapsed_ns = 0;
	if (form__take_begun(pf, m, &begun)) {
		/* begun and ended by one thread: it is that one's unit, whatever others do meanwhile */
		own = begun.thread == m->thread;
		m->failed |= begun.failed;
		begun.seq->ends = true;		/* this pattern tells of ends, that one of begins */
		begun.seq->n_held = 0;		/* … and these are still at work, or have no end */
		if (own && m->thread && !m->paired)
			err = form__end_turn(pf, m, &begun);
		turns = own && begun.seq->switches && !m->paired;
	}
	/* it began before the recording */
	if (m->paired && !begun.ts_ns)
		return 0;
	if (m->paired) {
		err = parts__pause(&begun.parts, end);
		batch = 1 + begun.parts.beside;
	}
	late = comes_late(s, m);
	n = units_of(s, m, !p->born, begun.ts_ns, late);
	if (is_shared(f, p, s, m, &moved, &source)) {
		/* another process's line, ahead of this one, told of it as well: its time is the next one's */
		if (!moved) {
			parts__free(&begun.parts);
			return err;
		}
		n = !n || moved > MOST_AT_ONCE ? !!n : moved;
	} else if (late && !n) {
		parts__free(&begun.parts);
		return err;
	}
	from = turns ? begun.ts_ns : begin_of(f, p, s, m, begun.ts_ns, end);
	to = end;
	if (to_come && !m->elapsed_ns && from < end && !own)
		to = from + (end - from) / (to_come + 1);
	if (n && !err)
		err = form__add_row(f, p, s, m, from, to, n, batch, own ? m->thread : 0,
			      turns || (m->paired && begun.parts.n > 1) ? &begun.parts : NULL, source);
	parts__free(&begun.parts);
	note_settled(s, m, n, to);
	s->n += n;
	s->ends = true;
	if (!late)
		note_done(s, m);
	s->total = m->total;
	if (s->longest_ns < to - from)
		s->longest_ns = to - from;
	s->last_ns = to;
	return err;
}

/* "328 left": done is what there was at first, less that. */
static void count_up(struct seq *s, struct unit_mark *m)
{
	__u64 left = m->total;

	if (!s->from || left > s->left)		/* or another one begins */
		s->from = left;
	s->left = left;
	m->done = s->from - left;
	m->total = s->from;
	m->has_done = m->has_total = true;
	m->counts_down = false;
}

/* What of a mark remains: 0, nothing has ended; 1, a unit has. */
static int take_mark(struct form *f, struct uproc *p, struct proc_form *pf, struct unit_mark *m)
{
	struct seq *s;

	if (form__is_relayed(f, p, m)) {
		f->relayed++;
		return 0;
	}
	if (m->queued)
		return form__note_waiting(f, m);
	if (m->switched)
		return form__switch_to(p, pf, m);
	if (m->comment) {
		form__note_failed(pf, m);
		return 0;
	}
	if (m->begin)
		return form__begin(f, p, pf, m);
	s = form__seq_of(p, m);
	if (!s)
		return -ENOMEM;
	if (m->counts_down)
		count_up(s, m);
	/* a bar that is drawn again */
	if (m->has_done && s->has_shown && s->shown == m->done) {
		note_settled(s, m, 0, m->ts_ns);
		return 0;
	}
	s->has_shown |= m->has_done;
	s->shown = m->done;
	return 1;
}

#define HELD 1

/* Whether lines of that process wait for others. */
static bool is_held(const struct form *f, struct uproc *p, struct proc_form *pf, size_t first, size_t end)
{
	for (size_t i = first; i < end && pf->held != f->turn; i++)
		if (form__waits(f, p, &f->marks[i]))
			pf->held = f->turn;
	return pf->held == f->turn;
}

/* The marks [first, end) came with one write of one process.  HELD: they are to be settled later. */
static int settle_write(struct form *f, size_t first, size_t end)
{
	struct uproc *p = epochs__find_proc(f->epochs, f->marks[first].image);
	struct proc_form *pf = p ? form_of(p) : NULL;
	unsigned n = 0;
	int err = 0;

	if (!pf)
		return p ? -ENOMEM : 0;
	if (is_held(f, p, pf, first, end))
		return HELD;
	for (size_t i = first; i < end; i++) {
		int ret = take_mark(f, p, pf, &f->marks[i]);

		err = first_error(err, ret < 0 ? ret : 0);
		if (ret > 0)
			f->marks[first + n++] = f->marks[i];
	}
	for (unsigned i = 0; i < n; i++)
		err = first_error(err, end_unit(f, p, pf, &f->marks[first + i], n - 1 - i, n));
	if (n)
		form__decide(f, p, pf, f->marks[first].ts_ns);
	return err;
}

static int keep_label(struct form *f, struct unit_mark *m);

/* The first n marks stay, and what they are called. */
static int keep_marks(struct form *f, size_t n)
{
	char *labels = f->labels;
	int err = 0, ret;

	f->labels = NULL;
	f->labels_len = f->labels_cap = 0;
	f->n_marks = 0;
	for (size_t i = 0; i < n; i++) {
		struct unit_mark m = f->marks[i];

		ret = keep_label(f, &m);
		if (!ret)
			f->marks[f->n_marks++] = m;
		err = first_error(err, ret);
	}
	free(labels);
	return err;
}

int form__settle(struct form *f)
{
	int err = form__hear_scales(f), ret;
	size_t held = 0;

	f->turn++;
	if (f->n_marks)
		err = first_error(err, form__note_origins(f));
	err = first_error(err, form__hear(f));
	for (size_t first = 0, i = 1; i <= f->n_marks; i++) {
		if (i < f->n_marks && f->marks[i].image == f->marks[first].image &&
		    f->marks[i].ts_ns == f->marks[first].ts_ns)
			continue;
		ret = settle_write(f, first, i);
		for (; ret == HELD && first < i; first++)
			f->marks[held++] = f->marks[first];
		err = first_error(err, ret == HELD ? 0 : ret);
		first = i;
	}
	if (held)
		return first_error(err, keep_marks(f, held));
	f->n_marks = 0;
	f->labels_len = 0;
	return err;
}

/* The mark's label is copied: what it was read from goes on. */
static int keep_label(struct form *f, struct unit_mark *m)
{
	if (!m->label) {
		m->label_len = 0;
		return 0;
	}
	if (f->labels_len + m->label_len > f->labels_cap) {
		size_t cap = 2 * f->labels_cap + m->label_len + 4096;
		char *labels = malloc(cap);

		if (!labels)
			return -ENOMEM;
		if (f->labels_len)
			memcpy(labels, f->labels, f->labels_len);
		for (size_t i = 0; i < f->n_marks; i++)
			if (f->marks[i].label)
				f->marks[i].label = labels + (f->marks[i].label - f->labels);
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
	struct uproc *p = m->queued ? epochs__find_proc(f->epochs, m->image) : NULL;
	struct unit_mark copy = *m;
	int err;

	if (p)
		p->pool = true;
	if (f->n_marks == f->cap_marks) {
		size_t cap = f->cap_marks ? 2 * f->cap_marks : 64;
		struct unit_mark *v = reallocarray(f->marks, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		f->marks = v;
		f->cap_marks = cap;
	}
	copy.said_ns = copy.elapsed_ns;
	err = keep_label(f, &copy);
	if (!err)
		f->marks[f->n_marks++] = copy;
	return err;
}
