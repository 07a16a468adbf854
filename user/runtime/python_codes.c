/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/python_codes.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

/* Larger tables than this are cut: the longest of the standard library has 25 KB. */
#define MAX_TABLE (256U << 10)
/* A character becomes at most four bytes, or three for one of two bytes. */
#define MAX_UTF8 1024

static void drop(struct python_generation *g)
{
	for (__u32 i = 0; i < g->n; i++)
		free(g->content[i].name);
	free(g->content);
	u64map__free(&g->by_number);
	u64map__free(&g->by_hash);
	memset(g, 0, sizeof(*g));
}

void python_codes__clear(struct python_codes *c)
{
	drop(&c->gen[0]);
	drop(&c->gen[1]);
}

static size_t put_utf8(char *out, __u32 c)
{
	/* a name must not look like more than one frame, or like a line's end */
	if (c < 32 || c == 127)
		c = ' ';
	if (c == ';')
		c = ':';
	if (c < 0x80) {
		out[0] = c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = 0xc0 | c >> 6;
		out[1] = 0x80 | (c & 63);
		return 2;
	}
	if (c >= 0x110000 || (c >= 0xd800 && c < 0xe000))
		c = 0xfffd;
	if (c < 0x10000) {
		out[0] = 0xe0 | c >> 12;
		out[1] = 0x80 | (c >> 6 & 63);
		out[2] = 0x80 | (c & 63);
		return 3;
	}
	out[0] = 0xf0 | c >> 18;
	out[1] = 0x80 | (c >> 12 & 63);
	out[2] = 0x80 | (c >> 6 & 63);
	out[3] = 0x80 | (c & 63);
	return 4;
}

/* Characters of kind bytes each (PEP 393) as UTF-8; out: MAX_UTF8 bytes. */
static void to_utf8(const char *in, unsigned len, unsigned kind, char *out)
{
	size_t n = 0;

	for (unsigned i = 0; i + kind <= len && n + 8 < MAX_UTF8; i += kind) {
		__u32 c = 0;

		memcpy(&c, in + i, kind);	/* little endian, as the processes we trace */
		n += put_utf8(out + n, c);
	}
	out[n] = 0;
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static __u64 hash_more(__u64 h, const void *data, size_t n)
{
	const __u8 *p = data;

	for (size_t i = 0; i < n; i++)
		h = (h ^ p[i]) * 0x100000001b3ULL;	/* FNV-1a */
	return u64_mix(h + n);
}

/*
 * The rest of a long table from the process's memory, if it is still there: its
 * beginning must be what the event has.  NULL: it is not.
 */
static __u8 *fetch_table(const struct wt_ev_pycode *e)
{
	__u32 n = e->table_size;
	struct iovec to, from;
	__u8 *t;

	if (n > MAX_TABLE || n <= e->table_len)
		return NULL;
	t = malloc(n);
	if (!t)
		return NULL;
	to = (struct iovec){ t, n };
	from = (struct iovec){ (void *)(uintptr_t)e->table_at, n };
	if (process_vm_readv(e->tgid, &to, 1, &from, 1, 0) != (ssize_t)n ||
	    memcmp(t, e->table, e->table_len)) {
		free(t);
		return NULL;
	}
	return t;
}

static struct python_content *new_content(struct python_generation *g)
{
	if (g->n == g->cap) {
		__u32 cap = g->cap ? g->cap * 2 : 256;
		struct python_content *grown = reallocarray(g->content, cap, sizeof(*grown));

		if (!grown)
			return NULL;
		g->content = grown;
		g->cap = cap;
	}
	return &g->content[g->n];
}

struct text {
	char name[MAX_UTF8 + 8], path[MAX_UTF8];
	const char *file;
	const __u8 *table;
	__u32 table_len;
	__u64 hash;
};

/* Its index, or -ENOMEM. */
static int intern(struct python_generation *g, const struct wt_ev_pycode *e, const struct text *x)
{
	struct u64map_slot *slot = u64map__find(&g->by_hash, x->hash);
	size_t name = strlen(x->name) + 1, file = strlen(x->file) + 1;
	struct python_content *c;
	char *p;

	if (slot)
		return slot->value;
	c = new_content(g);
	p = c ? malloc(name + file + x->table_len) : NULL;
	if (!p)
		return -ENOMEM;
	*c = (struct python_content){
		.hash = x->hash, .name = p, .file = p + name, .table = (__u8 *)p + name + file,
		.table_len = x->table_len, .firstlineno = e->firstlineno, .minor = e->minor,
		.cut = x->table_len < e->table_size,
	};
	memcpy(p, x->name, name);
	memcpy(p + name, x->file, file);
	if (x->table_len)
		memcpy(p + name + file, x->table, x->table_len);
	if (!u64map__put(&g->by_hash, x->hash, g->n)) {
		free(p);
		return -ENOMEM;
	}
	g->bytes += name + file + x->table_len;
	return g->n++;
}

static bool full(const struct python_generation *g)
{
	return g->n >= PY_MAX_CONTENTS || g->bytes >= PY_MAX_BYTES ||
	       g->by_number.n >= PY_MAX_NUMBERS;
}

/* Lengths in an event are ours, but a test may hand in anything. */
static bool sound(const struct wt_ev_pycode *e, size_t size)
{
	size_t head = offsetof(struct wt_ev_pycode, table);

	return size >= head && e->name_len <= WT_PY_NAME && e->file_len <= WT_PY_FILE &&
	       e->table_len < WT_PY_TABLE && size - head >= e->table_len &&
	       e->name_kind <= 4 && e->name_kind != 3 && e->file_kind <= 4 && e->file_kind != 3;
}

static void read_text(const struct wt_ev_pycode *e, const __u8 *fetched, struct text *x)
{
	x->name[0] = 0;
	x->path[0] = 0;
	if (e->name_kind)
		to_utf8(e->name, e->name_len, e->name_kind, x->name);
	if (e->cut & WT_PY_CUT_NAME)
		strcat(x->name, "…");
	if (e->file_kind)
		to_utf8(e->file, e->file_len, e->file_kind, x->path);
	x->file = last_part(x->path);
	x->table = fetched ? fetched : e->table;
	x->table_len = fetched ? e->table_size : e->table_len;
	x->hash = hash_more(e->minor, x->name, strlen(x->name));
	x->hash = hash_more(x->hash, x->file, strlen(x->file));
	x->hash = hash_more(x->hash, &e->firstlineno, sizeof(e->firstlineno));
	x->hash = hash_more(x->hash, &e->table_size, sizeof(e->table_size));
	x->hash = hash_more(x->hash, x->table, x->table_len);
}

int python_codes__add(struct python_codes *c, const struct wt_ev_pycode *e, size_t size,
		      bool *flushed)
{
	struct python_generation *g = &c->gen[0];
	__u8 *fetched;
	struct text x;
	int i;

	*flushed = false;
	if (!sound(e, size))
		return 0;
	if (full(g)) {
		drop(&c->gen[1]);
		c->gen[1] = *g;
		memset(g, 0, sizeof(*g));
		c->flushes++;
		*flushed = true;
	}
	fetched = e->table_size > e->table_len ? fetch_table(e) : NULL;
	read_text(e, fetched, &x);
	i = intern(g, e, &x);
	free(fetched);
	if (i < 0 || !u64map__put(&g->by_number, e->code, i))
		return -ENOMEM;
	c->received++;
	return 0;
}

const struct python_content *python_codes__find(const struct python_codes *c, __u64 number)
{
	for (int i = 0; i < 2; i++) {
		struct u64map_slot *slot = u64map__find(&c->gen[i].by_number, number);

		if (slot)
			return &c->gen[i].content[slot->value];
	}
	return NULL;
}
