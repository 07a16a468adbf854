/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * no_memory.h - allocations that fail where a test wants it.  Its program is linked with
 * --wrap for each of them (see the Makefile); only our own calls fail, not the test's libraries'.
 */
#ifndef WT_TEST_NO_MEMORY_H
#define WT_TEST_NO_MEMORY_H

#include <stddef.h>
#include <string.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);

static unsigned long no_memory_calls;		/* since no_memory_from() */
static unsigned long no_memory_first, no_memory_n;	/* these fail, 0: none */

/* The first-th call from now on fails, and n - 1 after it; 0: none does. */
static void no_memory_from(unsigned long first, unsigned long n)
{
	no_memory_calls = 0;
	no_memory_first = first;
	no_memory_n = n;
}

static int no_memory_now(void)
{
	no_memory_calls++;
	return no_memory_first && no_memory_calls >= no_memory_first &&
	       no_memory_calls - no_memory_first < no_memory_n;
}

void *__wrap_malloc(size_t n)
{
	return no_memory_now() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return no_memory_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return no_memory_now() ? NULL : __real_realloc(p, n);
}

void *__wrap_reallocarray(void *p, size_t n, size_t size)
{
	return no_memory_now() ? NULL : __real_realloc(p, n * size);
}

char *__wrap_strndup(const char *s, size_t most)
{
	size_t n = strnlen(s, most);
	char *copy = no_memory_now() ? NULL : __real_malloc(n + 1);

	if (!copy)
		return NULL;
	copy[n] = 0;
	return memcpy(copy, s, n);
}

char *__wrap_strdup(const char *s)
{
	return __wrap_strndup(s, strlen(s));
}

#endif /* WT_TEST_NO_MEMORY_H */
