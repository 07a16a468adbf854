/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jvm_layout.h - where a HotSpot keeps things, as its own tables tell: read from
 * gHotSpotVMStructs and gHotSpotVMTypes in the process, and what can be found with
 * that: the code heaps, the interpreter, the names of methods.
 *
 * JDK 8 to 25 export these tables; they differ in fields and offsets.
 */
#ifndef WT_JVM_LAYOUT_H
#define WT_JVM_LAYOUT_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "runtime/jvm_elf.h"
#include "runtime/jvm_mem.h"
#include "worktrace.h"

struct jvm_layout {
	/* addresses of static fields, 0: this version has none */
	__u64 heap;			/* CodeCache::_heap, JDK 8 */
	__u64 heaps;			/* CodeCache::_heaps, from 9 on */
	__u64 stub_return;		/* StubRoutines::_call_stub_return_address */
	__u64 interpreter;		/* AbstractInterpreter::_code */
	/* offsets, bytes */
	__u64 array_len, array_data;	/* GrowableArray */
	__u64 heap_memory, heap_segmap, heap_shift;	/* CodeHeap */
	__u64 space_low, space_low_boundary, space_high_boundary;	/* VirtualSpace */
	__u64 blob_name, blob_frame_size, blob_complete, blob_code, blob_size;	/* CodeBlob */
	__u64 nmethod_method;
	__u64 queue_buffer, queue_limit;	/* StubQueue */
	__u64 method_const;		/* Method → ConstMethod */
	__u64 const_pool, const_name;	/* ConstMethod → ConstantPool; index of the name in it */
	__u64 pool_holder;		/* ConstantPool → InstanceKlass */
	__u64 klass_name;		/* Klass → Symbol */
	__u64 symbol_length, symbol_body;
	/* sizes, bytes */
	__u64 heap_block;		/* HeapBlock */
	__u64 pool_size;		/* ConstantPool: its entries follow */
	bool code_is_offset;
	bool complete_is_short;
};

/*
 * Reads the tables of a VM that is mapped with that bias.  0; -EAGAIN: they are not
 * there yet (the program has just begun); -ESRCH: the process is gone; -EPROTO: they
 * are not as they must be, and why says what is wrong.
 */
int jvm_layout__read(struct jvm_layout *l, struct jvm_mem *m, const struct jvm_elf *e, __u64 bias,
		     char *why, size_t why_size);

/*
 * What the kernel side needs, but for the library's range.  0; -EAGAIN: the VM has not
 * set up its code cache yet; -ESRCH; -EPROTO and why.
 */
int jvm_layout__heaps(const struct jvm_layout *l, struct jvm_mem *m, struct wt_jvm *out, char *why,
		      size_t why_size);

/*
 * The name of a Method: "pkg.Class.method"; the addresses in names of hidden classes
 * are left out.  0 or a negative errno: it is no Method, or the process is gone.
 */
int jvm_layout__method(const struct jvm_layout *l, struct jvm_mem *m, __u64 method, char *buf,
		       size_t size);
/* The name of a CodeBlob. */
int jvm_layout__blob(const struct jvm_layout *l, struct jvm_mem *m, __u64 blob, char *buf,
		     size_t size);

#endif /* WT_JVM_LAYOUT_H */
