/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drain/drain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/paths.h"
#include "util/clock.h"
#include "util/log.h"

/* How long the end of a recording waits for tables, and how often it looks. */
#define LAST_WAIT_NS (300 * NSEC_PER_MSEC)
#define LAST_STEP_US 2000

struct drain {
	struct tracer *tracer;
	struct ledger *ledger;
	struct symbols *symbols;
	struct sideband *sideband;
	struct unwind *unwind;		/* NULL: by frame pointer only */
	struct units *units;		/* NULL: nobody asked for units */
	struct ledger_retire retire;
	__u64 lost_writes;		/* as of the last round */
	struct jobs *jobs;		/* NULL: nobody wants to know */
	struct execs *execs;		/* NULL: no program is a unit */
	pid_t launched;			/* 0: no command of ours; its exec tells what it runs */
	tracer_event_fn on_span;	/* NULL: nobody asked for spans */
	void *span_arg;
	struct conns *conns;		/* NULL: nobody listens */
	struct servers *servers;	/* NULL, too */
	/*
	 * Stack events of one round.  They wait until the side-band has been read
	 * after them: a mapping is announced before code in it can run.
	 */
	char *held;
	size_t held_len, held_size;
	bool reseed;
	__u64 stacks, start_ns;
	int err;			/* the first that was met since it was told */
	bool said;
	__u64 no_memory;
};

/*
 * What cannot be kept is lost alone: what else has been read by then is read by nobody again.
 * It is counted, and ends the recording once the round is over.
 */
static int note(struct drain *d, int err)
{
	d->no_memory += err == -ENOMEM;
	if (!d->err)
		d->err = err;
	return 0;
}

/* At the end of a round; err: another one, printed. */
static int tell(struct drain *d, int err)
{
	int noted = d->err;

	d->err = 0;
	if (err || !noted)
		return err;
	if (!d->said)
		wt_error(noted, "not all that was recorded could be kept");
	d->said = true;
	return noted;
}

static int hold(struct drain *d, const void *data, size_t size)
{
	size_t need = d->held_len + sizeof(size) + ((size + 7) & ~7UL);

	if (need > d->held_size) {
		size_t grown = need * 2 < 65536 ? 65536 : need * 2;
		char *p = realloc(d->held, grown);

		if (!p)
			return -ENOMEM;
		d->held = p;
		d->held_size = grown;
	}
	memcpy(d->held + d->held_len, &size, sizeof(size));
	memcpy(d->held + d->held_len + sizeof(size), data, size);
	d->held_len = need;
	return 0;
}

static void finish_units(struct drain *d, __u64 end_ns)
{
	if (d->execs)
		note(d, execs__tell(d->execs, d->units, end_ns, true));
	note(d, units__finish(d->units, end_ns));
	if (d->execs)
		note(d, execs__find_parents(d->execs, d->units));
	note(d, ledger__retire(d->ledger, &d->retire));
}

int drain__finish(struct drain *d, __u64 end_ns)
{
	if (d->units)
		finish_units(d, end_ns);
	/* no line comes any more: who ended last can be folded, too */
	note(d, ledger__generation(d->ledger, now_ns()));
	return tell(d, 0);
}

static int put_record(void *arg, const struct wt_thread_rec *rec)
{
	struct drain *d = arg;

	note(d, ledger__put_thread(d->ledger, rec));
	return d->units ? note(d, units__on_record(d->units, rec)) : 0;
}

/* Its time counts for the units it reaches over; its detail is a line of the first. */
static int put_split(struct drain *d, const struct wt_ev_split *e)
{
	struct wt_detail_val v = { .ns = e->to_ns - e->from_ns, .count = 1, .weighted_ns = e->weighted_ns };

	if (d->units)
		note(d, units__on_split(d->units, e));
	v.max_ns = v.ns;
	if (e->to_ns <= e->from_ns || e->key.state == WT_CPU)
		return 0;
	return ledger__put_detail(d->ledger, &e->key, &v);
}

/* Before its exec our command has our memory, and no stack of its program. */
static int put_asleep(struct drain *d, const struct wt_ev_asleep *e)
{
	if (d->launched && e->tgid == (__u32)d->launched && !e->copied)
		return ledger__put_stack(d->ledger, e->id, NULL, 0, true, WT_END_EXECING);
	return unwind__put_asleep(d->unwind, e);
}

/* A line of its own: nobody else counts it. */
static int put_sample(struct drain *d, const struct wt_ev_sample *e, size_t size)
{
	static const struct wt_detail_val one = { .count = 1 };

	note(d, ledger__put_detail(d->ledger, &e->key, &one));
	return hold(d, &e->stack, size - offsetof(struct wt_ev_sample, stack));
}

static int put_path(struct drain *d, const struct wt_ev_path *e)
{
	char text[128];

	path_text(e, text, sizeof(text));
	return ledger__put_path(d->ledger, e->id, text);
}

static int put_event(struct drain *d, const void *data, size_t size)
{
	const struct wt_event *h = data;

	if (size < sizeof(*h))
		return 0;
	switch (h->type) {
	case WT_EV_STACK:
		return size >= sizeof(struct wt_ev_stack) ? hold(d, data, size) : 0;
	case WT_EV_SAMPLE:
		return size >= sizeof(struct wt_ev_sample) ? put_sample(d, data, size) : 0;
	case WT_EV_RAWSTACK:
		return d->unwind ? hold(d, data, size) : 0;
	case WT_EV_RAWMORE:
		return d->unwind ? unwind__put_raw_more(d->unwind, data, size) : 0;
	case WT_EV_ASLEEP:
		return d->unwind && size >= sizeof(struct wt_ev_asleep) ? put_asleep(d, data) : 0;
	case WT_EV_REASON: {
		const struct wt_ev_reason *r = data;

		if (size < sizeof(*r))
			return 0;
		if (d->servers)
			servers__meet(d->servers, &r->reason);
		return ledger__put_reason(d->ledger, r->id, &r->reason);
	}
	case WT_EV_PATH:
		return size >= sizeof(struct wt_ev_path) ? put_path(d, data) : 0;
	case WT_EV_THREAD: {
		const struct wt_ev_thread *t = data;

		return size >= sizeof(*t) ? put_record(d, &t->rec) : 0;
	}
	case WT_EV_WRITE:
		return d->units ? units__on_write(d->units, data, size) : 0;
	case WT_EV_SPLIT:
		return size >= sizeof(struct wt_ev_split) ? put_split(d, data) : 0;
	case WT_EV_JOB:
		return d->jobs && size >= sizeof(struct wt_ev_job) ?
			jobs__put_build(d->jobs, data) : 0;
	case WT_EV_CGROUP:
		return d->jobs && size >= sizeof(struct wt_ev_cgroup) ?
			jobs__put_cgroup(d->jobs, data) : 0;
	case WT_EV_SPAN:
		return d->on_span ? d->on_span(d->span_arg, data, size) : 0;
	case WT_EV_CONN: {
		const struct wt_ev_conn *c = data;

		if (size < sizeof(*c))
			return 0;
		if (d->servers)
			servers__meet_conn(d->servers, &c->conn);
		return d->conns ? conns__put_closed(d->conns, &c->conn) : 0;
	}
	case WT_EV_RESEED:
		d->reseed = true;
		break;
	case WT_EV_WANT_SPACE:
		if (d->unwind && size >= sizeof(struct wt_ev_want))
			unwind__want(d->unwind, data);
		break;
	case WT_EV_EXEC:
		return d->execs ? execs__on_event(d->execs, data, size) : 0;
	case WT_EV_PYCODE:
		return d->unwind ? unwind__on_pycode(d->unwind, data, size) : 0;
	}
	return 0;
}

static int on_event(void *arg, const void *data, size_t size)
{
	return note(arg, put_event(arg, data, size));
}

static __u32 user_frame(struct drain *d, const struct wt_ev_stack *e, __u64 f)
{
	__u32 frame;

	switch (WT_FRAME_TAG(f)) {
	case WT_FRAME_OBJ:
		return symbols__object_frame(d->symbols, e->tgid, e->h.ts_ns, WT_FRAME_OBJECT(f),
					     WT_FRAME_OFFSET(f));
	case WT_FRAME_PY:
	case WT_FRAME_JVM:
		return d->unwind ? unwind__runtime_frame(d->unwind, e->tgid, e->h.ts_ns, f) : 0;
	default:
		frame = d->unwind ? unwind__address_frame(d->unwind, e->tgid, f) : 0;
		return frame ? frame : symbols__user_frame(d->symbols, e->tgid, e->h.ts_ns, f, false);
	}
}

/* What was inlined there goes before it, if all that is still to come has room, too. */
static unsigned add_frame(struct drain *d, __u32 frame, unsigned to_come, __u32 *frames,
			  unsigned n)
{
	n += symbols__inlines(d->symbols, frame, frames + n, WT_MAX_FRAMES - 1 - to_come - n);
	frames[n] = frame;
	return n + 1;
}

/*
 * By frame pointers the walk reads whatever lies where a caller keeps none.  An
 * address that is no code ends the stack: what comes above it is not there.
 */
static unsigned user_frames(struct drain *d, const struct wt_ev_stack *e, __u32 *frames,
			    bool *guessed, bool *whole)
{
	unsigned n = 0;

	for (unsigned i = 0; i < e->n; i++) {
		__u64 f = e->ip[i];
		__u32 frame = user_frame(d, e, f);

		*guessed |= WT_FRAME_TAG(f) == WT_FRAME_OBJ && (f & WT_FRAME_GUESS);
		if (i && symbols__is_unmapped(d->symbols, frame))
			return n;
		n = add_frame(d, frame, e->n - i - 1, frames, n);
	}
	*whole = true;
	return n;
}

static int put_stack(struct drain *d, const struct wt_ev_stack *e, size_t size)
{
	__u32 frames[WT_MAX_FRAMES];
	unsigned n = e->n, end = e->end;
	bool guessed = false, whole = !e->user;

	if (n > WT_MAX_FRAMES || size < sizeof(*e) + n * sizeof(e->ip[0]))
		return 0;
	if (ledger__has_stack(d->ledger, e->id))
		return 0;
	if (e->user)
		n = user_frames(d, e, frames, &guessed, &whole);
	else
		for (unsigned i = 0; i < n; i++)
			frames[i] = symbols__kernel_frame(d->symbols, e->ip[i]);
	if (!whole)
		end = WT_END_FP;
	d->stacks++;
	return ledger__put_stack(d->ledger, e->id, frames, n, e->user,
				 end | (guessed ? LEDGER_GUESSED : 0));
}

static int put_walked(void *ctx, const struct wt_ev_stack *e, size_t size)
{
	return note(ctx, put_stack(ctx, e, size));
}

static void put_held(struct drain *d)
{
	for (size_t at = 0; at < d->held_len;) {
		const struct wt_event *h = (void *)(d->held + at + sizeof(size_t));
		size_t size;

		memcpy(&size, d->held + at, sizeof(size));
		if (h->type == WT_EV_RAWSTACK)
			note(d, unwind__put_raw(d->unwind, (const void *)h, size));
		else
			note(d, put_stack(d, (const void *)h, size));
		at += sizeof(size) + ((size + 7) & ~7UL);
	}
	d->held_len = 0;
	if (d->unwind)
		note(d, unwind__walk_raw(d->unwind, false, put_walked, d));
}

int drain__last_stacks(struct drain *d)
{
	__u64 until = now_ns() + LAST_WAIT_NS;
	struct unwind_stats st;

	if (!d->unwind)
		return 0;
	for (;;) {
		unwind__stats(d->unwind, &st);
		if (!st.raw.waiting || now_ns() >= until)
			break;
		usleep(LAST_STEP_US);
		note(d, unwind__walk_raw(d->unwind, false, put_walked, d));
	}
	note(d, unwind__walk_raw(d->unwind, true, put_walked, d));
	return tell(d, 0);
}

int drain__new(struct drain **out, struct tracer *t, struct ledger *l, struct symbols *s,
	       struct sideband *sb, struct unwind *u, struct execs *e)
{
	struct drain *d = calloc(1, sizeof(*d));
	int err;

	*out = NULL;
	if (!d)
		return wt_error(-ENOMEM, "cannot start");
	d->tracer = t;
	d->ledger = l;
	d->symbols = s;
	d->sideband = sb;
	d->unwind = u;
	d->execs = e;
	err = tracer__on_event(t, on_event, d);
	if (err) {
		drain__free(d);
		return err;
	}
	*out = d;
	return 0;
}

int drain__units(struct drain *d, struct units *units, const struct ledger_retire *retire)
{
	d->units = units;
	d->retire = *retire;
	return tracer__on_write(d->tracer, on_event, d);
}

void drain__set_jobs(struct drain *d, struct jobs *jobs)
{
	d->jobs = jobs;
}

void drain__on_span(struct drain *d, tracer_event_fn fn, void *arg)
{
	d->on_span = fn;
	d->span_arg = arg;
}

void drain__conns(struct drain *d, struct conns *conns)
{
	d->conns = conns;
}

void drain__servers(struct drain *d, struct servers *servers)
{
	d->servers = servers;
}

void drain__free(struct drain *d)
{
	if (!d)
		return;
	free(d->held);
	free(d);
}

static int seed_mapping(void *arg, const struct wt_thread_rec *rec)
{
	const struct wt_ev_want want = { .tgid = rec->tgid, .image = rec->image };
	struct drain *d = arg;
	int err;

	if (!(rec->flags & WT_F_LEADER) || (rec->flags & WT_F_KTHREAD))
		return 0;
	/* one process whose mappings cannot be read lacks names: that is counted with its frames */
	err = symbols__seed(d->symbols, rec->tgid, d->start_ns);
	if (!err && d->unwind)
		unwind__want(d->unwind, &want);
	return err == -ENOMEM ? wt_error(err, "cannot keep the mappings of process %u", rec->tgid) : 0;
}

/* A copy of a stack is walked too late for what a VM has thrown away or moved by then. */
#define WARM_JVM_NS (220 * NSEC_PER_MSEC)

int drain__warm(struct drain *d, __u64 until_ns)
{
	struct unwind_stats st;
	int err;

	if (!d->unwind)
		return 0;
	d->start_ns = now_ns();
	err = tracer__wanted(d->tracer, seed_mapping, d);
	while (!err) {
		unwind__warm(d->unwind);
		unwind__stats(d->unwind, &st);
		if (!unwind__busy(d->unwind) ||
		    now_ns() >= until_ns + (st.jvm.processes ? WARM_JVM_NS : 0))
			break;
		usleep(LAST_STEP_US);
	}
	return err;
}

static int seed_new(void *arg, const struct wt_thread_rec *rec)
{
	struct drain *d = arg;

	return unwind__knows(d->unwind, rec->tgid, rec->image) ? 0 : seed_mapping(arg, rec);
}

int drain__warm_rest(struct drain *d)
{
	int err;

	if (!d->unwind)
		return 0;
	d->start_ns = now_ns();
	err = tracer__list(d->tracer, seed_new, d);
	if (!err)
		unwind__warm(d->unwind);
	return err;
}

int drain__seed_mappings(struct drain *d, __u64 start_ns, pid_t launched)
{
	int err;

	d->start_ns = start_ns;
	d->launched = launched;
	err = tracer__records(d->tracer, false, seed_mapping, d);
	return err ? err : drain__seed_execs(d);
}

static int seed_exec(void *arg, const struct wt_thread_rec *rec)
{
	struct drain *d = arg;
	struct wt_exec x;

	if (rec->tgid == (__u32)d->launched)
		return 0;
	/* one that the kernel side has no room for is known by its records all the same */
	if (execs__seed(d->execs, rec, &x))
		tracer__add_exec(d->tracer, &x);
	return 0;
}

int drain__seed_execs(struct drain *d)
{
	return d->execs ? tracer__records(d->tracer, false, seed_exec, d) : 0;
}

static int put_exec(void *arg, const struct wt_exec *x)
{
	struct drain *d = arg;
	struct wt_stages st;

	note(d, execs__put(d->execs, x));
	if (tracer__stages_of(d->tracer, x->image, &st))
		note(d, execs__put_stages(d->execs, &st));
	return 0;
}

static int take_events(struct drain *d)
{
	int err = tracer__consume(d->tracer);

	if (d->units)
		note(d, units__caught_up(d->units));
	if (!err && d->sideband)
		err = sideband__drain(d->sideband, d->symbols);
	if (d->unwind)
		unwind__tick(d->unwind);
	put_held(d);
	symbols__expire(d->symbols, now_ns() - 2 * NSEC_PER_SEC);
	return err;
}

int drain__events(struct drain *d)
{
	return tell(d, take_events(d));
}

static int put_detail(void *arg, const struct wt_detail_key *k, const struct wt_detail_val *v)
{
	struct drain *d = arg;

	if (d->units)
		note(d, units__on_detail(d->units, k, v));
	if (d->execs)
		note(d, execs__on_detail(d->execs, k, v));
	/* exact sums of epochs are no lines of the ledger's: it has its own from the records */
	if (k->state == WT_CPU && WT_REASON_KIND(k->reason) == WT_K_EXACT)
		return 0;
	return note(d, ledger__put_detail(d->ledger, k, v));
}

/* All lines of a generation have been put. */
static void end_generation(struct drain *d)
{
	const __u64 *forgotten;
	unsigned n;

	if (d->units)
		note(d, units__generation(d->units));
	if (d->units && d->execs)
		note(d, execs__tell(d->execs, d->units, now_ns(), false));
	if (d->units)
		note(d, ledger__retire(d->ledger, &d->retire));
	note(d, ledger__generation(d->ledger, now_ns()));
	/* they are sent again */
	n = ledger__forgotten(d->ledger, &forgotten);
	if (n)
		tracer__forget(d->tracer, forgotten, n);
}

int drain__details(struct drain *d)
{
	struct wt_stats st;
	int err;

	err = take_events(d);
	/* before any of their threads can be folded */
	if (!err && d->execs)
		err = tracer__execs(d->tracer, false, put_exec, d);
	if (!err)
		err = tracer__swap_details(d->tracer, put_detail, d);
	if (!err)
		end_generation(d);
	if (err || tracer__stats(d->tracer, &st))
		return tell(d, err);
	ledger__put_lost_exits(d->ledger, &st);
	/* nobody knows whose they were: no line goes on over them */
	if (d->units && st.loss[WT_LOSS_WRITE] != d->lost_writes)
		units__gap(d->units);
	d->lost_writes = st.loss[WT_LOSS_WRITE];
	return tell(d, 0);
}

int drain__records(struct drain *d, bool last)
{
	int err = tracer__records(d->tracer, last, put_record, d);

	if (!err && d->execs)
		err = tracer__execs(d->tracer, true, put_exec, d);
	return tell(d, err);
}

__u64 drain__no_memory(const struct drain *d)
{
	struct ledger_no_memory l;

	ledger__no_memory(d->ledger, &l);
	return d->no_memory + l.lines;
}

bool drain__reseed_wanted(struct drain *d)
{
	bool wanted = d->reseed;

	d->reseed = false;
	return wanted;
}

__u64 drain__stacks(const struct drain *d)
{
	return d->stacks;
}
