// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fault.bpf.c - for --fault=skipped only, else not loaded: a program that the
 * kernel has to skip.
 *
 * It is run by each page fault in the kernel and reads what is not there, which
 * is a page fault in the kernel: the kernel does not run a program within itself,
 * and counts that it did not.
 */
#include "maps.bpf.h"

SEC("tp_btf/page_fault_kernel")
int BPF_PROG(wt_fault_skipped)
{
	char byte;

	/* never mapped: below every process's mmap_min_addr */
	bpf_probe_read_user(&byte, sizeof(byte), (void *)8);
	return 0;
}
