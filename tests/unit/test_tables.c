// SPDX-License-Identifier: GPL-2.0-or-later
/* test_tables.c - the kernel side's tables in plain memory: what is written when, and what is taken away. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include <bpf/bpf.h>

#include "unwind/chunks.h"
#include "unwind/ranges.h"
#include "unwind/ruleset.h"
#include "unwind/tables.h"

#define SEC 1000000000ULL
#define CHUNK (WT_CHUNK_ROWS * sizeof(struct wt_row))

static __u64 clock_now;

static __u64 now(void)
{
	return clock_now;
}

/* What stands for the kernel side's maps. */
struct kernel {
	struct wt_rule *rules;
	struct wt_object *objects;
	__u64 *wanted;
	struct wt_row *chunk[WT_MAX_CHUNKS];
	unsigned made, max;
};

static struct wt_row *chunk(void *ctx, unsigned index)
{
	struct kernel *k = ctx;

	assert_true(index < WT_MAX_CHUNKS);
	if (!k->chunk[index] && k->made < k->max) {
		k->chunk[index] = calloc(1, CHUNK);
		k->made++;
	}
	return k->chunk[index];
}

struct fixture {
	struct kernel k;
	struct tables *t;
};

static struct fixture *make(const struct tables_opts *opts)
{
	struct fixture *x = calloc(1, sizeof(*x));
	struct tables_maps maps;

	assert_non_null(x);
	x->k.rules = calloc(WT_MAX_RULES, sizeof(*x->k.rules));
	x->k.objects = calloc(WT_MAX_OBJECTS, sizeof(*x->k.objects));
	x->k.wanted = calloc(WT_MAX_OBJECTS, sizeof(*x->k.wanted));
	x->k.max = WT_MAX_CHUNKS;
	maps = (struct tables_maps){ x->k.rules, x->k.objects, x->k.wanted, chunk, &x->k };
	clock_now = 1000 * SEC;
	assert_int_equal(tables__new(&x->t, &maps, opts), 0);
	return x;
}

static void drop(struct fixture *x)
{
	tables__free(x->t);
	for (unsigned i = 0; i < WT_MAX_CHUNKS; i++)
		free(x->k.chunk[i]);
	free(x->k.rules);
	free(x->k.objects);
	free(x->k.wanted);
	free(x);
}

static struct tables_stats stats(struct fixture *x)
{
	struct tables_stats s;

	tables__stats(x->t, &s);
	return s;
}

/*
 * An ELF file with that many rows, an odd number: functions of two rows, and what
 * is behind the last.  The second row's rule tells one file from another.
 */
static int file_with(unsigned rows, unsigned second)
{
	char path[] = "/tmp/wt-tables-XXXXXX", cmd[256], src[64];
	int fd = mkstemp(path);
	FILE *f;

	assert_true(fd >= 0);
	close(fd);
	snprintf(src, sizeof(src), "%s.s", path);
	f = fopen(src, "w");
	assert_non_null(f);
	fprintf(f, ".text\n.rept %u\n.cfi_startproc\n.byte 0x90\n.cfi_def_cfa_offset %u\n.byte 0x90\n"
		".cfi_endproc\n.endr\n", rows / 2, second);
	fclose(f);
	snprintf(cmd, sizeof(cmd), "cc -shared -nostdlib -o %s %s 2>/dev/null", path, src);
	if (system(cmd)) {
		unlink(src);
		unlink(path);
		print_message("cannot assemble\n");
		skip();
	}
	unlink(src);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	unlink(path);
	return fd;
}

/* What the kernel side would find: BPF's search, over chunks. */
static const struct wt_rule *find(struct fixture *x, __u32 object, __u32 off)
{
	const struct wt_object *o = &x->k.objects[object];
	__u32 rule = 0;

	for (__u32 i = o->row0; i < o->row0 + o->rows; i++) {
		const struct wt_row *r = &x->k.chunk[i / WT_CHUNK_ROWS][i % WT_CHUNK_ROWS];

		if (r->off <= off)
			rule = r->rule;
	}
	return &x->k.rules[rule];
}

/* The object's rows in the kernel side's memory say what its own table says. */
static void same_as_compiled(struct fixture *x, __u32 object, int fd)
{
	const struct wt_object *o = &x->k.objects[object];
	struct cfi_table *t;

	assert_int_equal(cfi__compile(fd, NULL, &t), 0);
	assert_true(o->flags & WT_OBJ_READY);
	assert_int_equal(o->rows, t->n_rows);
	for (__u32 i = 0; i < t->n_rows; i++) {
		__u32 at = o->row0 + i;
		const struct wt_row *r = &x->k.chunk[at / WT_CHUNK_ROWS][at % WT_CHUNK_ROWS];

		assert_int_equal(r->off, t->rows[i].off);
		assert_memory_equal(&x->k.rules[r->rule], &t->rules[t->rows[i].rule], sizeof(struct wt_rule));
	}
	cfi__free(t);
}

static void ranges_are_the_lowest_that_fit(void **state)
{
	struct ranges r;
	__u32 a, b, c, d;

	(void)state;
	assert_int_equal(ranges__init(&r, 100), 0);
	assert_int_equal(ranges__take(&r, 30, 0, &a), 0);
	assert_int_equal(ranges__take(&r, 30, 0, &b), 0);
	assert_int_equal(ranges__take(&r, 30, 0, &c), 0);
	assert_int_equal(a, 0);
	assert_int_equal(b, 30);
	assert_int_equal(c, 60);
	assert_int_equal(ranges__take(&r, 11, 0, &d), -ENOSPC);
	/* given back, but it rests until 50 */
	assert_int_equal(ranges__give(&r, b, 30, 50), 0);
	assert_int_equal(ranges__next(&r), 50);
	assert_int_equal(ranges__take(&r, 11, 49, &d), -ENOSPC);
	assert_true(ranges__will_fit(&r, 30));
	assert_false(ranges__will_fit(&r, 31));
	assert_int_equal(ranges__take(&r, 11, 50, &d), 0);
	assert_int_equal(d, 30);
	assert_int_equal(ranges__next(&r), 0);
	/* neighbours join, whatever order they come in */
	assert_int_equal(ranges__give(&r, c, 30, 60), 0);
	assert_int_equal(ranges__give(&r, a, 30, 55), 0);
	assert_int_equal(ranges__next(&r), 55);
	assert_int_equal(ranges__give(&r, d, 11, 58), 0);
	assert_true(ranges__will_fit(&r, 100));
	assert_false(ranges__will_fit(&r, 101));
	assert_int_equal(ranges__take(&r, 100, 59, &a), -ENOSPC);
	assert_int_equal(ranges__take(&r, 100, 60, &a), 0);
	assert_int_equal(a, 0);
	assert_int_equal(r.free.n, 0);
	assert_int_equal(r.left, 0);
	ranges__clear(&r);
}

static void ranges_never_overlap(void **state)
{
	static bool used[1000];
	struct { __u32 start, n; } held[64] = { { 0 } };
	__u64 random = 7, at = 0;
	struct ranges r;
	__u32 total = 0;

	(void)state;
	assert_int_equal(ranges__init(&r, 1000), 0);
	for (int turn = 0; turn < 20000; turn++) {
		unsigned i;
		__u32 n;

		random = random * 6364136223846793005ULL + 1442695040888963407ULL;
		i = random >> 58;
		n = 1 + (random >> 40) % 60;
		at++;
		if (held[i].n) {
			assert_int_equal(ranges__give(&r, held[i].start, held[i].n, at + n), 0);
			memset(used + held[i].start, 0, held[i].n);
			total -= held[i].n;
			held[i].n = 0;
		} else if (!ranges__take(&r, n, at, &held[i].start)) {
			held[i].n = n;
			total += n;
			for (__u32 k = 0; k < n; k++) {
				assert_false(used[held[i].start + k]);
				used[held[i].start + k] = true;
			}
		}
		assert_int_equal(r.left, 1000 - total);
	}
	ranges__clear(&r);
}

static void rules_are_kept_once(void **state)
{
	struct wt_rule *mem = calloc(WT_MAX_RULES, sizeof(*mem)), r = { .cfa = WT_CFA_SP };
	struct ruleset s;

	(void)state;
	assert_int_equal(ruleset__init(&s, mem), 0);
	for (int i = 1; i < WT_MAX_RULES; i++) {
		r.cfa_off = i * 8;
		r.fp = i & 1;
		assert_int_equal(ruleset__number(&s, &r), i);
	}
	for (int i = 1; i < WT_MAX_RULES; i++) {
		r.cfa_off = i * 8;
		r.fp = i & 1;
		assert_int_equal(ruleset__number(&s, &r), i);
	}
	r = (struct wt_rule){ 0 };
	assert_int_equal(ruleset__number(&s, &r), 0);
	r.cfa = WT_CFA_FP;
	assert_int_equal(ruleset__number(&s, &r), -ENOSPC);
	ruleset__clear(&s);
	free(mem);
}

static const struct tables_opts manual = { .no_thread = true, .now_ns = now };

static void writes_what_was_compiled(void **state)
{
	struct fixture *x = make(&manual);
	int small = file_with(5, 32), self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct tables_stats s;
	__u32 done[4];

	(void)state;
	assert_false(tables__known(x->t, 5));
	assert_false(tables__work(x->t));
	assert_int_equal(tables__request(x->t, 5, small, 1), 0);
	assert_int_equal(tables__request(x->t, 5, small, 1), 0);
	assert_true(tables__known(x->t, 5));
	assert_int_equal(x->k.objects[5].flags, 0);
	assert_int_equal(stats(x).queued, 1);
	assert_true(tables__work(x->t));
	assert_false(tables__work(x->t));
	same_as_compiled(x, 5, small);
	assert_int_equal(x->k.objects[5].rows, 5);

	assert_int_equal(tables__request(x->t, 6, self, 1), 0);
	assert_true(tables__work(x->t));
	same_as_compiled(x, 6, self);
	same_as_compiled(x, 5, small);
	assert_int_equal(x->k.objects[6].row0, 5);
	s = stats(x);
	assert_int_equal(s.objects, 2);
	assert_int_equal(s.queued, 0);
	assert_int_equal(s.compiled, 2);
	assert_int_equal(s.rows, 5 + x->k.objects[6].rows);
	assert_int_equal(s.bytes, CHUNK * x->k.made);
	assert_int_equal(s.failed + s.full + s.evicted, 0);
	assert_true(s.compile_ns > 0);
	assert_int_equal(tables__finished(x->t, done, 4), 2);
	assert_int_equal(done[0] + done[1], 11);
	assert_int_equal(tables__finished(x->t, done, 4), 0);
	/* bad requests */
	assert_int_equal(tables__request(x->t, 0, small, 1), -EINVAL);
	assert_int_equal(tables__request(x->t, WT_MAX_OBJECTS, small, 1), -EINVAL);
	assert_int_equal(tables__request(x->t, 7, -1, 1), -EBADF);
	assert_false(tables__known(x->t, 7));
	assert_true(tables__known(x->t, WT_MAX_OBJECTS));
	close(small);
	close(self);
	drop(x);
}

/* The same rules in another object are the same numbers; rows may lie over two chunks. */
static void shares_rules_and_crosses_chunks(void **state)
{
	struct fixture *x = make(&manual);
	int a = file_with(20001, 32), b = file_with(20001, 40);
	__u32 rules;

	(void)state;
	assert_int_equal(tables__request(x->t, 1, a, 1), 0);
	assert_true(tables__work(x->t));
	rules = stats(x).rules;
	assert_int_equal(rules, 3);	/* none, 8, 32 */
	assert_int_equal(x->k.made, 1);
	assert_int_equal(tables__request(x->t, 2, b, 1), 0);
	assert_int_equal(tables__request(x->t, 3, a, 1), 0);
	assert_true(tables__work(x->t));
	assert_true(tables__work(x->t));
	assert_int_equal(stats(x).rules, 4);
	assert_int_equal(x->k.made, 2);
	same_as_compiled(x, 1, a);
	same_as_compiled(x, 2, b);
	same_as_compiled(x, 3, a);
	close(a);
	close(b);
	drop(x);
}

static void takes_the_hottest_first(void **state)
{
	struct fixture *x = make(&manual);
	int fd = file_with(5, 32);

	(void)state;
	for (__u32 i = 1; i <= 4; i++)
		assert_int_equal(tables__request(x->t, i, fd, i == 2 ? 50 : 10), 0);
	/* since the request, walks have met another one more often */
	x->k.wanted[3] = 100;
	assert_true(tables__work(x->t));
	assert_true(x->k.objects[3].flags & WT_OBJ_READY);
	assert_int_equal(x->k.objects[2].flags, 0);
	assert_true(tables__work(x->t));
	assert_true(x->k.objects[2].flags & WT_OBJ_READY);
	assert_int_equal(x->k.objects[1].flags | x->k.objects[4].flags, 0);
	/* what is forgotten while it waits is not compiled */
	tables__forget(x->t, 1);
	assert_false(tables__known(x->t, 1));
	assert_true(tables__work(x->t));
	assert_true(x->k.objects[4].flags & WT_OBJ_READY);
	assert_false(tables__work(x->t));
	assert_int_equal(x->k.objects[1].flags, 0);
	close(fd);
	drop(x);
}

static void has_no_rows_for_what_is_no_elf_file(void **state)
{
	struct fixture *x = make(&manual);
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC), none = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(tables__request(x->t, 1, fd, 1), 0);
	assert_int_equal(tables__request(x->t, 2, none, 1), 0);
	assert_int_equal(tables__request_image(x->t, 3, "\177ELF", 4, 1), 0);
	assert_int_equal(tables__request_image(x->t, 4, NULL, 4, 1), -EINVAL);
	while (tables__work(x->t))
		;
	for (__u32 i = 1; i <= 3; i++) {
		assert_int_equal(x->k.objects[i].flags, WT_OBJ_READY);
		assert_int_equal(x->k.objects[i].rows, 0);
		assert_int_equal(tables__flags(x->t, i), WT_OBJ_READY);
	}
	assert_int_equal(stats(x).failed, 3);
	assert_int_equal(stats(x).objects, 3);
	assert_int_equal(x->k.made, 0);
	close(fd);
	close(none);
	drop(x);
}

/* One chunk: three objects of 10,000 rows fit, a fourth does not. */
static void evicts_what_nobody_uses(void **state)
{
	struct tables_opts o = manual;
	struct fixture *x;
	int fd = file_with(10001, 32), twice = file_with(20001, 32);

	(void)state;
	o.max_bytes = CHUNK;
	x = make(&o);
	for (__u32 i = 1; i <= 3; i++) {
		assert_int_equal(tables__request(x->t, i, fd, 1), 0);
		assert_true(tables__work(x->t));
		clock_now += SEC;
	}
	/* 1 is the oldest, but mapped; 3 was made last, but 2 used after it */
	tables__mapped(x->t, 1, 1);
	clock_now += 100 * SEC;
	tables__used(x->t, 3);
	clock_now += SEC;
	tables__used(x->t, 2);
	clock_now += 31 * SEC;
	x->k.wanted[3] = 9;
	assert_int_equal(tables__request(x->t, 4, fd, 1), 0);
	assert_true(tables__work(x->t));
	/* 3 is gone and its walks will ask again; its place rests for a second */
	assert_int_equal(x->k.objects[3].flags, 0);
	assert_int_equal(x->k.wanted[3], 0);
	assert_false(tables__known(x->t, 3));
	assert_int_equal(stats(x).evicted, 1);
	assert_int_equal(x->k.objects[4].flags, 0);
	assert_true(tables__known(x->t, 4));
	clock_now += SEC - 1;
	assert_false(tables__work(x->t));
	clock_now += 1;
	assert_true(tables__work(x->t));
	same_as_compiled(x, 4, fd);
	same_as_compiled(x, 1, fd);
	same_as_compiled(x, 2, fd);
	assert_int_equal(x->k.objects[4].row0, 20002);
	assert_int_equal(stats(x).rows, 30003);

	/* nothing is old enough now: it does not fit, and is not to be asked for until later */
	tables__used(x->t, 2);
	assert_int_equal(tables__request(x->t, 5, fd, 1), 0);
	assert_true(tables__work(x->t));
	assert_int_equal(stats(x).full, 1);
	assert_int_equal(stats(x).evicted, 1);
	assert_int_equal(x->k.objects[5].flags, 0);
	assert_true(tables__known(x->t, 5));
	clock_now += 30 * SEC;
	assert_false(tables__known(x->t, 5));
	/* 2 and 4 make room for one of twice the size; 1 is mapped */
	assert_int_equal(tables__request(x->t, 5, twice, 1), 0);
	assert_true(tables__work(x->t));
	clock_now += SEC;
	assert_true(tables__work(x->t));
	same_as_compiled(x, 5, twice);
	same_as_compiled(x, 1, fd);
	assert_int_equal(stats(x).evicted, 3);
	close(fd);
	close(twice);
	drop(x);
}

static void gives_back_what_is_forgotten(void **state)
{
	struct tables_opts o = manual;
	struct fixture *x;
	int fd = file_with(30001, 32), other = file_with(30001, 48);

	(void)state;
	o.max_bytes = CHUNK;
	x = make(&o);
	assert_int_equal(tables__request(x->t, 1, fd, 1), 0);
	assert_true(tables__work(x->t));
	tables__mapped(x->t, 1, 1);
	x->k.wanted[1] = 3;
	tables__forget(x->t, 1);
	assert_int_equal(x->k.objects[1].flags, 0);
	assert_int_equal(x->k.wanted[1], 0);
	assert_int_equal(stats(x).objects, 0);
	assert_int_equal(stats(x).rows, 0);
	/* the number means another file now: not before a walk that read the old entry is done */
	assert_int_equal(tables__request(x->t, 1, other, 1), 0);
	assert_false(tables__work(x->t));
	clock_now += SEC;
	assert_true(tables__work(x->t));
	same_as_compiled(x, 1, other);
	assert_int_equal(find(x, 1, UINT32_MAX)->cfa, WT_CFA_NONE);
	assert_int_equal(stats(x).evicted, 0);
	close(fd);
	close(other);
	drop(x);
}

static void says_when_there_is_no_room(void **state)
{
	struct tables_opts o = manual;
	struct fixture *x;
	int fd = file_with(40001, 32), small = file_with(5, 32);

	(void)state;
	o.max_bytes = CHUNK;
	x = make(&o);
	assert_int_equal(tables__request(x->t, 2, small, 1), 0);
	assert_true(tables__work(x->t));
	clock_now += 100 * SEC;
	assert_int_equal(tables__request(x->t, 1, fd, 1), 0);
	assert_true(tables__work(x->t));
	assert_int_equal(stats(x).full, 1);
	assert_int_equal(x->k.objects[1].flags, 0);
	/* nothing was taken away for it in vain */
	assert_int_equal(stats(x).evicted, 0);
	same_as_compiled(x, 2, small);
	close(small);
	drop(x);
	/* the kernel refuses a chunk */
	x = make(&manual);
	x->k.max = 1;
	assert_int_equal(tables__request(x->t, 1, fd, 1), 0);
	assert_true(tables__work(x->t));
	assert_int_equal(stats(x).full, 1);
	assert_int_equal(stats(x).rows, 0);
	assert_int_equal(x->k.objects[1].flags, 0);
	close(fd);
	/* what fits into the one there is still goes there */
	fd = file_with(30001, 32);
	clock_now += SEC;
	assert_int_equal(tables__request(x->t, 2, fd, 1), 0);
	assert_true(tables__work(x->t));
	same_as_compiled(x, 2, fd);
	close(fd);
	drop(x);
}

/* With the right to make maps only: the real chunks, as the kernel gives them to others. */
static void chunks_are_inner_maps(void **state)
{
	LIBBPF_OPTS(bpf_map_create_opts, mmapable, .map_flags = BPF_F_MMAPABLE);
	LIBBPF_OPTS(bpf_map_create_opts, outer_opts);
	int inner, outer, fd;
	struct wt_row *rows, row;
	struct chunks *c;
	__u32 key = 3, id, last = WT_CHUNK_ROWS - 1;

	(void)state;
	inner = bpf_map_create(BPF_MAP_TYPE_ARRAY, "t", 4, sizeof(row), WT_CHUNK_ROWS, &mmapable);
	if (inner < 0) {
		print_message("cannot make a BPF map\n");
		skip();
	}
	outer_opts.inner_map_fd = inner;
	outer = bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "t", 4, 4, 8, &outer_opts);
	assert_true(outer >= 0);
	close(inner);
	assert_int_equal(chunks__new(&c, outer), 0);
	rows = chunks__get(c, key);
	assert_non_null(rows);
	assert_ptr_equal(chunks__get(c, key), rows);
	assert_int_equal(rows[last].off | rows[last].rule, 0);
	rows[last] = (struct wt_row){ 7, 8 };
	assert_int_equal(bpf_map_lookup_elem(outer, &key, &id), 0);
	fd = bpf_map_get_fd_by_id(id);
	assert_true(fd >= 0);
	assert_int_equal(bpf_map_lookup_elem(fd, &last, &row), 0);
	assert_int_equal(row.off, 7);
	assert_int_equal(row.rule, 8);
	close(fd);
	/* several at once; one that is there stays */
	chunks__make(c, 2, 5);
	assert_ptr_equal(chunks__get(c, key), rows);
	for (key = 2; key <= 5; key++) {
		assert_int_equal(bpf_map_lookup_elem(outer, &key, &id), 0);
		chunks__get(c, key)[last] = (struct wt_row){ key, key };
		fd = bpf_map_get_fd_by_id(id);
		assert_int_equal(bpf_map_lookup_elem(fd, &last, &row), 0);
		assert_int_equal(row.off, key);
		close(fd);
	}
	key = 3;
	/* the kernel takes some of these only, which then come one by one */
	chunks__make(c, 6, 9);
	assert_non_null(chunks__get(c, 6));
	assert_non_null(chunks__get(c, 7));
	/* what cfi_rows has no place for */
	assert_null(chunks__get(c, 8));
	assert_null(chunks__get(c, WT_MAX_CHUNKS));
	/* the kernel keeps it */
	chunks__free(c);
	assert_int_equal(bpf_map_lookup_elem(outer, &key, &id), 0);
	close(outer);
}

static int open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void works_in_a_thread(void **state)
{
	static const char *const files[] = {
		"/lib/x86_64-linux-gnu/libc.so.6", "/lib64/ld-linux-x86-64.so.2", "/proc/self/exe",
	};
	int before = open_fds(), fd[3], nice = getpriority(PRIO_PROCESS, 0);
	struct fixture *x = make(NULL);

	(void)state;
	for (__u32 i = 0; i < 3; i++) {
		fd[i] = open(files[i], O_RDONLY | O_CLOEXEC);
		if (fd[i] < 0)
			fd[i] = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
		assert_int_equal(tables__request(x->t, i + 1, fd[i], 1), 0);
	}
	for (int i = 0; i < 1000 && stats(x).compiled < 3; i++)
		usleep(10000);
	assert_int_equal(stats(x).compiled, 3);
	for (__u32 i = 0; i < 3; i++) {
		same_as_compiled(x, i + 1, fd[i]);
		tables__forget(x->t, i + 1);
	}
	/* asked for and forgotten again and again, at whatever stage the thread is */
	for (int i = 0; i < 300; i++) {
		__u32 object = 10 + i % 3;

		assert_int_equal(tables__request(x->t, object, fd[i % 3], 1), 0);
		usleep(i % 7 * 300);
		tables__forget(x->t, object);
		assert_int_equal(x->k.objects[object].flags, 0);
	}
	for (__u32 i = 0; i < 3; i++)
		assert_int_equal(tables__request(x->t, 20 + i, fd[i], 1), 0);
	/* freed with work to do */
	drop(x);
	for (__u32 i = 0; i < 3; i++)
		close(fd[i]);
	assert_int_equal(open_fds(), before);
	assert_int_equal(getpriority(PRIO_PROCESS, 0), nice);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ranges_are_the_lowest_that_fit),
		cmocka_unit_test(ranges_never_overlap),
		cmocka_unit_test(rules_are_kept_once),
		cmocka_unit_test(writes_what_was_compiled),
		cmocka_unit_test(shares_rules_and_crosses_chunks),
		cmocka_unit_test(takes_the_hottest_first),
		cmocka_unit_test(has_no_rows_for_what_is_no_elf_file),
		cmocka_unit_test(evicts_what_nobody_uses),
		cmocka_unit_test(gives_back_what_is_forgotten),
		cmocka_unit_test(says_when_there_is_no_room),
		cmocka_unit_test(chunks_are_inner_maps),
		cmocka_unit_test(works_in_a_thread),
	};

	return cmocka_run_group_tests_name("tables", tests, NULL, NULL);
}
