/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * binary.h - the files that the BINARY of --span means: what the target's processes
 * have mapped under that name, in whatever root they live; else a file of ours.
 */
#ifndef WT_SPAN_BINARY_H
#define WT_SPAN_BINARY_H

#include <stdbool.h>
#include <sys/types.h>

#include "target/target.h"

#define BINARY_FILES 16		/* of one name: in as many containers */

struct binary_files {
	struct binary_file {
		int fd;
		dev_t dev;
		ino_t ino;
		char *path;	/* as mapped, or as found: for sentences and debug files */
	} v[BINARY_FILES];
	unsigned n;
};

/* t: whose mappings are looked at; NULL: nobody's, as a command has none yet.  command: its name, or NULL. */
struct binary_search {
	const struct target *t;
	const char *command;
	bool later;		/* processes may start, and map a library that is not there yet */
};

/*
 * Finds binary for the span of that name.  0, or WT_ESAID or a negative errno after
 * one sentence.  A library that nobody has may come later: then there are no files.
 */
int binary_files__find(const char *binary, const char *span, const struct binary_search *s,
		       struct binary_files *out);
void binary_files__free(struct binary_files *f);
/* 1: added, 0: it is there already, or there is no room; takes fd in any case. */
int binary_files__add(struct binary_files *f, int fd, const char *path);

/* "libpq" and "libpq.so.5" mean a file called libpq.so.5.15, "libpq" also libpq-0a1b.so.5. */
bool binary__matches(const char *binary, const char *path);
/* The file that a process has mapped in [start, end): a descriptor, or a negative errno. */
int binary__open_mapped(pid_t pid, unsigned long long start, unsigned long long end);

#endif /* WT_SPAN_BINARY_H */
