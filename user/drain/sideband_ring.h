/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sideband_ring.h - reads perf's rings; apart from sideband.h so that it can be
 * tested on rings that no kernel wrote.
 */
#ifndef WT_SIDEBAND_RING_H
#define WT_SIDEBAND_RING_H

#include <linux/perf_event.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

struct symbols;

struct sideband_ring {
	int fd;
	void *base;				/* of the mapping */
	struct perf_event_mmap_page *meta;
	const char *data;
	size_t size;				/* of data, a power of two */
	/* while draining */
	__u64 head, tail;
	__u64 next_ns;				/* stamp of the record at tail */
	bool more;				/* … there is one */
};

/*
 * Gives all records stamped until_ns or earlier to s, in the order of their
 * stamps.  Each record ends in its stamp (sample_id_all with PERF_SAMPLE_TIME
 * alone).  Adds to records and lost.  Returns how many rings still hold later ones.
 */
unsigned sideband_rings__drain(struct sideband_ring *ring, unsigned n, __u64 until_ns,
			       struct symbols *s, __u64 *records, __u64 *lost);

#endif /* WT_SIDEBAND_RING_H */
