/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jitname.h - what runtimes write into perf maps, as names of frames. */
#ifndef WT_JITNAME_H
#define WT_JITNAME_H

#include <stddef.h>

/*
 * One function is one frame, however often and however well it was compiled:
 *	JS:*foo /srv/app/file.js:12:3		foo (file.js:12)_[j]	V8; "~^+*" tell the compiler
 *	LazyCompile:~ node:fs:12:3		(anonymous) (node:fs:12)_[j]
 *	py::foo:/srv/app/file.py		foo (file.py)_[j]	CPython's -X perf
 * All else is kept as it is.  "_[j]" always ends it, also where the name is cut.
 */
void jitname__clean(const char *raw, char *buf, size_t sz);

#endif /* WT_JITNAME_H */
