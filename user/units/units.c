/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "units/units_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "units/epochs_impl.h"
#include "units/match.h"
#include "util/log.h"

#define MAX_ROWS 100000
#define MAX_EPOCHS 20000

const char *unit__kind_name(enum unit_kind k)
{
	static const char *const names[UNIT_KINDS] = {
		[UNIT_LINE] = "line", [UNIT_EXEC] = "exec", [UNIT_SPAN] = "span",
		[UNIT_THREAD_NAME] = "thread-name",
	};

	return k < UNIT_KINDS ? names[k] : "unit";
}

__u64 unit__thread_ns(const struct unit_row *r)
{
	__u64 sum = 0;

	for (unsigned s = 0; s < WT_STATES; s++)
		sum += r->st_ns[s];
	return sum;
}

static void charge(void *ctx, __u32 row, const struct account *a)
{
	struct units *u = ctx;
	const struct unit_item *it = rows__at(&u->rows, row);

	rows__charge(&u->rows, row, a);
	if (it && it->final && u->sink.more)
		u->sink.more(u->sink.ctx, &it->row, row, a->ns, a->ns + ACCOUNT_EXTRA);
	for (unsigned s = 0; !it && s < WT_STATES; s++)
		u->epochs.late_ns += a->ns[s];
}

static int final(void *ctx, __u32 row)
{
	struct units *u = ctx;
	const struct unit_item *it = rows__at(&u->rows, row);
	int err = 0;

	if (it && u->sink.unit)
		err = u->sink.unit(u->sink.ctx, &it->row, row);
	return first_error(err, rows__final(&u->rows, row));
}

int units__new(struct units **out, const struct units_opts *opts, const struct match_opts *match)
{
	struct units *u = calloc(1, sizeof(*u));
	struct epochs_sink sink = { u, charge, form__free_proc, final };
	int err;

	*out = NULL;
	if (!u)
		return -ENOMEM;
	rows__init(&u->rows, opts->max_rows ? opts->max_rows : MAX_ROWS);
	asked__init(&u->asked);
	err = epochs__init(&u->epochs, opts->max_epochs ? opts->max_epochs : MAX_EPOCHS, &sink);
	if (!err)
		err = objects__new(&u->objects, 0);
	u->rows.objects = u->objects;
	u->form.epochs = &u->epochs;
	u->form.rows = &u->rows;
	if (!err && match)
		err = lines__new(&u->lines, &u->form, match);
	if (err) {
		units__free(u);
		return err;
	}
	*out = u;
	return 0;
}

void units__free(struct units *u)
{
	if (!u)
		return;
	lines__free(u->lines);
	form__destroy(&u->form);
	epochs__destroy(&u->epochs);
	rows__destroy(&u->rows);
	asked__destroy(&u->asked);
	objects__free(u->objects);
	free(u->held);
	free(u);
}

void units__on_unit(struct units *u, const struct units_sink *sink)
{
	u->sink = *sink;
	u->form.sink = *sink;
}

/* A unit that the kernel side saw to begin or to end: the text is its name. */
static int told(struct units *u, const struct wt_ev_write *e)
{
	const struct unit_mark mark = {
		.image = e->image, .ts_ns = e->h.ts_ns, .thread = e->serial,
		.pattern = PRESET_CELERY_FRAMES, .label = (const char *)(e + 1), .label_len = e->size,
		.paired = true, .remaining_ns = ~0ULL,
		.begin = (e->flags & (WT_WRITE_BEGIN | WT_WRITE_END)) == WT_WRITE_BEGIN,
		.switched = (e->flags & WT_WRITE_BEGIN) && (e->flags & WT_WRITE_END),
	};

	return form__mark(&u->form, &mark);
}

int units__on_write(struct units *u, const struct wt_ev_write *e, size_t size)
{
	struct uproc *p;
	int err = 0;

	if (size < sizeof(*e) || e->size > size - sizeof(*e))
		return 0;
	p = epochs__proc(&u->epochs, e->image, e->tgid, e->epoch_before, e->h.ts_ns);
	if (!p)
		return -ENOMEM;
	p->job = e->job;
	p->cgroup = e->cgroup;
	memcpy(p->comm, e->comm, WT_COMM_LEN);
	p->comm[WT_COMM_LEN - 1] = 0;
	if ((e->flags & WT_WRITE_FORK) && (e->flags & WT_WRITE_SEEDED)) {
		p->forked = true;
		p->parent = e->inode;
		return 0;
	}
	p->born |= (e->flags & (WT_WRITE_EXEC | WT_WRITE_FORK)) || !(e->flags & WT_WRITE_SEEDED);
	if (e->flags & (WT_WRITE_EXEC | WT_WRITE_FORK)) {
		p->inherited_by = e->fd;
		p->since_ns = e->h.ts_ns;
		p->forked = e->flags & WT_WRITE_FORK;
	} else if (e->size) {
		err = epochs__spoke(p, e->serial, e->task);
	}
	/* the line belongs to the epoch that it ends: it is read before the next one begins */
	if (e->flags & (WT_WRITE_BEGIN | WT_WRITE_END))
		err = first_error(err, told(u, e));
	else if (u->lines && e->size)
		err = first_error(err, lines__feed(u->lines, e, (const char *)(e + 1)));
	if (e->epoch_after != e->epoch_before)
		err = first_error(err, epochs__bound(&u->epochs, p, e->epoch_after, e->h.ts_ns,
						     e->flags & WT_WRITE_BINARY));
	return err;
}

#define PUT_OFF_NS 300000000ULL
#define PUT_OFF_MAX 65536

static int hold(struct units *u, const struct held *h)
{
	if (u->n_held == u->cap_held) {
		size_t cap = u->cap_held ? 2 * u->cap_held : 256;
		struct held *v = reallocarray(u->held, cap, sizeof(*v));

		if (!v)
			return -ENOMEM;
		u->held = v;
		u->cap_held = cap;
	}
	u->held[u->n_held++] = *h;
	if (u->newest_ns < h->to_ns)
		u->newest_ns = h->to_ns;
	return 0;
}

static int hold_interval(struct units *u, __u64 image, __u32 epoch, __u32 thread, __u8 state,
			 __u64 from, __u64 to)
{
	struct held h = { .image = image, .epoch = epoch, .thread = thread, .state = state,
			  .from_ns = from, .to_ns = to };

	return state < WT_STATES && to > from ? hold(u, &h) : 0;
}

int units__on_split(struct units *u, const struct wt_ev_split *e)
{
	return hold_interval(u, e->image, e->key.epoch, e->key.thread, e->key.state, e->from_ns, e->to_ns);
}

static int charge_extra(struct units *u, __u32 epoch, __u32 thread, unsigned extra, __u64 n)
{
	return epochs__charge_thread(&u->epochs, epoch, thread, ACCOUNT_EXTRA + extra, n);
}

/* A line of requests of a disk: how many, their time, their bytes. */
static int on_requests(struct units *u, const struct wt_detail_key *k, const struct wt_detail_val *v,
		       unsigned number, unsigned bytes)
{
	const struct asked_item x = {
		.epoch = k->epoch, .thread = k->thread, .dev = WT_REASON_N(k->reason),
		.what = number == UNIT_READS ? OBJECT_READS : number == UNIT_WRITES ? OBJECT_WRITES : OBJECT_REQUESTS,
		.ns = v->ns, .bytes = v->weighted_ns, .count = v->count,
	};
	int err;

	if (!k->epoch)		/* of a program that is a unit, where nobody looks for others */
		return 0;
	err = asked__put(&u->asked, &x);
	err = first_error(err, charge_extra(u, k->epoch, k->thread, number, v->count));
	if (bytes < UNIT_EXTRAS)
		err = first_error(err, charge_extra(u, k->epoch, k->thread, bytes, v->weighted_ns));
	return first_error(err, charge_extra(u, k->epoch, k->thread, UNIT_REQUESTS_NS, v->ns));
}

/* An exact sum of one epoch: see enum wt_exact. */
static int on_exact(struct units *u, const struct wt_detail_key *k, const struct wt_detail_val *v)
{
	switch (WT_REASON_NR(k->reason)) {
	case WT_EXACT_CPU:
		return epochs__charge_thread(&u->epochs, k->epoch, k->thread, WT_CPU, v->ns);
	case WT_EXACT_STEAL:
		return charge_extra(u, k->epoch, k->thread, UNIT_STEAL_NS, v->ns);
	case WT_EXACT_IRQ:
		return charge_extra(u, k->epoch, k->thread, UNIT_IRQ_NS, v->ns);
	case WT_EXACT_SOFTIRQ:
		return charge_extra(u, k->epoch, k->thread, UNIT_SOFTIRQ_NS, v->ns);
	case WT_EXACT_MIGRATIONS:
		return charge_extra(u, k->epoch, k->thread, UNIT_MIGRATIONS, v->ns);
	case WT_EXACT_READS:
		return on_requests(u, k, v, UNIT_READS, UNIT_READ_BYTES);
	case WT_EXACT_WRITES:
		return on_requests(u, k, v, UNIT_WRITES, UNIT_WRITE_BYTES);
	case WT_EXACT_REQUESTS:
		return on_requests(u, k, v, UNIT_REQUESTS, UNIT_EXTRAS);
	}
	return 0;
}

int units__on_detail(struct units *u, const struct wt_detail_key *k, const struct wt_detail_val *v)
{
	if (k->state == WT_CPU && WT_REASON_KIND(k->reason) == WT_K_EXACT)
		return on_exact(u, k, v);
	return k->state < WT_STATES ?
		epochs__charge_thread(&u->epochs, k->epoch, k->thread, k->state, v->ns) : 0;
}

/* What of a thread's sums is in no line. */
static int on_rest(struct units *u, const struct wt_thread_rec *rec)
{
	const __u64 rest[] = {
		[UNIT_STEAL_NS] = rec->epoch_steal_ns, [UNIT_IRQ_NS] = rec->epoch_irq_ns,
		[UNIT_SOFTIRQ_NS] = rec->epoch_softirq_ns, [UNIT_MIGRATIONS] = rec->epoch_migrations,
	};
	int err = epochs__charge_thread(&u->epochs, rec->epoch, rec->serial, WT_CPU, rec->epoch_cpu_ns);

	for (unsigned k = 0; k < sizeof(rest) / sizeof(*rest); k++)
		err = first_error(err, charge_extra(u, rec->epoch, rec->serial, k, rest[k]));
	return err;
}

int units__on_record(struct units *u, const struct wt_thread_rec *rec)
{
	struct held exited = { .image = rec->image, .state = HELD_EXIT, .to_ns = rec->end_ns,
			       .tgid = rec->tgid };
	__u64 at = rec->end_ns;
	int err;

	if (rec->why == WT_REC_SNAPSHOT)
		return 0;
	err = on_rest(u, rec);
	if (rec->open_runq_ns)
		err = first_error(err, hold_interval(u, rec->image, rec->epoch, rec->serial, WT_RUNQ,
						     at - rec->open_runq_ns, at));
	at -= rec->open_runq_ns;
	if (rec->open_ns)
		err = first_error(err, hold_interval(u, rec->image, rec->epoch, rec->serial, rec->open_state,
						     at - rec->open_ns, at));
	/* after an exec the process goes on under another image: tgid 0, its lines are not over */
	if (rec->why == WT_REC_EXEC)
		exited.tgid = 0;
	if (rec->why != WT_REC_END && rec->flags & WT_F_LEADER)
		err = first_error(err, hold(u, &exited));
	return err;
}

static int charge_held(struct units *u, const struct held *h)
{
	return epochs__charge_thread_time(&u->epochs, h->image, h->epoch, h->thread, h->from_ns, h->to_ns,
					  h->state, h->to_ns - h->from_ns);
}

/*
 * A thread that woke up may be about to tell of its first unit, which makes its time its own:
 * what it waited for until then is put off for a while.
 */
static bool may_speak(const struct units *u, const struct held *h)
{
	const struct uproc *p;

	if (h->to_ns + PUT_OFF_NS < u->newest_ns)
		return false;
	p = epochs__find_proc(&u->epochs, h->image);
	return p && p->n_speakers && !p->exited && epochs__speaker(p, h->thread) < 0;
}

/* Its last lines first: a process that is gone claims nothing any more.  n: intervals that were put off. */
static int on_exit_of(struct units *u, const struct held *h, size_t *n)
{
	size_t left = 0;
	int err = 0;

	for (size_t i = 0; i < *n; i++) {
		if (u->held[i].image == h->image)
			err = first_error(err, charge_held(u, &u->held[i]));
		else
			u->held[left++] = u->held[i];
	}
	*n = left;
	if (u->lines && h->tgid)
		err = first_error(err, lines__exited(u->lines, h->image, h->tgid));
	epochs__exited(&u->epochs, h->image, h->to_ns);
	return err;
}

/* all: there will be no other time. */
static int caught_up(struct units *u, bool all)
{
	size_t put_off = 0;
	int err = 0;

	for (size_t i = 0; i < u->n_held; i++) {
		struct held h = u->held[i];

		if (h.state == HELD_EXIT) {
			err = first_error(err, on_exit_of(u, &h, &put_off));
		} else if (all || put_off >= PUT_OFF_MAX || !may_speak(u, &h)) {
			err = first_error(err, charge_held(u, &h));
		} else {
			u->held[put_off++] = h;
		}
	}
	u->n_held = put_off;
	return err;
}

int units__caught_up(struct units *u)
{
	return caught_up(u, false);
}

int units__on_transcode(struct units *u, __u32 epoch, __u32 task, __u64 elapsed_ns)
{
	return epochs__charge_thread(&u->epochs, epoch, task, ACCOUNT_TRANSCODE, elapsed_ns);
}

static int asked_of(struct units *u, struct unit_item *it, const struct unit_request *x)
{
	int err = objects__requests(u->objects, &it->row.objects, x->what, x->dev, x->ns, x->bytes, x->count);

	return u->sink.requests ? first_error(err, u->sink.requests(u->sink.ctx, &it->row, x)) : err;
}

int units__put(struct units *u, const struct unit_row *r, const struct unit_request *asked, unsigned n)
{
	__u32 row = rows__add(&u->rows, r);
	int err = row ? 0 : -ENOMEM;

	for (unsigned i = 0; i < n && row; i++)
		err = first_error(err, asked_of(u, rows__at(&u->rows, row), &asked[i]));
	return row ? first_error(err, final(u, row)) : err;
}

void units__gap(struct units *u)
{
	if (u->lines)
		lines__gap(u->lines);
}

/* 1: it has gone to its unit, or is of none. */
static int tell_asked(void *ctx, const struct asked_item *x)
{
	struct units *u = ctx;
	const struct unit_request request = { x->what, x->dev, x->ns, x->bytes, x->count };
	__u32 row = epochs__row_of(&u->epochs, x->epoch, x->thread);
	struct unit_item *it;
	int err = 0;

	if (row == UNITS_OPEN)
		return 0;
	it = row ? rows__at(&u->rows, row) : NULL;
	if (it)
		err = asked_of(u, it, &request);
	else if (row)
		u->asked.left_out += x->count;
	return err ? err : 1;
}

int units__waited(struct units *u, __u32 row, __u8 state, const char *text, __u64 key, __u64 ns,
		  __u64 count)
{
	struct unit_item *it = rows__at(&u->rows, row);

	if (it)
		return objects__wait(u->objects, &it->row.objects, state, text, key, ns, count);
	u->waits_left_out += count;
	return 0;
}

const struct objects *units__objects(const struct units *u)
{
	return u->objects;
}

int units__generation(struct units *u)
{
	int err = caught_up(u, false);

	err = first_error(err, form__settle(&u->form));
	err = first_error(err, form__flush(&u->form, false));
	err = first_error(err, epochs__generation(&u->epochs));
	return first_error(err, asked__settle(&u->asked, tell_asked, u));
}

int units__finish(struct units *u, __u64 end_ns)
{
	int err = u->lines ? lines__flush(u->lines) : 0;

	err = first_error(err, caught_up(u, true));
	u->form.over = true;
	err = first_error(err, form__settle(&u->form));
	err = first_error(err, form__flush(&u->form, true));
	err = first_error(err, epochs__finish(&u->epochs, end_ns));
	return first_error(err, asked__settle(&u->asked, tell_asked, u));
}

__u32 units__of_epoch(const struct units *u, __u32 epoch, __u32 thread)
{
	return epochs__row_of(&u->epochs, epoch, thread);
}

const struct unit_row *units__row(const struct units *u, __u32 row)
{
	const struct unit_item *it = rows__at(&u->rows, row);

	return it ? &it->row : NULL;
}

int units__each(struct units *u, unit_row_fn fn, void *arg)
{
	return rows__each(&u->rows, fn, arg);
}

void units__stats(const struct units *u, struct units_stats *out)
{
	memset(out, 0, sizeof(*out));
	if (u->lines)
		lines__stats(u->lines, out);
	out->epochs = u->epochs.n_bounds;
	out->given_up = u->epochs.given_up;
	out->late_ns = u->epochs.late_ns;
	out->shared_ns = u->epochs.shared_ns;
	out->folded = u->rows.folded;
	out->queued = u->form.queued;
	out->relayed = u->form.relayed;
	out->objects_left_out = u->waits_left_out + u->asked.left_out + objects__left_out(u->objects);
}
