/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jvm_code.h - which code of a Java VM an address lies in: the kernel side's wt_jvm_find()
 * (bpf/jvm.bpf.c) once more, for stacks that were taken before it knew the VM.
 */
#ifndef WT_JVM_CODE_H
#define WT_JVM_CODE_H

#include "runtime/jvm_mem.h"
#include "worktrace.h"

/*
 * The frame of that address as the kernel side has it (WT_FRAME_JVM), as m's process is now;
 * 0: it is in no code of its VM.  Which method the interpreter was at no address tells:
 * that frame is the interpreter's.
 */
__u64 jvm_code__word(const struct wt_jvm *vm, struct jvm_mem *m, __u64 address);

#endif /* WT_JVM_CODE_H */
