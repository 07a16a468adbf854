/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/elfunits.h"

#include <stdlib.h>
#include <string.h>

#include "symbols/elfsyms_impl.h"

/* .eh_frame_hdr (LSB core, "Exception Frames") in the encodings that all linkers write. */
#define EH_PTR_PCREL_SDATA4 0x1b
#define EH_COUNT_UDATA4 0x03
#define EH_TABLE_DATAREL_SDATA4 0x3b
/* A CIE's fixed part, its augmentation string and what belongs to it. */
#define CIE_MAX 64
#define CUT_GRAIN 16
#define CUT_CHUNK 65536
#define INSN_MAX 7
/* Functions start at multiples of up to 64. */
#define PADDING_MAX 64

struct elfunits *elfunits__new(Elf *elf, const struct elfimg *img)
{
	struct elfunits *u = calloc(1, sizeof(*u));
	struct {
		__u8 version, ptr_enc, count_enc, table_enc;
		__s32 ptr;
		__u32 count;
	} h;
	size_t n = 0, i;
	GElf_Phdr ph;

	elf_getphdrnum(elf, &n);
	for (i = 0; i < n; i++)
		if (gelf_getphdr(elf, i, &ph) && ph.p_type == PT_GNU_EH_FRAME)
			break;
	if (!u || i == n || elfimg__read(img, ph.p_offset, &h, sizeof(h)) != sizeof(h) ||
	    h.version != 1 || h.ptr_enc != EH_PTR_PCREL_SDATA4 ||
	    h.count_enc != EH_COUNT_UDATA4 || h.table_enc != EH_TABLE_DATAREL_SDATA4 ||
	    ph.p_filesz < sizeof(h) || h.count > (ph.p_filesz - sizeof(h)) / 8)
		return u;
	u->table_off = ph.p_offset + sizeof(h);
	u->hdr_vaddr = ph.p_vaddr;
	u->count = h.count;
	return u;
}

/* The i-th pair, as addresses: where code starts, and its entry. */
static bool read_pair(const struct elfsyms *es, __u32 i, __u64 *start, __u64 *entry)
{
	__s32 pair[2];

	if (elfimg__read(&es->img, es->units->table_off + 8ULL * i, pair, sizeof(pair)) !=
	    sizeof(pair))
		return false;
	*start = es->units->hdr_vaddr + pair[0];
	*entry = es->units->hdr_vaddr + pair[1];
	return true;
}

__u64 elfunits__start(const struct elfsyms *es, __u32 i)
{
	__u64 start, entry;

	return read_pair(es, i, &start, &entry) ? start : 0;
}

/* Bytes of a pointer in that encoding, 0: of no fixed size. */
static unsigned encoded_size(const struct elfsyms *es, __u8 enc)
{
	switch (enc & 0x0f) {
	case 0x00: return es->is64 ? 8 : 4;
	case 0x02: case 0x0a: return 2;
	case 0x03: case 0x0b: return 4;
	case 0x04: case 0x0c: return 8;
	}
	return 0;
}

/* Steps over a LEB128 number. */
static const __u8 *skip_leb(const __u8 *p, const __u8 *end)
{
	while (p < end && (*p & 0x80))
		p++;
	return p < end ? p + 1 : end;
}

/* How the entries of the CIE at that offset of the file write their addresses. */
static __u8 cie_encoding(const struct elfsyms *es, __u64 off)
{
	__u8 buf[CIE_MAX] = { 0 };
	ssize_t n = elfimg__read(&es->img, off, buf, sizeof(buf));
	const __u8 *p = buf + 9, *end = buf + (n > 0 ? n : 0), *aug = p;

	/* length 4, id 4, version 1, augmentation */
	if (n < 16 || *aug != 'z')
		return 0;
	while (p < end && *p)
		p++;
	p = skip_leb(skip_leb(p + 1, end), end);		/* the alignment factors */
	p = buf[8] == 1 ? p + 1 : skip_leb(p, end);		/* the return address's register */
	p = skip_leb(p, end);					/* length of what follows */
	for (aug++; *aug && p < end; aug++) {
		if (*aug == 'R')
			return *p;
		if (*aug == 'L')
			p++;
		else if (*aug == 'P')
			p += 1 + encoded_size(es, *p);
	}
	return 0;
}

/* The length of the code of the entry at that address of the file, 0: unknown. */
static __u64 entry_length(const struct elfsyms *es, __u64 entry)
{
	__u64 off = elfsyms__file_off(es, entry), range = 0;
	__u32 head[2];
	__u8 body[16];
	unsigned size;

	if (elfimg__read(&es->img, off, head, sizeof(head)) != sizeof(head) ||
	    head[0] < 8 || head[0] >= 0xfffffff0 || !head[1] || head[1] > off + 4)
		return 0;
	size = encoded_size(es, cie_encoding(es, off + 4 - head[1]));
	if (!size || elfimg__read(&es->img, off + 8, body, 2 * size) != 2 * size)
		return 0;
	memcpy(&range, body + size, size);
	return range;
}

struct elfunit elfunits__find(const struct elfsyms *es, __u64 vaddr)
{
	struct elfunit u = { .end = UINT64_MAX };
	__u32 lo = 0, hi = es->units->count;
	__u64 start, entry, length;

	while (lo < hi) {
		__u32 mid = lo + (hi - lo) / 2;

		if (!read_pair(es, mid, &start, &entry))
			return u;
		if (start <= vaddr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo < es->units->count && read_pair(es, lo, &start, &entry) && start > vaddr)
		u.end = start;
	if (!lo || !read_pair(es, lo - 1, &start, &entry) || start > vaddr)
		return u;
	length = entry_length(es, entry);
	/* an entry that cannot be read: up to the next one, rather than a gap that is none */
	u.function = !length || vaddr - start < length;
	u.start = u.function ? start : start + length;
	if (u.function && length && start + length < u.end)
		u.end = start + length;
	return u;
}

/* What of [from, to) lies in sections of code, where it is more than padding. */
static __u64 gap_bytes(const struct elfsyms *es, __u64 from, __u64 to)
{
	__u64 sum = 0;

	for (unsigned i = 0; i < es->n_sect; i++) {
		__u64 lo = from > es->sect[i].start ? from : es->sect[i].start;
		__u64 hi = to < es->sect[i].end ? to : es->sect[i].end;

		if (lo < hi && hi - lo >= PADDING_MAX)
			sum += hi - lo;
	}
	return sum;
}

__u64 elfunits__uncovered(const struct elfsyms *es)
{
	__u64 start, entry, length, end = 0, sum = 0;

	if (!es->units->count || !es->n_sect)
		return UINT64_MAX;
	for (__u32 i = 0; i < es->units->count && read_pair(es, i, &start, &entry); i++) {
		if (start > end)
			sum += gap_bytes(es, end, start);
		length = entry_length(es, entry);
		if (start + length > end)
			end = start + length;
	}
	return sum + gap_bytes(es, end, UINT64_MAX);
}

static void refer(struct elfunits *u, __u64 target)
{
	if (target < u->cut_start || target >= u->cut_end || target % CUT_GRAIN)
		return;
	target = (target - u->cut_start) / CUT_GRAIN;
	u->referred[target / 8] |= 1 << target % 8;
}

/* Notes what the code in buf refers to; n bytes of instructions may start in it. */
static void search(struct elfunits *u, const __u8 *buf, size_t n, __u64 vaddr)
{
	__s32 rel;

	for (size_t i = 0; i < n; i++) {
		const __u8 *p = buf + i;
		unsigned len = 0;

		if (*p == 0xe8)					/* call rel32 */
			len = 5;
		else if ((*p & 0xfb) == 0x48 && p[1] == 0x8d && (p[2] & 0xc7) == 0x05)
			len = 7;				/* lea r64, [rip + rel32] */
		if (!len)
			continue;
		memcpy(&rel, p + len - 4, 4);
		refer(u, vaddr + i + len + rel);
	}
}

static void search_segment(const struct elfsyms *es, const struct eseg *g, __u8 *buf)
{
	__u64 at;

	for (at = 0; at < g->filesz; at += CUT_CHUNK) {
		__u64 left = g->filesz - at;
		size_t want = left < CUT_CHUNK + INSN_MAX ? left : CUT_CHUNK + INSN_MAX;
		ssize_t n = elfimg__read(&es->img, g->off + at, buf, want);

		if (n <= INSN_MAX)
			return;
		search(es->units, buf, n - INSN_MAX, g->vaddr + at);
	}
}

static bool is_searched(const struct eseg *g)
{
	return g->exec && g->filesz <= ELFUNITS_CUT_MAX && g->vaddr <= INT64_MAX;
}

/*
 * A code segment is searched whole or, beyond the bound, not at all; so are all of
 * them together: thousands may claim the same bytes.
 */
static void find_references(const struct elfsyms *es)
{
	struct elfunits *u = es->units;
	__u64 bytes = 0;
	__u8 *buf;
	unsigned i;

	u->cutting_tried = true;
	u->cut_start = UINT64_MAX;
	for (i = 0; es->is_x86_64 && i < es->n_seg; i++) {
		const struct eseg *g = &es->seg[i];

		if (!is_searched(g))
			continue;
		bytes += g->filesz;
		if (g->vaddr < u->cut_start)
			u->cut_start = g->vaddr & ~(CUT_GRAIN - 1ULL);
		if (g->vaddr + g->filesz > u->cut_end)
			u->cut_end = g->vaddr + g->filesz;
	}
	if (u->cut_end <= u->cut_start || u->cut_end - u->cut_start > ELFUNITS_CUT_MAX ||
	    bytes > ELFUNITS_CUT_MAX)
		return;
	buf = malloc(CUT_CHUNK + INSN_MAX);
	if (buf)
		u->referred = calloc(1, (u->cut_end - u->cut_start) / (8 * CUT_GRAIN) + 1);
	for (i = 0; u->referred && i < es->n_seg; i++)
		if (is_searched(&es->seg[i]))
			search_segment(es, &es->seg[i], buf);
	free(buf);
}

__u64 elfunits__cut(const struct elfsyms *es, __u64 lo, __u64 vaddr)
{
	struct elfunits *u = es->units;
	__u64 at, first;

	if (!u->cutting_tried)
		find_references(es);
	if (!u->referred || vaddr < u->cut_start || vaddr >= u->cut_end)
		return lo;
	first = lo > u->cut_start ? (lo - u->cut_start) / CUT_GRAIN : 0;
	for (at = (vaddr - u->cut_start) / CUT_GRAIN; at > first; at--)
		if (u->referred[at / 8] & 1 << at % 8)
			return u->cut_start + at * CUT_GRAIN;
	return lo;
}

void elfunits__free(struct elfunits *u)
{
	if (u)
		free(u->referred);
	free(u);
}
