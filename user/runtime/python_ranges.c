/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * python_ranges.c - where the evaluation loop's code lies.
 *
 * A compiler that knows what is rarely run (-freorder-blocks-and-partition, with a
 * profile) splits a function: its symbol has the hot part, and the rest lies
 * elsewhere without a name in .dynsym.  In Debian's 3.13 that rest is 97 % of the
 * loop.  The parts jump to each other, into the middle of what call frame
 * information says are functions of their own; nothing else does that.
 */
#include <stdlib.h>
#include <string.h>

#include "runtime/python_elf.h"

#define MAX_FUNCTION (1 << 20)	/* bytes of the symbol; 3.12's are 51,245 */
#define MAX_FDES (1 << 20)
/* a byte sequence that only looks like a jump hits a given FDE once at most, in practice */
#define MIN_HITS 2

struct fde {
	__u64 start, end;	/* end 0: not read yet */
	__s32 at;		/* of its record, relative to .eh_frame_hdr */
	__u32 hits;
};

struct fdes {
	const struct python_image *im;
	struct fde *fde;
	size_t n;
};

/*
 * The sorted table in .eh_frame_hdr (LSB, "Exception Frames"): version 1, then the
 * encodings of three fields.  All linkers write these: pc-relative, unsigned and
 * table-relative words of 4 bytes.
 */
static int read_fdes(const struct python_image *im, struct fdes *t)
{
	struct {
		__u8 version, ptr_enc, count_enc, table_enc;
		__s32 ptr;
		__u32 count;
	} h;
	__s32 (*raw)[2];

	t->im = im;
	if (!im->eh_hdr || python_image__read(im, im->eh_hdr, &h, sizeof(h)) || h.version != 1 ||
	    h.ptr_enc != 0x1b || h.count_enc != 0x03 || h.table_enc != 0x3b ||
	    !h.count || h.count > MAX_FDES)
		return -1;
	raw = malloc(h.count * sizeof(*raw));
	t->fde = calloc(h.count, sizeof(*t->fde));
	if (!raw || !t->fde ||
	    python_image__read(im, im->eh_hdr + sizeof(h), raw, h.count * sizeof(*raw))) {
		free(raw);
		return -1;
	}
	for (__u32 i = 0; i < h.count; i++) {
		t->fde[i].start = im->eh_hdr + raw[i][0];
		t->fde[i].at = raw[i][1];
		if (i && t->fde[i].start < t->fde[i - 1].start) {
			free(raw);
			return -1;
		}
	}
	t->n = h.count;
	free(raw);
	return 0;
}

/* Length, CIE, start and size, where start is pc-relative: it has to agree with the table. */
static void read_end(struct fdes *t, struct fde *f)
{
	__u64 at = t->im->eh_hdr + f->at;
	__u32 rec[4];

	f->end = f->start;
	if (python_image__read(t->im, at, rec, sizeof(rec)) || !rec[1] || rec[0] == 0xffffffff ||
	    at + 8 + (__s32)rec[2] != f->start)
		return;
	f->end = f->start + rec[3];
}

static struct fde *find(struct fdes *t, __u64 pc)
{
	size_t lo = 0, hi = t->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (t->fde[mid].start <= pc)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo ? &t->fde[lo - 1] : NULL;
}

static void hit(struct fdes *t, __u64 target, __u64 start, __u64 end)
{
	struct fde *f;

	if (target >= start && target < end)
		return;
	f = find(t, target);
	if (!f || f->start == target || (f->start >= start && f->start < end))
		return;
	if (!f->end)
		read_end(t, f);
	if (target < f->end)
		f->hits++;
}

/* jmp rel32 (e9) and jcc rel32 (0f 80 … 8f), at every byte: instructions are not decoded. */
static void scan_jumps(struct fdes *t, const __u8 *code, __u64 start, __u64 size)
{
	__s32 rel;

	for (__u64 i = 0; i + 6 <= size; i++) {
		bool jcc = code[i] == 0x0f && (code[i + 1] & 0xf0) == 0x80;

		if (code[i] != 0xe9 && !jcc)
			continue;
		memcpy(&rel, code + i + 1 + jcc, sizeof(rel));
		hit(t, start + i + 5 + jcc + rel, start, start + size);
	}
}

static bool to_range(const struct python_image *im, __u64 start, __u64 end, struct wt_py_range *r)
{
	for (unsigned i = 0; i < im->n_seg; i++) {
		const struct python_segment *s = &im->seg[i];

		if (!s->exec || start < s->vaddr || end <= start || end - s->vaddr > s->filesz ||
		    end < s->vaddr || s->off + (end - s->vaddr) > 0xffffffffULL)
			continue;
		r->start = s->off + (start - s->vaddr);
		r->end = s->off + (end - s->vaddr);
		return true;
	}
	return false;
}

/* The FDE that was hit most often; its hits are cleared. */
static struct fde *take_best(struct fdes *t)
{
	struct fde *best = NULL;

	for (size_t i = 0; i < t->n; i++)
		if (t->fde[i].hits >= MIN_HITS && (!best || t->fde[i].hits > best->hits))
			best = &t->fde[i];
	if (best)
		best->hits = 0;
	return best;
}

unsigned python_ranges(const struct python_image *im, __u64 vaddr, __u64 size,
		       struct wt_py_range out[WT_PY_RANGES])
{
	struct fdes t = { 0 };
	struct fde *f;
	unsigned n = 0;
	__u8 *code;

	memset(out, 0, WT_PY_RANGES * sizeof(*out));
	if (!size || size > MAX_FUNCTION || !to_range(im, vaddr, vaddr + size, &out[0]))
		return 0;
	n = 1;
	code = malloc(size);
	if (code && !python_image__read(im, vaddr, code, size) && !read_fdes(im, &t)) {
		scan_jumps(&t, code, vaddr, size);
		while (n < WT_PY_RANGES && (f = take_best(&t)))
			if (to_range(im, f->start, f->end, &out[n]))
				n++;
	}
	free(code);
	free(t.fde);
	return n;
}
