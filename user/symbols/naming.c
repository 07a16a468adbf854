/* SPDX-License-Identifier: GPL-2.0-or-later */
/* naming.c - frames to names, each once. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "symbols/names.h"
#include "symbols/symbols_impl.h"
#include "units/redact.h"
#include "util/log.h"

/* Names in memory.  Beyond, frames share one name; stats say how many lack a symbol. */
#define MAX_NAMES ((__u64)24 << 20)
#define FOLDED_NAME "[folded]"

int naming__init(struct symbols *s)
{
	struct frame *folded = frames__get(&s->frames, FRAME_FOLDED);

	s->names.max_bytes = MAX_NAMES;
	folded->name = strpool__intern(&s->names, FOLDED_NAME);
	return folded->name ? 0 : -ENOMEM;
}

static const struct ksyms *kernel_symbols(struct symbols *s)
{
	int err;

	if (s->ksyms_tried)
		return s->ksyms;
	s->ksyms_tried = true;
	err = ksyms__load(&s->ksyms, s->kallsyms);
	if (err == -ENODATA)
		wt_warn("%s hides its addresses (kernel.kptr_restrict): kernel functions have no names",
			s->kallsyms);
	else if (err)
		wt_warn("cannot read %s: kernel functions have no names: %s", s->kallsyms,
			strerror(-err));
	return s->ksyms;
}

static void set_name(struct symbols *s, struct frame *f, char *text)
{
	names__sanitise(text);
	f->name = strpool__intern(&s->names, text);
	if (!f->name)
		f->name = frames__get(&s->frames, FRAME_FOLDED)->name;
}

void naming__set(struct symbols *s, struct frame *f, const char *name)
{
	char text[NAME_MAX_SZ];

	snprintf(text, sizeof(text), "%s", name);
	set_name(s, f, text);
}

/* "[module+0x…]", and its group where a function's start is known. */
static void set_offset(struct symbols *s, struct frame *f, __u64 off)
{
	char text[NAME_MAX_SZ], module[NAME_MAX_SZ / 2];
	const struct object *obj = &s->objects.obj[f->object];

	f->unnamed = 1;
	s->unnamed++;
	redact__text(module, sizeof(module), obj->module, strlen(obj->module));
	names__sanitise(module);
	snprintf(text, sizeof(text), "[%s+0x%llx]%s", module[0] ? module : "file", off,
		 f->object == OBJ_KERNEL ? "_[k]" : "");
	set_name(s, f, text);
}

static void name_kernel(struct symbols *s, struct frame *f)
{
	const struct ksyms *k = kernel_symbols(s);
	const char *symbol = k ? ksyms__find(k, f->off) : NULL;
	__u64 text = k ? ksyms__text(k) : 0;
	char buf[NAME_MAX_SZ + 8];

	if (!symbol) {
		set_offset(s, f, text && f->off >= text ? f->off - text : f->off);
		return;
	}
	f->root = names__is_kernel_root(symbol);
	/* the rare C++ or Rust function: Rust is in the kernel */
	names__demangle(symbol, buf, NAME_MAX_SZ);
	names__sanitise(buf);
	strcat(buf, "_[k]");
	set_name(s, f, buf);
}

static void name_file(struct symbols *s, struct frame *f)
{
	const struct elfsyms *es = objects__syms(&s->objects, f->object);
	__u64 vaddr = es ? elfsyms__vaddr(es, f->off) : f->off;
	char symbol[SYMBOL_MAX_SZ], name[NAME_MAX_SZ] = "";
	struct elfsym found = { 0 };

	/* the vdso's own names tell it from the C library's wrappers */
	if (es)
		found = elfsyms__find(es, vaddr, f->object == OBJ_VDSO, symbol, sizeof(symbol));
	if (found.named) {
		f->root = names__is_user_root(symbol);
		names__demangle(symbol, name, sizeof(name));
		names__sanitise(name);
	}
	if (name[0])
		set_name(s, f, name);
	else
		set_offset(s, f, found.start ? found.start : vaddr);
}

static void resolve(struct symbols *s, struct frame *f)
{
	char text[64];

	switch (f->object) {
	case OBJ_KERNEL:
		name_kernel(s, f);
		break;
	case OBJ_UNMAPPED:
	case OBJ_ANON:
	case OBJ_VDSO32:
		set_offset(s, f, f->off);
		break;
	case OBJ_VSYSCALL:
	case OBJ_UPROBES:
		snprintf(text, sizeof(text), "[%s]", s->objects.obj[f->object].module);
		set_name(s, f, text);
		break;
	default:
		name_file(s, f);
	}
}

const char *symbols__name(struct symbols *s, __u32 frame)
{
	struct frame *f = frames__get(&s->frames, frame);

	if (!f)
		return "";
	if (!f->name)
		resolve(s, f);
	return f->name;
}

void naming__resolve_object(void *ctx, __u32 object)
{
	struct symbols *s = ctx;
	struct object *obj = &s->objects.obj[object];
	struct frame *f;

	for (; (f = frames__get(&s->frames, obj->unnamed)); obj->unnamed = f->next)
		if (!f->name)
			resolve(s, f);
}

const char *symbols__kernel_name(struct symbols *s, __u32 frame)
{
	const struct frame *f = frames__get(&s->frames, frame);
	const struct ksyms *k = f && f->object == OBJ_KERNEL ? kernel_symbols(s) : NULL;
	const char *symbol = k ? ksyms__find(k, f->off) : NULL, *bare;
	char buf[NAME_MAX_SZ];

	if (!symbol)
		return "";
	/* ".isra.0", ".constprop.0", ".cold": parts of the function before the dot */
	if (!strchr(symbol, '.'))
		return symbol;
	snprintf(buf, sizeof(buf), "%.*s", (int)strcspn(symbol, "."), symbol);
	bare = strpool__intern(&s->names, buf);
	return bare && *bare ? bare : symbol;
}

bool symbols__is_root(struct symbols *s, __u32 frame)
{
	const struct frame *f = frames__get(&s->frames, frame);

	return f && *symbols__name(s, frame) && f->root;
}

bool symbols__is_unmapped(const struct symbols *s, __u32 frame)
{
	const struct frame *f = frames__get(&s->frames, frame);

	return f && f->object == OBJ_UNMAPPED;
}
