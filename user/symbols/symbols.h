/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * symbols.h - addresses to names.
 *
 * Life: new → (side-band events and seeds keep the mappings of every process
 * current) → frames are interned as (object, offset) while their process lives
 * → names are looked up when somebody asks, once per distinct frame → free.
 *
 * A frame is a small integer that outlives its process.  0 is never a frame.
 * Single-threaded.
 */
#ifndef WT_SYMBOLS_H
#define WT_SYMBOLS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

struct symbols;

struct symbols_stats {
	__u64 object_gone;	/* mappings whose file could not be opened any more: loss.object_gone */
	__u64 no_mapping;	/* user frames outside every known mapping */
	__u64 frames;		/* distinct frames */
	__u64 unnamed;		/* distinct frames asked for that have no symbol */
	__u64 objects;		/* distinct files, by build id or device and inode */
	__u64 evicted;		/* frames that found the table full and became [folded] */
};

/* Returns 0 and the object, or a negative errno. */
int symbols__new(struct symbols **out);
void symbols__free(struct symbols *s);

/*
 * Mappings.  time_ns is CLOCK_MONOTONIC; events may be given up to a second
 * late, a lookup uses the mappings that were current at its own time.
 */
struct symbols_mmap {
	__u32 tgid, tid;
	__u64 time_ns;
	__u64 start, len, pgoff;	/* bytes; pgoff is the file offset */
	__u32 maj, min;			/* 0 when a build id is given instead */
	__u64 ino;
	const __u8 *build_id;		/* or NULL */
	unsigned build_id_len;
	const char *path;
};
void symbols__on_mmap(struct symbols *s, const struct symbols_mmap *m);
/* A process (not a thread) was forked: the child starts with a copy. */
void symbols__on_fork(struct symbols *s, __u32 tgid, __u32 ptgid, __u64 time_ns);
void symbols__on_exec(struct symbols *s, __u32 tgid, __u64 time_ns);
void symbols__on_exit(struct symbols *s, __u32 tgid, __u64 time_ns);
/* Reads /proc/TGID/maps as the state at time_ns.  A process that is gone is no error. */
int symbols__seed(struct symbols *s, __u32 tgid, __u64 time_ns);
/* Forgets what ended before time_ns; call now and then. */
void symbols__expire(struct symbols *s, __u64 time_ns);

/*
 * What a process has mapped executable at that time, by rising address; object is
 * the number under which the kernel side may know the file (unwind.h), 0 for
 * memory that is no file's.  Asks /proc for a process not seen before.
 */
struct symbols_mapping {
	__u64 start, end, pgoff;	/* pgoff: file offset of start, bytes */
	__u32 object;
	bool anonymous;			/* a JIT's memory */
};
typedef void (*symbols_mapping_fn)(void *ctx, const struct symbols_mapping *m);
/* 0, or -ESRCH when nothing is known of it. */
int symbols__each_mapping(struct symbols *s, __u32 tgid, __u64 time_ns, symbols_mapping_fn fn,
			  void *ctx);
/* A descriptor of the object's file, which stays s's, or -1. */
int symbols__object_fd(const struct symbols *s, __u32 object);
/* The path as it was mapped ("" for what is no file); lives as long as the object. */
const char *symbols__object_path(const struct symbols *s, __u32 object);
/* The image of the vdso, whose object number is *object; NULL: there is none. */
const void *symbols__vdso(const struct symbols *s, size_t *len, __u32 *object);
/* The kernel side has tables of it: its number must not go to another file. */
void symbols__keep_object(struct symbols *s, __u32 object);

/* Who wants to hear of changes; called after they have taken effect.  One at most. */
struct symbols_watch {
	void *ctx;
	void (*mapped)(void *ctx, __u32 tgid);
	void (*forked)(void *ctx, __u32 tgid, __u32 ptgid);
	void (*execed)(void *ctx, __u32 tgid);
	void (*exited)(void *ctx, __u32 tgid);
};
void symbols__watch(struct symbols *s, const struct symbols_watch *w);
/* Who wants to see each new mapping, also of processes that nobody traces; before it takes effect. */
typedef void (*symbols_mmap_fn)(void *ctx, const struct symbols_mmap *m);
void symbols__on_mapping(struct symbols *s, symbols_mmap_fn fn, void *ctx);

/*
 * A frame that the kernel side has resolved already: a place in the file of an
 * object that this process had mapped then.
 */
__u32 symbols__object_frame(struct symbols *s, __u32 tgid, __u64 time_ns, __u32 object, __u64 off);
/*
 * A frame of an interpreter's or a VM's, which its own part of us has named; key
 * is any number that belongs to that name alone.  The name is copied.
 */
__u32 symbols__runtime_frame(struct symbols *s, __u64 key, const char *name);

/*
 * Functions inlined at a frame's place, as frames of their own ("name_[i]") that
 * stand before it in a stack, innermost first; at most max, of more the outer
 * ones.  Nothing before symbols__want_inlines(), and where there is no DWARF.
 * Ask while the frame's process may live: its debug file may be its own.
 */
unsigned symbols__inlines(struct symbols *s, __u32 frame, __u32 *out, unsigned max);
/* 0 or a negative errno, printed. */
int symbols__want_inlines(struct symbols *s);

/*
 * Interns one address.  return_address: the lookup is for the call before it.
 * Never fails: an address without a mapping is a frame that prints as
 * [unmapped+0x…] grouped by page, and is counted.
 */
__u32 symbols__user_frame(struct symbols *s, __u32 tgid, __u64 time_ns, __u64 ip,
			  bool return_address);
__u32 symbols__kernel_frame(struct symbols *s, __u64 ip);

/*
 * The frame as it stands in a folded stack: demangled, ';' as ':', newline as
 * ' ', kernel functions with "_[k]", without a symbol "[module+0xoffset]".
 * Lives as long as s.  Reads symbol tables on first need.
 */
const char *symbols__name(struct symbols *s, __u32 frame);
/* The bare kernel function name of a kernel frame ("" when unknown), for the witness. */
const char *symbols__kernel_name(struct symbols *s, __u32 frame);
/* A frame at which a whole stack ends: _start, a thread's start, ret_from_fork … */
bool symbols__is_root(struct symbols *s, __u32 frame);
/* An address that lies in no mapping: no code, so no frame of a stack either. */
bool symbols__is_unmapped(const struct symbols *s, __u32 frame);

void symbols__stats(const struct symbols *s, struct symbols_stats *out);

#endif /* WT_SYMBOLS_H */
