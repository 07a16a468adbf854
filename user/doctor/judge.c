/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "doctor/judge.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* One part in so many of the code, or of the functions, is worth a word. */
#define WORTH 50
/* Every program has some bytes of start-up code without tables: nothing is called from there. */
#define UNCOVERED_MIN 1024

/* More than one thing may be lacking: they are put one behind the other. */
static void __attribute__((format(printf, 3, 4))) add(char *buf, size_t sz, const char *fmt, ...)
{
	size_t n = strlen(buf);
	va_list ap;

	if (n && n + 2 < sz) {
		memcpy(buf + n, "; ", 3);
		n += 2;
	}
	va_start(ap, fmt);
	vsnprintf(buf + n, sz - n, fmt, ap);
	va_end(ap);
}

#define LACKS(b, ...) add((b)->lacking, sizeof((b)->lacking), __VA_ARGS__)
#define REMEDY(b, ...) add((b)->remedy, sizeof((b)->remedy), __VA_ARGS__)

static void judge_unwinding(struct doctor_binary *b)
{
	switch (b->unwind) {
	case UNWIND_TABLES:
		if (b->fp || b->uncovered < UNCOVERED_MIN || b->uncovered * WORTH < b->bytes)
			return;
		LACKS(b, "%llu KiB of its code have no unwind tables: callers of that are guessed from "
		      "the stack, and counted as guessed", b->uncovered / 1024);
		return;
	case UNWIND_SCAN:
		LACKS(b, "no unwind tables and no frame pointers: its callers are guessed from the stack");
		REMEDY(b, "build it with -fasynchronous-unwind-tables or -fno-omit-frame-pointer");
		return;
	default:
		return;
	}
}

static void judge_names(struct doctor_binary *b)
{
	bool many = b->unnamed * WORTH > b->named + b->unnamed;
	const char *slash = strrchr(b->path, '/'), *module = slash ? slash + 1 : b->path;

	if (b->path[0] == '[')
		return;
	if (b->names == NAMES_NONE)
		LACKS(b, "no symbols: its frames print as [%.40s+0x…]", module);
	else if (b->names == NAMES_STARTS || (b->names == NAMES_DYNSYM && many))
		LACKS(b, "%u of its functions have no names: each prints as [%.40s+0x…]", b->unnamed,
		      module);
	else
		return;
	if (b->build_id[0])
		REMEDY(b, "install its debug symbols: /usr/lib/debug/.build-id/%.2s/%s.debug, on the "
		       "host or in its container", b->build_id, b->build_id + 2);
	else
		REMEDY(b, "use a build that is not stripped");
}

void judge__file(struct doctor_binary *b)
{
	judge_unwinding(b);
	judge_names(b);
	if (b->python_ok < 0) {
		LACKS(b, "its Python functions do not show: %s", b->python);
		REMEDY(b, "CPython 3.8 to 3.14 in its usual builds is supported");
	}
}

void judge__memory(struct doctor_binary *b, const char *runtime)
{
	static const struct {
		const char *runtime, *remedy;
	} known[] = {
		{ "node", "start it with --perf-basic-prof, or with NODE_OPTIONS=--perf-basic-prof" },
		{ "dotnet", "start it with DOTNET_PerfMapEnabled=1" },
		{ "ruby", "start it with --yjit --yjit-perf" },
		{ "erlang", "start it with +JPperf true" },
		{ "php", "set opcache.jit_debug=0x10" },
		{ "python", "if it was started with -X perf, its map is gone or not its own" },
		{ "wasm", "start it with --profile=perfmap" },
		{ "qemu", "start it with -perfmap" },
	};

	if (b->names != NAMES_NONE)
		return;
	LACKS(b, "what runs there has no names: it prints as [%s%s+0x…], by page",
	      runtime ? "jit:" : "anon", runtime ? runtime : "");
	for (size_t i = 0; runtime && i < sizeof(known) / sizeof(known[0]); i++)
		if (!strcmp(known[i].runtime, runtime))
			REMEDY(b, "%s", known[i].remedy);
	if (!b->remedy[0])
		REMEDY(b, "if its runtime can write a perf map, let it");
}

void judge__unreadable(struct doctor_binary *b, bool gone)
{
	b->unwind = gone ? UNWIND_NONE : UNWIND_FP;
	b->names = NAMES_NONE;
	if (gone) {
		LACKS(b, "the file cannot be opened: stacks end there, and it has no names");
		REMEDY(b, "worktrace needs CAP_SYS_PTRACE and CAP_SYS_ADMIN to open what a process has "
		       "mapped");
	} else {
		LACKS(b, "it is no program: code in it has a name only by a perf map");
	}
}

void judge__kernels(struct doctor_binary *b)
{
	b->unwind = UNWIND_FP;
	b->names = NAMES_SYMTAB;
	b->named = 1;
}
