/* SPDX-License-Identifier: GPL-2.0-or-later */
/* casts.h - the programs' calls of bpf_rdonly_cast(): see bpf/read.bpf.h. */
#ifndef WT_CASTS_H
#define WT_CASTS_H

#include <stddef.h>

/*
 * A copy of the BPF object file in [elf, elf + size) in which every call of WT_CAST_CALL is one
 * of the kernel's function with that number in its BTF; 0: as it is, and no such call must be
 * reached.  The caller frees it, once libbpf has opened it.  NULL with errno set: no memory, or
 * it is no such file.
 */
void *casts__elf(const void *elf, size_t size, unsigned function);

#endif /* WT_CASTS_H */
