/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * fuzz_spans.c - what --span says, or the ELF file that it says it of: names, USDT
 * notes, and where functions end.
 */
#include "fuzz.h"

#include <elf.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spans/resolve.h"
#include "spans/spec.h"
#include "spans/x86.h"
#include "util/log.h"

/* Every input is bad input: what is said of it is made, and not shown. */
bool wt_verbose, wt_quiet;

static void format(const char *fmt, va_list ap)
{
	char text[4096];

	vsnprintf(text, sizeof(text), fmt, ap);
}

int wt_error(int err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format(fmt, ap);
	va_end(ap);
	REQUIRE(err < 0);
	return err;
}

void wt_warn(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format(fmt, ap);
	va_end(ap);
}

void wt_info(const char *fmt, ...)
{
	(void)fmt;
}

void wt_debug(const char *fmt, ...)
{
	(void)fmt;
}

static void parse(const uint8_t *data, size_t size)
{
	char *text = strndup((const char *)data, size);
	struct span_spec s;

	if (text && !span_spec__parse(&s, text)) {
		REQUIRE(*s.name && *s.binary && *s.begin.text);
		REQUIRE(!s.has_end || *s.end.text);
		span_spec__free(&s);
	}
	free(text);
}

static void resolve(int fd, const char *text, bool return_probe)
{
	struct span_places p;
	struct span_spec s;

	REQUIRE(!span_spec__parse(&s, text));
	if (!span_resolve(&s, return_probe, fd, "file", NULL, &p)) {
		REQUIRE(p.n);
		span_places__free(&p);
	}
	span_spec__free(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct x86_insn insn;
	char text[64];
	Elf64_Ehdr eh = { 0 };
	int fd;

	if (!x86__decode(data, size, &insn))
		REQUIRE(insn.len && insn.len <= 15 && insn.len <= size);
	if (size < 4 || memcmp(data, ELFMAG, 4)) {
		parse(data, size);
		return 0;
	}
	fd = fuzz__file(data, size);
	memcpy(&eh, data, size < sizeof(eh) ? size : sizeof(eh));
	resolve(fd, "s=b:main", false);
	resolve(fd, "s=b:work(int),std::string::size+0x4", false);
	resolve(fd, "s=b:shop:request", true);
	snprintf(text, sizeof(text), "s=b:0x%llx", (unsigned long long)eh.e_entry);
	resolve(fd, text, true);
	snprintf(text, sizeof(text), "s=b:0x%llx,0x%llx", (unsigned long long)eh.e_entry,
		 (unsigned long long)eh.e_entry + 4);
	resolve(fd, text, false);
	return 0;
}
