/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/watchpoints.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

struct watchpoints {
	struct bpf_program *prog;
	struct bpf_link **links;
	unsigned n, cap;
};

int watchpoints__new(struct watchpoints **out, struct bpf_program *prog)
{
	struct watchpoints *w = calloc(1, sizeof(*w));

	*out = w;
	if (!w)
		return -ENOMEM;
	w->prog = prog;
	return 0;
}

void watchpoints__free(struct watchpoints *w)
{
	if (!w)
		return;
	for (unsigned i = 0; i < w->n; i++)
		bpf_link__destroy(w->links[i]);
	free(w->links);
	free(w);
}

int watchpoints__add(struct watchpoints *w, pid_t tid, __u64 address)
{
	struct perf_event_attr a = {
		.type = PERF_TYPE_BREAKPOINT, .size = sizeof(a), .sample_period = 1,
		.bp_type = HW_BREAKPOINT_W, .bp_addr = address, .bp_len = HW_BREAKPOINT_LEN_8,
		.exclude_kernel = 1, .exclude_hv = 1, .inherit = 1,
		.remove_on_exec = 1,	/* another program has something else there */
	};
	struct bpf_link **grown;
	int fd, err;

	if (w->n == w->cap) {
		unsigned cap = w->cap ? 2 * w->cap : 16;

		grown = reallocarray(w->links, cap, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		w->links = grown;
		w->cap = cap;
	}
	fd = syscall(SYS_perf_event_open, &a, tid, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0)
		return -errno;
	w->links[w->n] = bpf_program__attach_perf_event(w->prog, fd);
	if (!w->links[w->n]) {
		err = -errno;
		close(fd);
		return err;
	}
	w->n++;
	return 0;
}
