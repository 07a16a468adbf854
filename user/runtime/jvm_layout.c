/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * jvm_layout.c - reads gHotSpotVMStructs and gHotSpotVMTypes.  The tables end with
 * an entry without a name; we stop at MAX_ENTRIES.
 */
#include "runtime/jvm_layout.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAX_ENTRIES 20000	/* JDK 8 has 1,700 in all, 17 about 2,000 */
#define MAX_STRIDE 256
#define NAME_SIZE 128		/* longer names are none that we look for */
#define MAX_OFFSET (1 << 16)
#define NO_OFFSET (~0ULL)

struct field {
	const char *type, *name;
	size_t at;		/* in struct jvm_layout */
	bool is_static, optional;
};
#define FIELD(type, name, member) { type, name, offsetof(struct jvm_layout, member), false, false }
/* One of several places, by version; whether one was there is checked afterwards. */
#define EITHER(type, name, member) { type, name, offsetof(struct jvm_layout, member), false, true }
#define STATIC(type, name, member) { type, name, offsetof(struct jvm_layout, member), true, false }
#define STATIC_EITHER(type, name, member)                                                        \
	{ type, name, offsetof(struct jvm_layout, member), true, true }

static const struct field fields[] = {
	STATIC_EITHER("CodeCache", "_heap", heap),
	STATIC_EITHER("CodeCache", "_heaps", heaps),
	STATIC("StubRoutines", "_call_stub_return_address", stub_return),
	STATIC("AbstractInterpreter", "_code", interpreter),
	EITHER("GrowableArrayBase", "_len", array_len),
	EITHER("GenericGrowableArray", "_len", array_len),	/* up to JDK 15 */
	FIELD("GrowableArray<int>", "_data", array_data),
	FIELD("CodeHeap", "_memory", heap_memory),
	FIELD("CodeHeap", "_segmap", heap_segmap),
	FIELD("CodeHeap", "_log2_segment_size", heap_shift),
	FIELD("VirtualSpace", "_low", space_low),
	FIELD("VirtualSpace", "_low_boundary", space_low_boundary),
	FIELD("VirtualSpace", "_high_boundary", space_high_boundary),
	FIELD("CodeBlob", "_name", blob_name),
	FIELD("CodeBlob", "_frame_size", blob_frame_size),
	FIELD("CodeBlob", "_size", blob_size),
	FIELD("CodeBlob", "_frame_complete_offset", blob_complete),
	EITHER("CodeBlob", "_code_begin", blob_code),		/* JDK 9 to 22: an address */
	EITHER("CodeBlob", "_code_offset", blob_code),
	EITHER("nmethod", "_method", nmethod_method),
	EITHER("CompiledMethod", "_method", nmethod_method),	/* JDK 9 to 22 */
	FIELD("StubQueue", "_stub_buffer", queue_buffer),
	FIELD("StubQueue", "_buffer_limit", queue_limit),
	FIELD("Method", "_constMethod", method_const),
	FIELD("ConstMethod", "_constants", const_pool),
	FIELD("ConstMethod", "_name_index", const_name),
	FIELD("ConstantPool", "_pool_holder", pool_holder),
	FIELD("Klass", "_name", klass_name),
	FIELD("Symbol", "_length", symbol_length),
	FIELD("Symbol", "_body", symbol_body),
};
#define N_FIELDS (sizeof(fields) / sizeof(fields[0]))

static __u64 *member(struct jvm_layout *l, const struct field *f)
{
	return (__u64 *)((char *)l + f->at);
}

/* The variables behind the symbols: where a table is, how its entries are laid out. */
struct table {
	__u64 at, stride;
	__u64 type_name, field_name, type_string, is_static, offset, address, size;
};

static int read_variables(struct jvm_mem *m, const struct jvm_elf *e, __u64 bias, __u64 *v)
{
	for (unsigned i = 0; i < JVM_SYMBOLS; i++) {
		int err = jvm_mem__read(m, bias + e->vaddr[i], &v[i], sizeof(v[i]));

		if (err)
			return err;
	}
	return 0;
}

static bool is_sane(__u64 stride, const __u64 *offsets, unsigned n)
{
	if (stride < 8 || stride > MAX_STRIDE)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (offsets[i] > stride - 8)
			return false;
	return true;
}

static __u64 word_at(const char *entry, __u64 off)
{
	__u64 v;

	memcpy(&v, entry + off, sizeof(v));
	return v;
}

/* A name of the table, "" for one that is longer than what we look for. */
static int read_name(struct jvm_mem *m, __u64 at, char *buf)
{
	int err;

	*buf = 0;
	if (!at)
		return 0;
	err = jvm_mem__string(m, at, buf, NAME_SIZE);
	if (err == -ENAMETOOLONG) {
		*buf = 0;
		return 0;
	}
	return err;
}

static void take_field(struct jvm_layout *l, const struct field *f, const char *entry,
		       const struct table *t, const char *type)
{
	__u64 offset = word_at(entry, t->offset);

	if (f->is_static) {
		*member(l, f) = word_at(entry, t->address);
		return;
	}
	if (offset > MAX_OFFSET)
		return;
	*member(l, f) = offset;
	if (f->at == offsetof(struct jvm_layout, blob_code))
		l->code_is_offset = !strcmp(f->name, "_code_offset");
	if (f->at == offsetof(struct jvm_layout, blob_complete))
		l->complete_is_short = !strcmp(type, "int16_t");
}

static int one_field(struct jvm_layout *l, struct jvm_mem *m, const struct table *t,
		     const char *entry)
{
	char type[NAME_SIZE], name[NAME_SIZE], string[NAME_SIZE];
	__u32 is_static;
	int err = read_name(m, word_at(entry, t->type_name), type);

	for (unsigned i = 0; !err && i < N_FIELDS; i++) {
		const struct field *f = &fields[i];

		if (strcmp(f->type, type))
			continue;
		memcpy(&is_static, entry + t->is_static, sizeof(is_static));
		err = read_name(m, word_at(entry, t->field_name), name);
		if (!err)
			err = read_name(m, word_at(entry, t->type_string), string);
		if (!err && !strcmp(f->name, name) && f->is_static == !!is_static)
			take_field(l, f, entry, t, string);
	}
	return err;
}

static int read_structs(struct jvm_layout *l, struct jvm_mem *m, const struct table *t)
{
	char entry[MAX_STRIDE];

	for (unsigned i = 0; i < MAX_ENTRIES; i++) {
		int err = jvm_mem__read(m, t->at + i * t->stride, entry, t->stride);

		if (err)
			return err;
		if (!word_at(entry, t->type_name))
			return 0;
		err = one_field(l, m, t, entry);
		if (err)
			return err;
	}
	return -EPROTO;
}

static int read_types(struct jvm_layout *l, struct jvm_mem *m, const struct table *t)
{
	char entry[MAX_STRIDE], name[NAME_SIZE];

	for (unsigned i = 0; i < MAX_ENTRIES; i++) {
		int err = jvm_mem__read(m, t->at + i * t->stride, entry, t->stride);

		if (err)
			return err;
		if (!word_at(entry, t->type_name))
			return 0;
		err = read_name(m, word_at(entry, t->type_name), name);
		if (err)
			return err;
		if (!strcmp(name, "HeapBlock"))
			l->heap_block = word_at(entry, t->size);
		else if (!strcmp(name, "ConstantPool"))
			l->pool_size = word_at(entry, t->size);
	}
	return -EPROTO;
}

static int lacks(char *why, size_t size, const char *type, const char *name)
{
	snprintf(why, size, "its tables have no %s%s%s", type, *name ? "::" : "", name);
	return -EPROTO;
}

static int check(struct jvm_layout *l, char *why, size_t size)
{
	for (unsigned i = 0; i < N_FIELDS; i++) {
		const struct field *f = &fields[i];

		if (!f->optional && *member(l, f) == (f->is_static ? 0 : NO_OFFSET))
			return lacks(why, size, f->type, f->name);
	}
	if (!l->heap && !l->heaps)
		return lacks(why, size, "CodeCache", "_heaps");
	if (l->array_len == NO_OFFSET)
		return lacks(why, size, "GrowableArrayBase", "_len");
	if (l->blob_code == NO_OFFSET)
		return lacks(why, size, "CodeBlob", "_code_begin");
	if (l->nmethod_method == NO_OFFSET)
		return lacks(why, size, "nmethod", "_method");
	if (!l->heap_block || l->heap_block > 64)
		return lacks(why, size, "HeapBlock", "");
	if (!l->pool_size || l->pool_size > 1024)
		return lacks(why, size, "ConstantPool", "");
	return 0;
}

/* What has no value yet is told from offset 0. */
static void clear(struct jvm_layout *l)
{
	memset(l, 0, sizeof(*l));
	for (unsigned i = 0; i < N_FIELDS; i++)
		if (!fields[i].is_static)
			*member(l, &fields[i]) = NO_OFFSET;
}

int jvm_layout__read(struct jvm_layout *l, struct jvm_mem *m, const struct jvm_elf *e, __u64 bias,
		     char *why, size_t why_size)
{
	struct table structs, types;
	__u64 v[JVM_SYMBOLS];
	int err;

	clear(l);
	*why = 0;
	err = read_variables(m, e, bias, v);
	if (err)
		return err == -EFAULT ? -EAGAIN : err;
	/* the dynamic linker has not been here yet, nor have the library's initialisers */
	if (!v[JVM_STRUCTS] || !v[JVM_TYPES] || !v[JVM_STRUCT_STRIDE] || !v[JVM_TYPE_STRIDE])
		return -EAGAIN;
	structs = (struct table){
		.at = v[JVM_STRUCTS], .stride = v[JVM_STRUCT_STRIDE],
		.type_name = v[JVM_STRUCT_TYPE_NAME], .field_name = v[JVM_STRUCT_FIELD_NAME],
		.type_string = v[JVM_STRUCT_TYPE_STRING], .is_static = v[JVM_STRUCT_IS_STATIC],
		.offset = v[JVM_STRUCT_OFFSET], .address = v[JVM_STRUCT_ADDRESS],
	};
	types = (struct table){
		.at = v[JVM_TYPES], .stride = v[JVM_TYPE_STRIDE], .type_name = v[JVM_TYPE_NAME],
		.size = v[JVM_TYPE_SIZE],
	};
	if (!is_sane(structs.stride, v + JVM_STRUCT_TYPE_NAME, 6) ||
	    !is_sane(types.stride, v + JVM_TYPE_NAME, 2)) {
		snprintf(why, why_size, "the entries of its tables have no sound size");
		return -EPROTO;
	}
	err = read_structs(l, m, &structs);
	if (!err)
		err = read_types(l, m, &types);
	if (err == -EFAULT)
		return -EAGAIN;
	if (err == -EPROTO)
		snprintf(why, why_size, "its tables do not end");
	return err ? err : check(l, why, why_size);
}
