// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * tables.c - the owner's side of the tables: requests, and what is known of each
 * object.  The thread's side is worker.c.
 */
#include "unwind/tables.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unwind/tables_impl.h"
#include "util/clock.h"
#include "util/thread.h"

#define MAX_JOBS 1024		/* waiting; each holds a descriptor */
#define MAX_IMAGE (1 << 20)

static int start_thread(struct tables *t)
{
	int err = thread__start(&t->thread, tables__worker, t);

	t->threaded = !err;
	return -err;
}

static void set_opts(struct tables_opts *o, const struct tables_opts *given)
{
	if (given)
		*o = *given;
	if (!o->max_bytes)
		o->max_bytes = (size_t)40 << 20;
	if (!o->grace_ns)
		o->grace_ns = NSEC_PER_SEC;
	if (!o->idle_ns)
		o->idle_ns = 30 * NSEC_PER_SEC;
	if (!o->retry_ns)
		o->retry_ns = 30 * NSEC_PER_SEC;
	if (!o->now_ns)
		o->now_ns = now_ns;
}

int tables__new(struct tables **out, const struct tables_maps *maps, const struct tables_opts *opts)
{
	struct tables *t = calloc(1, sizeof(*t));
	pthread_condattr_t attr;
	size_t chunks;
	int err;

	*out = NULL;
	if (!t)
		return -ENOMEM;
	t->maps = *maps;
	set_opts(&t->opts, opts);
	t->opts.limits.cancel = &t->cancel;
	pthread_mutex_init(&t->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&t->cond, &attr);
	pthread_condattr_destroy(&attr);

	chunks = t->opts.max_bytes / (WT_CHUNK_ROWS * sizeof(struct wt_row));
	if (chunks > WT_MAX_CHUNKS)
		chunks = WT_MAX_CHUNKS;
	t->entry = calloc(WT_MAX_OBJECTS, sizeof(*t->entry));
	t->finished = calloc(WT_MAX_OBJECTS, sizeof(*t->finished));
	err = t->entry && t->finished ? 0 : -ENOMEM;
	if (!err)
		err = ranges__init(&t->ranges, chunks * WT_CHUNK_ROWS);
	if (!err)
		err = ruleset__init(&t->rules, maps->rules);
	if (!err && !t->opts.no_thread)
		err = start_thread(t);
	if (err) {
		tables__free(t);
		return err;
	}
	*out = t;
	return 0;
}

static void drop_job(struct tables *t, __u32 i)
{
	if (t->job[i].fd >= 0)
		close(t->job[i].fd);
	free(t->job[i].image);
	t->job[i] = t->job[--t->n_jobs];
}

void tables__free(struct tables *t)
{
	if (!t)
		return;
	if (t->threaded) {
		pthread_mutex_lock(&t->lock);
		t->stop = true;
		__atomic_store_n(&t->cancel, 1, __ATOMIC_RELAXED);
		pthread_cond_signal(&t->cond);
		pthread_mutex_unlock(&t->lock);
		pthread_join(t->thread, NULL);
	}
	while (t->n_jobs)
		drop_job(t, 0);
	free(t->job);
	free(t->entry);
	free(t->finished);
	ranges__clear(&t->ranges);
	ruleset__clear(&t->rules);
	pthread_cond_destroy(&t->cond);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

static bool known(const struct tables *t, __u32 object)
{
	const struct entry *e = &t->entry[object];

	return e->state == QUEUED || e->state == READY ||
	       (e->state == FULL && t->opts.now_ns() < e->not_before);
}

int tables__add_job(struct tables *t, const struct job *job)
{
	struct job *grown;

	if (t->n_jobs == t->cap_jobs) {
		grown = reallocarray(t->job, t->cap_jobs + 64, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		t->job = grown;
		t->cap_jobs += 64;
	}
	t->job[t->n_jobs++] = *job;
	return 0;
}

/* Takes over what the job holds, also on error. */
static int enqueue(struct tables *t, struct job job)
{
	int err = 0;

	pthread_mutex_lock(&t->lock);
	if (known(t, job.object))
		goto out;
	job.not_before = t->entry[job.object].not_before;
	if (t->opts.late_ns && job.not_before < t->opts.now_ns() + t->opts.late_ns)
		job.not_before = t->opts.now_ns() + t->opts.late_ns;
	err = t->n_jobs >= MAX_JOBS ? -EAGAIN : tables__add_job(t, &job);
	if (err)
		goto out;
	t->entry[job.object].state = QUEUED;
	job.fd = -1;
	job.image = NULL;
	pthread_cond_signal(&t->cond);
out:
	pthread_mutex_unlock(&t->lock);
	if (job.fd >= 0)
		close(job.fd);
	free(job.image);
	return err;
}

int tables__request(struct tables *t, __u32 object, int fd, __u64 heat)
{
	struct job job = { .object = object, .heat = heat };

	if (!object || object >= WT_MAX_OBJECTS)
		return -EINVAL;
	job.fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return job.fd < 0 ? -errno : enqueue(t, job);
}

int tables__request_image(struct tables *t, __u32 object, const void *image, size_t size, __u64 heat)
{
	struct job job = { .object = object, .heat = heat, .fd = -1, .image_sz = size };

	if (!object || object >= WT_MAX_OBJECTS || !image || size > MAX_IMAGE)
		return -EINVAL;
	job.image = malloc(size + 1);
	if (!job.image)
		return -ENOMEM;
	memcpy(job.image, image, size);
	return enqueue(t, job);
}

bool tables__known(struct tables *t, __u32 object)
{
	bool ret;

	if (object >= WT_MAX_OBJECTS)
		return true;
	pthread_mutex_lock(&t->lock);
	ret = known(t, object);
	pthread_mutex_unlock(&t->lock);
	return ret;
}

__u32 tables__flags(struct tables *t, __u32 object)
{
	__u32 flags = 0;

	if (object >= WT_MAX_OBJECTS)
		return 0;
	pthread_mutex_lock(&t->lock);
	if (t->entry[object].state == READY)
		flags = t->maps.objects[object].flags;
	pthread_mutex_unlock(&t->lock);
	return flags;
}

void tables__mapped(struct tables *t, __u32 object, int change)
{
	if (object >= WT_MAX_OBJECTS)
		return;
	pthread_mutex_lock(&t->lock);
	t->entry[object].mapped += change;
	t->entry[object].used = t->opts.now_ns();
	pthread_mutex_unlock(&t->lock);
}

void tables__used(struct tables *t, __u32 object)
{
	if (object >= WT_MAX_OBJECTS)
		return;
	pthread_mutex_lock(&t->lock);
	t->entry[object].used = t->opts.now_ns();
	pthread_mutex_unlock(&t->lock);
}

/*
 * First the object is no longer ready, then its count starts anew: the kernel side
 * says that it wants an object when it counts from 0 to 1.
 */
void tables__take_away(struct tables *t, __u32 object, __u64 now)
{
	struct entry *e = &t->entry[object];

	__atomic_store_n(&t->maps.objects[object].flags, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&t->maps.wanted[object], 0, __ATOMIC_RELAXED);
	/* without memory to note it, the place is lost */
	ranges__give(&t->ranges, e->row0, e->rows, now + t->opts.grace_ns);
	t->stats.rows -= e->rows;
	t->stats.objects--;
	e->state = UNKNOWN;
	e->rows = 0;
	e->not_before = now + t->opts.grace_ns;
}

void tables__forget(struct tables *t, __u32 object)
{
	struct entry *e;
	__u32 i;

	if (object >= WT_MAX_OBJECTS)
		return;
	pthread_mutex_lock(&t->lock);
	e = &t->entry[object];
	for (i = 0; i < t->n_jobs; i++)
		if (t->job[i].object == object)
			drop_job(t, i--);
	if (t->working == object)
		__atomic_store_n(&t->cancel, 1, __ATOMIC_RELAXED);
	if (e->state == READY)
		tables__take_away(t, object, t->opts.now_ns());
	else if (e->state == FULL)
		e->not_before = 0;
	__atomic_store_n(&t->maps.wanted[object], 0, __ATOMIC_RELAXED);
	e->state = UNKNOWN;
	e->mapped = 0;
	pthread_mutex_unlock(&t->lock);
}

unsigned tables__finished(struct tables *t, __u32 *objects, unsigned n)
{
	pthread_mutex_lock(&t->lock);
	if (n > t->n_finished)
		n = t->n_finished;
	t->n_finished -= n;
	memcpy(objects, t->finished + t->n_finished, n * sizeof(*objects));
	pthread_mutex_unlock(&t->lock);
	return n;
}

void tables__stats(struct tables *t, struct tables_stats *out)
{
	pthread_mutex_lock(&t->lock);
	*out = t->stats;
	out->queued = t->n_jobs + (t->working != 0);
	out->rules = t->rules.n;
	pthread_mutex_unlock(&t->lock);
}

bool tables__work(struct tables *t)
{
	bool did;

	pthread_mutex_lock(&t->lock);
	did = tables__run_one(t);
	pthread_mutex_unlock(&t->lock);
	return did;
}
