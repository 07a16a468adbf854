/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * objects.h - what each unit waited for and what it asked of disks, object by object;
 * pure, and bounded: a unit keeps its largest objects, and all units together so many.
 */
#ifndef WT_UNITS_OBJECTS_H
#define WT_UNITS_OBJECTS_H

#include <linux/types.h>
#include <stdbool.h>
#include "worktrace.h"

enum object_what {
	OBJECT_WAIT = 0,
	/* requests of a disk; the last: flushes, discards and the like */
	OBJECT_READS = 1, OBJECT_WRITES = 2, OBJECT_REQUESTS = 3,
};

struct unit_object {
	__u64 ns;		/* waited; of requests: in the queue and with the driver */
	__u64 bytes;		/* of requests */
	__u32 count;		/* waits or requests; at most 2^32 - 1 */
	__u16 name;		/* see objects__name(); 0: several that have none of their own */
	__u8 what;		/* enum object_what */
	__u8 state;		/* of a wait */
};

/* Those of one unit; all zeroes: none. */
#define UNIT_WAITS_MAX 16	/* with a name; waits for a CPU have UNIT_RIVALS_MAX of them */
#define UNIT_RIVALS_MAX 5
#define UNIT_REQUESTS_MAX 12	/* of disks: three for each */
struct unit_objects {
	struct unit_object *v;
	__u16 n, room;
};

struct objects;

/* max: of all units together (0: 400000).  0 or -ENOMEM, as all that follow. */
int objects__new(struct objects **out, unsigned max);
void objects__free(struct objects *o);
/* text is the object's name; key: the reason (wt_detail_key) that it was first met with. */
int objects__wait(struct objects *o, struct unit_objects *to, __u8 state, const char *text, __u64 key,
		  __u64 ns, __u64 count);
/* dev: see wt_blk_key, its highest bit aside; OBJECT_NO_DISK: of disks that are not known. */
#define OBJECT_NO_DISK 0xffffffffu
int objects__requests(struct objects *o, struct unit_objects *to, enum object_what what, __u32 dev,
		      __u64 ns, __u64 bytes, __u64 count);
/* Adds those of `from`, which is empty afterwards. */
void objects__merge(struct objects *o, struct unit_objects *to, struct unit_objects *from);
void objects__drop(struct objects *o, struct unit_objects *of);

/* NULL: it has no name of its own.  key: as it was put, or the disk's number. */
const char *objects__name(const struct objects *o, const struct unit_object *x, __u64 *key);
/* Waits and requests that found no room for their object: in no unit's objects. */
__u64 objects__left_out(const struct objects *o);

#endif /* WT_UNITS_OBJECTS_H */
