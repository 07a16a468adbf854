/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jvm.h - HotSpot: what the kernel side must know of a Java VM to walk through its
 * compiled code, its stubs and its interpreter.  Included by worktrace.h; the
 * same rules hold.
 *
 * Every offset comes from the tables that libjvm exports for debuggers
 * (gHotSpotVMStructs and its kin), read from the process; the one thing that is
 * fixed knowledge is the head of an interpreter's frame (jvm.bpf.c).
 */
#ifndef WT_JVM_H
#define WT_JVM_H

/*
 * A code heap: memory in segments of 1 << shift bytes.  The map of segments has a
 * byte for each: 0: a block begins here, 255: free, else: so many segments down
 * (CodeHeap::find_block_for).  A block is a header and behind it a CodeBlob.
 */
struct wt_jvm_heap {
	__u64 low, high;	/* as reserved: it grows within */
	__u64 segmap;
	__u32 shift;
	__u32 zero;
};
#define WT_JVM_HEAPS 4

/* One process's VM: a value of `jvm_procs`, by tgid.  Offsets are within a CodeBlob, in bytes. */
struct wt_jvm {
	struct wt_jvm_heap heap[WT_JVM_HEAPS];	/* empty ones last */
	__u64 interpreter, interpreter_end;	/* its code; one blob */
	__u64 library, library_end;		/* libjvm's code */
	__u16 header;		/* size of a block's header */
	__u16 name;		/* const char * */
	__u16 frame_size;	/* int, in words */
	__u16 frame_complete;	/* int16_t or int; from there on the frame is set up */
	__u16 code;		/* where the code begins: an address, or an int (code_is_offset) */
	__u16 method;		/* Method *, of an nmethod */
	__u16 size;		/* int, of the whole blob */
	__u8 code_is_offset;
	__u8 complete_size;	/* 2 or 4 */
};
_Static_assert(sizeof(struct wt_jvm) == 176, "wt_jvm is on the wire");
#define WT_MAX_JVM_PROCS 1024
#define WT_JVM_BLOB_SIZE 128	/* bytes of a CodeBlob in which all these fields must lie */

#endif /* WT_JVM_H */
