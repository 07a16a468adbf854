/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "util/log.h"

#include <stdio.h>
#include <string.h>

bool wt_verbose;
bool wt_quiet;

static void say(const char *prefix, const char *fmt, va_list ap, int err)
{
	char text[2048];
	int n = vsnprintf(text, sizeof(text), fmt, ap);

	if (n < 0)
		return;
	if (err < 0 && err > WT_ESAID)
		fprintf(stderr, "worktrace: %s%s: %s\n", prefix, text, strerror(-err));
	else
		fprintf(stderr, "worktrace: %s%s\n", prefix, text);
}

int wt_error(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("", fmt, ap, err);
	va_end(ap);
	return err;
}

void wt_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say("warning: ", fmt, ap, 0);
	va_end(ap);
}

void wt_info(const char *fmt, ...)
{
	va_list ap;

	if (wt_quiet)
		return;
	va_start(ap, fmt);
	say("", fmt, ap, 0);
	va_end(ap);
}

void wt_debug(const char *fmt, ...)
{
	va_list ap;

	if (!wt_verbose)
		return;
	va_start(ap, fmt);
	say("debug: ", fmt, ap, 0);
	va_end(ap);
}
