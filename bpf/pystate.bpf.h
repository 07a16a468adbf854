/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pystate.bpf.h - where the running thread's Python state lies. */
#ifndef WT_PYSTATE_BPF_H
#define WT_PYSTATE_BPF_H

#include "maps.bpf.h"

/* glibc's struct pthread: the first 32 keys' values, then pointers to blocks of 32 (x86-64). */
#define TLS_FIRST 0x310
#define TLS_BLOCKS 0x510
#define TLS_KEYS 1024

static __always_inline __u64 wt_user_word(__u64 at)
{
	__u64 v = 0;

	return bpf_probe_read_user(&v, sizeof(v), (void *)at) ? 0 : v;
}

static __always_inline __u64 wt_thread_pointer(void)
{
#if defined(__TARGET_ARCH_x86)
	struct task_struct *t = bpf_get_current_task_btf();

	return t->thread.fsbase;
#else
	return 0;	/* the layouts are those of x86-64 */
#endif
}

/*
 * The running thread's PyThreadState by the address of _PyRuntime.autoTSSkey, 0: it has
 * none.  The pthread key is set as long as the thread has one, whether it holds the GIL
 * or not.
 */
static __always_inline __u64 wt_py_state(__u64 key)
{
	__u64 tp = wt_thread_pointer(), block;
	__u32 tss[2];		/* Py_tss_t: is it initialised, pthread_key_t */

	if (!tp || bpf_probe_read_user(tss, sizeof(tss), (void *)key) || !tss[0] ||
	    tss[1] >= TLS_KEYS)
		return 0;
	if (tss[1] < 32)
		return wt_user_word(tp + TLS_FIRST + tss[1] * 16 + 8);
	block = wt_user_word(tp + TLS_BLOCKS + tss[1] / 32 * 8);
	return block ? wt_user_word(block + tss[1] % 32 * 16 + 8) : 0;
}

#endif /* WT_PYSTATE_BPF_H */
