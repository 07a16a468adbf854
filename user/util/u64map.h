/* SPDX-License-Identifier: GPL-2.0-or-later */
/* u64map.h - a hash map from 64-bit keys to 32-bit values; grows, never shrinks. */
#ifndef WT_U64MAP_H
#define WT_U64MAP_H

#include <linux/types.h>
#include <stdbool.h>

struct u64map_slot {
	__u64 key;
	__u32 value;
	__u32 used;	/* 0: free; else 1 + a stamp of the owner's choosing */
};

/* All zeroes is an empty map. */
struct u64map {
	struct u64map_slot *slots;
	__u32 mask;	/* slots − 1 */
	__u32 n;
};

void u64map__free(struct u64map *m);
/* NULL when the key is not there; valid until the next put or delete. */
struct u64map_slot *u64map__find(const struct u64map *m, __u64 key);
/* Inserts or overwrites; the slot, or NULL when memory is out. */
struct u64map_slot *u64map__put(struct u64map *m, __u64 key, __u32 value);
bool u64map__delete(struct u64map *m, __u64 key);
/* Drops every slot for which keep() says no; it may change the value and the stamp of the others. */
void u64map__filter(struct u64map *m, bool (*keep)(struct u64map_slot *s, void *arg),
		    void *arg);

/* A mix in which every input bit reaches every output bit. */
static inline __u64 u64_mix(__u64 x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ULL;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ULL;
	return x ^ (x >> 32);
}

#endif /* WT_U64MAP_H */
