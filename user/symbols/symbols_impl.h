/* SPDX-License-Identifier: GPL-2.0-or-later */
/* symbols_impl.h - the parts behind symbols.h, for its own files and its tests. */
#ifndef WT_SYMBOLS_IMPL_H
#define WT_SYMBOLS_IMPL_H

#include "symbols/frames.h"
#include "symbols/images.h"
#include "symbols/ksyms.h"
#include "symbols/objects.h"
#include "symbols/strpool.h"
#include "symbols/symbols.h"

struct symbols {
	struct objects objects;
	struct images images;
	struct frames frames;
	struct strpool names;
	struct ksyms *ksyms;
	bool ksyms_tried;
	const char *kallsyms;		/* path; tests have their own */
	__u64 no_mapping, unnamed;
};

/* naming.c */
int naming__init(struct symbols *s);
/* Gives every frame of that object its name while it can still be read. */
void naming__resolve_object(void *ctx, __u32 object);

#endif /* WT_SYMBOLS_IMPL_H */
