/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jvm_attach.h - one request to a HotSpot VM over its attach socket, the one that jcmd
 * makes: to write a perf map (Compiler.perfmap, JDK 17 and later).
 *
 * It is the only thing that worktrace ever asks of a traced process, and only with
 * --jvm-perfmap: a file .attach_pidN appears in the process's /tmp and is taken away again,
 * the VM gets one SIGQUIT unless somebody has attached to it before, it opens its socket
 * and writes /tmp/perf-N.map.  N is its number in its own pid namespace.
 *
 * Nothing of it is believed: names are opened without following links, the owner of each
 * file must be the process's user or root, a VM that does not catch SIGQUIT or refuses
 * attachments gets none, every wait ends at a time that was set before.
 */
#ifndef WT_JVM_ATTACH_H
#define WT_JVM_ATTACH_H

#include <linux/types.h>
#include <stddef.h>
#include <sys/types.h>

/* A process as it was when it was seen to be a VM; another one under its number is left alone. */
struct jvm_attach {
	__u32 tgid;
	__u64 start, end;	/* where libjvm is mapped executable */
	__u64 seen_ns;		/* when, CLOCK_MONOTONIC */
	int cancel_fd;		/* becomes readable: give up at once; −1: never */
	unsigned listen_ms;	/* for its socket to appear */
	unsigned answer_ms;	/* … and for its answer */
};

/* The perf map that it wrote. */
struct jvm_map_file {
	int tmp_fd;		/* the process's /tmp, to be closed; −1: none */
	dev_t dev;
	ino_t ino;
	char name[32];		/* in it */
};

/*
 * Asks and waits.  0 and the file; -EEXIST: a map of somebody else's making is there already,
 * and counts; -ECANCELED; or another negative errno with why, a part of a sentence.  *out
 * goes in zeroed with tmp_fd −1, or as the last call left it: then that file may be there.
 */
int jvm_attach__perfmap(const struct jvm_attach *a, struct jvm_map_file *out, char *why, size_t size);
/* Removes the file if it is still that one, and closes.  -ENOENT: it was not there. */
int jvm_attach__remove(struct jvm_map_file *f);

#endif /* WT_JVM_ATTACH_H */
