// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cfi_fp.c - code without rows is of two kinds: hand-written assembly, which uses
 * rbp as it likes, and what generators wrote that never emit call frame
 * information but keep frame pointers (Go's compiler; V8's built-in functions in
 * node and Chromium, which lie in .text like any other code).  Their names differ
 * from build to build and are gone when stripped.  What does not differ is how
 * their functions begin: push %rbp; mov %rsp,%rbp.  So look at the code itself.
 */
#include <stdlib.h>
#include <string.h>

#include "unwind/cfi_impl.h"

#define BLOCK 4096
#define MAX_READ (1 << 20)	/* bytes looked at, evenly over what is not covered */
#define MIN_CODE 8192		/* less says nothing, and is not worth it */
/*
 * At least one in as many bytes.  V8 has one in 970, Go's compiler one in 400; of
 * assembly libvpx's has most, one in 2,800: the rest of it uses rbp as it likes.
 */
#define PER_PROLOGUE 1536

struct sample {
	const struct cfi_source *src;
	__u64 every, block;	/* every n-th block is read */
	__u64 bytes, prologues;
	unsigned char buf[BLOCK];
};

static unsigned count_prologues(const unsigned char *b, size_t n)
{
	/* the two ways to encode the move; V8's assembler uses the second */
	static const unsigned char mr[4] = { 0x55, 0x48, 0x89, 0xe5 };
	static const unsigned char rm[4] = { 0x55, 0x48, 0x8b, 0xec };
	const unsigned char *p = b, *end = b + n;
	unsigned found = 0;

	while (end - p >= 4 && (p = memchr(p, 0x55, end - p - 3))) {
		found += !memcmp(p, mr, 4) || !memcmp(p, rm, 4);
		p++;
	}
	return found;
}

static void look(struct sample *s, __u64 off, __u64 end)
{
	for (; off < end; off += BLOCK) {
		size_t want = end - off < BLOCK ? end - off : BLOCK;
		ssize_t n;

		if (s->block++ % s->every)
			continue;
		n = elfimg__read(&s->src->img, off, s->buf, want);
		if (n <= 0)
			return;
		s->bytes += n;
		s->prologues += count_prologues(s->buf, n);
	}
}

/* The parts of a segment that no rule covers; rows and segment by offset in the file. */
static void look_between(struct sample *s, const struct cfi_segment *seg, const struct cfi_table *t)
{
	__u64 from = seg->off, end = seg->off + seg->size;
	bool none = true;

	for (__u32 i = 0; i < t->n_rows && t->rows[i].off < end; i++) {
		bool is_none = !t->rows[i].rule;
		__u64 at = t->rows[i].off;

		if (none && !is_none && at > from && at - from >= 64)
			look(s, from, at);
		if (is_none != none)
			from = at < seg->off ? seg->off : at;
		none = is_none;
	}
	if (none && end > from)
		look(s, from, end);
}

bool cfi__keeps_fp(const struct cfi_source *src, const struct cfi_table *t)
{
	__u64 bare = t->code > t->covered ? t->code - t->covered : 0;
	struct sample *s;
	bool keeps;

	if (bare < MIN_CODE)
		return false;
	s = calloc(1, sizeof(*s));
	if (!s)
		return false;
	s->src = src;
	s->every = bare / MAX_READ + 1;
	for (unsigned i = 0; i < src->n_seg; i++)
		look_between(s, &src->seg[i], t);
	keeps = s->bytes >= MIN_CODE / 2 && s->prologues * PER_PROLOGUE >= s->bytes;
	free(s);
	return keeps;
}
