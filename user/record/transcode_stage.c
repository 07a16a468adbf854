/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transcode_stage.c - the stages of transcodes in a session: probes in whatever libraries they use. */
#include "record/session.h"

#include "util/clock.h"
#include "util/thread.h"

static void *put_in(void *probes)
{
	stage_probes__installed(probes);
	return NULL;
}

int session__open_stages(struct session *s)
{
	int err;

	if (!options__stages(s->o))
		return 0;
	err = stage_probes__new(&s->stages, s->tracer);
	if (err)
		return err;
	s->stages_pending = !thread__start(&s->stages_thread, put_in, s->stages);
	if (!s->stages_pending)
		put_in(s->stages);
	return 0;
}

void session__await_stages(struct session *s)
{
	if (s->stages_pending)
		pthread_join(s->stages_thread, NULL);
	s->stages_pending = false;
}

struct libraries {
	struct session *s;
	__u64 since_ns;
};

static void look_at(void *ctx, const struct symbols_mapping *m)
{
	struct libraries *l = ctx;
	int fd = m->object ? symbols__object_fd(l->s->symbols, m->object) : -1;
	__u64 since;

	if (fd < 0)
		return;
	since = stage_probes__file(l->s->stages, fd, symbols__object_path(l->s->symbols, m->object));
	if (since > l->since_ns)
		l->since_ns = since;
}

static __u64 libraries_of(void *arg, __u32 tgid)
{
	struct libraries l = { .s = arg };

	symbols__each_mapping(l.s->symbols, tgid, now_ns(), look_at, &l);
	return l.since_ns;
}

void session__look_for_libraries(struct session *s)
{
	if (s->stages)
		execs__look_for_libraries(s->execs, libraries_of, s);
}
