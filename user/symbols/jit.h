/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jit.h - names for code that a running program has made, from the perf map that
 * its runtime writes in its own /tmp under its own number (perfmap.h).
 *
 * The file is believed when it is a regular one with a single name, belongs to
 * root or to the process's effective user, and was written since the process
 * started: numbers of processes come again, files in /tmp stay.  It is read again
 * when it has grown: every 250 ms, but for at most a twentieth of the time, and at
 * once for an address that it lacks, but for at most a fifth of the time.
 * Once the process is gone only a file in our own /tmp can be found, by the number
 * that we know the process by; its owner cannot be asked for any more.
 */
#ifndef WT_JIT_H
#define WT_JIT_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#define JIT_MAX_PROCESSES 64
#define JIT_MAX_BYTES ((size_t)20 << 20)

struct jit_process;

/* All zero is an empty one. */
struct jit {
	struct jit_process *p[JIT_MAX_PROCESSES];
	unsigned n;
	__u64 clock;
	const char *tmp;	/* NULL: "/tmp"; tests have their own */
};

/*
 * The name, as it stands in a stack, of the code at addr in the program that tgid
 * runs since start_ns (CLOCK_MONOTONIC; 0: unknown) and ran at time_ns.
 */
bool jit__name(struct jit *j, __u32 tgid, __u64 start_ns, __u64 time_ns, __u64 addr, char *buf,
	       size_t sz);
/* Lines in the perf map that would be believed of a process that runs, -1: there is none. */
int jit__lines(struct jit *j, __u32 tgid, __u64 time_ns);
void jit__clear(struct jit *j);

/*
 * What makes code in a process that has a file of that name (its last component)
 * mapped: a number, lower for what is more likely to be it, or -1.
 */
int jit__runtime(const char *module);
const char *jit__runtime_name(int runtime);

#endif /* WT_JIT_H */
