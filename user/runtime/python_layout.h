/* SPDX-License-Identifier: GPL-2.0-or-later */
/* python_layout.h - where CPython's versions keep what the kernel side reads. */
#ifndef WT_PYTHON_LAYOUT_H
#define WT_PYTHON_LAYOUT_H

#include <linux/types.h>
#include <stddef.h>

#include "worktrace.h"

#define PY_MINOR_FIRST 8
#define PY_MINOR_LAST 14

struct python_version {
	struct wt_py_layout l;
	__u32 tss;		/* _PyRuntime: autoTSSkey */
	__u32 gil;		/* _PyRuntime: ceval.gil (up to 3.11) */
};

/* NULL: that version is not known. */
const struct python_version *python_layout(unsigned major, unsigned minor);

/*
 * From 3.13 on _PyRuntime begins with what its fields' offsets are (_Py_DebugOffsets):
 * 1 when they are those of the table, 0 when not.  words: its first n.
 */
int python_layout_agrees(const struct python_version *v, const __u64 *words, size_t n);
/* Words of _Py_DebugOffsets that are looked at. */
#define PY_DEBUG_WORDS 64

#endif /* WT_PYTHON_LAYOUT_H */
