/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drain/sideband.h"

#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "drain/sideband_ring.h"
#include "util/log.h"

#ifndef PERF_FLAG_FD_CLOEXEC
#define PERF_FLAG_FD_CLOEXEC (1UL << 3)
#endif

/*
 * Each record of a new mapping wakes us by itself (the shortest one has 88
 * bytes), as its process may be gone in a moment; of fork and exit it takes two.
 */
#define WAKEUP_BYTES 80
#define MAX_CPUS 4096
/* Drains see what comes while they work, but not for ever. */
#define MAX_ROUNDS 8

struct sideband {
	struct sideband_ring *ring;
	unsigned n;
	unsigned pages;
	int epfd;
	bool no_build_id;
	__u64 lost, records;
};

static void make_attr(struct perf_event_attr *attr, bool build_id)
{
	memset(attr, 0, sizeof(*attr));
	attr->type = PERF_TYPE_SOFTWARE;
	attr->size = sizeof(*attr);
	attr->config = PERF_COUNT_SW_DUMMY;
	attr->sample_type = PERF_SAMPLE_TIME;
	attr->read_format = PERF_FORMAT_LOST;	/* since Linux 6.0 */
	attr->mmap = 1;
	attr->mmap2 = 1;
	attr->build_id = build_id;
	attr->task = 1;
	attr->comm = 1;
	attr->comm_exec = 1;
	attr->sample_id_all = 1;
	attr->use_clockid = 1;
	attr->clockid = CLOCK_MONOTONIC;
	attr->watermark = 1;
	attr->wakeup_watermark = WAKEUP_BYTES;
}

static int open_event(struct sideband *sb, int cpu)
{
	struct perf_event_attr attr;
	int fd;

	make_attr(&attr, !sb->no_build_id);
	fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0 && errno == EINVAL && !sb->no_build_id) {
		/* build ids in records came with Linux 5.12; files then have to say theirs */
		sb->no_build_id = true;
		make_attr(&attr, false);
		fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	}
	return fd < 0 ? -errno : fd;
}

/* 0, 1 when that CPU is not there, or a negative errno, printed. */
static int open_cpu(struct sideband *sb, int cpu)
{
	struct sideband_ring *r = &sb->ring[sb->n];
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = sb->n };
	size_t page = sysconf(_SC_PAGESIZE);
	int err;

	r->fd = open_event(sb, cpu);
	if (r->fd == -ENODEV)
		return 1;
	if (r->fd < 0)
		return wt_error(r->fd, "cannot watch the mappings of processes on CPU %d (perf_event_open)",
				cpu);
	r->size = (size_t)sb->pages * page;
	r->base = mmap(NULL, r->size + page, PROT_READ | PROT_WRITE, MAP_SHARED, r->fd, 0);
	if (r->base == MAP_FAILED) {
		err = -errno;
		r->base = NULL;
		close(r->fd);
		return wt_error(err, "cannot map %u pages for the side-band of CPU %d", sb->pages, cpu);
	}
	r->meta = r->base;
	r->data = (const char *)r->base + page;
	sb->n++;
	if (epoll_ctl(sb->epfd, EPOLL_CTL_ADD, r->fd, &ev))
		return wt_error(-errno, "cannot wait for the side-band of CPU %d", cpu);
	return 0;
}

/* "0-3,5": the CPUs that are online, into set; their number or a negative errno. */
static int online_cpus(int *set)
{
	FILE *f = fopen("/sys/devices/system/cpu/online", "re");
	int from, to, n = 0;
	char sep = ',';

	if (!f)
		return wt_error(-errno, "cannot read /sys/devices/system/cpu/online");
	while (sep == ',' && fscanf(f, "%d", &from) == 1) {
		to = from;
		sep = fgetc(f);
		if (sep == '-') {
			if (fscanf(f, "%d", &to) != 1)
				break;
			sep = fgetc(f);
		}
		for (; from <= to && n < MAX_CPUS; from++)
			set[n++] = from;
	}
	fclose(f);
	return n;
}

int sideband__open(struct sideband **out, unsigned pages)
{
	struct sideband *sb = calloc(1, sizeof(*sb));
	int *cpu = calloc(MAX_CPUS, sizeof(*cpu));
	int i, n, err = -ENOMEM;

	*out = NULL;
	if (sb)
		sb->epfd = -1;
	if (!sb || !cpu) {
		wt_error(err, "cannot open the side-band");
		goto out;
	}
	sb->pages = pages;
	sb->epfd = epoll_create1(EPOLL_CLOEXEC);
	err = n = sb->epfd < 0 ? wt_error(-errno, "cannot open the side-band") : online_cpus(cpu);
	if (err < 0)
		goto out;
	sb->ring = calloc(n + 1, sizeof(*sb->ring));
	err = sb->ring ? 0 : wt_error(-ENOMEM, "cannot open the side-band");
	for (i = 0; i < n && err >= 0; i++)
		err = open_cpu(sb, cpu[i]);
	if (err > 0)
		err = 0;
	if (!err && !sb->n)
		err = wt_error(-ENODEV, "no CPU can be watched for mappings of processes");
out:
	free(cpu);
	if (err) {
		sideband__close(sb);
		sb = NULL;
	}
	*out = sb;
	return err;
}

void sideband__close(struct sideband *sb)
{
	unsigned i;

	if (!sb)
		return;
	for (i = 0; i < sb->n; i++) {
		munmap(sb->ring[i].base, sb->ring[i].size + sysconf(_SC_PAGESIZE));
		close(sb->ring[i].fd);
	}
	if (sb->epfd >= 0)
		close(sb->epfd);
	free(sb->ring);
	free(sb);
}

int sideband__fd(const struct sideband *sb)
{
	return sb->epfd;
}

static __u64 now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

int sideband__drain(struct sideband *sb, struct symbols *s)
{
	unsigned round;
	__u64 until;

	/*
	 * A record that is stamped after the clock was read stays for the next
	 * round: an earlier one may still be on its way into another ring.
	 */
	for (round = 0; round < MAX_ROUNDS; round++) {
		until = now_ns();
		if (sideband_rings__drain(sb->ring, sb->n, until, s, &sb->records, &sb->lost) == 0)
			break;
	}
	return 0;
}

/*
 * What did not fit the rings.  The kernel writes a record of that only with the next one
 * that fits; its count is there at once.
 */
static __u64 count_lost(const struct sideband *sb)
{
	__u64 sum = 0;

	for (unsigned i = 0; i < sb->n; i++) {
		struct { __u64 value, lost; } v;

		if (read(sb->ring[i].fd, &v, sizeof(v)) == sizeof(v))
			sum += v.lost;
	}
	return sum;
}

void sideband__stats(const struct sideband *sb, struct sideband_stats *out)
{
	__u64 counted = count_lost(sb);

	out->lost = counted > sb->lost ? counted : sb->lost;
	out->records = sb->records;
	out->bytes_mapped = (__u64)sb->n * (sb->pages + 1) * sysconf(_SC_PAGESIZE);
}
