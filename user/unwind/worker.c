// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * worker.c - the thread that compiles objects and puts their tables where the
 * kernel side reads them.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "unwind/tables_impl.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/thread.h"

#define CHUNKS_AHEAD 12		/* 3 MiB: a C library, a program and a large library */
#define AHEAD_AFTER_NS (60 * NSEC_PER_MSEC)	/* the start's own requests to the kernel go first */
#define TRIM_BYTES (1 << 20)	/* a table of that size has left as much free memory behind */

/* What the kernel side counts is newer than what the request said. */
static __u64 heat(const struct tables *t, const struct job *j)
{
	__u64 wanted = __atomic_load_n(&t->maps.wanted[j->object], __ATOMIC_RELAXED);

	return wanted > j->heat ? wanted : j->heat;
}

/* The job that is due and wanted most, −1: none; *next: when one will be, 0: never. */
static int choose(const struct tables *t, __u64 now, __u64 *next)
{
	int best = -1;

	*next = 0;
	for (__u32 i = 0; i < t->n_jobs; i++) {
		const struct job *j = &t->job[i];

		if (j->not_before > now) {
			if (!*next || j->not_before < *next)
				*next = j->not_before;
			continue;
		}
		if (best < 0 || heat(t, j) > heat(t, &t->job[best]))
			best = i;
	}
	return best;
}

/* Nobody maps it, and it was not used for a while. */
static bool evictable(const struct tables *t, const struct entry *e, __u64 now)
{
	return e->state == READY && e->rows && e->mapped <= 0 && now - e->used >= t->opts.idle_ns;
}

/* Of those, the one that was not used for the longest time, 0: none. */
static __u32 victim(const struct tables *t, __u64 now)
{
	__u32 best = 0;

	for (__u32 i = 1; i < WT_MAX_OBJECTS; i++)
		if (evictable(t, &t->entry[i], now) &&
		    (!best || t->entry[i].used < t->entry[best].used))
			best = i;
	return best;
}

/* Nothing is evicted for what would not fit even so. */
static bool hopeless(const struct tables *t, __u32 n, __u64 now)
{
	__u64 rows = t->ranges.left;

	for (__u32 i = 1; i < WT_MAX_OBJECTS; i++)
		if (evictable(t, &t->entry[i], now))
			rows += t->entry[i].rows;
	return rows < n;
}

/*
 * Room for n rows.  -EAGAIN: once what rests has rested; if need be, others are
 * evicted for it.  -ENOSPC: not even then.
 */
static int make_room(struct tables *t, __u32 n, __u32 *row0)
{
	__u64 now = t->opts.now_ns();
	__u32 object;
	int err;

	err = ranges__take(&t->ranges, n, now, row0);
	if (err != -ENOSPC || hopeless(t, n, now))
		return err;
	while (!ranges__will_fit(&t->ranges, n)) {
		object = victim(t, now);
		if (!object)
			return -ENOSPC;
		tables__take_away(t, object, now);
		t->stats.evicted++;
	}
	return -EAGAIN;
}

/* Makes sure of those chunks; without the lock: the kernel may take 10 ms for them, or for each. */
static int make_chunks(struct tables *t, __u32 first, __u32 last)
{
	if (t->maps.make_chunks && last > first)
		t->maps.make_chunks(t->maps.ctx, first, last);
	for (__u32 c = first; c <= last; c++)
		if (!t->maps.chunk(t->maps.ctx, c))
			return -ENOSPC;
	return 0;
}

static void count_chunks(struct tables *t, __u32 first, __u32 last)
{
	for (__u32 c = first; c <= last; c++) {
		if (!(t->chunks[c / 64] & 1ULL << c % 64))
			t->stats.bytes += WT_CHUNK_ROWS * sizeof(struct wt_row);
		t->chunks[c / 64] |= 1ULL << c % 64;
	}
}

/* The table's own rules by their numbers among all; NULL with *err. */
static __u32 *number_rules(struct tables *t, const struct cfi_table *table, int *err)
{
	__u32 *number = calloc(table->n_rules, sizeof(*number));
	int n;

	*err = number ? 0 : -ENOMEM;
	for (__u32 i = 0; !*err && i < table->n_rules; i++) {
		n = ruleset__number(&t->rules, &table->rules[i]);
		if (n < 0)
			*err = n;
		else
			number[i] = n;
	}
	if (!*err)
		return number;
	free(number);
	return NULL;
}

/* Nobody reads these rows yet: they are in no object. */
static void write_rows(struct tables *t, __u32 row0, const struct cfi_table *table, const __u32 *number)
{
	struct wt_row *chunk = NULL;

	for (__u32 i = 0; i < table->n_rows; i++) {
		__u32 at = row0 + i;

		if (!chunk || !(at % WT_CHUNK_ROWS))
			chunk = t->maps.chunk(t->maps.ctx, at / WT_CHUNK_ROWS);
		chunk[at % WT_CHUNK_ROWS] = (struct wt_row){
			.off = table->rows[i].off, .rule = number[table->rows[i].rule],
		};
	}
}

/* From here on the kernel side walks by it. */
static void publish(struct tables *t, __u32 object, __u32 row0, __u32 rows, __u32 flags)
{
	struct wt_object *o = &t->maps.objects[object];
	struct entry *e = &t->entry[object];

	o->row0 = row0;
	o->rows = rows;
	__atomic_store_n(&o->flags, flags | WT_OBJ_READY, __ATOMIC_RELEASE);
	e->row0 = row0;
	e->rows = rows;
	e->state = READY;
	e->used = t->opts.now_ns();
	t->stats.objects++;
	t->stats.rows += rows;
	/* an object may come and go before anybody asks */
	if (t->n_finished < WT_MAX_OBJECTS)
		t->finished[t->n_finished++] = object;
}

/* With the lock; gives it up while rows are copied.  0, -EAGAIN, -ENOSPC, -ENOMEM or -ECANCELED. */
static int place(struct tables *t, __u32 object, const struct cfi_table *table)
{
	__u32 row0 = 0, *number, first, last;
	int err = 0;

	if (!table->n_rows) {
		publish(t, object, 0, 0, table->flags);
		return 0;
	}
	number = number_rules(t, table, &err);
	if (!number)
		return err;
	err = make_room(t, table->n_rows, &row0);
	if (err)
		goto out;
	first = row0 / WT_CHUNK_ROWS;
	last = (row0 + table->n_rows - 1) / WT_CHUNK_ROWS;
	pthread_mutex_unlock(&t->lock);
	err = make_chunks(t, first, last);
	if (!err)
		write_rows(t, row0, table, number);
	pthread_mutex_lock(&t->lock);
	if (!err)
		count_chunks(t, first, last);
	if (!err && t->cancel)
		err = -ECANCELED;
	if (err)
		ranges__give(&t->ranges, row0, table->n_rows, 0);
	else
		publish(t, object, row0, table->n_rows, table->flags);
out:
	free(number);
	return err;
}

/* Not now, for want of memory or (-ENOSPC) of room in the tables. */
static void put_off(struct tables *t, __u32 object, int err)
{
	struct entry *e = &t->entry[object];

	e->state = FULL;
	e->not_before = t->opts.now_ns() + t->opts.retry_ns;
	if (err != -ENOSPC)
		return;
	t->stats.full++;
	if (!t->said_full)
		wt_warn("the unwind tables are full (%zu MiB): stacks through further binaries end early",
			t->opts.max_bytes >> 20);
	t->said_full = true;
}

/* What became of the compiled table, or of the attempt; with the lock. */
static void settle(struct tables *t, struct job *j, const struct cfi_table *table, int err)
{
	if (table) {
		t->stats.compile_ns += table->cpu_ns;
		t->stats.bad_fdes += table->bad_fdes;
		err = place(t, j->object, table);
	} else if (err != -ENOMEM && err != -ECANCELED) {
		wt_debug("object %u: no unwind table (%d)", j->object, err);
		t->stats.failed++;
		t->stats.compiled++;
		publish(t, j->object, 0, 0, 0);
		return;
	}
	if (t->cancel)
		return;
	if (err == -EAGAIN) {
		/* compiled once more then: to keep it would cost as much memory as it has rows */
		j->not_before = ranges__next(&t->ranges);
		err = tables__add_job(t, j);
		if (!err) {
			j->fd = -1;
			j->image = NULL;
			return;
		}
	}
	if (err)
		put_off(t, j->object, err);
	else
		t->stats.compiled++;
}

static void run(struct tables *t, struct job *j)
{
	struct cfi_table *table = NULL;
	size_t bytes;
	int err;

	t->working = j->object;
	t->cancel = 0;
	pthread_mutex_unlock(&t->lock);
	if (j->fd >= 0)
		err = cfi__compile(j->fd, &t->opts.limits, &table);
	else
		err = cfi__compile_image(j->image, j->image_sz, &t->opts.limits, &table);
	pthread_mutex_lock(&t->lock);
	if (!t->cancel)
		settle(t, j, table, err);
	t->working = 0;
	bytes = table ? table->bytes : 0;
	cfi__free(table);
	if (j->fd >= 0)
		close(j->fd);
	free(j->image);
	pthread_mutex_unlock(&t->lock);
	if (bytes >= TRIM_BYTES)
		malloc_trim(0);
	pthread_mutex_lock(&t->lock);
}

bool tables__run_one(struct tables *t)
{
	__u64 next;
	struct job j;
	int i = choose(t, t->opts.now_ns(), &next);

	if (i < 0)
		return false;
	j = t->job[i];
	t->job[i] = t->job[--t->n_jobs];
	run(t, &j);
	return true;
}

static void wait_until(struct tables *t, __u64 ns)
{
	struct timespec ts = { .tv_sec = ns / NSEC_PER_SEC, .tv_nsec = ns % NSEC_PER_SEC };

	if (ns)
		pthread_cond_timedwait(&t->cond, &t->lock, &ts);
	else
		pthread_cond_wait(&t->cond, &t->lock);
}

static unsigned chunks_ahead(const struct tables *t)
{
	size_t room = t->opts.max_bytes / (WT_CHUNK_ROWS * sizeof(struct wt_row));

	return room < CHUNKS_AHEAD ? room : CHUNKS_AHEAD;
}

/* One more chunk before it is needed: tables do not wait for the kernel then.  With the lock. */
static void make_ahead(struct tables *t, unsigned *made, unsigned ahead)
{
	int err;

	pthread_mutex_unlock(&t->lock);
	err = make_chunks(t, *made, *made);
	pthread_mutex_lock(&t->lock);
	if (err)
		wt_debug("the first chunks of the unwind tables cannot be made ahead");
	*made = err ? ahead : *made + 1;
}

void *tables__worker(void *arg)
{
	struct tables *t = arg;
	unsigned made = 0, ahead = chunks_ahead(t);
	__u64 next, now, from = t->opts.now_ns() + AHEAD_AFTER_NS;

	pthread_setname_np(pthread_self(), "wt-tables");
	/*
	 * A table costs the same sooner or later, but until it is there stacks end early: it
	 * goes before what is traced.
	 */
	thread__eager();
	pthread_mutex_lock(&t->lock);
	while (!t->stop) {
		now = t->opts.now_ns();
		if (choose(t, now, &next) >= 0)
			tables__run_one(t);
		else if (made < ahead && now >= from)
			make_ahead(t, &made, ahead);
		else
			wait_until(t, made < ahead && (!next || next > from) ? from : next);
	}
	pthread_mutex_unlock(&t->lock);
	return NULL;
}
