/* SPDX-License-Identifier: GPL-2.0-or-later */
/* symbols_impl.h - the parts behind symbols.h, for its own files and its tests. */
#ifndef WT_SYMBOLS_IMPL_H
#define WT_SYMBOLS_IMPL_H

#include "symbols/frames.h"
#include "symbols/images.h"
#include "symbols/jit.h"
#include "symbols/ksyms.h"
#include "symbols/objects.h"
#include "symbols/strpool.h"
#include "symbols/symbols.h"

struct symbols {
	struct objects objects;
	struct images images;
	struct frames frames;
	struct strpool names;
	struct jit jit;
	struct inlined *inlined;	/* NULL: not wanted */
	struct ksyms *ksyms;
	bool ksyms_tried;
	const char *kallsyms;		/* path; tests have their own */
	__u64 no_mapping, unnamed;
	struct symbols_watch watch;
	symbols_mmap_fn see_mmap;	/* or NULL */
	void *see_ctx;
};

/* symbols.c */
/* The frame of that place, made when it is new. */
__u32 symbols__intern(struct symbols *s, __u32 object, __u64 off);
/* Opens the file of that mapping, if it is not open; what cannot be opened is counted once. */
void symbols__pin(struct symbols *s, struct generation *g, __u32 tgid, const struct mapping *m);
/* The program that ran then, completed from /proc if need be; NULL: nothing is known. */
struct generation *symbols__generation(struct symbols *s, __u32 tgid, __u64 time_ns);

/* A frame that is only its name, which is copied. */
__u32 symbols__named_frame(struct symbols *s, const char *name);

/* inlined.c: DWARF of at most so many files is kept open. */
#define INLINED_MAX_FILES 4
struct inlined;
int inlined__enable(struct symbols *s);
void inlined__free(struct inlined *in);

/* anoncode.c */
/*
 * Code at ip in a mapping of memory, or of a file that no linker made (some runtimes
 * map shared memory twice): named by a perf map, else by what has made it and its
 * page, else by the mapping and the page.
 */
__u32 anoncode__frame(struct symbols *s, struct generation *g, __u32 tgid, __u64 time_ns,
		      __u64 ip, const struct mapping *m);

/* naming.c */
int naming__init(struct symbols *s);
/* Gives that frame this name, made fit for a folded stack. */
void naming__set(struct symbols *s, struct frame *f, const char *name);
/* Gives every frame of that object its name while it can still be read. */
void naming__resolve_object(void *ctx, __u32 object);

#endif /* WT_SYMBOLS_IMPL_H */
