/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * folded.c - flamegraph-ready stacks: frames joined by ';', root first, a space,
 * microseconds.
 *
 * A line of text is never built before it is written: frames become ranks in
 * the sorted list of distinct names, so a stack compares as a row of numbers
 * where the ledger keeps it, and 100,000 stacks need no more memory than that.
 */
#include "jobs/jobs.h"
#include "ledger/text.h"
#include "sinks/csv.h"
#include "sinks/recording.h"
#include "sinks/rowmap.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

struct name {
	struct rowkey key;	/* with its NUL */
	__u32 rank;
};

/* One line of the file; the names are numbers of rows in `names`. */
struct entry {
	const __u32 *ustack, *kstack;
	__u16 n_ustack, n_kstack;
	__u32 prefix[FOLD_FRAMES];		/* + 1; 0: none */
	__u32 above, mark, leaf;		/* the same */
	__u64 ns;
};

struct folder {
	const struct recording *r;
	enum folded_which which;
	struct rowmap names;
	__u32 *frame_names;		/* of frame i: row in names + 1; 0: not asked yet */
	size_t n_frame_names;
	struct entry *entries;
	size_t n, max;
};

/* The row of a name, + 1; 0 when memory is out. */
static __u32 name_of(struct folder *fo, const char *text)
{
	struct name *name;
	char *clean = NULL;
	size_t len = strlen(text);

	if (!len) {
		text = "[unnamed]";
		len = strlen(text);
	} else if (!text__is_clean(text, true)) {
		clean = malloc(len + 1);
		if (!clean)
			return 0;
		text = text__clean(clean, len + 1, text, len, true);
		len = strlen(text);
	}
	name = rowmap__get(&fo->names, text, len + 1);
	free(clean);
	return name ? ((char *)name - fo->names.rows) / sizeof(*name) + 1 : 0;
}

static int name_frames(struct folder *fo, const __u32 *frames, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const char *text;

		if (frames[i] >= fo->n_frame_names) {
			size_t max = (frames[i] | 4095) + 1ULL;
			__u32 *v = realloc(fo->frame_names, max * sizeof(*v));

			if (!v)
				return -ENOMEM;
			memset(v + fo->n_frame_names, 0, (max - fo->n_frame_names) * sizeof(*v));
			fo->frame_names = v;
			fo->n_frame_names = max;
		}
		if (fo->frame_names[frames[i]])
			continue;
		text = fo->r->frames.name(fo->r->frames.ctx, frames[i]);
		fo->frame_names[frames[i]] = name_of(fo, text ? text : "");
		if (!fo->frame_names[frames[i]])
			return -ENOMEM;
	}
	return 0;
}

static bool wanted(enum folded_which which, __u8 state)
{
	switch (which) {
	case FOLDED_CPU:
		return state == WT_CPU;
	case FOLDED_OFFCPU:
		return state != WT_CPU && state != WT_IDLE && state != WT_STOPPED;
	default:
		return true;
	}
}

/* What stands where frames should be, when they are not there. */
static const char *mark_text(const struct ledger_line *line)
{
	if (line->unsampled || line->unattributed)
		return NULL;
	if (line->cut == LEDGER_LOST)
		return "[lost stack]";
	if (line->cut == LEDGER_FOLDED)
		return "[folded]";
	if (line->cut == LEDGER_SHED)
		return "[shed]";
	if (line->state == WT_CPU && !line->n_ustack && !line->n_kstack)
		return "[no stack]";
	return NULL;
}

/* What stands above the frames when they do not reach the root for want of time, or there are none. */
static const char *above_text(const struct ledger_line *line)
{
	switch (line->cut) {
	case LEDGER_NO_TABLE:
		return "[no unwind table yet]";
	case LEDGER_EXITING:
		return "[exiting]";
	case LEDGER_EXECING:
		return "[in execve]";
	default:
		return NULL;
	}
}

static const char *leaf_text(const struct folder *fo, const struct ledger_line *line, char *buf,
			     size_t sz)
{
	if (line->unsampled)
		return "[unsampled]";
	if (line->unattributed)
		snprintf(buf, sz, "[%s unattributed]", ledger__state_name(line->state));
	else if (line->state == WT_CPU)
		return NULL;
	else
		ledger__leaf_text(fo->r->ledger, line->state, line->reason, buf, sz);
	return buf;
}

static int set_name(struct folder *fo, __u32 *out, const char *text)
{
	*out = text ? name_of(fo, text) : 0;
	return text && !*out ? -ENOMEM : 0;
}

/* NULL: no such frame. */
static const char *prefix_text(const struct folder *fo, enum fold_frame what, bool with_comm,
			       const struct ledger_line *line, char *buf, size_t sz)
{
	const struct ledger_thread *t = line->thread;
	const struct recording *r = fo->r;

	switch (what) {
	case FOLD_JOB:
		return r->jobs ? jobs__of(r->jobs, line->job, line->cgroup, t->flags)->name : NULL;
	case FOLD_UNIT:
		return r->unit ? r->unit(r->unit_ctx, line) : NULL;
	case FOLD_SPAN:
		return line->span && line->span <= r->n_spans ? r->spans[line->span - 1].name : NULL;
	case FOLD_COMM:
		return t->pcomm;
	case FOLD_THREAD:
		return with_comm && !strcmp(t->comm, t->pcomm) ? NULL : t->comm;
	case FOLD_PID:
	case FOLD_TID:
		/* threads that were folded have no number any more */
		if (!t->tid)
			return what == FOLD_PID ? "[ended processes]" : "[ended threads]";
		snprintf(buf, sz, "%s %u", what == FOLD_PID ? "pid" : "tid",
			 what == FOLD_PID ? t->tgid : t->tid);
		return buf;
	default:
		return NULL;
	}
}

static int add_prefix(struct folder *fo, struct entry *e, const struct ledger_line *line)
{
	static const __u8 usual[] = { FOLD_COMM, FOLD_THREAD, FOLD_END };
	const __u8 *fold = fo->r->fold[0] ? fo->r->fold : usual;
	bool with_comm = memchr(fold, FOLD_COMM, strlen((const char *)fold));
	unsigned n = 0;
	char buf[32];
	int err = 0;

	for (unsigned i = 0; fold[i] && i < FOLD_FRAMES && !err; i++) {
		err = set_name(fo, &e->prefix[n], prefix_text(fo, fold[i], with_comm, line, buf,
							      sizeof(buf)));
		n += !!e->prefix[n];
	}
	return err;
}

/* Is that line one of those that were asked for? */
static bool takes(const struct folder *fo, const struct ledger_line *line)
{
	const struct recording *r = fo->r;
	const char *unit;

	if (!line->ns || !wanted(fo->which, line->state))
		return false;
	if (!r->unit_glob)
		return true;
	unit = r->unit ? r->unit(r->unit_ctx, line) : NULL;
	return unit && !fnmatch(r->unit_glob, unit, 0);
}

static int add_line(void *arg, const struct ledger_line *line)
{
	struct folder *fo = arg;
	struct entry *e;
	char leaf[128];
	int err;

	if (!takes(fo, line))
		return 0;
	e = &fo->entries[fo->n];
	*e = (struct entry){ .ustack = line->ustack, .n_ustack = line->n_ustack,
			     .kstack = line->kstack, .n_kstack = line->n_kstack, .ns = line->ns };
	err = add_prefix(fo, e, line);
	if (!err)
		err = set_name(fo, &e->above, above_text(line));
	if (!err)
		err = set_name(fo, &e->mark, mark_text(line));
	if (!err)
		err = set_name(fo, &e->leaf, leaf_text(fo, line, leaf, sizeof(leaf)));
	if (!err)
		err = name_frames(fo, line->ustack, line->n_ustack);
	if (!err)
		err = name_frames(fo, line->kstack, line->n_kstack);
	if (!err)
		fo->n++;
	return err;
}

/* Counted before they are made: doubling an array would need three times its size. */
static int count_line(void *arg, const struct ledger_line *line)
{
	struct folder *fo = arg;

	fo->max += takes(fo, line);
	return 0;
}

static int collect(struct folder *fo)
{
	int err = ledger__each_line(fo->r->ledger, count_line, fo);

	if (err)
		return err;
	fo->entries = calloc(fo->max + 1, sizeof(*fo->entries));
	if (!fo->entries)
		return -ENOMEM;
	return ledger__each_line(fo->r->ledger, add_line, fo);
}

static struct name *name_at(const struct folder *fo, __u32 ref)
{
	return rowmap__at(&fo->names, ref - 1);
}

static int by_text(const void *a, const void *b)
{
	return strcmp((*(struct name *const *)a)->key.bytes, (*(struct name *const *)b)->key.bytes);
}

static int rank_names(struct folder *fo)
{
	struct name **v = rowmap__sorted(&fo->names, by_text);

	if (!v)
		return -ENOMEM;
	for (unsigned i = 0; i < fo->names.n; i++)
		v[i]->rank = i;
	free(v);
	return 0;
}

/* The i-th name of an entry from the root, or NULL behind the last. */
static const struct name *name_nr(const struct folder *fo, const struct entry *e, unsigned i)
{
	for (unsigned p = 0; p < FOLD_FRAMES && e->prefix[p]; p++)
		if (!i--)
			return name_at(fo, e->prefix[p]);
	if (e->above && !i--)
		return name_at(fo, e->above);
	if (i < e->n_ustack)
		return name_at(fo, fo->frame_names[e->ustack[e->n_ustack - 1 - i]]);
	i -= e->n_ustack;
	if (e->mark && !i--)
		return name_at(fo, e->mark);
	if (i < e->n_kstack)
		return name_at(fo, fo->frame_names[e->kstack[e->n_kstack - 1 - i]]);
	i -= e->n_kstack;
	return e->leaf && !i ? name_at(fo, e->leaf) : NULL;
}

static int by_names(const void *a, const void *b, void *arg)
{
	const struct folder *fo = arg;

	for (unsigned i = 0; ; i++) {
		const struct name *x = name_nr(fo, a, i), *y = name_nr(fo, b, i);

		if (!x || !y)
			return !!x - !!y;
		if (x->rank != y->rank)
			return x->rank < y->rank ? -1 : 1;
	}
}

static void write_entry(const struct folder *fo, const struct entry *e, __u64 us, FILE *f)
{
	const struct name *name;

	for (unsigned i = 0; (name = name_nr(fo, e, i)); i++) {
		if (i)
			putc(';', f);
		fputs(name->key.bytes, f);
	}
	fprintf(f, " %llu\n", us);
}

/*
 * A microsecond's fraction is carried to the next line, so that the file's sum
 * is the ledger's, whatever the number of lines.
 */
static void write_all(const struct folder *fo, FILE *f)
{
	__u64 carry_ns = 0;

	for (size_t i = 0; i < fo->n; ) {
		const struct entry *e = &fo->entries[i];

		for (; i < fo->n && !by_names(e, &fo->entries[i], (void *)fo); i++)
			carry_ns += fo->entries[i].ns;
		if (carry_ns >= 1000)
			write_entry(fo, e, carry_ns / 1000, f);
		carry_ns %= 1000;
	}
}

int sink_folded(const struct recording *r, enum folded_which which, FILE *f)
{
	struct folder fo = { .r = r, .which = which, .names.size = sizeof(struct name) };
	int err;

	err = collect(&fo);
	if (!err)
		err = rank_names(&fo);
	if (!err) {
		if (fo.n)
			qsort_r(fo.entries, fo.n, sizeof(*fo.entries), by_names, &fo);
		write_all(&fo, f);
		err = sink_result(f);
	}
	rowmap__free(&fo.names);
	free(fo.frame_names);
	free(fo.entries);
	return err;
}
