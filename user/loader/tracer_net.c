/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tracer_net.c - TCP connections: their programs, and the walks that tell how they stand. */
#include "loader/tracer_impl.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "loader/walk.h"
#include "util/log.h"

void tracer__choose_net(struct worktrace_bpf *skel, bool follows)
{
	struct bpf_program *const progs[] = {
		skel->progs.wt_sock_state, skel->progs.wt_sock_gone, skel->progs.wt_reset_sent,
		skel->progs.wt_reset_received, skel->progs.wt_iter_file, skel->progs.wt_iter_conn,
		skel->progs.wt_iter_listener, skel->progs.wt_iter_server,
	};

	for (unsigned i = 0; i < sizeof(progs) / sizeof(*progs); i++)
		bpf_program__set_autoload(progs[i], follows);
	/* attached by hand: they want to know of which map */
	bpf_program__set_autoattach(skel->progs.wt_iter_conn, false);
	bpf_program__set_autoattach(skel->progs.wt_iter_listener, false);
}

/* An iterator over the elements of a map. */
static int attach_walk(struct bpf_program *prog, struct bpf_map *map, struct bpf_link **link)
{
	union bpf_iter_link_info info = { .map.map_fd = bpf_map__fd(map) };
	DECLARE_LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info,
			    .link_info_len = sizeof(info));

	*link = bpf_program__attach_iter(prog, &opts);
	return *link ? 0 : wt_error(-errno, "cannot attach to the map %s", bpf_map__name(map));
}

int tracer__attach_net(struct tracer *t)
{
	int err;

	if (!t->follows)
		return 0;
	err = attach_walk(TRACER_PROG(t, wt_iter_conn), t->skel->maps.conns,
			  &TRACER_LINK(t, wt_iter_conn));
	return err ? err : attach_walk(TRACER_PROG(t, wt_iter_listener), t->skel->maps.listeners,
				       &TRACER_LINK(t, wt_iter_listener));
}

int tracer__find_conns(struct tracer *t, bool late)
{
	int fd, err;

	if (!t->follows)
		return 0;
	fd = bpf_link__fd(TRACER_LINK(t, wt_iter_file));
	t->skel->bss->run_conn_pass = WT_PASS_LISTENERS;
	err = walk__run(fd, 8, "the descriptors of processes", NULL, NULL);
	t->skel->bss->run_conn_pass = late ? WT_PASS_LATE : WT_PASS_CONNS;
	return err ? err : walk__run(fd, 8, "the descriptors of processes", NULL, NULL);
}

bool tracer__conns_wanted(struct tracer *t)
{
	return t->follows && __atomic_exchange_n(&t->skel->bss->run_conn_unseen, 0, __ATOMIC_RELAXED);
}

int tracer__datagrams(const struct tracer *t, tracer_dgram_fn fn, void *arg)
{
	int fd = bpf_map__fd(t->skel->maps.dgrams), err = 0;
	struct wt_dgram_key key;
	struct wt_dgram_val val;

	/* nothing is ever deleted: no key is missed or met twice */
	for (void *at = NULL; !err && !bpf_map_get_next_key(fd, at, &key); at = &key)
		if (!bpf_map_lookup_elem(fd, &key, &val))
			err = fn(arg, &key, &val);
	return err;
}

struct to_conn {
	struct tracer *t;
	tracer_conn_fn fn;
	void *arg;
	__u64 *lost;			/* cookies: an element must not go while the walk stands on it */
	unsigned n_lost, max_lost;
};

static int put_conn(void *arg, void *rec)
{
	struct to_conn *x = arg;
	struct wt_conn *c = rec;

	if (c->flags & WT_CONN_LOST) {
		if (x->n_lost == x->max_lost) {
			unsigned max = x->max_lost ? x->max_lost * 2 : 64;
			__u64 *lost = realloc(x->lost, max * sizeof(*lost));

			if (!lost)
				return wt_error(-ENOMEM, "cannot keep connections");
			x->lost = lost;
			x->max_lost = max;
		}
		x->lost[x->n_lost++] = c->cookie;
	}
	return x->fn(x->arg, c);
}

int tracer__conns(struct tracer *t, tracer_conn_fn fn, void *arg)
{
	struct to_conn x = { .t = t, .fn = fn, .arg = arg };
	int err;

	if (!t->follows)
		return 0;
	err = walk__run(bpf_link__fd(TRACER_LINK(t, wt_iter_conn)), sizeof(struct wt_conn),
			"the connections", put_conn, &x);
	for (unsigned i = 0; i < x.n_lost; i++)
		bpf_map_delete_elem(bpf_map__fd(t->skel->maps.conns), &x.lost[i]);
	free(x.lost);
	return err;
}

struct to_listener {
	tracer_listener_fn fn;
	void *arg;
};

static int put_listener(void *arg, void *rec)
{
	const struct to_listener *x = arg;

	return x->fn(x->arg, rec);
}

int tracer__listeners(struct tracer *t, tracer_listener_fn fn, void *arg)
{
	struct to_listener x = { fn, arg };

	if (!t->follows)
		return 0;
	return walk__run(bpf_link__fd(TRACER_LINK(t, wt_iter_listener)),
			 sizeof(struct wt_listen_row), "the listeners", put_listener, &x);
}

struct to_server {
	tracer_server_fn fn;
	void *arg;
};

static int put_server(void *arg, void *rec)
{
	const struct to_server *x = arg;

	return x->fn(x->arg, rec);
}

int tracer__servers(struct tracer *t, tracer_server_fn fn, void *arg)
{
	struct to_server x = { fn, arg };

	if (!t->follows)
		return 0;
	return walk__run(bpf_link__fd(TRACER_LINK(t, wt_iter_server)), sizeof(struct wt_server_row),
			 "the descriptors of processes", put_server, &x);
}
