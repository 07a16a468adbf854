/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jvm_mem.h - another process's memory, read in small pieces: a few pages are kept
 * while a table full of pointers is read.  What comes from there may be anything.
 */
#ifndef WT_JVM_MEM_H
#define WT_JVM_MEM_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#define JVM_MEM_PAGE 4096
#define JVM_MEM_PAGES 16

struct jvm_mem {
	/* n bytes from address at, all of them: 0, or a negative errno (-ESRCH: it is gone) */
	int (*read)(void *ctx, __u64 at, void *buf, size_t n);
	void *ctx;
	__u64 tag[JVM_MEM_PAGES];	/* address of the page + 1, 0: none */
	char page[JVM_MEM_PAGES][JVM_MEM_PAGE];
};

/* Of a process that is to be read by process_vm_readv(2). */
void jvm_mem__open(struct jvm_mem *m, __u32 tgid);
/* Forgets the pages: the process has run since. */
void jvm_mem__flush(struct jvm_mem *m);

/* As jvm_mem.read. */
int jvm_mem__read(struct jvm_mem *m, __u64 at, void *buf, size_t n);
/* The string at that address; -ENAMETOOLONG when it does not end within size bytes. */
int jvm_mem__string(struct jvm_mem *m, __u64 at, char *buf, size_t size);

#endif /* WT_JVM_MEM_H */
