/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/jvm_perfmap.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "runtime/jvm_attach.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/thread.h"

#define MAX_VMS 64			/* a descriptor each */
#define LISTEN_MS 5000
#define ANSWER_MS 3000
/* A VM compiles most at its beginning: from one question to the next half as long again. */
#define FIRST_PAUSE_NS (NSEC_PER_SEC / 2)
#define LAST_PAUSE_NS (64 * NSEC_PER_SEC)
#define LINGER_NS (10 * NSEC_PER_SEC)	/* stacks of an ended process may still be under way */

struct vm {
	struct jvm_attach who;
	struct jvm_map_file file;
	__u64 next_ns, pause_ns;	/* when it is asked next; 0: never again */
	__u64 left_ns;			/* when it ended, 0: it has not */
};

struct jvm_perfmap {
	struct vm vm[MAX_VMS];
	unsigned n;
	bool full_said;
	int cancel_fd;
	/* the question under way: the thread's own until done */
	bool asking;
	pthread_t thread;
	struct vm asked;
	int result;
	char why[160];
	bool done;			/* __atomic */
};

int jvm_perfmap__new(struct jvm_perfmap **out)
{
	struct jvm_perfmap *m = calloc(1, sizeof(*m));

	*out = NULL;
	if (!m)
		return -ENOMEM;
	m->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (m->cancel_fd < 0) {
		free(m);
		return -errno;
	}
	*out = m;
	return 0;
}

static struct vm *find(struct jvm_perfmap *m, __u32 tgid)
{
	for (unsigned i = 0; i < m->n; i++)
		if (m->vm[i].who.tgid == tgid && !m->vm[i].left_ns)
			return &m->vm[i];
	return NULL;
}

static void *ask(void *arg)
{
	struct jvm_perfmap *m = arg;

	m->result = jvm_attach__perfmap(&m->asked.who, &m->asked.file, m->why, sizeof(m->why));
	__atomic_store_n(&m->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void remove_file(struct vm *v)
{
	int err = jvm_attach__remove(&v->file);

	if (err && err != -ENOENT)
		wt_warn("process %u: its perf map /tmp/%s could not be removed", v->who.tgid, v->file.name);
}

/* What came of the question. */
static void take(struct jvm_perfmap *m, __u64 now)
{
	struct vm *v;

	pthread_join(m->thread, NULL);
	m->asking = false;
	/* it may have ended meanwhile: then there is still its file */
	for (v = m->vm; v < m->vm + m->n; v++)
		if (v->who.tgid == m->asked.who.tgid && v->who.seen_ns == m->asked.who.seen_ns)
			break;
	if (v == m->vm + m->n) {
		remove_file(&m->asked);
		return;
	}
	v->file = m->asked.file;
	v->next_ns = m->result ? 0 : now + v->pause_ns;
	v->pause_ns = v->pause_ns < LAST_PAUSE_NS * 2 / 3 ? v->pause_ns * 3 / 2 : LAST_PAUSE_NS;
	if (m->result && m->result != -EEXIST && m->result != -ECANCELED && !v->left_ns)
		wt_warn("process %u: no perf map (--jvm-perfmap): %s", v->who.tgid, m->why);
	else if (m->result == -EEXIST)
		wt_info("process %u: it has a perf map already, which is not asked for again", v->who.tgid);
}

static void start(struct jvm_perfmap *m, struct vm *v)
{
	m->asked = *v;
	m->done = false;
	m->why[0] = 0;
	m->asking = !thread__start(&m->thread, ask, m);
	v->next_ns = 0;
}

void jvm_perfmap__want(struct jvm_perfmap *m, __u32 tgid, __u64 start, __u64 end)
{
	__u64 now = now_ns();

	jvm_perfmap__leave(m, tgid);
	if (m->n == MAX_VMS) {
		if (!m->full_said)
			wt_warn("more than %d Java processes: no perf map of process %u and later ones",
				MAX_VMS, tgid);
		m->full_said = true;
		return;
	}
	m->vm[m->n++] = (struct vm){
		.who = { .tgid = tgid, .start = start, .end = end, .seen_ns = now,
			 .cancel_fd = m->cancel_fd, .listen_ms = LISTEN_MS, .answer_ms = ANSWER_MS },
		.file = { .tmp_fd = -1 },
		.next_ns = now,
		.pause_ns = FIRST_PAUSE_NS,
	};
}

void jvm_perfmap__leave(struct jvm_perfmap *m, __u32 tgid)
{
	struct vm *v = find(m, tgid);

	if (v)
		v->left_ns = now_ns();
}

void jvm_perfmap__tick(struct jvm_perfmap *m, __u64 now)
{
	if (m->asking && __atomic_load_n(&m->done, __ATOMIC_ACQUIRE))
		take(m, now);
	if (m->asking)
		return;
	for (unsigned i = 0; i < m->n;) {
		struct vm *v = &m->vm[i];

		if (v->left_ns && v->left_ns + LINGER_NS <= now) {
			remove_file(v);
			*v = m->vm[--m->n];
			continue;
		}
		if (!v->left_ns && v->next_ns && v->next_ns <= now) {
			start(m, v);
			return;
		}
		i++;
	}
}

void jvm_perfmap__free(struct jvm_perfmap *m)
{
	if (!m)
		return;
	if (m->asking) {
		eventfd_write(m->cancel_fd, 1);
		take(m, now_ns());
	}
	for (unsigned i = 0; i < m->n; i++)
		remove_file(&m->vm[i]);
	close(m->cancel_fd);
	free(m);
}
