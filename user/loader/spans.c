/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/spans.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "loader/tracer.h"
#include "util/log.h"

/* One probe, or with multi all of one kind that a span has in one file. */
struct probe {
	struct bpf_link *link;		/* NULL: fd is the link */
	int fd;
	unsigned n;			/* probes */
	__u32 span;
};

/*
 * What BPF_LINK_CREATE takes for many probes (Linux 6.6; include/uapi/linux/bpf.h).
 * libbpf 1.1 is older than that.
 */
struct multi_attr {
	__u32 prog_fd, target_fd, attach_type, flags;
	__u64 path, offsets, ref_ctr_offsets, cookies;
	__u32 cnt, multi_flags, pid, zero;
};
#define MULTI_RETURN 1

struct span_probes {
	struct tracer_spans tracer;
	struct wt_span_total *per_cpu;
	struct probe *v;
	unsigned n, cap;
};

int span_probes__new(struct span_probes **out, struct tracer *t)
{
	struct span_probes *p = calloc(1, sizeof(*p));

	*out = NULL;
	if (!p)
		return wt_error(-ENOMEM, "cannot start");
	tracer__spans(t, &p->tracer);
	p->per_cpu = calloc(p->tracer.n_cpus, sizeof(*p->per_cpu));
	if (!p->per_cpu) {
		free(p);
		return wt_error(-ENOMEM, "cannot start");
	}
	*out = p;
	return 0;
}

static void destroy(struct probe *v)
{
	if (v->link)
		bpf_link__destroy(v->link);
	else
		close(v->fd);
}

void span_probes__free(struct span_probes *p)
{
	if (!p)
		return;
	for (unsigned i = 0; i < p->n; i++)
		destroy(&p->v[i]);
	free(p->v);
	free(p->per_cpu);
	free(p);
}

static int make_room(struct span_probes *p)
{
	unsigned cap = p->cap ? 2 * p->cap : 64;
	struct probe *v;

	if (p->n < p->cap)
		return 0;
	v = reallocarray(p->v, cap, sizeof(*v));
	if (!v)
		return wt_error(-ENOMEM, "cannot note a probe");
	p->v = v;
	p->cap = cap;
	return 0;
}

static int say_refused(int err, const struct span_place *at, const char *name, const char *shown)
{
	if (err == -ENOTSUP || err == -EINVAL || err == -EOPNOTSUPP)
		return wt_error(err, "span %s: the kernel takes no probe at offset 0x%llx of %s", name,
				at->off, shown);
	return wt_error(err, "span %s: cannot put a probe into %s", name, shown);
}

static int attach_each(struct span_probes *p, __u32 span, const char *path,
		       const struct span_places *places, const char *name, const char *shown)
{
	int err = 0;

	for (unsigned i = 0; i < places->n && !err; i++) {
		const struct span_place *at = &places->v[i];
		LIBBPF_OPTS(bpf_uprobe_opts, opts,
			.ref_ctr_offset = at->semaphore,
			.bpf_cookie = WT_SPAN_COOKIE(span, at->at),
			.retprobe = at->ret,
		);
		struct bpf_link *link;

		err = make_room(p);
		if (err)
			break;
		link = bpf_program__attach_uprobe_opts(p->tracer.probe, -1, path, at->off, &opts);
		if (!link)
			err = say_refused(-errno, at, name, shown);
		else
			p->v[p->n++] = (struct probe){ .link = link, .n = 1, .span = span };
	}
	return err;
}

/* All places that are return probes, or all that are none, with one link: that is quicker to undo, too. */
static int attach_kind(struct span_probes *p, __u32 span, const char *path,
		       const struct span_places *places, bool ret, const char *name, const char *shown)
{
	__u64 *v = calloc(places->n, 3 * sizeof(*v)), *offsets = v, *counters = v + places->n;
	__u64 *cookies = v + 2 * places->n;
	const struct span_place *first = NULL;
	struct multi_attr attr = {
		.prog_fd = bpf_program__fd(p->tracer.probe),
		.attach_type = bpf_program__expected_attach_type(p->tracer.probe),
		.path = (uintptr_t)path, .offsets = (uintptr_t)offsets, .cookies = (uintptr_t)cookies,
		.multi_flags = ret ? MULTI_RETURN : 0,
	};
	int fd, err = v ? make_room(p) : wt_error(-ENOMEM, "cannot note a probe");

	for (unsigned i = 0; i < places->n && !err; i++) {
		const struct span_place *at = &places->v[i];

		if (at->ret != ret)
			continue;
		first = first ? first : at;
		offsets[attr.cnt] = at->off;
		counters[attr.cnt] = at->semaphore;
		cookies[attr.cnt++] = WT_SPAN_COOKIE(span, at->at);
		if (at->semaphore)
			attr.ref_ctr_offsets = (uintptr_t)counters;
	}
	if (!err && attr.cnt) {
		fd = syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr));
		if (fd < 0)
			err = say_refused(-errno, first, name, shown);
		else
			p->v[p->n++] = (struct probe){ .fd = fd, .n = attr.cnt, .span = span };
	}
	free(v);
	return err;
}

int span_probes__attach(struct span_probes *p, __u32 span, int fd, const struct span_places *places,
			const char *name, const char *shown)
{
	char path[64];
	int err;

	/* the very file, whatever its name means to us */
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!p->tracer.multi)
		return attach_each(p, span, path, places, name, shown);
	err = attach_kind(p, span, path, places, false, name, shown);
	return err ? err : attach_kind(p, span, path, places, true, name, shown);
}

unsigned span_probes__count(const struct span_probes *p, __u32 span)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n; i++)
		n += p->v[i].span == span ? p->v[i].n : 0;
	return n;
}

void span_probes__detach(struct span_probes *p, __u32 span)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < p->n; i++) {
		if (p->v[i].span == span)
			destroy(&p->v[i]);
		else
			p->v[kept++] = p->v[i];
	}
	p->n = kept;
}

int span_probes__total(const struct span_probes *p, __u32 span, struct wt_span_total *out,
		       __u64 *busiest)
{
	const struct wt_span_total *cpu = p->per_cpu;

	memset(out, 0, sizeof(*out));
	*busiest = 0;
	if (bpf_map_lookup_elem(p->tracer.totals_fd, &span, p->per_cpu))
		return -errno;
	for (unsigned c = 0; c < p->tracer.n_cpus; c++, cpu++) {
		__u64 max = out->max_ns > cpu->max_ns ? out->max_ns : cpu->max_ns;

		for (size_t i = 0; i < sizeof(*out) / 8; i++)
			((__u64 *)out)[i] += ((const __u64 *)cpu)[i];
		out->max_ns = max;
		if (cpu->hits > *busiest)
			*busiest = cpu->hits;
	}
	return 0;
}
