/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_sideband.c - perf's records of mappings, forks, execs and exits. */
#include "fuzz.h"

#include <string.h>

#include "drain/sideband_ring.h"
#include "symbols/symbols.h"

#define RING 8192
#define RINGS 2
#define PID_MAX (1U << 22)	/* the kernel's: there are no processes of greater numbers */

/*
 * Processes that exist are not for us to open: their numbers, where a record that
 * is in its place has them, leave the range.
 */
static void move_pids(char *data, __u64 tail, __u64 head)
{
	struct perf_event_header h;

	while (head - tail >= sizeof(h) + 8 && head <= RING) {
		memcpy(&h, data + tail, sizeof(h));
		if (h.size < sizeof(h) + 8 || h.size > head - tail)
			break;
		data[tail + sizeof(h) + 3] |= 0x40;
		data[tail + sizeof(h) + 7] |= 0x40;
		tail += h.size;
	}
}

static void ask(struct symbols *s, __u32 tgid)
{
	static const __u64 ips[] = { 0, 0x1000, 0x400123, 0x7f0000001000, 0xffffffffff600000 };

	for (unsigned i = 0; i < sizeof(ips) / sizeof(ips[0]); i++)
		for (unsigned t = 0; t < 3; t++) {
			__u32 f = symbols__user_frame(s, tgid, 1000 * t, ips[i], t & 1);

			REQUIRE(symbols__name(s, f));
		}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static _Alignas(8) char store[RINGS][RING];
	struct perf_event_mmap_page meta[RINGS];
	struct sideband_ring ring[RINGS];
	struct input in = { data, size };
	__u64 records = 0, lost = 0, until = input__number(&in, 2);
	struct symbols *s;

	REQUIRE(!symbols__new(&s));
	memset(meta, 0, sizeof(meta));
	memset(ring, 0, sizeof(ring));
	for (unsigned i = 0; i < RINGS; i++) {
		__u64 tail = input__number(&in, 2), n = input__number(&in, 2);

		meta[i].data_tail = tail;
		meta[i].data_head = tail + n;
		ring[i] = (struct sideband_ring){
			.fd = -1, .meta = &meta[i], .data = store[i], .size = RING,
		};
		input__copy(&in, store[i], n < RING ? n : RING);
		if (tail < RING)
			move_pids(store[i], tail, tail + n);
	}
	sideband_rings__drain(ring, RINGS, until, s, &records, &lost);
	sideband_rings__drain(ring, RINGS, UINT64_MAX, s, &records, &lost);
	for (unsigned i = 0; i < RINGS; i++)
		REQUIRE(meta[i].data_tail == meta[i].data_head);
	ask(s, 0x40000000);
	ask(s, 0x40000001);
	symbols__expire(s, UINT64_MAX);
	symbols__free(s);
	return 0;
}
