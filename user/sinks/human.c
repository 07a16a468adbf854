/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sinks/human.h"

static char *three_digits(char *buf, size_t sz, double x, const char *unit)
{
	/* at the limits that rounding sets: 9.995 would print as 10.00 */
	int decimals = x < 9.995 ? 2 : x < 99.95 ? 1 : 0;

	snprintf(buf, sz, "%.*f %s", decimals, x, unit);
	return buf;
}

char *human_ns(char *buf, size_t sz, __u64 ns)
{
	__u64 s = (ns + 500000000) / 1000000000;

	if (ns < 1000)
		snprintf(buf, sz, "%llu ns", ns);
	else if (ns < 999500)
		three_digits(buf, sz, ns / 1e3, "µs");
	else if (ns < 999500000)
		three_digits(buf, sz, ns / 1e6, "ms");
	else if (s < 120)
		three_digits(buf, sz, ns / 1e9, "s");
	else if (s < 7200)
		snprintf(buf, sz, "%llu m %02llu s", s / 60, s % 60);
	else
		snprintf(buf, sz, "%llu h %02llu m", s / 3600, s / 60 % 60);
	return buf;
}

char *human_share(char *buf, size_t sz, __u64 part, __u64 whole)
{
	double share = whole ? 100.0 * (double)part / (double)whole : 0;

	if (!whole)
		snprintf(buf, sz, "-");
	else if (!part)
		snprintf(buf, sz, "0 %%");
	else if (share < 0.05)
		snprintf(buf, sz, "<0.1 %%");
	else
		snprintf(buf, sz, "%.1f %%", share);
	return buf;
}

char *human_count(char *buf, size_t sz, __u64 n)
{
	if (n < 10000)
		snprintf(buf, sz, "%llu", n);
	else if (n < 999500)
		three_digits(buf, sz, n / 1e3, "k");
	else if (n < 999500000)
		three_digits(buf, sz, n / 1e6, "M");
	else
		three_digits(buf, sz, n / 1e9, "G");
	return buf;
}

char *human_bytes(char *buf, size_t sz, __u64 n)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double v = (double)n;
	unsigned u = 0;

	while (v >= 1000 && u < 4) {
		v /= 1024;
		u++;
	}
	snprintf(buf, sz, v < 10 && u ? "%.2f %s" : v < 100 && u ? "%.1f %s" : "%.0f %s", v, units[u]);
	return buf;
}

unsigned human_width(const char *text)
{
	unsigned n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

void human_cell(FILE *f, const char *text, unsigned width)
{
	unsigned w = human_width(text);

	fprintf(f, "%*s%s", w < width ? (int)(width - w) : 0, "", text);
}

void human_label(FILE *f, const char *text, unsigned width)
{
	unsigned w = human_width(text), used = 0;

	if (w <= width) {
		fprintf(f, "%s%*s", text, (int)(width - w), "");
		return;
	}
	for (; *text; text++) {
		if ((*text & 0xc0) != 0x80 && ++used == width)
			break;
		putc(*text, f);
	}
	fputs("…", f);
}
