/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jvm_perfmap.h - --jvm-perfmap: VMs whose tables cannot be used are asked for perf maps
 * (jvm_attach.h), again and again as they compile more.  Names then come from the map, as
 * they do for every other runtime (symbols/jit.h).
 *
 * A thread of its own asks, one VM after the other; the caller never waits for it, but at
 * the end, and then not for the VM.  A failure is said once, and that VM is left alone.
 */
#ifndef WT_JVM_PERFMAP_H
#define WT_JVM_PERFMAP_H

#include <linux/types.h>

struct jvm_perfmap;

/* 0 or a negative errno. */
int jvm_perfmap__new(struct jvm_perfmap **out);
/* Gives up what is under way, and removes every map that was written because of us. */
void jvm_perfmap__free(struct jvm_perfmap *m);
/* That process is such a VM: libjvm is mapped executable from start to end. */
void jvm_perfmap__want(struct jvm_perfmap *m, __u32 tgid, __u64 start, __u64 end);
/* The process is gone, or another program. */
void jvm_perfmap__leave(struct jvm_perfmap *m, __u32 tgid);
/* Every tenth of a second or so. */
void jvm_perfmap__tick(struct jvm_perfmap *m, __u64 now_ns);

#endif /* WT_JVM_PERFMAP_H */
