// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * block.bpf.c - requests of block devices, from the thread that made them to their
 * completion.
 *
 * block_io_start (from 6.5 on) fires where a request is made, in the thread that
 * makes it.  Before, the scheduler's insertion tells, which a plug delays, but not to
 * another thread; without a scheduler it is the issue.  A driver may be handed a request by a worker of
 * the kernel: so who made it is noted when it is first seen, and stays.
 *
 * A request that is merged into another is gone without a word.  Its note is
 * overwritten when the kernel uses that request again.
 */
#include "charge.bpf.h"
#include "block.bpf.h"

/* include/linux/blk_types.h, the same from 6.1 to 7.2 */
#define REQ_OP_MASK 0xff
#define REQ_OP_READ 0
#define REQ_OP_WRITE 1
#define REQ_OP_FLUSH 2
#define REQ_OP_DISCARD 3
#define REQ_OP_SECURE_ERASE 5
#define REQ_OP_ZONE_APPEND 7
#define REQ_OP_WRITE_ZEROES 9
#define REQ_OP_DRV_IN 34
#define PF_WQ_WORKER 0x20

/* The end of the last request of a process in one direction, to tell the next one by. */
struct wt_blk_stream {
	__u32 dev, tgid, write, zero;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__type(key, __u64);
	__type(value, struct wt_blk_rq);
} blk_requests SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct wt_blk_key);
	__type(value, struct wt_blk_val);
} blk_rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WT_MAX_DISKS);
	__type(key, __u32);
	__type(value, struct wt_blk_disk);
} blk_disks SEC(".maps");

/* Who asked a disk for a flush last. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, WT_MAX_DISKS);
	__type(key, __u32);
	__type(value, struct wt_blk_rq);
} blk_flushers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct wt_blk_stream);
	__type(value, __u64);
} blk_streams SEC(".maps");

/* Never written: fresh values are copied from it. */
struct wt_blk_fresh {
	struct wt_blk_val row;
	struct wt_blk_disk disk;
	struct wt_blk_rq note;
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wt_blk_fresh);
} blk_fresh SEC(".maps");

volatile __u32 blk_notes = 0;			/* in blk_requests */
const volatile __u32 cfg_blk_notes = 0;		/* so many may stay there unused */

static __always_inline bool wt_flag(__u32 flags, __u32 bit)
{
	return flags >> bit & 1;
}

static __always_inline __u32 wt_rq_flags(struct request *rq)
{
	return rq->cmd_flags;
}

static __always_inline bool wt_is_driver(__u32 flags)
{
	return (flags & REQ_OP_MASK) >= REQ_OP_DRV_IN;
}

static __always_inline __u8 wt_blk_op(__u32 flags, bool kthread)
{
	switch (flags & REQ_OP_MASK) {
	case REQ_OP_READ:
		return wt_flag(flags, bpf_core_enum_value(enum req_flag_bits, __REQ_RAHEAD)) ?
		       WT_BLK_READAHEAD : WT_BLK_READ;
	case REQ_OP_WRITE:
	case REQ_OP_ZONE_APPEND:
		return kthread ? WT_BLK_WRITEBACK : WT_BLK_WRITE;
	case REQ_OP_FLUSH:
		return WT_BLK_FLUSH;
	case REQ_OP_DISCARD:
	case REQ_OP_SECURE_ERASE:
		return WT_BLK_DISCARD;
	case REQ_OP_WRITE_ZEROES:
		return WT_BLK_ZEROES;
	}
	return WT_BLK_OTHER;
}

static __always_inline __u32 wt_rq_dev(struct request *rq)
{
	struct gendisk *disk = rq->q->disk;

	if (!disk)
		return 0;
	return (__u32)disk->major << 20 | (disk->first_minor & 0xfffff);
}

static __always_inline struct wt_blk_disk *wt_disk(__u32 dev, struct request *rq)
{
	struct wt_blk_disk *d = bpf_map_lookup_elem(&blk_disks, &dev);
	struct wt_blk_fresh *fresh;
	__u32 zero = 0;

	if (d)
		return d;
	fresh = bpf_map_lookup_elem(&blk_fresh, &zero);
	if (!fresh)
		return NULL;
	bpf_map_update_elem(&blk_disks, &dev, &fresh->disk, BPF_NOEXIST);
	d = bpf_map_lookup_elem(&blk_disks, &dev);
	if (d)
		bpf_probe_read_kernel_str(d->name, sizeof(d->name), BPF_CORE_READ(rq, q, disk, disk_name));
	return d;
}

static __always_inline struct wt_blk_val *wt_row(struct wt_blk_key *k)
{
	struct wt_blk_val *v = bpf_map_lookup_elem(&blk_rows, k);
	struct wt_blk_fresh *fresh;
	__u32 zero = 0;

	if (v)
		return v;
	fresh = bpf_map_lookup_elem(&blk_fresh, &zero);
	if (!fresh)
		return NULL;
	bpf_map_update_elem(&blk_rows, k, &fresh->row, BPF_NOEXIST);
	return bpf_map_lookup_elem(&blk_rows, k);
}

/* The last request that was completed, and the last one before it of another disk. */
volatile __u64 blk_done_ns = 0, blk_other_ns = 0;
volatile __u32 blk_done_dev = 0;

static __always_inline void wt_note_done(__u32 dev, __u64 now)
{
	if (blk_done_dev != dev)
		blk_other_ns = blk_done_ns;
	blk_done_dev = dev;
	blk_done_ns = now;
}

__u64 wt_disk_reason(struct wt_scratch *s, struct wt_task *w)
{
	struct wt_reason *r;

	if (!s || !w)
		return 0;
	r = &s->reason.reason;
	__builtin_memset(r, 0, sizeof(*r));
	if (blk_done_ns < w->since || blk_other_ns >= w->since || wt_disk_name(r, blk_done_dev))
		return w->reason;
	r->state = WT_DISK;
	r->kind = WT_REASON_KIND(w->reason);
	r->nr = WT_REASON_NR(w->reason);
	r->compat = !!(w->reason & WT_REASON_COMPAT);
	return wt_intern_reason(s, w);
}

int wt_disk_name(struct wt_reason *r, __u32 dev)
{
	struct wt_blk_disk *d = bpf_map_lookup_elem(&blk_disks, &dev);

	if (!r || !d)
		return -1;
	bpf_probe_read_kernel_str(r->name, WT_DISK_LEN, d->name);
	return 0;
}

/* The page is on its way from swap: only writes there have a flag of their own. */
static __always_inline bool wt_from_swap(struct page *page)
{
	__u64 flags = 0, want = 1ULL << bpf_core_enum_value(enum pageflags, PG_swapcache) |
				1ULL << bpf_core_enum_value(enum pageflags, PG_swapbacked);

	/* the first word, whatever its type is called */
	wt_read_kernel(&flags, sizeof(flags), page);
	return (flags & want) == want;
}

/* Whose pages are read: a file's, or memory's, which then is swap. */
static __always_inline void wt_note_pages(struct wt_task *w, struct request *rq, __u32 flags)
{
	struct page___info *info;
	struct address_space *m;
	unsigned long head = 0;
	struct page *page;
	__u64 mapping;

	w->io_inode = 0;
	w->io_swap = bpf_core_enum_value_exists(enum req_flag_bits, __REQ_SWAP) &&
		     wt_flag(flags, bpf_core_enum_value(enum req_flag_bits, __REQ_SWAP));
	if (w->io_swap || (flags & REQ_OP_MASK) != REQ_OP_READ)
		return;
	page = BPF_CORE_READ(rq, bio, bi_io_vec, bv_page);
	info = (void *)page;
	if (!page)
		return;
	if (bpf_core_field_exists(page->compound_head))
		head = BPF_CORE_READ(page, compound_head);
	else if (bpf_core_field_exists(info->compound_info) && (BPF_CORE_READ(info, compound_info) & 1))
		return;			/* how it leads to the first page differs from kernel to kernel */
	if (head & 1)
		page = (void *)(head - 1);
	w->io_swap = wt_from_swap(page);
	if (w->io_swap)
		return;
	mapping = (__u64)BPF_CORE_READ(page, mapping);
	m = (void *)mapping;
	/* the lowest bits: no file's, but a program's own memory, read into past the cache */
	if (m && !(mapping & 3))
		w->io_inode = (__u64)BPF_CORE_READ(m, host);
}

/*
 * Made by io_submit or io_uring_enter: whoever waits for completions later waits for that
 * disk.  With Linux AIO that may be another thread of the process.
 */
static __always_inline void wt_note_async(struct wt_task *w, struct pt_regs *regs, __u32 tgid, __u32 dev)
{
	struct wt_async *p, first = { .dev = dev };
	struct wt_call call = {};
	__u32 class;

	wt_call_of(regs, &call);
	if (call.nr < 0 || call.nr >= WT_NR_SYSCALLS || call.compat)
		return;
	class = cfg_class[call.nr];
	if (class != WT_C_AIO && class != WT_C_URING)
		return;
	w->async_switch = w->switches;
	if (w->async.dev == dev)
		return;
	if (w->async.dev)
		w->async.many = 1;
	w->async.dev = dev;
	p = bpf_map_lookup_elem(&asyncs, &tgid);
	if (!p)
		bpf_map_update_elem(&asyncs, &tgid, &first, BPF_ANY);
	else if (p->dev != dev)
		p->many = 1;
}

/* The current thread made it. */
static __always_inline void wt_note_maker(struct wt_blk_rq *r, struct request *rq, __u32 flags)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct wt_task *w = wt_task_of(t);
	bool kthread = t->flags & PF_KTHREAD;

	r->made_ns = bpf_ktime_get_ns();
	r->key.op = wt_blk_op(flags, kthread);
	r->key.dev = wt_rq_dev(rq);
	r->tgid = t->tgid;
	if (!w)
		return;
	r->traced = 1;
	/* after an exec the account goes over to the new program at the next switch */
	r->key.job = w->exec_ns ? w->exec_job : w->job;
	r->image = w->exec_ns ? w->exec_image : w->image;
	r->serial = w->exec_ns ? w->exec_serial : w->serial;
	r->epoch = wt_epoch_of(w, t);
	r->key.cgroup = w->cgroup;
	r->key.flags = w->flags & (WT_F_KTHREAD | WT_F_SELF);
	if (t->flags & PF_WQ_WORKER)
		__builtin_memcpy(r->key.comm, "kworker", 8);
	else if (w->exec_ns)
		BPF_CORE_READ_INTO(&r->key.comm, t, group_leader, comm);
	else
		__builtin_memcpy(r->key.comm, w->pcomm, WT_COMM_LEN);
	if (w->io_dev != r->key.dev)
		wt_disk(r->key.dev, rq);	/* a wait for it is to find its name */
	w->io_dev = r->key.dev;
	w->io_switch = w->switches;
	w->io_ip = 0;
	if (!kthread) {
		struct pt_regs *regs = (void *)bpf_task_pt_regs(t);

		w->io_ip = wt_regs_ip(regs);
		wt_note_async(w, regs, r->tgid, r->key.dev);
	}
	wt_note_pages(w, rq, flags);
}

/* It has been done, but how long it took was not seen. */
static __always_inline void wt_untimed(struct wt_blk_rq *r, struct wt_blk_disk *d,
				       struct wt_blk_val *v, __u64 bytes)
{
	__u32 op = r->key.op & (WT_BLK_OPS - 1);

	wt_blk_into_unit(r, 0, bytes);
	if (d) {
		__sync_fetch_and_add(&d->requests[op], 1);
		__sync_fetch_and_add(&d->bytes[op], bytes);
		__sync_fetch_and_add(&d->untimed, 1);
	}
	if (v) {
		__sync_fetch_and_add(&v->requests, 1);
		__sync_fetch_and_add(&v->bytes, bytes);
		if (r->sequential)
			__sync_fetch_and_add(&v->sequential, 1);
	}
}

/*
 * The kernel uses a request again that it handed to the driver: it was completed, and
 * that was not traced.
 */
static __noinline int wt_close_old(struct wt_blk_rq *r)
{
	__u64 now = bpf_ktime_get_ns();
	struct wt_blk_disk *d;
	struct wt_blk_val *v;
	struct wt_blk_key key;

	if (!r)
		return 0;
	key = r->key;
	d = bpf_map_lookup_elem(&blk_disks, &key.dev);
	v = r->traced ? bpf_map_lookup_elem(&blk_rows, &key) : NULL;
	if (d)
		__sync_fetch_and_add(&d->inflight, -1);
	if (v)
		__sync_fetch_and_add(&v->inflight, -1);
	if (wt_recording(now))
		wt_untimed(r, d, v, r->len);
	return 0;
}

/*
 * A clean note for a request, NULL: there is no room.  The kernel has a fixed set of
 * them for each queue: while there is room, notes stay where they are from one use to
 * the next, which saves making them.
 */
static __always_inline struct wt_blk_rq *wt_note(__u64 id)
{
	struct wt_blk_rq *r = bpf_map_lookup_elem(&blk_requests, &id);
	struct wt_blk_fresh *fresh;
	__u32 zero = 0;

	if (r) {
		if (r->issue_ns)
			wt_close_old(r);
		__builtin_memset(r, 0, sizeof(*r));
		return r;
	}
	fresh = bpf_map_lookup_elem(&blk_fresh, &zero);
	if (!fresh || bpf_map_update_elem(&blk_requests, &id, &fresh->note, BPF_NOEXIST)) {
		wt_lost(WT_LOSS_BLOCK);
		return NULL;
	}
	__sync_fetch_and_add(&blk_notes, 1);
	return bpf_map_lookup_elem(&blk_requests, &id);
}

static __always_inline void wt_note_over(struct wt_blk_rq *r, __u64 id)
{
	if (blk_notes <= cfg_blk_notes) {
		r->made_ns = 0;
		r->issue_ns = 0;
		return;
	}
	bpf_map_delete_elem(&blk_requests, &id);
	__sync_fetch_and_add(&blk_notes, -1);
}

static __always_inline void wt_made(struct request *rq)
{
	__u32 flags = wt_rq_flags(rq);
	struct wt_blk_rq *r, copy;

	if (wt_is_driver(flags))
		return;
	r = wt_note((__u64)rq);
	if (!r)
		return;
	wt_note_maker(r, rq, flags);
	if (!wt_flag(flags, bpf_core_enum_value(enum req_flag_bits, __REQ_PREFLUSH)))
		return;
	copy = *r;
	bpf_map_update_elem(&blk_flushers, &copy.key.dev, &copy, BPF_ANY);
}

SEC("?tp_btf/block_io_start")
int BPF_PROG(wt_block_start, struct request *rq)
{
	wt_made(rq);
	return 0;
}

/* Where there is no block_io_start. */
SEC("?tp_btf/block_rq_insert")
int BPF_PROG(wt_block_insert, struct request *rq)
{
	wt_made(rq);
	return 0;
}

/*
 * First seen here: a flush, which is a request of the kernel's own for whoever asked
 * last; without block_io_start every request that no scheduler queued.
 */
static __always_inline struct wt_blk_rq *wt_issue_new(struct request *rq, __u32 flags, __u64 now)
{
	struct wt_blk_rq *r = wt_note((__u64)rq), *by;
	__u64 made;

	if (!r)
		return NULL;
	wt_note_maker(r, rq, flags);
	if (r->key.op == WT_BLK_FLUSH) {
		by = bpf_map_lookup_elem(&blk_flushers, &r->key.dev);
		if (by) {
			*r = *by;
			r->key.op = WT_BLK_FLUSH;
			r->issue_ns = 0;
		}
		r->made_ns = now;
	} else {
		made = rq->start_time_ns;
		if (made && made < now)
			r->made_ns = made;
	}
	return r;
}

static __always_inline void wt_note_order(struct wt_blk_rq *r, struct request *rq)
{
	struct wt_blk_stream s = { .dev = r->key.dev, .tgid = r->tgid };
	__u64 sector = rq->__sector, end, *last;
	__u32 bytes = rq->__data_len;

	r->len = bytes;
	if (!bytes)
		return;
	s.write = r->key.op >= WT_BLK_WRITE;
	if (r->key.op == WT_BLK_WRITEBACK)	/* any worker may go on with it */
		s.tgid = 0;
	end = sector + (bytes >> 9);
	last = bpf_map_lookup_elem(&blk_streams, &s);
	if (!last) {
		bpf_map_update_elem(&blk_streams, &s, &end, BPF_ANY);
		return;
	}
	r->sequential = *last == sector;
	*last = end;
}

SEC("?tp_btf/block_rq_issue")
int BPF_PROG(wt_block_issue, struct request *rq)
{
	__u64 id = (__u64)rq, now = bpf_ktime_get_ns(), start;
	__u32 flags = wt_rq_flags(rq);
	struct wt_blk_disk *d;
	struct wt_blk_val *v;
	struct wt_blk_rq *r;

	if (wt_is_driver(flags))
		return 0;
	start = rq->start_time_ns;
	r = bpf_map_lookup_elem(&blk_requests, &id);
	if (r && r->issue_ns && r->start == start)	/* handed back by the driver, and given again */
		return 0;
	if (!r || !r->made_ns || r->issue_ns)
		r = wt_issue_new(rq, flags, now);
	if (!r)
		return 0;
	r->issue_ns = now;
	r->start = start;
	wt_note_order(r, rq);
	d = wt_disk(r->key.dev, rq);
	if (d)
		wt_blk_max(&d->inflight_max, __sync_fetch_and_add(&d->inflight, 1) + 1);
	if (!r->traced)
		return 0;
	v = wt_row(&r->key);
	if (!v) {
		wt_lost(WT_LOSS_BLOCK_ROW);
		r->traced = 0;
		return 0;
	}
	wt_blk_max(&v->inflight_max, __sync_fetch_and_add(&v->inflight, 1) + 1);
	return 0;
}

/* The last of it is done. */
static __always_inline void wt_done(struct request *rq, struct wt_blk_rq *r, bool failed, __u64 now)
{
	struct wt_blk_disk *d = bpf_map_lookup_elem(&blk_disks, &r->key.dev);
	struct wt_blk_val *v = r->traced ? bpf_map_lookup_elem(&blk_rows, &r->key) : NULL;
	bool within = wt_recording(now);
	struct wt_blk_one x = {};

	if (!r->issue_ns && !r->bytes) {	/* a write of nothing that wanted a flush */
		d = wt_disk(r->key.dev, rq);
		if (within && d)
			__sync_fetch_and_add(&d->empty, 1);
		return;
	}
	if (!r->issue_ns) {		/* that it was issued was not traced */
		d = wt_disk(r->key.dev, rq);
		if (within)
			wt_untimed(r, d, v, r->bytes);
		return;
	}
	x.queue_ns = r->issue_ns > r->made_ns ? r->issue_ns - r->made_ns : 0;
	x.service_ns = now > r->issue_ns ? now - r->issue_ns : 0;
	x.bytes = r->bytes;
	x.failed = failed;
	x.sequential = r->sequential;
	x.op = r->key.op;
	if (within)
		wt_blk_into_unit(r, x.queue_ns + x.service_ns, x.bytes);
	if (d) {
		__sync_fetch_and_add(&d->inflight, -1);
		if (within)
			wt_blk_into_disk(d, &x);
	}
	if (v) {
		__sync_fetch_and_add(&v->inflight, -1);
		if (within)
			wt_blk_into_row(v, &x);
	}
}

SEC("?tp_btf/block_rq_complete")
int BPF_PROG(wt_block_complete, struct request *rq, int error, unsigned int bytes)
{
	__u64 id = (__u64)rq, now = bpf_ktime_get_ns();
	__u32 left, flags = wt_rq_flags(rq);
	struct wt_blk_disk *d;
	struct wt_blk_rq *r;

	if (wt_is_driver(flags))
		return 0;
	r = bpf_map_lookup_elem(&blk_requests, &id);
	if (!r || !r->made_ns) {
		/* the end of a write that was flushed has been counted when its data was written */
		if (!bytes || !wt_recording(now))
			return 0;
		d = wt_disk(wt_rq_dev(rq), rq);
		if (d)
			__sync_fetch_and_add(&d->unseen, 1);
		return 0;
	}
	left = rq->__data_len;
	r->bytes += bytes;
	if (bytes < left)
		return 0;
	wt_note_done(r->key.dev, now);
	wt_done(rq, r, (__u8)error, now);
	wt_note_over(r, id);
	return 0;
}
