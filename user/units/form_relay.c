/* SPDX-License-Identifier: GPL-2.0-or-later */
/* form_relay.c - lines that are written twice: whose they are. */
#include "units/form_impl.h"

#include <errno.h>
#include <stdlib.h>

#define RELAY_NS 2000000000ULL	/* a line that comes again within this is passed on */

/* Two marks that say the same of units are taken for one and the same line. */
static __u64 content_hash(const struct unit_mark *m)
{
	__u64 h = form__label_hash(m->label, m->label_len);

	for (const char *p = m->pattern; *p; p++)
		h = u64_mix(h ^ (unsigned char)*p);
	h = u64_mix(h ^ m->done);
	h = u64_mix(h ^ m->total);
	h = u64_mix(h ^ m->said_ns);
	h = u64_mix(h ^ m->remaining_ns);
	return u64_mix(h ^ (m->begin | m->failed << 1 | m->queued << 2)) | 1;
}

/*
 * A task has a number of its own, and what it took is told to the nanosecond: however late, and by
 * whom, the worker's log is shown, it is the same one.
 */
static bool is_unique(const struct unit_mark *m)
{
	return m->handed && m->label && m->said_ns;
}

/* s stood where b stands now: is one of the two the other's line, passed on, or written twice? */
static bool same_line(const struct seen *s, const struct unit_mark *m, __u64 says, __u64 job)
{
	__u64 apart = m->ts_ns > s->ts_ns ? m->ts_ns - s->ts_ns : s->ts_ns - m->ts_ns;

	if (s->says != says || s->sink == m->sink)
		return false;
	if (apart >= RELAY_NS && !is_unique(m))
		return false;
	/* a log of the process's own beside its standard output */
	if (s->image == m->image)
		return m->label || m->has_done;
	if (is_unique(m))
		return true;
	return (s->passed_on || m->passed_on) && (!s->job || !job || s->job == job);
}

/* What was seen of a line that says that, or the place of what was seen longest ago. */
static struct seen *seen_of(const struct form *f, __u64 says)
{
	struct seen *v = f->seen + (says >> 1) % (SEEN_MAX / SEEN_WAYS) * SEEN_WAYS, *oldest = v;

	for (unsigned i = 0; i < SEEN_WAYS; i++) {
		if (v[i].says == says)
			return &v[i];
		if (v[i].ts_ns < oldest->ts_ns)
			oldest = &v[i];
	}
	return oldest;
}

/*
 * tee, a log shipper, an agent that keeps a build's log: what one process writes to
 * a pipe or a terminal another writes again, somewhere else; and many a process writes
 * its log to two places itself.  Whose it is: the one's
 * who wrote where it could be read; of two, the earlier one's.  What has been counted stays counted.
 */
int form__note_origins(struct form *f)
{
	if (!f->seen)
		f->seen = calloc(SEEN_MAX, sizeof(*f->seen));
	if (!f->seen)
		return -ENOMEM;
	for (size_t i = 0; i < f->n_marks; i++) {
		const struct unit_mark *m = &f->marks[i];
		const struct uproc *p = epochs__find_proc(f->epochs, m->image);
		__u64 says = content_hash(m);
		struct seen *s = seen_of(f, says);

		if (!p)
			continue;
		if (same_line(s, m, says, p->job) &&
		    (s->image == m->image || s->passed_on > m->passed_on || s->turn < f->turn ||
		     (s->passed_on == m->passed_on && s->ts_ns <= m->ts_ns)))
			continue;
		*s = (struct seen){ says, m->sink, m->image, p->job, m->ts_ns, f->turn, m->passed_on };
	}
	return 0;
}

bool form__is_relayed(const struct form *f, const struct uproc *p, const struct unit_mark *m)
{
	__u64 says = content_hash(m);

	return f->seen && same_line(seen_of(f, says), m, says, p->job);
}
