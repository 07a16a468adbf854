/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "symbols/names.h"

#include <libiberty/demangle.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

struct sink {
	char *buf;
	size_t n, sz;
	size_t seen;
	jmp_buf full;
};

/*
 * A short hostile symbol can demangle to gigabytes.  The demanglers give their
 * output piece by piece and know no way to stop them, hence the jump; they
 * hold no lock, and at most one small buffer, while they call here.
 */
#define ENOUGH 65536

static void take(const char *s, size_t n, void *arg)
{
	struct sink *k = arg;
	size_t room = k->sz - 1 - k->n;

	k->seen += n;
	if (k->seen > ENOUGH)
		longjmp(k->full, 1);
	if (n > room)
		n = room;
	/* Rust's demangler gives nothing at a null pointer now and then */
	if (n)
		memcpy(k->buf + k->n, s, n);
	k->n += n;
	k->buf[k->n] = '\0';
}

/* A stub of the procedure linkage table (pltsyms.c). */
#define PLT "@plt"

typedef int (*demangler)(const char *, int, demangle_callbackref, void *);

static bool run(demangler fn, int options, const char *symbol, struct sink *k)
{
	k->n = k->seen = 0;
	if (setjmp(k->full))
		return true;
	return fn(symbol, options, take, k) && k->n;
}

static bool demangle(const char *symbol, int options, char *buf, size_t sz)
{
	struct sink k = { .buf = buf, .sz = sz };
	bool cxx = !strncmp(symbol, "_Z", 2) || !strncmp(symbol, "__Z", 3);

	/* legacy Rust looks like C++ but for its hash: it goes first */
	if ((cxx || !strncmp(symbol, "_R", 2)) && run(rust_demangle_callback, 0, symbol, &k))
		return true;
	return cxx && run(cplus_demangle_v3_callback, DMGL_ANSI | options, symbol, &k);
}

static void demangle_with(const char *symbol, int options, char *buf, size_t sz)
{
	char bare[SYMBOL_MAX_SZ];
	char *at;
	bool cut, plt;

	snprintf(bare, sizeof(bare), "%s", symbol);
	at = strchr(bare, '@');
	plt = at && at != bare && !strcmp(at, PLT);
	if (at && at != bare)
		*at = '\0';
	buf[0] = '\0';
	if (plt && sz > sizeof(PLT))
		sz -= sizeof(PLT) - 1;
	if (!demangle(bare, options, buf, sz))
		cut = (size_t)snprintf(buf, sz, "%s", bare) >= sz;
	else
		cut = strlen(buf) == sz - 1;
	if (cut && sz > 4)
		memcpy(buf + sz - 4, "...", 4);
	if (plt)
		strcat(buf, PLT);
}

void names__demangle(const char *symbol, char *buf, size_t sz)
{
	demangle_with(symbol, 0, buf, sz);
}

void names__demangle_whole(const char *symbol, char *buf, size_t sz)
{
	demangle_with(symbol, DMGL_PARAMS, buf, sz);
}

void names__sanitise(char *buf)
{
	char *from = buf, *to = buf;

	while (*from == ' ' || (*from && (unsigned char)*from < ' '))
		from++;
	for (; *from; from++)
		*to++ = *from == ';' ? ':' :
			(unsigned char)*from < ' ' || *from == 0x7f ? ' ' : *from;
	while (to > buf && to[-1] == ' ')
		to--;
	*to = '\0';
}

/* A pattern that ends in '*' matches what starts like it. */
static bool one_of(const char *symbol, const char *const *list)
{
	for (; *list; list++) {
		size_t n = strlen(*list);

		if ((*list)[n - 1] == '*' ? !strncmp(symbol, *list, n - 1) : !strcmp(symbol, *list))
			return true;
	}
	return false;
}

bool names__is_user_root(const char *symbol)
{
	static const char *const roots[] = {
		"_start", "_start_c", "_dl_start_user", "start_thread", "thread_start",
		"clone", "__clone", "clone3", "__clone3", "__libc_start_main*",
		"__libc_start_call_main", "runtime.goexit*", "runtime.rt0_go*",
		"runtime.mstart*", "_rt0_*", NULL
	};

	return one_of(symbol, roots);
}

bool names__is_kernel_root(const char *symbol)
{
	static const char *const roots[] = {
		"ret_from_fork*", "secondary_startup_64*", "common_startup_64*",
		"start_secondary", "start_kernel", "x86_64_start_*", "__secondary_switched",
		"__primary_switched", "entry_*", "asm_*", "el0*", "el1*", "vectors", NULL
	};

	return one_of(symbol, roots);
}
