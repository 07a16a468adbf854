/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jvm_elf.h - recognises HotSpot's library by the tables that it exports for debuggers. */
#ifndef WT_JVM_ELF_H
#define WT_JVM_ELF_H

#include <linux/types.h>
#include <stdbool.h>

#define JVM_SEGMENTS 8

/* The variables that describe the tables (vmStructs.hpp); each is 8 bytes. */
enum jvm_symbol {
	JVM_STRUCTS,			/* the table's address */
	JVM_STRUCT_TYPE_NAME,		/* offsets within its entries … */
	JVM_STRUCT_FIELD_NAME,
	JVM_STRUCT_TYPE_STRING,
	JVM_STRUCT_IS_STATIC,
	JVM_STRUCT_OFFSET,
	JVM_STRUCT_ADDRESS,
	JVM_STRUCT_STRIDE,		/* … and their size */
	JVM_TYPES,
	JVM_TYPE_NAME,
	JVM_TYPE_SIZE,
	JVM_TYPE_STRIDE,
	JVM_SYMBOLS,
};

struct jvm_elf {
	__u64 vaddr[JVM_SYMBOLS];
	struct {
		__u64 vaddr, off, filesz;
	} seg[JVM_SEGMENTS];		/* executable ones */
	unsigned n_seg;
};

/* True when the file (fd, borrowed) exports all of them. */
bool jvm_elf__open(int fd, struct jvm_elf *out);
/* What to add to vaddr in a process that has the file's byte pgoff mapped at start. */
__u64 jvm_elf__bias(const struct jvm_elf *e, __u64 start, __u64 pgoff);

#endif /* WT_JVM_ELF_H */
