/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sinks/csv.h"

#include <errno.h>
#include <string.h>

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

int sink_result(FILE *f)
{
	errno = 0;
	if (!fflush(f) && !ferror(f))
		return 0;
	/* an earlier failed write has left its mark on the stream, not in errno */
	return errno ? -errno : -EIO;
}
