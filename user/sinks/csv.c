/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sinks/csv.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "ledger/ledger.h"

void csv_field(FILE *f, const char *text)
{
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, f);
		return;
	}
	putc('"', f);
	for (; *text; text++) {
		if (*text == '"')
			putc('"', f);
		putc(*text, f);
	}
	putc('"', f);
}

char *sink_utc(char *buf, size_t sz, __u64 ns, __s64 offset_ns)
{
	__s64 utc_ns = (__s64)ns + offset_ns;
	time_t t = utc_ns / 1000000000;
	struct tm tm;
	size_t n;

	gmtime_r(&t, &tm);
	n = strftime(buf, sz, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, sz - n, ".%09lldZ", (long long)(utc_ns % 1000000000));
	return buf;
}

void csv_utc(FILE *f, __u64 ns, __s64 offset_ns)
{
	char text[64];

	fputs(sink_utc(text, sizeof(text), ns, offset_ns), f);
}

void csv_states(FILE *f)
{
	for (unsigned s = 0; s < WT_STATES; s++)
		fprintf(f, ",%s_ns", ledger__state_name(s));
}

void csv_signal(FILE *f, int sig)
{
	const char *name = sigabbrev_np(sig);

	if (name)
		fprintf(f, "SIG%s", name);
	else
		fprintf(f, "signal %d", sig);
}

int sink_result(FILE *f)
{
	errno = 0;
	if (!fflush(f) && !ferror(f))
		return 0;
	/* an earlier failed write has left its mark on the stream, not in errno */
	return errno ? -errno : -EIO;
}
