/* SPDX-License-Identifier: GPL-2.0-or-later */
/* python_elf.h - is a file a CPython interpreter, and what the kernel side must know of it. */
#ifndef WT_PYTHON_ELF_H
#define WT_PYTHON_ELF_H

#include <stdbool.h>

#include "runtime/python_layout.h"
#include "symbols/elfimg.h"

#define PY_MAX_SEGMENTS 16

struct python_segment {
	__u64 vaddr, off, filesz;
	bool exec;
};

/* A file's loadable segments: addresses in it are read through them. */
struct python_image {
	struct elfimg img;
	struct python_segment seg[PY_MAX_SEGMENTS];
	unsigned n_seg;
	__u64 eh_hdr, eh_hdr_size;	/* PT_GNU_EH_FRAME: address, bytes; 0: none */
};

/* A supported interpreter. */
struct python_elf {
	const struct python_version *version;
	__u64 runtime;			/* addresses in the file: _PyRuntime, PyCode_Type */
	__u64 code_type;
	struct wt_py_range range[WT_PY_RANGES];	/* file offsets of the evaluation loop */
	struct python_segment seg[PY_MAX_SEGMENTS];	/* executable ones */
	unsigned n_seg;
};

/*
 * fd is borrowed.  1: an interpreter, *out is filled in; 0: it is none; −1: it is
 * one that is not supported, and why is written to reason, a phrase.
 */
int python_elf__open(int fd, const char *path, struct python_elf *out, char *reason, size_t size);
/* What to add to the file's addresses in that mapping; 0: it maps no code of it. */
__u64 python_elf__bias(const struct python_elf *e, __u64 start, __u64 pgoff);

/* n bytes at that address of the file; 0 or −1. */
int python_image__read(const struct python_image *im, __u64 vaddr, void *buf, size_t n);

/*
 * python_ranges.c: fills in out (file offsets; empty ones last) with the function
 * of size bytes at vaddr and the other parts that the compiler has split off it.
 * The number of ranges, 0: the function is not in the file's code.
 */
unsigned python_ranges(const struct python_image *im, __u64 vaddr, __u64 size,
		       struct wt_py_range out[WT_PY_RANGES]);

#endif /* WT_PYTHON_ELF_H */
