/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/hist.h"
#include "ledger/ledger.h"

unsigned hist__bucket(__u64 ns)
{
	unsigned e, b;

	if (ns < 16)
		return 0;
	e = 63 - __builtin_clzll(ns);
	b = 1 + (e - 4) * 4 + ((ns >> (e - 2)) & 3);
	return b < WT_BUCKETS ? b : WT_BUCKETS - 1;
}

__u64 ledger__bucket_ns(unsigned bucket)
{
	unsigned e, q;

	if (!bucket)
		return 8;
	if (bucket >= WT_BUCKETS)
		bucket = WT_BUCKETS - 1;
	e = 4 + (bucket - 1) / 4;
	q = (bucket - 1) % 4;
	/* 2^e is the octave, 2^(e-2) the bucket's width, 2^(e-3) half of it */
	return (1ULL << e) + q * (1ULL << (e - 2)) + (1ULL << (e - 3));
}

__u64 hist__percentile(const struct hist_cell *cells, unsigned n, unsigned pct, __u64 max_ns)
{
	__u64 total = 0, below = 0, rank, ns;

	for (unsigned i = 0; i < n; i++)
		total += cells[i].count;
	if (!total)
		return 0;
	rank = (__u64)(((unsigned __int128)total * pct + 99) / 100);
	if (rank >= total)		/* the longest of all, which is known exactly */
		return max_ns;
	for (unsigned i = 0; i < n; i++) {
		below += cells[i].count;
		if (below < rank)
			continue;
		if (cells[i].bucket == WT_BUCKETS - 1)
			return max_ns;
		ns = ledger__bucket_ns(cells[i].bucket);
		return ns < max_ns ? ns : max_ns;
	}
	return max_ns;
}
