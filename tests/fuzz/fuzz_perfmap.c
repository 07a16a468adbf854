/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_perfmap.c - a runtime's map of its code, which grows and may be written anew. */
#include "fuzz.h"

#include <string.h>
#include <unistd.h>

#include "symbols/jitname.h"
#include "symbols/perfmap.h"

static void find(struct perfmap *m, __u64 addr)
{
	char raw[1024], name[256];

	if (!perfmap__find(m, addr, raw, sizeof(raw)))
		return;
	REQUIRE(memchr(raw, 0, sizeof(raw)));
	jitname__clean(raw, name, sizeof(name));
	REQUIRE(strlen(name) < sizeof(name));
}

/* Two bytes: how much is there at first; one: whether the beginning changes then. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	size_t first = input__number(&in, 2);
	bool anew = input__number(&in, 1) & 1;
	struct perfmap *m;
	int fd;

	if (first > in.n)
		first = in.n;
	fd = fuzz__file(in.p, first);
	m = perfmap__new(dup(fd));
	REQUIRE(m);
	REQUIRE(!perfmap__refresh(m, -1));
	for (__u64 addr = 0; addr < 0x1000; addr += 0x40)
		find(m, addr);
	if (in.n) {
		REQUIRE(pwrite(fd, in.p, in.n, 0) == (ssize_t)in.n);
		if (anew)
			REQUIRE(pwrite(fd, "10 20 b\n", 8, 0) == 8);
	}
	perfmap__has_grown(m);
	REQUIRE(!perfmap__refresh(m, dup(fd)));
	for (__u64 addr = 0; addr < 0x1000; addr += 0x40)
		find(m, addr);
	perfmap__more(m);
	REQUIRE(perfmap__count(m) <= PERFMAP_MAX_ENTRIES);
	REQUIRE(perfmap__bytes(m) < 64 << 20);
	perfmap__free(m);
	return 0;
}
