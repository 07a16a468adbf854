/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "loader/sampler.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/clock.h"
#include "util/log.h"

struct sampler {
	struct bpf_link **links;
	unsigned n;
};

static int open_event(int cpu, const char *event, unsigned freq)
{
	struct perf_event_attr a = { .size = sizeof(a) };
	int fd;

	if (!strcmp(event, "cycles")) {
		a.type = PERF_TYPE_HARDWARE;
		a.config = PERF_COUNT_HW_CPU_CYCLES;
		a.freq = 1;
		a.sample_freq = freq;
	} else {
		a.type = PERF_TYPE_SOFTWARE;
		a.config = PERF_COUNT_SW_CPU_CLOCK;
		a.sample_period = NSEC_PER_SEC / freq;
	}
	fd = syscall(SYS_perf_event_open, &a, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int sampler__open(struct sampler **out, struct bpf_program *prog, const char *event, unsigned freq)
{
	int cpus = libbpf_num_possible_cpus(), fd, err = 0;
	struct sampler *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (s && cpus > 0)
		s->links = calloc(cpus, sizeof(*s->links));
	if (!s || !s->links) {
		free(s);
		return wt_error(-ENOMEM, "cannot set up sampling");
	}
	for (int cpu = 0; cpu < cpus; cpu++) {
		fd = open_event(cpu, event, freq);
		if (fd == -ENODEV)		/* not online */
			continue;
		if (fd < 0) {
			err = wt_error(fd, "cannot sample %s on CPU %d (-F 0 records without samples)",
				       event, cpu);
			break;
		}
		s->links[s->n] = bpf_program__attach_perf_event(prog, fd);
		if (!s->links[s->n]) {
			err = wt_error(-errno, "cannot attach the sampling program on CPU %d", cpu);
			close(fd);
			break;
		}
		s->n++;
	}
	if (err) {
		sampler__close(s);
		return err;
	}
	*out = s;
	return 0;
}

void sampler__close(struct sampler *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->n; i++)
		bpf_link__destroy(s->links[i]);
	free(s->links);
	free(s);
}
