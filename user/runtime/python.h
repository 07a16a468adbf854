/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * python.h - CPython interpreters of the traced processes: recognises them, tells
 * the kernel side where their state lies, and gives its Python frames names.
 *
 * The names of code objects come with events, once each, so they outlive their
 * process.  Single-threaded.
 */
#ifndef WT_PYTHON_USER_H
#define WT_PYTHON_USER_H

#include <linux/types.h>
#include <stddef.h>
#include <sys/types.h>

#include "symbols/symbols.h"
#include "worktrace.h"

struct python;

struct python_stats {
	__u64 processes;	/* entries written for the kernel side, over all time */
	__u64 refused;		/* interpreters' files that are recognised and not supported */
	__u64 codes;		/* code objects received */
	__u64 unnamed;		/* frames of code objects that are not known */
	__u64 lineless;		/* frames that show the function's first line for want of a table */
	__u64 flushes;		/* times the memory for code objects was full and was begun anew */
};

/*
 * procs_fd, codes_fd: the maps py_procs and py_code, which stay the caller's; −1:
 * none (tests).  0 or -ENOMEM.
 */
int python__new(struct python **out, int procs_fd, int codes_fd);
void python__free(struct python *py);

/*
 * A process has this file mapped executable.  fd: the file, borrowed, −1: it is not
 * to be had; object: its number; start, pgoff: of the mapping, bytes.  Returns
 * WT_MAP_PY when it is a supported interpreter, which the kernel side has been told
 * (the mapping's flags then need it, and the process's WT_SPACE_PY), else 0.
 */
__u32 python__enter(struct python *py, __u32 tgid, __u32 object, int fd, const char *path,
		    __u64 start, __u64 pgoff);
/* The process is gone, or another program. */
void python__leave(struct python *py, __u32 tgid);

/* A code object; e has size bytes, which need not be all.  0 or -ENOMEM. */
int python__on_code(struct python *py, const struct wt_ev_pycode *e, size_t size);
/* The frame of a WT_FRAME_PY word. */
__u32 python__frame(struct python *py, struct symbols *s, __u64 word);
/* Its name, "function (file.py:line)", into buf; returns what identifies the name. */
__u64 python__name(struct python *py, __u64 word, char *buf, size_t size);

/*
 * What that file is, in words: 1: a supported interpreter, 0: no interpreter, −1: one
 * that is not supported, and why.
 */
int python__describe(int fd, const char *path, char *buf, size_t size);

void python__stats(const struct python *py, struct python_stats *out);

#endif /* WT_PYTHON_USER_H */
