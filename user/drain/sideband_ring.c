/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sideband_ring.c - record layouts: perf_event_open(2), linux/perf_event.h. */
#include "drain/sideband_ring.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "symbols/symbols.h"

#ifndef PERF_RECORD_MISC_MMAP_BUILD_ID
#define PERF_RECORD_MISC_MMAP_BUILD_ID (1 << 14)
#endif

struct rec_mmap2 {
	struct perf_event_header h;
	__u32 pid, tid;
	__u64 addr, len, pgoff;
	union {
		struct {
			__u32 maj, min;
			__u64 ino, ino_generation;
		};
		struct {
			__u8 build_id_size, reserved1;
			__u16 reserved2;
			__u8 build_id[20];
		};
	};
	__u32 prot, flags;
	char path[];
};

struct rec_task {
	struct perf_event_header h;
	__u32 pid, ppid, tid, ptid;
	__u64 time;
};

struct rec_comm {
	struct perf_event_header h;
	__u32 pid, tid;
};

struct rec_lost {
	struct perf_event_header h;
	__u64 id, lost;
};

#define STAMP sizeof(__u64)

/* n bytes at a position that counts from the ring's beginning of time. */
static void copy_out(const struct sideband_ring *r, __u64 pos, void *buf, size_t n)
{
	size_t at = pos & (r->size - 1), first = r->size - at;

	if (first > n)
		first = n;
	memcpy(buf, r->data + at, first);
	memcpy((char *)buf + first, r->data, n - first);
}

/* Looks at the record at tail; a ring that makes no sense is emptied and counted as lost. */
static void peek(struct sideband_ring *r, __u64 *lost)
{
	struct perf_event_header h;

	r->more = false;
	if (r->head == r->tail)
		return;
	if (r->head - r->tail >= sizeof(h))
		copy_out(r, r->tail, &h, sizeof(h));
	else
		h.size = 0;
	if (h.size < sizeof(h) + STAMP || h.size % 8 || h.size > r->head - r->tail) {
		r->tail = r->head;
		++*lost;
		return;
	}
	copy_out(r, r->tail + h.size - STAMP, &r->next_ns, STAMP);
	r->more = true;
}

static void take_mmap(const char *rec, size_t size, __u64 time_ns, struct symbols *s)
{
	const struct rec_mmap2 *r = (const void *)rec;
	struct symbols_mmap m = { .time_ns = time_ns };

	if (size <= sizeof(*r) || (r->h.misc & PERF_RECORD_MISC_MMAP_DATA) ||
	    !(r->prot & PROT_EXEC) || !memchr(r->path, '\0', size - sizeof(*r)))
		return;
	m.tgid = r->pid;
	m.tid = r->tid;
	m.start = r->addr;
	m.len = r->len;
	m.pgoff = r->pgoff;
	m.path = r->path;
	if (r->h.misc & PERF_RECORD_MISC_MMAP_BUILD_ID) {
		m.build_id = r->build_id;
		m.build_id_len = r->build_id_size <= sizeof(r->build_id) ? r->build_id_size :
									   sizeof(r->build_id);
	} else {
		m.maj = r->maj;
		m.min = r->min;
		m.ino = r->ino;
	}
	symbols__on_mmap(s, &m);
}

/* rec: aligned, size bytes without the stamp. */
static void take(const char *rec, size_t size, __u64 time_ns, struct symbols *s, __u64 *lost)
{
	const struct perf_event_header *h = (const void *)rec;
	const struct rec_task *task = (const void *)rec;
	const struct rec_comm *comm = (const void *)rec;

	switch (h->type) {
	case PERF_RECORD_MMAP2:
		take_mmap(rec, size, time_ns, s);
		break;
	case PERF_RECORD_FORK:
		/* a thread has its creator's process number */
		if (size >= sizeof(*task) && task->pid != task->ppid)
			symbols__on_fork(s, task->pid, task->ppid, time_ns);
		break;
	case PERF_RECORD_EXIT:
		if (size >= sizeof(*task) && task->pid == task->tid)
			symbols__on_exit(s, task->pid, time_ns);
		break;
	case PERF_RECORD_COMM:
		if (size >= sizeof(*comm) && (h->misc & PERF_RECORD_MISC_COMM_EXEC))
			symbols__on_exec(s, comm->pid, time_ns);
		break;
	case PERF_RECORD_LOST:
		if (size >= sizeof(struct rec_lost))
			*lost += ((const struct rec_lost *)(const void *)rec)->lost;
		break;
	}
}

static void take_next(struct sideband_ring *r, struct symbols *s, __u64 *lost)
{
	/* a record is 64 kB at most, and may begin at the ring's end and end at its beginning */
	static _Alignas(8) char rec[UINT16_MAX + 1];
	struct perf_event_header h;

	copy_out(r, r->tail, &h, sizeof(h));
	copy_out(r, r->tail, rec, h.size);
	r->tail += h.size;
	take(rec, h.size - STAMP, r->next_ns, s, lost);
	peek(r, lost);
}

static struct sideband_ring *earliest(struct sideband_ring *ring, unsigned n)
{
	struct sideband_ring *best = NULL;
	unsigned i;

	for (i = 0; i < n; i++)
		if (ring[i].more && (!best || ring[i].next_ns < best->next_ns))
			best = &ring[i];
	return best;
}

unsigned sideband_rings__drain(struct sideband_ring *ring, unsigned n, __u64 until_ns,
			       struct symbols *s, __u64 *records, __u64 *lost)
{
	struct sideband_ring *r;
	unsigned i, left = 0;

	for (i = 0; i < n; i++) {
		/* pairs with the kernel's barrier between the data and its head */
		ring[i].head = __atomic_load_n(&ring[i].meta->data_head, __ATOMIC_ACQUIRE);
		ring[i].tail = ring[i].meta->data_tail;
		if (ring[i].head - ring[i].tail > ring[i].size) {
			ring[i].tail = ring[i].head;
			++*lost;
		}
		peek(&ring[i], lost);
	}
	while ((r = earliest(ring, n)) && r->next_ns <= until_ns) {
		take_next(r, s, lost);
		++*records;
	}
	for (i = 0; i < n; i++) {
		/* our reads are done before the kernel may write there again */
		__atomic_store_n(&ring[i].meta->data_tail, ring[i].tail, __ATOMIC_RELEASE);
		left += ring[i].more;
	}
	return left;
}
