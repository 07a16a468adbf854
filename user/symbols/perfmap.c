/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/perfmap.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHUNK 65536
#define REFRESH_MAX ((__u64)16 << 20)
/* A function larger than this is no function. */
#define SIZE_MAX_CODE ((__u64)64 << 20)
/* The bytes at the end of what was read by which a file written anew is known. */
#define TAIL 32

struct entry {
	__u64 start;
	__u32 size;
	__u32 off;		/* of its line in the file */
};

/* Addresses from start to that of the next one; entry NONE: a gap. */
struct piece {
	__u64 start;
	__u32 entry;
};
#define NONE UINT32_MAX

struct perfmap {
	int fd;
	__u64 ino, dev;
	__u64 size;		/* of the file when it was last looked at */
	__u64 parsed;		/* bytes of whole lines that were read */
	char tail[TAIL];	/* the last of them */
	struct entry *entry;	/* in the order of the file */
	__u32 n, cap;
	struct piece *piece;	/* by start; they do not overlap */
	__u32 n_piece;
	bool stale;		/* a line was not what it had been */
};

struct perfmap *perfmap__new(int fd)
{
	struct perfmap *m = calloc(1, sizeof(*m));

	if (!m)
		close(fd);
	else
		m->fd = fd;
	return m;
}

void perfmap__free(struct perfmap *m)
{
	if (!m)
		return;
	if (m->fd >= 0)
		close(m->fd);
	free(m->entry);
	free(m->piece);
	free(m);
}

static const char *read_hex(const char *p, const char *end, __u64 *out)
{
	const char *first;
	__u64 v = 0;

	if (end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X'))
		p += 2;
	for (first = p; p < end && p - first < 16; p++) {
		unsigned c = (unsigned char)*p, lower = c | 0x20;

		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if (lower >= 'a' && lower <= 'f')
			v = v << 4 | (lower - 'a' + 10);
		else
			break;
	}
	*out = v;
	return p > first && p < end && *p == ' ' ? p + 1 : NULL;
}

/* Where the name starts, NULL: not such a line. */
static const char *parse_line(const char *p, const char *end, __u64 *start, __u64 *size)
{
	p = read_hex(p, end, start);
	p = p ? read_hex(p, end, size) : NULL;
	if (!p || p >= end || !*size || *size > SIZE_MAX_CODE || *start > INT64_MAX - *size)
		return NULL;
	return p;
}

static int by_start(const void *a, const void *b, void *arg)
{
	const struct entry *e = arg;
	__u32 x = *(const __u32 *)a, y = *(const __u32 *)b;

	if (e[x].start != e[y].start)
		return e[x].start < e[y].start ? -1 : 1;
	return x < y ? -1 : 1;
}

/* A heap of entry numbers, the last line on top. */
static void heap_push(__u32 *heap, __u32 *n, __u32 v)
{
	__u32 i = (*n)++;

	for (; i && heap[(i - 1) / 2] < v; i = (i - 1) / 2)
		heap[i] = heap[(i - 1) / 2];
	heap[i] = v;
}

static void heap_pop(__u32 *heap, __u32 *n)
{
	__u32 v = heap[--*n], i = 0, child;

	for (; (child = 2 * i + 1) < *n; i = child) {
		if (child + 1 < *n && heap[child + 1] > heap[child])
			child++;
		if (heap[child] <= v)
			break;
		heap[i] = heap[child];
	}
	heap[i] = v;
}

static void add_piece(struct perfmap *m, __u64 start, __u32 entry)
{
	struct piece *last = m->n_piece ? &m->piece[m->n_piece - 1] : NULL;

	if (last && last->entry == entry)
		return;
	if (last && last->start == start)
		last->entry = entry;
	else
		m->piece[m->n_piece++] = (struct piece){ start, entry };
}

/* From *pos up to limit: what of the entries in the heap is on top. */
static void sweep(struct perfmap *m, __u32 *heap, __u32 *n, __u64 *pos, __u64 limit)
{
	while (*n && *pos < limit) {
		const struct entry *e = &m->entry[heap[0]];
		__u64 end = e->start + e->size;

		if (end <= *pos) {
			heap_pop(heap, n);
			continue;
		}
		add_piece(m, *pos, heap[0]);
		*pos = end < limit ? end : limit;
	}
	if (*pos < limit)
		add_piece(m, *pos, NONE);
	*pos = limit;
}

/* Entries to pieces that do not overlap: each entry begins and ends at most one more. */
static int flatten(struct perfmap *m)
{
	struct piece *piece = realloc(m->piece, (2 * (size_t)m->n + 2) * sizeof(*piece));
	__u32 *order = malloc((2 * (size_t)m->n + 1) * sizeof(*order)), *heap = order + m->n;
	__u32 i, n_heap = 0;
	__u64 pos = 0;

	if (piece)
		m->piece = piece;
	m->n_piece = 0;
	if (!piece || !order) {
		free(order);
		return -ENOMEM;
	}
	for (i = 0; i < m->n; i++)
		order[i] = i;
	qsort_r(order, m->n, sizeof(*order), by_start, m->entry);
	for (i = 0; i < m->n; i++) {
		sweep(m, heap, &n_heap, &pos, m->entry[order[i]].start);
		heap_push(heap, &n_heap, order[i]);
	}
	sweep(m, heap, &n_heap, &pos, UINT64_MAX);
	free(order);
	piece = realloc(m->piece, m->n_piece * sizeof(*piece) + 1);
	if (piece)
		m->piece = piece;
	return 0;
}

/* Drops what later lines have covered, and where that frees little the oldest quarter. */
static int make_room(struct perfmap *m)
{
	__u32 i, n = 0, dropped;
	bool *used;
	int err = flatten(m);

	used = err ? NULL : calloc(m->n, 1);
	if (!used)
		return -ENOMEM;
	for (i = 0; i < m->n_piece; i++)
		if (m->piece[i].entry != NONE)
			used[m->piece[i].entry] = true;
	for (i = 0; i < m->n; i++)
		if (used[i])
			m->entry[n++] = m->entry[i];
	free(used);
	m->n = n;
	m->n_piece = 0;
	if (n < PERFMAP_MAX_ENTRIES / 4 * 3)
		return 0;
	dropped = n - PERFMAP_MAX_ENTRIES / 4 * 3;
	memmove(m->entry, m->entry + dropped, (n - dropped) * sizeof(*m->entry));
	m->n = n - dropped;
	return 0;
}

static int add_entry(struct perfmap *m, __u64 start, __u64 size, __u64 off)
{
	int err;

	if (m->n == PERFMAP_MAX_ENTRIES) {
		err = make_room(m);
		if (err)
			return err;
	}
	if (m->n == m->cap) {
		__u32 cap = m->cap ? m->cap * 2 : 1024;
		struct entry *entry = reallocarray(m->entry, cap, sizeof(*entry));

		if (!entry)
			return -ENOMEM;
		m->entry = entry;
		m->cap = cap;
	}
	m->entry[m->n++] = (struct entry){ start, size, off };
	return 0;
}

/* The whole lines in buf; *used: their bytes. */
static int parse(struct perfmap *m, const char *buf, size_t n, __u64 off, size_t *used)
{
	const char *p = buf, *end = buf + n, *nl;
	__u64 start, size;
	int err = 0;

	for (; !err && (nl = memchr(p, '\n', end - p)); p = nl + 1)
		if (parse_line(p, nl, &start, &size))
			err = add_entry(m, start, size, off + (p - buf));
	*used = p - buf;
	/* nothing but one line: it is nobody's name */
	if (!*used && n == CHUNK)
		*used = n;
	return err;
}

static int read_on(struct perfmap *m, __u64 limit)
{
	char *buf = malloc(CHUNK);
	size_t used;
	ssize_t n;
	int err = buf ? 0 : -ENOMEM;

	while (!err && m->parsed < limit) {
		n = pread(m->fd, buf, CHUNK, m->parsed);
		if (n <= 0)
			break;
		err = parse(m, buf, n, m->parsed, &used);
		if (!used)
			break;
		m->parsed += used;
	}
	free(buf);
	if (m->parsed >= TAIL && pread(m->fd, m->tail, TAIL, m->parsed - TAIL) != TAIL)
		m->stale = true;
	return err;
}

static bool written_anew(const struct perfmap *m, const struct stat *st)
{
	char tail[TAIL];

	if (m->stale || (__u64)st->st_size < m->parsed)
		return true;
	return m->parsed >= TAIL && (pread(m->fd, tail, TAIL, m->parsed - TAIL) != TAIL ||
				     memcmp(tail, m->tail, TAIL));
}

int perfmap__refresh(struct perfmap *m, int fd)
{
	__u64 limit, before;
	struct stat st;
	int err;

	if (fd >= 0) {
		if (!fstat(fd, &st) && st.st_ino == m->ino && st.st_dev == m->dev) {
			close(fd);
		} else {
			close(m->fd);
			m->fd = fd;
			m->stale = true;
		}
	}
	if (fstat(m->fd, &st))
		return 0;
	m->ino = st.st_ino;
	m->dev = st.st_dev;
	if (written_anew(m, &st)) {
		m->n = m->parsed = 0;
		m->stale = false;
		flatten(m);
	}
	m->size = st.st_size;
	before = m->parsed;
	limit = m->parsed + REFRESH_MAX;
	/* offsets have 32 bits */
	if (limit > UINT32_MAX - CHUNK)
		limit = UINT32_MAX - CHUNK;
	err = read_on(m, limit < m->size ? limit : m->size);
	return m->parsed == before ? err : flatten(m) ?: err;
}

bool perfmap__has_grown(const struct perfmap *m)
{
	struct stat st;

	return m->stale || (!fstat(m->fd, &st) && (__u64)st.st_size != m->size);
}

bool perfmap__more(const struct perfmap *m)
{
	return m->parsed + CHUNK < m->size && m->size < UINT32_MAX - CHUNK;
}

bool perfmap__find(struct perfmap *m, __u64 addr, char *buf, size_t sz)
{
	__u32 lo = 0, hi = m->n_piece;
	__u64 start, size;
	const struct entry *e;
	const char *name, *nl;
	char line[1024];
	ssize_t n;

	while (lo < hi) {
		__u32 mid = lo + (hi - lo) / 2;

		if (m->piece[mid].start <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || m->piece[lo - 1].entry == NONE)
		return false;
	e = &m->entry[m->piece[lo - 1].entry];
	n = pread(m->fd, line, sizeof(line), e->off);
	nl = n > 0 ? memchr(line, '\n', n) : NULL;
	if (!nl)
		nl = line + (n > 0 ? n : 0);
	name = parse_line(line, nl, &start, &size);
	if (!name || start != e->start || size != e->size) {
		m->stale = true;
		return false;
	}
	if ((size_t)(nl - name) >= sz)
		nl = name + sz - 1;
	memcpy(buf, name, nl - name);
	buf[nl - name] = '\0';
	return true;
}

size_t perfmap__bytes(const struct perfmap *m)
{
	return sizeof(*m) + m->cap * sizeof(*m->entry) + m->n_piece * sizeof(*m->piece);
}

unsigned perfmap__count(const struct perfmap *m)
{
	return m->n;
}
