/* SPDX-License-Identifier: GPL-2.0-or-later */
/* relos.h - the CO-RE relocations in a BPF object file. */
#ifndef WT_RELOS_H
#define WT_RELOS_H

#include <linux/types.h>
#include <stddef.h>

/*
 * Where the file in [elf, elf + size) says how many bytes of relocations it has (core_relo_len
 * of .BTF.ext, as in libbpf's struct btf_ext_header); NULL: nowhere.  libbpf works through all
 * of them also where no program is to be loaded; with 0 there it has none.  Part of elf.
 */
__u32 *relos__len(void *elf, size_t size);

#endif /* WT_RELOS_H */
