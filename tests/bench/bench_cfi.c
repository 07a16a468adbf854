/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bench_cfi - what compiling unwind tables costs: CPU time of one thread, rows and
 * bytes of each file named, as one line of JSON each.  Compiled several times, the
 * median counts: the first time reads the file from disk.
 *
 * Usage: bench_cfi FILE…
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unwind/cfi.h"

#define TIMES 5

static int by_value(const void *a, const void *b)
{
	__u64 x = *(const __u64 *)a, y = *(const __u64 *)b;

	return x < y ? -1 : x > y;
}

static int measure(const char *path)
{
	__u64 cpu_ns[TIMES];
	struct cfi_table *t = NULL;
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = 0;

	if (fd < 0) {
		fprintf(stderr, "bench_cfi: %s: %s\n", path, strerror(errno));
		return 1;
	}
	for (int i = 0; i < TIMES && !err; i++) {
		cfi__free(t);
		t = NULL;
		err = cfi__compile(fd, NULL, &t);
		if (!err)
			cpu_ns[i] = t->cpu_ns;
	}
	close(fd);
	if (err) {
		fprintf(stderr, "bench_cfi: %s: %s\n", path, strerror(-err));
		return 1;
	}
	qsort(cpu_ns, TIMES, sizeof(cpu_ns[0]), by_value);
	printf("{\"file\": \"%s\", \"cpu_ns\": %llu, \"rows\": %u, \"rules\": %u, \"bytes\": %zu}\n",
	       path, cpu_ns[TIMES / 2], t->n_rows, t->n_rules, t->bytes);
	cfi__free(t);
	return 0;
}

int main(int argc, char **argv)
{
	int failed = 0;

	for (int i = 1; i < argc; i++)
		failed |= measure(argv[i]);
	return failed;
}
