/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "net/resolve.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "net/peers.h"
#include "util/thread.h"

struct host {
	__u16 family;
	__u8 addr[16];
	char name[NI_MAXHOST];
};

/* What the asking thread works on; the last who is done with it frees it. */
struct query {
	pthread_mutex_t lock;
	pthread_cond_t over;
	bool done;
	unsigned refs, n, answered;
	struct host v[];
};

struct hosts {
	unsigned n;
	struct host v[];
};

static void put_query(struct query *q)
{
	unsigned left;

	pthread_mutex_lock(&q->lock);
	left = --q->refs;
	pthread_mutex_unlock(&q->lock);
	if (left)
		return;
	pthread_mutex_destroy(&q->lock);
	pthread_cond_destroy(&q->over);
	free(q);
}

static void ask(const struct host *h, char *name, size_t sz)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in a4 = { .sin_family = AF_INET };
	int err;

	if (h->family == AF_INET) {
		memcpy(&a4.sin_addr, h->addr, 4);
		err = getnameinfo((void *)&a4, sizeof(a4), name, sz, NULL, 0, NI_NAMEREQD);
	} else {
		memcpy(&a6.sin6_addr, h->addr, 16);
		err = getnameinfo((void *)&a6, sizeof(a6), name, sz, NULL, 0, NI_NAMEREQD);
	}
	if (err)
		name[0] = 0;
}

static void *ask_all(void *arg)
{
	struct query *q = arg;
	char name[NI_MAXHOST];

	for (unsigned i = 0; i < q->n; i++) {
		ask(&q->v[i], name, sizeof(name));
		pthread_mutex_lock(&q->lock);
		memcpy(q->v[i].name, name, sizeof(name));
		q->answered = i + 1;
		pthread_mutex_unlock(&q->lock);
	}
	pthread_mutex_lock(&q->lock);
	q->done = true;
	pthread_cond_signal(&q->over);
	pthread_mutex_unlock(&q->lock);
	put_query(q);
	return NULL;
}

static bool has(const struct query *q, const struct peer_id *id)
{
	for (unsigned i = 0; i < q->n; i++)
		if (q->v[i].family == id->family && !memcmp(q->v[i].addr, id->addr, 16))
			return true;
	return false;
}

static void collect(struct query *q, const struct peers *p, unsigned max)
{
	const struct peer **v = peers__sorted(p);

	for (unsigned i = 0; v && v[i] && q->n < max; i++) {
		if (v[i]->id.others || v[i]->id.own || v[i]->id.family == AF_UNIX || has(q, &v[i]->id))
			continue;
		q->v[q->n].family = v[i]->id.family;
		memcpy(q->v[q->n++].addr, v[i]->id.addr, 16);
	}
	free(v);
}

static void wait_for(struct query *q, unsigned timeout_ms)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += timeout_ms % 1000 * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	while (!q->done && !pthread_cond_timedwait(&q->over, &q->lock, &until))
		;
}

int hosts__resolve(struct hosts **out, const struct peers *p, unsigned max, unsigned timeout_ms)
{
	struct query *q = calloc(1, sizeof(*q) + max * sizeof(q->v[0]));
	struct hosts *h = calloc(1, sizeof(*h) + max * sizeof(h->v[0]));
	pthread_t thread;

	*out = NULL;
	if (!q || !h) {
		free(q);
		free(h);
		return -ENOMEM;
	}
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->over, NULL);
	collect(q, p, max);
	q->refs = 2;
	if (thread__start(&thread, ask_all, q)) {
		q->refs = 1;
	} else {
		pthread_detach(thread);
		pthread_mutex_lock(&q->lock);
		wait_for(q, timeout_ms);
		h->n = q->answered;
		memcpy(h->v, q->v, h->n * sizeof(h->v[0]));
		pthread_mutex_unlock(&q->lock);
	}
	put_query(q);
	*out = h;
	return 0;
}

const char *hosts__name(const struct hosts *h, __u16 family, const __u8 *addr)
{
	for (unsigned i = 0; h && i < h->n; i++)
		if (h->v[i].family == family && !memcmp(h->v[i].addr, addr, 16))
			return h->v[i].name;
	return "";
}

void hosts__free(struct hosts *h)
{
	free(h);
}
