/* SPDX-License-Identifier: GPL-2.0-or-later */
/* minidebug.h - the small ELF file with symbols, packed by xz, in a section of another. */
#ifndef WT_MINIDEBUG_H
#define WT_MINIDEBUG_H

#include <libelf.h>
#include <stddef.h>

/* Unpacked, it may have this many bytes; what claims more is not taken. */
#define MINIDEBUG_MAX ((size_t)32 << 20)

/*
 * Unpacks .gnu_debugdata ("MiniDebugInfo" in gdb's manual).  *out, to be freed,
 * is NULL when there is none or it is damaged.  0 or -ENOMEM.
 */
int minidebug__unpack(Elf *elf, void **out, size_t *size);

#endif /* WT_MINIDEBUG_H */
