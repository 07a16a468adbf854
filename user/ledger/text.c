/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ledger/text.h"

#include <string.h>

/* Bytes of the well-formed UTF-8 character at s (RFC 3629), or 0. */
static unsigned utf8_len(const unsigned char *s, size_t n)
{
	unsigned len, min;
	unsigned long c;

	if (s[0] < 0x80)
		return 1;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		len = 2, c = s[0] & 0x1f, min = 0x80;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		len = 3, c = s[0] & 0x0f, min = 0x800;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		len = 4, c = s[0] & 0x07, min = 0x10000;
	else
		return 0;
	if (len > n)
		return 0;
	for (unsigned i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < min || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	if (c >= 0x80 && c < 0xa0)	/* C1 controls: some terminals obey them */
		return 0;
	return len;
}

static char clean_ascii(char c, bool frame)
{
	if (c == '\n' || c == '\t' || c == '\r')
		return ' ';
	if ((unsigned char)c < 0x20 || c == 0x7f)
		return '?';
	return frame && c == ';' ? ':' : c;
}

char *text__clean(char *dst, size_t sz, const char *src, size_t n, bool frame)
{
	size_t in = 0, out = 0;

	n = strnlen(src, n);
	while (in < n) {
		unsigned len = utf8_len((const unsigned char *)src + in, n - in);

		if (out + (len ? len : 1) >= sz)
			break;
		if (len > 1)
			memcpy(dst + out, src + in, len);
		else
			dst[out] = len ? clean_ascii(src[in], frame) : '?';
		out += len ? len : 1;
		in += len ? len : 1;
	}
	if (sz)
		dst[out] = 0;
	return dst;
}

bool text__is_clean(const char *s, bool frame)
{
	size_t n = strlen(s);

	while (n) {
		unsigned len = utf8_len((const unsigned char *)s, n);

		if (!len || (len == 1 && clean_ascii(*s, frame) != *s))
			return false;
		s += len;
		n -= len;
	}
	return true;
}
