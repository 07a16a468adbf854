/* SPDX-License-Identifier: GPL-2.0-or-later */
/* corebtf.h - the few of the kernel's types that our programs are fitted to. */
#ifndef WT_COREBTF_H
#define WT_COREBTF_H

#include <stddef.h>

struct btf;

/*
 * libbpf looks through all the kernel's types for each type that our programs speak of, in
 * every object that it loads.  This makes a BTF of those of `kernel` only whose names the
 * BPF object file in [elf, elf + size) knows, with what lies in them; pointers lead nowhere.
 *
 * Returns a descriptor (a memfd, close-on-exec), to be read by way of /proc/self/fd/N and to
 * be closed by the caller, or a negative errno: then the kernel's own BTF serves as well,
 * later.
 */
int corebtf__new(const struct btf *kernel, const void *elf, size_t size);

#endif /* WT_COREBTF_H */
