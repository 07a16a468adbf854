/* SPDX-License-Identifier: GPL-2.0-or-later */
/* transcode_stage.c - the stages of transcodes in a session: probes in whatever libraries they use, or are made of. */
#include "record/session.h"

#include "ffmpeg/places.h"
#include "util/clock.h"
#include "util/thread.h"

static void *put_in(void *session)
{
	struct session *s = session;

	stage_probes__installed(s->stages);
	if (s->o->command && s->o->command[0])
		stage_probes__command(s->stages, s->o->command[0]);
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
	s->stages_pending = !thread__start(&s->stages_thread, put_in, s);
	if (!s->stages_pending)
		put_in(s);
	return 0;
}

void session__await_stages(struct session *s)
{
	if (s->stages_pending)
		pthread_join(s->stages_thread, NULL);
	s->stages_pending = false;
}

#define ALL_LIBRARIES (1U << FFMPEG_FORMAT | 1U << FFMPEG_CODEC | 1U << FFMPEG_FILTER)

struct libraries {
	struct session *s;
	unsigned seen;			/* 1 << enum ffmpeg_lib */
	__u64 since_ns;
};

static void look_at(void *ctx, const struct symbols_mapping *m)
{
	struct libraries *l = ctx;
	int fd = m->object ? symbols__object_fd(l->s->symbols, m->object) : -1;
	const char *path;
	unsigned major;
	__u64 since;

	if (fd < 0)
		return;
	path = symbols__object_path(l->s->symbols, m->object);
	since = stage_probes__file(l->s->stages, fd, path);
	l->seen |= 1U << ffmpeg_lib__of(path, &major);
	/* a program that takes probes has all three in it */
	if (since && ffmpeg_program__is(path))
		l->seen |= ALL_LIBRARIES;
	if (since > l->since_ns)
		l->since_ns = since;
}

static __u64 libraries_of(void *arg, __u32 tgid)
{
	struct libraries l = { .s = arg };

	symbols__each_mapping(l.s->symbols, tgid, now_ns(), look_at, &l);
	/* the dynamic loader maps one after the other: those that it has not come to need probes, too */
	return (l.seen & ALL_LIBRARIES) == ALL_LIBRARIES ? l.since_ns : 0;
}

void session__look_for_libraries(struct session *s)
{
	if (s->stages)
		execs__look_for_libraries(s->execs, libraries_of, s);
}
