// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * blksum.bpf.c - what a request of a disk adds to: the row of who made it, the disk, the
 * unit of work.  Global functions: proved once, not again for each way that leads to a call.
 */
#include "charge.bpf.h"
#include "block.bpf.h"

int wt_blk_max(__u64 *at, __u64 v)
{
	__u64 seen;

	if (!at)
		return 0;
	seen = *at;
	/* somebody else's larger value may come between: then it is tried again, a few times */
	for (int i = 0; i < 4 && v > seen; i++) {
		__u64 was = __sync_val_compare_and_swap(at, seen, v);

		if (was == seen)
			break;
		seen = was;
	}
	return 0;
}

static __noinline int wt_blk_bucket(__u64 ns)
{
	return wt_bucket(ns);
}

int wt_blk_into_row(struct wt_blk_val *v, struct wt_blk_one *x)
{
	__u32 qb, sb;

	if (!v || !x)
		return 0;
	qb = wt_blk_bucket(x->queue_ns);
	sb = wt_blk_bucket(x->service_ns);
	__sync_fetch_and_add(&v->requests, 1);
	__sync_fetch_and_add(&v->bytes, x->bytes);
	__sync_fetch_and_add(&v->errors, x->failed);
	__sync_fetch_and_add(&v->sequential, x->sequential);
	__sync_fetch_and_add(&v->queue_ns, x->queue_ns);
	__sync_fetch_and_add(&v->service_ns, x->service_ns);
	wt_blk_max(&v->queue_max_ns, x->queue_ns);
	wt_blk_max(&v->service_max_ns, x->service_ns);
	if (qb < WT_BUCKETS)
		__sync_fetch_and_add(&v->queue[qb], 1);
	if (sb < WT_BUCKETS)
		__sync_fetch_and_add(&v->service[sb], 1);
	return 0;
}

int wt_blk_into_disk(struct wt_blk_disk *d, struct wt_blk_one *x)
{
	__u32 op;

	if (!d || !x)
		return 0;
	op = x->op & (WT_BLK_OPS - 1);
	__sync_fetch_and_add(&d->requests[op], 1);
	__sync_fetch_and_add(&d->bytes[op], x->bytes);
	__sync_fetch_and_add(&d->ns[op], x->queue_ns + x->service_ns);
	__sync_fetch_and_add(&d->errors, x->failed);
	__sync_fetch_and_add(&d->queue_ns, x->queue_ns);
	__sync_fetch_and_add(&d->service_ns, x->service_ns);
	return 0;
}

int wt_blk_into_unit(struct wt_blk_rq *r, __u64 ns, __u64 bytes)
{
	struct wt_detail_key k = { .state = WT_CPU };

	if (!r || !r->serial)
		return 0;
	if (wt_exec_request(r->image, r->key.op, bytes, ns))
		k.ustack = r->image;
	if (wt_epochs_on())
		k.epoch = r->epoch;
	if (!k.epoch && !k.ustack)
		return 0;
	k.thread = r->serial;
	k.reason = WT_EXACT_REASON(wt_blk_exact(r->key.op)) | (__u64)(r->key.dev & 0x7fffffff) << 32;
	return wt_detail_request(&k, ns, bytes);
}
