/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "jobs/jobs.h"
#include "jobs/presets.h"
#include "ledger/ledger.h"
#include "ledger/text.h"
#include "units/redact.h"
#include "util/u64map.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_MAX_LEN 512
#define MAX_GROUP_IDS (10 * JOBS_MAX)	/* groups come and go, many of one name */

/* Jobs that are there whatever is recorded; their numbers in struct jobs.fixed. */
enum fixed { KERNEL, SELF, REST, LOST, OTHERS, FIXED };
static const struct job fixed_jobs[FIXED] = {
	[KERNEL] = { .name = "[kernel threads]", .kind = "kernel" },
	[SELF] = { .name = "[worktrace]", .kind = "self" },
	[REST] = { .name = "[system]", .kind = "system" },
	[LOST] = { .name = LEDGER_LOST_ROW, .kind = "lost" },
	[OTHERS] = { .name = "[other jobs]", .kind = "others" },
};

struct jobs {
	struct job **v;
	unsigned n, max;
	struct u64map by_id;		/* of builds and groups → index */
	struct u64map by_lost;		/* of those without an identity → index */
	struct u64map by_group;		/* hash of kind and name, as groups have it → index */
	struct u64map by_name;		/* hash of the name → index */
	const struct job *fixed[FIXED], *target;
};

static __u64 name_hash(const char *s)
{
	__u64 h = 0x6e616d65;

	for (; *s; s++)
		h = u64_mix(h ^ (unsigned char)*s);
	return h;
}

static const struct job *find(const struct jobs *j, const struct u64map *map, __u64 key)
{
	struct u64map_slot *slot = u64map__find(map, key);

	return slot ? j->v[slot->value] : NULL;
}

/*
 * Two jobs of one name (two steps of a build, a build that calls itself like a unit) are
 * told apart by their number here.
 */
static void make_distinct(const struct jobs *j, __u64 id, char *buf, size_t sz)
{
	size_t len = strnlen(buf, sz - 24);

	if (!len)
		len = snprintf(buf, sz, "[unnamed]");
	for (unsigned more = 0; find(j, &j->by_name, name_hash(buf)); more++)
		snprintf(buf + len, sz - len, " ~%08x", (__u32)(id >> 32) + more);
}

static void free_job(struct job *job)
{
	if (!job)
		return;
	for (int i = 0; i < WT_JOB_ROLES; i++)
		if (job->field[i] && job->field[i][0])
			free((char *)job->field[i]);
	free((char *)job->name);
	free(job);
}

/* Takes job over, NULL too: then, or when it cannot be kept, NULL. */
static const struct job *add(struct jobs *j, struct job *job)
{
	if (!job)
		return NULL;
	if (j->n == j->max) {
		unsigned max = j->max ? 2 * j->max : 64;
		struct job **v = reallocarray(j->v, max, sizeof(*v));

		if (!v)
			goto fail;
		j->v = v;
		j->max = max;
	}
	if (!u64map__put(&j->by_name, name_hash(job->name), j->n))
		goto fail;
	for (int i = 0; i < WT_JOB_ROLES; i++)
		if (!job->field[i])
			job->field[i] = "";
	job->index = j->n;
	j->v[j->n++] = job;
	return job;
fail:
	free_job(job);
	return NULL;
}

static struct job *make(const char *name, const char *kind)
{
	struct job *job = calloc(1, sizeof(*job));

	if (!job)
		return NULL;
	job->name = strdup(name);
	job->kind = kind;
	if (job->name)
		return job;
	free(job);
	return NULL;
}

int jobs__new(struct jobs **out, const char *target_kind, const char *target_name)
{
	struct jobs *j = calloc(1, sizeof(*j));
	char clean[NAME_MAX_LEN];

	*out = NULL;
	if (!j)
		return -ENOMEM;
	for (int i = 0; i < FIXED; i++) {
		j->fixed[i] = add(j, make(fixed_jobs[i].name, fixed_jobs[i].kind));
		if (!j->fixed[i])
			goto fail;
	}
	if (target_kind) {
		text__clean(clean, sizeof(clean), target_name, strlen(target_name), false);
		make_distinct(j, 0, clean, sizeof(clean));
		j->target = add(j, make(clean, target_kind));
		if (!j->target)
			goto fail;
	}
	*out = j;
	return 0;
fail:
	jobs__free(j);
	return -ENOMEM;
}

void jobs__free(struct jobs *j)
{
	if (!j)
		return;
	for (unsigned i = 0; i < j->n; i++)
		free_job(j->v[i]);
	free(j->v);
	u64map__free(&j->by_id);
	u64map__free(&j->by_lost);
	u64map__free(&j->by_group);
	u64map__free(&j->by_name);
	free(j);
}

/* A role's value, printable and without what is private; "" when it is not there. */
static void value_of(const struct wt_ev_job *e, unsigned role, char *buf)
{
	char clean[WT_JOB_VALUE];

	buf[0] = 0;
	if (!(e->have >> role & 1))
		return;
	text__clean(clean, sizeof(clean), e->value[role], WT_JOB_VALUE, false);
	redact__text(buf, WT_JOB_VALUE, clean, strlen(clean));
}

static int copy_fields(struct job *job, const struct wt_ev_job *e)
{
	char buf[WT_JOB_VALUE];

	for (int i = 0; i < WT_JOB_ROLES; i++) {
		value_of(e, i, buf);
		job->field[i] = "";
		if (!buf[0])
			continue;
		job->field[i] = strdup(buf);
		if (!job->field[i])
			return -ENOMEM;
	}
	return 0;
}

/* Parts joined by '/', the last one behind '#'. */
static void join(char *buf, size_t sz, const char *const *parts, unsigned n, const char *number)
{
	size_t len = 0;

	buf[0] = 0;
	for (unsigned i = 0; i < n && len < sz; i++)
		if (parts[i][0])
			len += snprintf(buf + len, sz - len, "%s%s", len ? "/" : "", parts[i]);
	if (number[0] && len < sz)
		snprintf(buf + len, sz - len, "%s%s", len ? "#" : "", number);
}

static void display_name(const struct wt_ev_job *e, const char *const *field, char *buf, size_t sz)
{
	const char *number = field[WT_JOB_BUILD][0] ? field[WT_JOB_BUILD] : field[WT_JOB_TAG];
	const char *parts[WT_JOB_ROLES];
	unsigned n = 0;

	if (e->system == WT_JOB_CUSTOM) {
		number = "";
		for (int i = 0; i < WT_JOB_ROLES; i++)
			if (field[i][0])
				parts[n++] = field[i];
		if (n > 1)
			number = parts[--n];
		join(buf, sz, parts, n, number);
		return;
	}
	parts[0] = field[WT_JOB_PROJECT];
	parts[1] = field[WT_JOB_WORKFLOW];
	parts[2] = field[WT_JOB_NAME];
	join(buf, sz, parts, 3, number);
}

int jobs__put_build(struct jobs *j, const struct wt_ev_job *e)
{
	char name[NAME_MAX_LEN];
	const struct job *added;
	struct job *job;

	if (find(j, &j->by_id, e->job) || j->n >= JOBS_MAX)
		return 0;
	job = make("", job_system_name(e->system));
	if (!job || copy_fields(job, e)) {
		free_job(job);
		return -ENOMEM;
	}
	job->build = true;
	display_name(e, job->field, name, sizeof(name));
	make_distinct(j, e->job, name, sizeof(name));
	free((char *)job->name);
	job->name = strdup(name);
	if (!job->name) {
		free_job(job);
		return -ENOMEM;
	}
	added = add(j, job);
	return added && u64map__put(&j->by_id, e->job, added->index) ? 0 : -ENOMEM;
}

/* A unit that was started again, or a container's inner groups: one job for one name. */
int jobs__put_cgroup(struct jobs *j, const struct wt_ev_cgroup *e)
{
	char name[NAME_MAX_LEN];
	const char *kind = cgroup_job_name(e, name, sizeof(name));
	__u64 key = u64_mix(name_hash(kind)) ^ name_hash(name);
	const struct job *job = find(j, &j->by_group, key);

	if (find(j, &j->by_id, e->cgroup) || j->by_id.n >= MAX_GROUP_IDS ||
	    (!job && j->n >= JOBS_MAX))
		return 0;
	if (!job) {
		make_distinct(j, e->cgroup, name, sizeof(name));
		job = add(j, make(name, kind));
		if (!job || !u64map__put(&j->by_group, key, job->index))
			return -ENOMEM;
	}
	return u64map__put(&j->by_id, e->cgroup, job->index) ? 0 : -ENOMEM;
}

/* Its identity found the ring full: it is told from others all the same. */
static const struct job *lost_identity(struct jobs *j, __u64 id, const char *what, const char *kind)
{
	__u64 key = u64_mix(id) ^ name_hash(kind);
	const struct job *job = find(j, &j->by_lost, key);
	char name[64];

	if (job)
		return job;
	snprintf(name, sizeof(name), "[%s %012llx]", what, id >> 16);
	make_distinct(j, id, name, sizeof(name));
	if (j->n < JOBS_MAX)
		job = add(j, make(name, kind));
	if (!job || !u64map__put(&j->by_lost, key, job->index))
		return j->fixed[OTHERS];
	return job;
}

const struct job *jobs__of(struct jobs *j, __u64 job, __u64 cgroup, __u32 flags)
{
	const struct job *found;

	if (job == LEDGER_JOB_LOST)
		return j->fixed[LOST];
	if (job == LEDGER_JOB_OTHERS)
		return j->fixed[OTHERS];
	if (flags & WT_F_SELF)
		return j->fixed[SELF];
	if (flags & WT_F_KTHREAD)
		return j->fixed[KERNEL];
	if (job) {
		found = find(j, &j->by_id, job);
		return found ? found : lost_identity(j, job, "build", "env");
	}
	if (j->target)
		return j->target;
	if (!cgroup)
		return j->fixed[REST];
	found = find(j, &j->by_id, cgroup);
	return found ? found : lost_identity(j, cgroup, "group", "cgroup");
}

unsigned jobs__count(const struct jobs *j)
{
	return j->n;
}

const struct job *jobs__at(const struct jobs *j, unsigned index)
{
	return j->v[index];
}
