/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * objects.h - the files that are mapped executable, each known once: by build
 * id, or by device and inode where it has none.  A file is opened ("pinned")
 * when its first mapping is seen, while a process that has it still lives; its
 * symbol table is read when the first name is wanted.
 *
 * At most OBJECTS_MAX_PINNED files stay open.  Beyond that the least recently
 * used one gets the names of its frames resolved and is closed; it is opened
 * again when another process maps it.
 */
#ifndef WT_OBJECTS_H
#define WT_OBJECTS_H

#include <linux/types.h>
#include <stdbool.h>
#include "symbols/elfimg.h"
#include "symbols/elfsyms.h"
#include "symbols/idtab.h"

#define OBJECTS_MAX_PINNED 512
/* Symbol tables in memory; beyond, the least recently used is dropped and read again. */
#define OBJECTS_MAX_BYTES ((size_t)16 << 20)

/* Objects that are no file, by their fixed ids. */
enum {
	OBJ_NONE = 0,
	OBJ_UNMAPPED,		/* no mapping known: [unmapped+0x…], by page */
	OBJ_ANON,		/* anonymous memory: [anon+0x…], by page */
	OBJ_VSYSCALL,		/* [vsyscall] */
	OBJ_VDSO,		/* read from our own memory */
	OBJ_VDSO32,		/* that of 32-bit processes, which we have not */
	OBJ_UPROBES,		/* [uprobes] */
	OBJ_KERNEL,
	OBJ_FOLDED,		/* the table of frames is full */
	OBJ_RUNTIME,		/* named by an interpreter's or a VM's own tables */
	OBJ_FIRST_FILE,
};

struct object {
	__u8 build_id[BUILD_ID_MAX];
	__u8 build_id_len;
	bool elf;			/* once pinned: it is an ELF file */
	bool in_use;			/* the id is taken */
	bool marked;			/* by objects__sweep() */
	bool kept;			/* the kernel side knows its number */
	int fd;				/* -1: not pinned */
	__u32 maj, min;
	__u64 ino;			/* 0: known by build id only */
	__s64 mtime_ns;			/* of the pinned file: a rewritten one is another */
	int debug_fd;			/* its debug file in its process's own root, or -1 */
	__u64 used;			/* when, in calls; for the least recently used */
	char *path;			/* as mapped */
	const char *module;		/* the last component of it, without " (deleted)" */
	struct elfsyms *syms;		/* NULL: not read, or dropped */
	bool syms_failed;
	__u32 frames;			/* frames made of it */
	__u32 unnamed;			/* the first of them that may have no name yet */
	/* processes that needed it and could not give it; 0 again once one can */
	__u32 gone;
};

struct objects {
	struct object *obj;
	__u32 n, cap;			/* n: ids handed out, free ones among them */
	__u32 live;			/* files among them */
	__u32 sweep_at;
	struct idtab by_id, by_ino;
	__u32 pinned[OBJECTS_MAX_PINNED];
	__u32 n_pinned, max_pinned;
	size_t syms_bytes;
	__u64 clock;
	void *vdso;			/* a copy of our own */
	size_t vdso_len;
	/* called before an object is closed: name its frames now */
	void (*resolve)(void *ctx, __u32 object);
	void *ctx;
};

struct symbols_mmap;

int objects__init(struct objects *o);
void objects__clear(struct objects *o);
/* The object of that mapping; opens its file when it is not open.  0: no memory. */
__u32 objects__get(struct objects *o, const struct symbols_mmap *m);
/* Opens it through that process, if it is not open: true when it is open or needs no file. */
bool objects__pin(struct objects *o, __u32 id, const struct symbols_mmap *m);
/* The symbol table, read on first need, or NULL. */
const struct elfsyms *objects__syms(struct objects *o, __u32 id);
/* Forgets the files that are not marked and have no frames; marks are cleared. */
void objects__sweep(struct objects *o);

/* objopen.c: a descriptor of the file of that mapping, verified, or -1. */
int objopen(const struct symbols_mmap *m, __u8 id[BUILD_ID_MAX], unsigned *id_len, bool *elf);

#endif /* WT_OBJECTS_H */
