// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * wl_mem.c - touches so many MiB of fresh memory, one page after the other.
 *
 * wl_mem MIB
 *
 * In a memory cgroup that has less, each page beyond has to be waited for.  Prints
 * what it cost as JSON: what is neither CPU time nor run-queue wait was waiting.
 */
#define _GNU_SOURCE
#include "wl.h"

#include <sys/mman.h>

int main(int argc, char **argv)
{
	size_t mib = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	struct wl_clock a, b;
	char *p;

	if (!mib) {
		fprintf(stderr, "usage: wl_mem MIB\n");
		return 2;
	}
	p = mmap(NULL, mib << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		wl_die("mmap");
	/* large pages would be given back before anybody waits for one */
	madvise(p, mib << 20, MADV_NOHUGEPAGE);
	a = wl_read();
	for (size_t i = 0; i < mib << 20; i += 4096)
		p[i] = 1;
	b = wl_read();
	printf("{\"pid\": %d, \"wall_ns\": %lld, \"cpu_ns\": %lld, \"runq_ns\": %lld}\n", getpid(),
	       (long long)(b.wall_ns - a.wall_ns), (long long)(b.cpu_ns - a.cpu_ns),
	       (long long)(b.runq_ns - a.runq_ns));
	return 0;
}
