/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime/jvm_code.h"

#include <stdbool.h>
#include <string.h>

#define SEGMENT_STEPS 64
#define SEGMENT_FREE 255

static __u64 word_of(enum wt_jvm_kind kind, __u64 at)
{
	return WT_FRAME_MAKE(WT_FRAME_JVM) | (__u64)kind << 48 | (at & 0xffffffffffffULL);
}

static const struct wt_jvm_heap *heap_of(const struct wt_jvm *vm, __u64 address)
{
	for (unsigned i = 0; i < WT_JVM_HEAPS; i++)
		if (address >= vm->heap[i].low && address < vm->heap[i].high)
			return &vm->heap[i];
	return NULL;
}

/* The segment in which the block begins that this one belongs to. */
static bool find_block(struct jvm_mem *m, const struct wt_jvm_heap *h, __u64 *segment)
{
	__u8 tag;

	for (unsigned i = 0; i < SEGMENT_STEPS; i++) {
		if (jvm_mem__read(m, h->segmap + *segment, &tag, 1) || tag == SEGMENT_FREE ||
		    tag > *segment)
			return false;
		if (!tag)
			return true;
		*segment -= tag;
	}
	return false;
}

__u64 jvm_code__word(const struct wt_jvm *vm, struct jvm_mem *m, __u64 address)
{
	const struct wt_jvm_heap *h = heap_of(vm, address);
	__u64 segment, blob, at, method = 0;
	char name[16] = "";
	__s32 size = 0;

	if (!h)
		return 0;
	if (address >= vm->interpreter && address < vm->interpreter_end)
		return word_of(WT_JVM_BLOB, vm->interpreter);
	segment = (address - h->low) >> h->shift;
	if (!find_block(m, h, &segment))
		return 0;
	blob = h->low + (segment << h->shift) + vm->header;
	if (jvm_mem__read(m, blob + vm->size, &size, sizeof(size)) || size <= 0 ||
	    address < blob || address - blob >= (__u64)size ||
	    jvm_mem__read(m, blob + vm->name, &at, sizeof(at)) ||
	    jvm_mem__read(m, at, name, sizeof(name) - 1))
		return 0;
	if (strcmp(name, "nmethod") && strcmp(name, "native nmethod"))
		return word_of(WT_JVM_BLOB, blob);
	if (jvm_mem__read(m, blob + vm->method, &method, sizeof(method)) || !method)
		return 0;
	return word_of(*name == 'n' && name[1] == 'a' ? WT_JVM_NATIVE : WT_JVM_COMPILED, method);
}
