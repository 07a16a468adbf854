/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jvm.bpf.h - what a walk through HotSpot's code keeps, in wt_scratch: for the
 * verifier, as struct wt_walk.
 */
#ifndef WT_JVM_BPF_H
#define WT_JVM_BPF_H

#define WT_JVM_SCAN_WORDS 32
#define WT_JVM_BEFORE 8			/* bytes of code before pc that are looked at … */
#define WT_JVM_AFTER 16			/* … and from it on */

#define WT_JVM_COOKIE (~0ULL)		/* lies below its return address, in a method's entry barrier */

enum wt_blob_kind {
	WT_BLOB_NMETHOD = 0,
	WT_BLOB_NATIVE = 1,		/* the wrapper of a native method, an nmethod, too */
	WT_BLOB_INTERPRETER = 2,
	WT_BLOB_STUBS = 3,		/* many stubs in one blob; frames by frame pointer */
	WT_BLOB_CONT = 4,		/* … those of virtual threads */
	WT_BLOB_SIZED = 5,		/* one stub with a frame of known size */
	WT_BLOB_THIN = 6,		/* adapters, trampolines: no frame as a rule */
};

struct wt_jvm_walk {
	struct wt_jvm_heap heap;	/* that pc lies in */
	__u64 segment;
	__u64 blob;			/* CodeBlob * */
	__u64 end;			/* … and where it ends */
	__u64 code;			/* its first instruction */
	__u64 method;			/* Method *, 0: none */
	__s32 frame_size;		/* words, with the return address; <= 0: not fixed */
	__s32 complete;			/* from that offset in the code on the frame is set up; < 0: unknown */
	__u32 kind;			/* enum wt_blob_kind */
	__u32 hit;			/* of a search: found, and which word */
	__u32 word, words_n;
	__u32 strict;			/* … only for what was called from there */
	__u32 leaf;			/* enum wt_leaf */
	__u64 b[WT_JVM_BLOB_SIZE / 8];	/* the CodeBlob */
	__u64 name[3];			/* the first letters of its name */
	__u8 at[WT_JVM_BEFORE + WT_JVM_AFTER];	/* code around pc */
	__u64 words[WT_JVM_SCAN_WORDS];
};

struct wt_jvm_procs_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WT_MAX_JVM_PROCS);
	__type(key, __u32);
	__type(value, struct wt_jvm);
};
extern struct wt_jvm_procs_map jvm_procs SEC(".maps");

#endif /* WT_JVM_BPF_H */
