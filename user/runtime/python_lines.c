/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * python_lines.c - CPython's three ways to write down which instruction belongs to
 * which line: Objects/lnotab_notes.txt of 3.9 and of 3.10, Objects/locations.md
 * (InternalDocs/code_objects.md) from 3.11 on.
 *
 * The bytes come from a traced process: every read is within them, and a sum that
 * leaves the range of lines is no line.
 */
#include "runtime/python_lines.h"

#define MAX_LINE 0x7fffffff

static unsigned valid(long line)
{
	return line > 0 && line <= MAX_LINE ? line : 0;
}

/* Pairs: bytes forward, lines forward or (signed) back.  The last pair's line holds to the end. */
static unsigned lnotab(const __u8 *t, size_t n, bool cut, long line, __u32 lasti)
{
	__u64 at = 0;

	for (size_t i = 0; i + 1 < n; i += 2) {
		at += t[i];
		if (at > lasti)
			return valid(line);
		line += (__s8)t[i + 1];
	}
	return cut ? 0 : valid(line);
}

/* Pairs: bytes that the entry covers, lines forward or back; −128: it has no line. */
static unsigned linetable_10(const __u8 *t, size_t n, long line, __u32 lasti)
{
	__u64 end = 0;

	for (size_t i = 0; i + 1 < n; i += 2) {
		end += t[i];
		if ((__s8)t[i + 1] != -128)
			line += (__s8)t[i + 1];
		if (lasti < end)
			return valid(line);
	}
	return 0;
}

/* Six bits to the byte, the least first; bit 6: more follow.  −1: it runs over the end. */
static int varint(const __u8 *t, size_t n, size_t *i, __u64 *out)
{
	unsigned shift = 0;
	__u8 b;

	*out = 0;
	do {
		if (*i >= n || shift > 30)
			return -1;
		b = t[(*i)++];
		*out |= (__u64)(b & 63) << shift;
		shift += 6;
	} while (b & 64);
	return 0;
}

#define LOC_ONE_LINE 10		/* 10 … 12: that many lines less 10 forward */
#define LOC_NO_COLUMNS 13
#define LOC_LONG 14
#define LOC_NONE 15

/* Entries begin with a byte whose bit 7 is set: bits 3-6 the kind, 0-2 the instructions less one. */
static unsigned locations(const __u8 *t, size_t n, long line, __u32 lasti)
{
	__u64 end = 0, delta;
	unsigned last = 0;
	size_t i = 0;

	while (i < n) {
		__u8 head = t[i++], kind = head >> 3 & 15;

		if (!(head & 128))
			return 0;
		end += ((head & 7) + 1) * 2;
		if (kind == LOC_LONG || kind == LOC_NO_COLUMNS) {
			if (varint(t, n, &i, &delta))
				return 0;
			line += delta & 1 ? -(long)(delta >> 1) : (long)(delta >> 1);
		} else if (kind >= LOC_ONE_LINE && kind < LOC_NO_COLUMNS) {
			line += kind - LOC_ONE_LINE;
		}
		if (kind != LOC_NONE)
			last = valid(line);
		if (lasti < end)
			return last;
		/* columns and end lines: nothing we want */
		while (i < n && !(t[i] & 128))
			i++;
	}
	return 0;
}

unsigned python_line(unsigned minor, const __u8 *table, size_t n, bool cut, unsigned firstlineno,
		     __u32 lasti)
{
	if (minor <= 9)
		return lnotab(table, n, cut, firstlineno, lasti);
	if (minor == 10)
		return linetable_10(table, n, firstlineno, lasti);
	return locations(table, n, firstlineno, lasti);
}
