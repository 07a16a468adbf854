/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * read.bpf.h - a word of the kernel's memory, at the price of a load.
 *
 * bpf_probe_read_kernel() is a call into the kernel and back, which costs some 30 ns where
 * returns are guarded against speculation; a switch reads two dozen words.  A load through a
 * pointer that the verifier takes for a structure's is done by the JIT with an entry in the
 * exception table: the same safety, less than a nanosecond.  bpf_rdonly_cast() (from 6.2 on)
 * makes such a pointer of any address.  It costs the verifier little, which a walk from the
 * task's own pointer does not: it looks up the name of a type for each step of that.
 *
 * Where the kernel has no such function, cfg_word is 0 and what would use it is no code.
 */
#ifndef WT_READ_BPF_H
#define WT_READ_BPF_H

#include "worktrace.h"

/* Of struct timespec64, a structure that every kernel has and that begins with a word. */
extern const volatile __u32 cfg_word;		/* its number in the kernel's BTF; 0: do not */

/*
 * A call of a helper that no kernel has: the loader makes it one of bpf_rdonly_cast().  As an
 * external symbol, libbpf would read all the kernel's types for every object that it opens.
 */
static void *(*const wt_rdonly_cast)(const void *obj, __u32 btf_id) = (void *)WT_CAST_CALL;

/* 1, 2, 4 or 8 bytes at any address; 0 where there is no memory. */
#define WT_LOAD(type, at) (*(volatile type *)wt_rdonly_cast((const void *)(at), cfg_word))

/* As bpf_probe_read_kernel(), but that a word which cannot be read is 0 and no error. */
static __always_inline long wt_read_kernel(void *dst, __u32 size, const void *at)
{
	if (!cfg_word || !__builtin_constant_p(size))
		return bpf_probe_read_kernel(dst, size, at);
	if (size == 8) {
		__u64 v = WT_LOAD(__u64, at);

		__builtin_memcpy(dst, &v, 8);
	} else if (size == 4) {
		__u32 v = WT_LOAD(__u32, at);

		__builtin_memcpy(dst, &v, 4);
	} else if (size == 2) {
		__u16 v = WT_LOAD(__u16, at);

		__builtin_memcpy(dst, &v, 2);
	} else if (size == 1) {
		__u8 v = WT_LOAD(__u8, at);

		__builtin_memcpy(dst, &v, 1);
	} else if (size == 16) {
		__u64 v[2];

		v[0] = WT_LOAD(__u64, at);
		v[1] = WT_LOAD(__u64, at + 8);
		__builtin_memcpy(dst, v, 16);
	} else {
		return bpf_probe_read_kernel(dst, size, at);
	}
	return 0;
}

/* BPF_CORE_READ() is made of these. */
#undef bpf_core_read
#define bpf_core_read(dst, size, src) \
	wt_read_kernel(dst, size, (const void *)__builtin_preserve_access_index(src))

#endif /* WT_READ_BPF_H */
