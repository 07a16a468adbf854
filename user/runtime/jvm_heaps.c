/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jvm_heaps.c - the code heaps and the interpreter of a VM, and the names in it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "runtime/jvm_layout.h"

#define MAX_HEAP (4ULL << 30)
#define MAX_SYMBOL 65535	/* of Symbol::_length, 16 bits */
#define NAME_MAX_LEN 400	/* of a class or a method: what is longer is cut short */

static int word(struct jvm_mem *m, __u64 at, __u64 *v)
{
	*v = 0;
	return jvm_mem__read(m, at, v, 8);
}

static int number(struct jvm_mem *m, __u64 at, __s32 *v)
{
	return jvm_mem__read(m, at, v, sizeof(*v));
}

static int unsound(char *why, size_t size, const char *what)
{
	snprintf(why, size, "%s", what);
	return -EPROTO;
}

static int one_heap(const struct jvm_layout *l, struct jvm_mem *m, __u64 at, struct wt_jvm_heap *h,
		    char *why, size_t why_size)
{
	__u64 memory = at + l->heap_memory, map = at + l->heap_segmap;
	__s32 shift = 0;
	int err = word(m, memory + l->space_low_boundary, &h->low);

	if (!err)
		err = word(m, memory + l->space_high_boundary, &h->high);
	if (!err)
		err = word(m, map + l->space_low, &h->segmap);
	if (!err)
		err = number(m, at + l->heap_shift, &shift);
	if (err)
		return err;
	if (!h->low || !h->high || !h->segmap)
		return -EAGAIN;
	if (h->high <= h->low || h->high - h->low > MAX_HEAP || shift < 4 || shift > 20)
		return unsound(why, why_size, "a code heap has no sound bounds");
	h->shift = shift;
	return 0;
}

static int read_heaps(const struct jvm_layout *l, struct jvm_mem *m, struct wt_jvm *out, char *why,
		      size_t why_size)
{
	__u64 heap = 0, array, data;
	__s32 n = 1;
	int err;

	if (l->heaps) {
		err = word(m, l->heaps, &array);
		if (!err && !array)
			return -EAGAIN;
		if (!err)
			err = number(m, array + l->array_len, &n);
		if (!err)
			err = word(m, array + l->array_data, &data);
	} else {
		data = l->heap;
		err = 0;
	}
	if (err)
		return err;
	if (n < 1 || n > WT_JVM_HEAPS)
		return n ? unsound(why, why_size, "it has more code heaps than are known") : -EAGAIN;
	for (__s32 i = 0; i < n; i++) {
		err = word(m, data + i * 8, &heap);
		if (!err && !heap)
			err = -EAGAIN;
		if (!err)
			err = one_heap(l, m, heap, &out->heap[i], why, why_size);
		if (err)
			return err;
	}
	return 0;
}

static int read_interpreter(const struct jvm_layout *l, struct jvm_mem *m, struct wt_jvm *out,
			    char *why, size_t why_size)
{
	__u64 queue, buffer;
	__s32 limit = 0;
	int err = word(m, l->interpreter, &queue);

	if (!err && !queue)
		return -EAGAIN;
	if (!err)
		err = word(m, queue + l->queue_buffer, &buffer);
	if (!err)
		err = number(m, queue + l->queue_limit, &limit);
	if (err)
		return err;
	for (unsigned i = 0; i < WT_JVM_HEAPS; i++) {
		const struct wt_jvm_heap *h = &out->heap[i];

		if (buffer < h->low || buffer >= h->high || limit <= 0 ||
		    (__u64)limit > h->high - buffer)
			continue;
		out->interpreter = buffer;
		out->interpreter_end = buffer + limit;
		return 0;
	}
	return unsound(why, why_size, "its interpreter is not in a code heap");
}

int jvm_layout__heaps(const struct jvm_layout *l, struct jvm_mem *m, struct wt_jvm *out, char *why,
		      size_t why_size)
{
	const __u64 in_blob[] = { l->blob_name + 8, l->blob_frame_size + 4, l->blob_complete + 4,
				  l->blob_code + 8, l->blob_size + 4, l->nmethod_method + 8 };
	__u64 stubs;
	int err;

	*why = 0;
	memset(out, 0, sizeof(*out));
	for (unsigned i = 0; i < sizeof(in_blob) / sizeof(in_blob[0]); i++)
		if (in_blob[i] > WT_JVM_BLOB_SIZE)
			return unsound(why, why_size, "its CodeBlob is larger than is known");
	/* when the first stubs are there, so are all heaps; before, no Java code runs */
	err = word(m, l->stub_return, &stubs);
	if (!err && !stubs)
		return -EAGAIN;
	if (!err)
		err = read_heaps(l, m, out, why, why_size);
	if (!err)
		err = read_interpreter(l, m, out, why, why_size);
	if (err)
		return err;
	out->header = l->heap_block;
	out->name = l->blob_name;
	out->frame_size = l->blob_frame_size;
	out->frame_complete = l->blob_complete;
	out->code = l->blob_code;
	out->size = l->blob_size;
	out->method = l->nmethod_method;
	out->code_is_offset = l->code_is_offset;
	out->complete_size = l->complete_is_short ? 2 : 4;
	return 0;
}

static int symbol(const struct jvm_layout *l, struct jvm_mem *m, __u64 at, char *buf, size_t size)
{
	__u16 len = 0;
	int err = at ? jvm_mem__read(m, at + l->symbol_length, &len, sizeof(len)) : -EFAULT;

	if (err)
		return err;
	if (!len)
		return -EPROTO;
	if (len >= size)
		len = size - 1;
	buf[len] = 0;
	return jvm_mem__read(m, at + l->symbol_body, buf, len);
}

static bool is_hex(const char *s)
{
	return *s && strspn(s, "0123456789abcdefABCDEF") == strlen(s);
}

/*
 * "java/lang/Foo" with dots; the address at the end of a hidden class's name ("…+0x…"
 * from JDK 15 on, "…/0x…" and "…/12345" before) goes: it is another in every process.
 */
static void tidy_class(char *name)
{
	char *at = strrchr(name, '+'), *slash = strrchr(name, '/');

	if (at && !strncmp(at, "+0x", 3) && is_hex(at + 3))
		*at = 0;
	else if (slash && ((!strncmp(slash, "/0x", 3) && is_hex(slash + 3)) ||
			   (slash[1] && strspn(slash + 1, "0123456789") == strlen(slash + 1))))
		*slash = 0;
	for (char *c = name; *c; c++)
		if (*c == '/')
			*c = '.';
}

/* A name of a class, a method or a stub has no such characters; what we read may be no name. */
static bool is_clean(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < 32 || *s == 127)
			return false;
	return true;
}

int jvm_layout__method(const struct jvm_layout *l, struct jvm_mem *m, __u64 method, char *buf,
		       size_t size)
{
	char class[NAME_MAX_LEN], name[NAME_MAX_LEN];
	__u64 cm = 0, pool = 0, klass = 0, sym = 0;
	__u16 index = 0;
	int err = word(m, method + l->method_const, &cm);

	if (!err)
		err = word(m, cm + l->const_pool, &pool);
	if (!err)
		err = jvm_mem__read(m, cm + l->const_name, &index, sizeof(index));
	if (!err)
		err = word(m, pool + l->pool_size + index * 8ULL, &sym);
	if (!err)
		err = symbol(l, m, sym, name, sizeof(name));
	if (!err)
		err = word(m, pool + l->pool_holder, &klass);
	if (!err)
		err = word(m, klass + l->klass_name, &sym);
	if (!err)
		err = symbol(l, m, sym, class, sizeof(class));
	if (err)
		return err;
	if (!is_clean(class) || !is_clean(name))
		return -EPROTO;
	tidy_class(class);
	snprintf(buf, size, "%s.%s", class, name);
	return 0;
}

int jvm_layout__blob(const struct jvm_layout *l, struct jvm_mem *m, __u64 blob, char *buf,
		     size_t size)
{
	char name[128];
	__u64 at;
	int err = word(m, blob + l->blob_name, &at);

	if (!err)
		err = jvm_mem__string(m, at, name, sizeof(name));
	if (err)
		return err;
	if (!*name || !is_clean(name))
		return -EPROTO;
	snprintf(buf, size, "%s", name);
	return 0;
}
