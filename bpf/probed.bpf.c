// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * probed.bpf.c - what the kernel's uprobes put into a program's registers and stack,
 * ours and anybody else's.
 *
 * A probed instruction is executed elsewhere, in the mapping [uprobes].  A return
 * probe puts an address of that mapping in the place of the return address, and
 * keeps the true one in a list of the task's.
 */
#include "probed.bpf.h"

__u64 wt_unprobed(__u64 ip, __u64 slot)
{
	struct uprobe_task *u = wt_utask();
	struct return_instance *r;

	if (!u)
		return 0;
	if (!slot)
		return wt_probed_ip(u, ip);
	r = BPF_CORE_READ(u, return_instances);
	for (__u32 i = 0; i < WT_RETURNS && r; i++) {
		if (BPF_CORE_READ(r, stack) == slot)
			return BPF_CORE_READ(r, orig_ret_vaddr);
		r = BPF_CORE_READ(r, next);
	}
	return 0;
}
