/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fuzz_jvm.c - HotSpot's tables, heaps and names in a process's memory, which is the input. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "runtime/jvm_code.h"
#include "runtime/jvm_layout.h"

/* Addresses of the memory, and where in it the exported variables are (see seeds). */
#define BASE 0x10000ULL

static int read_input(void *ctx, __u64 at, void *buf, size_t n)
{
	const struct input *in = ctx;
	__u64 off = at - BASE, end = (in->n + JVM_MEM_PAGE - 1) & ~(__u64)(JVM_MEM_PAGE - 1);
	size_t have;

	/* whole pages, as in a process */
	if (at < BASE || off >= end || n > end - off)
		return -EFAULT;
	have = off < in->n ? in->n - off : 0;
	memset(buf, 0, n);
	memcpy(buf, in->p + off, have < n ? have : n);
	return 0;
}

static void names(const struct jvm_layout *l, struct jvm_mem *m, size_t size)
{
	char name[512];

	for (__u64 at = BASE; at < BASE + size; at += size / 64 / 8 * 8 + 8) {
		if (!jvm_layout__method(l, m, at, name, sizeof(name)))
			REQUIRE(memchr(name, 0, sizeof(name)) && !strchr(name, '\n'));
		if (!jvm_layout__blob(l, m, at, name, sizeof(name)))
			REQUIRE(memchr(name, 0, sizeof(name)) && !strchr(name, '\n'));
	}
	jvm_layout__method(l, m, UINT64_MAX - 4, name, 8);
}

/* Addresses all over a heap: each is a frame of a VM, or none. */
static void codes(const struct wt_jvm *vm, struct jvm_mem *m, const struct wt_jvm_heap *h)
{
	__u64 step = (h->high - h->low) / 16, word;

	for (unsigned i = 0; i < 16; i++) {
		word = jvm_code__word(vm, m, h->low + i * step);
		REQUIRE(!word || WT_FRAME_TAG(word) == WT_FRAME_JVM);
	}
	REQUIRE(!jvm_code__word(vm, m, 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct jvm_mem m;
	struct input in = { data, size };
	struct jvm_elf e = { .n_seg = 1 };
	struct jvm_layout l;
	struct wt_jvm vm;
	char why[128];

	m = (struct jvm_mem){ .read = read_input, .ctx = &in };
	for (unsigned i = 0; i < JVM_SYMBOLS; i++)
		e.vaddr[i] = 8 * i;
	if (jvm_layout__read(&l, &m, &e, BASE, why, sizeof(why)))
		return 0;
	jvm_mem__flush(&m);
	if (!jvm_layout__heaps(&l, &m, &vm, why, sizeof(why)))
		for (unsigned i = 0; i < WT_JVM_HEAPS && vm.heap[i].low; i++) {
			REQUIRE(vm.heap[i].high > vm.heap[i].low);
			codes(&vm, &m, &vm.heap[i]);
		}
	names(&l, &m, size);
	return 0;
}
