/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ksyms.h - the kernel's functions, from /proc/kallsyms (its format: address,
 * nm(1) type letter, name, and "[module]" where it has one; kallsyms.c of the
 * kernel).
 */
#ifndef WT_KSYMS_H
#define WT_KSYMS_H

#include <linux/types.h>
#include <stdbool.h>

struct ksyms;

/*
 * Reads the functions of a file in the format of /proc/kallsyms.  -ENODATA when
 * all addresses in it are zero (kptr_restrict), or another negative errno;
 * nothing is printed.
 */
int ksyms__load(struct ksyms **out, const char *path);
void ksyms__free(struct ksyms *k);
/* The function that holds ip, or NULL.  Lives as long as k. */
const char *ksyms__find(const struct ksyms *k, __u64 ip);
/* Where the kernel's own text starts (_stext, else _text), or 0. */
__u64 ksyms__text(const struct ksyms *k);
unsigned ksyms__count(const struct ksyms *k);

#endif /* WT_KSYMS_H */
