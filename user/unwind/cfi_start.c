// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cfi_start.c - glibc's dynamic linker starts in assembly that has no call frame
 * information (RTLD_START in sysdeps/x86_64/dl-machine.h), and all that a program does
 * before its own _start is called from there: it is the outermost frame.
 */
#include <string.h>

#include "unwind/cfi_impl.h"

#define START_SIZE 64		/* _start and _dl_start_user */

int cfi__start(struct cfi_source *src)
{
	static const __u8 code[4] = { 0x48, 0x89, 0xe7, 0xe8 };		/* mov %rsp,%rdi; call _dl_start */
	static const struct wt_rule root = { .cfa = WT_CFA_SP, .cfa_off = 8, .ra = WT_RA_ROOT };
	__u64 size = START_SIZE;
	__u8 b[sizeof(code)];
	unsigned i;

	for (i = 0; i < src->n_seg; i++)
		if (src->entry >= src->seg[i].vaddr && src->entry - src->seg[i].vaddr < src->seg[i].size)
			break;
	if (i == src->n_seg || src->n_fixed == CFI_MAX_FIXED)
		return 0;
	if (elfimg__read(&src->img, src->seg[i].off + (src->entry - src->seg[i].vaddr), b,
			 sizeof(b)) != sizeof(b) || memcmp(b, code, sizeof(b)))
		return 0;
	for (i = 0; i < src->n_range; i++) {
		const struct cfi_range *r = &src->range[i];
		__u64 len = r->end - r->start;

		/* it has rows after all */
		if (src->entry >= r->vaddr && src->entry - r->vaddr < len)
			return 0;
		if (r->vaddr > src->entry && r->vaddr - src->entry < size)
			size = r->vaddr - src->entry;
	}
	src->fixed[src->n_fixed++] = root;
	return cfi__add_range(src, src->entry, size, (struct cfi_range){ .fixed = src->n_fixed });
}
