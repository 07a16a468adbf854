/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * usdt.h - the probes that a program was built with (<sys/sdt.h>, dtrace -G): notes
 * in .note.stapsdt say where they are and what the semaphore is that switches on
 * the work for their arguments.
 */
#ifndef WT_USDT_H
#define WT_USDT_H

#include <linux/types.h>

#include "symbols/elfimg.h"

#define USDT_PLACES 64

struct usdt_places {
	struct {
		__u64 addr;		/* of the file */
		__u64 semaphore;	/* of the file, 0: none */
	} v[USDT_PLACES];
	unsigned n;
};

/*
 * The places of provider:probe.  Returns 0, or WT_ESAID after one sentence: no such
 * probe (with those there are), no probes at all, or more places than we take.
 */
int usdt__find(const struct elfimg *img, const char *provider, const char *probe, const char *shown,
	       struct usdt_places *out);

#endif /* WT_USDT_H */
