/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HotSpot's tables as different versions export them, damaged ones among them: a
 * library of our own (fixtures/jvm/fake.c) is the VM, this process the one traced.
 */
#include "fixtures/symbols/fixture.h"

#include <dlfcn.h>
#include <errno.h>
#include <sys/mman.h>

#include "runtime/jvm.h"
#include "runtime/jvm_elf.h"
#include "runtime/jvm_layout.h"
#include "util/clock.h"
#include "util/log.h"

#define HEAP 65536

struct vm {
	struct jvm *j;
	void *lib;
	char path[200];
	int fd;
	__u64 start, end, pgoff;	/* of its code */
	char *memory;			/* of its code heaps */
};

/* The mapping of that file that is executable. */
static void find_code(struct vm *v)
{
	char line[600], prot[8], *slash;
	unsigned long start, end, off;
	FILE *f = fopen("/proc/self/maps", "re");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		slash = strchr(line, '/');
		if (!slash || sscanf(line, "%lx-%lx %7s %lx", &start, &end, prot, &off) != 4)
			continue;
		slash[strcspn(slash, "\n")] = 0;
		if (prot[2] != 'x' || strcmp(slash, v->path))
			continue;
		v->start = start;
		v->end = end;
		v->pgoff = off;
	}
	fclose(f);
	assert_true(v->start);
}

static void open_vm(struct vm *v, int jdk)
{
	static int serial;

	memset(v, 0, sizeof(*v));
	/* a name of its own each time: a library is not loaded twice */
	snprintf(v->path, sizeof(v->path), "%s/libjvm.%d.so", fixture_dir, ++serial);
	assert_int_equal(run("cc -O1 -g -shared -fPIC -DWT_FAKE_JDK=%d -o '%s' '%s/../jvm/fake.c'", jdk,
			     v->path, fixture_src()), 0);
	v->lib = dlopen(v->path, RTLD_NOW | RTLD_LOCAL);
	assert_non_null(v->lib);
	v->fd = open(v->path, O_RDONLY | O_CLOEXEC);
	assert_true(v->fd >= 0);
	find_code(v);
	v->memory = mmap(NULL, 4 * HEAP, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(v->memory != MAP_FAILED);
	assert_int_equal(jvm__new(&v->j, -1), 0);
}

static void close_vm(struct vm *v)
{
	jvm__free(v->j);
	munmap(v->memory, 4 * HEAP);
	close(v->fd);
	dlclose(v->lib);
	unlink(v->path);
}

/* A variable of the library. */
static void *var(struct vm *v, const char *name)
{
	void *p = dlsym(v->lib, name);

	assert_non_null(p);
	return p;
}

static void start_vm(struct vm *v)
{
	void (*start)(char *memory);

	*(void **)&start = var(v, "fake_start");
	start(v->memory);
}

static bool enter(struct vm *v)
{
	return jvm__enter(v->j, getpid(), v->fd, v->path, v->start, v->end, v->pgoff);
}

static __u64 word(enum wt_jvm_kind kind, const void *at)
{
	return WT_FRAME_MAKE(WT_FRAME_JVM) | (__u64)kind << 48 | (__u64)at;
}

static const char *name(struct vm *v, enum wt_jvm_kind kind, const void *at)
{
	static char buf[1200];

	jvm__name(v->j, getpid(), word(kind, at), buf, sizeof(buf));
	return buf;
}

/* jvm_layout.h's two steps, for what they say. */
static int read_all(struct vm *v, struct wt_jvm *out, char *why, size_t size)
{
	struct jvm_mem *m = calloc(1, sizeof(*m));
	struct jvm_layout l;
	struct jvm_elf e;
	int err;

	assert_non_null(m);
	assert_true(jvm_elf__open(v->fd, &e));
	jvm_mem__open(m, getpid());
	err = jvm_layout__read(&l, m, &e, jvm_elf__bias(&e, v->start, v->pgoff), why, size);
	if (!err)
		err = jvm_layout__heaps(&l, m, out, why, size);
	free(m);
	return err;
}

static void reads_version(int jdk)
{
	struct wt_mapping m[4] = { 0 };
	char why[160] = "";
	struct jvm_stats st;
	struct wt_jvm out;
	unsigned n = 3;
	struct vm v;

	open_vm(&v, jdk);
	assert_int_equal(read_all(&v, &out, why, sizeof(why)), -EAGAIN);
	assert_true(enter(&v));
	m[0] = (struct wt_mapping){ .start = v.start, .end = v.end, .object = 20 };
	m[1] = (struct wt_mapping){ .start = (__u64)v.memory + 4 * HEAP,
				     .end = ~0ULL, .flags = WT_MAP_ANON };
	n = 2;
	assert_int_equal(jvm__mark(v.j, getpid(), m, &n), 0);
	assert_int_equal(n, 2);

	start_vm(&v);
	assert_int_equal(read_all(&v, &out, why, sizeof(why)), 0);
	assert_int_equal(out.heap[0].low, (__u64)v.memory);
	assert_int_equal(out.heap[0].high, (__u64)v.memory + HEAP);
	assert_int_equal(out.heap[0].shift, 7);
	assert_int_equal(out.heap[2].low, jdk == 8 ? 0 : (__u64)v.memory + 2 * HEAP);
	assert_int_equal(out.heap[3].low, 0);
	assert_int_equal(out.interpreter, (__u64)v.memory + 256);
	assert_int_equal(out.interpreter_end, (__u64)v.memory + 256 + 4096);
	assert_int_equal(out.header, 16);
	assert_int_equal(out.code_is_offset, jdk != 17);
	assert_int_equal(out.complete_size, jdk == 25 ? 2 : 4);
	assert_int_equal(out.name, 0);
	assert_int_equal(out.code, jdk == 17 ? 8 : 28);
	assert_int_equal(out.size, 16);
	assert_int_equal(out.frame_size, 20);
	assert_int_equal(out.method, 40);

	/* it is looked at again by itself, and announced once */
	assert_int_equal(jvm__due(v.j, now_ns() + NSEC_PER_SEC), getpid());
	assert_int_equal(jvm__due(v.j, now_ns() + 2 * NSEC_PER_SEC), 0);
	assert_string_equal(name(&v, WT_JVM_COMPILED, var(&v, "fake_method")),
			    "org.example.Outer$Foo.<init>_[j]");
	assert_string_equal(name(&v, WT_JVM_INTERPRETED, var(&v, "fake_method")),
			    "org.example.Outer$Foo.<init>");
	assert_string_equal(name(&v, WT_JVM_BLOB, var(&v, "fake_blob")), "I2C/C2I adapters_[j]");
	assert_string_equal(name(&v, WT_JVM_BLOB, v.memory + 256), "Interpreter_[j]");
	jvm__stats(v.j, &st);
	assert_int_equal(st.processes, 1);
	assert_int_equal(st.refused, 0);
	assert_int_equal(st.gone, 0);
	close_vm(&v);
}

static void reads_jdk_8(void **state)
{
	(void)state;
	reads_version(8);
}

static void reads_jdk_17(void **state)
{
	(void)state;
	reads_version(17);
}

static void reads_jdk_25(void **state)
{
	(void)state;
	reads_version(25);
}

struct blob {		/* as in fake.c */
	const char *name;
	char *code_begin;
	int size, frame_size, complete, code_offset;
	__s16 complete_short;
	void *method;
};

/* A blob at that segment of the first heap, so many segments long, in the heap's own map. */
static struct blob *put_blob(struct vm *v, unsigned char *segmap, unsigned segment, unsigned n,
			     const char *what, void *method)
{
	struct blob *b = (void *)(v->memory + segment * 128 + 16);

	*b = (struct blob){ .name = what, .size = n * 128 - 16, .method = method };
	for (unsigned i = 0; i < n; i++)
		segmap[segment + i] = i;
	return b;
}

/* Addresses of stacks that were taken before the VM was known. */
static void finds_code(void **state)
{
	const __u64 method = 0x1234567890;
	unsigned char *segmap;
	struct blob *b;
	struct vm v;

	(void)state;
	open_vm(&v, 17);
	assert_true(enter(&v));
	assert_int_equal(jvm__word_at(v.j, getpid(), (__u64)v.memory + 300), 0);
	start_vm(&v);
	assert_int_equal(jvm__due(v.j, now_ns() + NSEC_PER_SEC), getpid());
	/* CodeHeap: a word, VirtualSpaces of 4 words: memory, segmap */
	segmap = *(unsigned char **)((char *)var(&v, "fake_heap") + 8 + 32 + 16);
	memset(segmap, 255, 512);
	assert_true(jvm__word_at(v.j, getpid(), (__u64)v.memory + 300) == word(WT_JVM_BLOB, v.memory + 256));
	put_blob(&v, segmap, 40, 3, "nmethod", (void *)method);
	put_blob(&v, segmap, 43, 1, "native nmethod", (void *)method);
	b = put_blob(&v, segmap, 44, 2, "StubRoutines (1)", NULL);
	put_blob(&v, segmap, 46, 1, "nmethod", NULL);
	assert_true(jvm__word_at(v.j, getpid(), (__u64)v.memory + 42 * 128 + 7) ==
		    word(WT_JVM_COMPILED, (void *)method));
	assert_true(jvm__word_at(v.j, getpid(), (__u64)v.memory + 43 * 128 + 100) ==
		    word(WT_JVM_NATIVE, (void *)method));
	assert_true(jvm__word_at(v.j, getpid(), (__u64)v.memory + 45 * 128) == word(WT_JVM_BLOB, b));
	/* a method that is none, a place that is free, what lies behind a blob, outside */
	assert_int_equal(jvm__word_at(v.j, getpid(), (__u64)v.memory + 46 * 128 + 50), 0);
	assert_int_equal(jvm__word_at(v.j, getpid(), (__u64)v.memory + 50 * 128), 0);
	b->size = 100;
	assert_int_equal(jvm__word_at(v.j, getpid(), (__u64)v.memory + 45 * 128), 0);
	assert_int_equal(jvm__word_at(v.j, getpid(), (__u64)v.memory + 3 * HEAP + 100), 0);
	assert_int_equal(jvm__word_at(v.j, getpid() + 1, (__u64)v.memory + 300), 0);
	/* a map that leads nowhere, or in front of the heap */
	b->size = 200;
	segmap[45] = 200;
	assert_int_equal(jvm__word_at(v.j, getpid(), (__u64)v.memory + 45 * 128), 0);
	b->name = (void *)8;
	segmap[45] = 1;
	assert_int_equal(jvm__word_at(v.j, getpid(), (__u64)v.memory + 45 * 128), 0);
	close_vm(&v);
}

/* A VM of no use is told of once, with where its library lies. */
static void tells_of_refused(void **state)
{
	__u64 start = 0, end = 0;
	struct vm v;

	(void)state;
	open_vm(&v, 17);
	assert_int_equal(jvm__next_refused(v.j, &start, &end), 0);
	jvm__refuse_all(v.j);
	start_vm(&v);
	assert_true(enter(&v));
	assert_int_equal(jvm__next_refused(v.j, &start, &end), getpid());
	assert_true(start == v.start && end == v.end);
	assert_int_equal(jvm__next_refused(v.j, &start, &end), 0);
	assert_true(enter(&v));
	assert_int_equal(jvm__next_refused(v.j, &start, &end), 0);
	jvm__leave(v.j, getpid());
	assert_true(enter(&v));		/* another program, the same VM */
	assert_int_equal(jvm__next_refused(v.j, &start, &end), getpid());
	close_vm(&v);
}

/* What grows in a heap is one mapping, as large as the heap may become. */
static void marks_mappings(void **state)
{
	__u64 at;
	struct wt_mapping m[6] = { 0 };
	unsigned n = 6;
	struct vm v;

	(void)state;
	open_vm(&v, 17);
	start_vm(&v);
	assert_true(enter(&v));
	at = (__u64)v.memory;
	/* before; two pieces of the first heap; one of the third; behind; a file */
	m[0] = (struct wt_mapping){ .start = at - 8192, .end = at - 4096, .flags = WT_MAP_ANON };
	m[1] = (struct wt_mapping){ .start = at, .end = at + 8192, .flags = WT_MAP_ANON };
	m[2] = (struct wt_mapping){ .start = at + 16384, .end = at + 20480, .flags = WT_MAP_ANON };
	m[3] = (struct wt_mapping){ .start = at + 2 * HEAP,
				     .end = at + 2 * HEAP + 4096, .flags = WT_MAP_ANON };
	m[4] = (struct wt_mapping){ .start = at + 3 * HEAP,
				     .end = at + 3 * HEAP + 4096, .flags = WT_MAP_ANON };
	m[5] = (struct wt_mapping){ .start = v.start, .end = v.end, .object = 20 };
	assert_int_equal(jvm__mark(v.j, getpid(), m, &n), WT_SPACE_JVM);
	assert_int_equal(n, 5);
	assert_int_equal(m[0].flags, WT_MAP_ANON);
	assert_int_equal(m[1].flags, WT_MAP_ANON | WT_MAP_JVM);
	assert_int_equal(m[1].start, at);
	assert_int_equal(m[1].end, at + HEAP);
	assert_int_equal(m[2].flags, WT_MAP_ANON | WT_MAP_JVM);
	assert_int_equal(m[2].start, at + 2 * HEAP);
	assert_int_equal(m[2].end, at + 3 * HEAP);
	assert_int_equal(m[3].flags, WT_MAP_ANON);
	assert_int_equal(m[3].start, at + 3 * HEAP);
	assert_int_equal(m[4].object, 20);
	/* another process is not known */
	assert_int_equal(jvm__mark(v.j, getpid() + 1, m, &n), 0);
	/* a child has its parent's, until it is another program */
	jvm__fork(v.j, getpid() + 1, getpid());
	n = 5;
	assert_int_equal(jvm__mark(v.j, getpid() + 1, m, &n), WT_SPACE_JVM);
	jvm__leave(v.j, getpid() + 1);
	assert_int_equal(jvm__mark(v.j, getpid() + 1, m, &n), 0);
	close_vm(&v);
}

/* Sets a symbol's text. */
static void set_symbol(struct vm *v, const char *which, const char *text)
{
	struct { int hash; __u16 length; char body[400]; } *sym = var(v, which);

	sym->length = strlen(text);
	memcpy(sym->body, text, sym->length);
}

static void names_methods(void **state)
{
	static const struct {
		const char *class, *shown;
	} cases[] = {
		{ "Main", "Main" },
		{ "WlJava$$Lambda$14+0x00007f2a1c001208", "WlJava$$Lambda$14" },
		{ "WlJava$$Lambda+0x00000000310011f0", "WlJava$$Lambda" },
		{ "java/lang/invoke/LambdaForm$MH/0x0000000800c03400", "java.lang.invoke.LambdaForm$MH" },
		{ "a/b/Foo$$Lambda$1/804564176", "a.b.Foo$$Lambda$1" },
		{ "a/b/C+0x", "a.b.C+0x" },
		{ "a/b/C+0xyz", "a.b.C+0xyz" },
		{ "a/0xdead/C", "a.0xdead.C" },
	};
	char want[500], long_name[401];
	struct jvm_stats st;
	struct vm v;
	__u16 *length;

	(void)state;
	open_vm(&v, 17);
	start_vm(&v);
	assert_true(enter(&v));
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		set_symbol(&v, "fake_class", cases[i].class);
		snprintf(want, sizeof(want), "%s.<init>", cases[i].shown);
		assert_string_equal(name(&v, WT_JVM_INTERPRETED, var(&v, "fake_method")), want);
	}
	/* too long a name is cut */
	memset(long_name, 'x', 400);
	long_name[400] = 0;
	set_symbol(&v, "fake_class", "C");
	set_symbol(&v, "fake_name", long_name);
	assert_int_equal(strlen(name(&v, WT_JVM_INTERPRETED, var(&v, "fake_method"))), 2 + 399);
	/* what is no name is not printed as one */
	set_symbol(&v, "fake_name", "a\nb");
	assert_string_equal(name(&v, WT_JVM_INTERPRETED, var(&v, "fake_method")), "[java method gone]");
	length = (__u16 *)((char *)var(&v, "fake_name") + 4);
	*length = 0;
	assert_string_equal(name(&v, WT_JVM_COMPILED, var(&v, "fake_method")), "[java method gone]");
	/* pointers to nowhere */
	assert_string_equal(name(&v, WT_JVM_COMPILED, (void *)0x1000), "[java method gone]");
	assert_string_equal(name(&v, WT_JVM_BLOB, (void *)0x1000), "[java code gone]");
	jvm__stats(v.j, &st);
	assert_int_equal(st.gone, 4);
	/* the process is gone */
	set_symbol(&v, "fake_name", "run");
	assert_string_equal(name(&v, WT_JVM_COMPILED, var(&v, "fake_method")), "C.run_[j]");
	jvm__leave(v.j, getpid());
	assert_string_equal(name(&v, WT_JVM_COMPILED, var(&v, "fake_method")), "[java method gone]");
	close_vm(&v);
}

struct damage {
	const char *variable;	/* NULL: none */
	__u64 value;
	const char *says;	/* in the reason; NULL: not ready yet, for good */
};

static void entry_renamed(struct vm *v, unsigned i, const char *field)
{
	const char **entry = (const char **)((char *)var(v, "fake_structs") + i * 48);

	entry[1] = field;
}

static void refuses_damage(void **state)
{
	static const struct damage cases[] = {
		{ "gHotSpotVMStructEntryArrayStride", 4, "no sound size" },
		{ "gHotSpotVMStructEntryArrayStride", 1 << 20, "no sound size" },
		{ "gHotSpotVMStructEntryOffsetOffset", 48, "no sound size" },
		{ "gHotSpotVMTypeEntrySizeOffset", ~0ULL, "no sound size" },
		{ "gHotSpotVMTypeEntryArrayStride", 0, NULL },
		{ "gHotSpotVMStructs", 0, NULL },
		{ "gHotSpotVMStructs", 0x1000, NULL },
		{ "gHotSpotVMTypes", ~0ULL - 64, NULL },
		{ "fake_heaps", 0, NULL },
		{ "fake_heaps", 0x1000, "" },
		{ "fake_interpreter", 0, NULL },
		{ "fake_stub_return", 0, NULL },
	};
	char why[160];
	struct wt_jvm out;
	struct vm v;

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct damage *d = &cases[i];
		int err;

		open_vm(&v, 17);
		start_vm(&v);
		*(__u64 *)var(&v, d->variable) = d->value;
		why[0] = 0;
		err = read_all(&v, &out, why, sizeof(why));
		if (!d->says)
			assert_int_equal(err, -EAGAIN);
		else if (*d->says)
			assert_int_equal(err, -EPROTO);
		else
			assert_int_equal(err, -EFAULT);
		if (d->says && !strstr(why, d->says))
			fail_msg("%s: \"%s\"", d->variable, why);
		close_vm(&v);
	}
}

/* Contents that are not sound, one by one. */
static void refuses_unsound_heaps(void **state)
{
	char why[160];
	struct wt_jvm out;
	struct vm v;
	int *number;

	(void)state;
	open_vm(&v, 17);
	start_vm(&v);
	number = var(&v, "fake_array");
	*number = 5;
	assert_int_equal(read_all(&v, &out, why, sizeof(why)), -EPROTO);
	assert_non_null(strstr(why, "more code heaps"));
	*number = -1;
	assert_int_equal(read_all(&v, &out, why, sizeof(why)), -EPROTO);
	*number = 3;
	/* high below low, then a shift that is none */
	*(__u64 *)((char *)var(&v, "fake_heap") + 16) = 1;
	assert_int_equal(read_all(&v, &out, why, sizeof(why)), -EPROTO);
	assert_non_null(strstr(why, "sound bounds"));
	start_vm(&v);
	*(int *)((char *)var(&v, "fake_heap") + 72) = 63;
	assert_int_equal(read_all(&v, &out, why, sizeof(why)), -EPROTO);
	start_vm(&v);
	*(__u64 *)var(&v, "fake_queue") = 0x4000;
	assert_int_equal(read_all(&v, &out, why, sizeof(why)), -EPROTO);
	assert_non_null(strstr(why, "interpreter"));
	start_vm(&v);
	*((int *)var(&v, "fake_queue") + 2) = 1 << 30;
	assert_int_equal(read_all(&v, &out, why, sizeof(why)), -EPROTO);
	start_vm(&v);
	assert_int_equal(read_all(&v, &out, why, sizeof(why)), 0);
	close_vm(&v);
}

/* A field that is not there is named; so is a blob that would not fit. */
static void names_what_lacks(void **state)
{
	char why[160];
	struct wt_jvm out;
	struct jvm_stats st;
	struct vm v;

	(void)state;
	open_vm(&v, 17);
	start_vm(&v);
	*(__u64 *)((char *)var(&v, "fake_structs") + 12 * 48 + 32) = 200;	/* CodeBlob::_name */
	assert_int_equal(read_all(&v, &out, why, sizeof(why)), -EPROTO);
	assert_non_null(strstr(why, "CodeBlob is larger"));
	entry_renamed(&v, 12, "_other");
	assert_int_equal(read_all(&v, &out, why, sizeof(why)), -EPROTO);
	assert_string_equal(why, "its tables have no CodeBlob::_name");
	/* not while its library may be on its way in; then said once, and it is left alone */
	wt_quiet = true;
	assert_true(enter(&v));
	jvm__stats(v.j, &st);
	assert_int_equal(st.refused, 0);
	assert_int_equal(jvm__due(v.j, now_ns() + 2 * NSEC_PER_SEC), 0);
	assert_true(enter(&v));
	jvm__stats(v.j, &st);
	assert_int_equal(st.refused, 1);
	assert_int_equal(jvm__due(v.j, now_ns() + NSEC_PER_SEC), 0);
	close_vm(&v);
}

/* A table that does not end within the pages that are there, and names without an end. */
static void survives_endless_tables(void **state)
{
	size_t size = 4 << 20;
	char why[160] = "", *fill;
	struct wt_jvm out;
	struct vm v;

	(void)state;
	fill = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(fill != MAP_FAILED);
	open_vm(&v, 17);
	start_vm(&v);
	/* every word points to a name of many letters */
	memset(fill + 4096, 'A', 4096);
	for (size_t i = 8192; i < size; i += 8)
		*(char **)(fill + i) = fill + 4096;
	*(char **)var(&v, "gHotSpotVMStructs") = fill + 8192;
	assert_int_equal(read_all(&v, &out, why, sizeof(why)), -EPROTO);
	assert_non_null(strstr(why, "do not end"));
	munmap(fill, size);
	close_vm(&v);
}

static void knows_the_library(void **state)
{
	struct jvm_elf e;
	struct vm v;
	int other = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	(void)state;
	open_vm(&v, 25);
	assert_true(jvm_elf__open(v.fd, &e));
	assert_false(jvm_elf__open(other, &e));
	assert_false(jvm_elf__open(-1, &e));
	/* by its name first: other files are not even opened */
	assert_false(jvm__enter(v.j, getpid(), v.fd, "/usr/lib/libc.so.6", v.start, v.end, v.pgoff));
	assert_false(jvm__enter(v.j, getpid(), other, "/usr/lib/libjvm.so", v.start, v.end, v.pgoff));
	assert_false(jvm__enter(v.j, getpid(), -1, v.path, v.start, v.end, v.pgoff));
	close(other);
	close_vm(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_jdk_8),
		cmocka_unit_test(reads_jdk_17),
		cmocka_unit_test(reads_jdk_25),
		cmocka_unit_test(finds_code),
		cmocka_unit_test(tells_of_refused),
		cmocka_unit_test(marks_mappings),
		cmocka_unit_test(names_methods),
		cmocka_unit_test(refuses_damage),
		cmocka_unit_test(refuses_unsound_heaps),
		cmocka_unit_test(names_what_lacks),
		cmocka_unit_test(survives_endless_tables),
		cmocka_unit_test(knows_the_library),
	};

	return cmocka_run_group_tests_name("jvm", tests, fixture_setup, fixture_teardown);
}
