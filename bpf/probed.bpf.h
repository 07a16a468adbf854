/* SPDX-License-Identifier: GPL-2.0-or-later */
/* probed.bpf.h - what the kernel keeps of the probes that the current task is in. */
#ifndef WT_PROBED_BPF_H
#define WT_PROBED_BPF_H

#include "calls.bpf.h"

#define WT_RETURNS 16		/* return probes open at a time that are looked through */

static __always_inline struct uprobe_task *wt_utask(void)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct uprobe_task *u = NULL;

	if (!bpf_core_field_exists(t->utask) || bpf_core_read(&u, sizeof(u), &t->utask))
		return NULL;
	return u;
}

#define WT_XOL_SLOT 128		/* bytes in [uprobes] for one instruction */

/*
 * The program counter that ip, which lies in [uprobes], stands for; 0: none.  The
 * instruction there may have been executed already.
 */
static __always_inline __u64 wt_probed_ip(struct uprobe_task *u, __u64 ip)
{
	__u64 off = ip - BPF_CORE_READ(u, xol_vaddr);

	return BPF_CORE_READ(u, active_uprobe) && off < WT_XOL_SLOT ? BPF_CORE_READ(u, vaddr) + off : 0;
}

#endif /* WT_PROBED_BPF_H */
